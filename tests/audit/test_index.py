from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import index
from appliance.audit.database import reading
from appliance.audit.index import INDEX, LAG, forget
from appliance.audit.reader import opened
from appliance.audit.search import Filter
from appliance.core.events import Event, MessageReceived
from appliance.core.model import Millis
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.logs import ANNA, allowed, denied, write
from tests.fakes import FakeClock

NOW = 1_800_000_000_000
WORD = MessageReceived(who=ANNA, key="k", place="p", text="zebra crossing")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Records 2 to 18 are one job, 19 to 35 the next; each is one second after the one before."""
    return write(tmp_path, [[event] for event in (*life(12), *life(13))], FakeClock(NOW))


def updated(database: Path) -> list[tuple[int, int]]:
    """Bring the index up to date; what was reported meanwhile."""
    reports: list[tuple[int, int]] = []
    with reading(database) as log:
        index.update(database, log, lambda done, total: reports.append((done, total)))
    return reports


def found(database: Path, wanted: Filter, limit: int | None = None) -> list[int]:
    with opened(database) as log:
        return [entry.record.seq for entry in log.newest(wanted, limit)]


def known(database: Path, wanted: Filter) -> list[int] | None:
    """What the index alone knows, None when it cannot be used."""
    with reading(database) as log, index.opened(database, log, index.unheard) as current:
        return None if current is None else list(current.candidates(wanted))


def add(database: Path, *events: Event) -> Path:
    return write(database.parent, [events], FakeClock(NOW + 3_600_000))


WANTED = [
    Filter(who="anna"),
    Filter(who="telegram:815"),
    Filter(who="job:12"),
    Filter(project="web"),
    Filter(job=13),
    Filter(tool="bash"),
    Filter(rule="default.csv:14"),
    Filter(rule="default.csv"),
    Filter(rule="/etc/dispatch/policies/default.csv:60"),
    Filter(kind="approval"),
    Filter(kind="request.denied"),
    Filter(since=Millis(NOW + 10_000)),
    Filter(until=Millis(NOW + 10_000)),
    Filter(since=Millis(NOW + 5_000), until=Millis(NOW + 9_000)),
    Filter(since=Millis(NOW + 10**9)),
    Filter(text="MIGRATE --environment"),
    Filter(text="illboar"),
    Filter(text="tells"),
    Filter(text="passed in 12"),
    Filter(text='"'),
    Filter(text="ok"),
    Filter(text=""),
    Filter(text="shadow", job=12, who="agent", kind="request"),
    Filter(text="release 12.2", since=Millis(NOW + 3_000)),
    Filter(message="telegram:bot:9013"),
    Filter(who="x'; DROP TABLE facet; --"),
    Filter(text="NEAR(a b) AND \" OR * ' \0"),
]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("limit", [None, 1, 3])
def test_a_search_finds_the_same_with_and_without_the_index(
    wanted: Filter, limit: int | None, database: Path
) -> None:
    without = found(database, wanted, limit)
    updated(database)
    assert (database.parent / INDEX).exists()
    assert found(database, wanted, limit) == without


@pytest.mark.parametrize("wanted", WANTED)
def test_records_that_are_not_indexed_yet_are_found_too(wanted: Filter, database: Path) -> None:
    updated(database)
    add(database, *life(14))
    with opened(database, use_index=False) as log:
        scanned = [entry.record.seq for entry in log.newest(wanted)]
    assert found(database, wanted) == scanned


def test_the_index_knows_more_than_it_has_to_look_at(database: Path) -> None:
    """Otherwise the tests above would tell nothing of it."""
    updated(database)
    assert known(database, Filter(rule="default.csv:60")) == [29, 12]
    assert known(database, Filter(text="/etc/shadow")) == [29, 12]
    assert known(database, Filter(who="nobody")) == []


def test_what_is_behind_is_added(database: Path) -> None:
    updated(database)
    size = found(database, Filter())[-1]
    add(database, WORD)
    assert known(database, Filter(text="zebra")) == []
    assert updated(database)[-1] == (size + 3, size + 3)  # with two records of keys
    assert known(database, Filter(text="zebra")) == [size + 2]
    assert updated(database) == []


def test_a_log_that_is_long_enough_is_indexed_by_the_first_search(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(number) for number in range(LAG)], [WORD]], FakeClock())
    assert not (tmp_path / INDEX).exists()
    assert len(found(path, Filter(text="zebra"))) == 1
    assert len(known(path, Filter(text="zebra")) or ()) == 1


def test_a_short_log_and_a_search_for_everything_need_no_index(database: Path) -> None:
    found(database, Filter())
    found(database, Filter(who="anna"))
    assert not (database.parent / INDEX).exists()


def _garble(file: Path) -> None:
    file.write_bytes(b"not a database at all" * 1_000)


def _truncate(file: Path) -> None:
    os.truncate(file, 5_000)


def _drop(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE text")


def _cut_off(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE state SET whole=FALSE")


def _other_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version=99")


def _empty(file: Path) -> None:
    file.write_bytes(b"")


DAMAGES = [_garble, _truncate, _drop, _cut_off, _other_version, _empty]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_changes_no_answer_and_is_made_anew(damage: object, database: Path) -> None:
    assert callable(damage)
    updated(database)
    damage(database.parent / INDEX)
    wanted = Filter(text="shadow")
    assert found(database, wanted) == [12, 29]
    updated(database)
    assert known(database, wanted) == [29, 12]


def test_the_index_of_another_log_is_not_used(database: Path, tmp_path: Path) -> None:
    updated(database)
    other = write(tmp_path / "other", [[denied(number)] for number in range(60)], FakeClock())
    (database.parent / INDEX).rename(tmp_path / "other" / INDEX)
    assert known(other, Filter(who="anna")) is None
    assert len(found(other, Filter(rule="default.csv:20"))) == 60


def test_the_index_of_a_log_that_was_rolled_back_is_not_used(database: Path) -> None:
    updated(database)
    run(database, "DELETE FROM leaf WHERE seq > 20")
    assert known(database, Filter(who="anna")) is None
    assert found(database, Filter(rule="default.csv:60")) == [12]


def test_what_is_shown_comes_from_the_log(database: Path) -> None:
    updated(database)
    run(database, "DELETE FROM payload WHERE seq=12")
    assert known(database, Filter(text="/etc/shadow")) == [29, 12]
    with opened(database) as log:
        first, _ = log.newest(Filter(text="/etc/shadow"))
        assert (first.values, first.gone) == ({}, ("input",))
        assert log.newest(Filter(text="file_path: /etc/shadow"))[0].record.seq == 29


def test_forgetting_leaves_nothing_of_a_value_behind(database: Path) -> None:
    add(database, WORD)
    updated(database)
    forget(database.parent)
    forget(database.parent)
    assert not [path for path in database.parent.iterdir() if path.name.startswith(INDEX)]


def test_the_index_is_as_private_as_the_log(database: Path) -> None:
    database.chmod(0o600)
    updated(database)
    assert stat.S_IMODE((database.parent / INDEX).stat().st_mode) == 0o600


def test_a_link_in_the_place_of_the_index_is_not_followed(database: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (database.parent / INDEX).symlink_to(victim)
    assert found(database, Filter(text="shadow")) == [12, 29]
    with pytest.raises(OSError, match="symbolic links"):
        updated(database)
    assert victim.read_text() == "precious"


def test_where_nothing_can_be_written_records_are_read_one_by_one(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(number) for number in range(LAG)], [WORD]], FakeClock())
    (tmp_path / INDEX).mkdir()
    assert len(found(path, Filter(text="zebra"))) == 1


def test_an_index_that_somebody_fills_just_now_is_not_waited_for(database: Path) -> None:
    updated(database)
    with closing(sqlite3.connect(database.parent / INDEX)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("UPDATE state SET whole=FALSE")
        other.commit()
        assert found(database, Filter(text="shadow")) == [12, 29]


def test_what_was_added_stays_when_filling_is_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(n) for n in range(500)] for _ in range(41)], FakeClock())

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with reading(path) as log:
        with pytest.raises(KeyboardInterrupt):
            index.update(path, log, stop)
        with index.opened(path, log, index.unheard) as current:
            assert current is not None
            assert current.size == index.size_of(log)


def test_a_search_goes_past_damaged_records_and_names_them(database: Path) -> None:
    run(database, "UPDATE leaf SET rec=CAST('{\"v\":1}' AS BLOB) WHERE seq=13")
    for _ in ("without the index", "with it"):
        with opened(database) as log:
            assert [e.record.seq for e in log.newest(Filter(rule="default.csv:60"))] == [12, 29]
            assert list(log.damaged) == [13]
        updated(database)


def test_pruned_records_are_not_found(database: Path) -> None:
    run(database, "UPDATE leaf SET rec=NULL WHERE seq BETWEEN 2 AND 12")
    for _ in ("without the index", "with it"):
        assert found(database, Filter(rule="default.csv:60")) == [29]
        assert found(database, Filter(until=Millis(NOW + 5_000))) == [1]
        updated(database)


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path, [[allowed(number)] for number in range(5)], FakeClock(NOW))
    path = write(tmp_path, [[denied(number)] for number in range(5)], FakeClock(NOW - 10**9))
    wanted = Filter(until=Millis(NOW - 10**8))
    without = found(path, wanted)
    updated(path)
    assert found(path, wanted) == without != []
