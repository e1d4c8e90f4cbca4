"""The program that holds the machine awake for us, as long as it hears from us.

    lease.py SECONDS

Says "held" once, then ends when its standard input does, or when nothing was written there for so
long. Whatever keeps the machine awake is bound to its life. Standard library only, and little of
it: it is started beside a job.
"""

from __future__ import annotations

import os
import select
import sys

HELD = b"held\n"


def main(seconds: float) -> None:
    os.write(sys.stdout.fileno(), HELD)
    source = sys.stdin.fileno()
    while select.select([source], [], [], seconds)[0] and os.read(source, 4096):
        pass


if __name__ == "__main__":
    main(float(sys.argv[1]))
