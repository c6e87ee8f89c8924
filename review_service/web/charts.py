"""The geometry of the fixed charts; the templates draw it as inline SVG, without styles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any

ROW = 18  # pixels a row, and above and below the rows
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Layout:
    """Where things stand: on a phone each label stands above its bar, and ticks are fewer.

    `row` is the height of a row, `left` and `right` the margins of the scale; a row's bar lies
    `down` below its middle, its label `rise` above the bar; `ticks` is how many steps the scale
    has at most, `letters` how long a label may be.
    """

    width: int
    row: int
    left: int
    right: int
    down: int
    rise: int
    ticks: int
    letters: int
    narrow: bool = False


WIDE = Layout(width=1000, row=ROW, left=330, right=70, down=0, rise=-4, ticks=9, letters=24)
# 320 units are what a block leaves of a phone 390 pixels wide: type keeps its size there.
NARROW = Layout(
    width=320, row=38, left=10, right=10, down=9, rise=11, ticks=4, letters=22, narrow=True
)


@dataclass(frozen=True)
class Mark:
    """A row of a chart: label and its base line, interval, points in pixels, what kind it is."""

    label: str
    y: float
    text: float
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
    narrow: bool = False


def _scale(low: float, high: float, most: int) -> tuple[float, float, tuple[float, ...]]:
    """Return bounds and ticks (1, 2, 5 … points apart, `most` steps or so) that hold both ends."""
    span = max(high - low, 1e-9)
    sizes = (0.5, 1, 2, 5, 10, 20, 50, 100)
    step = next((size for size in sizes if span / size <= most), sizes[-1])
    first = floor(low / step)
    last = max(ceil(high / step), first + 1)
    return first * step, last * step, tuple(step * n for n in range(first, last + 1))


@dataclass(frozen=True)
class _Row:
    """A row in points: label, interval, point, another point, kind, and the figure shown."""

    label: str
    low: float
    high: float
    point: float
    other: float | None
    kind: str
    shown: str


def _chart(rows: list[_Row], layout: Layout, *, bound: float | None, tick: str) -> Chart:
    """Return rows as marks on a common scale; `bound` is a value that the scale must hold."""
    values = [
        value
        for one in rows
        for value in (one.low, one.high, one.point, one.other, bound)
        if value is not None
    ]
    low, high, ticks = _scale(min(values), max(values), layout.ticks)
    span = layout.width - layout.left - layout.right

    def place(value: float) -> float:
        return round(layout.left + (value - low) / (high - low) * span, 1)

    middle = ROW + layout.row * 0.5 + layout.down
    marks = tuple(
        Mark(
            label=one.label[: layout.letters],
            y=middle + layout.row * number,
            text=middle + layout.row * number - layout.rise,
            low=place(one.low),
            high=place(one.high),
            point=place(one.point),
            other=None if one.other is None else place(one.other),
            kind=one.kind,
            shown=one.shown,
        )
        for number, one in enumerate(rows)
    )
    return Chart(
        layout.width,
        ROW + layout.row * len(rows) + ROW + 12,
        layout.left,
        layout.width - layout.right,
        marks,
        tuple((place(one), format(one, tick)) for one in ticks),
        narrow=layout.narrow,
    )


def forest(found: dict[str, Any], total: int | None, layout: Layout = WIDE) -> Chart | None:
    """Return the ranked dossiers' adjusted scores with 95 % intervals, raw means beside.

    None where nobody is ranked. Best first; `line` is the edge below the last place; the band holds
    the rows still open.
    """
    ranked = [one for one in found["dossiers"] if one["expected_rank"] is not None]
    if not ranked:
        return None
    rows = [
        _Row(
            label=f"{one['place']}  {one['id']}  {one['dossier'].unit}",
            low=one["from"],
            high=one["to"],
            point=one["adjusted"],
            other=one["raw_mean"],
            kind=one["status"] or "none",
            shown=f"{one['adjusted']:.2f}",
        )
        for one in ranked
    ]
    opened = [n for n, one in enumerate(ranked) if one["status"] == "open"]
    bands: tuple[tuple[float, float], ...] = ()
    if opened:
        bands = ((ROW + layout.row * min(opened), ROW + layout.row * (max(opened) + 1)),)
    edge = float(ROW + layout.row * total) if total and total < len(ranked) else None
    return replace(_chart(rows, layout, bound=None, tick="g"), line=edge, bands=bands)


def leniency(reviewers: list[dict[str, Any]], layout: Layout = WIDE) -> Chart | None:
    """Return the experts' leniency (points above or below the mean) with 95 % intervals."""
    known = [one for one in reviewers if one["effect"] is not None and one["se"] is not None]
    known.sort(key=lambda one: (-one["effect"], one["id"]))
    if not known:
        return None
    rows = [
        _Row(
            label=one["id"],
            low=one["effect"] - Z95 * one["se"],
            high=one["effect"] + Z95 * one["se"],
            point=one["effect"],
            other=None,
            kind="clear" if abs(one["effect"]) > Z95 * one["se"] else "none",
            shown=f"{one['effect']:+.2f}",
        )
        for one in known
    ]
    return _chart(rows, layout, bound=0.0, tick="+g")


