"""`dispatchctl restore FILE`: everything is verified and prepared before anything is replaced."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.app.audit_commands.pins import pins_of
from appliance.app.audit_commands.screen import progress
from appliance.app.audit_commands.shared import print_lines
from appliance.app.backup_commands import placing
from appliance.app.backup_commands.gathering import workplace
from appliance.app.backup_commands.next_step import next_step
from appliance.app.backup_commands.places import Places, acting_for, make_homes, places_of
from appliance.app.backup_commands.placing import Plan, Swap, sync_tree
from appliance.app.backup_commands.secrets import key_of
from appliance.app.project_list import list_file
from appliance.audit import restored
from appliance.audit.checkpoint import Note, parse_public_key
from appliance.audit.database import PUBLIC_KEY
from appliance.audit.known import anchors_in
from appliance.audit.rights import administrator
from appliance.backup import archive
from appliance.backup import manifest as names
from appliance.backup.age import Key, Opening
from appliance.backup.manifest import Manifest
from appliance.errors import AuditUnavailable, BackupUnusable, ConfigError, StorageUnavailable
from appliance.host.clock import SystemClock
from appliance.host.machine import boot_id
from appliance.policy.grants import GRANTS
from appliance.storage.copies import NAME, SIDE_FILES, quieten
from appliance.storage.database import lock

STOP = "nothing was changed; first: systemctl stop dispatch.target, or whatever else runs it"
OVERWRITE = "to replace it, and keep it beside: dispatchctl restore --replace …"


@dataclass(frozen=True, slots=True)
class Modes:
    file: int
    directory: int


SHARED, SECRET = Modes(0o640, 0o750), Modes(0o600, 0o700)
LIST_MODE = 0o644
"""The launcher reads the projects as the agent's user, who is in no group of ours."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup below `place`, whose state is made harmless and whose log was looked at."""

    place: Path
    manifest: Manifest
    anchors: tuple[Note, ...]
    size: int

    @property
    def state(self) -> Path:
        return (self.place / names.STATE).parent

    @property
    def log(self) -> Path:
        return (self.place / names.LOG).parent

    @property
    def moment(self) -> str:
        return f"{datetime.fromtimestamp(self.manifest.made_at / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def run(arguments: argparse.Namespace) -> int:
    """Raises ApplianceError: then nothing was replaced, unless it says how to finish."""
    settings: Path = arguments.config.absolute()
    if arguments.finish:
        return _finish(settings)
    if arguments.file is None:
        raise ConfigError("which backup?", hint="dispatchctl restore FILE")
    if placing.begun(settings) is not None:
        raise ConfigError("a restore is under way", hint="first: dispatchctl restore --finish")
    key = key_of(arguments)
    with workplace() as work, ExitStack() as stopped:
        manifest = _unpack(arguments.file, key, work)
        places = _places(settings if arguments.keep_settings else work / names.SETTINGS, settings)
        unpacked = _examined(arguments, work, manifest, places)
        make_homes(places)
        stopped.enter_context(_nobody_works(places.state, places.audit))
        _require_free(places, arguments)
        plan, public_key = _prepared(arguments, unpacked, places)
        placing.carry_out(plan, settings)
    print_lines(_summary(settings, unpacked, plan, public_key), None)
    return 0


def _finish(settings: Path) -> int:
    plan = placing.begun(settings)
    if plan is None:
        raise ConfigError("no restore is under way", hint="dispatchctl restore FILE")
    with _nobody_works(Path(plan.state), Path(plan.audit)):
        placing.finish(plan, settings)
    print_lines(["the restore is finished", f"next: {next_step(settings)}"], None)
    return 0


# --- what is in the backup


def _unpack(file: Path, key: Key, work: Path) -> Manifest:
    """Everything in the backup, below `work`. Raises BackupUnusable."""
    try:
        with file.open("rb") as source, _progress("reading", "MiB") as report:
            opening = Opening(source, key)
            manifest = archive.read_manifest(opening)
            archive.unpack(opening, manifest, work, lambda a, b: report(a >> 20, b >> 20))
    except OSError as error:
        raise BackupUnusable(f"cannot read {file}: {error.strerror}") from error
    return manifest


