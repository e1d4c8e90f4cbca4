"""Where the programs of the image leave word for each other."""

from pathlib import Path

RUN = Path("/run/dispatch-image")
SAID = RUN / "first-boot.error"
TOLD = RUN / "first-boot.told"
HOME = Path("/var/lib/dispatch-image")
SET_UP = HOME / "set-up"
FAILED = HOME / "failed"
