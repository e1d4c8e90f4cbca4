"""Moments as text. A damaged or forged record can name a time that is in no calendar."""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.core.model import Millis


def utc(time: Millis) -> str:
    """ISO 8601 with milliseconds, "2030-01-31T14:00:00.250Z"; the number where there is no date."""
    try:
        whole = datetime.fromtimestamp(time // 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return f"{time} ms"
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time % 1000:03}Z"


def day_and_time(time: Millis) -> str:
    """For people: "2030-01-31 14:00:00", in UTC."""
    return utc(time).partition(".")[0].replace("T", " ")
