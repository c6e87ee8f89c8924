"""A rubric: chapters, criteria keyed to articles, weights, anchored levels, gates.

A rubric is a versioned data file (`rubrics/*.toml`, or the JSON of `Rubric.record`), validated
on load and pinned by `Rubric.digest` when a round opens. Arithmetic is exact: a total is a
Fraction of the levels and weights and so the same everywhere; `shown` gives its two decimals.
Missing is missing: a criterion without a level is never zero, and a total exists only when
every criterion that is required has its level.
"""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scoring.errors import ScoringError
from scoring.records import digest, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "rubrics"


class Level(NamedTuple):
    """What an anchored level of one criterion looks like, in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True)
class Scale:
    """The levels an expert may give: low, low + step, …, high (integers)."""

    low: int
    high: int
    step: int

    def levels(self) -> range:
        """Return all levels, lowest first."""
        return range(self.low, self.high + 1, self.step)


@dataclass(frozen=True)
class Criterion:
    """One thing to judge. `sections` are the narrative sections of the application to look at.

    An `optional` criterion may stay without a level: its weight is then shared by the other
    criteria of its chapter in proportion, so that leaving it out neither helps nor harms.
    """

    id: str
    articles: tuple[int, ...]
    title_zh: str
    title_en: str
    weight: Decimal
    guidance_zh: str
    guidance_en: str
    anchors: Mapping[int, Level]
    optional: bool = False
    sections: tuple[int, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A chapter of the standard; its weight is the sum of its criteria's."""

    id: str
    number: int
    title_zh: str
    title_en: str
    weight: Decimal
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Gate:
    """A numeric condition of an article: the indicator must be at least the threshold."""

    id: str
    articles: tuple[int, ...]
    title_zh: str
    title_en: str
    indicator: str
    threshold: Decimal
    unit_zh: str
    unit_en: str


@dataclass(frozen=True)
class Adjustment:
    """A bonus or deduction a round allows: up to `maximum` points on the 0-100 scale."""

    id: str
    kind: str
    articles: tuple[int, ...]
    title_zh: str
    title_en: str
    maximum: Decimal


@dataclass(frozen=True)
class Score:
    """A weighted total and the chapters' totals, each from 0 to 100; None where incomplete.

    `missing` lists the required criteria without a level, in the rubric's order; `adjusted` is
    the sum of bonus items less deductions that is already in `total`.
    """

    total: Fraction | None
    chapters: Mapping[str, Fraction | None]
    missing: tuple[str, ...]
    adjusted: Fraction = Fraction(0)


