"""The whole page: one file, without a script, that loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from appliance import __version__
from appliance.audit.moments import day_and_time
from appliance.audit.report.gather import Report, Span
from appliance.audit.report.html import NOTHING, Child, Markup, element
from appliance.audit.report.ledger import Line, ledger
from appliance.audit.report.stories import Teller, moment, number, pill
from appliance.audit.report.timeline import timeline
from appliance.audit.report.verdict import verdict

_COLUMNS = ("time", "who", "what", "rule", "approval", "outcome")
_WAIT, _BAD = ("wait", "waiting for approval"), ("bad", "denied or failed")
_JOB_LEGEND = (("call", "a tool call runs"), _WAIT, ("good", "approved"), _BAD)
_SPAN_LEGEND = (("job", "a job"), _WAIT, _BAD)


def page(report: Report) -> str:
    """The report as HTML."""
    style = files(__package__).joinpath("style.css").read_text("utf-8")
    title = f"Audit report: {_subject(report)}"
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _policy(style)}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("title", {}, title),
        # ours, and its hash is in the policy: it must not be escaped
        Markup(f"<style>{style}</style>"),
    )
    html = element("html", {"lang": "en"}, head, element("body", {}, *_body(report)))
    return f"<!doctype html>\n{html.text}\n"


def _policy(style: str) -> str:
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'"
    )


def _body(report: Report) -> Iterator[Markup]:
    yield element(
        "header",
        {},
        element("p", {"class": "kicker"}, "Audit report"),
        element("h1", {}, _subject(report)),
        element(
            "p",
            {"class": "note"},
            f"Made by dispatch-appliance {__version__} on ",
            moment(report.made_at),
            ". All times are UTC.",
        ),
    )
    lines = ledger(report)
    yield element(
        "main",
        {},
        verdict(report),
        *_picture(report),
        _table(lines),
        *map(Teller(report.redactions).told, report.stories),
    )
    yield _footer()


def _subject(report: Report) -> str:
    match report.subject:
        case Span(since=since, until=until):
            begin = "the beginning" if since is None else day_and_time(since)
            end = "its end" if until is None else day_and_time(until)
            return f"The log from {begin} to {end}"
        case job:
            return f"Job {job}"


def _picture(report: Report) -> Iterator[Markup]:
    drawn = timeline(report)
    if drawn is not NOTHING:
        meanings = _JOB_LEGEND if isinstance(report.subject, int) else _SPAN_LEGEND
        keys = (element("li", {"class": name}, words) for name, words in meanings)
        legend = element("ul", {"class": "legend"}, *keys)
        yield element("section", {}, element("h2", {}, "What happened when"), drawn, legend)


def _table(lines: list[Line]) -> Markup:
    if not lines:
        return element("p", {"class": "note"}, "No record of this time was found.")
    names = (element("th", {"scope": "col"}, name) for name in _COLUMNS)
    return element(
        "section",
        {},
        element("h2", {}, "Who did what, and who let them"),
        element(
            "table",
            {},
            element("thead", {}, element("tr", {}, *names)),
            element("tbody", {}, *map(_row, lines)),
        ),
    )


def _row(line: Line) -> Markup:
    what: list[Child] = [line.what, " ", number(line.seq)]
    if line.job:
        link = element("a", {"href": f"#job-{line.job}"}, f"job {line.job}")
        what = [link, " ", *what]
    cells: tuple[tuple[Child, ...], ...] = (
        (moment(line.time),),
        (line.who,),
        tuple(what),
        (line.rule,),
        (line.approval,),
        (pill(line.outcome, line.tone),),
    )
    # on a narrow screen each cell is a line of its own with its column's name before it
    pairs = zip(_COLUMNS, cells, strict=True)
    return element(
        "tr",
        {"class": line.tone},
        *(element("td", {"data-label": name}, element("div", {}, *cell)) for name, cell in pairs),
    )


def _footer() -> Markup:
    command = "dispatchctl audit verify"
    return element(
        "footer",
        {},
        element("p", {}, "Numbers such as ", number(1), " are those of records in the log."),
        element(
            "p",
            {},
            "To see for yourself, on a machine that you trust, with a copy of the log and the "
            "first public key that was kept elsewhere: ",
            element("code", {}, f"{command} audit.db --pubkey audit.pub"),
        ),
    )
