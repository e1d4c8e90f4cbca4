"""What a machine is told at its first boot: one TOML file.

[telegram]
token = "123456:…"              # or the credential dispatch.telegram-token

[users.alice]                   # the first one owns it, and is paired at the console

[projects.web]                  # an empty git repository in /srv/web

[projects.site]
clone = "https://…"             # or a copy of one

[machine]
name = "dispatch"
ssh_keys = ["ssh-ed25519 …"]    # nobody can log in without one
update_url = "https://…"        # where a signed newer version will be

[agent]
registry = "https://…"          # an npm registry: Claude Code is fetched from there
key = "sk-…"                    # or the credential dispatch.agent-key, or log in over SSH

[telegram], [users] and [projects] may hold all that `dispatchctl setup --answers` takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.app.setup.settings_text import Value, with_section
from appliance.config import NAME
from appliance.core import toml
from appliance.core.toml import Document, many, nearest, row, text
from appliance.errors import ConfigError

MAX_BYTES = 64 * 1024
PROJECTS = "/srv"
ADDRESS = text(r"|https://[!-~]+", "an https:// address")
KEY = r"(ssh-(ed25519|rsa)|ecdsa-sha2-\S+|sk-\S+@openssh\.com) [A-Za-z0-9+/=]+( [^\x00-\x1f\x7f]*)?"
OF_ANSWERS = ("telegram", "users", "projects")
OF_MACHINE = ("machine", "agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineWishes:
    """The machine itself."""

    name: str = row(text(r"|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a host's name"), "", default="")
    ssh_keys: tuple[str, ...] = row(
        many(text(KEY, "a public key of ssh-keygen")), "who may log in as root", default=()
    )
    update_url: str = row(ADDRESS, "where newer versions are", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWishes:
    """Claude Code."""

    registry: str = row(ADDRESS, "an npm registry that has it", default="")
    key: str = row(text(r"[!-~]*", "a key"), "its key for the Messages API", default="", repr=False)


@dataclass(frozen=True, slots=True)
class Wishes:
    """All of it. `answers` is for `dispatchctl setup`, `clones` tells projects' origins."""

    answers: Mapping[str, Any]
    clones: Mapping[str, str]
    machine: MachineWishes
    agent: AgentWishes
    has_telegram: bool
    token: str = field(repr=False)

    def projects(self) -> dict[str, str]:
        """Each project's directory."""
        return {name: table["path"] for name, table in self.answers["projects"].items()}

    def answers_text(self, token_file: str) -> str:
        """As a file for `dispatchctl setup --answers`."""
        written = ""
        for path, table in self._sections(token_file):
            written = with_section(written, path, table)
        return written

    def _sections(self, token_file: str) -> Iterator[tuple[tuple[str, ...], dict[str, Value]]]:
        if self.has_telegram:
            given = {"token_file": token_file} if self.token else {}
            yield ("telegram",), {**self.answers["telegram"], **given}
        for kind in ("users", "projects"):
            for name, table in self.answers[kind].items():
                yield (kind, name), table


def read(content: str, token: str = "", key: str = "") -> Wishes:
    """`token` and `key` came by themselves, and count. Raises ConfigError with every mistake."""
    mistakes: list[str] = []
    document = toml.parse("setup", content, mistakes)
    mistakes += _unknown(document)
    machine = _table(MachineWishes, document, "machine", mistakes)
    agent = _table(AgentWishes, document, "agent", mistakes)
    tables = {kind: _tables(document, kind, mistakes) for kind in OF_ANSWERS}
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    if not tables["users"]:
        raise ConfigError("nobody is named: there is no [users.NAME]")
    telegram = {key: _value(value) for key, value in tables["telegram"].items()}
    token = token or str(telegram.pop("token", ""))
    telegram.pop("token", None)
    return Wishes(
        answers={
            "telegram": telegram,
            "users": dict(_users(tables["users"])),
            "projects": dict(_projects(tables["projects"])),
        },
        clones={name: str(t["clone"]) for name, t in tables["projects"].items() if "clone" in t},
        machine=machine,
        agent=AgentWishes(registry=agent.registry, key=key or agent.key),
        has_telegram="telegram" in document.values or bool(token),
        token=token,
    )


def _users(tables: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Value]]]:
    """The first one is who the console and `dispatchctl` of this machine speak for."""
    for number, (name, table) in enumerate(tables.items()):
        told = {key: _value(value) for key, value in table.items()}
        if number == 0:
            told["unix"] = (0, *(uid for uid in table.get("unix", ()) if uid))
        yield name, told


def _projects(tables: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Value]]]:
    for name, table in tables.items():
        told = {key: _value(value) for key, value in table.items() if key != "clone"}
        yield name, {"path": f"{PROJECTS}/{name}", "grant": True, **told}


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _unknown(document: Document) -> Iterator[str]:
    known = (*OF_ANSWERS, *OF_MACHINE)
    for key in document.values.keys() - set(known):
        yield f'{document.at((key,))}: unknown section "{key}"{nearest(key, known)}'


def _table(kind: type[Any], document: Document, name: str, mistakes: list[str]) -> Any:
    return toml.read(kind, document, (name,), document.values.get(name, {}), mistakes)


def _tables(document: Document, kind: str, mistakes: list[str]) -> Mapping[str, Any]:
    """A section of tables, or of values for [telegram]; what is in them judges dispatchctl."""
    found = document.values.get(kind, {})
    if not isinstance(found, dict):
        mistakes.append(f"{document.at((kind,))}: [{kind}] is no section")
        return {}
    if kind == "telegram":
        return found
    wrong = [n for n, t in found.items() if NAME.fullmatch(n) is None or not isinstance(t, dict)]
    mistakes += [f"{document.at((kind, name))}: [{kind}.{name}] is no section" for name in wrong]
    mistakes += _bad_clones(document, kind, found, wrong)
    return {} if wrong else found


def _bad_clones(
    document: Document, kind: str, tables: Mapping[str, Any], wrong: list[str]
) -> Iterator[str]:
    for name, table in tables.items():
        clone = table.get("clone", "") if name not in wrong else ""
        if kind == "projects" and ADDRESS.convert(clone) is None:
            yield f"{document.at((kind, name, 'clone'))}: clone has to be {ADDRESS.wants}"
