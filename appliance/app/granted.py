"""The grants of the settings' appliance: what is in the file, what a wish would change in it.

The file is replaced whole, so nobody ever reads half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from appliance.app import files
from appliance.app.policy_files import grants_file, policy_in
from appliance.config import Settings
from appliance.core.proposals import Draft, Wish
from appliance.errors import ConfigError, PolicyError, StorageUnavailable
from appliance.policy import grants, sources
from appliance.policy.difference import between
from appliance.policy.lint import Finding, lint
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.wishes import lines_for
from appliance.ports import LivePolicy

MODE = 0o600


class GrantsFile:
    """Port `Grants`, in the state directory of these settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = grants_file(settings)

    def lines(self) -> tuple[str, ...]:
        return grants.said(self.text())

    def text(self) -> str:
        """The file as it is, "" without one. Raises PolicyError."""
        found = sources.granted(self._file, grants.MAX_BYTES)
        return found.text if found else ""

    def draft(self, policy: LivePolicy, wish: Wish) -> Draft:
        assert isinstance(policy, LoadedPolicy)
        text = self.text()
        lines = lines_for(wish, policy, grants.said(text))
        after = self._with(grants.changed(text, lines.added, lines.removed))
        meaning = tuple(map(str, between(policy, after)))
        if not meaning:
            raise PolicyError(f"{wish} would change nothing.")
        return Draft(policy.sha256, lines.added, lines.removed, meaning, _new(policy, after))

    def change(self, added: Sequence[str], removed: Sequence[str], because: str) -> None:
        self.put(grants.changed(self.text(), added, removed, because))

    def put(self, text: str) -> None:
        try:
            files.write(self._file, text, mode=MODE)
        except ConfigError as error:
            raise StorageUnavailable(error.message) from error

    def _with(self, text: str) -> LoadedPolicy:
        """The policy as it would be. Raises PolicyError with every mistake in it."""
        granted = sources.Source(f"{self._file.parent.name}/{self._file.name}", text)
        directory = Path(self._settings.daemon.policies)
        return policy_in(directory, self._settings, granted=granted if text else None)


def _new(before: LoadedPolicy, after: LoadedPolicy) -> tuple[str, ...]:
    """What there is to warn of that there was not before."""
    known = {(one.kind, one.rule.text) for one in _findings(before)}
    return tuple(
        f"{one.kind}: {one.rule.text}: {one.what}"
        for one in _findings(after)
        if (one.kind, one.rule.text) not in known
    )


def _findings(policy: LoadedPolicy) -> list[Finding]:
    return lint(policy, date.today())  # noqa: DTZ011 - a day as people here count it
