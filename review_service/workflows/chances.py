"""What a draw would mean for everybody, before it is locked: nothing is stored, nothing logged.

A balanced round has exact chances, those of the plan that a lock would publish. A lottery has a
base rate for each stratum, and chances that can only be estimated by drawing often with invented
seeds. What the design can tell apart is foreseen by scoring's formula on draws of the same kind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from math import sqrt
from typing import TYPE_CHECKING, Any

from allocation import balanced, lottery
from allocation import lock as locking
from allocation.deal import certain_conflicts
from allocation.errors import DrawError
from allocation.snapshot import Snapshot
from review_service.tables import Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.draws import next_draw_id
from review_service.workflows.locks import panel_draws
from review_service.workflows.panels import assumed_of
from review_service.workflows.rounds import DEFAULT_RULES
from review_service.workflows.snapshots import build
from scoring.design import LIMIT, Assumed, design
from scoring.design_graph import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from review_service.tables import Expert
    from review_service.workflows.base import Work

RUNS = 200  # simulated lotteries, where that many are quick
_HASHES = 400_000  # what all runs together may rank: a few seconds
_EXPLAINED = 500
# A preview has one source, of a party that no round has; it is never opened.
_SOURCE = {"kind": "commitment", "party": "preview", "commitment": "00" * 32}


@dataclass(frozen=True)
class Line:
    """An expert: the expected number of seats, exact or estimated, and what lowers it.

    `chance` is None in a lottery that wasn't simulated. `error` is the standard error of an
    estimate. `conflicts` are (dossier, rule): those whose lifting alone would raise a balanced
    chance, or those that keep an expert of a lottery off every panel. `full` is "capacity" or
    "limit" where that is used up.
    """

    expert: Expert
    stratum: str
    chance: Fraction | float | None
    error: float | None
    low: bool
    conflicts: tuple[tuple[str, str], ...] = ()
    full: str = ""


@dataclass(frozen=True)
class Stratum:
    """A stratum: its seats, experts, those who can sit at all, and the spread of chances."""

    stratum: str
    seats: int
    experts: int
    eligible: int
    lowest: Fraction | float | None
    mean: Fraction
    highest: Fraction | float | None


@dataclass(frozen=True)
class Foreseen:
    """The standard error of a difference in points, over simulated draws; their components."""

    draws: int
    error: float
    least: int
    most: int


@dataclass(frozen=True)
class Preview:
    """What a lock would give now; `runs` is 0 where nothing was estimated by simulation.

    `highest` is (chance, expert, panel) of a balanced plan; `parts` its components as (dossiers,
    experts). `foreseen` is None where the round is too large for the formula or can't be drawn.
    """

    method: str
    lines: tuple[Line, ...]
    strata: tuple[Stratum, ...]
    highest: tuple[Fraction, Expert, str] | None
    parts: tuple[tuple[int, int], ...]
    foreseen: Foreseen | None
    assumed: tuple[float, float]
    warnings: locking.Warnings
    runs: int


def preview(work: Work, round_id: int, *, simulate: bool = False) -> Preview:
    """Return what the round's draw would mean if it were locked now.

    `simulate` estimates the chances of a lottery; a balanced round needs no estimate. Refuses as
    the lock would (WorkflowError, LockError), and where a draw of the panels stands already.
    """
    row = work.one(Round, round_id)
    standing = panel_draws(work.session, pk(row))
    if standing:
        raise WorkflowError("draw-stands", draw_id=standing[0].draw_id)
    _, draw_id = next_draw_id(work.session, row)
    record, masked = build(work, row, draw_id, [_SOURCE])
    people = {one.pseudonym: one.expert for one in masked}
    warnings = tuple(
        one for one in locking.lock(record, now=work.now).warnings if one[0] != "only-commitments"
    )
    snapshot = Snapshot.from_record(record)
    assumed = assumed_of(DEFAULT_RULES | row.rules)
    fills = _fills(warnings)
    foreseen = foresee(snapshot, assumed) if fills else None
    if snapshot.method == "balanced":
        found = _balanced(snapshot, people, foreseen)
    else:
        found = _lottery(snapshot, people, fills if simulate else Fraction(0))
    return Preview(
        method=snapshot.method, foreseen=foreseen, assumed=assumed, warnings=warnings, **found
    )


def _fills(warnings: locking.Warnings) -> Fraction:
    """Return the share of walks that filled every seat when the lock tried some."""
    tried = [facts for code, facts in warnings if code == "walks-fail"]
    return Fraction(tried[0]["filled"], tried[0]["walks"]) if tried else Fraction(1)


def _seeds(label: str, count: int) -> Iterator[bytes]:
    """Return invented seeds; no draw can have one, for its seed hangs on its sources."""
    return (sha256(f"{label} {number}".encode()).digest() for number in range(count))


def foresee(snapshot: Snapshot, assumed: tuple[float, float]) -> Foreseen | None:
    """Return what draws of the snapshot with invented seeds let the scores tell apart.

    The expected graph itself would flatter: it joins everybody with everybody who may meet. None
    beyond the size of scoring's formula, or where no walk fills the seats.
    """
    nodes = len(snapshot.dossiers) + len(snapshot.experts)
    if nodes > LIMIT:
        return None
    errors: list[float] = []
    parts: list[int] = []
    for seed in _seeds("foresee", 10 if nodes <= 300 else 3 if nodes <= 1000 else 1):
        pairs = _pairs(snapshot, seed)
        if not pairs:
            continue
        report = design(Plan.from_pairs(pairs), Assumed(*assumed), add=0)
        parts.append(len(report["components"]))
        if report["se_difference"]["rms"] is not None:
            errors.append(report["se_difference"]["rms"])
    if not errors:
        return None
    return Foreseen(len(errors), sum(errors) / len(errors), min(parts), max(parts))


def _pairs(snapshot: Snapshot, seed: bytes) -> list[tuple[str, str]]:
    """Return who reviews what (dossier, expert) in a draw with an invented seed."""
    if snapshot.method == "balanced":
        drawn = balanced.draw(snapshot, seed)
        held: Mapping[str, Any] = {panel.id: panel.dossiers for panel in snapshot.panels}
    else:
        try:
            drawn = lottery.draw(snapshot, seed)
        except DrawError:  # the lock warns of walks that fail
            return []
        held = drawn["panels"]
    return [(one, seat["expert"]) for seat in drawn["seats"] for one in held[seat["panel"]]]


def _balanced(
    snapshot: Snapshot, people: Mapping[str, Expert], foreseen: Foreseen | None
) -> dict[str, Any]:
    said = balanced.report(
        snapshot, standard_error=foreseen.error if foreseen else None, explained=_EXPLAINED
    )
    causes = {one["id"]: one for one in said["low"]["explained"]}
    means = {one["stratum"]: Fraction(*one["mean"]) for one in said["spread"]}
    seats = _seats(snapshot)
    lines = []
    for one in said["experts"]:
        why = causes.get(one["id"], {"conflicts": (), "full": None})
        chance = Fraction(*one["chance"])
        lines.append(
            Line(
                expert=people[one["id"]],
                stratum=one["stratum"],
                chance=chance,
                error=None,
                low=chance < means[one["stratum"]],
                conflicts=tuple((c["dossier"], c["rule"]) for c in why["conflicts"]),
                full=why["full"] or "",
            )
        )
    positive = Counter(line.stratum for line in lines if line.chance)
    top = said["highest_pair"]
    return {
        "lines": _sorted(lines),
        "strata": tuple(
            Stratum(
                one["stratum"],
                seats[one["stratum"]],
                one["experts"],
                positive[one["stratum"]],
                *(Fraction(*one[name]) for name in ("lowest", "mean", "highest")),
            )
            for one in said["spread"]
        ),
        "highest": (Fraction(*top["chance"]), people[top["expert"]], top["panel"]),
        "parts": tuple((one["dossiers"], one["experts"]) for one in said["components"]),
        "runs": 0,
    }


def _seats(snapshot: Snapshot) -> Counter[str]:
    seats: Counter[str] = Counter()
    for panel in snapshot.panels:
        seats.update(panel.seats)
    return seats


def _lottery(snapshot: Snapshot, people: Mapping[str, Expert], fills: Fraction) -> dict[str, Any]:
    """Return base rates, and estimates where `fills`, the share of walks that fill, is given."""
    barred = certain_conflicts(snapshot)
    open_to: dict[str, set[str]] = {}
    for panel in snapshot.panels:
        for stratum in panel.seats:
            open_to.setdefault(stratum, set()).add(panel.id)
    seats, listed = _seats(snapshot), Counter(one.stratum for one in snapshot.experts)
    able = {one.id for one in snapshot.experts if open_to.get(one.stratum, set()) - barred[one.id]}
    eligible = Counter(one.stratum for one in snapshot.experts if one.id in able)
    drawn, runs = _simulate(snapshot, fills) if fills else (Counter[str](), 0)
    conflicts: dict[str, list[tuple[str, str]]] = {}
    for pair in snapshot.conflicts:
        conflicts.setdefault(pair.expert, []).append((pair.dossier, pair.rule))
    lines = [
        Line(
            expert=people[one.id],
            stratum=one.stratum,
            chance=drawn[one.id] / runs if runs else None if one.id in able else 0.0,
            error=sqrt((p := drawn[one.id] / runs) * (1 - p) / runs) if runs else None,
            low=one.id not in able,
            conflicts=() if one.id in able else tuple(conflicts.get(one.id, ())),
        )
        for one in snapshot.experts
    ]
    by_stratum: dict[str, list[float]] = {}
    for line in lines:
        if runs:
            by_stratum.setdefault(line.stratum, []).append(float(line.chance or 0))
    return {
        "lines": _sorted(lines),
        "strata": tuple(
            Stratum(
                name,
                seats[name],
                listed[name],
                eligible[name],
                min(by_stratum[name]) if runs else None,
                Fraction(seats[name], max(1, eligible[name])),
                max(by_stratum[name]) if runs else None,
            )
            for name in sorted(listed)
        ),
        "highest": None,
        "parts": (),
        "runs": runs,
    }


def _simulate(snapshot: Snapshot, fills: Fraction) -> tuple[Counter[str], int]:
    """Return how often experts were seated in simulated lotteries, and in how many of them."""
    seated: Counter[str] = Counter()
    runs = 0
    affordable = int(_HASHES * fills) // len(snapshot.experts)
    for seed in _seeds("simulate", max(10, min(RUNS, affordable))):
        try:
            result = lottery.draw(snapshot, seed)
        except DrawError:  # as above: a walk that fails seats nobody, and is no run
            continue
        runs += 1
        seated.update(seat["expert"] for seat in result["seats"])
    return seated, runs


def _sorted(lines: list[Line]) -> tuple[Line, ...]:
    """Return the lowest chances first, for they are what staff look for."""
    return tuple(
        sorted(
            lines,
            key=lambda one: (
                not one.low, -1 if one.chance is None else one.chance, one.expert.number,
            ),
        )
    )  # fmt: skip
