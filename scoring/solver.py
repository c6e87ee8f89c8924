"""How a list is found and finished: lists as flows, matters settled one after the other.

Order of settling: verdicts at the pass line; extra reviews of the zone; a draw of what is tied;
verdicts on the zone. An order or a verdict counts only if it is about exactly what is open when
its turn comes, so that one made for another list can't slip in: such verdicts are refused, such
orders named in the record, since a draw that was held stays on the books.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.quotas import Choice, Entry, choose
from scoring.settlement import Open, Order, Settlement, Verdict, verdicts_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scoring.rules import Rules
    from scoring.standing import Standing


class Solver:
    """The list so far: `standing` by id, integer `costs`, and the `choice` they lead to."""

    def __init__(self, rules: Rules, standing: tuple[Standing, ...], settled: Settlement) -> None:
        self.rules = rules
        self.settled = settled
        self.standing = {entry.candidate.id: entry for entry in standing}
        self.flat = rules.zone is not None and settled.extra_reviews is None
        self.costs: dict[str, int] = {}
        self.choice = Choice(frozenset(), frozenset(), {})
        self.alternative: Choice | None = None
        self.drawn: dict[str, Order] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.judged: dict[str, Verdict] = {}
        self._used: list[Order] = []

    def settle(self) -> Open | None:
        """Settle what can be settled; return the first matter that can't, None at the end."""
        if self.rules.zone is None and self.settled.extra_reviews is not None:
            _refuse("extra reviews settle a line zone, and the rules have none")
        matter = self._line() or self._seats()
        if matter is None:
            self._refuse_unused_verdicts()
        return matter

    def entries(self, costs: Mapping[str, int]) -> list[Entry]:
        """Return the dossiers that may be taken, each at its cost."""
        return [
            Entry(name, entry.candidate.province, entry.candidate.category, costs[name])
            for name, entry in self.standing.items()
            if not entry.barred
        ]

    def best(self, costs: Mapping[str, int], *, quotas: str = "all") -> Choice:
        """Return the best list under all quotas, under the "provinces" alone, or under "none"."""
        entries = self.entries(costs)
        most = {
            name: cap
            for name in {entry.province for entry in entries}
            if (cap := self.rules.most(name)) is not None and quotas != "none"
        }
        least = self.rules.category_least if quotas == "all" else {}
        return choose(entries, self.rules.total, most, least)

    def _line(self) -> Open | None:
        """Bar what a panel judged to lie below the pass line; an open matter where none did."""
        ids = tuple(name for name, entry in self.standing.items() if self._undecided(entry))
        zone = self.rules.zone
        if not ids or zone is None:
            return None
        verdicts = verdicts_on(self.settled.line, ids, "pass line")
        if verdicts is None or zone.settle != "panel":
            self._both_ends(ids)
            return Open("line", zone.settle, ids, None)
        self.judged = dict(verdicts)
        for name, verdict in verdicts.items():
            if not verdict.taken:
                self._bar(name, {"code": "line-panel", "reason": verdict.reason})
        return None

    @staticmethod
    def _undecided(entry: Standing) -> bool:
        return entry.line_open and not entry.barred

    def _bar(self, name: str, why: dict[str, Any]) -> None:
        entry = self.standing[name]
        self.standing[name] = replace(entry, barred=(*entry.barred, why))

    def _both_ends(self, ids: tuple[str, ...]) -> None:
        """Find the lists with all of the ids and with none: what they share is provisional."""
        self.costs = self._base_costs()
        self.choice = self.best(self.costs)
        kept = dict(self.standing)
        for name in ids:
            self._bar(name, {"code": "line-panel"})
        self.alternative = self.best(self.costs)
        self.standing = kept

    def _seats(self) -> Open | None:
        self.costs = self._base_costs()
        self.choice = self.best(self.costs)
        how = self.rules.zone.settle if self.rules.zone is not None else "draw"
        if how == "extra-reviews" and self.flat and (zone := self._tied(zone=True)):
            return self._open("zone", how, zone)
        if how == "draw" and self.flat:
            return self._draw("zone" if self._tied(zone=True) else "tie", self._tied())
        matter = self._draw("tie", self._tied(zone=False))
        if matter is None and (zone := self._tied(zone=True)):
            return self._panel(zone)
        return matter

    def _tied(self, *, zone: bool | None = None) -> tuple[str, ...]:
        """Return the tied ids, all or those inside or outside the zone."""
        return tuple(
            name
            for name in sorted(self.choice.tied)
            if zone is None or zone == (self.flat and self.standing[name].place == "zone")
        )

    def _open(self, matter: str, how: str, ids: tuple[str, ...]) -> Open:
        return Open(matter, how, ids, len(self.choice.taken.intersection(ids)))

    def _draw(self, matter: str, ids: tuple[str, ...]) -> Open | None:
        if not ids:
            return None
        order = self.settled.order_of(ids)
        if order is None:
            return self._open(matter, "draw", ids)
        # A bonus of 2^(m-1), 2^(m-2), ... below one unit of cost: the first that can, takes.
        size = len(order.order)
        self.costs = {name: cost << size for name, cost in self.costs.items()}
        for place, name in enumerate(order.order):
            self.costs[name] -= 1 << (size - 1 - place)
        self.choice = self.best(self.costs)
        self.drawn |= dict.fromkeys(ids, order)
        self._used.append(order)
        return None

    def _panel(self, ids: tuple[str, ...]) -> Open | None:
        verdicts = verdicts_on(self.settled.panel, ids, "line zone")
        if verdicts is None:
            return self._open("zone", "panel", ids)
        chosen = {name for name, verdict in verdicts.items() if verdict.taken}
        seats = len(self.choice.taken.intersection(ids))
        self.costs = {name: 2 * cost - (name in chosen) for name, cost in self.costs.items()}
        self.choice = self.best(self.costs)
        if self.choice.taken.intersection(ids) != chosen:
            message = f"the panel takes {len(chosen)} dossiers for {seats} seats"
            if len(chosen) == seats:
                message = "the dossiers the panel takes don't fit the quotas together"
            raise ScoringError("settlement", message, taken=sorted(chosen), seats=seats)
        self.verdicts = dict(verdicts)
        return None

    def _base_costs(self) -> dict[str, int]:
        """Return costs: first the number decided to be in, then of the zone, then the ranks."""
        open_to = [entry for entry in self.standing.values() if not entry.barred]
        unit = 1 + sum(entry.rank for entry in open_to)
        costs = {}
        for entry in open_to:
            cost = entry.rank
            if self.flat and entry.place == "in":
                cost -= unit * (len(open_to) + 2)
            elif self.flat and entry.place == "zone":
                cost = -unit
            costs[entry.candidate.id] = cost
        return costs

    def unused_orders(self) -> list[str]:
        """Return the draws whose ids were not what was open: they were held for another list."""
        return [order.draw_id for order in self.settled.orders if order not in self._used]

    def _refuse_unused_verdicts(self) -> None:
        if self.settled.panel and not self.verdicts:
            _refuse("the panel's verdicts settle nothing: the line zone leaves no seat open")
        if self.settled.line and not self.judged:
            _refuse("the panel's verdicts settle nothing: no dossier is open at the pass line")


def _refuse(message: str) -> None:
    raise ScoringError("settlement", message)
