"""Seats that the list could not fill: what a supplementary draw is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from review_service.tables import Draw, Seat
from review_service.workflows.seats import DEALING, dealt

if TYPE_CHECKING:
    from sqlmodel import Session
    from sqlmodel.sql.expression import SelectOfScalar


@dataclass(frozen=True)
class Vacancy:
    """A vacated seat without a successor: its panel, stratum and the dossiers it must read."""

    panel: str
    stratum: str
    dossiers: tuple[str, ...]


def vacancies(session: Session, round_id: int) -> list[Vacancy]:
    """Return the round's whole seats that nobody holds and no later draw was locked for."""
    empty = session.exec(
        select(Seat, Draw.number)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.status == "vacated", Seat.dossier == "")
        .where(col(Seat.id).not_in(_succeeded(round_id)))
        .order_by(col(Seat.id))
    ).all()
    if not empty:
        return []
    standing = session.exec(
        select(Draw.number, Draw.locked_at).where(
            Draw.round_id == round_id, Draw.status != "voided", Draw.method != "order"
        )
    ).all()
    # The text of a draw is long: once a draw, not once a seat.
    texts = dict(session.exec(select(Draw.id, DEALING).where(Draw.round_id == round_id)).all())
    return [
        Vacancy(seat.panel, seat.stratum, dealt(texts[seat.draw_pk] or "{}").get(seat.panel, ()))
        for seat, number in empty
        if not any(n > number and at >= seat.changed_at for n, at in standing)
    ]


def _succeeded(round_id: int) -> SelectOfScalar[Any]:
    """Return the query of the seats that somebody took over."""
    return (
        select(Seat.replaces_id)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, col(Seat.replaces_id).is_not(None))
    )
