"""Who may sit where: conflicts with panels and limits, counted as seats fill."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from allocation.snapshot import Expert, Limit, Snapshot


class Limits:
    """Counts of every limit's values in its scope. An empty group code counts for no limit."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = limits
        self._counts: Counter[tuple[object, ...]] = Counter()

    def _keys(self, expert: Expert, panel: str) -> Iterable[tuple[tuple[object, ...], int]]:
        for number, limit in enumerate(self._limits):
            value = expert.employer if limit.field == "employer" else expert.province
            if not value:
                continue
            if limit.scope == "draw":
                yield (number, value), limit.max
            elif limit.scope == "panel":
                yield (number, value, panel), limit.max
            else:
                yield (number, value, panel, expert.stratum), limit.max

    def allow(self, expert: Expert, panel: str) -> bool:
        """Whether one more seat for `expert` on `panel` keeps every limit."""
        return all(self._counts[key] < most for key, most in self._keys(expert, panel))

    def add(self, expert: Expert, panel: str, count: int = 1) -> None:
        """Count a seat (or take it back with -1)."""
        for key, _ in self._keys(expert, panel):
            self._counts[key] += count


def conflicting(
    pairs: Iterable[tuple[str, str]], panels: Mapping[str, Sequence[str]]
) -> dict[str, set[str]]:
    """Return expert → panels that hold a dossier in conflict with the expert."""
    where = {dossier: panel for panel, held in panels.items() for dossier in held}
    found: dict[str, set[str]] = defaultdict(set)
    for expert, dossier in pairs:
        if dossier in where:
            found[expert].add(where[dossier])
    return found


def conflict_pairs(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return the snapshot's excluded pairs (expert, dossier)."""
    return [(one.expert, one.dossier) for one in snapshot.conflicts]
