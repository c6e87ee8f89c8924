"""The rules of a list, fixed before any score exists; the file is told in docs/selection.md.

format = "selection-rules/v1"
total = 31                      # seats; or line = "60.00", the pass line; or both
decimals = 2                    # expected ranks equal to so many decimals are a tie
rubric = "skills-base-2022"     # whose gates are checked
dossiers = "facts.csv"          # province, category, figures, chapter scores

[chapters]
II = 60                         # least chapter score, 0-100

[province]
most = 5
only = [{ code = "11", most = 3 }]

[[category]]
code = "school"
least = 4

[zone]
low = "0.10"
high = "0.90"
settle = "panel"                # or "extra-reviews" or "draw"
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.fields import Fields
from scoring.records import digest, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "selection-rules/v1"
SETTLEMENTS = ("panel", "extra-reviews", "draw")
SEATS = 10**6


@dataclass(frozen=True)
class Zone:
    """The line zone: dossiers whose chance lies strictly between `low` and `high` (0-1)."""

    low: Decimal
    high: Decimal
    settle: str


@dataclass(frozen=True)
class Rules:
    """Validated rules; at least one of `total` (seats) and `line` (points) is set.

    `province_most` holds for every province that `province_only` doesn't name; a dossier
    without a province falls under no quota.
    """

    total: int | None = None
    line: Decimal | None = None
    decimals: int = 2
    rubric: str | None = None
    dossiers: str | None = None
    chapters: Mapping[str, Decimal] = field(default_factory=dict)
    province_most: int | None = None
    province_only: Mapping[str, int] = field(default_factory=dict)
    category_least: Mapping[str, int] = field(default_factory=dict)
    zone: Zone | None = None

    @staticmethod
    def from_toml(source: str | Path) -> Rules:
        """Return the rules of a TOML (or .json) file, or of TOML text given as `str`.

        ScoringError "rules" names the key that is wrong.
        """
        try:
            text = source.read_text("utf-8") if isinstance(source, Path) else source
            if isinstance(source, Path) and source.suffix == ".json":
                return Rules.from_record(json.loads(text, parse_float=Decimal))
            return Rules.from_record(tomllib.loads(text, parse_float=Decimal))
        except OSError as error:
            why = error.strerror or "can't be read"
            raise ScoringError("rules", f"{source}: {why}", field="file", why=why) from None
        except ValueError as error:
            raise ScoringError("rules", f"file: {error}", field="file", why=str(error)) from None

    @staticmethod
    def from_record(record: Any) -> Rules:
        """Return the rules of a record or parsed file; ScoringError "rules" names the key."""
        return _read(Fields(record, "rules"))

    def record(self) -> dict[str, Any]:
        """Return the rules as a record; `from_record` gives them back.

        Where the facts lie is no rule: `dossiers` is left out, their digest is in the selection.
        """
        zone = self.zone
        return {
            "format": FORMAT,
            "total": self.total,
            "line": None if self.line is None else plain(self.line),
            "decimals": self.decimals,
            "rubric": self.rubric,
            "chapters": {name: plain(least) for name, least in sorted(self.chapters.items())},
            "province": {"most": self.province_most, "only": _pairs(self.province_only, "most")},
            "category": _pairs(self.category_least, "least"),
            "zone": None
            if zone is None
            else {"low": plain(zone.low), "high": plain(zone.high), "settle": zone.settle},
        }

    def digest(self) -> str:
        """Return the SHA-256 of the canonical record."""
        return digest(self.record())

    def most(self, province: str) -> int | None:
        """Return how many dossiers of a province may be listed; None for any number."""
        if not province:
            return None
        return self.province_only.get(province, self.province_most)


def _pairs(counts: Mapping[str, int], name: str) -> list[dict[str, Any]]:
    return [{"code": code, name: count} for code, count in sorted(counts.items())]


def _read(top: Fields) -> Rules:
    top.choice("format", (FORMAT,))
    province = top.table("province")
    chapters = top.table("chapters")
    rules = Rules(
        total=top.integer("total", 1, SEATS) if top.has("total") else None,
        line=top.decimal("line", -SEATS, SEATS) if top.has("line") else None,
        decimals=top.integer("decimals", 0, 6, default=2),
        rubric=top.text("rubric") if top.has("rubric") else None,
        dossiers=top.text("dossiers") if top.has("dossiers") else None,
        chapters={name: chapters.decimal(name, 0, 100) for name in chapters.names()},
        province_most=province.integer("most", 0, SEATS) if province.has("most") else None,
        province_only=_counts(province, "only", "most"),
        category_least=_counts(top, "category", "least"),
        zone=_zone(top.table("zone")) if top.has("zone") else None,
    )
    province.done()
    top.done()
    _check(top, rules)
    return rules


def _counts(fields: Fields, key: str, name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in fields.tables(key):
        code = entry.text("code")
        if code in counts:
            entry.refuse("code", f"{code!r} stands twice")
        counts[code] = entry.integer(name, 0, SEATS)
        entry.done()
    return counts


def _zone(fields: Fields) -> Zone:
    zone = Zone(
        low=fields.decimal("low", 0, 1),
        high=fields.decimal("high", 0, 1),
        settle=fields.choice("settle", SETTLEMENTS),
    )
    fields.done()
    if zone.low >= zone.high:
        fields.refuse("low", f"must be less than high, {plain(zone.high)}")
    return zone


def _check(top: Fields, rules: Rules) -> None:
    if rules.total is None and rules.line is None:
        top.refuse("total", "the rules need a total, a pass line, or both")
    least = sum(rules.category_least.values())
    if rules.total is not None and least > rules.total:
        top.refuse("category", f"the minima sum to {least}, more than the total {rules.total}")
    if rules.total is None and rules.zone is not None and rules.zone.settle == "draw":
        top.refuse("zone.settle", "a draw needs a total: a pass line alone has no seats to draw")
