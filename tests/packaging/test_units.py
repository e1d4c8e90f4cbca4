"""What can be said of the units without running them; `tests/system/test_units.py` runs them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from appliance.app import dispatch_audit, dispatch_egress, dispatchd
from appliance.app.project_list import UNIT_CANARY
from appliance.app.project_section import with_project
from appliance.app.project_units import task_drop_in
from appliance.config import load
from appliance.task import launcher

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
PARSERS = {
    "dispatchd": dispatchd.build_parser,
    "dispatch-audit": dispatch_audit.build_parser,
    "dispatch-egress": dispatch_egress.build_parser,
    "dispatch-task": launcher.build_parser,
}

THRESHOLDS = {
    # the kernel's word on who is at the other end of a socket means nothing in a user namespace
    # (PrivateUsers=), and who it is decides what may be done
    "dispatchd.service": 12,
    "dispatch-audit.service": 11,
    "dispatch-egress.service": 15,
    "dispatch-task@.service": 5,
}
"""`systemd-analyze security`, in tenths: 0 is a service that can do nothing."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and os.getenv("CI") != "true",
    reason="SKIPPED: systemd-analyze is not on this machine",
)


def exposure(unit: Path, threshold: int) -> subprocess.CompletedProcess[str]:
    options = ["--offline=yes", "--no-pager", f"--threshold={threshold}"]
    return subprocess.run(
        ["systemd-analyze", "security", *options, str(unit)], capture_output=True, text=True
    )


def settings(unit: str) -> dict[str, list[str]]:
    """Each setting with its values, in their order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Za-z]+", name):
            found.setdefault(name, []).append(value)
    return found


@needs_systemd
@pytest.mark.parametrize("unit", THRESHOLDS)
def test_a_unit_exposes_no_more_than_it_must(unit: str) -> None:
    judged = exposure(UNITS / unit, THRESHOLDS[unit])
    assert judged.returncode == 0, judged.stdout


@needs_systemd
def test_a_task_exposes_little_more_with_bubblewrap_inside(tmp_path: Path) -> None:
    unit = shutil.copy(UNITS / "dispatch-task@.service", tmp_path)
    drop_ins = Path(f"{unit}.d")
    drop_ins.mkdir()
    shutil.copy(UNITS / "examples/bubblewrap.conf", drop_ins)
    judged = exposure(Path(unit), 19)
    assert judged.returncode == 0, judged.stdout
    assert "OK" in judged.stdout, "the drop-in was not read"


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """With programs in place of ours, and with a project that has every odd character."""
    units = [Path(shutil.copy(path, tmp_path)) for path in UNITS.iterdir() if path.is_file()]
    units = [path for path in units if path.suffix not in (".sysusers", ".tmpfiles")]
    for unit in units:
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
        unit.write_text(text)
    drop_ins = tmp_path / "dispatch-task@.service.d"
    drop_ins.mkdir()
    (drop_ins / "project-odd.conf").write_text(task_drop_in(tmp_path / 'a "b" %n\\ c:d'))
    shutil.copy(UNITS / "examples/bubblewrap.conf", drop_ins)
    instances = [str(path).replace("@.service", "@1.service") for path in units]
    judged = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *instances],
        capture_output=True,
        text=True,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": os.defpath},
    )
    assert judged.stderr == ""


@pytest.mark.parametrize("program", PARSERS)
def test_a_unit_calls_its_program_in_a_way_that_it_understands(program: str) -> None:
    unit = "dispatch-task@.service" if program == "dispatch-task" else f"{program}.service"
    (command,) = settings(unit)["ExecStart"]
    path, *arguments = command.split()
    assert path == f"/usr/bin/{program}"
    assert program in SCRIPTS
    PARSERS[program]().parse_args(arguments)


@pytest.mark.parametrize("unit", ["dispatchd.service", *(u for u in THRESHOLDS if "@" not in u)])
def test_an_exit_that_no_restart_mends_is_final(unit: str) -> None:
    assert "78" in settings(unit)["RestartPreventExitStatus"][0].split()
    assert settings(unit)["Type"] == ["notify"]
    assert "WatchdogSec" in settings(unit)


def test_nobody_but_the_daemon_can_ask_for_a_task_or_a_way_out() -> None:
    for unit in ("dispatch-task.socket", "dispatch-egress.socket"):
        assert settings(unit)["SocketUser"] == ["dispatch"]
        assert settings(unit)["SocketMode"] == ["0600"]


def test_a_task_has_nothing_that_makes_more_of_it() -> None:
    task = settings("dispatch-task@.service")
    wanted = {"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "PrivateNetwork": "yes"}
    assert {name: task[name] for name in wanted} == {n: [v] for n, v in wanted.items()}


def test_the_users_and_directories_of_the_units_are_made() -> None:
    users = re.findall(r"^u (\S+)", (UNITS / "dispatch-appliance.sysusers").read_text(), re.M)
    named = {user for unit in THRESHOLDS for user in settings(unit)["User"]}
    assert named == set(users)
    places = (UNITS / "dispatch-appliance.tmpfiles").read_text()
    for place in ("/etc/dispatch/credentials", "/etc/dispatch/credentials.encrypted", UNIT_CANARY):
        assert re.search(rf"^d {place} ", places, re.M), place


def test_the_settings_to_begin_with_fit_the_units(tmp_path: Path) -> None:
    example = (UNITS / "examples/dispatch.toml").read_text()
    file = tmp_path / "dispatch.toml"
    (tmp_path / "demo").mkdir()
    file.write_text(with_project(example, "demo", str(tmp_path / "demo")))
    found = load(file)
    for socket, path in (
        ("dispatch-task.socket", found.daemon.task_socket),
        ("dispatch-egress.socket", found.daemon.egress_socket),
        ("dispatch-audit.socket", found.audit.socket),
    ):
        assert settings(socket)["ListenStream"] == [path]
    users = {
        settings(f"{program}.service")["User"][0]
        for program in ("dispatch-audit", "dispatch-egress")
    }
    assert users == {found.audit.user, found.daemon.egress_user}
    assert [found.daemon.credentials] == [
        value.removeprefix("plain:") for value in settings("dispatchd.service")["LoadCredential"]
    ]


def test_the_tree_that_is_installed_starts_its_programs(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "install_tree", ROOT / "packaging/install_tree.py"
    )
    assert spec is not None
    assert spec.loader is not None
    install_tree = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(install_tree)
    for name, target in install_tree.scripts().items():
        install_tree.write_program(tmp_path / name, name, target)
        compile((tmp_path / name).read_text(), name, "exec")
    assert (tmp_path / "dispatch-task").read_text().startswith("#!/usr/bin/python3 -IS\n")
    install_tree.install_units(tmp_path)
    installed = {path.name for path in (tmp_path / install_tree.UNITS).iterdir()}
    assert set(THRESHOLDS) < installed
    assert (tmp_path / "usr/lib/sysusers.d/dispatch-appliance.conf").exists()
