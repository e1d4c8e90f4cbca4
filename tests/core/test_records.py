from __future__ import annotations

import json
from dataclasses import replace

import pytest

from appliance.core.events import (
    ActorType,
    AgentTested,
    ApprovalAsked,
    Event,
    JobFinished,
    JobStarted,
    MessageReceived,
    RequestDenied,
    ToolFinished,
    Who,
    event_names,
)
from appliance.core.model import Millis
from appliance.core.records import (
    MAX_RECORD_BYTES,
    NO_PREVIOUS,
    SALT_BYTES,
    Outcome,
    Record,
    Value,
    chain,
    commitment,
    decode,
    draft,
    encode,
    leaf_hash,
    outcome_of,
)

ANNA = Who(ActorType.USER, "anna", "telegram:4711")
RECORD = Record(
    log="dispatch-audit/0123",
    seq=7,
    time=Millis(1_800_000_000_000),
    mono=12_345,
    boot="b1",
    kind="request.denied",
    actor=ANNA,
    session="",
    cause=("telegram:1:8",),
    outcome=Outcome.DENIED,
    data={"object": "rm -rf /", "count": 3, "sure": True, "by": ("lead", "owner")},
    commitments={"input": bytes(range(32))},
    previous=NO_PREVIOUS,
)
TELEGRAM_TOKEN = "123456789:" + "AA" + "x" * 33


def salt() -> bytes:
    return bytes(SALT_BYTES)


def denied(**changes: object) -> RequestDenied:
    fields = {"act": "bash", "object": "rm", "project": "web", "rule": "r:1", "reason": "no"}
    return RequestDenied(who=ANNA, **(fields | changes))  # type: ignore[arg-type]


# --- the encoding


def test_the_encoding_is_the_published_one() -> None:
    assert encode(RECORD).decode() == (
        '{"actor":{"auth":"telegram:4711","id":"anna","type":"user"},"boot":"b1",'
        '"c":{"input":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},'
        '"cause":["telegram:1:8"],'
        '"d":{"by":["lead","owner"],"count":3,"object":"rm -rf /","sure":true},'
        '"kind":"request.denied","log":"dispatch-audit/0123","mono":12345,"outcome":"denied",'
        f'"prev":"{"0" * 64}","seq":7,"session":"","t":1800000000000,"v":1}}'
    )
    assert leaf_hash(encode(RECORD)).hex() == (
        "539112613e142b7d1f058d099aba30cd661a2ec954766889465b62ba81862cb6"
    )


def test_a_record_comes_back_as_it_was() -> None:
    assert decode(encode(RECORD)) == RECORD


def test_lone_surrogates_are_escaped_and_come_back() -> None:
    record = replace(RECORD, data={"object": "a\ud800b\udfff 🎉"})
    assert b"\\ud800" in encode(record)
    assert decode(encode(record)) == record


def test_two_halves_that_meet_are_one_character() -> None:
    record = replace(RECORD, data={"object": "\ud83c\udf89\udf89"})
    assert decode(encode(record)).data["object"] == "🎉\udf89"


def other(**changes: object) -> bytes:
    """The record's JSON with some fields changed; None removes one."""
    fields = {**json.loads(encode(RECORD)), **changes}
    kept = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 60_000,
        encode(RECORD)[:-1],
        encode(RECORD) + b"\n",
        b" " + encode(RECORD),
        encode(RECORD).replace(b'"seq":7', b'"seq":7,"seq":7'),
        encode(RECORD).replace(b'"seq":7', b'"seq":7.0'),
        encode(RECORD).replace(b'"seq":7', b'"seq":-0'),
        encode(RECORD).replace(b'"seq":7', b'"seq":9007199254740992'),
        encode(RECORD).replace(b'"seq":7', b'"seq":' + b"9" * 5000),
        encode(RECORD).replace(b'"seq":7', b'"seq":true'),
        encode(RECORD).replace(b'"seq":7', b'"seq":NaN'),
        encode(RECORD).replace(b"anna", b"\\u0061nna"),
        other(v=2),
        other(v=True),
        other(x=1),
        other(seq=None),
        other(kind="Request"),
        other(outcome="fine"),
        other(prev="00"),
        other(prev="A" * 64),
        other(cause="text"),
        other(cause=[1]),
        other(actor={"type": "user", "id": "anna"}),
        other(actor={"type": "god", "id": "anna", "auth": ""}),
        other(d=[]),
        other(d={"A": 1}),
        other(d={"a": 1.5}),
        other(d={"a": {}}),
        other(d={"a": [1]}),
        other(d={"a": 2**53}),
        other(c={"input": "00"}),
        other(boot=1),
        other(d={"a": "x" * MAX_RECORD_BYTES}),
    ],
)
def test_what_encode_would_not_write_is_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(encoded)


# --- events become drafts, and drafts records


def recorded(event: Event) -> Record:
    """The record of an event, in the place of RECORD."""
    ((seq, encoded, leaf),) = chain(
        [draft(event, salt)],
        log=RECORD.log,
        boot=RECORD.boot,
        time=RECORD.time,
        mono=RECORD.mono,
        seq=RECORD.seq,
        previous=RECORD.previous,
    )
    assert (seq, leaf) == (RECORD.seq, leaf_hash(encoded))
    assert len(encoded) <= MAX_RECORD_BYTES
    return decode(encoded)


