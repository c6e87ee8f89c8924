"""What the rules of recusal look at, read from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.exchange.affiliations import parse_affiliations
from review_service.tables import Dossier, Expert, RecusalRequest
from review_service.workflows.conflict_rules import Person, Terms, Unit, parse_items

if TYPE_CHECKING:
    from datetime import date

    from sqlmodel import Session

    from review_service.tables import Round

_STANDING = ("received", "admitted")
_COLUMNS = ("id", "number", "name", "employer", "credit_code", "province", "avoid_units",
            "avoid_people", "affiliations")  # fmt: skip


def people_of(session: Session) -> list[Person]:
    """Return the experts in use, by number."""
    query = select(*(getattr(Expert, name) for name in _COLUMNS)).where(Expert.in_use)
    return [
        Person(
            id=one[0],
            number=one[1],
            name=one[2],
            employer=one[3],
            credit_code=one[4],
            province=one[5],
            avoid_units=parse_items(one[6]),
            avoid_people=parse_items(one[7]),
            affiliations=tuple(parse_affiliations(one[8])),
        )
        for one in session.execute(query.order_by(col(Expert.number)))
    ]


def units_of(session: Session, round_id: int) -> list[Unit]:
    """Return the dossiers that are received or admitted, by number."""
    query = select(Dossier).where(Dossier.round_id == round_id, col(Dossier.status).in_(_STANDING))
    return [
        Unit(
            id=one.id or 0,
            number=one.number,
            name=one.unit,
            credit_code=one.credit_code,
            province=one.province,
            prefecture=one.prefecture,
            head=(one.application.get("legal") or {}).get("name") or "",
            related=parse_items(one.application.get("related_units") or ""),
            prepared=parse_items(one.application.get("prepared_by") or ""),
        )
        for one in session.exec(query.order_by(col(Dossier.number)))
    ]


def terms_of(session: Session, row: Round, today: date) -> Terms:
    """Return what the round decides about conflicts; its window counts back from `today`."""
    rules = row.rules["conflicts"]
    requests = session.exec(
        select(RecusalRequest).where(
            RecusalRequest.round_id == row.id, RecusalRequest.status == "accepted"
        )
    )
    return Terms(
        since=f"{today.year - rules['window_years']:04d}-{today.month:02d}",
        same_province=rules.get("same_province", False),
        same_prefecture=rules.get("same_prefecture", False),
        fuzzy_cutoff=rules.get("fuzzy_cutoff", 85),
        requests=tuple((one.expert_id, one.dossier_id, one.reason) for one in requests),
    )
