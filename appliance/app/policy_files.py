"""The policy directory of the settings, as the daemon reads it: at its start and after edits."""

from __future__ import annotations

from pathlib import Path

from appliance.config import Settings
from appliance.policy import loader
from appliance.policy.difference import between
from appliance.policy.explain import selftest
from appliance.policy.loaded import LoadedPolicy
from appliance.ports import LivePolicy


def policy_in(directory: Path, settings: Settings, *, is_tried: bool = True) -> LoadedPolicy:
    """The policy there, for these settings. Raises PolicyError with every mistake in it.

    `is_tried` False: also when its test lines do not come out.
    """
    load = loader.load if is_tried else loader.load_untried
    ours = (settings.daemon.state, settings.daemon.credentials)
    return load(
        directory, settings.users, settings.projects, ours=ours, automations=settings.automations
    )


class PolicyDirectory:
    """Port `PolicyFiles`. Users and projects are those of the settings, read once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = Path(settings.daemon.policies)

    @property
    def path(self) -> str:
        return str(self._directory)

    def version(self) -> str:
        try:
            files = sorted(self._directory.iterdir())
            return "\n".join(map(_look, files))
        except OSError as error:
            return f"unreadable: {error.strerror}"

    def load(self) -> LoadedPolicy:
        """Read, checked, its tests run and every denial fired once. Raises PolicyError."""
        policy = policy_in(self._directory, self._settings)
        selftest(policy)
        return policy

    def difference(self, before: LivePolicy, after: LivePolicy) -> tuple[str, ...]:
        assert isinstance(before, LoadedPolicy)
        assert isinstance(after, LoadedPolicy)
        return tuple(map(str, between(before, after)))


def _look(file: Path) -> str:
    """What of a file changes with an edit, or when another takes its place."""
    seen = file.stat()
    return f"{file.name} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns}"
