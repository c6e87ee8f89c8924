"""Small rounds for the tests of the list, and an exhaustive search to judge it by."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from scoring.candidates import Candidate
from scoring.rules import Rules, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable

PROVINCES = ("11", "15", "")
CATEGORIES = ("school", "firm", "")
PLACES = {"in": 0.95, "zone": 0.5, "out": 0.02}


@dataclass(frozen=True)
class Dossier:
    """What the search knows of a dossier; `place` counts only where the rules have a zone."""

    id: str
    province: str
    category: str
    rank: int
    place: str = "out"


def fit_of(dossiers: Iterable[Dossier], top: int | None = None) -> dict[str, Any]:
    """Return the part of a fit record that the list needs: mean 60, effect -rank, se 2."""
    return {
        "mean": 60.0,
        "top": top,
        "dossiers": [
            {
                "id": dossier.id,
                "n": 5,
                "effect": -float(dossier.rank),
                "se": 2.0,
                "expected_rank": float(dossier.rank),
                "p_top": PLACES[dossier.place],
            }
            for dossier in dossiers
        ],
    }


def candidates_of(dossiers: Iterable[Dossier]) -> list[Candidate]:
    """Return the candidates of the dossiers."""
    return [Candidate(dossier.id, dossier.province, dossier.category) for dossier in dossiers]


def zone(settle: str) -> Zone:
    """Return a line zone from 0.1 to 0.9."""
    return Zone(Decimal("0.1"), Decimal("0.9"), settle)


@st.composite
def rounds(draw: st.DrawFn, settle: str | None = None) -> tuple[list[Dossier], Rules]:
    """Return small rounds with quotas that bind and many equal ranks."""
    dossiers = [
        Dossier(
            f"d{number}",
            draw(st.sampled_from(PROVINCES)),
            draw(st.sampled_from(CATEGORIES)),
            draw(st.integers(1, 4)),
            draw(st.sampled_from(sorted(PLACES))),
        )
        for number in range(draw(st.integers(1, 7)))
    ]
    least = draw(st.dictionaries(st.sampled_from(CATEGORIES[:2]), st.integers(0, 2)))
    low = max(1, sum(least.values()))
    rules = Rules(
        total=draw(st.integers(low, max(low, 5))),
        province_most=draw(st.none() | st.integers(0, 3)),
        province_only=draw(st.dictionaries(st.just("11"), st.integers(0, 2))),
        category_least=least,
        zone=None if settle is None else zone(settle),
    )
    return dossiers, rules


def best_lists(dossiers: list[Dossier], rules: Rules) -> list[frozenset[str]]:
    """Return all best lists, by trying every list there is."""

    def legal(chosen: tuple[Dossier, ...]) -> bool:
        for name in {dossier.province for dossier in chosen}:
            most = rules.most(name)
            if most is not None and sum(d.province == name for d in chosen) > most:
                return False
        return True

    def worth(chosen: tuple[Dossier, ...]) -> tuple[int, ...]:
        met = sum(
            min(need, sum(dossier.category == name for dossier in chosen))
            for name, need in rules.category_least.items()
        )
        ranked = [d for d in chosen if rules.zone is None or d.place != "zone"]
        decided = 0 if rules.zone is None else sum(d.place == "in" for d in chosen)
        return len(chosen), met, decided, len(chosen) - len(ranked), -sum(d.rank for d in ranked)

    lists = [
        chosen
        for size in range(min(rules.total or len(dossiers), len(dossiers)) + 1)
        for chosen in combinations(dossiers, size)
        if legal(chosen)
    ]
    best = max(worth(chosen) for chosen in lists)
    return [frozenset(d.id for d in chosen) for chosen in lists if worth(chosen) == best]
