"""The geometry of the fixed charts; the templates draw it as inline SVG, without styles."""

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


def forest(found: dict[str, Any], total: int | None) -> Chart | None:
    """Return the ranked dossiers' adjusted scores with 95 % intervals, raw means beside.

    None where nobody is ranked. Best first; `line` is the edge below the last place; the band holds
    the rows still open.
    """
    rows = [one for one in found["dossiers"] if one["expected_rank"] is not None]
    if not rows:
        return None
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
    """Return the experts' leniency (points above or below the mean) with 95 % intervals."""
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


def chance_range(count: int) -> tuple[float, float]:
    """Return within which limits 95 % of mean squares of `count` scores lie by chance.

    Chi-square over its degrees of freedom, by Wilson and Hilferty's cube root (1931).
    """
    part = 2 / (9 * max(count - 1, 1))
    low, high = ((1 - part + sign * Z95 * part**0.5) ** 3 for sign in (-1, 1))
    return max(low, 0.0), high


def consistency(experts: list[dict[str, Any]]) -> Chart | None:
    """Return the experts' infit (1: as expected) before the range that chance gives it."""
    rows = [one for one in experts if one.get("infit") is not None]
    rows.sort(key=lambda one: (-one["infit"], one["id"]))
    if not rows:
        return None
    ranges = [chance_range(one["n"]) for one in rows]
    low, high, ticks = _scale(0, max(*(end for _, end in ranges), rows[0]["infit"]))
    marks = tuple(
        Mark(
            label=one["id"],
            y=ROW * (number + 1.5),
            low=_place(ends[0], low, high),
            high=_place(ends[1], low, high),
            point=_place(one["infit"], low, high),
            other=None,
            kind="none" if ends[0] <= one["infit"] <= ends[1] else "clear",
            shown=f"{one['infit']:.2f}",
        )
        for number, (one, ends) in enumerate(zip(rows, ranges, strict=True))
    )
    scale = tuple((_place(tick, low, high), f"{tick:g}") for tick in ticks)
    return Chart(WIDTH, ROW * (len(rows) + 2) + 12, LABEL, WIDTH - RIGHT, marks, scale)


@dataclass(frozen=True)
class Slope:
    """A dossier's way from its place by raw mean to that by expected rank, in pixels."""

    label: str
    left: float
    right: float
    kind: str
    moved: int


@dataclass(frozen=True)
class Slopes:
    """Slopes with the edge below the last place, drawn between two columns of places."""

    height: int
    rows: tuple[Slope, ...]
    edge: float | None


def moves(dossiers: list[dict[str, Any]], total: int | None, least: int = 3) -> Slopes | None:
    """Return the ways of the ranked dossiers; those of fewer than `least` places are pale."""
    ranked = [one for one in dossiers if one["place"] is not None]
    if not ranked:
        return None
    rows = tuple(
        Slope(
            label=one["id"],
            left=ROW * (one["raw_place"] + 0.5),
            right=ROW * (one["place"] + 0.5),
            kind="pale" if abs(one["moved"]) < least else "up" if one["moved"] > 0 else "down",
            moved=one["moved"],
        )
        for one in ranked
    )
    edge = ROW * (total + 1.0) if total and total < len(ranked) else None
    return Slopes(ROW * (len(ranked) + 2), rows, edge)


SHADES = 7


def heat(dossiers: list[dict[str, Any]], chapters: list[str]) -> list[dict[str, Any]]:
    """Return rows {"one", "cells": [(value, shade 1-7) or None]}.

    Shades go by each chapter's range. The table is the picture: every cell has its number, the
    shade only helps the eye.
    """
    ends = {}
    for name in chapters:
        values = [v for one in dossiers if (v := one["chapters"].get(name)) is not None]
        ends[name] = (min(values), max(values)) if values else (0.0, 0.0)
    return [
        {"one": one, "cells": [_shaded(one["chapters"].get(name), ends[name]) for name in chapters]}
        for one in dossiers
    ]


def _shaded(value: float | None, ends: tuple[float, float]) -> tuple[float, int] | None:
    if value is None:
        return None
    low, high = ends
    share = (value - low) / (high - low) if high > low else 0.5
    return value, 1 + min(int(share * SHADES), SHADES - 1)


@dataclass(frozen=True)
class Matrix:
    """The review graph as a table of dots: a column a dossier, a row an expert."""

    width: int
    height: int
    left: int
    cell: int
    rows: tuple[tuple[float, str], ...]
    dots: tuple[tuple[float, float, str], ...]


def matrix(pairs: list[tuple[str, str]], marked: set[str]) -> Matrix:
    """Return the reviews as dots; `marked` names dossiers and experts that hold the graph together.

    Experts who share dossiers stand together: both sides are ordered by their first neighbours,
    so that panels show as blocks.
    """
    by_expert: dict[str, list[str]] = {}
    for dossier, expert in pairs:
        by_expert.setdefault(expert, []).append(dossier)
    reviews: dict[str, int] = {}
    for dossier, _ in pairs:
        reviews[dossier] = reviews.get(dossier, 0) + 1
    usual = sorted(reviews.values())[len(reviews) // 2]

    def key(expert: str) -> tuple[list[str], str]:
        # Samples, which many more experts scored, would make all experts look alike.
        return sorted(one for one in by_expert[expert] if reviews[one] <= 2 * usual), expert

    experts = sorted(by_expert, key=key)
    order: dict[str, int] = {}
    for expert in experts:
        for dossier in key(expert)[0]:
            order.setdefault(dossier, len(order))
    for dossier in sorted(reviews):
        order.setdefault(dossier, len(order))
    left, cell = 110, max(5, min(14, 1100 // max(len(order), 1)))
    line = {expert: 12 * number + 8 for number, expert in enumerate(experts)}
    dots = tuple(
        (
            left + cell * order[dossier],
            line[expert] - 4.0,
            "key" if dossier in marked or expert in marked else "",
        )
        for dossier, expert in pairs
    )
    rows = tuple((float(line[expert]), expert) for expert in experts)
    return Matrix(left + cell * len(order) + 8, 12 * len(experts) + 12, left, cell, rows, dots)
