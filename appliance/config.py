"""One TOML file to frozen `Settings`, and secrets from credential files.

Every setting is one row below: what it takes, its default, one line of help. `dispatchctl
config example` is written from the same rows. An unknown key is refused, because a setting
that is silently ignored is a setting somebody believes in; all mistakes are told at once.

Secrets are never settings: the file names credentials, and `read_credential` reads them from
files that nobody else can read. They never come from the environment or a command line.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from appliance.core import toml
from appliance.core.model import (
    ISOLATION_ORDER,
    KEEPING_CHATS,
    WORKSPACE,
    Care,
    Ceiling,
    Isolation,
    Platform,
    Project,
    ProjectName,
    Sender,
    UserName,
    Workplace,
)
from appliance.core.preferences import Language
from appliance.core.router import RouterRules
from appliance.core.toml import Document, Kind, choice, flag, many, nearest, row, text, whole
from appliance.core.wake_on_lan import Host, HostName
from appliance.errors import ConfigError

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""What a user or a project may be called."""

MIB = 1024 * 1024
CREDENTIAL_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
MAX_SETTINGS_BYTES = 256 * 1024
MAX_CREDENTIAL_BYTES = 16 * 1024


def _directory() -> Kind:
    return text(r"/[^\x00-\x1f\x7f]{0,1023}", "an absolute path, such as /srv/demo")


def _words() -> Kind:
    return text(r"\S(?:[^\x00-\x1f\x7f]{0,62}\S)?", 'a word or two, such as "invoice"')


def _zone() -> Kind:
    return Kind(
        "the name of a time zone, such as Europe/Berlin",
        lambda v: v if v == "" or (isinstance(v, str) and v in available_timezones()) else None,
    )


def _credential() -> Kind:
    return text(CREDENTIAL_NAME, "the name of a credential file")


def _place(*, what: str) -> Kind:
    return text(r"|/[^\x00-\x1f\x7f]{0,1023}", what)


def _account() -> Kind:
    return text(
        r"[a-z_][a-z0-9_-]{0,31}|[0-9]{1,10}", "the name or number of a user of this machine"
    )


def _isolation() -> Kind:
    names = choice(level.value for level in ISOLATION_ORDER)
    return Kind(names.wants, lambda v: Isolation(str(v)) if names.convert(v) else None)


def _witness() -> Kind:
    return Kind(
        "an https:// address (http:// only to this machine), or one with a blank and NAME+ID+KEY",
        lambda v: v if isinstance(v, str) and _is_witness(v) else None,
    )


def _is_witness(text: str) -> bool:
    address, blank, key = text.partition(" ")
    is_key = re.fullmatch(r"[^\s+]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", key) is not None
    return _is_safe_address(address, with_path=True) and (is_key or not blank)


def api_address() -> Kind:
    return Kind(
        "an https:// address without a path (http:// only to this machine)",
        lambda v: v if isinstance(v, str) and _is_safe_address(v) else None,
    )


def _is_safe_address(address: str, *, with_path: bool = False) -> bool:
    try:
        url = urlsplit(address)
        has_port = url.port is None or url.port > 0
    except ValueError:
        return False
    is_here = url.hostname in ("127.0.0.1", "localhost", "::1")
    has_path = bool(url.path) and not with_path
    is_plain = not (url.username or url.password or has_path or url.query or url.fragment)
    return (url.scheme == "https" or (url.scheme == "http" and is_here)) and (
        is_plain and has_port and bool(url.hostname)
    )


def _local_listener() -> Kind:
    return Kind(
        "127.0.0.1:PORT, [::1]:PORT or an absolute path of a Unix socket: "
        "what is told there is for this machine alone",
        lambda v: v if isinstance(v, str) and _is_local_listener(v) else None,
    )


