"""The port `Painter` without paint."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.diffs import Line


class FakePainter:
    """`painted` keeps what was to be painted; a picture is its lines as text."""

    def __init__(self) -> None:
        self.painted: list[tuple[Line, ...]] = []

    async def lines(self, lines: Sequence[Line]) -> bytes | None:
        self.painted.append(tuple(lines))
        return "\n".join(line.whole for line in lines).encode()
