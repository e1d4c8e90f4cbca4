"""Where what was unpacked belongs, and as whose: read from the settings that will be in force."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.app.files import sync
from appliance.config import AuditSettings, DaemonSettings
from appliance.core import toml
from appliance.errors import ConfigError
from appliance.local_sockets import user_id

ROOT = 0
DAEMON_USER = "dispatch"
"""Who dispatchd runs as where it is a unit."""


@dataclass(frozen=True, slots=True)
class Places:
    settings: Path
    state: Path
    audit: Path
    policies: Path
    credentials: Path
    audit_user: str  # "": the daemon keeps the log itself
    anchor_file: Path | None


def places_of(text: str, settings: Path) -> Places:
    """Where an appliance with these settings has its things.

    Only directories are read: projects may be put back later. Raises ConfigError.
    """
    mistakes: list[str] = []
    document = toml.parse(str(settings), text, mistakes)
    sections = {
        name: toml.read(cls, document, (name,), document.values.get(name, {}), mistakes)
        for name, cls in (("daemon", DaemonSettings), ("audit", AuditSettings))
        if not mistakes
    }
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    daemon, audit = sections["daemon"], sections["audit"]
    assert isinstance(daemon, DaemonSettings)
    assert isinstance(audit, AuditSettings)
    return Places(
        settings=settings,
        state=Path(daemon.state),
        audit=Path(audit.directory or Path(daemon.state) / "audit"),
        policies=Path(daemon.policies),
        credentials=Path(daemon.credentials),
        audit_user=audit.user if audit.socket else "",
        anchor_file=Path(audit.anchor_file) if audit.anchor_file else None,
    )


def make_homes(places: Places) -> None:
    """Make the directories that are not there yet, each its user's. Raises ConfigError."""
    try:
        places.settings.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        places.policies.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {error.filename}: {error.strerror}") from error
    _make_home(places.state, DAEMON_USER)
    if places.audit_user:
        _make_home(places.audit, places.audit_user)
    else:
        with acting_for(places.state):
            places.audit.mkdir(mode=0o700, parents=True, exist_ok=True)


def _make_home(directory: Path, user: str) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True)
        uid = user_id(user)
        os.chown(directory, uid, _group_of(uid))
        sync(directory.parent)
    except FileExistsError:
        return
    except ConfigError:  # no such user here: whoever runs this keeps it
        return
    except PermissionError as error:
        raise ConfigError(
            f"cannot make {directory}: {error.strerror}", hint="run it as root"
        ) from None


def _group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


@contextmanager
def acting_for(directory: Path) -> Iterator[None]:
    """Inside, root does everything as the owner of a directory.

    So what is made there is the owner's, and no link that the owner has put there leads root
    anywhere that the owner could not write to.
    """
    owner = directory.stat()
    if os.geteuid() != ROOT or owner.st_uid == ROOT:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(group)
        os.setgroups(groups)
