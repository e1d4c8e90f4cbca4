"""The program that understands speech, run as it is run in a task."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.voice import listen
from appliance.voice.transcriber import is_installed


def run(python: str, *words: str, sound: bytes = b"") -> int:
    argv = [python, "-I", listen.__file__, *words]
    return subprocess.run(argv, input=sound, capture_output=True, check=False).returncode


def test_without_the_libraries_it_says_so() -> None:
    python = shutil.which("python3", path="/usr/bin")
    if python is None:
        pytest.skip("no interpreter without them")
    assert run(python, "/m", "en") in (listen.NO_LIBRARIES, listen.NO_SOUND)


@pytest.mark.skipif(not is_installed(), reason="dispatch-appliance[voice]")
def test_it_needs_sound(tmp_path: Path) -> None:
    assert run(sys.executable, str(tmp_path), "en", sound=b"no sound") == listen.NO_SOUND
