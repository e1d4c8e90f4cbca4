"""What people ask about files and speech, and the buttons that ask it."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.model import JobId

MAX_PATH_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class KeepFiles:
    """Files that came without a word: to be asked about."""


@dataclass(frozen=True, slots=True)
class LookAtFiles:
    """Work on the files that wait here for a word about them."""


@dataclass(frozen=True, slots=True)
class ForgetFiles:
    """Let them be."""


@dataclass(frozen=True, slots=True)
class WriteDown:
    """Listen to a spoken message and show what was understood."""


@dataclass(frozen=True, slots=True)
class RunHeard:
    """What was understood is right, and is the task."""

    speech: int


@dataclass(frozen=True, slots=True)
class DiscardHeard:
    """What was understood is not wanted."""

    speech: int


@dataclass(frozen=True, slots=True)
class SendFile:
    """Send a file of the project: by its path, or the one so numbered in a job's answer."""

    path: str = ""
    job: JobId | None = None
    number: int = 0


HandleFiles = KeepFiles | LookAtFiles | ForgetFiles | WriteDown | RunHeard | DiscardHeard | SendFile


def pressed(token: str) -> HandleFiles | None:
    """What a button about files or speech asks; None: it is about something else."""
    kind, _, value = token.partition(":")
    job, _, number = value.partition(":")
    match kind:
        case "fl":
            return LookAtFiles()
        case "ff":
            return ForgetFiles()
        case "hr" if _is_number(value):
            return RunHeard(int(value))
        case "hd" if _is_number(value):
            return DiscardHeard(int(value))
        case "f" if _is_number(job) and _is_number(number):
            return SendFile(job=JobId(int(job)), number=int(number))
        case _:
            return None


def words(request: HandleFiles) -> str:
    """How policy names it: what leads to a task is asked for like one."""
    return "/send" if isinstance(request, SendFile) else "/run"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10
