"""Gates: the numeric conditions of the standard, checked before anything is scored.

A figure that was not given is `missing`, neither passed nor failed: the sentence to the applicant
asks for it. A gate compares exactly; a share of 19.999 % is less than 20 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.records import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scoring.rubric import Gate, Rubric


@dataclass(frozen=True)
class GateResult:
    """One gate for one dossier; `status` is "passed", "failed" or "missing"."""

    gate: Gate
    value: Decimal | None
    status: str

    @property
    def passed(self) -> bool:
        """True where the figure was given and reaches the threshold."""
        return self.status == "passed"

    @property
    def threshold(self) -> Decimal:
        """The figure that the gate asks for."""
        return self.gate.threshold

    @property
    def missing(self) -> bool:
        """True where no figure was given."""
        return self.status == "missing"

    def facts(self) -> dict[str, Any]:
        """Return what a sentence about this gate needs, as a record."""
        short = None if self.value is None else max(Decimal(0), self.threshold - self.value)
        return {
            "gate": self.gate.id,
            "articles": list(self.gate.articles),
            "status": self.status,
            "value": None if self.value is None else plain(self.value),
            "threshold": plain(self.threshold),
            "short": None if short is None else plain(short),
            "title_zh": self.gate.title_zh,
            "title_en": self.gate.title_en,
            "unit_zh": self.gate.unit_zh,
            "unit_en": self.gate.unit_en,
        }


def check_gates(
    rubric: Rubric, indicators: Mapping[str, Decimal | int | None]
) -> tuple[GateResult, ...]:
    """Return the rubric's gates for one dossier's indicators, in the rubric's order.

    `indicators` maps indicator names to figures in the gate's unit (shares in per cent, money in
    ten thousand yuan); absent or None is missing. Names no gate asks for are left alone.
    ScoringError "indicator" names a figure that is no finite exact number.
    """
    results = []
    for gate in rubric.gates:
        value = _exact(gate.indicator, indicators.get(gate.indicator))
        results.append(GateResult(gate, value, _status(value, gate.threshold)))
    return tuple(results)


def _status(value: Decimal | None, threshold: Decimal) -> str:
    if value is None:
        return "missing"
    return "passed" if value >= threshold else "failed"


def _exact(name: str, value: Decimal | int | None) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ScoringError("indicator", f"{name}: {value!r} is no exact number", indicator=name)
    number = Decimal(value)
    if not number.is_finite():
        raise ScoringError("indicator", f"{name}: {value} is no finite number", indicator=name)
    return number