def test_a_record_is_an_event_in_its_place() -> None:
    found = recorded(denied(cause=("telegram:1:8",)))
    assert found == replace(RECORD, data=found.data, commitments={})


def test_each_record_repeats_the_hash_of_the_one_before() -> None:
    drafts = [draft(denied(), salt) for _ in range(3)]
    rows = chain(drafts, log="l", boot="b", time=Millis(1), mono=2, seq=5, previous=NO_PREVIOUS)
    assert [seq for seq, _, _ in rows] == [5, 6, 7]
    hashes = [NO_PREVIOUS, *(leaf for _, _, leaf in rows)]
    assert [decode(encoded).previous for _, encoded, _ in rows] == hashes[:-1]


def test_public_fields_go_into_the_record_and_private_ones_beside_it() -> None:
    event = denied(input='{"command":"rm"}', cause=("telegram:1:8",))
    record = recorded(event)
    assert record.kind == "request.denied"
    assert record.actor == ANNA
    assert record.cause == ("telegram:1:8",)
    assert record.data["object"] == "rm"
    assert "input" not in record.data
    (value,) = draft(event, salt).values
    assert record.commitments == {"input": value.commitment}
    assert value == Value("input", salt(), '{"command":"rm"}')
    assert value.commitment == commitment(salt(), b'{"command":"rm"}')


def test_the_session_of_an_event_is_a_field_of_every_record() -> None:
    made = recorded(
        JobStarted(job=1, project="web", kind="prompt", isolation="none", session="s-1")
    )
    assert made.session == "s-1"
    assert "session" not in made.data


def test_secrets_are_taken_out_of_all_fields() -> None:
    event = denied(
        object=f"curl bot{TELEGRAM_TOKEN}", input=TELEGRAM_TOKEN, cause=(TELEGRAM_TOKEN,)
    )
    assert TELEGRAM_TOKEN not in repr(draft(event, salt))


def test_a_secret_is_found_before_the_text_is_cut() -> None:
    for before in range(8_192 - len(TELEGRAM_TOKEN) - 2, 8_192 + 2):
        made = recorded(denied(object="y" * before + " " + TELEGRAM_TOKEN + " " + "z" * 30_000))
        assert TELEGRAM_TOKEN[:20] not in str(made.data["object"])


def test_long_texts_are_cut_and_say_so() -> None:
    event = denied(object="x" * 100_000, input="y" * 1_000_000)
    assert recorded(event).data["object"] == "x" * 8_192 + "… [cut]"
    assert draft(event, salt).values[0].text == "y" * 65_536 + "… [cut]"


def test_a_lone_surrogate_in_a_private_value_is_kept_as_its_escape() -> None:
    (value,) = draft(MessageReceived(key="k", place="p", text="a\ud800"), salt).values
    assert value.text == "a\\ud800"


def test_what_no_record_can_hold_is_refused() -> None:
    event = JobFinished(
        job=1,
        cost_microdollars=2**53,
        input_tokens=0,
        output_tokens=0,
        duration_ms=0,
        answer_sha256="",
    )
    with pytest.raises(ValueError, match="cost_microdollars"):
        draft(event, salt)


def test_no_event_is_too_large_for_a_record() -> None:
    worst = "\x00" * 20_000  # six bytes each in JSON
    event = ApprovalAsked(
        who=Who(ActorType.USER, worst, worst),
        cause=(worst,) * 1_000,
        approval=worst,
        job=1,
        request=worst,
        object=worst,
        project=worst,
        directory=worst,
        rule=worst,
        input_sha256=worst,
        expires_at=1,
        by=(worst,) * 1_000,
        input=worst,
    )
    assert "[cut]" in str(recorded(event).data["object"])


# --- outcomes


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (denied(), Outcome.DENIED),
        (ToolFinished(job=1, request="t", is_error=False, output_sha256=""), Outcome.SUCCEEDED),
        (ToolFinished(job=1, request="t", is_error=True, output_sha256=""), Outcome.FAILED),
        (AgentTested(agent="claude", version="2", passed=True), Outcome.SUCCEEDED),
        (AgentTested(agent="claude", version="2", passed=False), Outcome.FAILED),
        (MessageReceived(key="k", place="p"), Outcome.NOTED),
    ],
)
def test_the_outcome_follows_from_the_event(event: Event, outcome: Outcome) -> None:
    assert outcome_of(event.name, event.data()) is outcome
    assert recorded(event).outcome is outcome


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("request.allowed", "allowed"),
        ("approval.asked", "asked"),
        ("approval.given", "allowed"),
        ("approval.refused", "denied"),
        ("approval.expired", "denied"),
        ("job.finished", "succeeded"),
        ("job.failed", "failed"),
        ("job.timed_out", "failed"),
        ("job.cancelled", "cancelled"),
        ("job.interrupted", "unknown"),
        ("policy.rejected", "failed"),
        ("sandbox.refused", "denied"),
        ("daemon.started", "noted"),
    ],
)
def test_the_name_of_an_event_tells_its_outcome(kind: str, outcome: str) -> None:
    assert kind in event_names()
    assert outcome_of(kind, {}) == outcome
