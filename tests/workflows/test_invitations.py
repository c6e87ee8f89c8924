"""Invitations, replacements that follow them, rehearsals and amendments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from review_service.demonstration.world import Clock
from review_service.tables import Draw, Invitation, Letter, LogEvent, Seat
from review_service.workflows import invitations, rehearsals
from review_service.workflows.base import Actor, NotFoundError, Office, pk
from tests.workflows.conftest import STAFF

if TYPE_CHECKING:
    from review_service.tables import Round


def address(token: str) -> str:
    """The link of a token."""
    return f"https://review.test/i/{token}"


def _letters(office: Office) -> list[Letter]:
    with office.store.reading() as session:
        return list(session.exec(select(Letter).order_by(col(Letter.id))))


def _token(letter: Letter) -> str:
    return letter.body.split("https://review.test/i/")[1].split()[0]


def _seat(office: Office, seat_id: int | None) -> Seat:
    with office.store.reading() as session:
        return session.get_one(Seat, seat_id)


def test_a_link_accepts_once(office: Office, drawn: Draw) -> None:
    """Every seat gets one letter; its link accepts the seat and then is over; no token is kept."""
    assert office.do(STAFF, invitations.invite_all, drawn.round_id, address) == 10
    assert office.do(STAFF, invitations.invite_all, drawn.round_id, address) == 0
    token = _token(_letters(office)[0])
    expert = Actor("expert", "by-link")
    seat = office.do(expert, invitations.accept, token)
    assert seat.status == "accepted"
    with pytest.raises(NotFoundError):
        office.do(expert, invitations.accept, token)
    with office.store.reading() as session:
        assert token not in {row.token for row in session.exec(select(Invitation))}


def test_a_decline_invites_the_next_at_once(office: Office, drawn: Draw) -> None:
    """Declining by link vacates the seat and writes to the expert who takes it."""
    office.do(STAFF, invitations.invite_all, drawn.round_id, address)
    first = _letters(office)[0]
    new = office.do(
        Actor("expert", "by-link"), invitations.decline, _token(first), "declined", "", address
    )
    assert new is not None
    letters = _letters(office)
    assert len(letters) == 11
    assert letters[-1].address != first or letters[-1].name != first.name
    assert _seat(office, new.replaces_id).status == "vacated"


def test_silence_ends_like_a_decline(office: Office, drawn: Draw) -> None:
    """After the time to answer, all who were silent are replaced, and a late link is over."""
    office.do(STAFF, invitations.invite_all, drawn.round_id, address)
    late = _token(_letters(office)[0])
    office.do(Actor("expert", "by-link"), invitations.accept, _token(_letters(office)[1]))
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance(days=4)
    assert office.do(STAFF, invitations.expire, drawn.round_id, address) == 9
    with pytest.raises(NotFoundError):
        office.do(Actor("expert", "by-link"), invitations.accept, late)
    with office.store.reading() as session:
        reasons = session.exec(select(Seat.reason).where(Seat.status == "vacated")).all()
    assert reasons == ["timeout"] * 9


def test_sending_again_ends_the_earlier_link(office: Office, drawn: Draw) -> None:
    """Of two letters for one seat, only the later link works."""
    office.do(STAFF, invitations.invite_all, drawn.round_id, address)
    first = _letters(office)[0]
    with office.store.reading() as session:
        seat_id = session.exec(select(Seat.id).order_by(col(Seat.id))).first()
    office.do(STAFF, invitations.invite, seat_id or 0, address)
    with pytest.raises(NotFoundError):
        office.do(Actor("expert", "by-link"), invitations.accept, _token(first))
    seat = office.do(Actor("expert", "by-link"), invitations.accept, _token(_letters(office)[-1]))
    assert pk(seat) == seat_id


def test_a_rehearsal_leaves_nothing_but_its_event(office: Office, round_row: Round) -> None:
    """A rehearsal fills the seats of a copy, under an id no draw can have, and stores no draw."""
    found = office.do(STAFF, rehearsals.rehearse, pk(round_row))
    assert len(found["result"]["seats"]) == 10
    assert found["result"]["draw_id"] == "2026/rehearsal/draw/1"
    with office.store.reading() as session:
        assert session.exec(select(Draw)).all() == []
        kinds = session.exec(select(LogEvent.type).order_by(col(LogEvent.seq))).all()
    assert kinds[-1] == "draw.rehearsed"
