"""Sockets of this machine: who can reach them, who is at the other end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.local_sockets import listen, peer_uid, user_id


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()


def test_an_account_is_a_name_or_a_number() -> None:
    assert user_id("root") == 0
    assert user_id("4711") == 4711
    with pytest.raises(ConfigError, match="no user called nobody-at-all"):
        user_id("nobody-at-all")


def test_only_owner_and_group_can_connect(tmp_path: Path) -> None:
    with listen(tmp_path / "s"):
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660


def test_who_connects_knows_who_listens(tmp_path: Path) -> None:
    with listen(tmp_path / "s"), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        assert peer_uid(client) == os.getuid()


def test_one_that_nobody_listens_on_is_replaced(tmp_path: Path) -> None:
    listen(tmp_path / "s").close()
    listen(tmp_path / "s").close()


def test_one_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    with listen(tmp_path / "s"):
        with pytest.raises(ConfigError, match="another program listens on"):
            listen(tmp_path / "s")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))


def test_a_path_that_cannot_be_a_socket_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        listen(tmp_path / ("x" * 200))
    with pytest.raises(ConfigError, match="cannot listen on"):
        listen(tmp_path / "none" / "s")


def test_a_directory_where_anybody_could_replace_it_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="anybody could replace") as caught:
        listen(tmp_path / "s")
    assert caught.value.hint == f"close it with: chmod o-w {tmp_path}"
    tmp_path.chmod(0o1777)
    listen(tmp_path / "s").close()
