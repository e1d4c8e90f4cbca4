"""An event loop whose time jumps: when nobody has anything to do, it is the next timer's moment.

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(hours_of_work())

Sockets of this process work in it as always, because what is under way between them is done
before time goes on: to the loopback there is no way in which a byte is neither here nor there.
"""

from __future__ import annotations

import asyncio
import selectors

from appliance.core.model import Millis

LOOKS = 3
"""How often the sockets are asked before it is believed that nothing is under way."""
STUCK_SECONDS = 10.0


class JumpingSelector(selectors.DefaultSelector):
    """Never waits for time; `jumped` is by how much it went on."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        for _ in range(LOOKS):
            if found := super().select(0):
                return found
        if timeout is None:  # only something from outside of this loop can wake it
            found = super().select(STUCK_SECONDS)
            assert found, "everybody waits, and for nothing that time could bring"
            return found
        self.jumped += timeout
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped


class LoopClock:
    """The port `Clock` on the running loop's time."""

    def __init__(self, epoch: int = 1_800_000_000_000) -> None:
        self._epoch = epoch

    def now(self) -> Millis:
        return Millis(self._epoch + round(self.monotonic() * 1000))

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
