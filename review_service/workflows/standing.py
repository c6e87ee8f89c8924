"""The results page as values: dossiers with figures and reasons, experts, what stays open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from review_service.tables import Dossier
from review_service.workflows.base import pk
from review_service.workflows.computations import newest
from review_service.workflows.results import reviewed_by
from review_service.workflows.rounds import competing

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.tables import Round


def standing(session: Session, row: Round) -> dict[str, Any] | None:
    """Return what the results page shows, or None before the first fit.

    `dossiers` are sorted by expected rank, each with its figures of the fit (`raw_mean`,
    `trimmed_mean`, `adjusted`, `low`, `high`, `expected_rank`, `p_top`), its chapter means, the
    mean leniency of who reviewed it (`panel`), and from the list its `status` ("in", "out", "open",
    "" before a list) and `reasons`. `pairs` are (dossier, reviewer) of all reviews.
    """
    fitted = newest(session, pk(row), "fit")
    if fitted is None:
        return None
    found = json.loads(fitted.record)
    listed = newest(session, pk(row), "list")
    record = json.loads(listed.record) if listed else None
    current = record is not None and record["fit"] == fitted.digest
    selection = record["selection"] if record and current else None
    pairs = reviewed_by(session, pk(row))
    dossiers = _dossiers(session, row, found, selection)
    _panels(dossiers, pairs, found["total"]["reviewers"])
    return {
        "fit": fitted,
        "list": listed if current else None,
        "mean": found["total"]["mean"],
        "variance": found["total"]["variance"],
        "graph": found["total"]["graph"],
        "warnings": found["total"]["warnings"],
        "dossiers": dossiers,
        "pairs": pairs,
        "calibration": _calibration(session, row, found),
        "reviewers": found["total"]["reviewers"],
        "selection": selection,
    }


def _dossiers(
    session: Session, row: Round, found: dict[str, Any], selection: dict[str, Any] | None
) -> list[dict[str, Any]]:
    facts = {one.number: one for one in competing(session, pk(row))}
    decided = {one["id"]: one for one in selection["dossiers"]} if selection else {}
    chapters = {
        name: {one["id"]: one["raw_mean"] for one in part["dossiers"]}
        for name, part in found["chapters"].items()
    }
    rows = [
        one
        | {
            "dossier": facts[one["id"]],
            "adjusted": found["total"]["mean"] + one["effect"],
            "chapters": {name: means.get(one["id"]) for name, means in chapters.items()},
            "status": decided.get(one["id"], {}).get("status", ""),
            "reasons": decided.get(one["id"], {}).get("reasons", []),
        }
        for one in found["total"]["dossiers"]
        if one["id"] in facts
    ]
    return sorted(rows, key=_order)


def _panels(
    dossiers: list[dict[str, Any]], pairs: list[tuple[str, str]], reviewers: list[dict[str, Any]]
) -> None:
    """Note for each dossier how lenient its experts are on average; None where it can't be told."""
    effects = {one["id"]: one["effect"] for one in reviewers}
    by_dossier: dict[str, list[float]] = {}
    for dossier, reviewer in pairs:
        if effects.get(reviewer) is not None:
            by_dossier.setdefault(dossier, []).append(effects[reviewer])
    for one in dossiers:
        known = by_dossier.get(one["id"])
        one["panel"] = sum(known) / len(known) if known else None


def _order(one: dict[str, Any]) -> tuple[bool, float, str]:
    """By expected rank; those outside the competition come last, by adjusted score."""
    rank = one["expected_rank"]
    return (rank is None, -one["adjusted"] if rank is None else rank, one["id"])


def _calibration(session: Session, row: Round, found: dict[str, Any]) -> list[dict[str, Any]]:
    query = select(Dossier.number, Dossier.unit).where(
        Dossier.round_id == row.id, Dossier.status == "calibration"
    )
    units = dict(session.exec(query).all())
    return [
        one | {"unit": units[one["id"]]} for one in found["total"]["dossiers"] if one["id"] in units
    ]
