"""Paths as they really are, and the names that a wide rule must not reach.

A path is judged after links, ".." and the working directory are resolved, and in the letters in
which the file system keeps it: where SECRETS opens secrets, it is judged as secrets. A protected
name is compared without regard to case everywhere, with every part of the path below the project.
Two things are beyond this: a link made between judging and using, and what a
recursive search shows. The sandbox is there for both.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

from appliance.core.jobs import WORKTREES
from appliance.core.model import Act
from appliance.policy.atoms import Atom, Care, Unclear
from appliance.policy.patterns import INBOX_ROOT
from appliance.policy.sources import hidden_in

MAX_PATH_CHARACTERS = 4_096

SECRETS = (
    ".env", "*.env", ".env.*", ".env-*", ".env_*", ".env~", ".envrc", ".ssh", ".gnupg", ".netrc",
    ".npmrc", ".pypirc", ".pgpass",
    ".git-credentials", ".aws", ".azure", ".s3cfg", ".boto", ".kube", ".docker", ".dockercfg",
    ".my.cnf", ".htpasswd", ".vault-token", ".claude.json", ".credentials.json", ".*_history",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx",
)  # fmt: skip
"""Neither read nor written: keys and logins."""

RUN_BY_OTHERS = (
    ".git", "git~*", ".claude", ".codex", ".cursor", ".gemini", ".mcp.json", ".bashrc",
    ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc",
    ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".kshrc", ".cshrc", ".inputrc", ".xprofile",
    ".vimrc", ".exrc", ".gdbinit", ".lldbinit", ".pdbrc", ".tmux.conf", ".gitconfig",
    ".gitmodules", ".hgrc", ".vscode", ".idea", ".husky", ".yarnrc*", ".pre-commit-config.yaml",
)  # fmt: skip
"""Not written: other programs, the agent among them, run or believe what stands in them."""

_SSH_KEY = r"id_[^.]+(?:\.pub)?"  # id_ed25519, but not a source file such as id_map.py
_NO_READ = re.compile("|".join([_SSH_KEY, *map(translate, SECRETS)]))
_NO_WRITE = re.compile("|".join([_SSH_KEY, *map(translate, SECRETS + RUN_BY_OTHERS)]))
_MEANT_TO_BE_READ = re.compile(r"\.env\.(example|sample|template|dist)")


def is_protected(act: Act, name: str) -> bool:
    """Whether one part of a path is a protected name, for reading or for writing."""
    folded = _folded(name)
    if act is Act.READ:
        return _NO_READ.fullmatch(folded) is not None and not _MEANT_TO_BE_READ.fullmatch(folded)
    return _NO_WRITE.fullmatch(folded) is not None


def _folded(name: str) -> str:
    """What file systems without regard to case, composition or ends hold for the same name."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    return folded.partition("::$")[0].rstrip(" .")  # NTFS passes over these


class Guard:
    """Turns paths into atoms; `ours` are our own directories, out of reach for wide rules."""

    def __init__(self, ours: Sequence[str]) -> None:
        self._ours = tuple(_folded(os.path.realpath(path)) for path in ours)

    def atom(self, act: Act, path: str, *, cwd: str, root: str, inbox: str = "") -> Atom:
        """Reading or writing `path`, as seen from `cwd`, in the project at `root`.

        Raises Unclear for a path that cannot be resolved as written.
        """
        real = resolved(path, cwd)
        if inbox and is_within(real, inbox):
            return self._in_inbox(act, real, inbox)
        return self._atom(act, _as_in_settings(real, root), root)

    def _in_inbox(self, act: Act, real: str, inbox: str) -> Atom:
        below = real[len(inbox) :]
        if name := next((part for part in below.split("/") if is_protected(act, part)), ""):
            note = f'"{name}" is protected'
            return Atom(act, INBOX_ROOT + below, real, Care.PROTECTED, note, "leave it alone")
        return Atom(act, INBOX_ROOT + below, real, note="it came with the task")

    def link(self, act: Act, path: str, *, cwd: str, root: str) -> Atom | None:
        """The same for the link that `path` names, where it stands: `mv` and others replace it."""
        directory, _, name = os.path.join(cwd, path).rstrip("/").rpartition("/")  # noqa: PTH118
        if not os.path.islink(f"{directory}/{name}"):  # noqa: PTH114 - never raises
            return None
        real = as_kept(f"{_without_links(directory or '/').rstrip('/')}/{name}")
        return self._atom(act, _as_in_settings(real, root), root)

    def _atom(self, act: Act, real: str, root: str) -> Atom:
        meant = _as_in_project(real, root)
        if name := self._protected_name(act, real, meant, root):
            note = f'"{name}" is protected'
            instead = "leave it alone, or ask the owner for a rule that names this file exactly"
            return Atom(act, meant, real, Care.PROTECTED, note, instead)
        if is_within(real, root):
            return Atom(act, meant, real)
        note = "it is outside the project"
        return Atom(act, real, real, note=note, instead=f"work inside {root}")

    def _protected_name(self, act: Act, real: str, meant: str, root: str) -> str:
        if any(is_within(_folded(real), directory) for directory in self._ours):
            return real
        below = meant[len(root) :] if is_within(real, root) else real
        return next((name for name in below.split("/") if is_protected(act, name)), "")


