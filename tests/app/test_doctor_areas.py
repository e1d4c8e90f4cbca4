"""What each area of the examination finds, for settings and files made for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.app.doctor import files, machine, metrics, projects, rules, walls, way_out
from appliance.app.doctor.check import Check, Outcome, answer, passed
from appliance.app.doctor.examination import examine, examined
from appliance.app.project_units import Places, apply, outdated
from appliance.config import MIB, Settings, load
from appliance.errors import PolicyError
from appliance.local_sockets import listen
from tests.host.commands_on_path import install
from tests.policy.policies_on_disk import write

UNITS = """#!/bin/sh
for unit in dispatchd.service dispatch-task.socket dispatch.target; do
    printf 'Id=%s\\nLoadState={load}\\nActiveState={active}\\nUnitFileState={enabled}\\n\\n' $unit
done
"""


def settings_of(home: Path, daemon: str = "", more: str = "") -> Settings:
    for name in ("demo", "state", "policies", "credentials"):
        (home / name).mkdir(exist_ok=True)
    file = home / "dispatch.toml"
    file.write_text(
        f'[daemon]\nstate = "{home}/state"\npolicies = "{home}/policies"\n'
        f'credentials = "{home}/credentials"\n{daemon}\n'
        f'[terminal]\nsocket = "{home}/control"\n[users.me]\nunix = [1]\n'
        f'[projects.demo]\npath = "{home}/demo"\n{more}\n'
    )
    return load(file)


def outcomes(checks: Iterable[Check]) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in checks}


def named(name: str, checks: Iterable[Check]) -> Check:
    return next(check for check in checks if check.name == name)


# --- all at once


def test_an_area_that_hangs_is_told_of_and_not_waited_for(tmp_path: Path) -> None:
    hanging = threading.Event()

    def hangs(_settings: Settings) -> Iterable[Check]:
        yield passed("first", "before it hung")
        hanging.wait()

    areas = {"slow": hangs, "quick": lambda _settings: [passed("quick", "here")]}
    began = time.monotonic()
    found = list(examined(areas, settings_of(tmp_path), seconds=0.2))
    assert time.monotonic() - began < 5
    assert [(check.name, check.outcome) for check in found] == [
        ("first", Outcome.PASS),
        ("slow", Outcome.WARN),
        ("quick", Outcome.PASS),
    ]
    hanging.set()


def test_what_an_area_refuses_to_do_is_a_failed_check(tmp_path: Path) -> None:
    def refuses(_settings: Settings) -> Iterable[Check]:
        raise PolicyError("no policy", hint="write one")

    (check,) = examined({"policy": refuses}, settings_of(tmp_path), seconds=5)
    assert check == Check("policy", Outcome.FAIL, "no policy", "write one")


def test_a_mistake_of_ours_is_not_swallowed(tmp_path: Path) -> None:
    def is_wrong(_settings: Settings) -> Iterable[Check]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(examined({"policy": is_wrong}, settings_of(tmp_path), seconds=5))


def test_a_program_that_is_not_there_or_fails_has_no_answer(tmp_path: Path) -> None:
    assert answer((str(tmp_path / "nothing"),)) is None
    assert answer(("false",)) is None
    assert answer(("echo", "here")) == "here\n"


# --- the way to the model


@pytest.mark.parametrize(
    ("api", "rule", "outcome"),
    [
        ("", "p, *, *, net, api.anthropic.com:443, allow", Outcome.PASS),
        ("", "p, *, *, net, api.anthropic.com:443, approve", Outcome.PASS),
        ("", "p, *, *, net, example.org:443, allow", Outcome.WARN),
        ("http://127.0.0.1:81", "p, *, *, net, 127.0.0.1:81, allow", Outcome.PASS),
    ],
)
def test_a_model_that_no_rule_leads_to_is_remarked_on(
    tmp_path: Path, api: str, rule: str, outcome: Outcome
) -> None:
    settings = settings_of(tmp_path, more=f'[claude]\napi = "{api}"')
    write(tmp_path / "policies", "g, me, dev", "p, dev, *, chat, /run, allow", rule)
    check = named("model", rules.checks(settings))
    assert check.outcome is outcome
    if outcome is Outcome.WARN:
        assert "me in demo" in check.found
        assert "p, *, *, net, api.anthropic.com:443, allow" in check.fix


def test_who_may_start_no_task_needs_no_model(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, more="[claude]")
    write(tmp_path / "policies", "g, me, dev", "p, dev, *, chat, /status, allow")
    assert named("model", rules.checks(settings)).outcome is Outcome.PASS


# --- files


def test_what_others_can_write_fails(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert named("files", files.checks(settings)).outcome is Outcome.PASS
    rule_file = tmp_path / "policies/rules.csv"
    rule_file.write_text("")
    rule_file.chmod(0o666)
    check = named("files", files.checks(settings))
    assert (check.outcome, check.fix) == (Outcome.FAIL, f"chmod go-w {rule_file}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_settings_of_somebody_else_fail(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    os.chown(settings.file, 4711, -1)
    check = named("files", files.checks(settings))
    assert (check.outcome, check.fix) == (Outcome.FAIL, f"chown root {settings.file}")


# --- units and the socket


@pytest.mark.parametrize(
    ("load_state", "active", "enabled", "outcome", "word"),
    [
        ("loaded", "active", "enabled", Outcome.PASS, "run"),
        ("not-found", "inactive", "", Outcome.FAIL, "not installed"),
        ("loaded", "failed", "enabled", Outcome.FAIL, "not running"),
        ("loaded", "active", "disabled", Outcome.WARN, "when the machine boots"),
    ],
)
def test_units_are_installed_running_and_enabled(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    load_state: str,
    active: str,
    enabled: str,
    outcome: Outcome,
    word: str,
) -> None:
    said = UNITS.replace("{load}", load_state).replace("{active}", active)
    install(tmp_path, monkeypatch, systemctl=said.replace("{enabled}", enabled))
    check = walls.of_systemd(settings_of(tmp_path))
    assert check.outcome is outcome
    assert word in check.found


def test_a_systemd_that_does_not_answer_is_remarked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, systemctl="#!/bin/sh\nexit 1\n")
    assert walls.of_systemd(settings_of(tmp_path)).outcome is Outcome.WARN


def test_what_launchd_does_not_know_is_told_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, launchctl="#!/bin/sh\nexit 113\n")
    check = walls.of_launchd()
    assert check.outcome is Outcome.FAIL
    assert "launchctl bootstrap system" in check.fix
    install(tmp_path, monkeypatch, launchctl="#!/bin/sh\n")
    assert walls.of_launchd().outcome is Outcome.PASS


def test_a_task_socket_is_the_daemons_alone(tmp_path: Path) -> None:
    path = tmp_path / "tasks"
    settings = settings_of(tmp_path, daemon=f'task_socket = "{path}"')
    assert named("task socket", walls.checks(settings)).outcome is Outcome.FAIL
    with listen(path):
        open_to_group = named("task socket", walls.checks(settings))
        path.chmod(0o600)
        assert named("task socket", walls.checks(settings)).outcome is Outcome.PASS
    assert (open_to_group.outcome, "SocketMode=0600" in open_to_group.fix) == (Outcome.FAIL, True)


# --- the way out


def test_who_serves_the_egress_socket_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "egress"
    own = f'egress_socket = "{path}"\negress_user = "{os.geteuid()}"'
    (check,) = way_out.checks(settings_of(tmp_path, own))
    assert (check.outcome, "nobody serves" in check.found) == (Outcome.FAIL, True)
    with listen(path):
        (check,) = way_out.checks(settings_of(tmp_path, own))
        assert check.outcome is Outcome.PASS
        stranger = f'egress_socket = "{path}"\negress_user = "4711"'
        (check,) = way_out.checks(settings_of(tmp_path, stranger))
    assert (check.outcome, "who is not 4711" in check.found) == (Outcome.FAIL, True)


# --- projects and limits


def test_what_a_link_leads_away_from_a_project_is_remarked_on(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert outcomes(projects.checks(settings)) == {"project": Outcome.PASS}
    (tmp_path / "demo/.claude").symlink_to(tmp_path / "state")
    (check,) = projects.checks(settings)
    assert (check.outcome, ".claude" in check.found) == (Outcome.WARN, True)


def test_a_project_whose_directory_is_gone_fails(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (tmp_path / "demo").rmdir()
    (check,) = projects.checks(settings)
    assert (check.outcome, "dispatchctl project remove demo" in check.fix) == (Outcome.FAIL, True)


def test_what_systemd_was_not_told_is_outdated(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    places = Places(tmp_path / "projects.json", tmp_path / "units")
    assert len(outdated(settings, places)) == 3
    apply(settings, places)
    assert outdated(settings, places) == []
    gone = tmp_path / "units/dispatchd.service.d/project-gone.conf"
    gone.write_text("")
    places.projects_file.write_text("{}")
    assert outdated(settings, places) == [places.projects_file, gone]


@pytest.mark.parametrize(
    ("memory_mib", "outcome", "word"),
    [
        (8192, Outcome.PASS, "4 jobs at once"),
        (4095, Outcome.WARN, "4 jobs want 4096 MiB"),
        (4097, Outcome.WARN, "a task in demo may take 5000 MiB"),
    ],
)
def test_limits_have_to_fit_into_the_machine(
    tmp_path: Path, memory_mib: int, outcome: Outcome, word: str
) -> None:
    settings = settings_of(tmp_path, daemon="max_parallel = 4", more="memory_mib = 5000")
    check = machine.limits(settings, memory_mib * MIB)
    assert (check.outcome, word in check.found) == (outcome, True)


# --- metrics


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """Something that answers the first who connects there."""
    with listen(path) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        yield
        server.join()


def test_metrics_that_nobody_wants_are_not_looked_for(tmp_path: Path) -> None:
    assert list(metrics.checks(settings_of(tmp_path))) == []


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Outcome.PASS, "answers"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Outcome.PASS, "answers"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Outcome.WARN, "something else answers"),
        (b"220 mail.example\r\n", Outcome.WARN, "nobody answers"),
    ],
)
def test_who_answers_where_the_metrics_should_be_is_told(
    tmp_path: Path, answer: bytes, outcome: Outcome, words: str
) -> None:
    path = tmp_path / "metrics.sock"
    settings = settings_of(tmp_path, more=f'[metrics]\nlisten = "{path}"')
    with answering(path, answer):
        (check,) = metrics.checks(settings)
    assert (check.outcome, words in check.found) == (outcome, True), check


@pytest.mark.parametrize("address", ["127.0.0.1:1", "{home}/metrics.sock"])
def test_metrics_that_nobody_serves_are_told(tmp_path: Path, address: str) -> None:
    address = address.format(home=tmp_path)
    (check,) = metrics.checks(settings_of(tmp_path, more=f'[metrics]\nlisten = "{address}"'))
    assert check.outcome is Outcome.WARN
    assert f"nobody answers at {address}" in check.found


def test_an_address_of_the_network_is_refused_when_doctor_reads_it(tmp_path: Path) -> None:
    settings_of(tmp_path)
    file = tmp_path / "dispatch.toml"
    file.write_text(file.read_text() + '[metrics]\nlisten = "0.0.0.0:9750"')
    (check,) = examine(file)
    assert (check.name, check.outcome) == ("settings", Outcome.FAIL)
    assert "for this machine alone" in check.found
