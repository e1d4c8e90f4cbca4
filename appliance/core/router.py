"""Where a plain message goes that begins a conversation: to the project, or to the workspace.

The workspace answers questions without files and without a shell (`/ask`). Rules come first: the
administrator's words, then words that speak of files and of this project, then the form of a
question. In doubt it is work on the project, which is what this is for; either way it is said,
and one tap moves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_QUESTION_CHARACTERS = 600
"""What is longer than this brings its own material, and is work."""


@dataclass(frozen=True, slots=True)
class RouterRules:
    """The administrator's words: a message that has one of them goes there, `project` first."""

    is_on: bool = True
    project: tuple[str, ...] = ()
    workspace: tuple[str, ...] = ()


_OURS = re.compile(
    r"""
    `                                                       # code
    | (?<!/)\b[\w-]+/[\w./-]+                               # src/app.py, but no address
    | \b[\w-]+\.(?:py|js|ts|tsx|jsx|go|rs|rb|java|kt|c|h|cc|cpp|cs|php|sh|sql|html|css|md|txt
        |json|ya?ml|toml|ini|cfg|conf|lock|log|csv|xml|ipynb|swift|vue)\b
    | \b(?:this|these|here|it|its|we|us|our|ours|my|mine)\b
    | \b(?:dies\w*|hier|wir|uns|unser\w*|mein\w*)\b
    | \b(?:code|codebase|repo|repository|project|projekt|branch|commits?|diff|tests?|build|ci
        |bugs?|function|funktion|class|klasse|module?|modul|file|files|datei\w*|folder|ordner
        |endpoint|readme|changelog|todo|deploy\w*|merge|refactor\w*)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_QUESTION = re.compile(
    r"""
    (?:what|who|whom|whose|when|where|why|which|how|is|are|does|do|did|can|could|should|was|were
        |explain|define|translate|summari[sz]e|compare|tell\ me
        |was|wer|wen|wem|wann|wo|woher|wohin|warum|wieso|weshalb|wie|welche\w*|ist|sind|kann
        |erkl(?:ä|ae)re?|(?:ü|ue)bersetze?|vergleiche?|fasse?)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def needs_no_project(text: str, rules: RouterRules) -> bool:
    """Whether a message that begins a conversation goes to the workspace."""
    if not rules.is_on or _has_one_of(text, rules.project):
        return False
    if _has_one_of(text, rules.workspace):
        return True
    return looks_like_question(text) and not _OURS.search(text)


def looks_like_question(text: str) -> bool:
    return len(text) <= MAX_QUESTION_CHARACTERS and _QUESTION.match(text.strip()) is not None


def _has_one_of(text: str, words: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in words)
