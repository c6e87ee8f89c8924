"""Where each dossier stands before quotas: its figures of the fit, screening, the line zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.records import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scoring.candidates import Candidate
    from scoring.rules import Rules

SCALE_OF_POINTS = Decimal("0.01")
SCALE_OF_CHANCES = Decimal("0.0001")


@dataclass(frozen=True)
class Standing:
    """One candidate with its figures, exact decimals; None where there is none.

    `rank` is the expected rank in units of the last decimal that the rules compare; `place` is
    "in" (chance at or above the zone), "zone", "out" (at or below it), or "" without a zone;
    `barred` lists why the candidate can't be taken at all.
    """

    candidate: Candidate
    rank: int
    estimate: Decimal | None
    expected_rank: Decimal | None
    p_top: Decimal | None
    p_line: Decimal | None
    place: str
    barred: tuple[dict[str, Any], ...]


def standings(
    fit: Mapping[str, Any], rules: Rules, candidates: Iterable[Candidate]
) -> tuple[Standing, ...]:
    """Return the candidates' standings, sorted by id.

    ScoringError "fit" where the fit lacks a figure the rules need, or its chances are for another
    number of seats; "dossier_twice" for a candidate given twice.
    """
    figures = {str(entry["id"]): entry for entry in _field(fit, "dossiers")}
    top = fit.get("top")
    if rules.zone is not None and rules.total is not None and top not in {None, rules.total}:
        message = f"the fit's chances are for {top} seats, the rules have {rules.total}"
        raise ScoringError("fit", message, top=top, total=rules.total)
    ordered = sorted(candidates, key=lambda candidate: candidate.id)
    for left, right in zip(ordered, ordered[1:], strict=False):
        if left.id == right.id:
            message = f"{left.id}: the dossier stands twice"
            raise ScoringError("dossier_twice", message, dossier=left.id)
    mean = _exact(_field(fit, "mean"), "mean")
    return tuple(_standing(mean, figures.get(item.id), rules, item) for item in ordered)


def _standing(
    mean: Decimal, entry: Mapping[str, Any] | None, rules: Rules, candidate: Candidate
) -> Standing:
    barred = _screen(rules, candidate)
    if entry is None:
        unrated = (*barred, {"code": "unrated"})
        return Standing(candidate, 0, None, None, None, None, "", unrated)
    where = f"dossiers {candidate.id}"
    expected = _exact(_field(entry, "expected_rank", where), f"{where}: expected_rank")
    estimate = mean + _exact(_field(entry, "effect", where), f"{where}: effect")
    estimate = estimate.quantize(SCALE_OF_POINTS, ROUND_HALF_EVEN)
    p_top = entry.get("p_top")
    if p_top is None and rules.zone is not None and rules.total is not None:
        message = f"{where}: p_top is missing, and the line zone needs it"
        raise ScoringError("fit", message, field="p_top", dossier=candidate.id)
    chance = None if p_top is None else _exact(p_top, f"{where}: p_top")
    p_line = None
    if rules.line is not None:
        se = _exact(_field(entry, "se", where), f"{where}: se")
        p_line = _chance_above(rules.line, estimate, se)
    place = _place(rules, chance, p_line)
    low_line = rules.line is not None and (
        place == "below" or (rules.zone is None and estimate < rules.line)
    )
    if low_line and rules.line is not None:
        line_facts = {"code": "line", "estimate": plain(estimate), "line": plain(rules.line)}
        barred = (*barred, line_facts)
    unit = Decimal(1).scaleb(-rules.decimals)
    rank = int(expected.quantize(unit, ROUND_HALF_EVEN).scaleb(rules.decimals))
    place = "out" if place == "below" else place
    return Standing(candidate, rank, estimate, expected, chance, p_line, place, barred)


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


def _place(rules: Rules, p_top: Decimal | None, p_line: Decimal | None) -> str:
    """Return "in", "zone" or "out"; "below" where it is the pass line that rules it out."""
    if rules.zone is None:
        return ""
    low, high = rules.zone.low, rules.zone.high
    if rules.line is not None and p_line is not None and p_line <= low:
        return "below"
    chances = [p_line] if rules.line is not None else []
    if rules.total is not None:
        chances.append(p_top)
    known = [chance for chance in chances if chance is not None]
    if min(known) <= low:
        return "out"
    return "in" if min(known) >= high else "zone"


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
