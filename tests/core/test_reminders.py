from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.model import Millis
from appliance.core.reminders import moments
from tests.examples import APPROVAL


@pytest.mark.parametrize(
    ("life_seconds", "at_seconds"),
    [
        (600, (300, 540)),
        (24 * 3600, (12 * 3600, 24 * 3600 - 600)),
        (3600, (1800, 3600 - 360)),
        (300, (150, 270)),
        (120, (60,)),
        (30, ()),
    ],
)
def test_half_way_and_near_the_end_unless_that_is_too_near(
    life_seconds: int, at_seconds: tuple[int, ...]
) -> None:
    asked = replace(APPROVAL, asked_at=Millis(1000), expires_at=Millis(1000 + life_seconds * 1000))
    assert moments(asked) == tuple(1000 + seconds * 1000 for seconds in at_seconds)
