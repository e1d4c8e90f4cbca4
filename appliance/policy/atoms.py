"""Atoms: the single things a request asks for, each judged on its own.

`object` is what patterns are held against: words joined by one blank (a blank inside a word is
written as an unprintable sign, so that `"git log"` never passes for `git log`), an absolute
path, a host. `text` is the same for people.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.model import Act
from appliance.policy.patterns import BLANK_IN_WORD, WORD_GAP


class Care(StrEnum):
    """How much a wildcard in a rule may decide about an atom."""

    PLAIN = "plain"
    EXACT = "exact"  # only a rule that names it exactly may allow it: unreviewed options
    PROTECTED = "protected"  # and only such a rule may ask: .git, .env, keys, our own files
    UNCLEAR = "unclear"  # not understood: no rule may allow it, a rule may ask


@dataclass(frozen=True, slots=True)
class Atom:
    """One thing to be judged. `note` says why care is needed, `instead` how to do without.

    `directory` is where it happens when that is not where the request was made (`cd x && …`).
    """

    act: Act
    object: str
    text: str
    care: Care = Care.PLAIN
    note: str = ""
    instead: str = ""
    directory: str = ""


class Unclear(Exception):
    """Something is not understood: what in particular, and how to write it instead."""

    def __init__(self, note: str, instead: str) -> None:
        super().__init__(note)
        self.note = note
        self.instead = instead


def of_words(
    act: Act, words: Sequence[str], care: Care = Care.PLAIN, note: str = "", instead: str = ""
) -> Atom:
    """The atom of a command's words."""
    joined = WORD_GAP.join(word.replace(WORD_GAP, BLANK_IN_WORD) for word in words)
    return Atom(act, joined, shlex.join(words), care, note, instead)


def unclear(act: Act, text: str, why: Unclear) -> Atom:
    """The atom of something not understood: `text` is all that is known about it."""
    return Atom(act, text, text, Care.UNCLEAR, why.note, why.instead)
