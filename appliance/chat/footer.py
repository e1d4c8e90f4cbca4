"""What stands below a reply's body: our line under an agent's text."""

from __future__ import annotations

from dataclasses import replace

from appliance.core.model import Rich, Wording

GAP = "\n\n"


def with_footer(body: Rich, footer: Rich | Wording | None) -> Rich:
    """Both in one, or the body alone when there is no footer."""
    if footer is None:
        return body
    assert isinstance(footer, Rich), "a language is chosen before a reply is prepared"
    start = len(body.text) + len(GAP)
    moved = tuple(replace(span, start=span.start + start) for span in footer.spans)
    return Rich(body.text + GAP + footer.text, (*body.spans, *moved))
