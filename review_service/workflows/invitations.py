"""Invitations: a one-time link to accept or decline; silence ends like a decline.

Somebody with several seats gets one letter with one link, and answers seat by seat.

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
from review_service.workflows.base import SYSTEM, Actor, NotFoundError, WorkflowError, pk
from review_service.workflows.log import append, stamp
from review_service.workflows.seats import accept_seat, as_holder, vacate_seat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlmodel import Session
    from sqlmodel.sql.expression import SelectOfScalar

    from review_service.workflows.base import Work

    Address = Callable[[str], str]

ANSWER_DAYS = 3


def invite(
    work: Work, seat_ids: Sequence[int], address: Address, answer_by: datetime | None = None
) -> int:
    """Write one letter to each person who is awaited on these seats; return how many letters.

    A person's letter names all the seats by one link. Earlier links of the seats end.
    """
    answer_by = answer_by or work.now + timedelta(days=ANSWER_DAYS)
    if answer_by <= work.now:
        raise WorkflowError("answer-by-past", answer_by=stamp(answer_by))
    people: dict[int, list[Seat]] = {}
    for seat_id in seat_ids:
        seat = work.one(Seat, seat_id, lock=True)
        if seat.status != "awaiting":
            raise WorkflowError("seat-status", status=seat.status)
        people.setdefault(seat.expert_id, []).append(seat)
    for held in people.values():
        _invite_person(work, held, address, answer_by)
    return len(people)


def _invite_person(work: Work, held: list[Seat], address: Address, answer_by: datetime) -> None:
    token = urlsafe_b64encode(work.tools.entropy(32)).decode().rstrip("=")
    for seat in held:
        _close(work, seat)
        work.session.add(
            Invitation(
                seat_id=pk(seat), token=_digest(token), sent_at=work.now, answer_by=answer_by
            )
        )
        draw = work.one(Draw, seat.draw_pk)
        body = {
            "draw_id": draw.draw_id,
            "panel": seat.panel,
            "stratum": seat.stratum,
            "expert": seat.pseudonym,
            "answer_by": stamp(answer_by),
        }
        append(work, "invitation.sent", body, subject=draw.draw_id)
    row = work.one(Round, work.one(Draw, held[0].draw_pk).round_id)
    _write(work, held, row, address(token), answer_by)


def invite_all(work: Work, round_id: int, address: Address) -> int:
    """Invite to every awaited seat of a round without an open invitation; return the letters."""
    invited = select(Invitation.seat_id).where(col(Invitation.closed_at).is_(None))
    waiting = _awaited(round_id).where(col(Seat.id).not_in(invited))
    return invite(work, _ids(work, waiting), address)


def invite_again(work: Work, seat_id: int, address: Address) -> int:
    """Write again to the person on a seat, about all seats where the answer is awaited."""
    seat = work.one(Seat, seat_id)
    if seat.status != "awaiting":
        raise WorkflowError("seat-status", status=seat.status)
    round_id = work.one(Draw, seat.draw_pk).round_id
    theirs = _awaited(round_id).where(Seat.expert_id == seat.expert_id)
    return invite(work, _ids(work, theirs), address)


def _ids(work: Work, query: SelectOfScalar[int | None]) -> list[int]:
    return [one for one in work.session.exec(query) if one is not None]


def _awaited(round_id: int) -> SelectOfScalar[int | None]:
    return (
        select(col(Seat.id))
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.status == "awaiting")
        .order_by(col(Seat.id))
    )


def seats_of_link(session: Session, token: str, now: datetime) -> list[Seat]:
    """Return the seats a link still asks about; NotFoundError where it is unknown, used or late."""
    found = session.exec(
        select(Seat)
        .join(Invitation, col(Invitation.seat_id) == col(Seat.id))
        .where(Invitation.token == _digest(token), col(Invitation.closed_at).is_(None))
        .where(col(Invitation.answer_by) >= now)
        .order_by(col(Seat.id))
    ).all()
    if not found:
        raise NotFoundError("invitation-over")
    return list(found)


def accept(work: Work, token: str, seat_ids: Collection[int]) -> list[Seat]:
    """Accept seats by link: who has it is the expert it was sent to."""
    return [_accept(_as_expert(work, seat), seat) for seat in _chosen(work, token, seat_ids)]


def accept_seats(work: Work, seat_ids: Collection[int]) -> list[Seat]:
    """Accept seats as the expert who is signed in; links to them end."""
    return [_accept(work, work.one(Seat, one)) for one in sorted(seat_ids)]


def _accept(work: Work, seat: Seat) -> Seat:
    _close(work, seat)
    return accept_seat(work, pk(seat))


def decline(
    work: Work, token: str, seat_ids: Collection[int], reason: str, note: str, address: Address
) -> list[Seat]:
    """Decline seats by link; the next experts of the list are seated and invited at once."""
    chosen = _chosen(work, token, seat_ids)
    held = [(_as_expert(work, one), one) for one in chosen]
    return _replace(held, reason, note, address)


def _chosen(work: Work, token: str, seat_ids: Collection[int]) -> list[Seat]:
    """Return those seats of a link that are answered; NotFoundError for any that isn't its own."""
    held = seats_of_link(work.session, token, work.now)
    if not seat_ids or not set(seat_ids) <= {pk(one) for one in held}:
        raise NotFoundError("invitation-over")
    return [one for one in held if pk(one) in seat_ids]