def chance_range(count: int) -> tuple[float, float]:
    """Return within which limits 95 % of mean squares of `count` scores lie by chance.

    Chi-square over its degrees of freedom, by Wilson and Hilferty's cube root (1931).
    """
    part = 2 / (9 * max(count - 1, 1))
    low, high = ((1 - part + sign * Z95 * part**0.5) ** 3 for sign in (-1, 1))
    return max(low, 0.0), high


def consistency(experts: list[dict[str, Any]], layout: Layout = WIDE) -> Chart | None:
    """Return the experts' infit (1: as expected) before the range that chance gives it."""
    known = [one for one in experts if one.get("infit") is not None]
    known.sort(key=lambda one: (-one["infit"], one["id"]))
    if not known:
        return None
    rows = []
    for one in known:
        low, high = chance_range(one["n"])
        rows.append(
            _Row(
                label=one["id"],
                low=low,
                high=high,
                point=one["infit"],
                other=None,
                kind="none" if low <= one["infit"] <= high else "clear",
                shown=f"{one['infit']:.2f}",
            )
        )
    return _chart(rows, layout, bound=0.0, tick="g")


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

    width: int
    left: int
    right: int
    height: int
    rows: tuple[Slope, ...]
    edge: float | None


def moves(
    dossiers: list[dict[str, Any]], total: int | None, least: int = 3, *, narrow: bool = False
) -> Slopes | None:
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
    columns = (320, 80, 230) if narrow else (640, 200, 440)
    return Slopes(*columns, ROW * (len(ranked) + 2), rows, edge)


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
    """The review graph as a table of dots: a column a dossier, a row an expert, or turned round."""

    width: int
    height: int
    left: int
    cell: int
    rows: tuple[tuple[float, str], ...]
    dots: tuple[tuple[float, float, str], ...]
    narrow: bool = False


def matrix(pairs: list[tuple[str, str]], marked: set[str], *, narrow: bool = False) -> Matrix:
    """Return the reviews as dots; `marked` names dossiers and experts that hold the graph together.

    Experts who share dossiers stand together: both sides are ordered by their first neighbours,
    so that panels show as blocks. `narrow`: a row a dossier, a column an expert, for a phone.
    """
    experts, dossiers = _orders(pairs)
    down, across = (dossiers, experts) if narrow else (experts, dossiers)
    left, room = (62, 250) if narrow else (110, 1100)
    cell = max(3 if narrow else 5, min(14, room // max(len(across), 1)))
    line = {name: 12 * number + 8 for number, name in enumerate(down)}
    column = {name: left + cell * number for number, name in enumerate(across)}
    dots = tuple(
        (
            float(column[expert if narrow else dossier]),
            line[dossier if narrow else expert] - 4.0,
            "key" if dossier in marked or expert in marked else "",
        )
        for dossier, expert in pairs
    )
    rows = tuple((float(line[name]), name) for name in down)
    width = max(left + cell * len(across) + 8, 320 if narrow else 0)
    return Matrix(width, 12 * len(down) + 12, left, cell, rows, dots, narrow)


def _orders(pairs: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Return experts and dossiers in the order of their first neighbours."""
    by_expert: dict[str, list[str]] = {}
    reviews: dict[str, int] = {}
    for dossier, expert in pairs:
        by_expert.setdefault(expert, []).append(dossier)
        reviews[dossier] = reviews.get(dossier, 0) + 1
    usual = sorted(reviews.values())[len(reviews) // 2]

    def key(expert: str) -> tuple[list[str], str]:
        # Samples, which many more experts scored, would make all experts look alike.
        return sorted(one for one in by_expert[expert] if reviews[one] <= 2 * usual), expert

    experts = sorted(by_expert, key=key)
    met = [dossier for expert in experts for dossier in key(expert)[0]]
    return experts, list(dict.fromkeys([*met, *sorted(reviews)]))
