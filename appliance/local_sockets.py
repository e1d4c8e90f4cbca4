"""Sockets of this machine: made for one group of users, and who is at the other end.

Who may do what is decided by the user id that the kernel vouches for, never by what is said.
"""

from __future__ import annotations

import pwd
import socket
import stat
import struct
import sys
from pathlib import Path

from appliance.errors import ConfigError

SOCKET_MODE = 0o660


def peer_uid(connection: socket.socket) -> int:
    """The user id at the other end, as the kernel knows it.

    Of one that connects: when it did. Of one that listens: when it began to.
    """
    if sys.platform == "darwin":
        # struct xucred of sys/ucred.h: version, uid, groups; SOL_LOCAL and LOCAL_PEERCRED
        _version, uid = struct.unpack("II", connection.getsockopt(0, 1, 76)[:8])
    else:
        size = struct.calcsize("3i")
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        _pid, uid, _gid = struct.unpack("3I", found)
    return int(uid)


def user_id(account: str) -> int:
    """The id of an account, given as its name or number. Raises ConfigError."""
    if account.isdecimal():
        return int(account)
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError as error:
        raise ConfigError(
            f"this machine has no user called {account}", hint="name one, or give its number"
        ) from error


def listen(path: Path) -> socket.socket:
    """A listening socket that only its user and group can reach.

    One that nobody listens on any more is replaced. Raises ConfigError when another program
    listens there, when others could put a socket of their own in its place, or when the path
    cannot be used.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        _check_directory(path.parent)
        if _is_alive(path):
            raise ConfigError(f"another program listens on {path}", hint="stop that one first")
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {path}: {error}") from error
    except ConfigError:
        listener.close()
        raise
    return listener


def _check_directory(directory: Path) -> None:
    mode = directory.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(
            f"anybody could replace a socket in {directory} (mode {stat.S_IMODE(mode):04o})",
            hint=f"close it with: chmod o-w {directory}",
        )


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
