"""The policy directory of the settings, as the daemon reads it: at its start and after edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.config import Settings
from appliance.policy import loader, sources
from appliance.policy.difference import between
from appliance.policy.explain import selftest
from appliance.policy.grants import GRANTS, MAX_BYTES
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.sources import Source, stamp, stamp_of
from appliance.ports import LivePolicy

AS_IN_FILE = Source("", "")
"""Stands for what the file of grants says."""


def grants_file(settings: Settings) -> Path:
    return Path(settings.daemon.state) / GRANTS


def policy_in(
    directory: Path,
    settings: Settings,
    *,
    is_tried: bool = True,
    granted: Source | None = AS_IN_FILE,
) -> LoadedPolicy:
    """The policy there with what was granted, for these settings.

    Raises PolicyError with every mistake in it. `is_tried` False: also when its test lines do not
    come out. `granted`: grants to judge by instead of those of the file.
    """
    load = loader.load if is_tried else loader.load_untried
    if granted is AS_IN_FILE:
        granted = sources.granted(grants_file(settings), MAX_BYTES)
    return load(
        directory,
        settings.users,
        settings.workplaces,
        ours=tuple(_ours(settings)),
        automations=settings.automations,
        granted=granted,
    )


def _ours(settings: Settings) -> Iterator[str]:
    """What no wide rule reaches: who could write there would be above the policy, or the log."""
    yield settings.daemon.state
    yield settings.daemon.credentials
    yield settings.file
    yield str(settings.audit_directory)
    if settings.audit.anchor_file:
        yield settings.audit.anchor_file


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
            return str((stamp(self._directory), stamp_of(grants_file(self._settings))))
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
