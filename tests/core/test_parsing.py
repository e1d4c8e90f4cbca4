"""Chat text to commands: everything that must answer, and everything odd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.commands import (
    Answer,
    Ask,
    CallRecipe,
    Command,
    Help,
    Mistake,
    ResumeJob,
    Run,
    ShowJobs,
    ShowStatus,
    StartAfresh,
    StayAwake,
    StopJob,
    UseProject,
    WakeUp,
)
from appliance.core.hidden import readable, shown
from appliance.core.keep_awake import For, Off, Until
from appliance.core.model import (
    ApprovalId,
    JobId,
    Parameter,
    ParameterKind,
    ProjectName,
    Recipe,
)
from appliance.core.parsing import MAX_TASK_CHARACTERS, parse
from appliance.core.wake_on_lan import HostName

DEPLOY = Recipe(
    words=("deploy",),
    summary="deploy it",
    argv=("./deploy", "{target}"),
    parameters=(Parameter("target", ParameterKind.CHOICE, ("staging", "prod")),),
)
STATUS = Recipe(words=("git", "status"), summary="status", argv=("git", "status"))
RECIPES = (DEPLOY, STATUS)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("fix the bug", Run("fix the bug")),
        ("/run fix it", Run("fix it", fresh=True)),
        ("/run@my_bot fix it", Run("fix it", fresh=True)),
        ("/Run fix it", Run("fix it", fresh=True)),
        ("/run\nfix\nit", Run("fix\nit", fresh=True)),
        ("/run --after 12 fix it", Run("fix it", fresh=True, after=JobId(12))),
        ("/ask why?", Ask("why?")),
        ("/status", ShowStatus()),
        ("/jobs", ShowJobs()),
        ("/stop", StopJob()),
        ("/awake", StayAwake()),
        ("/awake 8h", StayAwake(For(480))),
        ("/awake until 18:00", StayAwake(Until(1080))),
        ("/awake off", StayAwake(Off())),
        ("/wake nas-2", WakeUp(HostName("nas-2"))),
        ("/stop 3", StopJob(JobId(3))),
        ("/stop #3", StopJob(JobId(3))),
        ("/resume 3", ResumeJob(JobId(3))),
        ("/approve bcdfghjkmn", Answer(ApprovalId("bcdfghjkmn"), True)),
        ("/deny bcdfghjkmn not now", Answer(ApprovalId("bcdfghjkmn"), False, "not now")),
        ("/project", UseProject()),
        ("/project demo", UseProject(ProjectName("demo"))),
        ("/new", StartAfresh()),
        ("/help", Help()),
        ("/start", Help()),
        ("/deploy prod", CallRecipe(DEPLOY, ("./deploy", "prod"), "/deploy prod")),
        ("/git status", CallRecipe(STATUS, ("git", "status"), "/git status")),
        (
            "/run --after 4 /git status",
            CallRecipe(STATUS, ("git", "status"), "/git status", JobId(4)),
        ),
    ],
)
def test_a_text_becomes_its_command(text: str, command: Command) -> None:
    assert parse(text, RECIPES) == command


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "nothing in that I can read"),
        ("   \n ", "nothing in that I can read"),
        ("/", "no command"),
        ("/stauts", "Did you mean /status?"),
        ("/frobnicate", "/help"),
        ("/deploy", "target"),
        ("/deploy moon", "staging"),
        ("/git", "/git status"),
        ("/git push", "/git status"),
        ("/run", "Run what"),
        ("/run --after x y", "job's number"),
        ("/ask", "Ask what"),
        ("/stop everything", "/stop 12"),
        ("/approve", "id"),
        ("/approve ../../etc", "id"),
        ("/resume", "Resume which"),
        ("x" * (MAX_TASK_CHARACTERS + 1), "50,001 characters"),
    ],
)
def test_what_cannot_be_followed_says_what_to_do(text: str, word: str) -> None:
    command = parse(text, RECIPES)
    assert isinstance(command, Mistake)
    assert word in str(command.sentence)
    assert len(str(command.sentence)) < 300


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_a_command_or_a_mistake(text: str) -> None:
    command = parse(text, RECIPES)
    if isinstance(command, Run):
        command.text.encode()  # no lone surrogates get further than this


@given(st.text(st.characters(), max_size=200))
def test_readable_text_hides_nothing(text: str) -> None:
    seen = readable(text)
    assert not set(seen) & set("\u202e\u2066\u200b\ufeff\x00\x1b\r")


def test_direction_overrides_are_written_out() -> None:
    assert readable("rm \u202e/ fr-") == "rm \\u202e/ fr-"


def test_emoji_with_joiners_stay_whole() -> None:
    assert readable("👩‍👩‍👧") == "👩‍👩‍👧"


def test_shown_is_one_short_line() -> None:
    assert shown("a\nb" * 100, 10) == "a ba ba b…"
