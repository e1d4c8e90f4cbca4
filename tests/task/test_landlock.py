"""Landlock's rules allow what they name and nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.task import landlock, linux
from appliance.task.landlock import Allowance
from tests.grounds import HAS_LANDLOCK
from tests.task.test_seccomp import in_a_child

pytestmark = pytest.mark.skipif(not HAS_LANDLOCK, reason="no Landlock here")
SYSTEM = (Path("/proc"), Path("/usr"), Path("/lib"))


def restricted(allowance: Allowance, act: Callable[[], object]) -> bool:
    """Whether it may be done by who has these rights only."""
    rules = landlock.ruleset(allowance)

    def do() -> int:
        linux.forbid_new_privileges()
        landlock.restrict(rules)
        try:
            act()
        except PermissionError:
            return 2
        return 0

    outcome = in_a_child(do)
    os.close(rules)
    assert outcome in (0, 2)
    return outcome == 0


def test_what_is_readable_can_be_read_and_not_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    rights = Allowance((tmp_path,), (), (), None)
    assert restricted(rights, file.read_bytes)
    assert restricted(rights, lambda: list(tmp_path.iterdir()))
    assert not restricted(rights, lambda: file.write_bytes(b""))
    assert not restricted(rights, (tmp_path / "new").mkdir)
    assert not restricted(rights, lambda: os.truncate(file, 0))


def test_what_is_writable_can_be_changed_in_every_way_but_devices(tmp_path: Path) -> None:
    rights = Allowance((), (tmp_path,), (), None)

    def change() -> None:
        (tmp_path / "one/two").mkdir(parents=True)
        (tmp_path / "one/two/file").write_text("x")
        (tmp_path / "one/two/file").rename(tmp_path / "file")
        (tmp_path / "link").symlink_to("file")
        (tmp_path / "file").unlink()

    assert restricted(rights, change)
    assert not restricted(rights, lambda: os.mknod(tmp_path / "node", 0o20600, os.makedev(1, 3)))


def test_a_single_file_may_be_writable(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.touch()
    rights = Allowance((), (file,), (), None)
    assert restricted(rights, lambda: file.write_text("new"))
    assert not restricted(rights, lambda: (tmp_path / "settings").write_text("new"))


def test_paths_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    assert restricted(Allowance((tmp_path / "absent",), (), (), None), os.getpid)


def test_only_named_ports_can_be_connected_to_and_none_listened_on() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        named, other = (listener.getsockname() for listener in (one, two))
        rights = Allowance((), (), (), (named[1],))
        assert restricted(rights, lambda: connect(named))
        assert not restricted(rights, lambda: connect(other))
        assert not restricted(rights, lambda: socket.create_server(("127.0.0.1", 0)))
        assert restricted(Allowance((), (), (), None), lambda: connect(other))


def connect(address: tuple[str, int]) -> None:
    with socket.socket() as client:
        client.connect(address)


def test_what_is_hidden_is_left_out_and_all_else_named(tmp_path: Path) -> None:
    for name in ("a/secret", "a/b/secret", "a/b/open", "c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/link").symlink_to("b/secret")
    hidden = [tmp_path / "a/secret", tmp_path / "a/b/secret"]
    found = list(landlock.readable_below(tmp_path, hidden))
    assert found == [tmp_path / "a/b/open", tmp_path / "c"]
    assert list(landlock.readable_below(tmp_path / "c", hidden)) == [tmp_path / "c"]
    assert list(landlock.readable_below(tmp_path / "a/secret", hidden)) == []


def test_what_may_be_entered_and_not_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> Iterator[Path]:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refused)  # root lists everything
    assert list(landlock.readable_below(tmp_path, [tmp_path / "hidden"])) == []


def test_no_descriptor_stays_open_when_a_rule_is_refused(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="Invalid argument"):
        landlock.ruleset(Allowance((), (), (), (70_000,)))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
