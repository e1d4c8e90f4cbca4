"""What was prepared is put in place: after a crash all is as before, or this is done to its end.

Everything lies prepared beside the place that it will have. Then one file beside the settings
says what is to be done, durably: from here on there is no way back. Each step may be done again,
so whoever finds that file finishes it, and dispatchd does not start while it is there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from appliance.app.backup_commands.places import acting_for
from appliance.app.credential_files import keep
from appliance.app.files import remove, sync, write
from appliance.audit import restored
from appliance.errors import ConfigError

PLAN = "restoring.json"
"""Beside the settings, while a restore is under way."""

VERSION = 1
_ASIDE = "before-restore-"


@dataclass(frozen=True, slots=True)
class Swap:
    """In `directory`, `names` give way to what is in `staged`; what there was goes to `aside`."""

    directory: str
    names: tuple[str, ...]
    staged: str
    aside: str

    @staticmethod
    def of(directory: Path, *names: str, what: str) -> Swap:
        return Swap(str(directory), names, f".restored-{what}", next_aside(directory))

    @property
    def place(self) -> Path:
        """Where what is to be put in place is prepared."""
        return Path(self.directory, self.staged)

    def prepare(self) -> Path:
        """That directory, empty. Raises OSError."""
        self.discard()
        self.place.mkdir(mode=0o700)
        return self.place

    def discard(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)

    def finish(self) -> None:
        """May be done again until it has returned. Raises OSError."""
        moving = self.place.with_name(f"{self.staged}.moving")
        if self.place.is_dir():
            self._set_aside()
            self.place.rename(moving)  # nothing that is found in place is an old one any more
            sync(Path(self.directory))
        if moving.is_dir():
            for path in sorted(moving.iterdir()):
                path.rename(Path(self.directory, path.name))
            sync(Path(self.directory))
            moving.rmdir()
            sync(Path(self.directory))

    def _set_aside(self) -> None:
        aside = Path(self.directory, self.aside)
        for name in self.names:
            path = Path(self.directory, name)
            if path.exists() or path.is_symlink():
                aside.mkdir(mode=0o700, exist_ok=True)
                path.rename(aside / name)
        if aside.is_dir():
            sync(aside)
        sync(Path(self.directory))


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a restore does. `credentials`: where they are kept and where they lie prepared."""

    state: str
    audit: str
    swaps: tuple[Swap, ...]
    credentials: tuple[str, str] | None = None

    def text(self) -> str:
        return json.dumps({"v": VERSION, **asdict(self)}) + "\n"

    def finish(self) -> None:
        """Raises AuditUnavailable, ConfigError and OSError; then it is to be done again."""
        for swap in self.swaps:
            with acting_for(Path(swap.directory)):
                swap.finish()
        with acting_for(Path(self.audit)):
            restored.finish(Path(self.audit))
        if self.credentials is not None:
            directory, prepared = map(Path, self.credentials)
            _keep_all(directory, prepared)

    def discard(self) -> None:
        """Nothing is put in place: what was prepared is removed."""
        for swap in self.swaps:
            swap.discard()
        restored.discard(Path(self.audit))
        if self.credentials is not None:
            shutil.rmtree(self.credentials[1], ignore_errors=True)


def carry_out(plan: Plan, settings: Path) -> None:
    """From here on it is done, however often the power is cut. Raises as `Plan.finish`."""
    write(settings.with_name(PLAN), plan.text(), mode=0o600)
    finish(plan, settings)


def finish(plan: Plan, settings: Path) -> None:
    """The rest of a plan that was begun."""
    try:
        plan.finish()
    except OSError as error:
        raise ConfigError(
            f"cannot put {error.filename} in place: {error.strerror}",
            hint="mend that, and then run: dispatchctl restore --finish",
        ) from error
    remove(settings.with_name(PLAN))


def begun(settings: Path) -> Plan | None:
    """The restore that was begun and not finished. Raises ConfigError."""
    try:
        found = json.loads(settings.with_name(PLAN).read_text())
        swaps = tuple(Swap(**{**row, "names": tuple(row["names"])}) for row in found["swaps"])
        kept = found["credentials"]
        prepared = (str(kept[0]), str(kept[1])) if kept else None
        return Plan(str(found["state"]), str(found["audit"]), swaps, prepared)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"cannot read {settings.with_name(PLAN)}: {error}") from error


def require_no_restore(settings: Path) -> None:
    """Raises ConfigError while one is under way: nobody works with half of the old and the new."""
    if settings.with_name(PLAN).exists():
        raise ConfigError(
            "a restore was begun and is not finished", hint="dispatchctl restore --finish"
        )


def next_aside(directory: Path) -> str:
    """A name for what gives way, that nothing has yet."""
    names = (f"{_ASIDE}{number}" for number in count(1))
    return next(name for name in names if not (directory / name).exists())


def sync_tree(directory: Path) -> None:
    """Make all that is in a directory durable. Raises OSError."""
    for path in _files(directory):
        with path.open("rb") as file:
            os.fsync(file.fileno())
    for path in (*(p for p in directory.rglob("*") if p.is_dir()), directory):
        sync(path)


def aside_of(swaps: Sequence[Swap]) -> list[Path]:
    """Where what gave way is now."""
    places = (Path(swap.directory, swap.aside) for swap in swaps)
    return [place for place in dict.fromkeys(places) if place.exists()]


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())


def _keep_all(directory: Path, prepared: Path) -> None:
    if not prepared.is_dir():
        return
    for path in sorted(prepared.iterdir()):
        keep(directory, path.name, path.read_bytes().strip())
        path.unlink()
    prepared.rmdir()
