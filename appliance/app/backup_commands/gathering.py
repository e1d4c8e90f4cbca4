"""What goes into a backup: copies of the databases, made while they are in use, and small files."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance import __version__
from appliance.app.audit_access import audit_socket, audit_users
from appliance.app.credential_files import kept_credentials, revealed
from appliance.app.policy_files import grants_file
from appliance.app.project_list import list_file
from appliance.audit.admin import Administration, served
from appliance.audit.copies import copy_log, copy_served
from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.verify import Depth, Verdict, Verification, verify
from appliance.backup import manifest as names
from appliance.backup.archive import Source, require_room
from appliance.backup.manifest import Entry, Manifest
from appliance.config import MAX_CREDENTIAL_BYTES, Settings
from appliance.core.anchors import stated
from appliance.errors import AuditUnavailable, BackupUnusable, ConfigError
from appliance.host.machine import host_name
from appliance.ports import Clock
from appliance.storage.copies import NAME as STATE_NAME
from appliance.storage.copies import copy_state

Report = Callable[[int, int], None]

LASTING = "/var/tmp"  # noqa: S108 - a directory of our own is made there
"""For what is too large for memory, which /tmp may be."""

MAX_FILE_BYTES = 1024 * 1024
TRIES = 3
HIDDEN = (".", "#", "~")
"""What editors leave beside the files they edit begins or ends with one of these."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that is to be written. `log` says how the copied log was found."""

    manifest: Manifest
    sources: tuple[Source, ...]
    log: Verification


@contextmanager
def workplace() -> Iterator[Path]:
    """A directory of ours on a disk, for what is secret; it is gone afterwards.

    What is made anywhere meanwhile, nobody else can read.

    Not in the directories of those who are backed up: whoever took over the daemon could put a
    link where root is about to write.
    """
    named = os.environ.get("TMPDIR")  # noqa: TID251 - app/ reads the environment
    lasting = LASTING if os.access(LASTING, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="dispatch-", dir=named or lasting) as directory:
        before = os.umask(0o077)
        try:
            yield Path(directory)
        finally:
            os.umask(before)


def gather(
    settings: Settings,
    work: Path,
    files: ExitStack,
    clock: Clock,
    report: Report,
    *,
    with_credentials: bool,
) -> Gathered:
    """Everything that goes into a backup of these settings; `files` closes it.

    Raises ApplianceError.
    """
    state, log = Path(settings.daemon.state, STATE_NAME), settings.audit_directory / DATABASE
    sources = [*_small_files(settings)]
    if with_credentials:
        sources += _credentials(settings)
    made_at = clock.now()
    require_room(work, sum(_size(path) for path in (state, log)))
    # the state first: what it says was done is then in the log, which is written before
    schema = copy_state(state, work / "state.db", report)
    found = _copied_log(settings, work / "audit.db", report)
    sources.append(_source(names.LOG_KEY, _log_key(settings, found)))
    sources.append(_without_a_name(names.STATE, work / "state.db", files))
    sources.append(_without_a_name(names.LOG, work / "audit.db", files))
    manifest = Manifest(
        made_at=made_at,
        host=host_name(),
        version=__version__,
        schema=schema,
        log_size=found.size,
        log_root=found.root.hex(),
        settings_file=settings.file,
        entries=tuple(entry for entry, _ in sources),
    )
    return Gathered(manifest, tuple(sources), found)


def _copied_log(settings: Settings, place: Path, report: Report) -> Verification:
    """The log with its newest checkpoint; a log at rest ends with one anyway."""
    database = settings.audit_directory / DATABASE
    try:
        with served(audit_socket(settings), audit_users(settings)) as log:
            size = stated(log.checkpoint()).size
            if not os.access(database, os.R_OK):
                return _copied_by_asking(log, size, place, report)
    except AuditUnavailable:
        if not os.access(database, os.R_OK):
            raise
    copy_log(database, place, report)
    return verify(place, depth=Depth.QUICK)


def _copied_by_asking(log: Administration, size: int, place: Path, report: Report) -> Verification:
    """Made again when something was redacted or pruned meanwhile."""
    for _ in range(TRIES):
        place.unlink(missing_ok=True)
        copy_served(log, size, place, report)
        found = verify(place, depth=Depth.USUAL)
        if found.verdict is Verdict.INTACT:
            break
        size = stated(log.checkpoint()).size
    return found


def _log_key(settings: Settings, found: Verification) -> bytes:
    """As it was published, or, where we may not look, as the log says itself."""
    file = settings.audit_directory / PUBLIC_KEY
    return _content(file) if os.access(file, os.R_OK) else f"{found.public_key}\n".encode()


def _small_files(settings: Settings) -> Iterator[Source]:
    settings_file = Path(settings.file)
    yield _source(names.SETTINGS, _content(settings_file))
    for name, file in (
        (names.PROJECTS, list_file(settings_file)),
        (names.GRANTS, grants_file(settings)),
    ):
        if file.exists():
            yield _source(name, _content(file))
    directory = Path(settings.daemon.policies)
    for file in sorted(directory.rglob("*")):
        if file.is_file() and not file.name.startswith(HIDDEN) and not file.name.endswith(HIDDEN):
            name = f"{names.POLICIES}{file.relative_to(directory)}"
            yield _source(name, _content(file))


def _credentials(settings: Settings) -> Iterator[Source]:
    directory = Path(settings.daemon.credentials)
    for name, how in kept_credentials(directory).items():
        if how == "encrypted":
            secret = revealed(directory, name).encode()
        else:
            secret = _content(directory / name, MAX_CREDENTIAL_BYTES)
        yield _source(f"{names.CREDENTIALS}{name}", secret)


def _source(name: str, content: bytes) -> Source:
    return Entry(name, len(content)), io.BytesIO(content)


def _without_a_name(name: str, copy: Path, files: ExitStack) -> Source:
    """A copy that is gone with this process, however that ends."""
    source = files.enter_context(copy.open("rb"))
    copy.unlink()
    return Entry(name, os.fstat(source.fileno()).st_size), source


def _content(file: Path, most: int = MAX_FILE_BYTES) -> bytes:
    try:
        with file.open("rb") as content:
            found = content.read(most + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", hint="run it as root") from error
    if len(found) > most:
        raise BackupUnusable(f"{file} has more than {most:,} bytes: that is no file of ours")
    return found


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