def _is_local_listener(address: str) -> bool:
    if address.startswith("/"):
        return _directory().convert(address) is not None
    host, _, port = address.rpartition(":")
    is_port = re.fullmatch(r"[1-9][0-9]{0,4}", port) is not None and int(port) < 65_536
    return host in ("127.0.0.1", "[::1]") and is_port


def _ipv4() -> Kind:
    return Kind("an IPv4 address", lambda v: v if isinstance(v, str) and _is_ipv4(v) else None)


def _is_ipv4(address: str) -> bool:
    try:
        IPv4Address(address)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """Where things are, and how much may run at once."""

    state: str = row(
        _directory(), "our databases; the directory has mode 0700", default="/var/lib/dispatch"
    )
    policies: str = row(_directory(), "rules, roles and commands", default="/etc/dispatch/policies")
    credentials: str = row(
        _directory(),
        "secrets, one per file; systemd's credentials are looked up first",
        default="/etc/dispatch/credentials",
    )
    task_socket: str = row(
        _place(what='an absolute path, or "" to start the launcher as a child'),
        "where systemd starts one dispatch-task for each connection, such as "
        '/run/dispatch-task/socket; "": dispatchd starts it itself',
        default="",
    )
    egress_socket: str = row(
        _place(what='an absolute path, or "" to start dispatch-egress as a child'),
        'where dispatch-egress listens, such as /run/dispatch-egress/socket; "": dispatchd '
        "starts it itself",
        default="",
    )
    egress_user: str = row(
        _account(),
        "who dispatch-egress runs as; nobody else is believed at its socket",
        default="dispatch-egress",
    )
    max_parallel: int = row(
        whole(1, 64), "jobs that run at the same time, memory permitting", default=2
    )
    job_memory_mib: int = row(
        whole(64, 1024 * 1024),
        "memory that must be free before a job starts beside another one",
        default=1024,
    )
    stall_minutes: int = row(
        whole(0, 24 * 60),
        "without a sign of life of a running job before its chat is told; 0: never",
        default=10,
    )
    minimum_isolation: Isolation = row(  # noqa: RUF009 (the default is an immutable word)
        _isolation(),
        f"a job is refused on a host that cannot do at least this: {', '.join(ISOLATION_ORDER)}",
        default=Isolation.BUBBLEWRAP,
    )
    unsafe_no_sandbox: bool = row(
        flag(), "run tasks without any wall, even where one could be built", default=False
    )
    stop_grace_seconds: int = row(
        whole(0, 600), "how long running jobs may go on after a stop is asked for", default=15
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """The signed log: who writes it, and who keeps checkpoints of it elsewhere."""

    socket: str = row(
        _place(what='an absolute path, or "" to write the log in dispatchd itself'),
        'where dispatch-audit listens, such as /run/dispatch-audit/socket; "": no such program',
        default="",
    )
    user: str = row(
        _account(),
        "who dispatch-audit runs as; nobody else is believed at its socket",
        default="dispatch-audit",
    )
    directory: str = row(
        _place(what='an absolute path, or "" for the directory audit in the state directory'),
        'the log and its keys; "": the directory audit in the state directory',
        default="",
    )
    anchor_user: str = row(
        text(rf"|{NAME.pattern}", "the name of a user"),
        "the user whose chat is sent a checkpoint of the log now and then; "
        '"": the first one with Telegram or the chat page',
        default="",
    )
    anchor_file: str = row(
        _place(what='an absolute path, or "" for none'),
        'a file on another disk that checkpoints are added to (chattr +a); "": none',
        default="",
    )
    anchor_journal: bool = row(
        flag(), "checkpoints go to journald as well, where there is one", default=True
    )
    witnesses: tuple[str, ...] = row(
        many(_witness(), maximum=16),
        'C2SP witnesses that cosign checkpoints: "https://ADDRESS NAME+ID+KEY"',
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """Telegram, by long polling."""

    token: str = row(
        _credential(), "name of the credential file with the bot's token", default="telegram-token"
    )
    api: str = row(
        api_address(), "the Bot API, Telegram's or your own", default="https://api.telegram.org"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The chat page on this machine; it never listens anywhere but on loopback."""

    port: int = row(whole(0, 65535), "0 takes any free port", default=8484)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """Numbers for Prometheus and a health check, for programs of this machine; off without it."""

    listen: str = row(
        _local_listener(),
        "127.0.0.1:PORT, [::1]:PORT or the path of a Unix socket, never another address",
        default="127.0.0.1:9750",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSettings:
    """The socket through which dispatchctl reaches the daemon."""

    socket: str = row(_directory(), "path of the unix socket", default="/run/dispatch/control.sock")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeSettings:
    """Claude Code; without this section only the recipes work."""

    program: str = row(
        text(r"(?:/[^\x00-\x1f\x7f]+|[A-Za-z0-9._-]+)", "a program's name or absolute path"),
        "name or absolute path",
        default="claude",
    )
    home: str = row(_directory(), "the agent's home directory", default="/var/lib/dispatch-agent")
    login: str = row(
        text(f"|{CREDENTIAL_NAME}", "the name of a credential file"),
        'credential with the login, handed over by file descriptor; "": the agent has its own',
        default="",
    )
    login_kind: str = row(
        choice(("api_key", "oauth_token")), "api_key or oauth_token", default="api_key"
    )
    api: str = row(
        Kind(
            'an https:// address, or "" for the program\'s own',
            lambda v: v if v == "" or (isinstance(v, str) and _is_safe_address(v)) else None,
        ),
        'the Messages API; "": the program\'s own choice',
        default="",
    )
    model: str = row(
        text(r"[A-Za-z0-9._:/@\[\]-]{0,100}", "the name of a model"),
        '"": the program\'s own choice',
        default="",
    )
    max_turns: int = row(whole(1, 10_000), "steps of one task before it is stopped", default=50)
    timeout_minutes: int = row(
        whole(1, 7 * 24 * 60), "time of one task before it is stopped", default=60
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSettings:
    """Files that people send to be worked on, and that are sent to them."""

    max_mib: int = row(
        whole(1, 20),
        "size of one file; Telegram gives bots none that is larger than 20",
        default=20,
    )
    max_count: int = row(whole(1, 100), "files that come with one task", default=20)
    types: tuple[str, ...] = row(
        many(text(r"\*|[A-Za-z0-9]{1,10}", "the ending of a file's name without its dot, or *")),
        "endings of the names that are taken, such as pdf; *: any",
        default=("*",),
    )
    keep_days: int = row(
        whole(1, 365), "how long they are kept after the job they came for", default=7
    )
    disk_mib: int = row(
        whole(20, 1024 * 1024), "of all kept files; the oldest make room for new ones", default=1024
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSettings:
    """Spoken messages, written down on this machine (needs dispatch-appliance[voice])."""

    model: str = row(
        _directory(),
        "a model of whisper.cpp: one file, ggml-base.bin or another one",
        default="/var/lib/dispatch-voice/ggml-base.bin",
    )
    timeout_seconds: int = row(
        whole(5, 3600), "time to write down one message before it is given up", default=120
    )
    memory_mib: int = row(whole(256, 64 * 1024), "memory that writing down may use", default=2048)
    max_minutes: int = row(whole(1, 60), "length of a message that is listened to", default=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """Which plain messages are questions that need no project (/ask), when a talk begins."""

    enabled: bool = row(
        flag(),
        "plain questions go to the workspace; false: all is work on the project",
        default=True,
    )
    project: tuple[str, ...] = row(
        many(_words()), "a message with one of these words is about the project", default=()
    )
    workspace: tuple[str, ...] = row(
        many(_words()), "a message with one of these words needs no project", default=()
    )

    def rules(self) -> RouterRules:
        return RouterRules(self.enabled, self.project, self.workspace)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwakeSettings:
    """This machine is kept awake while there is work, or as long as /awake says."""

    enabled: bool = row(flag(), "whether we keep it awake at all", default=True)
    lid: bool = row(
        flag(), "a laptop goes on with its lid closed, too: mind the heat in a bag", default=False
    )
    battery_percent: int = row(
        whole(0, 99), "on battery it may sleep from this charge down, whatever runs", default=20
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _HostRow:
    """A machine that /wake NAME wakes."""

    mac: str = row(
        text(
            r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", "a hardware address, such as 02:00:00:00:00:01"
        ),
        "the hardware address of its network card, where Wake-on-LAN is switched on",
    )
    broadcast: str = row(_ipv4(), "the broadcast address of its network", default="255.255.255.255")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person, or an automation. Only ids that a platform or the kernel vouches for."""

    telegram: tuple[int, ...] = row(
        many(whole(1, 2**52)),
        "numeric Telegram ids; accounts that dispatchctl pair has paired need not be here",
        default=(),
    )
    web: bool = row(flag(), "may use the chat page", default=False)
    language: str = row(
        choice(("", *Language)),
        "what they are talked to in: en or de; if empty as their app does, or English",
        default="",
    )
    zone: str = row(
        _zone(), "their time zone, such as Europe/Berlin; if empty this machine's", default=""
    )
    unix: tuple[int, ...] = row(
        many(whole(0, 2**32 - 2)), "numeric user ids on this machine", default=()
    )
    automation: bool = row(
        flag(), "no person: never approves, and is in no chat but the terminal", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A directory that the agent may work in, and what one of its tasks may use."""

    path: str = row(_directory(), "an existing directory")
    memory_mib: int = row(
        whole(256, 1024 * 1024),
        "memory of one task; it is stopped when it uses more",
        default=Ceiling().memory_bytes // MIB,
    )
    cpu_minutes: int = row(
        whole(1, 7 * 24 * 60),
        "processor time of each process of a task",
        default=Ceiling().cpu_seconds // 60,
    )
    file_mib: int = row(
        whole(1, 1024 * 1024),
        "how large a file of a task may grow",
        default=Ceiling().file_bytes // MIB,
    )
    processes: int = row(
        whole(16, 65_536), "processes and threads of one task", default=Ceiling().processes
    )
    work: str = row(
        choice(place.value for place in Workplace),
        "where its jobs work: in the directory, there on a branch each, or in a git worktree each",
        default=Workplace.DIRECTORY.value,
    )
    snapshots: str = row(
        choice(care.value for care in Care),
        "when what a job changes cannot be kept: nothing may write (required), or it may (wanted)",
        default=Care.REQUIRED.value,
    )

    def ceiling(self) -> Ceiling:
        return Ceiling(
            self.memory_mib * MIB, self.cpu_minutes * 60, self.file_mib * MIB, self.processes
        )

    @classmethod
    def of(cls, project: Project) -> ProjectRow:
        """The row that says this."""
        ceiling = project.ceiling
        return cls(
            path=project.path,
            memory_mib=ceiling.memory_bytes // MIB,
            cpu_minutes=ceiling.cpu_seconds // 60,
            file_mib=ceiling.file_bytes // MIB,
            processes=ceiling.processes,
            work=project.work,
            snapshots=project.snapshots,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole file. A chat that has no section is None and not started."""

    file: str
    daemon: DaemonSettings
    audit: AuditSettings
    awake: AwakeSettings
    files: FilesSettings
    router: RouterSettings
    telegram: TelegramSettings | None
    web: WebSettings | None
    terminal: TerminalSettings | None
    claude: ClaudeSettings | None
    voice: VoiceSettings | None
    metrics: MetricsSettings | None
    users: Mapping[UserName, User]
    projects: Mapping[ProjectName, Project]
    hosts: Mapping[HostName, Host]

    @property
    def audit_directory(self) -> Path:
        """Where the log is."""
        return Path(self.audit.directory or Path(self.daemon.state) / "audit")

    @property
    def inbox_directory(self) -> str:
        """Where the files are that people send: beside our state, because tasks may read theirs."""
        return f"{self.daemon.state.rstrip('/')}-inbox"

    @property
    def workspace(self) -> Project:
        """Where questions are answered: an empty directory beside our state."""
        return Project(WORKSPACE, f"{self.daemon.state.rstrip('/')}-workspace")

    @property
    def workplaces(self) -> Mapping[ProjectName, Project]:
        """All that tasks may be started in, and rules may be about."""
        return {**self.projects, WORKSPACE: self.workspace}

    @property
    def anchor_user(self) -> UserName | None:
        """Whose chat keeps checkpoints of the log; None when nobody has a chat that keeps."""
        if self.audit.anchor_user:
            return UserName(self.audit.anchor_user)
        return next(iter(_keeping_a_chat(self)), None)

    @property
    def automations(self) -> frozenset[UserName]:
        """The users who are no people."""
        return frozenset(name for name, user in self.users.items() if user.automation)

    @property
    def pairable(self) -> frozenset[UserName]:
        """The users whose accounts may be paired: people, where there is a bot to write to."""
        return frozenset(self.users) - self.automations if self.telegram else frozenset()

    def people(self) -> Mapping[Sender, UserName]:
        """Who is behind an id of a platform. Ids of chats that are not configured are left out.

        Accounts that were paired are not among them: the state database knows those.
        """
        pairs = ((s, name) for name, user in self.users.items() for s in self._senders(name, user))
        return MappingProxyType(dict(pairs))

    def _senders(self, name: UserName, user: User) -> Iterator[Sender]:
        if self.telegram is not None:
            yield from (Sender(Platform.TELEGRAM, str(number)) for number in user.telegram)
        if self.web is not None and user.web:
            yield Sender(Platform.WEB, name)
        if self.terminal is not None:
            yield from (Sender(Platform.TERMINAL, str(number)) for number in user.unix)


OPTIONAL_SECTIONS: Mapping[str, type] = {
    "telegram": TelegramSettings,
    "web": WebSettings,
    "terminal": TerminalSettings,
    "claude": ClaudeSettings,
    "voice": VoiceSettings,
    "metrics": MetricsSettings,
}
SECTIONS: Mapping[str, type] = {
    "daemon": DaemonSettings,
    "audit": AuditSettings,
    "awake": AwakeSettings,
    "files": FilesSettings,
    "router": RouterSettings,
    **OPTIONAL_SECTIONS,
}
NAMED_SECTIONS: Mapping[str, type] = {"users": User, "projects": ProjectRow, "hosts": _HostRow}

R = TypeVar("R")


def load(file: Path) -> Settings:
    """The settings in `file`.

    Raises ConfigError with one line per mistake: unknown keys, wrong types and ranges, ids that
    two users share, a chat that nobody may use, projects inside each other or around our files.
    """
    mistakes: list[str] = []
    document = toml.parse(str(file), _content(file), mistakes)
    if not mistakes:
        settings = _settings(document, file, mistakes)
        if not mistakes:
            return settings
    raise ConfigError(
        "\n".join(sorted(mistakes, key=_by_place)),
        hint="dispatchctl config example shows every setting",
    )


def _by_place(mistake: str) -> tuple[int, ...]:
    found = re.search(r":(\d+):(\d+): ", mistake)
    return tuple(map(int, found.groups())) if found else ()


def _content(file: Path) -> str:
    try:
        raw = file.read_bytes() if file.stat().st_size <= MAX_SETTINGS_BYTES else None
    except OSError as error:
        raise ConfigError(
            f"cannot read the settings {file}: {error.strerror}",
            hint=f"write one with: dispatchctl config example > {file}",
        ) from error
    if raw is None:
        raise ConfigError(f"{file} has more than {MAX_SETTINGS_BYTES} bytes: no settings file")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise ConfigError(f"{file}:{line}:{column}: not UTF-8; save the file as UTF-8") from error


def _settings(document: Document, file: Path, mistakes: list[str]) -> Settings:
    known = (*SECTIONS, *NAMED_SECTIONS)
    for key in document.values.keys() - set(known):
        what = "section" if isinstance(document.values[key], dict) else "key"
        mistakes.append(
            f'{document.at((key,))}: unknown {what} "{key}" in the file{nearest(key, known)}'
        )
    settings = Settings(
        file=str(file),
        daemon=toml.read(
            DaemonSettings, document, ("daemon",), document.values.get("daemon", {}), mistakes
        ),
        audit=toml.read(
            AuditSettings, document, ("audit",), document.values.get("audit", {}), mistakes
        ),
        awake=toml.read(
            AwakeSettings, document, ("awake",), document.values.get("awake", {}), mistakes
        ),
        files=toml.read(
            FilesSettings, document, ("files",), document.values.get("files", {}), mistakes
        ),
        router=toml.read(
            RouterSettings, document, ("router",), document.values.get("router", {}), mistakes
        ),
        telegram=_optional(TelegramSettings, "telegram", document, mistakes),
        web=_optional(WebSettings, "web", document, mistakes),
        terminal=_optional(TerminalSettings, "terminal", document, mistakes),
        claude=_optional(ClaudeSettings, "claude", document, mistakes),
        voice=_optional(VoiceSettings, "voice", document, mistakes),
        metrics=_optional(MetricsSettings, "metrics", document, mistakes),
        users=_users(document, mistakes),
        projects=_projects(document, mistakes),
        hosts=_hosts(document, mistakes),
    )
    if not mistakes:
        _check_people(settings, document, mistakes)
        _check_anchors(settings, document, mistakes)
        _check_places(settings, document, mistakes)
    return settings


def _optional(cls: type[R], section: str, document: Document, mistakes: list[str]) -> R | None:
    if section not in document.values:
        return None
    return toml.read(cls, document, (section,), document.values[section], mistakes)


def _named(document: Document, section: str, mistakes: list[str]) -> Iterator[tuple[str, Any]]:
    """The tables of [section.NAME], those with a good name."""
    tables = document.values.get(section, {})
    if not isinstance(tables, dict) or not tables:
        mistakes.append(
            f"{document.at((section,))}: no {section}; add at least one [{section}.NAME]"
        )
        return
    for name, table in tables.items():
        if NAME.fullmatch(name):
            yield name, table
        else:
            mistakes.append(
                f'{document.at((section, name))}: "{name}" is no name for one of the {section}: '
                "a small letter, then up to 31 small letters, digits and -"
            )


def _users(document: Document, mistakes: list[str]) -> Mapping[UserName, User]:
    users = {
        UserName(name): toml.read(User, document, ("users", name), table, mistakes)
        for name, table in _named(document, "users", mistakes)
    }
    return MappingProxyType(users)


def _projects(document: Document, mistakes: list[str]) -> Mapping[ProjectName, Project]:
    projects: dict[ProjectName, Project] = {}
    for name, table in _named(document, "projects", mistakes):
        before = len(mistakes)
        wanted = toml.read(ProjectRow, document, ("projects", name), table, mistakes)
        if len(mistakes) > before:
            continue
        directory = os.path.realpath(wanted.path)
        if name == WORKSPACE:
            mistakes.append(
                f"{document.at(('projects', name))}: {WORKSPACE} is where /ask answers; call the "
                "project something else"
            )
        if problem := _project_problem(Path(directory)):
            mistakes.append(f"{document.at(('projects', name, 'path'))}: {problem}")
        projects[ProjectName(name)] = Project(
            ProjectName(name),
            directory,
            wanted.ceiling(),
            Workplace(wanted.work),
            Care(wanted.snapshots),
        )
    return MappingProxyType(projects)


def _hosts(document: Document, mistakes: list[str]) -> Mapping[HostName, Host]:
    hosts: dict[HostName, Host] = {}
    if "hosts" in document.values:
        for name, table in _named(document, "hosts", mistakes):
            found = toml.read(_HostRow, document, ("hosts", name), table, mistakes)
            hosts[HostName(name)] = Host(HostName(name), found.mac, found.broadcast)
    return MappingProxyType(hosts)


SYSTEM = ("/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/var", "/var/lib")
"""Directories that hold what belongs to others; inside them there may be projects."""
SYSTEM_TREES = ("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys", "/usr")
"""Nothing below them is a project."""


def _project_problem(directory: Path) -> str:
    """Why an agent cannot be let loose in a directory, "" when it can."""
    if str(directory) in SYSTEM or any(map(directory.is_relative_to, SYSTEM_TREES)):
        return f"{directory} belongs to the system; take a directory of its own for the project"
    try:
        found = directory.stat()
    except PermissionError:
        return ""  # dispatchd need not see its projects, and as a unit it does not
    except OSError:
        return f"there is no directory {directory}"
    if not stat.S_ISDIR(found.st_mode):
        return f"{directory} is no directory"
    if _home_of(found.st_uid) == str(directory):
        return f"{directory} is somebody's home, with keys in it; take a directory inside it"
    return ""


def _home_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return ""


def _check_people(settings: Settings, document: Document, mistakes: list[str]) -> None:
    mistakes += [
        f"{document.at(('users', name, 'automation'))}: {name} is an automation, so it cannot have "
        "a chat; unix = [UID] lets it in at the terminal"
        for name in sorted(settings.automations)
        if settings.users[name].telegram or settings.users[name].web
    ]
    for key in ("telegram", "unix"):
        _check_shared_ids(key, settings, document, mistakes)
    if not (settings.telegram or settings.web or settings.terminal):
        mistakes.append(f"{document.file}:1: no way in; add [telegram], [web] or [terminal]")
    present = {sender.platform for sender in settings.people()}
    if settings.telegram is not None and not settings.pairable:
        mistakes.append(
            f"{document.at(('telegram',))}: [telegram] lets nobody in: no user is a person"
        )
    if settings.web is not None and Platform.WEB not in present:
        mistakes.append(f"{document.at(('web',))}: [web] lets nobody in: no user has web = true")
    if settings.terminal is not None and Platform.TERMINAL not in present:
        mistakes.append(
            f"{document.at(('terminal',))}: [terminal] lets nobody in: no user has unix = [UID]"
        )


def _check_anchors(settings: Settings, document: Document, mistakes: list[str]) -> None:
    name = settings.audit.anchor_user
    if name and name not in settings.users:
        mistakes.append(
            f'{document.at(("audit", "anchor_user"))}: there is no user "{name}"'
            + nearest(name, settings.users)
        )
    elif name and name not in _keeping_a_chat(settings):
        mistakes.append(
            f"{document.at(('audit', 'anchor_user'))}: {name} has neither Telegram nor the chat "
            "page, and a terminal keeps nothing"
        )


def _keeping_a_chat(settings: Settings) -> Sequence[UserName]:
    """Users who have a chat that keeps what was said, then those who can still be paired."""
    declared = [n for s, n in settings.people().items() if s.platform in KEEPING_CHATS]
    later = [name for name in settings.users if name in settings.pairable]
    return list(dict.fromkeys((*declared, *later)))


def _check_shared_ids(
    key: str, settings: Settings, document: Document, mistakes: list[str]
) -> None:
    owners: dict[int, UserName] = {}
    for name, user in settings.users.items():
        ids: tuple[int, ...] = getattr(user, key)
        for number, times in Counter(ids).items():
            where = document.at(("users", name, key))
            if times > 1:
                mistakes.append(f"{where}: {key} id {number} stands twice for {name}")
            if owners.setdefault(number, name) != name:
                mistakes.append(
                    f"{where}: {key} id {number} belongs to {owners[number]} already; "
                    "one id is one person"
                )


def _check_places(settings: Settings, document: Document, mistakes: list[str]) -> None:
    """No project inside another, and nothing of ours where an agent works."""
    ours = {
        "the state directory": settings.daemon.state,
        "the policies": settings.daemon.policies,
        "the credentials": settings.daemon.credentials,
        "this settings file": settings.file,
        "the audit log": str(settings.audit_directory),
        "the inbox directory": settings.inbox_directory,
        "the workspace": settings.workspace.path,
        **({"the anchor file": settings.audit.anchor_file} if settings.audit.anchor_file else {}),
    }
    projects = list(settings.projects.values())
    for index, project in enumerate(projects):
        where = document.at(("projects", project.name, "path"))
        mistakes += [
            f"{where}: projects {other.name} and {project.name} lie inside each other"
            for other in projects[:index]
            if _is_within(project.path, other.path) or _is_within(other.path, project.path)
        ]
        for what, path in ours.items():
            if _is_within(os.path.realpath(path), project.path):
                mistakes.append(
                    f"{where}: {what} {path} lies inside the project {project.name}, "
                    "where the agent could change it"
                )


def _is_within(path: str, directory: str) -> bool:
    return Path(path).is_relative_to(directory)


# --- secrets


def read_credential(name: str, directories: Sequence[str | Path]) -> str:
    """The secret called `name`, from the first of the directories that has it.

    Give systemd's $CREDENTIALS_DIRECTORY first. The file must be a regular one, owned by root
    or by us, with no permissions for anybody else. Raises ConfigError with what to type.
    """
    for directory in directories:
        for file in (Path(directory) / f"{prefix}{name}" for prefix in _PREFIXES):
            if os.path.lexists(file):
                return _secret(file)
    places = " or ".join(str(directory) for directory in directories)
    raise ConfigError(
        f'there is no credential "{name}" in {places}',
        hint=f"give it to us with: dispatchctl credential set {name}",
    )


_PREFIXES = ("", "sealed_", "plain_")
"""What LoadCredentialEncrypted=sealed:DIRECTORY and LoadCredential=plain:… put before a name."""


def _secret(file: Path) -> str:
    try:
        # O_NOFOLLOW: a link could lead out of the directory; O_NONBLOCK: a pipe must not hang us
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = "it is a symbolic link" if file.is_symlink() else error.strerror
        raise ConfigError(
            f"cannot read the credential {file}: {why}", hint=f"look with: ls -l {file}"
        ) from error
    try:
        _check_private(file, os.fstat(number))
        raw = os.read(number, MAX_CREDENTIAL_BYTES + 1)
    finally:
        os.close(number)
    return _decoded(file, raw)


def _check_private(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"the credential {file} is no regular file")
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            f"the credential {file} belongs to user {status.st_uid}, neither root nor us",
            hint=f"give it to us with: chown {os.geteuid()} {file}",
        )
    # systemd lets a unit's user read its credentials by an ACL, whose mask looks like a right of
    # root's group
    is_systemds = (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 0, 0o440)
    if status.st_mode & 0o077 and not is_systemds:
        raise ConfigError(
            f"the credential {file} can be read by others (mode {status.st_mode & 0o777:04o})",
            hint=f"make it private with: chmod 600 {file}",
        )


def _decoded(file: Path, raw: bytes) -> str:
    if len(raw) > MAX_CREDENTIAL_BYTES:
        raise ConfigError(f"the credential {file} has more than {MAX_CREDENTIAL_BYTES} bytes")
    try:
        secret = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the credential {file} is not text") from error
    if not secret or not secret.isprintable():
        raise ConfigError(f"the credential {file} is empty or has more than one line")
    return secret
