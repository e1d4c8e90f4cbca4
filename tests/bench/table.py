"""Rows of the result: what was measured, on both sides, and whether the target is met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on our `p50` or `p95`: at most, or at least when `is_minimum`."""

    bound: float
    percentile: str = "p50"
    is_minimum: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.is_minimum else '≤'} {self.bound:g} ({self.percentile})"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured. `theirs` is empty where there is nothing to compare with."""

    name: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    target: Target | None = None

    def is_met(self) -> bool | None:
        """None without a target or without a measurement."""
        if self.target is None or not self.ours:
            return None
        value = p50(self.ours) if self.target.percentile == "p50" else p95(self.ours)
        return value >= self.target.bound if self.target.is_minimum else value <= self.target.bound

    def ratio(self) -> float | None:
        """Ours to theirs, of the medians."""
        return p50(self.ours) / p50(self.theirs) if self.ours and self.theirs else None


def p50(values: Sequence[float]) -> float:
    return median(values)


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def markdown(rows: Sequence[Row]) -> str:
    """The table, columns padded so that it reads well in a terminal too."""
    head = ("", "unit", "n", "ours p50 / p95", "plain script p50 / p95", "ratio", "target", "met")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    ratio, met = row.ratio(), row.is_met()
    return (
        row.name,
        row.unit,
        str(len(row.ours)),
        _both(row.ours),
        _both(row.theirs),
        "" if ratio is None else f"{ratio:.2f}",
        str(row.target or ""),
        {True: "yes", False: "NO", None: ""}[met],
    )


def _both(values: Sequence[float]) -> str:
    if not values:
        return ""
    shown = [p50(values)] if len(values) == 1 else [p50(values), p95(values)]
    return " / ".join(f"{value:.0f}" if value >= 100 else f"{value:.2f}" for value in shown)


def write(rows: Sequence[Row], machine: str, directory: Path) -> None:
    """`bench.md` for people, `bench.json` with every sample."""
    directory.mkdir(exist_ok=True)
    (directory / "bench.md").write_text(f"{machine}\n\n{markdown(rows)}\n")
    samples = {"machine": machine, "rows": [asdict(row) for row in rows]}
    (directory / "bench.json").write_text(json.dumps(samples, indent=1, ensure_ascii=False))
