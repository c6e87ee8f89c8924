"""From estimates to a list: gates, minima, quotas exactly, the line zone, reasons for everyone.

The list is the best under the rules: as many dossiers as there are seats; every minimum of a
category reached where it can be; then as many as possible of those whose place the evidence
decides; then as many as possible of the line zone; then the smallest sum of expected ranks.
Inside the zone all are equal: the round has chosen before any score existed how they are told
apart. What is left open, by a zone or by a tie, is named with its ids and never settled by id,
time or a machine's rounding; `select` run again with a `Settlement` finishes the list.

An order settles a tie by a walk: each id in turn takes a seat where some best list still gives
it one. Without quotas that is simply the first n of the order. docs/selection.md tells the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.quotas import Choice, Entry, choose
from scoring.reasons import reasons
from scoring.records import canonical, digest, digest_json, plain
from scoring.settlement import Open, Order, Settlement, Verdict, verdicts_on
from scoring.standing import Standing, standings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scoring.candidates import Candidate
    from scoring.rules import Rules

FORMAT = "selection/v1"


@dataclass(frozen=True)
class Selection:
    """The list; `record` has every dossier with its reasons.

    `taken` are the ids that are in, best first; `open` is the next matter to be settled, None
    where the list is final; until then `taken` holds only those that are in however it ends.
    """

    taken: tuple[str, ...]
    open: Open | None
    _record: Mapping[str, Any] = field(repr=False)

    @property
    def final(self) -> bool:
        """True where nothing is left open."""
        return self.open is None

    def record(self) -> dict[str, Any]:
        """Return the whole computation as a record (no floats); the same input, the same bytes."""
        return dict(self._record)

    def canonical(self) -> bytes:
        """Return the canonical bytes of the record."""
        return canonical(self._record)

    def digest(self) -> str:
        """Return the SHA-256 of the canonical record."""
        return digest(self._record)


def select(
    fit_record: Mapping[str, Any],
    rules: Rules,
    candidates: Iterable[Candidate],
    settled: Settlement | None = None,
) -> Selection:
    """Return the list of a fit (`Fit.record()`) under the rules.

    ScoringError "fit" or "dossier_twice" as in `standings`; "settlement" where a verdict or an
    order is about other dossiers than the open ones, or its seats don't fit the quotas.
    """
    candidates = tuple(candidates)
    settled = settled or Settlement()
    standing = standings(fit_record, rules, candidates, reviewed=settled.extra_reviews is not None)
    solver = Solver(rules, standing, settled)
    matter = solver.settle()
    return _selection(fit_record, rules, settled, solver, matter)


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
        if matter is None or matter.how == "draw":
            self._refuse_unused_orders()
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

    def _refuse_unused_orders(self) -> None:
        """Refuse an order over other ids than the open ones: it was drawn for another list."""
        for order in self.settled.orders:
            if order not in self._used:
                _refuse(f"draw {order.draw_id}: its ids are not what is open", order.draw_id)

    def _refuse_unused_verdicts(self) -> None:
        if self.settled.panel and not self.verdicts:
            _refuse("the panel's verdicts settle nothing: the line zone leaves no seat open")
        if self.settled.line and not self.judged:
            _refuse("the panel's verdicts settle nothing: no dossier is open at the pass line")


def _refuse(message: str, draw_id: str | None = None) -> None:
    raise ScoringError("settlement", message, draw_id=draw_id)


def _statuses(solver: Solver, matter: Open | None) -> dict[str, str]:
    """Return "in", "out" or "open" for each dossier; provisional until nothing is open."""
    statuses = {}
    for name, entry in solver.standing.items():
        ends = [solver.choice] + ([solver.alternative] if solver.alternative else [])
        inside = {name in end.taken for end in ends}
        unsure = matter is not None and (
            len(inside) > 1 or name in matter.ids or any(name in end.tied for end in ends)
        )
        statuses[name] = "out"
        if not entry.barred:
            statuses[name] = "open" if unsure else "in" if inside == {True} else "out"
    return statuses


def _selection(
    fit: Mapping[str, Any],
    rules: Rules,
    settled: Settlement,
    solver: Solver,
    matter: Open | None,
) -> Selection:
    statuses = _statuses(solver, matter)
    why = reasons(solver, statuses, matter)
    ordered = sorted(
        (name for name, status in statuses.items() if status == "in"),
        key=lambda name: (solver.standing[name].rank, name),
    )
    rated = {str(entry["id"]) for entry in fit["dossiers"]}
    competing = {name for name, entry in solver.standing.items() if not entry.barred}
    seats = None if rules.total is None else rules.total - len(solver.choice.taken)
    record = {
        "format": FORMAT,
        "status": "final" if matter is None else "open",
        "open": None if matter is None else matter.record(),
        "inputs": {
            "fit": digest_json(fit),
            "rules": rules.digest(),
            "candidates": digest([entry.candidate.record() for entry in solver.standing.values()]),
            "settlement": settled.digest(),
        },
        "rules": rules.record(),
        "settlement": settled.record(),
        "list": ordered,
        "vacant": seats,
        "short": [
            {"category": name, "lacks": lacks}
            for name, lacks in sorted(solver.choice.short.items())
        ],
        # The fit's chances are those among all rated dossiers; these were ranked and can't be in.
        "ranked_outside": sorted(rated - competing),
        "dossiers": [
            _dossier(entry, statuses[name], why[name]) for name, entry in solver.standing.items()
        ],
    }
    return Selection(tuple(ordered), matter, record)


def _dossier(entry: Standing, status: str, why: list[dict[str, Any]]) -> dict[str, Any]:
    figures = {
        name: None if value is None else plain(value)
        for name, value in (
            ("estimate", entry.estimate),
            ("expected_rank", entry.expected_rank),
            ("p_top", entry.p_top),
            ("p_line", entry.p_line),
        )
    }
    return {
        "id": entry.candidate.id,
        "province": entry.candidate.province,
        "category": entry.candidate.category,
        "status": status,
        "place": entry.place,
        **figures,
        "reasons": why,
    }
