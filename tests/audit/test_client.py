"""Port `Audit` over a socket: what is not acknowledged is refused, and it goes on by itself."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from appliance.audit import client, wire
from appliance.audit.checkpoint import parse_note
from appliance.audit.client import RemoteAudit
from appliance.audit.rights import Rights
from appliance.audit.writer import Writer
from appliance.core.merkle import roots_by_consistency
from appliance.core.records import Draft
from appliance.errors import AuditUnavailable
from appliance.local_sockets import listen
from appliance.ports import Receipt
from tests.audit.logs import BOOT, FailingConnection, allowed, queued
from tests.audit.serving import ME, hosted
from tests.fakes import FakeClock

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "socket"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with closing(Writer(tmp_path / "log", FakeClock(), BOOT, factory=FailingConnection)) as writer:
        yield writer


@pytest.fixture
async def audit(path: Path) -> AsyncIterator[RemoteAudit]:
    audit = RemoteAudit(path, {ME}, FakeClock())
    yield audit
    await audit.close()


@asynccontextmanager
async def impostor(path: Path, serve: Serve) -> AsyncIterator[None]:
    """Something else listens there."""
    async with await asyncio.start_unix_server(serve, path):
        yield


async def test_many_callers_share_one_connection_and_one_commit(
    audit: RemoteAudit, writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    commit = Writer.commit

    def counting(self: Writer, groups: Sequence[Sequence[Draft]]) -> list[Receipt]:
        commits.append(len(groups))
        return commit(self, groups)

    monkeypatch.setattr(Writer, "commit", counting)
    async with hosted(writer, path):
        await audit.append(queued())
        receipts = await asyncio.gather(*(audit.append(queued(n)) for n in range(100)))
    assert [receipt.seq for receipt in receipts] == list(
        range(receipts[0].seq, receipts[0].seq + 100)
    )
    assert commits == [1, 100]


async def test_the_log_tells_its_first_key_and_proves_its_growth(
    audit: RemoteAudit, writer: Writer, path: Path
) -> None:
    async with hosted(writer, path):
        assert await audit.public_key() == writer.public_key
        first = parse_note(await audit.checkpoint()).checkpoint
        await audit.append(*[queued()] * 5)
        second = parse_note(await audit.checkpoint()).checkpoint
        proof = await audit.prove_growth(first.size, second.size)
        found = roots_by_consistency(first.size, second.size, first.root, proof)
        assert found == (first.root, second.root)
        with pytest.raises(AuditUnavailable, match="cannot prove its growth"):
            await audit.prove_growth(first.size, second.size + 1)
        assert audit.refusal == ""


async def test_a_checkpoint_goes_out_and_comes_back_as_an_anchor(
    audit: RemoteAudit, writer: Writer, path: Path
) -> None:
    async with hosted(writer, path):
        receipt = await audit.append(queued())
        note = await audit.checkpoint()
        assert note.splitlines()[1] == str(receipt.seq)
        await audit.record_anchor(receipt.seq, "chat", note)


async def test_while_nobody_listens_everything_is_refused_and_then_it_goes_on(
    audit: RemoteAudit, writer: Writer, path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(AuditUnavailable, match=r"is not running|hung up") as caught:
            await audit.append(queued())
        assert audit.refusal == caught.value.message
        async with hosted(writer, path):
            await audit.append(queued())
            assert audit.refusal == ""


async def test_a_lost_connection_means_not_acknowledged(audit: RemoteAudit, path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        await reader.readline()
        stream.close()

    async with impostor(path, hang_up):
        outcomes = await asyncio.gather(
            *(audit.append(queued()) for _ in range(3)), return_exceptions=True
        )
    assert [str(outcome) for outcome in outcomes] == ["dispatch-audit hung up"] * 3
    assert all(isinstance(outcome, AuditUnavailable) for outcome in outcomes)


async def test_who_does_not_answer_is_not_waited_for_for_ever(
    audit: RemoteAudit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.05)

    async def say_nothing(reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        await reader.read()
        stream.close()

    async with impostor(path, say_nothing):
        with pytest.raises(AuditUnavailable, match=r"did not answer within 0\.05 s"):
            await audit.append(queued())
        await audit.close()


async def test_an_answer_that_comes_too_late_is_nobodys(
    audit: RemoteAudit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer_the_second_time(
        reader: asyncio.StreamReader, stream: asyncio.StreamWriter
    ) -> None:
        await reader.readline()
        await reader.readline()
        for frame_id in (1, 2):
            stream.write(wire.write(frame_id, wire.Appended(frame_id, bytes(32))))
        await reader.read()
        stream.close()

    async with impostor(path, answer_the_second_time):
        with monkeypatch.context() as impatient:
            impatient.setattr(client, "ANSWER_SECONDS", 0.05)
            with pytest.raises(AuditUnavailable):
                await audit.append(queued(1))
        assert (await audit.append(queued(2))).seq == 2
        await audit.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "cannot be understood: a frame is one JSON object"),
        (b"x" * wire.MAX_FRAME_BYTES, "cannot be understood: it does not end its lines"),
        (wire.write(0, wire.Refused("too many are connected", "")), "too many are connected"),
        (wire.write(1, wire.Done()), "answered with Done"),
        (wire.write(1, wire.Rotate()), "the type of the frame is not known here"),
    ],
)
async def test_who_cannot_be_understood_acknowledges_nothing(
    audit: RemoteAudit, path: Path, line: bytes, said: str
) -> None:
    async def serve(reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        await reader.readline()
        stream.write(line)
        stream.close()

    async with impostor(path, serve):
        with pytest.raises(AuditUnavailable, match=said):
            await audit.append(queued())


async def test_somebody_else_is_not_believed_at_the_writers_place(
    writer: Writer, path: Path
) -> None:
    audit = RemoteAudit(path, {ME + 1}, FakeClock())
    async with hosted(writer, path):
        with pytest.raises(AuditUnavailable, match=f"is served by user id {ME}, who does not keep"):
            await audit.append(queued())
    assert audit.refusal


async def test_it_is_the_kernel_that_says_who_listens(writer: Writer, path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("ONLY ROOT CAN ACT AS ANOTHER USER")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        os.seteuid(65534)
        try:
            other.listen()
        finally:
            os.seteuid(0)
        with pytest.raises(AuditUnavailable, match="is served by user id 65534"):
            await RemoteAudit(path, {0}, FakeClock()).append(queued())


async def test_the_reason_of_a_stopped_log_is_told_until_it_is_well_again(
    audit: RemoteAudit, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened() -> closing[Writer]:
        return closing(Writer(tmp_path / "log", FakeClock(), BOOT, factory=FailingConnection))

    with opened() as writer:
        async with hosted(writer, path):
            await audit.append(queued())
            with monkeypatch.context() as failing:
                failing.setattr(FailingConnection, "broken", "disk I/O error")
                with pytest.raises(AuditUnavailable, match="disk I/O error"):
                    await audit.append(queued())
            with pytest.raises(AuditUnavailable, match="disk I/O error"):
                await audit.append(queued())
            assert "disk I/O error" in audit.refusal
    await audit.close()
    with opened() as again:
        async with hosted(again, path):
            await audit.append(queued())
            assert audit.refusal == ""


async def test_it_looks_by_itself_whether_the_writer_is_well(writer: Writer, path: Path) -> None:
    clock = FakeClock()
    audit = RemoteAudit(path, {ME}, clock)
    changed = asyncio.Event()

    async def look() -> None:
        clock.advance(client.LOOK_EVERY_SECONDS)
        for _ in range(50):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(audit.run(changed.set))
        await changed.wait()
        await look()
        assert "is not running" in audit.refusal
        async with hosted(writer, path):
            await look()
            assert audit.refusal == ""
            writer.refusal = "the disk burns"
            await look()
            assert audit.refusal == "the disk burns"
        watching.cancel()
    await audit.close()


async def test_what_one_caller_did_wrong_is_not_held_against_the_log(
    audit: RemoteAudit, writer: Writer, path: Path
) -> None:
    async with hosted(writer, path):
        with pytest.raises(AuditUnavailable, match="too many for dispatch-audit"):
            await audit.append(*(allowed() for _ in range(10_000)))
        with pytest.raises(ValueError, match="nothing to append"):
            await audit.append()
        await audit.append(queued())
        assert audit.refusal == ""


async def test_a_caller_that_is_cancelled_leaves_the_others_alone(
    audit: RemoteAudit, writer: Writer, path: Path
) -> None:
    async with hosted(writer, path), asyncio.TaskGroup() as group:
        await audit.append(queued())
        first = group.create_task(audit.append(queued(1)))
        second = group.create_task(audit.append(queued(2)))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).seq > 0


async def test_a_path_that_we_may_not_use_is_said_so(writer: Writer, path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("ONLY ROOT CAN ACT AS ANOTHER USER")
    with listen(path):
        os.seteuid(65534)
        try:
            with pytest.raises(AuditUnavailable, match="we may not use the audit log's socket"):
                await RemoteAudit(path, {0}, FakeClock()).append(queued())
        finally:
            os.seteuid(0)


async def test_who_may_not_write_is_told_so(writer: Writer, path: Path) -> None:
    audit = RemoteAudit(path, {ME}, FakeClock())
    async with hosted(writer, path, Rights(frozenset(), frozenset())):
        with pytest.raises(AuditUnavailable, match="may not use the audit log"):
            await audit.append(queued())
    await audit.close()
