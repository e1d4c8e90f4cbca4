"""What tasks use, by their control group or by their processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from appliance.host.usage import group_memory, memory_below

CHILD = "held = bytes(50_000_000); held = bytearray(b'x' * 50_000_000); print(); input()"


def test_a_group_counts_without_what_is_only_cached(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 1000\nfile 5000\nshmem 20\nanon_thp 7\n")
    assert group_memory(tmp_path) == 1020
    assert group_memory(tmp_path / "gone") == 0


def test_processes_count_with_all_below_them_and_without_themselves() -> None:
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert memory_below([os.getpid()]) > 50_000_000
        assert memory_below([child.pid]) == 0
        child.communicate(b"\n")
    assert memory_below([child.pid]) == 0
