"""What goes to the journal."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import logging
from appliance.app.journal import start_logging
start_logging()
logging.getLogger("appliance.x").info("token is ghp_%s", "a" * 36)
logging.getLogger("aiogram").info("chatter")
"""


def test_it_gets_no_secrets_and_no_chatter() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert done.stderr.startswith("appliance.x: INFO: token is ")
    assert "ghp_aaaa" not in done.stderr
    assert "chatter" not in done.stderr
