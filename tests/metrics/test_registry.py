"""A registry of our own tells of this process, and of nothing else."""

from __future__ import annotations

import sys
import time

import pytest

from appliance.metrics.registry import new_registry
from tests.metrics.exposed import exposed


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_it_tells_of_this_process() -> None:
    found = exposed(new_registry())
    assert found["process_resident_memory_bytes"] > 10_000_000
    assert 0 < found["process_start_time_seconds"] <= time.time()  # noqa: TID251 - that very clock
    assert found["process_open_fds"] > 2
    assert {name.split("_")[0] for name in found} == {"process"}


def test_two_of_them_are_strangers() -> None:
    assert exposed(new_registry()).keys() == exposed(new_registry()).keys()
