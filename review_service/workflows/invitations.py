"""Invitations: a one-time link to accept or decline; silence ends like a decline.

A token is 32 random bytes in the link alone; the database keeps its SHA-256. `address` turns a
token into the link that the letter carries.
"""

from __future__ import annotations

import dataclasses
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.exchange import letters
from review_service.tables import Draw, Expert, Invitation, Letter, Round, Seat
from review_service.workflows.base import Actor, NotFoundError, WorkflowError, pk
from review_service.workflows.log import append, stamp
from review_service.workflows.seats import accept_seat, vacate_seat

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from review_service.workflows.base import Work

    Address = Callable[[str], str]

ANSWER_DAYS = 3


def invite(
    work: Work, seat_id: int, address: Address, answer_by: datetime | None = None
) -> Invitation:
    """Send (or send again) the invitation to a seat; an earlier link of the seat ends."""
    seat = work.one(Seat, seat_id, lock=True)
    if seat.status != "awaiting":
        raise WorkflowError("seat-status", status=seat.status)
    answer_by = answer_by or work.now + timedelta(days=ANSWER_DAYS)
    if answer_by <= work.now:
        raise WorkflowError("answer-by-past", answer_by=stamp(answer_by))
    _close(work, seat)
    token = urlsafe_b64encode(work.tools.entropy(32)).decode().rstrip("=")
    row = Invitation(seat_id=seat_id, token=_digest(token), sent_at=work.now, answer_by=answer_by)
    work.session.add(row)
    draw = work.one(Draw, seat.draw_pk)
    _write(work, seat, work.one(Round, draw.round_id), address(token), answer_by)
    body = {
        "draw_id": draw.draw_id,
        "panel": seat.panel,
        "stratum": seat.stratum,
        "expert": seat.pseudonym,
        "answer_by": stamp(answer_by),
    }
    append(work, "invitation.sent", body, subject=draw.draw_id)
    return row


def invite_all(work: Work, round_id: int, address: Address) -> int:
    """Invite every awaited seat of a round that has no open invitation; return how many."""
    waiting = work.session.exec(
        select(Seat.id)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.status == "awaiting")
        .where(
            col(Seat.id).not_in(
                select(Invitation.seat_id).where(col(Invitation.closed_at).is_(None))
            )
        )
        .order_by(col(Seat.id))
    ).all()
    for seat_id in waiting:
        invite(work, seat_id or 0, address)
    return len(waiting)


def invitation_of(session: Session, token: str, now: datetime) -> tuple[Invitation, Seat]:
    """Return the open invitation of a token; NotFoundError where it is unknown, used or late."""
    query = select(Invitation).where(Invitation.token == _digest(token))
    row = session.exec(query).first()
    if row is None or row.closed_at is not None or row.answer_by < now:
        raise NotFoundError("invitation-over")
    return row, session.get_one(Seat, row.seat_id)


def accept(work: Work, token: str) -> Seat:
    """Accept by link: who has it is the expert it was sent to."""
    _, seat = invitation_of(work.session, token, work.now)
    _close(work, seat)
    return accept_seat(_as_expert(work, seat), pk(seat))


def decline(work: Work, token: str, reason: str, note: str, address: Address) -> Seat | None:
    """Decline by link; the next expert of the list is seated and invited at once."""
    _, seat = invitation_of(work.session, token, work.now)
    return replace(_as_expert(work, seat), pk(seat), reason, note, address)


def _as_expert(work: Work, seat: Seat) -> Work:
    return dataclasses.replace(work, actor=Actor("expert", seat.pseudonym))


def replace(work: Work, seat_id: int, reason: str, note: str, address: Address) -> Seat | None:
    """Vacate a seat and invite who takes it; None where the list is exhausted."""
    _close(work, work.one(Seat, seat_id))
    new = vacate_seat(work, seat_id, reason, note)
    if new is not None:
        invite(work, pk(new), address)
    return new


def expire(work: Work, round_id: int, address: Address) -> int:
    """Replace everybody whose time to answer has run out; return how many."""
    late = work.session.exec(
        select(Invitation.seat_id)
        .join(Seat, col(Seat.id) == col(Invitation.seat_id))
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.status == "awaiting")
        .where(col(Invitation.closed_at).is_(None), col(Invitation.answer_by) < work.now)
        .order_by(col(Invitation.seat_id))
    ).all()
    for seat_id in late:
        replace(work, seat_id, "timeout", "", address)
    return len(late)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _close(work: Work, seat: Seat) -> None:
    query = select(Invitation).where(Invitation.seat_id == seat.id)
    for row in work.session.exec(query.where(col(Invitation.closed_at).is_(None))):
        row.closed_at = work.now
        work.session.add(row)


def _write(work: Work, seat: Seat, row: Round, link: str, answer_by: datetime) -> None:
    expert = work.one(Expert, seat.expert_id)
    subject, body = letters.invitation(expert.name, row.title, link, answer_by)
    work.session.add(
        Letter(
            address=expert.email,
            name=expert.name,
            subject=subject,
            body=body,
            calendar=_review_days(work, row, seat),
            made_at=work.now,
        )
    )


def _review_days(work: Work, row: Round, seat: Seat) -> str:
    days = row.rules.get("review_days")
    if not days:
        return ""
    start, end = (datetime.fromisoformat(one) for one in days)
    return letters.calendar(row.title, f"{row.code}-{seat.id}@review", start, end, work.now)
