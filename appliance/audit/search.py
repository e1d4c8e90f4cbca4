"""What can be asked of the log: a filter, and what a record answers to it.

One definition for both ways of searching. A record has *facets*, short texts such as
"who:anna" or "kind:request.denied", and a *text*, in which people look for words. A filter is
the facets that must be there, a span of time and a piece of text. The index stores facets and
text of every record; a scan computes them; either way it is `Filter.fits` that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from appliance.core.approvals import JOB_ITSELF
from appliance.core.model import Act, Millis
from appliance.core.records import Outcome, Record

_JOB = "job:"
_APPROVAL = "approval:"
_NO_TOOLS = frozenset((Act.CHAT.value, "approve"))  # acts of people


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with those of its private values that are still kept."""

    record: Record
    values: Mapping[str, str]

    @property
    def gone(self) -> tuple[str, ...]:
        """The names of private values that were recorded and are not kept any more."""
        return tuple(name for name in self.record.commitments if name not in self.values)


@dataclass(frozen=True, slots=True)
class Filter:
    """What records must fulfil; all that is given, nothing that is None.

    `who` is a name or how it was known ("telegram:4711"); `kind` a whole kind or its first word;
    `rule` is file and line, or either the file, with or without its directory; `since` is
    included, `until` is not; `text` is looked for in everything people wrote or saw, private
    values too, whatever its case. A project's records are those that name it, or belong to a job
    that does; a tool's are its calls and the questions about them; a message's, which is given
    by its key, are those that name it as what led to them, and itself.
    """

    who: str | None = None
    project: str | None = None
    job: int | None = None
    tool: str | None = None
    rule: str | None = None
    kind: str | None = None
    outcome: Outcome | None = None
    since: Millis | None = None
    until: Millis | None = None
    text: str | None = None
    message: str | None = None

    def facets(self) -> frozenset[str]:
        """The facets that a record must have."""
        given = {
            "who": self.who,
            "project": self.project,
            "job": self.job,
            "tool": self.tool and self.tool.casefold(),
            "rule": self.rule,
            "kind": self.kind,
            "outcome": self.outcome,
            "message": self.message,
        }
        return frozenset(f"{name}:{value}" for name, value in given.items() if value is not None)

    def fits(self, entry: Entry, facets: frozenset[str]) -> bool:
        """Whether an entry with these facets is wanted."""
        return (
            self.facets() <= facets
            and (self.since is None or entry.record.time >= self.since)
            and (self.until is None or entry.record.time < self.until)
            and (self.text is None or folded(self.text) in text_of(entry))
        )


class Projects:
    """Which job belongs to which project, learnt from the records of a log in their order.

    `earlier` tells of jobs that were named in records before these, "" when it knows nothing.
    """

    def __init__(self, earlier: Callable[[int], str] = lambda job: "") -> None:
        self.learnt: dict[int, str] = {}
        self._earlier = earlier

    def facets(self, record: Record) -> frozenset[str]:
        """By what a record can be found."""
        job = job_of(record)
        if not job:
            return facets_of(record)
        if project := word(record, "project"):
            self.learnt[job] = project
        return facets_of(record, project or self.learnt.get(job) or self._earlier(job))


def facets_of(record: Record, project: str = "") -> frozenset[str]:
    """By what a record can be found; `project` is that of its job, where it names none itself."""
    return frozenset(f"{name}:{value}" for name, value in _facets(record, project))


def message_key(record: Record) -> str:
    """The key of the message that this record is, or that led to it; "" when there is none."""
    if record.kind == "message.received":
        return word(record, "key")
    return next((c for c in record.cause if not c.startswith((_JOB, _APPROVAL))), "")


def job_of(record: Record) -> int:
    """The job that a record belongs to, 0 when it belongs to none."""
    named = record.data.get("job")
    if isinstance(named, int) and named:
        return named
    for words in (record.actor.auth, *record.cause):
        number = words.removeprefix(_JOB)
        if number != words and number.isdecimal():
            return int(number)
    return 0


def tool_of(record: Record) -> str:
    """The tool that a record is about, "" when it is about none or names none."""
    if record.kind == "approval.asked":
        return "" if record.data.get("request") == JOB_ITSELF else word(record, "object")
    act = word(record, "act")
    return word(record, "tool") or ("" if act in _NO_TOOLS else act)


def text_of(entry: Entry) -> str:
    """Everything in an entry that people wrote or saw, folded, one line for each piece."""
    return folded("\n".join(_texts(entry)))


def folded(text: str) -> str:
    """Text in which case does not count, and which SQLite can store and be asked for."""
    return text.casefold().replace("\0", " ").encode(errors="replace").decode()


def _facets(record: Record, project: str) -> Iterator[tuple[str, str | int]]:
    for name, value in (
        ("kind", record.kind),
        ("kind", record.kind.partition(".")[0]),
        ("outcome", record.outcome),
        ("who", record.actor.id),
        ("who", record.actor.auth),
        ("job", job_of(record)),
        ("project", word(record, "project") or project),
        ("tool", tool_of(record).casefold()),
        ("message", message_key(record)),
    ):
        if value:
            yield name, value
    for rule in _rule_names(word(record, "rule")):
        yield "rule", rule


def _rule_names(rule: str) -> Iterator[str]:
    """`policies/default.csv:14` is also `default.csv:14`, and a rule of either file."""
    if not rule:
        return
    path = rule.rpartition(":")[0] or rule
    for name in (rule, path):
        yield name
        yield name.rpartition("/")[2]


def _texts(entry: Entry) -> Iterator[str]:
    record = entry.record
    yield from (record.actor.id, record.actor.auth, record.session, *record.cause)
    for value in record.data.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from value
    yield from entry.values.values()


def word(record: Record, name: str) -> str:
    """A text field of a record, "" when it has none."""
    value = record.data.get(name)
    return value if isinstance(value, str) else ""
