"""Kills what is done to a log between any two lines of our code, and looks at what is left.

Run as a program, because it forks: `python -m tests.audit.crash_steps DIRECTORY ACT POINTS`.
At most so many of the lines are tried, spread over all; prints how many there were. After each
kill the log must open, verify, hold what was acknowledged, and let the act be done again.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from appliance.audit import index, takeover
from appliance.audit.database import DATABASE, PUBLIC_KEY, reading
from appliance.audit.fork import fork
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.errors import AuditUnavailable
from appliance.host.clock import SystemClock
from tests.audit.logs import ANNA, BOOT, allowed, queued

CLOCK = SystemClock()
LOADED = (index, takeover)  # before lines are counted: loading them are lines too
CODE = str(Path(__file__).parents[2] / "appliance" / "audit")

Act = Callable[[Path], None]
"""What is done to the log in a directory; told by a name on the command line."""


def opened(directory: Path) -> Writer:
    return Writer(directory, CLOCK, BOOT)


def on_writer(act: Callable[[Writer], object]) -> Act:
    def do(directory: Path) -> None:
        with closing(opened(directory)) as writer:
            act(writer)

    return do


def redact(writer: Writer) -> None:
    with suppress(AuditUnavailable):  # done already
        writer.redact(2, "input", "", ANNA)


def begin_again(directory: Path) -> None:
    fork(directory, CLOCK, BOOT, reason="test", who=ANNA)


ACTS: dict[str, Act] = {
    "open": on_writer(lambda _: None),
    "commit": on_writer(lambda writer: writer.commit([[prepare(allowed(9))] * 2])),
    "anchor": on_writer(lambda w: w.record_anchor(w.head().checkpoint.size, "chat", "thanks")),
    "redact": on_writer(redact),
    "prune": on_writer(lambda writer: writer.prune(4, "", ANNA)),
    "fork": begin_again,
}


def main(directory: Path, act: str, points: int) -> int:
    begun = directory / "begun"
    with closing(opened(begun)) as writer:
        writer.commit([[prepare(allowed(1))], [prepare(queued(1))]])
    empty = directory / "empty"
    empty.mkdir()
    for start in (begun, empty) if act == "open" else (begun,):
        work = directory / "work"
        lines = until_killed(start, work, ACTS[act], sys.maxsize)
        for line in range(1, lines + 1, max(1, lines // points)):
            assert until_killed(start, work, ACTS[act], line) == line, "it did not come so far"
            check(work, ACTS[act])
        print(f"{act}: {lines} lines")
    return 0


def until_killed(start: Path, work: Path, act: Act, line: int) -> int:
    """Do it to a copy in a child that is killed before the nth line; how many it began."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(start, work)
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal count
            if not frame.f_code.co_filename.startswith(CODE):
                return None
            if event == "line":
                count += 1
                if count >= line:
                    os.write(writing_end, str(count).encode())
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        act(work)
        sys.settrace(None)
        os.write(writing_end, str(count).encode())
        os._exit(0)
    os.close(writing_end)
    with os.fdopen(reading_end) as told:
        count = int(told.read())
    os.waitpid(child, 0)
    return count


def check(work: Path, act: Act) -> None:
    for again in (ACTS["open"], act):
        again(work)
        found = verify(work / DATABASE)
        assert found.verdict is Verdict.INTACT, found
        assert found.public_key == (work / PUBLIC_KEY).read_text().strip()
        assert len(list(work.glob("epoch-*.key"))) == 1
        assert not list(work.glob("forking*"))
    for former in work.glob("forked-*"):
        assert verify(former / DATABASE).verdict is Verdict.INTACT
    assert acknowledged(work) or any(map(acknowledged, work.glob("forked-*")))


def acknowledged(directory: Path) -> bool:
    """Whether the third record of the log that was begun is there."""
    with reading(directory / DATABASE) as connection:
        row = connection.execute("SELECT h FROM leaf WHERE seq=3").fetchone()
    return row is not None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
