"""Released schemas as SQL: what a database of each released version looked like, rows included.

    .venv/bin/python -m tests.storage.schemas freeze

writes the dumps of this version's schemas, to be committed with its release and never changed.
From then on a changed schema needs a new number and a step that leads to it.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from appliance.audit import database as audit
from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State as JobState
from appliance.core.jobs import Step, StepKind
from appliance.core.keep_awake import Session
from appliance.core.lockdown import Lockdown, LockdownId
from appliance.core.model import Millis, PostKind, Reply, Rich, UserName
from appliance.core.pairing import Account, PairedPlace, Pairing, PairingId, PairingState
from appliance.core.preferences import Language, Preferences
from appliance.ports import Conversation, Remainder
from appliance.storage.database import SCHEMA_VERSION, Database
from appliance.storage.state import SqliteState
from tests.audit.logs import sample
from tests.examples import ALICE, NOW, PLACE, approval, job, message

MODULE = "tests.storage.schemas"
DUMPS = Path(__file__).parents[1] / "data" / "schemas"


def dump_of(name: str, version: int) -> Path:
    return DUMPS / f"{name}-{version}.sql"


def released(name: str) -> list[int]:
    found = (re.fullmatch(rf"{name}-(\d+)", path.stem) for path in DUMPS.glob("*.sql"))
    return sorted(int(match[1]) for match in found if match)


def load(name: str, version: int, place: Path) -> None:
    """Make the database that was dumped."""
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript(dump_of(name, version).read_text())


def statements(path: Path) -> set[str]:
    """What a database is made of, blanks aside."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {re.sub(r"\s+", " ", sql) for (sql,) in rows}


def unreleased() -> Iterator[str]:
    """What there is to do before a release: a schema that is not frozen, or not as it was."""
    with tempfile.TemporaryDirectory() as place:
        new, old = Path(place, "new"), Path(place, "old")
        for directory in (new, old):
            directory.mkdir()
        Database(new / "state.db").close()
        audit.open_for_writing(new / "audit.db", sqlite3.Connection).close()
        for name, version in (("state", SCHEMA_VERSION), ("audit", audit.SCHEMA_VERSION)):
            if version not in released(name):
                yield f"schema {version} of {name} is not frozen: python -m {MODULE} freeze"
                continue
            load(name, version, old / f"{name}.db")
            if statements(new / f"{name}.db") != statements(old / f"{name}.db"):
                yield f"schema {version} of {name} is released: raise its version and add a step"


def furnish(state: SqliteState) -> None:
    """Some of everything that people have in a state database."""
    with state.transaction():
        for number, what in enumerate(("fix the bug", "and the other one"), 1):
            state.accept(message(what, number), ALICE)
            state.add_job(job(key=f"telegram:1:{number}"))
        state.mark_handled("telegram:1:1")
        for kept in state.unfinished_jobs():
            state.save_job(replace(kept, state=list(JobState)[int(kept.id) + 4]))
            state.add_step(kept.id, Step(NOW, StepKind.TOOL, "Bash make"))
        state.save_approval(approval())
        state.save_approval(approval(id="bcdfghjkmp", state=ApprovalState.USED))
        state.save_conversation(PLACE, Conversation(job().project, "session-1", 7))
        state.save_preferences(PLACE, Preferences(language=Language.GERMAN))
        state.keep_rest(PLACE, Remainder("the rest", "the whole", cuts_code=False))
        state.save_account(Account(ALICE.sender, ALICE.name, "Alice", NOW, UserName("me")))
        state.save_paired_place(PairedPlace(PLACE, NOW, ALICE.name))
        state.save_pairing(_pairing())
        state.save_lockdown(Lockdown(LockdownId("l1"), ALICE.name, "why", NOW, NOW, NOW, "me"))
        state.save_awake(Session(Millis(NOW + 1), ALICE.name, PLACE))
        state.count("calls", "k", NOW, Millis(0))
        first = state.post(PLACE, Reply(Rich("hello")), label="job:1")
        state.post(PLACE, Reply(Rich("changed")), kind=PostKind.EDIT, edits=first)


def _pairing() -> Pairing:
    return Pairing(
        PairingId("p1"),
        ALICE.name,
        UserName("me"),
        "00" * 32,
        NOW,
        NOW,
        PairingState.USED,
        0,
        "",
        "",
    )


def freeze() -> Iterator[Path]:
    DUMPS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with closing(SqliteState.open(directory)) as state:
            furnish(state)
        log = sample(directory / "audit")
        yield _freeze("state", SCHEMA_VERSION, directory / "state.db")
        yield _freeze("audit", audit.SCHEMA_VERSION, log)


def _freeze(name: str, version: int, database: Path) -> Path:
    place = dump_of(name, version)
    if place.exists():
        raise SystemExit(f"{place} is released: it is never changed")
    with closing(sqlite3.connect(database)) as connection:
        lines = [*connection.iterdump(), f"PRAGMA user_version = {version};"]
    place.write_text("\n".join(lines) + "\n")
    return place


if __name__ == "__main__":
    if sys.argv[1:] != ["freeze"]:
        raise SystemExit(f"usage: python -m {MODULE} freeze")
    for written in freeze():
        print(written)
