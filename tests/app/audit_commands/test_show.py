from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from appliance.app.audit_commands.screen import columns
from appliance.audit.writer import Writer, prepare
from appliance.core.events import (
    ActorType,
    ApprovalAsked,
    ApprovalExpired,
    JobInterrupted,
    JobQueued,
    ToolFinished,
    ToolStarted,
    Who,
)
from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.logs import ANNA, BOOT, write
from tests.fakes import FakeClock

ROOT = Who(ActorType.USER, "root", "unix:0")

STORY = """\
Job 12 in web, asked for by anna (telegram:4711)
finished after 16 s · 3 calls, 1 denied · $0.41 · 55,300 tokens

Friday, 2027-01-15 UTC
08:00:01  anna (telegram:4711) wrote                                         [2]
          │ /run ship release 12.2 to production
          │ and tell me when the tests are green
08:00:02  → allowed by default.csv:14                                        [3]

08:00:03  may job 12 start? rule default.csv:31 asks · KQ7M12                [4]
          │ ship release 12.2 to production
          │ and tell me when the tests are green
          in /srv/web · may answer: operator or owner
08:00:04  → eve (telegram:666) tried to answer and was refused: may not      [5]
          answer this approval
08:00:05  → approved by ben (telegram:815) after 2 s                         [6]

08:00:06  queued                                                             [7]
08:00:07  started as prompt, isolation: bubblewrap                           [8]

08:00:08  Bash allowed by default.csv:52                                     [9]
          │ make test
08:00:10  → ran after 1 s                                                   [11]
          │ 184 passed in 12.31s

08:00:11  Read denied by default.csv:60: outside of the project             [12]
          │ Read
          │ file_path: /etc/shadow

08:00:12  Bash: may this run? rule default.csv:47 asks · ZW2C12             [13]
          │ ./migrate --environment production --yes
          in /srv/web · may answer: who asked for the job
08:00:13  → approved by anna (telegram:4711) after 1 s                      [14]
08:00:14  → allowed by default.csv:47                                       [15]
08:00:16  → ran after 1 s                                                   [17]
          │ 3 migrations applied
          │ 3 migrations applied
          │ 3 migrations applied

08:00:17  finished                                                          [18]
          │ Release 12.2 is live.
          │
          │ All 184 tests are green, 3 migrations applied.

signed by the key of epoch 1, head 18
no anchor since: nothing but that key protects it
whether it is what was signed, tells: dispatchctl audit verify
"""


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Records 2 to 18 are job 12; each is one second after the one before."""
    return write(tmp_path, [[event] for event in life(12)], FakeClock())


def writer(database: Path) -> closing[Writer]:
    return closing(Writer(database.parent, FakeClock(1_800_003_600_000), BOOT))


def shown(*arguments: object) -> str:
    status, lines = audit("show", *arguments)
    assert status == 0
    assert all(line.isprintable() and columns(line) <= 80 for line in lines)
    return "\n".join(lines)


def test_a_job_is_told_from_the_message_to_the_result(database: Path) -> None:
    assert shown("job:12", database) == STORY.removesuffix("\n")


def test_a_job_that_went_wrong_says_what_is_not_known(tmp_path: Path) -> None:
    agent = Who.agent(7)
    events = [
        JobQueued(who=ANNA, cause=("k",), job=7, project="web", kind="prompt", after=6),
        ToolStarted(who=agent, job=7, request="t1", tool="Bash"),
        ToolStarted(who=agent, job=7, request="t2", tool="Edit"),
        ToolFinished(
            who=agent, job=7, request="t2", is_error=True, output_sha256="", output="no such file"
        ),
        ApprovalAsked(
            who=agent,
            job=7,
            request="t3",
            approval="A",
            object="Bash",
            project="web",
            directory="/",
            rule="",
            input_sha256="",
            expires_at=0,
        ),
        ApprovalExpired(job=7, request="t3", approval="A"),
        JobInterrupted(cause=("k",), job=7, reason="the appliance restarted"),
    ]
    page = shown("job:7", write(tmp_path, [[event] for event in events], FakeClock()))
    for sentence in (
        "queued, to run after job 6",
        "Bash: no decision is recorded",
        "→ started; no end is recorded",
        "→ failed after 1 s",
        "│ no such file",
        "→ expired after 1 s: nobody answered",
        "interrupted: the appliance restarted; whether it took effect is",
    ):
        assert sentence in page


def test_a_job_without_an_end_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, [[event] for event in life(12)[:4]], FakeClock())
    page = shown("job:12", path)
    assert "no end is recorded" in page
    assert "no answer is recorded" in page


def test_long_texts_are_cut_unless_all_of_them_is_wanted(tmp_path: Path) -> None:
    output = "\n".join(f"line {number}" for number in range(40))
    event = ToolFinished(
        who=Who.agent(7), job=7, request="t", is_error=False, output_sha256="", output=output
    )
    path = write(tmp_path, [[event]], FakeClock())
    assert "└ 29 more lines: --full" in shown("job:7", path)
    assert "line 39" in shown("job:7", path, "--full")


def test_a_record_shows_all_of_its_fields_and_what_led_to_it(database: Path) -> None:
    page = shown("13", database)
    for line in (
        "Record 13: approval.asked",
        "at            Friday, 2027-01-15 08:00:12 UTC",
        "who           agent (job:12), agent",
        "rule          /etc/dispatch/policies/default.csv:47",
        "because of    telegram:bot:9012",
        "              [2] message.received by anna (telegram:4711)",
        "part of       job 12: dispatchctl audit show job:12",
        "expires_at    Friday, 2027-01-15 08:20:00 UTC",
        "          │ ./migrate --environment production --yes",
    ):
        assert line in page.splitlines()


def test_a_redacted_value_says_who_did_it_and_why(database: Path) -> None:
    with writer(database) as log:
        log.redact(2, "text", "it named a customer", ROOT)
    for what in ("job:12", "2"):
        page = shown(what, database)
        assert "ship release" not in page.partition("may job 12 start?")[0]
        assert "text was redacted by root (unix:0) on 2027-01-15 09:00: it named a" in page
    told = json.loads(audit("show", "2", database, "--json")[1][0])
    assert (told["values"], told["gone"]) == ({}, {"text": 21})


def test_a_value_that_is_missing_without_a_record_is_called_so(database: Path) -> None:
    run(database, "DELETE FROM payload WHERE seq=2")
    assert "text is missing, and no record says why" in shown("job:12", database)
    told = json.loads(audit("show", "2", database, "--json")[1][0])
    assert told["gone"] == {"text": None}


def test_a_pruned_record_says_who_did_it_and_keeps_its_hash(database: Path) -> None:
    with writer(database) as log:
        log.prune(5, "older than a year", ROOT)
    page = shown("3", database)
    assert page.startswith("Record 3 is not kept\nit was pruned by root (unix:0) on 2027-01-15")
    told = json.loads(audit("show", "3", database, "--json")[1][0])
    assert (told["pruned"], told["told_by"], len(told["leaf"])) == (True, 21, 64)


def test_anchors_that_cover_a_record_are_named(database: Path) -> None:
    with writer(database) as log:
        note = log.head()
        log.record_anchor(note.checkpoint.size, "telegram:4711", str(note))
    assert "anchored to telegram:4711, head 20" in shown("job:12", database)
    told = json.loads(audit("show", "18", database, "--json")[1][0])
    assert told["protection"]["anchors"] == [{"sink": "telegram:4711", "size": 20}]


def test_a_story_as_json_points_at_its_records(database: Path) -> None:
    (line,) = audit("show", "job:12", database, "--json")[1]
    told = json.loads(line)
    assert (told["format"], told["job"], told["project"]) == (1, 12, "web")
    assert (told["message"], told["decision"], told["ending"]) == (2, 3, 18)
    assert told["approvals"] == [
        {"id": "KQ7M12", "asked": 4, "answer": 6, "strangers": [5], "milliseconds": 2000}
    ]
    assert [call["finished"] for call in told["calls"]] == [11, None, 17]
    assert [entry["seq"] for entry in told["records"]] == list(range(2, 19))
    assert told["records"][0]["values"]["text"].startswith("/run ship")


def test_another_job_of_the_same_number_is_mentioned(database: Path) -> None:
    with writer(database) as log:
        event = JobQueued(who=ANNA, cause=("other",), job=12, project="app", kind="prompt")
        log.commit([[prepare(event)]])
    assert "another job had this number before: record 4" in shown("job:12", database)


@pytest.mark.parametrize("what", ["99", "job:99", "0", "job", "job:-1", "12.5", ""])
def test_what_is_not_there_is_one_clear_sentence(what: str, database: Path) -> None:
    with pytest.raises(ApplianceError, match=r"record|job"):
        audit("show", what, database)
