"""What came in, as a command and the words by which policy judges it."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import (
    Answer,
    Ask,
    CallRecipe,
    Command,
    ExplainRefusal,
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
    parse,
)
from appliance.core.model import (
    ApprovalId,
    Click,
    Edited,
    Incoming,
    JobId,
    Message,
    ProjectName,
    Recipe,
)
from appliance.core.words import phrase


def command_of(incoming: Incoming, recipes: Sequence[Recipe]) -> Command:
    """The command of a message's text, or of the button that was pressed."""
    match incoming:
        case Message(text=text):
            return parse(text, recipes)
        case Click(token=token):
            return _pressed(token)
        case Edited():
            return Mistake(
                phrase("I only read what you sent first. Send the change as a new message.")
            )


def _pressed(token: str) -> Command:
    """Buttons carry a letter and an id, nothing that could be trusted by itself."""
    kind, _, value = token.partition(":")
    match kind:
        case "a" | "d" | "j" if value.isascii() and value.isalnum():
            return Answer(ApprovalId(value), is_granted=kind != "d", for_job=kind == "j")
        case "s" | "r" if value.isdecimal() and len(value) <= 10:
            job = JobId(int(value))
            return StopJob(job) if kind == "s" else ResumeJob(job)
        case "p":
            return UseProject(ProjectName(value))
        case _:
            return Mistake(phrase("This button is not known any more."))


def typed(token: str) -> str:
    """What to write instead of pressing the button, where there are no buttons; "" if unknown."""
    match _pressed(token):
        case Answer(approval=approval, is_granted=False):
            return f"/deny {approval}"
        case Answer(approval=approval, for_job=for_job):
            return f"/approve {approval} job" if for_job else f"/approve {approval}"
        case StopJob(job=job):
            return f"/stop {job}"
        case ResumeJob(job=job):
            return f"/resume {job}"
        case UseProject(name=name):
            return f"/project {name}"
        case _:
            return ""


_WORDS: dict[type, str] = {
    Run: "/run",
    Ask: "/ask",
    ShowStatus: "/status",
    ShowJobs: "/jobs",
    StopJob: "/stop",
    ResumeJob: "/resume",
    UseProject: "/project",
    StartAfresh: "/new",
    StayAwake: "/awake",
    ExplainRefusal: "/why",
    Help: "/help",
}


def words_of(command: Command) -> str:
    """How policy names the command: "/run", "/git log", "/deploy prod"; "" for a mistake."""
    match command:
        case CallRecipe(words=words):
            return words
        case Answer(is_granted=is_granted):
            return "/approve" if is_granted else "/deny"
        case WakeUp(host=host):
            return f"/wake {host}"
        case Mistake():
            return ""
        case _:
            return _WORDS[type(command)]