def _places(source: Path, settings: Path) -> Places:
    try:
        return places_of(source.read_text(), settings)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the settings {source}: {error}") from error


def _examined(
    arguments: argparse.Namespace, work: Path, manifest: Manifest, places: Places
) -> Unpacked:
    """Raises AuditBroken when the log is not what was signed, BackupUnusable for the state."""
    log, size = (work / names.LOG).parent, manifest.log_size
    public_key, given = pins_of(arguments)
    anchors = [*given, *_kept_here(places, log)]
    if not arguments.accept_loss:
        with _progress("verifying the log", "records") as report:
            examined = restored.examine(log, public_key, anchors, report)
        size, anchors = examined.found.size, list(examined.beyond)
    quieten(work / names.STATE, manifest.made_at)
    return Unpacked(work, manifest, tuple(anchors), size)


def _kept_here(places: Places, log: Path) -> list[Note]:
    """Checkpoints of this log that this machine keeps outside of what is restored."""
    if places.anchor_file is None:
        return []
    try:
        origin = parse_public_key((log / PUBLIC_KEY).read_text()).name
    except ValueError as error:
        raise BackupUnusable(f"the backup holds no public key of its log: {error}") from error
    return [note for note in anchors_in(places.anchor_file) if note.checkpoint.origin == origin]


def _progress(verb: str, things: str) -> AbstractContextManager[archive.Report]:
    return progress(verb, SystemClock().monotonic, things)


# --- where it goes


@contextmanager
def _nobody_works(state: Path, audit: Path) -> Iterator[None]:
    """Inside, the daemon cannot start. Raises StorageUnavailable or AuditUnavailable."""
    with ExitStack() as held:
        try:
            with acting_for(state):
                held.callback(os.close, lock(state / NAME))
            with acting_for(audit):
                restored.require_nobody_writes(audit)
        except (StorageUnavailable, AuditUnavailable) as error:
            raise type(error)(error.message, hint=STOP) from error
        yield


def _require_free(places: Places, arguments: argparse.Namespace) -> None:
    """Raises ConfigError when something would be replaced that nobody has given up."""
    _require_policies(places.policies)
    if arguments.replace:
        return
    if (places.state / NAME).exists():
        raise ConfigError(f"there is a state in {places.state} already", hint=OVERWRITE)
    if not restored.is_empty(places.audit):
        raise ConfigError(f"there is an audit log in {places.audit} already", hint=OVERWRITE)
    if places.settings.exists() and not arguments.keep_settings:
        raise ConfigError(
            f"there are settings in {places.settings} already",
            hint="to go by them: --keep-settings; to replace them, and keep them beside: --replace",
        )


def _require_policies(directory: Path) -> None:
    """Whoever made the backup names the directory: it must not be one of something else."""
    is_other = directory.exists() and not any(directory.glob("*.csv"))
    if is_other and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(
            f"{directory} would be replaced by policies, and holds none",
            hint="look at the settings in the backup: age -d FILE | tar xO settings/dispatch.toml",
        )


# --- preparing


def _prepared(
    arguments: argparse.Namespace, unpacked: Unpacked, places: Places
) -> tuple[Plan, str]:
    """Everything beside its place, durable; and the new log's public key. Raises ApplianceError."""
    swaps = [
        _state_swap(places),
        Swap.of(places.policies.parent, places.policies.name, what="policies"),
    ]
    if not arguments.keep_settings:
        files = (places.settings.name, list_file(places.settings).name)
        swaps.append(Swap.of(places.settings.parent, *files, what="settings"))
    prepared = _credentials(unpacked, places)
    plan = Plan(str(places.state), str(places.audit), tuple(swaps), prepared)
    try:
        _prepare_state(swaps[0], unpacked)
        _prepare_policies(swaps[1], unpacked)
        for swap in swaps[2:]:
            _prepare_settings(swap, unpacked, places)
        public_key = _prepare_log(unpacked, places)
        if plan.credentials is not None:
            _copy_all(
                unpacked.place / names.CREDENTIALS, Path(plan.credentials[1]), os.getegid(), SECRET
            )
    except BaseException as error:
        plan.discard()
        if isinstance(error, OSError):
            raise ConfigError(f"cannot prepare {error.filename}: {error.strerror}") from error
        raise
    return plan, public_key


