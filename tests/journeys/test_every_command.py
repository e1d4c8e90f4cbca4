"""Every command, with and without what it needs and in wrong forms: one clear answer to each.

In a private chat, in a topic of a group, and at the terminal; one daemon for all of it. What is
put is looked at, and not what has been sent: a chat takes one message a second.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from appliance.app.control_client import ControlClient
from appliance.core.commands import BUILTINS
from appliance.core.model import Reply
from appliance.storage.codec import reply_from_text
from tests.journeys.house import ALICE, NOTICES, PATIENCE_SECONDS, House

FORUM, TOPIC = -1001234, 7
PLACES = (ALICE, FORUM, "terminal")
LONGEST_PAGE = 16
"""Lines: a screen of a phone."""

NO_QUESTION = "There is no such question. Compare the id, or press its button."
NO_AWAKE = "[awake] enabled is false in dispatch.toml."
IN_SETTINGS = "stands in dispatch.toml, so only there it can be taken out."
NO_CHANGES = "it was a command, and only what an agent changes is kept."
ASLEEP = "Every job is interrupted, every command and tool call is refused"
LISTS_JOBS = "/jobs lists the latest"

Forms = Mapping[str, str]
"""What is typed, and words of the answer."""

FORMS: Mapping[str, Forms] = {
    "run": {
        "/run": "Run what? Write: /run TASK",
        "/run   ": "Run what?",
        "/run --after": "--after wants a job's number, as in: /run --after 12 TASK",
        "/run --after x y": "--after wants a job's number",
        "/run --after 99 look": f"There is no job 99 to wait for. {LISTS_JOBS}",
        "/run /status": "/run takes a task or a recipe.",
        "/run --worktree": "What is to be done there?",
    },
    "plan": {"/plan": "Plan what? Write: /plan TASK"},
    "ask": {"/ask": "Ask what? Write: /ask QUESTION"},
    "after": {
        "/after": "After which job, and what? Write: /after JOB TASK",
        "/after 1": "After which job, and what?",
        "/after x test": "After which job, and what?",
        "/after 99 /test": "There is no job 99 to wait for.",
    },
    "status": {
        "/status": "all well",
        "/status more": "up ",
        "/status nonsense": "all well",
        "/STATUS": "all well",
        "/Status@test_bot": "all well",
    },
    "jobs": {"/jobs": "1 · done", "/jobs 1": "1 · done"},
    "queue": {"/queue": "Nothing waits.", "/queue x": "Nothing waits."},
    "log": {
        "/log 1": "asked for by me",
        "/log 99": "Which job? /jobs lists the latest ones; write: /log JOB",
        "/log x": "No job called x. /jobs lists them.",
    },
    "diff": {
        "/diff 1": NO_CHANGES,
        "/diff 99": "There is no such job here whose changes could be shown.",
        "/diff x": "What of which job? Write: /diff JOB, /diff JOB 2 or /diff JOB all",
        "/diff 1 2 3 4": "What of which job?",
        "/diff 1 all": NO_CHANGES,
    },
    "worktree": {
        "/worktree": "What is to be done there? Write: /worktree TASK",
        "/worktree /status": "What is to be done there?",
    },
    "tree": {
        "/tree": "Which worktree? Write: /tree merge JOB, /tree keep JOB or /tree remove JOB",
        "/tree merge": "Which worktree?",
        "/tree merge 99": "There is no such job here",
        "/tree burn 1": "Which worktree?",
        "/tree keep 1": "job 1 has no worktree of its own.",
    },
    "revert": {
        "/revert": "Revert which job? Write: /revert JOB",
        "/revert 99": "There is no such job here",
        "/revert 1": NO_CHANGES,
        "/revert 1 now": "Revert which job?",
    },
    "stop": {
        "/stop": "Nothing of yours is running here.",
        "/stop 99": "Nothing of yours is running here.",
        "/stop x": "No job called x. Write: /stop or /stop 12",
        "/stop 1": "Nothing of yours is running here.",
    },
    "resume": {
        "/resume": "Resume which job? Write: /resume JOB",
        "/resume x": "Resume which job?",
        "/resume 99": f"Job 99 cannot be resumed. {LISTS_JOBS}",
        "/resume 1": "Job 1 cannot be resumed.",
    },
    "retry": {
        "/retry 99": f"There is nothing to try again here. {LISTS_JOBS}",
        "/retry x": "No job called x.",
    },
    "move": {
        "/move": "Move which job? Write: /move JOB",
        "/move x": "Move which job?",
        "/move 99": f"There is no task of yours to move. {LISTS_JOBS}",
        "/move 1": "There is no task of yours to move.",
    },
    "approve": {
        "/approve": "/approve wants the id that the question shows: /approve k7m2p9qd",
        "/approve X": "/approve wants the id",
        "/approve zzzz": NO_QUESTION,
        "/approve p-zzzz": "There is no such proposal any more.",
    },
    "deny": {
        "/deny": "/deny wants the id that the question shows: /deny k7m2p9qd",
        "/deny zzzz": NO_QUESTION,
        "/deny zzzz because": NO_QUESTION,
    },
    "details": {
        "/details": "/details wants the id",
        "/details zzzz": "There is no such question, or it is not yours to look at.",
    },
    "again": {
        "/again": "/again wants the id",
        "/again zzzz": "There is no such question, or it is not yours to ask again.",
    },
    "answer": {
        "/answer": "Answer which question? Write: /answer ID WORDS",
        "/answer zzzz": "Answer which question?",
        "/answer zzzz 1": NO_QUESTION,
    },
    "project": {
        "/project": "Project: demo",
        "/project nope": "There is no project called “nope”. /project lists them.",
        "/project ../..": "There is no project called “../..”.",
        "/project demo": "Project is now demo.",
    },
    "new": {"/new": "Forgotten. The next message starts afresh", "/new x": "Forgotten."},
    "sessions": {
        "/sessions": "Nothing to go on with here yet in demo.",
        "/sessions 99": "There is no such session here. /sessions lists them.",
        "/sessions x": "No job called x.",
    },
    "send": {
        "/send": "Send which file? Write: /send PATH, as seen from the project",
        "/send nope.txt": "nope.txt is not sent: there is no such file in the project.",
        "/send ../secret": "Not allowed: it is outside the project; no rule allows it",
        "/send .env": 'Not allowed: ".env" is protected; no rule allows it',
    },
    "awake": {
        "/awake": NO_AWAKE,
        "/awake 3 days": "How long? Write: /awake 8h, /awake until 18:00 or /awake off",
        "/awake off": NO_AWAKE,
        "/awake 8h": NO_AWAKE,
    },
    "wake": {
        "/wake": "Wake which machine? Write: /wake HOST, by its name in dispatch.toml",
        "/wake nas": "There is no host to wake: none is in dispatch.toml ([hosts.NAME]).",
        "/wake ../x": "Wake which machine?",
    },
    "users": {"/users": "2 users", "/users x": "2 users"},
    "grant": {
        "/grant": "Write who and what: /grant bob developer",
        "/grant bob": "Write who and what:",
        "/grant bob nobody-knows": "There is no role or project called “nobody-knows”; there is",
        "/grant nobody dev": "There is no user called “nobody”; there is bob, me.",
    },
    "revoke": {
        "/revoke": "Write who and what: /revoke bob developer",
        "/revoke bob nobody-knows": "There is no role or project called “nobody-knows”",
    },
    "audit": {
        "/audit": "signed ✓",
        "/audit 1": "job.finished",
        "/audit 99": "Nothing like that among the records looked at.",
        "/audit a b c": "Write /audit, or /audit with a user, a job's number or: today",
        "/audit today": "signed ✓",
    },
    "lockdown": {
        "/lockdown": ASLEEP,
        "/lockdown lost my phone": ASLEEP,
        "/lockdown lift": "Only the host lifts a lockdown: dispatchctl lockdown lift",
    },
    "why": {"/why": "What would allow it", "/why x": "Refused "},
    "settings": {
        "/settings": "Settings of this conversation",
        "/settings nonsense": "Set what? Write: /settings language, zone, jobs or quiet",
        "/settings zone": "Any other: /settings zone Europe/Madrid",
        "/settings zone Nowhere": "There is no time zone Nowhere.",
        "/settings language xx": "Which language? Write: /settings language en, or de",
        "/settings quiet 25-99": "When is it quiet? Write: /settings quiet 22:00-07:00, or off",
    },
    "help": {
        "/help": "What you may do here",
        "/help work": "/plan TASK",
        "/help nonsense": "What you may do here",
        "/start": "What you may do here",
    },
    "pair": {
        "/pair": "/pair is for groups. A new account is paired at the host: dispatchctl pair NAME",
        "/pair x": "/pair is for groups.",
    },
    "unpair": {"/unpair": IN_SETTINGS, "/unpair x": IN_SETTINGS, "/unpair yes": IN_SETTINGS},
}

OTHERS: Forms = {
    "/": "There is no command /. /help lists what you may do.",
    "//": "There is no command //.",
    "/statsu": "There is no command /statsu. Did you mean /status?",
    "/more": "More of what? Press the button below it.",
    "/more 99": "There is nothing more of that.",
    "/commit": "/commit needs message: a line of text",
    "/git": "/git needs one of: /git status",
}

IN_A_GROUP: Forms = {
    "/pair": "From now on I work in this topic",
    "/pair x": "From now on I work in this topic",
    "/unpair": "I do not work in this topic any more, and say nothing more here.",
}
AFTERWARDS = ("/unpair x", "/unpair yes")
"""Nobody listens in the group by then."""

AT_THE_TERMINAL: Forms = dict.fromkeys(
    FORMS["unpair"], "Only Telegram accounts are paired, and this is none: nothing to end."
)

WRONG = ("Traceback", "Error", "None", " object at ", "{", "()", "..  ")


def test_each_command_is_here() -> None:
    assert set(FORMS) == {builtin.word for builtin in BUILTINS}


async def test_each_is_answered_by_a_sentence_or_a_page(tmp_path: Path) -> None:
    forms = dict(OTHERS)
    for each in FORMS.values():  # /unpair is the last one
        forms |= each
    drafts = {text: forms.pop(text) for text in tuple(forms) if " 99 " in text}
    async with House(tmp_path, None) as house:
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")
        house.tg.add_chat(FORUM, is_forum=True)
        house.tg.user_says(FORUM, "/pair", user_id=ALICE, topic=TOPIC)
        await house.reads("From now on", FORUM)
        house.tg.user_says(FORUM, "/status@another_bot", user_id=ALICE, topic=TOPIC)
        await all_fit(house, drafts)  # /queue would show them
        await all_fit(house, forms)
        assert house.daemon is not None
        assert house.daemon.returncode is None
        assert "Traceback" not in house.log_text().decode()


async def all_fit(house: House, forms: Forms) -> None:
    """At all three places at once."""
    grouped = {text: words for text, words in forms.items() if text not in AFTERWARDS}
    private, group, host = (len(list(answers(house, place))) for place in PLACES)
    for text in forms:
        house.tg.user_says(ALICE, text)
    for text in grouped:
        house.tg.user_says(FORUM, text, user_id=ALICE, topic=TOPIC)
    await asyncio.to_thread(at_the_terminal, house, list(forms))
    fits(forms, (await enough(house, ALICE, private + len(forms)))[private:])
    fits(_at(IN_A_GROUP, grouped), (await enough(house, FORUM, group + len(grouped)))[group:])
    fits(_at(AT_THE_TERMINAL, forms), (await enough(house, "terminal", host + len(forms)))[host:])


def _at(place: Forms, forms: Forms) -> Forms:
    return {text: place.get(text, words) for text, words in forms.items()}


def at_the_terminal(house: House, texts: list[str]) -> None:
    with ControlClient(house.home / "control.sock") as client:
        for text in texts:
            client.say(text)


async def enough(house: House, place: int | str, count: int) -> list[Reply]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found := list(answers(house, place))) < count:
            await asyncio.sleep(0.05)
    assert len(found) == count, [reply.body.text for reply in found[count:]]
    return found


def answers(house: House, place: int | str) -> Iterator[Reply]:
    """What was put there in answer to somebody, and not about a job."""
    database = f"file:{house.home}/state/state.db?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as state:
        rows = state.execute(
            "SELECT reply, attachment FROM outbox WHERE kind = 'new' AND job IS NULL AND "
            "instr(place, ?) ORDER BY id",
            (f'"{place}"',),
        ).fetchall()
    replies = (reply_from_text(text, attachment) for text, attachment in rows)
    return (reply for reply in replies if not reply.body.text.startswith(NOTICES))


def fits(expected: Forms, replies: list[Reply]) -> None:
    """One answer to each; what is urgent goes before the rest."""
    left = [reply.body.text for reply in replies]
    for typed, words in expected.items():
        said = next((said for said in left if words in said), None)
        assert said is not None, f"{typed}: {left}"
        left.remove(said)
        assert not [wrong for wrong in WRONG if wrong in said], f"{typed}: {said}"
        assert said.count("\n") < LONGEST_PAGE, f"{typed}: {said}"
    assert left == []
    assert [reply.body.text for reply in replies if not reply.silent] == []
