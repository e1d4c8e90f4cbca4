"""The battery of this machine."""

from __future__ import annotations

import asyncio

from appliance.core.keep_awake import Battery


async def battery() -> Battery | None:
    """How it is; None: there is none. In a thread, because some firmware takes its time."""
    return await asyncio.to_thread(_read)


def _read() -> Battery | None:
    import psutil  # not everywhere is it needed for this

    found = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if found is None:
        return None
    # where it cannot be told, a plug is taken for granted: a server's battery is no reason to sleep
    return Battery(int(found.percent), found.power_plugged is not False)
