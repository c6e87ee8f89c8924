"""Replacement: the next of the same list takes a vacated seat, never a new draw.

Protocol sections 5 (lottery) and 6 (balanced). The seats of a draw are followed through the events
of its log; each one skipped on the way to the next expert is named with the first reason.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from allocation.errors import DrawError
from allocation.fields import Fields
from allocation.hashing import Seeded
from allocation.seating import Limits, conflict_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from allocation.snapshot import Expert, Snapshot

Place = tuple[str, str, str, str | None]
"""(panel, stratum, expert, the dossier of a stand-in or None for a whole seat)."""


class Seating:
    """The seats of a draw as its log changes them."""

    def __init__(self, snapshot: Snapshot, result: Mapping[str, Any]) -> None:
        fields = Fields(result, "result")
        self._lists = _Lists(snapshot, fields)
        self._experts = {one.id: one for one in snapshot.experts}
        self._panels: Mapping[str, Sequence[str]] = {
            one.id: one.dossiers for one in snapshot.panels
        }
        if snapshot.method == "lottery":
            self._panels = _dealt(fields, self._panels)
        self._balanced = snapshot.method == "balanced"
        self._conflicts = set(conflict_pairs(snapshot))
        self._limits = Limits(snapshot.limits)
        self._unavailable: set[str] = set()
        self._ever: set[tuple[str, str]] = set()  # (expert, panel), of all who sit or ever sat
        self._ever_anywhere: set[str] = set()
        self._loads: Counter[str] = Counter()
        self._given_up: set[Place] = set()
        self.seats: set[Place] = set()
        for seat in fields.objects("seats"):
            panel, stratum, expert = (seat.text(name) for name in ("panel", "stratum", "expert"))
            if expert not in self._experts or panel not in self._panels:
                raise DrawError(
                    "result", f"{seat.path}: {expert} on {panel} is no seat of the draw"
                )
            self._sit(panel, stratum, expert, None)

    def _sit(self, panel: str, stratum: str, expert: str, dossier: str | None) -> None:
        self.seats.add((panel, stratum, expert, dossier))
        self._ever.add((expert, panel))
        self._ever_anywhere.add(expert)
        self._loads[expert] += 1
        self._limits.add(self._experts[expert], panel)

    def declare(self, expert: str, dossier: str) -> None:
        """Take a conflict declared after the lock."""
        self._conflicts.add((expert, dossier))

    def exclude(self, expert: str) -> None:
        """Mark an expert unavailable."""
        self._unavailable.add(expert)

    def vacate(self, panel: str, stratum: str, expert: str, dossier: str | None) -> dict[str, Any]:
        """Empty a seat (or its part for one dossier) and return the replacement record.

        DrawError for a seat that nobody has, a dossier that isn't the panel's, or one that the
        expert gave up before.
        """
        keeps = self._leave((panel, stratum, expert, dossier))
        dossiers = [dossier] if dossier is not None else self._panels[panel]
        skipped, taken = [], None
        for name in self._lists.of(panel):
            reason = self._reason(self._experts[name], panel, stratum, dossiers)
            if reason is None:
                taken = name
                break
            skipped.append({"expert": name, "reason": reason})
        if keeps:
            self._limits.add(self._experts[expert], panel)
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

    def _leave(self, place: Place) -> bool:
        """Take the leaver out of the limits; whether the seat stays for the other dossiers."""
        panel, stratum, expert, dossier = place
        keeps = place not in self.seats
        if keeps:
            if dossier is None or (panel, stratum, expert, None) not in self.seats:
                raise DrawError("no-seat", f"{expert} has no such seat on {panel}", expert=expert)
            if dossier not in self._panels[panel]:
                raise DrawError("no-dossier", f"{panel} has no dossier {dossier}", dossier=dossier)
            if place in self._given_up:
                raise DrawError("given-up", f"{expert} gave up {dossier} before", dossier=dossier)
            self._given_up.add(place)
        else:
            self.seats.discard(place)
            self._loads[expert] -= 1
        self._limits.add(self._experts[expert], panel, -1)
        return keeps

    def _reason(
        self, expert: Expert, panel: str, stratum: str, dossiers: Sequence[str]
    ) -> str | None:
        sat = (expert.id, panel) in self._ever
        if sat or (not self._balanced and expert.id in self._ever_anywhere):
            return "seated"
        if expert.id in self._unavailable:
            return "unavailable"
        if expert.stratum != stratum:
            return "stratum"
        if any((expert.id, dossier) in self._conflicts for dossier in dossiers):
            return "conflict"
        if self._balanced and self._loads[expert.id] >= expert.capacity:
            return "capacity"
        return None if self._limits.allow(expert, panel) else "limit"


def _dealt(result: Fields, panels: Mapping[str, Sequence[str]]) -> Mapping[str, list[str]]:
    """Return panel → dossiers as the result has them."""
    dealt = result.take("panels")
    if not isinstance(dealt, dict) or dealt.keys() != panels.keys():
        raise DrawError("result", "the result's panels are not those of the snapshot")
    hands = Fields(dealt, f"{result.path}.panels")
    return {panel: hands.texts(panel) for panel in dealt}


class _Lists:
    """The list that replacements of a panel are taken from: one for all panels in a lottery."""

    def __init__(self, snapshot: Snapshot, result: Fields) -> None:
        if snapshot.method == "order":
            raise DrawError("method", "an order has no seats to replace", method="order")
        if result.hex("snapshot", 32) != snapshot.digest.hex():
            raise DrawError("result", "the result belongs to another snapshot")
        self._ids = [one.id for one in snapshot.experts]
        self._order: list[str] | None = None
        if snapshot.method == "lottery":
            self._order = result.texts("order")
            if sorted(self._order) != self._ids:
                raise DrawError("result", "the result's order doesn't list the snapshot's experts")
        self._seeded = Seeded(bytes.fromhex(result.hex("seed", 32)))
        self._known: dict[str, list[str]] = {}

    def of(self, panel: str) -> list[str]:
        """Return expert ids in the order in which they are asked for a seat on `panel`."""
        if self._order is not None:
            return self._order
        if panel not in self._known:
            first = panel.encode()
            self._known[panel] = sorted(
                self._ids,
                key=lambda one: (self._seeded.number("replacement", first, one.encode()), one),
            )
        return self._known[panel]


def next_replacement(
    snapshot: Snapshot, result: Mapping[str, Any], history: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the replacement for the last `seat.vacated` of a draw's events.

    `result` is the drawn one; `history` holds the draw's `conflict.declared`,
    `expert.unavailable`, `seat.vacated` and `seat.replaced` events in log order. DrawError where
    an earlier `seat.replaced` isn't what the list gives, or a seat isn't there.
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
        elif event["type"] == "seat.replaced":
            _same(body, last)
    if last is None:
        raise DrawError("no-vacancy", "no seat was vacated")
    return last


def _same(recorded: Mapping[str, Any], computed: Mapping[str, Any] | None) -> None:
    if computed is None or any(recorded.get(name) != value for name, value in computed.items()):
        raise DrawError(
            "history", "an earlier replacement isn't what the list gives", recorded=dict(recorded)
        )


def replace(
    snapshot: Snapshot,
    result: Mapping[str, Any],
    vacancies: Sequence[Mapping[str, Any]],
    *,
    unavailable: Sequence[str] = (),
    conflicts: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the result with seats changed and `replacements` appended, in the order given.

    `vacancies` are {"panel", "stratum", "expert"} with "dossier" where only that one is given up;
    `unavailable` (expert ids) and `conflicts` ({"expert", "dossier"}) are what became known
    before the first of them, and is kept in that replacement as `known`, so that the next call
    can recompute it.
    """
    Fields(result, "result")
    done = _rows(result.get("replacements", []), "replacements", ("panel", "stratum", "vacated"))
    leaving = _rows(vacancies, "vacancies", ("panel", "stratum", "expert"))
    # The recorded seats are those after earlier replacements: begin from the drawn ones.
    seating = Seating(snapshot, {**result, "seats": _drawn(result, done)})
    for old in done:
        _learn(seating, old.get("known", {}))
        again = seating.vacate(old["panel"], old["stratum"], old["vacated"], old.get("dossier"))
        _same(old, again)
    news: dict[str, Any] = {}
    if unavailable:
        news["unavailable"] = list(unavailable)
    if conflicts:
        news["conflicts"] = _rows(conflicts, "conflicts", ("expert", "dossier"))
    _learn(seating, news)
    for seat in leaving:
        found = seating.vacate(seat["panel"], seat["stratum"], seat["expert"], seat.get("dossier"))
        done.append(found | ({"known": news} if news else {}))
        news = {}
    seats = [
        {"panel": panel, "stratum": stratum, "expert": expert}
        for panel, stratum, expert in sorted(place[:3] for place in seating.seats if not place[3])
    ]
    return {**result, "seats": seats, "replacements": done}


def _rows(rows: Any, path: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a list of objects that have texts of these names; RecordError for another."""
    found = []
    for one in Fields({path: rows}, "$").objects(path):
        for name in names:
            one.text(name)
        found.append(dict(one.record))
    return found


def _learn(seating: Seating, news: Any) -> None:
    known = {"unavailable": [], "conflicts": [], **Fields(news, "known").record}
    for name in Fields(known, "known").texts("unavailable"):
        seating.exclude(name)
    for one in _rows(known["conflicts"], "conflicts", ("expert", "dossier")):
        seating.declare(one["expert"], one["dossier"])


def _drawn(result: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the seats as drawn: those recorded, with whole-seat replacements taken back."""
    seats = _rows(result.get("seats"), "seats", ("panel", "stratum", "expert"))
    for old in reversed([one for one in done if one.get("dossier") is None]):
        place = {"panel": old["panel"], "stratum": old["stratum"]}
        if old.get("expert") is not None:
            now = {**place, "expert": old["expert"]}
            if now not in seats:
                raise DrawError("history", f"{old['expert']} has no seat to take back", seat=now)
            seats.remove(now)
        seats.append({**place, "expert": old["vacated"]})
    return seats
