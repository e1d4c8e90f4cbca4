"""The installed appliance under its units: it works, and it is closed to the agent's user."""

from __future__ import annotations

import json

import pytest

from tests.packaging.test_units import THRESHOLDS
from tests.system.installation import ALICE, TOKEN, Installation

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SOCKETS = (
    "/run/dispatch/control.sock",
    "/run/dispatch-audit/socket",
    "/run/dispatch-egress/socket",
    "/run/dispatch-task/socket",
)
DIRECTORIES = ("/etc/dispatch", "/var/lib/dispatch", "/var/lib/dispatch-audit")
SECRETS = (
    *DIRECTORIES,
    "/etc/dispatch/dispatch.toml",
    "/etc/dispatch/policies/rules.csv",
    "/etc/dispatch/credentials.encrypted/telegram-token",
    "/run/credentials/dispatchd.service/sealed_telegram-token",
    "/var/lib/dispatch-audit/audit.db",
    "/var/lib/systemd/credential.secret",
)
CONNECT = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{}\")'"


async def test_a_job_runs_as_the_agent_in_a_unit_of_its_own(house: Installation) -> None:
    said = await house.tests("cat /proc/self/cgroup; git status --short; touch made")
    assert "dispatch-agent\n" in said
    assert "0::/dispatch.slice/dispatch-task.slice/dispatch-task@" in said
    assert "?? act" in said
    owner = await house.sh(
        "stat -c '%U %A' /home/alice/demo/made; getfacl -p /home/alice/demo/made"
    )
    assert owner.startswith("dispatch-agent ")
    assert "user:alice:rw" in owner, "what the agent makes is its owner's as well"
    assert await house.agents_processes() == []
    started = [r for r in await house.records() if r["kind"] == "job.started"]
    assert started[0]["d"]["isolation"] == "unit"
    status = json.loads(await house.sh("dispatchctl status --json"))
    assert status["isolation"] == "unit"


async def test_the_units_as_they_are_loaded_expose_no_more_than_they_must(
    house: Installation,
) -> None:
    """With the drop-ins of the project."""
    judged = "systemd-analyze security --no-pager --threshold={} {}"
    for unit, threshold in THRESHOLDS.items():
        await house.sh(judged.format(threshold, unit.replace("@", "@1")))


async def test_where_the_administrator_allows_it_bubblewrap_builds_the_inner_wall(
    house: Installation,
) -> None:
    await house.sh(
        """install -m 644 /usr/share/doc/dispatch-appliance/examples/bubblewrap.conf \
            -D -t /etc/systemd/system/dispatch-task@.service.d
        systemctl daemon-reload
        systemctl stop 'dispatch-task@*'"""
    )
    said = await house.tests(
        "cat /proc/1/comm; cat /etc/dispatch/dispatch.toml; git status --short"
    )
    assert "bwrap\n" in said
    assert "telegram" not in said
    assert "?? act" in said


async def test_the_agents_user_reaches_nothing_of_the_others(house: Installation) -> None:
    for path in SOCKETS:
        assert "PermissionError" in await house.refuses(CONNECT.format(path)), path
    for path in SECRETS:
        await house.sh(f"test -e {path}")
        reading = "ls" if path in DIRECTORIES else "cat"
        assert "Permission denied" in await house.refuses(f"{reading} {path}"), path
    assert "Permission denied" in await house.refuses("ls /home/alice/demo")
    pid = await house.main_pid("dispatchd")
    assert "Permission denied" in await house.refuses(f"cat /proc/{pid}/environ")


async def test_a_task_sees_nothing_of_the_others(house: Installation) -> None:
    buses = ("/run/dbus/system_bus_socket", "/run/systemd/private")
    places = ("/etc/dispatch/projects.json", "/home", "/home/alice", "/root", "/run")
    files = [path for path in SECRETS if path != "/etc/dispatch"]  # it is another one, and empty
    closed = " ".join((*SOCKETS, *files, *buses, *places))
    said = await house.tests(
        f"""exec 2>/dev/null
        for path in {closed}; do
            if test -d $path; then ls -A $path; else cat $path; fi && echo OPEN $path
        done
        for path in .git/config .git/hooks/new; do echo x >$path && echo OPEN $path; done
        mv .git .git.old && echo OPEN .git
        echo >/dev/tcp/10.0.2.2/1 && echo OPEN network
        cat /proc/[0-9]*/cmdline | tr '\\0' ' '
        echo; echo looked"""
    )
    assert "looked" in said
    assert "OPEN" not in said
    assert "dispatchd" not in said
    assert "qemu-ga" not in said


async def test_the_daemon_sees_no_project_and_no_key(house: Installation) -> None:
    pid = await house.main_pid("dispatchd")
    daemon = f"nsenter -t {pid} -m -S $(id -u dispatch) -G $(id -g dispatch) --"
    for path in ("/home/alice/demo", "/var/lib/dispatch-audit", "/var/lib/dispatch-agent"):
        assert await house.sh(f"{daemon} ls {path} 2>&1 || true") != ""
        assert await house.sh(f"{daemon} ls {path} 2>/dev/null || true") == ""
    assert await house.sh(f"{daemon} cat /run/credentials/dispatchd.service/sealed_telegram-token")


async def test_the_token_is_nowhere_in_the_clear(house: Installation) -> None:
    house.tg.user_says(ALICE, "/status")
    await house.reads("dispatch-appliance")
    assert await house.sh("dispatchctl credential list") == "telegram-token           encrypted"
    assert await house.sh(f"grep -rl {TOKEN} /etc /var/lib || true") == ""
    pid = await house.main_pid("dispatchd")
    assert TOKEN not in await house.sh(
        f"tr '\\0' ' ' </proc/{pid}/environ; cat /proc/{pid}/cmdline"
    )


async def test_a_project_can_be_added_and_removed_again(house: Installation) -> None:
    await house.sh("install -d -o alice '/srv/the shop'")
    said = await house.sh("dispatchctl project add shop '/srv/the shop'")
    assert "to do: setfacl -R -m u:dispatch-agent:rwX '/srv/the shop'" in said
    assert "setfacl" not in await house.sh("dispatchctl project add shop '/srv/the shop' --grant")
    shown = await house.sh("systemctl cat dispatch-task@1 dispatchd")
    assert 'BindPaths="-/srv/the shop"' in shown
    assert 'InaccessiblePaths="-/srv/the shop"' in shown
    assert "shop" in await house.sh("dispatchctl project list")
    await house.sh("dispatchctl project remove shop")
    assert "the shop" not in await house.sh("systemctl cat dispatch-task@1 dispatchd")


async def test_a_task_that_eats_all_memory_is_told_and_the_daemon_lives(
    house: Installation,
) -> None:
    pid = await house.main_pid("dispatchd")
    said = await house.tests("tail /dev/zero", word="✗ failed")
    assert "memory" in said
    assert await house.main_pid("dispatchd") == pid
    assert "✓ done" in await house.tests("true")
