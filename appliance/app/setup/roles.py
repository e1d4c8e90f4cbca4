"""A role for whoever has none, so that being paired is not the end of it.

The policy that ships speaks of "me". In a directory where nobody else was named yet, the first
user takes that place; later ones get a line of their own in people.csv.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from appliance.app.files import rewrite, write
from appliance.app.policy_files import policy_in
from appliance.config import Settings
from appliance.core.model import CommandRequest, Denied, Platform, UserName
from appliance.errors import ConfigError, PolicyError

SHIPPED_NAME = "me"
PEOPLE = "people.csv"
SHIPPED = (
    Path(__file__).resolve().parents[3] / "policies",  # a checkout
    Path("/etc/dispatch/policies"),
)
_IS_ABOUT_ME = re.compile(rf"(?m)^([gt]\s*,\s*){SHIPPED_NAME}(\s*,)")


def with_policy(directory: Path) -> bool:
    """Make sure that there is a policy, the shipped one if need be; whether it was put there.

    Raises ConfigError.
    """
    if directory.is_dir():
        return False
    source = next((path for path in SHIPPED if (path / "rules.csv").is_file()), None)
    if source is None:
        raise ConfigError(
            f"there is no policy in {directory}, and none to copy from",
            hint="copy the directory policies of the package there",
        )
    try:
        shutil.copytree(source, directory)
    except OSError as error:
        raise ConfigError(f"cannot write {directory}: {error.strerror}") from error
    return True


def name_first(directory: Path, users: Sequence[str]) -> bool:
    """Put the first user in the place of the shipped "me", when "me" is nobody here."""
    if not users or SHIPPED_NAME in users:
        return False
    file = directory / "roles.csv"
    text = _text(file)
    renamed = _IS_ABOUT_ME.sub(rf"\g<1>{users[0]}\g<2>", text)
    if renamed != text:
        rewrite(file, renamed)
    return renamed != text


def give(settings: Settings, user: str, role: str) -> bool:
    """Give a user a role who is allowed nothing yet; whether that was so.

    Raises PolicyError when the policy cannot be used: then nothing stays changed.
    """
    directory = Path(settings.daemon.policies)
    if _is_allowed_something(settings, user):
        return False
    file = directory / PEOPLE
    before = _text(file) if file.exists() else ""
    write(file, f"{before}g, {user}, {role}\n", mode=0o644)
    try:
        policy_in(directory, settings)
    except PolicyError:
        _put_back(file, before)
        raise
    return True


def _put_back(file: Path, before: str) -> None:
    if before:
        rewrite(file, before)
    else:
        file.unlink()


def _is_allowed_something(settings: Settings, user: str) -> bool:
    policy = policy_in(Path(settings.daemon.policies), settings)
    wanted = ("/status", "/run", "/help")
    return any(
        not isinstance(
            policy.decide(CommandRequest(UserName(user), project, words, Platform.TELEGRAM)), Denied
        )
        for project in settings.projects
        for words in wanted
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read {file}: {getattr(error, 'strerror', error)}", hint="run it as root"
        ) from error
