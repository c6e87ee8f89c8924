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

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scoring.reasons import reasons
from scoring.records import canonical, digest, digest_json, plain
from scoring.settlement import Open, Settlement
from scoring.solver import Solver
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

    ScoringError "fit" or "dossier_twice" as in `standings`; "settlement" where verdicts
    are about other dossiers than the open ones, or don't fit the seats and quotas.
    """
    candidates = tuple(candidates)
    settled = settled or Settlement()
    standing = standings(fit_record, rules, candidates, reviewed=settled.extra_reviews is not None)
    solver = Solver(rules, standing, settled)
    matter = solver.settle()
    return _selection(fit_record, rules, settled, solver, matter)


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
    ranked = {str(one["id"]) for one in fit["dossiers"] if one.get("expected_rank") is not None}
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
        "unused_orders": solver.unused_orders(),
        "list": ordered,
        "vacant": seats,
        "short": [
            {"category": name, "lacks": lacks}
            for name, lacks in sorted(solver.choice.short.items())
        ],
        # The fit's chances are those among all that it ranked; of these, some can't be in.
        "ranked_outside": sorted(ranked - competing),
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
