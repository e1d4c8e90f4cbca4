"""What can be said of the Debian package without building it; tests/system/test_deb.py lives it."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import zipfile
from pathlib import Path

import pytest

from appliance import __version__
from appliance.audit.database import SCHEMA_VERSION as LOG_SCHEMA_VERSION
from appliance.storage.database import SCHEMA_VERSION
from tests.packaging.programs import PACKAGING, ROOT, program

DEBIAN = PACKAGING / "debian"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "rtupdate")
MIT = "MIT License\n\nCopyright (c) 2020 Ann Author\n\nPermission is hereby granted, free of charge"
APACHE = (ROOT / "LICENSE").read_text()

deb, deb_tree = program("deb"), program("deb_tree")
licences, wheels = program("licences"), program("wheels")


def wheel(directory: Path, name: str, files: dict[str, str], *, tag: str = "py3-none-any") -> Path:
    """A wheel with these files; below "info" they are about it."""
    path = directory / f"{name}-1.0-{tag}.whl"
    about = {"info/METADATA": f"Name: {name}\nVersion: 1.0\n", "info/LICENSE": MIT}
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in (about | files).items():
            archive.writestr(place.replace("info/", f"{name}-1.0.dist-info/"), text)
    return path


def in_library(library: Path) -> set[str]:
    return {str(path.relative_to(library)) for path in library.rglob("*") if path.is_file()}


# --- what goes in


def test_only_what_runs_is_taken_from_a_wheel(tmp_path: Path) -> None:
    needless = ("demo/tests/test_it.py", "demo/fast.pyx", "demo/fast.pyi", "node_modules/npm.js")
    unread = ("info/RECORD", "demo-1.0.data/scripts/demo", "demo-1.0.data/data/share/demo.1")
    files = dict.fromkeys((*needless, *unread, "demo/it.py", "demo-1.0.data/purelib/x.py"), "x")
    deb_tree.unpack(wheel(tmp_path, "demo", files), tmp_path / "library")
    assert in_library(tmp_path / "library") == {
        *("demo/it.py", "x.py", "demo-1.0.dist-info/METADATA")
    }


def test_wheels_of_several_pythons_share_a_directory(tmp_path: Path) -> None:
    for python in ("311", "312"):
        files = {"demo/it.py": "same", f"demo/fast.cpython-{python}-x86_64.so": python}
        tag = f"cp{python}-cp{python}-manylinux_2_17_x86_64"
        deb_tree.unpack(wheel(tmp_path, "demo", files, tag=tag), tmp_path / "library")
    assert {x for x in in_library(tmp_path / "library") if x.startswith("demo/")} == {
        *("demo/it.py", "demo/fast.cpython-311-x86_64.so", "demo/fast.cpython-312-x86_64.so")
    }


def test_wheels_that_contradict_each_other_are_no_package(tmp_path: Path) -> None:
    deb_tree.unpack(wheel(tmp_path, "one", {"demo.py": "this"}), tmp_path / "library")
    with pytest.raises(deb_tree.Contradiction, match=r"two-.*: another wheel has another demo\.py"):
        deb_tree.unpack(wheel(tmp_path, "two", {"demo.py": "that"}), tmp_path / "library")


def test_the_tools_of_installers_are_not_taken(tmp_path: Path) -> None:
    for name in ("demo", "pip", "setuptools"):
        wheel(tmp_path, name, {})
    assert [path.name.split("-")[0] for path in deb_tree.wheels_in(tmp_path)] == ["demo"]


def test_no_wheel_needs_a_newer_libc_than_the_oldest_system_has() -> None:
    names = wheels._platforms("x86_64")
    assert names[0] == "manylinux_2_36_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"} < set(names)
    with pytest.raises(wheels.NotToBeHad, match="no wheels are known for riscv64"):
        wheels.locked_wheels("riscv64")


@pytest.mark.parametrize("state", ["installed", ""])
def test_a_machine_says_what_it_lacks_to_build_for_another(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"dpkg": "amd64", "dpkg-query": state} | dict.fromkeys(deb.TOOLS, "")
    for name, answer in answers.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))  # mmdebstrap is not there either
    deb.check_tools("amd64")
    if state:
        deb.check_tools("arm64")
        return
    lacking = "cannot build for arm64: it has no binutils-aarch64-linux-gnu libc6:arm64 "
    with pytest.raises(deb.BuildFailed, match=f"{lacking}.*because (there is|you are) no"):
        deb.check_tools("arm64")


# --- on what terms


def test_a_library_is_told_of_with_its_holders_and_terms(tmp_path: Path) -> None:
    wheel(tmp_path, "demo", {"demo/it.py": ""})
    said = licences.copyright_file(tmp_path)
    assert "Files: usr/lib/dispatch-appliance/demo/*\nCopyright: 2020 Ann Author\n" in said
    assert "License: MIT\n MIT License\n .\n Permission is hereby granted" in said


def test_terms_that_every_debian_has_are_named_and_not_repeated(tmp_path: Path) -> None:
    wheel(tmp_path, "demo", {"demo/it.py": "", "info/LICENSE": APACHE, "info/NOTICE": "Thanks"})
    said = licences.copyright_file(tmp_path)
    assert "TERMS AND CONDITIONS" not in said
    assert "/usr/share/common-licenses/Apache-2.0" in said
    assert " Thanks\n" in said


def test_two_texts_of_one_licence_are_both_told(tmp_path: Path) -> None:
    wheel(tmp_path, "alpha", {"alpha/it.py": ""})
    wheel(tmp_path, "beta", {"beta/it.py": "", "info/LICENSE": f"{MIT}, but on Sundays"})
    said = licences.copyright_file(tmp_path)
    assert "License: MIT\n" in said
    assert "License: MIT-beta\n" in said


def test_what_nobody_may_give_away_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("demo-1.0.dist-info/METADATA", "Name: demo\nVersion: 1.0\n")
    with pytest.raises(licences.NoLicence, match="holds no licence file"):
        licences.copyright_file(tmp_path)


# --- what the package says and does


def test_the_package_has_the_programs_version() -> None:
    newest = (DEBIAN / "changelog").read_text().splitlines()[0]
    assert re.match(rf"dispatch-appliance \({re.escape(__version__)}-\d+\) ", newest)


def test_the_package_depends_on_the_pythons_that_it_has_wheels_for() -> None:
    control = (DEBIAN / "control").read_text()
    minors = [int(python.partition(".")[2]) for python in wheels.PYTHONS]
    assert f"python3 (>= 3.{minors[0]})" in control
    assert f"python3 (<< 3.{minors[-1] + 1})" in control
    assert minors == list(range(minors[0], minors[-1] + 1))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_can_be_read_by_a_posix_shell(script: str) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    done = subprocess.run([shell, "-n", str(DEBIAN / script)], capture_output=True, text=True)
    assert done.stderr == ""
    assert "\nset -e\n" in (DEBIAN / script).read_text()


def test_every_program_is_stopped_before_its_files_are_replaced() -> None:
    stopped = (DEBIAN / "prerm").read_text()
    for unit in (ROOT / "systemd").iterdir():
        if unit.suffix in (".service", ".socket", ".target"):
            assert re.search(rf"[\s\"']{re.escape(unit.name).replace('@', '@[*]')}", stopped), unit


def test_purge_forgets_every_directory_that_is_made() -> None:
    forgotten = (DEBIAN / "postrm").read_text()
    made = (ROOT / "systemd/dispatch-appliance.tmpfiles").read_text()
    units = "".join(path.read_text() for path in (ROOT / "systemd").glob("*.service"))
    names = set(re.findall(r"^d /var/lib/(\S+)", made, re.M))
    names |= set(re.findall(r"^StateDirectory=(\S+)", units, re.M))
    assert len(names) > 4
    for name in names - {"dispatch-audit"}:
        assert re.search(rf"for place in .*\b{name}\b(?!-).*; do", forgotten), name
    assert "LOG=/var/lib/dispatch-audit\n" in forgotten


def test_the_profile_is_for_our_launcher_alone() -> None:
    profile = (PACKAGING / "apparmor/dispatch-task").read_text()
    assert re.findall(r"^profile (\S+) (\S+)", profile, re.M) == [
        ("dispatch-task", "/usr/bin/dispatch-task")
    ]
    for script in ("postinst", "prerm"):
        assert "PROFILE=/etc/apparmor.d/dispatch-task\n" in (DEBIAN / script).read_text()


def test_the_one_question_is_asked_in_german_too() -> None:
    german = (DEBIAN / "po/de.po").read_text()
    template = (DEBIAN / "po/templates.pot").read_text()
    asked = re.findall(r'(?m)^msgid (.+(?:\n".*)*)', template)
    assert len(asked) == 4  # the first is the header's
    assert re.findall(r'(?m)^msgid (.+(?:\n".*)*)', german) == asked
    assert "" not in re.findall(r'(?m)^msgstr "(.*)"\n(?!")', german)
    words = " ".join((DEBIAN / "templates").read_text().split())
    for text in asked[1:]:
        assert "".join(re.findall(r'"(.*)"', text)) in words


# --- what a newer version left

SCHEMAS = {"STATE": SCHEMA_VERSION, "LOG": LOG_SCHEMA_VERSION}


def refusal(tmp_path: Path, what: str, schema: int | None) -> str:
    """What preinst says to a state or a log of that schema, "" when it lets it be."""
    database = tmp_path / "some.db"
    if schema is not None:
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE job (id)")
            connection.execute(f"PRAGMA user_version = {schema}")
        connection.close()
    script = (DEBIAN / "preinst").read_text()
    for name, known in SCHEMAS.items():
        script = script.replace(f"#{name}_SCHEMA#", str(known))
        script = re.sub(rf"(?m)^{name}=.*", f"{name}={tmp_path / 'none.db'}", script)
    script = script.replace(f"\n{what}={tmp_path / 'none.db'}", f"\n{what}={database}")
    script = re.sub(r"(?m)^LIBRARY=.*", f"LIBRARY={tmp_path / 'library'}", script)
    done = subprocess.run(
        ["sh", "-s", "upgrade", "9.0"], input=script, capture_output=True, text=True
    )
    assert done.returncode == (1 if done.stderr else 0)
    return done.stderr


@pytest.mark.parametrize(("what", "known"), SCHEMAS.items())
def test_what_a_newer_version_made_is_not_given_to_this_one(
    tmp_path: Path, what: str, known: int
) -> None:
    said = refusal(tmp_path, what, known + 255)
    assert f"(schema {known + 255}, this one knows {known})" in said
    assert "Nothing was changed." in said
    for older in (None, 0, known):
        (tmp_path / "some.db").unlink(missing_ok=True)
        assert refusal(tmp_path, what, older) == ""


@pytest.mark.parametrize(("what", "known"), SCHEMAS.items())
def test_the_package_knows_the_schemas_of_its_programs(what: str, known: int) -> None:
    found = re.search(rf"{what}_SCHEMA = \$\(shell (.+)\)\n", (DEBIAN / "rules").read_text())
    assert found is not None
    read = subprocess.run(found[1], shell=True, cwd=ROOT, capture_output=True, text=True).stdout
    assert read == f"{known}\n"
