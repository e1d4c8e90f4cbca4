"""What is wanted of `dispatchctl setup`, as a TOML file says it or as people answered.

[telegram]
token_file = "/root/bot-token"

[claude]

[users.alice]
unix = [1000]

[projects.demo]
path = "/srv/demo"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.config import CREDENTIAL_NAME, NAME, api_address
from appliance.core import toml
from appliance.core.toml import Document, flag, many, nearest, row, text, whole
from appliance.errors import ConfigError

MAX_BYTES = 64 * 1024
PATH = r"/[^\x00-\x1f\x7f]{0,1023}"
PROGRAM = rf"|{PATH}|[A-Za-z0-9._-]{{1,64}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAnswers:
    """The bot. Empty texts: the bot keeps its name, and its descriptions are ours."""

    token_file: str = row(
        text(rf"|{PATH}", "an absolute path"),
        "where its token is; not needed once it is kept as a credential",
        default="",
    )
    api: str = row(api_address(), "the Bot API", default="https://api.telegram.org")
    claim: bool = row(
        flag(), "take the bot from the webhook that another program has set", default=False
    )
    name: str = row(text(r"[^\x00-\x1f\x7f]{0,64}"), "its name in chats", default="")
    description: str = row(
        text(r"[^\x00-\x08\x0b-\x1f\x7f]{0,512}"), "what an empty chat shows", default=""
    )
    short_description: str = row(
        text(r"[^\x00-\x1f\x7f]{0,120}"), "what its profile shows", default=""
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAnswers:
    """A person. Their phone is paired later: dispatchctl pair NAME."""

    role: str = row(
        text(NAME.pattern, "the name of a role"),
        "given to a user who has none in the policy",
        default="owner",
    )
    unix: tuple[int, ...] = row(
        many(whole(0, 2**32 - 2)), "numeric user ids on this machine", default=()
    )
    telegram: tuple[int, ...] = row(
        many(whole(1, 2**52)), "numeric Telegram ids that need no pairing", default=()
    )
    web: bool = row(flag(), "may use the chat page", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectAnswers:
    """A directory for the agent."""

    path: str = row(text(PATH, "an absolute path"), "an existing directory")
    grant: bool = row(
        flag(), "give the agent's user what it needs there, by access control lists", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeAnswers:
    """Claude Code does the tasks. It is logged in later: dispatchctl agent login claude."""

    program: str = row(
        text(PROGRAM, "a program's name or absolute path"), "name or absolute path", default=""
    )
    login: str = row(
        text(f"|{CREDENTIAL_NAME}", "the name of a credential file"),
        "the credential that holds its key, instead of a login",
        default="",
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """All of it. `token` is what was typed, "" when it comes from a file or is kept already."""

    telegram: BotAnswers | None = None
    users: Mapping[str, UserAnswers] = field(default_factory=dict)
    projects: Mapping[str, ProjectAnswers] = field(default_factory=dict)
    token: str = field(default="", repr=False)
    claude: ClaudeAnswers | None = None


def read(file: Path) -> Answers:
    """Raises ConfigError with one line for each mistake."""
    mistakes: list[str] = []
    document = toml.parse(str(file), _content(file), mistakes)
    known = ("telegram", "claude", "users", "projects")
    mistakes += [
        f'{document.at((key,))}: unknown section "{key}"{nearest(key, known)}'
        for key in document.values.keys() - set(known)
    ]
    values = document.values
    telegram = claude = None
    if "telegram" in values:
        telegram = toml.read(BotAnswers, document, ("telegram",), values["telegram"], mistakes)
    if "claude" in values:
        claude = toml.read(ClaudeAnswers, document, ("claude",), values["claude"], mistakes)
    users = {
        name: toml.read(UserAnswers, document, ("users", name), table, mistakes)
        for name, table in _named(document, "users", mistakes).items()
    }
    projects = {
        name: toml.read(ProjectAnswers, document, ("projects", name), table, mistakes)
        for name, table in _named(document, "projects", mistakes).items()
    }
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return Answers(telegram, users, projects, claude=claude)


def _named(document: Document, section: str, mistakes: list[str]) -> Mapping[str, Any]:
    tables = document.values.get(section, {})
    if not isinstance(tables, dict):
        mistakes.append(f"{document.at((section,))}: [{section}] holds one table for each name")
        return {}
    wrong = [name for name in tables if NAME.fullmatch(name) is None]
    mistakes += [f'{document.at((section, name))}: "{name}" is no name' for name in wrong]
    return {name: table for name, table in tables.items() if name not in wrong}


def _content(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{file} has more than {MAX_BYTES} bytes: no answers file")
        return raw.decode()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8") from error
