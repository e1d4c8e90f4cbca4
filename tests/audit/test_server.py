"""Who may do what, one fsync for all who wait, and what becomes of the rude, slow and strange."""

from __future__ import annotations

import logging
import os
import select
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from appliance.audit import server, wire
from appliance.audit.database import DATABASE
from appliance.audit.rights import Rights
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from appliance.core.events import (
    AuditForked,
    AuditSealed,
    AuditTicked,
    Event,
    KeyRotated,
    LogPruned,
    RecordRedacted,
)
from appliance.core.records import Draft
from appliance.ports import Receipt
from tests.audit.logs import FailingConnection, allowed, denied, entries, queued
from tests.audit.serving import ME, Client, Served, served

NOBODY = 65534
ACTS: set[wire.Question] = {
    wire.Append((queued(),)),
    wire.TakeCheckpoint(),
    wire.RecordAnchor(1, "x", "x"),
    wire.Redact(2, "input", "x"),
    wire.Prune(2, "x"),
    wire.Rotate(),
    wire.AskStanding(),
}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as log:
        yield log


def _kinds(log: Served) -> list[str]:
    return [e.record.kind for e in entries(log.directory / DATABASE)]


# --- appending


def test_a_receipt_names_the_record_and_the_head(log: Served) -> None:
    with log.connect() as client:
        first = client.ask(wire.Append((queued(),)))
        second = client.ask(wire.Append((denied(), allowed())))
    assert isinstance(first, wire.Appended)
    assert isinstance(second, wire.Appended)
    assert second.seq == first.seq + 2
    assert len({first.root, second.root}) == 2
    assert _kinds(log)[-3:] == ["job.queued", "request.denied", "request.allowed"]