def resolved(path: str, cwd: str) -> str:
    """The absolute path without links and "..". Raises Unclear when it would be guesswork."""
    if not 0 < len(path) <= MAX_PATH_CHARACTERS:
        raise Unclear(f"a path of {len(path)} characters", "name one file by its path")
    if path.startswith("~") or "://" in path:
        raise Unclear(f'a path with "{"~" if path[0] == "~" else "://"}"', "write the whole path")
    if hidden := hidden_in(path.replace("\t", "\n")):
        raise Unclear(f"a path with {hidden}", "name the file by visible characters")
    joined = os.path.join(cwd, path)  # noqa: PTH118
    real = _without_links(joined)
    if ".." in path.split("/") and real != _without_links(os.path.normpath(joined)):
        # a program that takes ".." away before it opens the file would open another one
        raise Unclear('a ".." behind a link', "name the file by its path without ..")
    return as_kept(real)


def _without_links(path: str) -> str:
    """Raises Unclear for links that lead each program elsewhere, such as /proc/self/cwd."""
    try:
        real = os.path.realpath(path)
    except OSError:  # of all links, only those in /proc cannot be read by everybody
        real = "/proc/"
    if is_within(real, INBOX_ROOT):
        raise Unclear("a path that is written like a placeholder of rules", "rename the directory")
    if any(re.match(r"/+(proc|dev/fd)/", one) for one in (os.path.normpath(path), real)):
        raise Unclear("a path that depends on who opens it", "name a file by its own path")
    return real


def _as_in_settings(real: str, root: str) -> str:
    """Rules speak of the project's directory as the settings write it, whatever its case."""
    kept = as_kept(root)
    return root + real[len(kept) :] if kept != root and is_within(real, kept) else real


_IN_WORKTREE = re.compile(rf"/{re.escape(WORKTREES)}/[0-9]+(?=/|$)")


def _as_in_project(real: str, root: str) -> str:
    """A file of a job's worktree is judged as the project's file of which it is a copy."""
    if not is_within(real, root):
        return real
    below = real[len(root) :]
    found = _IN_WORKTREE.match(below)
    return root + below[found.end() :] if found else real


def as_kept(
    path: str,
    is_there: Callable[[str], bool] = os.path.lexists,
    names_in: Callable[[str], Sequence[str]] = os.listdir,
) -> str:
    """The path in the letters that the file system has: ROOT/SECRETS → ROOT/secrets.

    Only looks into a directory where a name is found in the other case, too.
    """
    kept = ""
    for name in path.split("/")[1:]:
        other = name.swapcase()
        if name != other and is_there(f"{kept}/{other}") and is_there(f"{kept}/{name}"):
            kept += f"/{_kept_name(name, names_in(kept or '/'))}"
        else:
            kept += f"/{name}"
    return kept


def _kept_name(name: str, names: Sequence[str]) -> str:
    """The name itself where both are there, as on most file systems."""
    if name in names:
        return name
    return next((kept for kept in names if _folded(kept) == _folded(name)), name)


def is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is judged: `cwd` resolved, inside `root`; `inbox` of its job, "" without one."""

    root: str
    cwd: str
    guard: Guard
    inbox: str = ""

    def file(self, act: Act, path: str, cwd: str | None = None) -> Atom:
        directory = cwd or self.cwd
        return self.guard.atom(act, path, cwd=directory, root=self.root, inbox=self.inbox)

    def files(self, act: Act, path: str, cwd: str | None = None) -> list[Atom]:
        """The file, and the link it is named by, if it is one."""
        link = self.guard.link(act, path, cwd=cwd or self.cwd, root=self.root)
        return [self.file(act, path, cwd), *([link] if link else [])]


def asks_for_protected(act: Act, name: str) -> bool:
    """Whether a name pattern is aimed at protected files; "*" and "*.py" are not."""
    folded = name.casefold()
    if is_protected(act, folded):
        return True
    rest = re.sub(r"^[*?]+\.(?:json|ya?ml)$", "", folded)  # any of these is not one of ours
    is_aimed = bool(rest.strip("*?.")) and not folded.startswith("!")
    return is_aimed and any(fnmatchcase(sample, folded) for sample in _SAMPLES[act])


def _samples(names: Sequence[str]) -> tuple[str, ...]:
    return (*(name.replace("*", "x") for name in names), "id_rsa", "id_ed25519")


_SAMPLES = {Act.READ: _samples(SECRETS), Act.WRITE: _samples(SECRETS + RUN_BY_OTHERS)}
