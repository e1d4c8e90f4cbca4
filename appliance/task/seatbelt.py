"""Seatbelt, the sandbox of macOS: a profile that `sandbox-exec` applies before it starts a program.

Nothing is allowed but what the profile names; later lines win. `sandbox-exec` is called
deprecated and is what Chromium, Bazel and Claude Code use all the same. Apple documents neither;
the words are those of the profiles in /System/Library/Sandbox/Profiles.

Not allowed, on purpose: `com.apple.SecurityServer` (the keychain, where the owner's secrets are),
other processes, Apple events, opening programs, every connection but that to the proxy. What it
cannot do: there is no process namespace, so command lines of others can be seen, and a child that
detaches from its group survives. **Checked as text only**: it was never run by us.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from appliance.task import places
from appliance.task.projects import Projects

PROGRAM = Path("/usr/bin/sandbox-exec")
SYSTEM = ("/Applications/Xcode.app", "/Library", "/System", "/bin", "/opt", "/sbin", "/usr")
FILES = ("/dev", "/private/etc", "/private/var/db/timezone", "/private/var/select")
SERVICES = (
    "com.apple.logd",
    "com.apple.system.notification_center",
    "com.apple.system.opendirectoryd.libinfo",
    "com.apple.trustd.agent",
)
"""Names, log and certificates: without them hardly a program starts."""


def is_here() -> bool:
    return PROGRAM.exists()


def sandboxed(
    argv: tuple[str, ...],
    projects: Projects,
    project: Path,
    *,
    temporary: Path,
    reachable: str | None,
    inbox: Path | None = None,
) -> tuple[str, ...]:
    """`argv` behind the profile; `reachable`: what it may connect to, "*:*" is everything."""
    rules = profile(projects, project, temporary=temporary, reachable=reachable, inbox=inbox)
    return (str(PROGRAM), "-p", rules, *argv)


def profile(
    projects: Projects,
    project: Path,
    *,
    temporary: Path,
    reachable: str | None,
    inbox: Path | None = None,
) -> str:
    """The rules, one a line; what is hidden and guarded comes last, but for the task's inbox."""
    guarded = [project / name for name in places.GUARDED]
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-exec process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow process-info* (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        '(allow file-read* (literal "/"))',
        _rule("allow file-read*", [*map(Path, (*SYSTEM, *FILES, *projects.readable))]),
        _rule("allow file-read* file-write*", [project, temporary, *places.kept(projects)]),
        '(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))',
        "(allow mach-lookup " + " ".join(f'(global-name "{name}")' for name in SERVICES) + ")",
    ]
    if reachable is not None:
        lines.append(f'(allow network-outbound (remote tcp "{reachable}"))')
    hidden = [path for path in places.hidden(projects, project) if not _contains(path, project)]
    if hidden:
        lines.append(_rule("deny file-read* file-write*", hidden))
    if inbox is not None:
        lines.append(_rule("allow file-read*", [inbox]))
    lines.append(_rule("deny file-write*", guarded))
    # a guarded directory must not be swapped by renaming the one that it is in
    lines.append(f"(deny file-write-unlink (literal {_quoted(project / '.git')}))")
    return "\n".join(lines) + "\n"


def _rule(action: str, paths: Iterable[Path]) -> str:
    return f"({action} " + " ".join(f"(subpath {_quoted(path)})" for path in paths) + ")"


def _contains(path: Path, project: Path) -> bool:
    """Rules cannot be undone for a part: what contains the project is not named at all."""
    return project.is_relative_to(path)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
