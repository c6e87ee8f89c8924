"""Where each dossier stands before quotas: its figures of the fit, screening, the line zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.records import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scoring.candidates import Candidate
    from scoring.rules import Rules

SCALE_OF_POINTS = Decimal("0.01")
SCALE_OF_CHANCES = Decimal("0.0001")
NORMAL_95 = Decimal("1.959963984540054")


@dataclass(frozen=True)
class Standing:
    """One candidate with its figures, exact decimals; None where there is none.

    `rank` is the expected rank in units of the last decimal that the rules compare; `place` is
    "in" (chance of the first K at or above the zone), "zone", "out" (at or below it), or ""
    without a zone or seats; `line_open` is true where the chance to lie above the pass line is
    in the zone and others are to judge; `barred` lists why it can't be taken at all.
    """

    candidate: Candidate
    rank: int = 0
    estimate: Decimal | None = None
    expected_rank: Decimal | None = None
    p_top: Decimal | None = None
    p_line: Decimal | None = None
    place: str = ""
    line_open: bool = False
    barred: tuple[dict[str, Any], ...] = ()


def standings(
    fit: Mapping[str, Any],
    rules: Rules,
    candidates: Iterable[Candidate],
    *,
    reviewed: bool = False,
) -> tuple[Standing, ...]:
    """Return the candidates' standings, sorted by id.

    `reviewed` says that the zone had its extra reviews: estimates then decide at the pass line.
    ScoringError "fit" where the fit lacks a figure the rules need, or its chances are for another
    number of seats; "dossier_twice" for a candidate given twice.
    """
    figures = {str(entry["id"]): entry for entry in _field(fit, "dossiers")}
    top = fit.get("top")
    if rules.zone is not None and rules.total is not None and top not in {None, rules.total}:
        message = f"the fit's chances are for {top} seats, the rules have {rules.total}"
        raise ScoringError("fit", message, top=top, total=rules.total)
    ordered = sorted(candidates, key=lambda candidate: candidate.id)
    for left, right in pairwise(ordered):
        if left.id == right.id:
            message = f"{left.id}: the dossier stands twice"
            raise ScoringError("dossier_twice", message, dossier=left.id)
    mean = _exact(_field(fit, "mean"), "mean")
    return tuple(
        _standing(mean, figures.get(item.id), rules, item, reviewed=reviewed) for item in ordered
    )


def _standing(
    mean: Decimal,
    entry: Mapping[str, Any] | None,
    rules: Rules,
    candidate: Candidate,
    *,
    reviewed: bool,
) -> Standing:
    barred = _screen(rules, candidate)
    if entry is None:
        return Standing(candidate, barred=(*barred, {"code": "unrated"}))
    where = f"dossiers {candidate.id}"
    if barred and entry.get("expected_rank") is None:  # fitted, but outside the competition
        mean += _exact(_field(entry, "effect", where), f"{where}: effect")
        return Standing(
            candidate, estimate=mean.quantize(SCALE_OF_POINTS, ROUND_HALF_EVEN), barred=barred
        )
    expected = _exact(_field(entry, "expected_rank", where), f"{where}: expected_rank")
    estimate = mean + _exact(_field(entry, "effect", where), f"{where}: effect")
    estimate = estimate.quantize(SCALE_OF_POINTS, ROUND_HALF_EVEN)
    chance = _chance_of_top(entry, rules, where)
    p_line = None
    line_open = False
    if rules.line is not None:
        p_line = _chance_above(rules.line, estimate, _error(entry, where))
        verdict = _above(rules, estimate, p_line, reviewed=reviewed)
        line_open = verdict is None
        if verdict is False:
            facts = {"estimate": plain(estimate), "line": plain(rules.line)}
            barred = (*barred, {"code": "line", **facts})
    unit = Decimal(1).scaleb(-rules.decimals)
    rank = int(expected.quantize(unit, ROUND_HALF_EVEN).scaleb(rules.decimals))
    place = _place(rules, chance)
    return Standing(candidate, rank, estimate, expected, chance, p_line, place, line_open, barred)


def _chance_of_top(entry: Mapping[str, Any], rules: Rules, where: str) -> Decimal | None:
    p_top = entry.get("p_top")
    if p_top is None and rules.zone is not None and rules.total is not None:
        message = f"{where}: p_top is missing, and the line zone needs it"
        raise ScoringError("fit", message, field="p_top")
    return None if p_top is None else _exact(p_top, f"{where}: p_top")


def _screen(rules: Rules, candidate: Candidate) -> tuple[dict[str, Any], ...]:
    """Return why a candidate is out whatever its rank: gates first, then chapter minima."""
    barred: list[dict[str, Any]] = [
        {"code": "gate-missing" if gate.missing else "gate", **gate.facts()}
        for gate in candidate.gates
        if not gate.passed
    ]
    for chapter, least in sorted(rules.chapters.items()):
        score = candidate.chapters.get(chapter)
        if score is None:
            barred.append({"code": "chapter-missing", "chapter": chapter, "least": plain(least)})
        elif score < least:
            facts = {"chapter": chapter, "score": plain(Decimal(score)), "least": plain(least)}
            barred.append({"code": "chapter", **facts})
    return tuple(barred)


def _above(rules: Rules, estimate: Decimal, p_line: Decimal, *, reviewed: bool) -> bool | None:
    """Say whether quality lies above the pass line; None where that is for others to judge.

    A draw decides who gets a scarce seat, never who is good enough: under `settle = "draw"` the
    estimate decides, as it does without a zone.
    """
    if rules.line is None:
        return True
    if rules.zone is None or rules.zone.settle == "draw" or reviewed:
        return estimate >= rules.line
    if p_line <= rules.zone.low:
        return False
    return True if p_line >= rules.zone.high else None


def _place(rules: Rules, p_top: Decimal | None) -> str:
    """Return "in", "zone" or "out" of the first K; "" where the rules have no zone or no K."""
    if rules.zone is None or rules.total is None or p_top is None:
        return ""
    if p_top <= rules.zone.low:
        return "out"
    return "in" if p_top >= rules.zone.high else "zone"


def _error(entry: Mapping[str, Any], where: str) -> Decimal:
    """Return the standard error of an estimate: a quarter of its 95 % interval, about.

    The interval counts the uncertainty of the mean and of the variances, which the conditional
    standard deviation leaves out; that one stands in where a fit has no interval.
    """
    ends = [entry.get(name) for name in ("estimate_low", "estimate_high")]
    if None in ends:
        return _exact(_field(entry, "se", where), f"{where}: se")
    low, high = (_exact(end, f"{where}: estimate_low, estimate_high") for end in ends)
    return (high - low) / 2 / NORMAL_95


def _chance_above(line: Decimal, estimate: Decimal, se: Decimal) -> Decimal:
    """Return the chance that quality lies above the line, by the normal conditional law.

    Four decimals, so that the last bit of a mathematical library doesn't show in a record.
    """
    if se == 0:
        return Decimal(int(estimate >= line))
    z = float((estimate - line) / se)
    chance = Decimal(math.erfc(-z / math.sqrt(2)) / 2)
    return chance.quantize(SCALE_OF_CHANCES, ROUND_HALF_EVEN)


def _field(record: Mapping[str, Any], name: str, where: str = "fit") -> Any:
    if record.get(name) is None:
        raise ScoringError("fit", f"{where}: {name} is missing", field=name)
    return record[name]


def _exact(value: Any, where: str) -> Decimal:
    """Return a number of the fit as the decimal that its shortest form shows."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ScoringError("fit", f"{where}: {value!r} is not a number", field=where)
    number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ScoringError("fit", f"{where}: {value!r} is not finite", field=where)
    return number
