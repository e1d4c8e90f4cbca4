"""What came in, as a command and the words by which policy judges it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from appliance.core import administration, file_requests, place_settings, review, shortened
from appliance.core.administration import AnswerProposal, LockDown, Propose, ShowAudit, ShowUsers
from appliance.core.commands import (
    ID,
    Answer,
    AnswerQuestion,
    Ask,
    AskAgain,
    CallRecipe,
    Command,
    CommitChanges,
    ExplainRefusal,
    GiveReason,
    Help,
    Mistake,
    MoveJob,
    OpenSession,
    PairGroup,
    ResumeJob,
    RetryJob,
    RevertChanges,
    Run,
    SettleTree,
    ShowChanges,
    ShowDetails,
    ShowJobs,
    ShowLog,
    ShowQueue,
    ShowSessions,
    ShowStatus,
    StartAfresh,
    StayAwake,
    StopJob,
    Unpair,
    UseProject,
    WakeUp,
)
from appliance.core.file_requests import (
    DiscardHeard,
    ForgetFiles,
    KeepFiles,
    LookAtFiles,
    RunHeard,
    SendFile,
    WriteDown,
)
from appliance.core.files import is_voice
from appliance.core.help import TOKEN as HELP
from appliance.core.help import group_named
from appliance.core.model import (
    ApprovalId,
    Click,
    Edited,
    Incoming,
    JobId,
    Message,
    Place,
    ProjectName,
    Recipe,
)
from appliance.core.pairing import is_group
from appliance.core.parsing import parse
from appliance.core.place_settings import ChangeSettings, ShowSettings
from appliance.core.questions import Done, Pick, QuestionId
from appliance.core.replies import about_files
from appliance.core.shortened import ShowRest
from appliance.core.words import phrase


def command_of(incoming: Incoming, recipes: Sequence[Recipe]) -> Command:
    """The command of a message's text, or of the button that was pressed."""
    match incoming:
        case Message() if incoming.files or incoming.oddity:
            return _with_more_than_words(incoming, recipes)
        case Message(text=text):
            return parse(text, recipes)
        case Click(token=token) if token.startswith(TRY):
            return _tried(token.removeprefix(TRY), recipes)
        case Click(token=token):
            return _pressed(token)
        case Edited(text=text):
            return parse(text, recipes)


TRY = "t:"
"""A button for a first task: the words of a recipe without arguments."""


def _tried(words: str, recipes: Sequence[Recipe]) -> Command:
    command = parse(f"/{words}", recipes)
    if isinstance(command, CallRecipe | Help):
        return command
    return Mistake(phrase("This button is not known any more."))


def _with_more_than_words(message: Message, recipes: Sequence[Recipe]) -> Command:
    if message.oddity is not None:
        return Mistake(about_files.not_understood(message.oddity))
    if not message.text.strip():
        return WriteDown() if is_voice(message.files) else KeepFiles()
    command = parse(message.text, recipes)
    if isinstance(command, Run | Ask | Mistake):
        return command
    return Mistake(about_files.takes_no_files(message.text.split()[0]))


def _pressed(token: str) -> Command:
    """Buttons carry a kind and an id, nothing that could be trusted by itself."""
    elsewhere = (
        administration.pressed(token)
        or file_requests.pressed(token)
        or review.pressed(token)
        or place_settings.pressed(token)
        or shortened.pressed(token)
    )
    return elsewhere or _about_work(token) or Mistake(phrase("This button is not known any more."))


def _about_work(token: str) -> Command | None:
    kind, _, value = token.partition(":")
    if kind in _ON_JOB and value.isdecimal() and len(value) <= 10:
        return _ON_JOB[kind](JobId(int(value)))
    if kind in _ON_APPROVAL and value.isascii() and value.isalnum():
        return _ON_APPROVAL[kind](ApprovalId(value))
    if token.startswith(HELP):
        return Help(group_named(token.removeprefix(HELP)))
    match kind:
        case "q":
            return _chosen(value)
        case "p":
            return UseProject(ProjectName(value))
        case "tp" if value.isdecimal() and len(value) <= 10:
            return UseProject(page=int(value))
        case "u" if value == "me":
            return Unpair(is_sure=True)
        case "sm":
            return ShowStatus(whole=True)
        case _:
            return None


_ON_JOB: Mapping[str, Callable[[JobId], Command]] = {
    "s": StopJob,
    "r": ResumeJob,
    "ty": RetryJob,
    "to": OpenSession,
    "tm": MoveJob,
    "tl": ShowLog,
    "tw": partial(ShowLog, whole=True),
}