def _state_swap(places: Places) -> Swap:
    return Swap.of(places.state, NAME, *SIDE_FILES, GRANTS, what="state")


def _prepare_state(swap: Swap, unpacked: Unpacked) -> None:
    _give(unpacked.state, Path(swap.directory))
    with acting_for(Path(swap.directory)):
        place = swap.prepare()
        for file in unpacked.state.iterdir():
            shutil.copyfile(file, place / file.name)
            (place / file.name).chmod(0o600)
        sync_tree(place)


def _prepare_policies(swap: Swap, unpacked: Unpacked) -> None:
    (name,) = swap.names
    _copy_all(unpacked.place / names.POLICIES, swap.prepare() / name, _group(swap), SHARED)
    sync_tree(swap.place)


def _prepare_settings(swap: Swap, unpacked: Unpacked, places: Places) -> None:
    place = swap.prepare()
    for name, target, group, mode in (
        (names.SETTINGS, places.settings, _group(swap), SHARED.file),
        (names.PROJECTS, list_file(places.settings), os.getegid(), LIST_MODE),
    ):
        if (unpacked.place / name).exists():
            _copy(unpacked.place / name, place / target.name, group, mode)
    sync_tree(place)


def _prepare_log(unpacked: Unpacked, places: Places) -> str:
    _give(unpacked.log, places.audit)
    with acting_for(places.audit):
        return restored.prepare(
            unpacked.log,
            places.audit,
            SystemClock(),
            boot_id(),
            reason=f"restored from a backup of {unpacked.moment}",
            who=administrator(os.getuid()),
            anchors=unpacked.anchors,
        )


def _credentials(unpacked: Unpacked, places: Places) -> tuple[str, str] | None:
    if not unpacked.manifest.has_credentials:
        return None
    prepared = places.credentials.with_name(f".{places.credentials.name}.restored")
    shutil.rmtree(prepared, ignore_errors=True)
    return str(places.credentials), str(prepared)


def _give(unpacked: Path, directory: Path) -> None:
    """Let the owner of a directory read what was unpacked for it."""
    owner = directory.stat()
    if os.geteuid() != owner.st_uid:
        unpacked.parent.chmod(0o711)
        for path in (*unpacked.iterdir(), unpacked):
            os.chown(path, owner.st_uid, owner.st_gid)


def _copy_all(source: Path, place: Path, group: int, modes: Modes) -> None:
    """A directory of small files, which a group may be let into."""
    place.mkdir(mode=0o700)
    for path in sorted(source.rglob("*")):
        target = place / path.relative_to(source)
        if path.is_dir():
            target.mkdir(mode=0o700)
            _belong(target, group, modes.directory)
        else:
            _copy(path, target, group, modes.file)
    _belong(place, group, modes.directory)


def _group(swap: Swap) -> int:
    """Who may read the directory may read what is put into it."""
    return Path(swap.directory).stat().st_gid


def _copy(source: Path, place: Path, group: int, mode: int) -> None:
    shutil.copyfile(source, place)
    _belong(place, group, mode)


def _belong(path: Path, group: int, mode: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, -1, group)
    path.chmod(mode)


# --- what is said


def _summary(settings: Path, unpacked: Unpacked, plan: Plan, public_key: str) -> Iterator[str]:
    yield f"restored: the backup that {unpacked.manifest.host} made at {unpacked.moment}"
    for place in placing.aside_of(plan.swaps):
        yield f"kept beside: {place}"
    yield f"the log of {unpacked.size:,} records is kept, and a new one has begun that cites it"
    lost = max((note.checkpoint.size for note in unpacked.anchors), default=0)
    if lost > unpacked.size:
        yield f"lost since the backup: {lost - unpacked.size:,} records that checkpoints know of"
    yield f"keep its public key elsewhere, in place of the old one: {public_key}"
    yield "what was waiting is not started and not sent again; the chats are told"
    yield f"next: {next_step(settings)}"
