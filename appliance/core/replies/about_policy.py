"""What became of an edit of the policy."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.hidden import shown
from appliance.core.model import Reply
from appliance.core.words import Words, plural, say

MAX_SHOWN_CHANGES = 8


def policy_changed(sha256: str, rules: int, changes: Sequence[str]) -> Reply:
    """For whoever looks after the appliance: an edit holds now, and what it changes."""
    words = Words().bold("Policy · new rules hold")
    words.verbatim(f"\n{sha256[:8]}, ").plain(plural(rules, "{count} rule", "{count} rules"))
    if not changes:
        words.line("Nobody may do more or less than before.")
    _listed(words, changes)
    return words.reply()


def policy_rejected(mistakes: Sequence[str], live_sha256: str) -> Reply:
    words = Words().bold("Policy · your edit does not hold")
    _listed(words, mistakes)
    words.verbatim("\n").line(
        "The rules before it stay: {fingerprint}. Once mended it is taken over.",
        fingerprint=live_sha256[:8],
    )
    return words.reply()


def policy_as_before(live_sha256: str) -> Reply:
    return say(
        "Policy · the files are again what holds: {fingerprint}.", fingerprint=live_sha256[:8]
    )


def _listed(words: Words, lines: Sequence[str]) -> None:
    for line in lines[:MAX_SHOWN_CHANGES]:
        words.verbatim("\n").code(shown(line, 160))
    if len(lines) > MAX_SHOWN_CHANGES:
        words.line("and {more} more: dispatchctl policy check", more=len(lines) - MAX_SHOWN_CHANGES)