_ON_APPROVAL: Mapping[str, Callable[[ApprovalId], Command]] = {
    "a": partial(Answer, is_granted=True),
    "d": partial(Answer, is_granted=False),
    "j": partial(Answer, is_granted=True, for_job=True),
    "n": GiveReason,
    "i": ShowDetails,
    "g": AskAgain,
}


def _chosen(value: str) -> Command | None:
    """ "ID:2" or "ID:done", of a question that an agent asks."""
    name, _, choice = value.partition(":")
    if not re.fullmatch(ID, name) or not re.fullmatch(r"[0-9]{1,2}|done", choice):
        return None
    return AnswerQuestion(QuestionId(name), Done() if choice == "done" else Pick(int(choice)))


def typed(token: str) -> str:
    """What to write instead of pressing the button, where there are no buttons; "" if unknown."""
    if token.startswith(TRY):
        return f"/{token.removeprefix(TRY)}"
    if (administers := administration.pressed(token)) is not None:
        return administration.typed(administers)
    match _pressed(token):
        case ShowChanges() | RevertChanges() | CommitChanges() | SettleTree() as about_changes:
            return review.typed(about_changes)
        case ShowSettings() | ChangeSettings() as settings:
            return place_settings.typed(settings)
        case StopJob(job) | ResumeJob(job) | RetryJob(job) | MoveJob(job) as on_job:
            return f"{words_of(on_job)} {job}"
        case OpenSession(job) | ShowLog(job) as on_job:
            return f"{words_of(on_job)} {job}"
        case UseProject(name=name):
            return f"/project {name}" if name else "/project"
        case Help(group=group):
            return f"/help {group}" if group else "/help"
        case command:
            return _typed_otherwise(command)


def _typed_otherwise(command: Command) -> str:
    match command:
        case Answer(approval=approval, is_granted=False):
            return f"/deny {approval}"
        case Answer(approval=approval, for_job=for_job):
            return f"/approve {approval} job" if for_job else f"/approve {approval}"
        case GiveReason(approval=approval):
            return f"/deny {approval} WHY"
        case ShowDetails(approval=approval):
            return f"/details {approval}"
        case AskAgain(approval=approval):
            return f"/again {approval}"
        case AnswerQuestion(question=question, choice=Pick(option=option)):
            return f"/answer {question} {option + 1}"
        case Unpair(is_sure=True):
            return "/unpair yes"
        case ShowRest(number=number):
            return f"/more {number}"
        case ShowStatus():
            return "/status more"
        case _:
            return ""


_WORDS: dict[type, str] = {
    Run: "/run",
    Ask: "/ask",
    ShowStatus: "/status",
    ShowJobs: "/jobs",
    StopJob: "/stop",
    ResumeJob: "/resume",
    RetryJob: "/retry",
    MoveJob: "/move",
    ShowQueue: "/queue",
    ShowLog: "/log",
    ShowSessions: "/sessions",
    OpenSession: "/sessions",
    UseProject: "/project",
    GiveReason: "/deny",
    ShowDetails: "/details",
    AskAgain: "/again",
    AnswerQuestion: "/answer",
    StartAfresh: "/new",
    StayAwake: "/awake",
    PairGroup: "/pair",
    Unpair: "/unpair",
    ShowChanges: "/diff",
    RevertChanges: "/revert",
    CommitChanges: "/commit",
    SettleTree: "/tree",
    ExplainRefusal: "/why",
    ShowSettings: "/settings",
    ChangeSettings: "/settings",
    ShowRest: "/more",
    Help: "/help",
}


def words_of(command: Command) -> str:
    """How policy names the command: "/run", "/git log", "/deploy prod"; "" for a mistake."""
    match command:
        case CallRecipe(words=words):
            return words
        case Run(is_plan=True):
            return "/plan"
        case Answer(is_granted=is_granted):
            return "/approve" if is_granted else "/deny"
        case WakeUp(host=host):
            return f"/wake {host}"
        case ShowUsers() | Propose() | AnswerProposal() | ShowAudit() | LockDown():
            return administration.words_of(command)
        case (
            KeepFiles()
            | LookAtFiles()
            | ForgetFiles()
            | WriteDown()
            | RunHeard()
            | DiscardHeard()
            | SendFile()
        ):
            return file_requests.words(command)
        case Mistake():
            return ""
        case _:
            return _WORDS[type(command)]


def admin_words(command: Command, place: Place) -> str:
    """How policy names what looks after the appliance itself; "" for every other command."""
    match command:
        case ShowUsers() | Propose() | AnswerProposal() | ShowAudit() | LockDown():
            return administration.admin_words_of(command)
        case PairGroup():
            return "pair group"
        case Unpair() if is_group(place):
            return "unpair group"
        case ChangeSettings() if is_group(place):
            return "settings group"
        case _:
            return ""
