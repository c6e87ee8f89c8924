"""The panels that a round's draw seats: those of its rules, or one for each dossier.

A round is drawn by the method `lottery`, which deals the dossiers to its panels, or `balanced`,
whose panels hold fixed dossiers: either named in the rules, or (`each`) every dossier for itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from review_service.tables import Dossier, Round


def assumed_of(rules: Mapping[str, Any]) -> tuple[float, float]:
    """Return the assumed variances of leniency and of noise, in squared points."""
    given = rules["assumed"]
    try:
        found = float(given["reviewer"]), float(given["residual"])
    except (KeyError, TypeError, ValueError):
        found = (0.0, 0.0)
    if not all(0 < one < float("inf") for one in found):
        raise WorkflowError("round-assumed", given=str(given))
    return found


def method_of(row: Round) -> str:
    """Return the method by which the round's panels are drawn."""
    return str(row.rules.get("method", "lottery"))


def capacity_of(row: Round) -> int:
    """Return how many seats an expert may take in the round's draw."""
    each = row.rules.get("each")
    return int(each["capacity"]) if each else 1


def panels_of(row: Round, dossiers: Sequence[Dossier]) -> list[dict[str, Any]]:
    """Return the panels as a snapshot has them, over the dossiers that compete.

    A fixed dossier that no longer competes leaves its panel, and a panel that has none left is
    not seated. Refuses a dossier held by two panels, or that no panel takes.
    """
    if each := row.rules.get("each"):
        return [_panel(one.number, one.sector, each["seats"], [one.number]) for one in dossiers]
    if not row.rules["panels"]:
        raise WorkflowError("no-panels", round=row.code)
    here = {one.number for one in dossiers}
    panels = [
        _panel(
            panel["id"],
            panel["class"],
            panel["seats"],
            [number for number in panel.get("dossiers", []) if number in here],
            deal="dossiers" not in panel,
        )
        for panel in row.rules["panels"]
    ]
    _check_held(panels, dossiers)
    return [panel for panel in panels if panel["deal"] or panel["dossiers"]]


def _panel(
    name: str, class_: str, seats: dict[str, int], held: list[str], *, deal: bool = False
) -> dict[str, Any]:
    return {"id": name, "class": class_, "seats": seats, "dossiers": held, "deal": deal}


def _check_held(panels: Sequence[Mapping[str, Any]], dossiers: Sequence[Dossier]) -> None:
    held = Counter(number for panel in panels for number in panel["dossiers"])
    twice = sorted(number for number, count in held.items() if count > 1)
    if twice:
        raise WorkflowError("panel-dossiers-twice", numbers=twice)
    dealt = {panel["class"] for panel in panels if panel["deal"]}
    left = [one.number for one in dossiers if one.number not in held and one.sector not in dealt]
    if left:
        raise WorkflowError("panel-dossiers-left", numbers=left, count=len(left))
