"""Limits as nodes of the network: which values lie inside which, and what can't be exact.

A family of limits is exact where any two of its values hold disjoint or nested sets of experts
(laminar families: Budish, Che, Kojima & Milgrom, American Economic Review 103, 2013, Theorem 1).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from allocation.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from allocation.snapshot import Expert, Panel, Snapshot

Value = tuple[str, str]
"""A limited value: (field, code)."""

FIELDS = ("province", "employer")
"""Where two values hold the same experts, the province is nearer the outside."""


def most(snapshot: Snapshot, scopes: Sequence[str]) -> dict[str, int]:
    """Return field → the smallest `max` of the limits of these scopes."""
    found: dict[str, int] = {}
    for limit in snapshot.limits:
        if limit.scope in scopes:
            found[limit.field] = min(limit.max, found.get(limit.field, limit.max))
    return found


def refuse_crossing_panels(snapshot: Snapshot) -> None:
    """Refuse limits of scope `panel` on a panel of several strata: they cross its cells."""
    several = [panel for panel in snapshot.panels if len(panel.seats) > 1]
    for limit in snapshot.limits:
        if limit.scope == "panel" and several:
            raise _crossing_panel(limit.field, limit.max, several)


def _crossing_panel(field: str, maximum: int, several: Sequence[Panel]) -> LockError:
    names = [panel.id for panel in several]
    return LockError(
        "limit-crosses",
        f"the limit of {maximum} of one {field} in a panel crosses the strata of "
        f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}: chances that keep it "
        f"can't always be drawn exactly. Use scope cell (within a stratum of a panel), scope draw, "
        f"panels of one stratum, or the method lottery",
        field=field,
        scope="panel",
        max=maximum,
        panels=names,
        instead=["cell", "draw", "lottery"],
    )


def values(expert: Expert, fields: Iterable[str]) -> tuple[Value, ...]:
    """Return the expert's limited values; an empty code is no value."""
    codes = {"province": expert.province, "employer": expert.employer}
    return tuple((field, codes[field]) for field in FIELDS if field in fields and codes[field])


def chains(
    experts: Sequence[Expert], limits: Mapping[str, int], scope: str
) -> list[tuple[Value, ...]]:
    """Return each expert's limited values, the larger set first.

    Raises LockError where an employer and a province overlap and neither lies inside the other.
    """
    held = [values(expert, limits) for expert in experts]
    if len(limits) < 2:
        return held
    single = Counter(value for row in held for value in row)
    both = Counter(row for row in held if len(row) == 2)
    for (province, employer), count in both.items():
        if count not in (single[province], single[employer]):
            raise _crossing_values(province[1], employer[1], scope)
    return [row[::-1] if len(row) == 2 and both[row] < single[row[1]] else row for row in held]


def _crossing_values(province: str, employer: str, scope: str) -> LockError:
    return LockError(
        "limit-crosses",
        f"the limits of scope {scope} on employer and province cross: employer {employer} has "
        f"experts inside and outside province {province}, which has others too. Give the employer "
        f"a code of its own in each province, drop one of the two limits, or use the method "
        f"lottery",
        scope=scope,
        province=province,
        employer=employer,
        instead=["employer code within province", "one limit", "lottery"],
    )