def test_all_who_wait_share_one_commit(log: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    commit = Writer.commit

    def counting(self: Writer, groups: list[list[Draft]]) -> list[Receipt]:
        commits.append(len(groups))
        return commit(self, groups)

    monkeypatch.setattr(Writer, "commit", counting)
    with ExitStack() as stack:
        clients = [stack.enter_context(log.connect()) for _ in range(4)]
        for client in clients:
            client.say(*(wire.write(n, wire.Append((queued(n),))) for n in range(1, 26)))
        log.server.turn()
        answers = [client.answers() for client in clients]
    assert commits == [100]
    seqs = [answer.seq for by_id in answers for answer in by_id.values()]  # type: ignore[union-attr]
    assert len(set(seqs)) == 100
    for by_id in answers:
        assert list(by_id) == list(range(1, 26))
        mine = [answer.seq for answer in by_id.values()]  # type: ignore[union-attr]
        assert mine == sorted(mine)


def test_more_than_a_transaction_should_hold_goes_into_several(
    log: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_GROUP", 2)
    with log.connect() as client:
        client.say(*(wire.write(n, wire.Append((queued(n),))) for n in range(1, 6)))
        log.server.turn()
        assert all(isinstance(a, wire.Appended) for a in client.answers().values())
    assert _kinds(log).count("job.queued") == 5


def test_acts_keep_their_place_among_appends(log: Served) -> None:
    with log.connect() as client:
        client.say(
            wire.write(1, wire.Append((queued(1),))),
            wire.write(2, wire.Rotate()),
            wire.write(3, wire.Append((queued(2),))),
        )
        log.server.turn()
        assert len(client.answers()) == 3
    assert _kinds(log)[-3:] == ["job.queued", "key.rotated", "job.queued"]


def test_a_frame_may_arrive_in_pieces(log: Served) -> None:
    line = wire.write(5, wire.Append((queued(),)))
    with log.connect() as client:
        for start in range(0, len(line), 7):
            client.say(line[start : start + 7])
            log.server.turn()
        assert list(client.answers()) == [5]


def test_a_large_frame_is_taken(log: Served) -> None:
    events = tuple(allowed(n) for n in range(3_000))
    with log.connect() as client:
        client.socket.setblocking(False)
        rest = wire.write(1, wire.Append(events))
        assert len(rest) > wire.MAX_FRAME_BYTES // 2
        while rest:
            rest = rest[client.socket.send(rest) :]
            log.server.turn()
        log.server.turn()
        assert isinstance(client.answers()[1], wire.Appended)


def test_after_a_failed_commit_nobody_gets_a_receipt_any_more(
    log: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FailingConnection, "broken", "disk I/O error")
    with log.connect() as one, log.connect() as two:
        one.say(wire.write(1, wire.Append((queued(),))))
        two.say(wire.write(1, wire.Append((denied(),))), wire.write(2, wire.TakeCheckpoint()))
        log.server.turn()
        for answer in (*one.answers().values(), *two.answers().values()):
            assert isinstance(answer, wire.Refused)
            assert "disk I/O error" in answer.reason
    monkeypatch.undo()
    assert isinstance(log.ask(wire.Append((queued(),))), wire.Refused)
    standing = log.ask(wire.AskStanding())
    assert isinstance(standing, wire.Standing)
    assert "disk I/O error" in standing.refusal


def test_an_event_that_cannot_be_recorded_harms_only_its_own_caller(log: Served) -> None:
    with log.connect() as client:
        client.say(wire.write(1, wire.Append(())), wire.write(2, wire.Append((queued(),))))
        log.server.turn()
        answers = client.answers()
    assert answers[1] == wire.Refused("there is nothing to append", "")
    assert isinstance(answers[2], wire.Appended)


@pytest.mark.parametrize(
    "event",
    [
        AuditSealed(origin="x", reason="genesis", public_key="x", identity_key="x"),
        AuditForked(
            origin="x",
            reason="x",
            public_key="x",
            identity_key="x",
            previous_origin="x",
            kept_size=1,
            kept_root="x",
            lost_size=1,
            lost_root="x",
        ),
        AuditTicked(),
        KeyRotated(epoch=2, next_public_key="x"),
        LogPruned(before=1, reason="x"),
        RecordRedacted(seq=2, field="input", reason="x"),
    ],
    ids=lambda event: event.name,
)
def test_nobody_can_say_what_only_the_log_says_about_itself(log: Served, event: Event) -> None:
    answer = log.ask(wire.Append((queued(), event)))
    assert answer == wire.Refused(f"only the audit log itself can record {event.name}", "")
    assert "job.queued" not in _kinds(log)


# --- rights


def _refused_acts(log: Served) -> set[type]:
    return {
        type(act)
        for act in ACTS
        if isinstance(answer := log.ask(act), wire.Refused) and " may not " in answer.reason
    }


def test_a_writer_can_only_add(tmp_path: Path) -> None:
    with served(tmp_path, Rights(frozenset((ME,)), frozenset())) as log:
        assert _refused_acts(log) == {wire.Redact, wire.Prune, wire.Rotate}


def test_an_administrator_cannot_add(tmp_path: Path) -> None:
    with served(tmp_path, Rights(frozenset(), frozenset((ME,)))) as log:
        assert _refused_acts(log) == {wire.Append}


def test_a_refused_act_says_whose_and_which(tmp_path: Path) -> None:
    with served(tmp_path, Rights(frozenset((ME,)), frozenset())) as log:
        answer = log.ask(wire.Prune(2, "x"))
    assert isinstance(answer, wire.Refused)
    assert answer.reason == f"user id {ME} may not prune here"


def test_a_stranger_is_told_so_and_hung_up_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = f"user id {ME} of this machine may not use the audit log"
    with served(tmp_path, Rights(frozenset(), frozenset())) as log, log.connect() as client:
        client.say(wire.write(1, wire.AskStanding()))
        with caplog.at_level(logging.WARNING):
            log.server.turn()
        assert client.answers() == {0: wire.Refused(said, "")}
        assert client.is_hung_up_on()
    assert said in caplog.text


@contextmanager
def _acting_as(uid: int) -> Iterator[None]:
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def test_it_is_the_kernel_that_says_who_asks() -> None:
    if os.geteuid() != 0:
        pytest.skip("ONLY ROOT CAN ACT AS ANOTHER USER")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        with served(directory, Rights(frozenset((NOBODY,)), frozenset((0,)))) as log:
            log.path.chmod(0o666)
            with _acting_as(NOBODY):
                writer = log.connect()
            with writer, log.connect() as root:
                assert isinstance(writer.ask(wire.Append((queued(),))), wire.Appended)
                assert isinstance(writer.ask(wire.Rotate()), wire.Refused)
                assert isinstance(root.ask(wire.Append((queued(),))), wire.Refused)
                assert isinstance(root.ask(wire.Rotate()), wire.Done)
            with _acting_as(NOBODY - 1):
                stranger = log.connect()
            with stranger:
                log.server.turn()
                said = f"user id {NOBODY - 1} of this machine may not use the audit log"
                assert stranger.answers() == {0: wire.Refused(said, "")}


# --- administration


def test_what_an_administrator_does_is_recorded_with_his_name(log: Served) -> None:
    log.ask(wire.Append((allowed(),)))
    seq = len(_kinds(log))
    assert log.ask(wire.Redact(seq, "input", "it was private")) == wire.Done()
    assert log.ask(wire.Redact(seq, "input", "again")) != wire.Done()
    assert log.ask(wire.Prune(3, "too old")) == wire.Done()
    found = verify(log.directory / "audit.db")
    assert found.verdict is Verdict.INTACT, found.reason
    assert _kinds(log)[-2:] == ["record.redacted", "log.pruned"]


def test_an_act_that_cannot_be_done_does_not_stop_the_log(log: Served) -> None:
    assert isinstance(log.ask(wire.Redact(10_000, "input", "x")), wire.Refused)
    assert isinstance(log.ask(wire.Prune(10_000, "x")), wire.Refused)
    assert isinstance(log.ask(wire.RecordAnchor(10_000, "x", "x")), wire.Refused)
    assert log.ask(wire.AskStanding()) == wire.Standing("")


def test_a_checkpoint_is_of_everything_that_was_acknowledged(log: Served) -> None:
    appended = log.ask(wire.Append((queued(),)))
    taken = log.ask(wire.TakeCheckpoint())
    assert isinstance(appended, wire.Appended)
    assert isinstance(taken, wire.Checkpointed)
    assert taken.note.splitlines()[1] == str(appended.seq)
    assert log.ask(wire.RecordAnchor(appended.seq, "chat", taken.note)) == wire.Done()


# --- rude, slow and strange


@pytest.mark.parametrize("garbage", [b"\n", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b"\xff\xfe\n"])
def test_garbage_is_cut_off_without_harm_to_others(log: Served, garbage: bytes) -> None:
    with log.connect() as rude, log.connect() as polite:
        polite.say(wire.write(1, wire.Append((queued(),))))
        rude.say(wire.write(1, wire.Append((denied(),))), garbage, wire.write(2, wire.Rotate()))
        log.server.turn()
        assert isinstance(polite.answers()[1], wire.Appended)
        answers = rude.answers()
        assert isinstance(answers[1], wire.Appended), "what came before was understood"
        assert isinstance(answers[0], wire.Refused)
        assert 2 not in answers
        assert rude.is_hung_up_on()
        assert isinstance(polite.ask(wire.Append((queued(),))), wire.Appended)


def test_what_is_not_known_here_is_refused_and_the_next_is_heard(log: Served) -> None:
    strange = wire.write(1, wire.Rotate()).replace(b"rotate", b"format_disk")
    with log.connect() as client:
        client.say(strange, wire.write(2, wire.AskStanding()))
        log.server.turn()
        answers = client.answers()
    assert isinstance(answers[1], wire.Refused)
    assert answers[1].hint.endswith("restart that")
    assert answers[2] == wire.Standing("")


def test_a_line_without_an_end_is_cut_off(log: Served) -> None:
    with log.connect() as client:
        client.socket.setblocking(False)
        sent = 0
        while sent <= wire.MAX_FRAME_BYTES:
            try:
                sent += client.socket.send(b"x" * 65_536)
            except BrokenPipeError:
                break
            log.server.turn()
        log.server.turn()
        assert "1,048,576 bytes" in str(client.answers()[0])
        assert client.is_hung_up_on()


def test_half_a_frame_times_out_however_slowly_it_goes_on(log: Served) -> None:
    with log.connect() as slow, log.connect() as idle:
        log.server.turn()
        for _ in range(10):
            slow.say(b"x")
            log.server.turn()
            assert not slow.is_hung_up_on()
            log.clock.advance(1)
        log.server.turn()
        assert "was not finished within 10 s" in str(slow.answers()[0])
        assert slow.is_hung_up_on()
        assert not idle.is_hung_up_on(), "who says nothing may stay"


def test_who_does_not_read_is_not_read_from_and_cut_off(log: Served) -> None:
    question = wire.write(1, wire.TakeCheckpoint())
    with log.connect() as client:
        client.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            for _ in range(1_000):
                client.say(question * 50)
                log.server.turn()
        log.clock.advance(server.UNFINISHED_SECONDS)
        log.server.turn()
        client.answers()
        assert client.is_hung_up_on()


def test_connections_are_bounded_and_those_there_are_stay(
    log: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(log.connect()) for _ in range(3))
        log.server.turn()
        assert third.answers() == {0: wire.Refused("too many are connected to the audit log", "")}
        assert third.is_hung_up_on()
        assert first.ask(wire.AskStanding()) == wire.Standing("")
        second.socket.close()
        log.server.turn()
        with log.connect() as fourth:
            assert fourth.ask(wire.AskStanding()) == wire.Standing("")


def test_who_leaves_early_harms_nobody(log: Served) -> None:
    with log.connect() as client, log.connect() as other:
        client.say(wire.write(1, wire.Append((queued(),))), b'{"v":1')
        client.socket.close()
        assert isinstance(other.ask(wire.Append((queued(),))), wire.Appended)
        log.server.turn()
        assert isinstance(other.ask(wire.Append((queued(),))), wire.Appended)


def test_a_descriptor_that_can_be_waited_for_tells_of_work(log: Served) -> None:
    assert select.select([log.server], [], [], 0)[0] == []
    with log.connect():
        assert select.select([log.server], [], [], 0)[0] == [log.server]
        log.server.turn()
        assert select.select([log.server], [], [], 0)[0] == []


def test_closing_hangs_up_on_everybody(tmp_path: Path) -> None:
    with served(tmp_path) as log:
        client = Client(log)
        log.server.turn()
    with client:
        assert client.is_hung_up_on()
    with pytest.raises(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as late:
        late.connect(str(log.path))
