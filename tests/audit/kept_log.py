"""A log with something of everything in it, which somebody else keeps and serves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.audit import admin
from appliance.audit.admin import Administration
from appliance.audit.rights import Rights
from appliance.audit.writer import prepare
from appliance.core.events import RequestAllowed
from tests.audit.logs import ANNA, allowed
from tests.audit.serving import EVERYTHING, ME, Served, served

LONG = "x" * 8000


def long(number: int) -> RequestAllowed:
    return RequestAllowed(
        who=ANNA, act="bash", object=f"{number}", project="web", rule="r", input=LONG + str(number)
    )


@contextmanager
def kept(tmp_path: Path, rights: Rights = EVERYTHING) -> Iterator[tuple[Served, Administration]]:
    """A log in which something of everything is, kept by a thread."""
    stop = threading.Event()
    with served(tmp_path, rights) as log:
        for number in range(100):
            log.writer.commit([[prepare(allowed(number)), prepare(long(number))]])
        log.writer.rotate()
        note = log.writer.head()
        log.writer.record_anchor(note.checkpoint.size, "file", str(note))
        log.writer.redact(2, "input", "asked for", ANNA)
        log.writer.prune(20, "old", ANNA)

        def serve() -> None:
            while not stop.wait(0.001):
                log.server.turn()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with admin.served(tmp_path / "socket", {ME}) as administration:
                yield log, administration
        finally:
            stop.set()
            thread.join()
