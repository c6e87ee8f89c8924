"""Seats that the list could not fill: what a supplementary draw is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.tables import Draw, Seat
from review_service.workflows.seats import dossiers_of

if TYPE_CHECKING:
    from sqlmodel import Session


@dataclass(frozen=True)
class Vacancy:
    """A vacated seat without a successor: its panel, stratum and the dossiers it must read."""

    panel: str
    stratum: str
    dossiers: tuple[str, ...]


def vacancies(session: Session, round_id: int) -> list[Vacancy]:
    """Return the round's whole seats that nobody holds and no later draw was locked for."""
    rows = session.exec(
        select(Seat, Draw)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id)
        .order_by(col(Seat.id))
    ).all()
    succeeded = {seat.replaces_id for seat, _ in rows}
    standing = session.exec(
        select(Draw.number, Draw.locked_at).where(
            Draw.round_id == round_id, Draw.status != "voided", Draw.method != "order"
        )
    ).all()
    return [
        Vacancy(seat.panel, seat.stratum, tuple(dossiers_of(draw, seat.panel)))
        for seat, draw in rows
        if seat.status == "vacated"
        and seat.id not in succeeded
        and not seat.dossier
        and not any(n > draw.number and at >= seat.changed_at for n, at in standing)
    ]
