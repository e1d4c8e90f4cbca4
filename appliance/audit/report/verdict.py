"""The verdict of the verification in words, with what it does not cover."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.audit.report.gather import Report
from appliance.audit.report.html import Markup, element
from appliance.audit.report.stories import moment
from appliance.audit.verify import Verdict, Verification
from appliance.core.model import Millis

_NAMED = 20  # of the records that cannot be read
_TITLES = {
    Verdict.INTACT: "Intact",
    Verdict.TAMPERED: "Tampered with",
    Verdict.INCOMPLETE: "Nothing to judge by",
}


def verdict(report: Report) -> Markup:
    """What was found, then what nobody could find from here."""
    found = report.verification
    return element(
        "section",
        {"class": f"verdict {found.verdict}"},
        element("h2", {}, _TITLES[found.verdict]),
        element("p", {}, _finding(report)),
        element("ul", {}, *(element("li", {}, limit) for limit in _limits(report))),
        element("dl", {"class": "facts"}, *_identity(report)),
    )


def _finding(report: Report) -> str:
    found = report.verification
    if found.verdict is Verdict.INTACT:
        return (
            f"All {found.size:,} records of the log are what was signed, in {found.epochs} epochs. "
            "This page tells of some of them."
        )
    where = f"At record {found.seq}: " if found.seq else ""
    sound = f" The first {found.size:,} records are what was signed." if found.size else ""
    return f"{where}{found.reason}.{sound}"


def _limits(report: Report) -> Iterator[str]:
    found = report.verification
    if report.unreadable:
        numbers = ", ".join(map(str, report.unreadable[:_NAMED]))
        yield f"Missing here, because they cannot be read: {len(report.unreadable)}, as {numbers}."
    if found.verdict is Verdict.INTACT:
        yield from _unknown(found)
    else:
        yield "Nothing below may be relied on before it is known what happened to the log."
    yield from found.remarks
    yield "This page is a copy, and anybody can change a copy. Verify the log itself."


def _unknown(found: Verification) -> Iterator[str]:
    """What an intact log may still be."""
    if not found.pinned:
        yield (
            "Whether this is the right log was not checked: compare its first public key with one "
            "that was kept elsewhere."
        )
    yield from _unanchored(found)
    if found.pruned:
        yield f"Pruned, as a signed record says: {found.pruned:,} records."
    if found.redacted:
        yield f"Redacted, as signed records say: {found.redacted:,} private values."


def _unanchored(found: Verification) -> Iterator[str]:
    """What could have been done unseen, and by whom."""
    if found.anchored >= found.size:
        return
    yield (
        f"The last {found.size - found.anchored:,} records are protected by the signing keys only: "
        "no checkpoint that was kept elsewhere was compared for them, so whoever can write the "
        f"file could have cut off what followed record {found.size:,}."
    )
    first = max(found.epoch_began, found.anchored + 1)
    if first <= found.size:
        yield (
            "Whoever held the newest signing key could have written records "
            f"{first:,} to {found.size:,}."
        )


def _identity(report: Report) -> Iterator[Markup]:
    found = report.verification
    yield _fact("verified", moment(report.made_at))
    yield _fact("log", str(report.path))
    if found.size:
        yield _fact("verified records", f"{found.size:,}")
        yield _fact("root", found.root.hex())
        yield _fact("first public key", found.public_key)
        yield _fact("identity", found.identity)
    if found.anchored_at:
        yield _fact("anchored", moment(Millis(found.anchored_at)))


def _fact(name: str, value: str | Markup) -> Markup:
    return element("div", {}, element("dt", {}, name), element("dd", {}, value))
