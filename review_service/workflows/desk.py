"""What an expert does at the desk in one go: sign and declare, recuse, submit, bring a sheet back.

Each is one use case, so all of it holds or none does. `address` turns the token of an invitation
into the link that its letter carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.tables import Conflict, Dossier, Draw, Review, Round, Seat
from review_service.workflows import invitations, reviews, seats
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError, pk
from review_service.workflows.log import append
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlmodel import Session

    from review_service.exchange.scores import ScoreRow
    from review_service.tables import Pledge
    from review_service.workflows.base import Work
    from review_service.workflows.invitations import Address


def sign_and_declare(
    work: Work, round_id: int, expert_id: int, conflicts: Mapping[str, str], address: Address
) -> Pledge:
    """Sign the pledge and declare the conflicts, dossier number → rule, all or nothing."""
    signed = reviews.sign_pledge(work, round_id, expert_id)
    for number, rule in sorted(conflicts.items()):
        recuse(work, round_id, expert_id, number, rule, address)
    return signed


def recuse(
    work: Work, round_id: int, expert_id: int, number: str, rule: str, address: Address
) -> Seat | None:
    """Declare a conflict with one dossier: it closes, and who takes it is invited at once.

    Returns the stand-in's seat; None where the list is exhausted, and for a calibration dossier,
    which everybody scores and nobody takes over.
    """
    sample = work.session.exec(
        select(Dossier).where(
            Dossier.round_id == round_id,
            Dossier.number == number,
            Dossier.status == "calibration",
        )
    ).first()
    if sample is not None:
        work = seats.as_seated(work, round_id, expert_id)
        _close_sample(work, round_id, expert_id, sample, rule)
        return None
    seat = seat_for(work.session, round_id, expert_id, number)
    work = seats.as_holder(work, seat)
    new = seats.declare_conflict(work, pk(seat), number, rule)
    if new is not None:
        invitations.invite(work, [pk(new)], address)
    return new


def _close_sample(work: Work, round_id: int, expert_id: int, sample: Dossier, rule: str) -> None:
    """Keep a conflict with a calibration dossier; it was never part of a draw."""
    mine = {one.number for one in reviews.assigned(work.session, round_id, expert_id)}
    if sample.number not in mine:
        raise NotFoundError("not-your-dossier", dossier=sample.number)
    work.session.add(
        Conflict(
            round_id=round_id,
            expert_id=expert_id,
            dossier_id=pk(sample),
            rule=rule,
            source="expert",
            declared_by=work.actor.id,
            declared_at=work.now,
        )
    )
    row = work.one(Round, round_id)
    body = {"round": row.code, "dossier": sample.number, "rule": rule}
    append(work, "calibration.recused", body, subject=row.code)
    work.session.flush()


def seat_for(session: Session, round_id: int, expert_id: int, number: str) -> Seat:
    """Return the accepted seat through which an expert has a dossier; NotFoundError for none."""
    found = session.exec(
        select(Seat, Draw)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.expert_id == expert_id, Seat.status == "accepted")
        .order_by(col(Seat.dossier).desc())
    )
    for seat, draw in found:
        whole = not seat.dossier and number in seats.dossiers_of(draw, seat.panel)
        if seat.dossier == number or whole:
            return seat
    raise NotFoundError("not-your-dossier", dossier=number)


def submit_all(
    work: Work, round_id: int, expert_id: int, dossier_ids: Collection[int]
) -> list[Review]:
    """Submit several reviews, all or nothing; calibration first, for it opens the others."""
    order = [pk(one) for one in reviews.assigned(work.session, round_id, expert_id)]
    if not set(dossier_ids) <= set(order):
        raise NotFoundError("not-your-dossier")
    chosen = [one for one in order if one in dossier_ids]
    return [reviews.submit_review(work, round_id, expert_id, one) for one in chosen]


def enter_sheet(
    work: Work, round_id: int, expert_id: int, rows: Sequence[ScoreRow], *, submit: bool
) -> tuple[int, int]:
    """Take an offline sheet's rows in; return how many were saved and how many submitted.

    An empty cell leaves what stands online. StaleError where a row is older than what was saved
    online since: then nothing of the sheet is taken. With `submit`, complete reviews are
    submitted too.
    """
    row = work.one(Round, round_id)
    rubric = rubric_of(row)
    dossiers = {one.number: one for one in reviews.assigned(work.session, round_id, expert_id)}
    order = {number: at for at, number in enumerate(dossiers)}
    saved = submitted = 0
    for one in sorted(rows, key=lambda entry: order.get(entry.dossier, -1)):
        if one.dossier not in dossiers:
            raise NotFoundError("not-your-dossier", dossier=one.dossier)
        dossier_id = pk(dossiers[one.dossier])
        levels, notes = _merged(work.session, expert_id, dossier_id, one)
        try:
            reviews.save_review(
                work, round_id, expert_id, dossier_id,
                levels=levels, notes=notes, version=one.version,
            )  # fmt: skip
        except StaleError as error:
            raise StaleError("sheet-older", dossier=one.dossier, **error.facts) from None
        except WorkflowError as error:
            raise WorkflowError(error.code, **({"dossier": one.dossier} | error.facts)) from None
        saved += 1
        if submit and not rubric.total(levels).missing:
            reviews.submit_review(work, round_id, expert_id, dossier_id)
            submitted += 1
    return saved, submitted


def _merged(
    session: Session, expert_id: int, dossier_id: int, row: ScoreRow
) -> tuple[dict[str, int], dict[str, str]]:
    query = select(Review).where(Review.expert_id == expert_id, Review.dossier_id == dossier_id)
    stored = session.exec(query).first()
    levels = dict(stored.levels) if stored else {}
    notes = dict(stored.notes) if stored else {}
    return levels | dict(row.levels), notes | dict(row.notes)
