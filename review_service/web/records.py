# ruff: noqa: E501 - a sentence stands on a line of its own
"""What pages show of snapshots and results: a summary, sentences, the walk through the list."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from review_service.web.page import stratum_name

if TYPE_CHECKING:
    from review_service.tables import Round


def summary(record: dict[str, Any]) -> dict[str, Any]:
    """Return a snapshot in numbers, and its limits as sentences."""
    return numbers_of(record) | {"limits": limit_texts(record)}


def numbers_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return a snapshot in numbers: experts and seats by stratum, dossiers, conflicts."""
    experts = Counter(one["stratum"] for one in record.get("experts", []))
    seats: Counter[str] = Counter()
    for panel in record.get("panels", []):
        seats.update(panel["seats"])
    return {
        "strata": [
            (name, seats[name], experts[name]) for name in sorted(set(experts) | set(seats))
        ],
        "experts": sum(experts.values()),
        "seats": sum(seats.values()),
        "panels": len(record.get("panels", [])),
        "dossiers": len(record.get("dossiers", [])),
        "fixed": not any(panel["deal"] for panel in record.get("panels", [])),
        "conflicts": len({(c["expert"], c["dossier"]) for c in record.get("conflicts", [])}),
    }


def limit_texts(record: dict[str, Any]) -> list[str]:
    """Return a snapshot's limits as sentences."""
    return [_limit_text(one) for one in record.get("limits", [])]


def _limit_text(limit: dict[str, Any]) -> str:
    fields = {"employer": _("employer"), "province": _("province")}
    scopes = {
        "draw": _("the whole draw"),
        "panel": _("a panel"),
        "cell": _("a stratum of a panel"),
    }
    field, scope = fields[limit["field"]], scopes[limit["scope"]]
    return str(
        _(
            "at most %(max)s of one %(field)s in %(scope)s",
            max=limit["max"],
            field=field,
            scope=scope,
        )
    )


def lock_warning(row: Round, warning: tuple[str, dict[str, Any]]) -> str:
    """Return a warning of the lock as a sentence."""
    kind, facts = warning
    stratum, reserve = stratum_name(row, facts.get("stratum", "?")), facts.get("reserve", "?")
    known = {
        "only-commitments": _(
            "All sources are secrets of parties: the last to reveal could refuse after a look. A public source is safer."
        ),
        "thin-reserve": _(
            "Stratum %(stratum)s keeps only %(reserve)s in reserve for replacements.",
            stratum=stratum,
            reserve=reserve,
        ),
    }
    known["review-graph"] = _(
        "The expected review graph falls into %(components)s parts: dossiers of different parts share no expert.",
        components=facts.get("components", "?"),
    )
    known["certain-pairs"] = _(
        "%(pairs)s pairs have the chance 1: anybody can count on them. A pair cap below 1 rules them out.",
        pairs=facts.get("pairs", "?"),
    )
    listed = "；".join(f"{key} = {value}" for key, value in sorted(facts.items()))
    return str(known.get(kind, f"{kind}: {listed}"))


def steps_of_walk(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the walk through the list, one entry an expert up to the last seat.

    Entries are {"position", "expert", "panel", "stratum"} for a seat and {"position", "expert",
    "reason"} for an expert passed over. A balanced draw has no walk: its seats stand in order.
    """
    seats = {seat["expert"]: seat for seat in result.get("seats", [])}
    passed = {one["expert"]: one["reason"] for one in result.get("passed", [])}
    if "order" not in result:
        return [{"position": n, **seat} for n, seat in enumerate(result.get("seats", []), 1)]
    steps: list[dict[str, Any]] = []
    for position, name in enumerate(result["order"], 1):
        if name in seats:
            steps.append({"position": position, **seats[name]})
        elif name in passed:
            steps.append({"position": position, "expert": name, "reason": passed[name]})
    return steps
