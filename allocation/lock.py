"""The lock: refuses a snapshot that can't be drawn, and says which seats and why (section 2).

What is decided: for every stratum, whether its seats can be filled by distinct experts without
conflict (maximum matching; a Hall violation is named from the minimum cut), and how far a limit of
scope `draw` lets them. A panel that is dealt does not know its dossiers yet: only dossiers fixed
by hand count against it here, so a lock never refuses what some deal could fill; limits inside
panels are left to the walk, which tries up to 1,000 times and then says what stayed open.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocation.errors import LockError
from allocation.seating import conflict_pairs, conflicting
from allocation.snapshot import Snapshot
from allocation.sources import check_futures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Locked:
    """A snapshot that may be locked: its digest (32 bytes) and what should be known before."""

    digest: bytes
    warnings: tuple[tuple[str, dict[str, Any]], ...]


def lock(record: Mapping[str, Any], *, now: datetime) -> Locked:
    """Check a snapshot before it is locked at `now`; RecordError, SourceError or LockError."""
    snapshot = Snapshot.from_record(record)
    check_futures(snapshot, now)
    warnings: list[tuple[str, dict[str, Any]]] = []
    if all(source["kind"] == "commitment" for source in snapshot.sources):
        warnings.append(("only-commitments", {"parties": len(snapshot.sources)}))
    if snapshot.method != "order":
        for stratum in sorted({name for panel in snapshot.panels for name in panel.seats}):
            warnings += _check_stratum(snapshot, stratum)
    return Locked(snapshot.digest, tuple(warnings))


def _check_stratum(snapshot: Snapshot, stratum: str) -> list[tuple[str, dict[str, Any]]]:
    cells = {p.id: p.seats[stratum] for p in snapshot.panels if stratum in p.seats}
    fixed = {p.id: p.dossiers for p in snapshot.panels}
    barred = conflicting(conflict_pairs(snapshot), fixed)
    experts = [one for one in snapshot.experts if one.stratum == stratum]
    most = {
        limit.field: limit.max
        for limit in sorted(snapshot.limits, key=lambda one: -one.max)
        if limit.scope == "draw"
    }
    group_of, room = {}, {}
    for one in experts:
        field = min(most, key=lambda name: most[name]) if most else ""
        value = one.employer if field == "employer" else one.province if field else ""
        group = value or f"\0{one.id}"
        group_of[one.id] = group
        room[group] = most[field] if value else 1
    open_to = {
        one.id: [cell for cell in cells if cell not in barred.get(one.id, ())] for one in experts
    }
    short = _hall_violation(cells, group_of, room, open_to)
    if short:
        needed = sum(cells[cell] for cell in short)
        eligible = sorted(e for e, where in open_to.items() if set(where) & short)
        groups = Counter(group_of[e] for e in eligible)
        seats = sum(min(count, room[group]) for group, count in groups.items())
        raise LockError(
            "too-few",
            f"{stratum}: {needed} seats of panels {', '.join(sorted(short))} need experts, "
            f"only {seats} can be seated ({len(eligible)} eligible)",
            stratum=stratum,
            panels=sorted(short),
            needed=needed,
            eligible=eligible,
            seatable=seats,
        )
    spare = len(experts) - sum(cells.values())
    needed = sum(cells.values())
    return [("thin-reserve", {"stratum": stratum, "reserve": spare})] if spare < needed else []


def _hall_violation(
    cells: Mapping[str, int],
    group_of: Mapping[str, str],
    room: Mapping[str, int],
    open_to: Mapping[str, list[str]],
) -> set[str]:
    """Return cells that can't all be filled (empty where they can), by augmenting paths.

    Seats are filled one at a time from cells to experts; a group's room may be passed on. Where a
    search ends without a free expert, the cells it reached form the violation (minimum cut).
    """
    sits: dict[str, str] = {}
    used: Counter[str] = Counter()
    candidates: dict[str, list[str]] = {cell: [] for cell in cells}
    members: dict[str, list[str]] = {}
    for expert, where in open_to.items():
        members.setdefault(group_of[expert], []).append(expert)
        for cell in where:
            candidates[cell].append(expert)
    for cell, seats in cells.items():
        for _ in range(seats):
            reached = _augment(cell, candidates, members, group_of, room, sits, used)
            if reached:
                return reached
    return set()


def _augment(
    start: str,
    candidates: Mapping[str, list[str]],
    members: Mapping[str, list[str]],
    group_of: Mapping[str, str],
    room: Mapping[str, int],
    sits: dict[str, str],
    used: Counter[str],
) -> set[str]:
    """Seat one more expert in `start`; return the cells reached where that is impossible.

    A step gives the cell a new expert; that expert must leave another cell (which then looks on),
    or be free in a group with room, or take the place of a member of the same group who sits.
    """
    came: dict[str, tuple[str, str, str | None]] = {}  # cell → (cell before, expert in, expert out)
    queue, seen = deque([start]), {start}
    tried: set[str] = set()
    while queue:
        cell = queue.popleft()
        for expert in candidates[cell]:
            if expert in tried:
                continue
            tried.add(expert)
            if expert in sits:
                moves: list[str | None] = [expert]
            elif used[group_of[expert]] < room[group_of[expert]]:
                _shift(start, cell, expert, came, sits, used, group_of)
                return set()
            else:
                moves = [one for one in members[group_of[expert]] if one in sits]
            for out in moves:
                there = sits[out or ""]
                if there not in seen:
                    seen.add(there)
                    came[there] = (cell, expert, out)
                    queue.append(there)
    return seen


def _shift(
    start: str,
    cell: str,
    expert: str,
    came: Mapping[str, tuple[str, str, str | None]],
    sits: dict[str, str],
    used: Counter[str],
    group_of: Mapping[str, str],
) -> None:
    used[group_of[expert]] += 1
    sits[expert] = cell
    while cell != start:
        before, entering, leaving = came[cell]
        if leaving is not None and leaving != entering:
            del sits[leaving]
        sits[entering] = before
        cell = before
