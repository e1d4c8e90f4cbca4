"""Commands without AI: which recipe a text calls, and its words as one checked argv.

A recipe never meets a shell: every value becomes exactly one argument, and no value may start
with "-", because a program could take it for an option.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from appliance.core.model import Parameter, ParameterKind, Phrase, Recipe
from appliance.core.words import number, phrase

MAX_VALUE_CHARACTERS = 4_000
LARGEST_INTEGER = 999_999_999


@dataclass(frozen=True, slots=True)
class Mistake:
    """The words do not fit the recipe; `sentence` says which one and what to write."""

    sentence: Phrase


def find(recipes: Sequence[Recipe], words: Sequence[str]) -> tuple[Recipe, tuple[str, ...]] | None:
    """The recipe with the longest name that `words` begin with, and the words after its name."""
    called = [r for r in recipes if tuple(words[: len(r.words)]) == r.words]
    if not called:
        return None
    recipe = max(called, key=lambda r: len(r.words))
    return recipe, tuple(words[len(recipe.words) :])


def bind(recipe: Recipe, words: Sequence[str]) -> tuple[str, ...] | Mistake:
    """The recipe's argv with every placeholder replaced, or the first thing wrong with `words`."""
    values: dict[str, str] = {}
    rest = list(words)
    for parameter in recipe.parameters:
        value = _take(parameter, rest)
        if value is None:
            return Mistake(
                phrase(
                    "/{recipe} needs {parameter}: {expectation}.",
                    recipe=recipe.name,
                    parameter=parameter.name,
                    expectation=expectation(parameter),
                )
            )
        if not accepts(parameter, value):
            said = value if len(value) <= 60 else value[:59] + "…"
            return Mistake(
                phrase(
                    "{said} will not do for {parameter} of /{recipe}: it must be {expectation}.",
                    said=ascii(said),
                    parameter=parameter.name,
                    recipe=recipe.name,
                    expectation=expectation(parameter),
                )
            )
        values[parameter.name] = value
    if rest:
        return Mistake(
            phrase(
                "/{recipe} does not know what to do with {word}.",
                recipe=recipe.name,
                word=ascii(rest[0]),
            )
        )
    return tuple(values[word[1:-1]] if is_placeholder(word) else word for word in recipe.argv)


def is_placeholder(word: str) -> bool:
    """Whether a word of a recipe's argv stands for a parameter: "{name}"."""
    return re.fullmatch(r"\{[a-z][a-z0-9_]*\}", word) is not None


def accepts(parameter: Parameter, value: str) -> bool:
    """Whether `value` is one the parameter takes. Says no to all it does not know."""
    return (
        0 < len(value) <= MAX_VALUE_CHARACTERS
        and not value.startswith("-")
        and value.isprintable()  # no controls, no direction overrides, no line breaks
        and _CHECKS[parameter.kind](parameter, value)
    )


def expectation(parameter: Parameter) -> Phrase:
    """What the parameter takes, in words for a person."""
    match parameter.kind:
        case ParameterKind.CHOICE:
            return phrase("one of {choices}", choices=", ".join(parameter.choices))
        case ParameterKind.INTEGER:
            return phrase("a number from 1 to {largest}", largest=_largest(parameter))
        case ParameterKind.WORD:
            return phrase("one word of letters, digits and . _ - that does not start with -")
        case ParameterKind.REF:
            return phrase("a branch, tag or commit, such as main or HEAD~1")
        case ParameterKind.PATH:
            return phrase("a path inside the project, such as src/app.py")
        case ParameterKind.TEXT:
            return phrase(
                "a line of text of at most {limit} characters, not starting with -",
                limit=number(MAX_VALUE_CHARACTERS),
            )


def _take(parameter: Parameter, rest: list[str]) -> str | None:
    if not rest:
        return parameter.default
    if parameter.kind is not ParameterKind.TEXT:
        return rest.pop(0)
    text = " ".join(rest)
    rest.clear()
    return text


def _is_word(_: Parameter, value: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9._-]+", value) is not None


def _is_choice(parameter: Parameter, value: str) -> bool:
    return value in parameter.choices


def _is_integer(parameter: Parameter, value: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,8}", value) is not None and int(value) <= _largest(parameter)


def _largest(parameter: Parameter) -> int:
    return LARGEST_INTEGER if parameter.maximum is None else parameter.maximum


def _is_ref(_: Parameter, value: str) -> bool:
    """The rules of git-check-ref-format(1), and ~N or ^N behind it to count back from there."""
    name = re.sub(r"[~^][0-9^~]*$", "", value)
    return (
        re.fullmatch(r"[\w./+@#=,%-]+", name) is not None
        and ".." not in name
        and "@{" not in name
        and name != "@"
        and not name.endswith(".")
        and all(map(_is_ref_component, name.split("/")))
    )


def _is_ref_component(part: str) -> bool:
    return part != "" and not part.startswith((".", "-")) and not part.endswith(".lock")


def _is_path(_: Parameter, value: str) -> bool:
    # ":" would be git's pathspec magic, "~" a shell's home directory
    return not value.startswith(("/", "~", ":")) and ".." not in re.split(r"[/\\]", value)


def _is_text(_: Parameter, value: str) -> bool:
    return value.strip() != ""


_CHECKS: Mapping[ParameterKind, Callable[[Parameter, str], bool]] = {
    ParameterKind.WORD: _is_word,
    ParameterKind.CHOICE: _is_choice,
    ParameterKind.INTEGER: _is_integer,
    ParameterKind.REF: _is_ref,
    ParameterKind.PATH: _is_path,
    ParameterKind.TEXT: _is_text,
}
