"""The geometry of the two fixed charts; the templates draw it as inline SVG, without styles."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

ROW = 18  # pixels a row
WIDTH = 1000
LABEL = 330  # pixels for names on the left
RIGHT = 70  # pixels for figures on the right
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Mark:
    """A row of a chart: label, interval, points in pixels, and what kind it is."""

    label: str
    y: float
    low: float
    high: float
    point: float
    other: float | None
    kind: str
    shown: str


@dataclass(frozen=True)
class Chart:
    """A chart to draw: marks from top to bottom, ticks of the scale, a line, a shaded band."""

    width: int
    height: int
    left: int
    right: int
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    line: float | None = None
    bands: tuple[tuple[float, float], ...] = ()


def _scale(low: float, high: float) -> tuple[float, float, tuple[float, ...]]:
    """Return bounds and ticks (multiples of 1, 2, 5 … points, at most 10) that hold both ends."""
    span = max(high - low, 1e-9)
    step = next(size for size in (0.5, 1, 2, 5, 10, 20, 50, 100) if span / size <= 9 or size == 100)
    first = floor(low / step)
    last = max(ceil(high / step), first + 1)
    return first * step, last * step, tuple(step * n for n in range(first, last + 1))


def _place(value: float, low: float, high: float) -> float:
    return round(LABEL + (value - low) / (high - low) * (WIDTH - LABEL - RIGHT), 1)


def forest(found: dict[str, Any], total: int | None) -> Chart:
    """Return the ranked dossiers' adjusted scores with 95 %% intervals, raw means beside.

    Best first; `line` is the edge below the last place; the band holds the rows still open.
    """
    rows = [one for one in found["dossiers"] if one["expected_rank"] is not None]
    values = [value for one in rows for value in (one["from"], one["to"], one["raw_mean"])]
    low, high, ticks = _scale(min(values), max(values))
    marks = []
    for number, one in enumerate(rows):
        marks.append(
            Mark(
                label=f"{one['place']}  {one['id']}  {one['dossier'].unit}"[:24],
                y=ROW * (number + 1.5),
                low=_place(one["from"], low, high),
                high=_place(one["to"], low, high),
                point=_place(one["adjusted"], low, high),
                other=_place(one["raw_mean"], low, high),
                kind=one["status"] or "none",
                shown=f"{one['adjusted']:.2f}",
            )
        )
    opened = [n for n, one in enumerate(rows) if one["status"] == "open"]
    bands = ((ROW * (min(opened) + 1), ROW * (max(opened) + 2)),) if opened else ()
    edge = ROW * (total + 1.0) if total and total < len(rows) else None
    return Chart(
        WIDTH,
        ROW * (len(rows) + 2) + 12,
        LABEL,
        WIDTH - RIGHT,
        tuple(marks),
        tuple((_place(tick, low, high), f"{tick:g}") for tick in ticks),
        edge,
        bands,
    )


def leniency(reviewers: list[dict[str, Any]]) -> Chart | None:
    """Return the experts' leniency (points above or below the mean) with 95 %% intervals."""
    rows = sorted(reviewers, key=lambda one: (-(one["effect"] or 0), one["id"]))
    rows = [one for one in rows if one["effect"] is not None and one["se"] is not None]
    if not rows:
        return None
    ends = [one["effect"] + sign * Z95 * one["se"] for one in rows for sign in (-1, 1)]
    low, high, ticks = _scale(min(*ends, 0), max(*ends, 0))
    marks = tuple(
        Mark(
            label=one["id"],
            y=ROW * (number + 1.5),
            low=_place(one["effect"] - Z95 * one["se"], low, high),
            high=_place(one["effect"] + Z95 * one["se"], low, high),
            point=_place(one["effect"], low, high),
            other=None,
            kind="clear" if abs(one["effect"]) > Z95 * one["se"] else "none",
            shown=f"{one['effect']:+.2f}",
        )
        for number, one in enumerate(rows)
    )
    return Chart(
        WIDTH,
        ROW * (len(rows) + 2) + 12,
        LABEL,
        WIDTH - RIGHT,
        marks,
        tuple((_place(tick, low, high), f"{tick:+g}") for tick in ticks),
    )