@dataclass(frozen=True)
class Rubric:
    """A validated rubric; make one with `load_rubric` or `Rubric.from_record`."""

    id: str
    version: int
    title_zh: str
    title_en: str
    source_zh: str
    source_en: str
    scale: Scale
    chapters: tuple[Chapter, ...]
    gates: tuple[Gate, ...]
    adjustments: tuple[Adjustment, ...] = field(default=())

    @staticmethod
    def from_record(record: Any) -> Rubric:
        """Return the rubric of a record or parsed data file.

        ScoringError "rubric" names the field (`chapters[1].criteria[0].weight`) that is wrong.
        """
        from scoring.rubric_file import read_rubric

        return read_rubric(record)

    @staticmethod
    def from_json(text: str | bytes) -> Rubric:
        """Return the rubric of a record's JSON text; ScoringError "rubric" names what is wrong."""
        try:
            record = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise ScoringError("rubric", f"file: {error}", field="file", why=str(error)) from None
        return Rubric.from_record(record)

    def record(self) -> dict[str, Any]:
        """Return the rubric as a record (no floats); `from_record` gives it back."""
        from scoring.rubric_file import write_rubric

        return write_rubric(self)

    def digest(self) -> str:
        """Return the SHA-256 of the canonical record, which a round freezes when it opens."""
        return digest(self.record())

    @cached_property
    def criteria(self) -> Mapping[str, Criterion]:
        """All criteria by id, in the rubric's order."""
        return {item.id: item for chapter in self.chapters for item in chapter.criteria}

    @cached_property
    def _units(self) -> Mapping[str, int]:
        """The criteria's weights as multiples of the largest part that measures them all."""
        exact = {name: Fraction(item.weight) for name, item in self.criteria.items()}
        parts = math.lcm(*(weight.denominator for weight in exact.values()))
        return {name: int(weight * parts) for name, weight in exact.items()}

    def check(self, items: Mapping[str, int | Decimal | None]) -> None:
        """Raise ScoringError "level" for a criterion or a level that the rubric lacks.

        A level of None is a criterion not scored yet, and so is an absent one: a draft passes.
        """
        for item, level in items.items():
            self._check_level(item, level)

    def missing(self, items: Mapping[str, int | Decimal | None]) -> list[str]:
        """Return the required criteria that have no level yet, in the rubric's order."""
        return [
            item.id
            for item in self.criteria.values()
            if items.get(item.id) is None and not item.optional
        ]

    def total(
        self,
        items: Mapping[str, int | Decimal | None],
        adjustments: Mapping[str, int | Decimal | None] | None = None,
    ) -> Score:
        """Return the weighted total and chapter totals (0-100) of one expert's levels.

        `items` maps criterion ids to levels, `adjustments` ids of bonus items and deductions to
        the points given (None, or absent: not applied). A total is cut to 0-100 after
        adjustments. ScoringError "level" or "adjustment" for an id or a value the rubric lacks.
        """
        self.check(items)
        chapters = {chapter.id: self._chapter_total(chapter, items) for chapter in self.chapters}
        missing = tuple(self.missing(items))
        adjusted = self._adjusted(adjustments or {})
        total = None
        if not missing and all(part is not None for part in chapters.values()):
            total = sum(
                ((chapters[c.id] or Fraction(0)) * Fraction(c.weight) for c in self.chapters),
                Fraction(0),
            )
            total = min(Fraction(100), max(Fraction(0), total / 100 + adjusted))
        return Score(total, chapters, missing, adjusted)

    def _chapter_total(
        self, chapter: Chapter, items: Mapping[str, int | Decimal | None]
    ) -> Fraction | None:
        # In whole numbers: it runs at every autosave, and fractions are slow to add.
        earned = weight = 0
        for item in chapter.criteria:
            level = items.get(item.id)
            if level is not None:
                weight += self._units[item.id]
                earned += self._units[item.id] * (int(level) - self.scale.low)
            elif not item.optional:
                return None
        span = self.scale.high - self.scale.low
        return Fraction(100 * earned, weight * span) if weight else None

    def _check_level(self, item: str, level: int | Decimal | None) -> None:
        if item not in self.criteria:
            raise ScoringError("level", f"{item}: no such criterion", criterion=item)
        if level is not None and not self._is_level(level):
            raise ScoringError(
                "level",
                f"{item}: {level} is no level from {self.scale.low} to {self.scale.high}",
                criterion=item,
                level=str(level),
                low=self.scale.low,
                high=self.scale.high,
            )

    def _is_level(self, level: object) -> bool:
        """Say whether it is a level; True and 7.0 equal integers, but nobody scored with them."""
        exact = isinstance(level, int | Decimal) and not isinstance(level, bool)
        return exact and level in self.scale.levels()

    def _adjusted(self, points: Mapping[str, int | Decimal | None]) -> Fraction:
        known = {entry.id: entry for entry in self.adjustments}
        total = Fraction(0)
        for name, value in points.items():
            if name not in known:
                raise ScoringError("adjustment", f"{name}: no such adjustment", adjustment=name)
            if value is None:
                continue
            most = known[name].maximum
            if not 0 <= value <= most:
                raise ScoringError(
                    "adjustment",
                    f"{name}: {value} is not from 0 to {most} points",
                    adjustment=name,
                    value=str(value),
                    maximum=plain(most),
                )
            total += Fraction(value) * (1 if known[name].kind == "bonus" else -1)
        return total


def load_rubric(name_or_path: str | Path) -> Rubric:
    """Return a rubric by its name (`skills-base-2022`) or from a .toml or .json file.

    ScoringError "rubric" where there is none, or with the field that is wrong.
    """
    path = Path(name_or_path)
    if not path.suffix:
        path = FOLDER / f"{name_or_path}.toml"
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".json":
            return Rubric.from_record(json.loads(text, parse_float=Decimal))
        return Rubric.from_record(tomllib.loads(text, parse_float=Decimal))
    except OSError:
        raise ScoringError(
            "rubric", f"{name_or_path}: no such rubric", field="file", name=str(name_or_path)
        ) from None
    except ValueError as error:
        raise ScoringError(
            "rubric", f"{name_or_path}: {error}", field="file", why=str(error)
        ) from None


def shown(value: Fraction | None) -> str:
    """Return a score with two decimals, halves away from zero; "" for a missing one.

    >>> shown(Fraction(1721, 20))
    '86.05'
    """
    if value is None:
        return ""
    cents = (abs(value) * 200 + 1) // 2
    return f"{'-' if value < 0 and cents else ''}{cents // 100}.{cents % 100:02d}"
