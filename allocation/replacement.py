"""Replacement: the next of the same list takes a vacated seat, never a new draw (section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.errors import DrawError
from allocation.seating import Limits, conflict_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from allocation.snapshot import Expert, Snapshot


class Seating:
    """The seats of a draw as its log changes them."""

    def __init__(self, snapshot: Snapshot, result: Mapping[str, Any]) -> None:
        self._experts = {one.id: one for one in snapshot.experts}
        self._order: list[str] = list(result["order"])
        self._panels: Mapping[str, Sequence[str]] = result["panels"]
        self._conflicts = set(conflict_pairs(snapshot))
        self._limits = Limits(snapshot.limits)
        self._unavailable: set[str] = set()
        self._ever: set[str] = set()
        # (panel, stratum, expert, dossier or None) of everybody who sits
        self.seats: set[tuple[str, str, str, str | None]] = set()
        for seat in result["seats"]:
            self._sit(seat["panel"], seat["stratum"], seat["expert"], None)

    def _sit(self, panel: str, stratum: str, expert: str, dossier: str | None) -> None:
        self.seats.add((panel, stratum, expert, dossier))
        self._ever.add(expert)
        self._limits.add(self._experts[expert], panel)

    def declare(self, expert: str, dossier: str) -> None:
        """Take a conflict declared after the lock."""
        self._conflicts.add((expert, dossier))

    def exclude(self, expert: str) -> None:
        """Mark an expert unavailable."""
        self._unavailable.add(expert)

    def vacate(self, panel: str, stratum: str, expert: str, dossier: str | None) -> dict[str, Any]:
        """Empty a seat (or its part for one dossier) and return the replacement record."""
        whole, part = (panel, stratum, expert, None), (panel, stratum, expert, dossier)
        if part in self.seats:
            self.seats.discard(part)
        elif whole not in self.seats:
            raise DrawError("no-seat", f"{expert} has no such seat on {panel}", expert=expert)
        leaving = self._experts[expert]
        self._limits.add(leaving, panel, -1)
        dossiers = [dossier] if dossier else self._panels[panel]
        skipped = []
        for name in self._order:
            reason = self._reason(self._experts[name], panel, stratum, dossiers)
            if reason is None:
                break
            skipped.append({"expert": name, "reason": reason})
        taken = self._order[len(skipped)] if len(skipped) < len(self._order) else None
        if whole in self.seats:  # the expert keeps the seat for the other dossiers
            self._limits.add(leaving, panel)
        if taken is not None:
            self._sit(panel, stratum, taken, dossier)
        return {
            "panel": panel,
            "stratum": stratum,
            "vacated": expert,
            "dossier": dossier,
            "expert": taken,
            "skipped": skipped,
        }

    def _reason(
        self, expert: Expert, panel: str, stratum: str, dossiers: Sequence[str]
    ) -> str | None:
        if expert.id in self._ever:
            return "seated"
        if expert.id in self._unavailable:
            return "unavailable"
        if expert.stratum != stratum:
            return "stratum"
        if any((expert.id, dossier) in self._conflicts for dossier in dossiers):
            return "conflict"
        return None if self._limits.allow(expert, panel) else "limit"


def next_replacement(
    snapshot: Snapshot, result: Mapping[str, Any], history: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the replacement for the last `seat.vacated` of a draw's events.

    `history` holds the draw's `conflict.declared`, `expert.unavailable`, `seat.vacated` and
    `seat.replaced` events in log order.
    """
    seating = Seating(snapshot, result)
    last = None
    for event in history:
        body = event["body"]
        if event["type"] == "conflict.declared":
            seating.declare(body["expert"], body["dossier"])
        elif event["type"] == "expert.unavailable":
            seating.exclude(body["expert"])
        elif event["type"] == "seat.vacated":
            last = seating.vacate(body["panel"], body["stratum"], body["expert"], body["dossier"])
    if last is None:
        raise DrawError("no-vacancy", "no seat was vacated")
    return last


def replace(
    snapshot: Snapshot,
    result: Mapping[str, Any],
    vacancies: Sequence[Mapping[str, Any]],
    *,
    unavailable: Iterable[str] = (),
    conflicts: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the result with seats changed and `replacements` appended, in the order given."""
    done = list(result.get("replacements", []))
    # The recorded seats are those after earlier replacements: begin from the drawn ones.
    seating = Seating(snapshot, {**result, "seats": _drawn(result, done)})
    for name in unavailable:
        seating.exclude(name)
    for one in conflicts:
        seating.declare(one["expert"], one["dossier"])
    for old in done:
        again = seating.vacate(old["panel"], old["stratum"], old["vacated"], old["dossier"])
        if again["expert"] != old["expert"]:
            raise DrawError("history", "an earlier replacement doesn't recompute", vacated=old)
    for seat in vacancies:
        done.append(
            seating.vacate(seat["panel"], seat["stratum"], seat["expert"], seat.get("dossier"))
        )
    seats = [
        {"panel": panel, "stratum": stratum, "expert": expert}
        for panel, stratum, expert, dossier in sorted(seating.seats, key=lambda s: s[:3])
        if dossier is None
    ]
    return {**result, "seats": seats, "replacements": done}


def _drawn(result: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    seats = [dict(seat) for seat in result["seats"]]
    for old in reversed([one for one in done if one["dossier"] is None]):
        place = {"panel": old["panel"], "stratum": old["stratum"]}
        if old["expert"] is not None:
            seats.remove({**place, "expert": old["expert"]})
        seats.append({**place, "expert": old["vacated"]})
    return seats