def _as_expert(work: Work, seat: Seat) -> Work:
    return dataclasses.replace(work, actor=Actor("expert", seat.pseudonym))


def replace(
    work: Work, seat_ids: Sequence[int], reason: str, note: str, address: Address
) -> list[Seat]:
    """Vacate seats and invite who takes them, by one letter a person; return the new seats.

    Fewer than were vacated where a list is exhausted.
    """
    seats = [work.one(Seat, one) for one in seat_ids]
    return _replace([(as_holder(work, one), one) for one in seats], reason, note, address)


def _replace(
    held: Sequence[tuple[Work, Seat]], reason: str, note: str, address: Address
) -> list[Seat]:
    """Vacate seats, each by its own actor: a pseudonym is one draw's.

    Who follows is written to by the system where an expert has answered: one letter may be about
    seats of two draws, and an expert's pseudonym in one must not lead to the other.
    """
    found = []
    for work, seat in held:
        _close(work, seat)
        new = vacate_seat(work, pk(seat), reason, note)
        if new is not None:
            found.append(new)
            work.session.flush()
    if found:
        work = held[0][0]
        if work.actor.role == "expert":
            work = dataclasses.replace(work, actor=SYSTEM)
        invite(work, [pk(one) for one in found], address)
    return found


def expire(work: Work, round_id: int, address: Address) -> int:
    """Replace everybody whose time to answer has run out; return how many seats."""
    late = select(Invitation.seat_id).where(
        col(Invitation.closed_at).is_(None), col(Invitation.answer_by) < work.now
    )
    seats = _ids(work, _awaited(round_id).where(col(Seat.id).in_(late)))
    replace(work, seats, "timeout", "", address)
    return len(seats)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _close(work: Work, seat: Seat) -> None:
    query = select(Invitation).where(Invitation.seat_id == seat.id)
    for row in work.session.exec(query.where(col(Invitation.closed_at).is_(None))):
        row.closed_at = work.now
        work.session.add(row)


def _write(work: Work, held: list[Seat], row: Round, link: str, answer_by: datetime) -> None:
    expert = work.one(Expert, held[0].expert_id)
    subject, body = letters.invitation(expert.name, row.title, link, answer_by, len(held))
    work.session.add(
        Letter(
            address=expert.email,
            name=expert.name,
            subject=subject,
            body=body,
            calendar=_review_days(work, row, held[0]),
            made_at=work.now,
        )
    )


def _review_days(work: Work, row: Round, seat: Seat) -> str:
    days = row.rules.get("review_days")
    if not days:
        return ""
    start, end = (datetime.fromisoformat(one) for one in days)
    return letters.calendar(row.title, f"{row.code}-{seat.id}@review", start, end, work.now)
