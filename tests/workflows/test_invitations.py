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


def _first_seat(office: Office) -> int:
    with office.store.reading() as session:
        return session.exec(select(Seat.id).order_by(col(Seat.id))).first() or 0


def _seat(office: Office, seat_id: int | None) -> Seat:
    with office.store.reading() as session:
        return session.get_one(Seat, seat_id)


def test_a_link_accepts_once(office: Office, drawn: Draw) -> None:
    """Every seat gets one letter; its link accepts the seat and then is over; no token is kept."""
    assert office.do(STAFF, invitations.invite_all, drawn.round_id, address) == 10
    assert office.do(STAFF, invitations.invite_all, drawn.round_id, address) == 0
    token = _token(_letters(office)[0])
    expert = Actor("expert", "by-link")
    asked = _first_seat(office)
    with pytest.raises(NotFoundError):
        office.do(expert, invitations.accept, token, [asked + 1])
    (seat,) = office.do(expert, invitations.accept, token, [asked])
    assert seat.status == "accepted"
    with pytest.raises(NotFoundError):
        office.do(expert, invitations.accept, token, [asked])
    with office.store.reading() as session:
        assert token not in {row.token for row in session.exec(select(Invitation))}


def test_a_decline_invites_the_next_at_once(office: Office, drawn: Draw) -> None:
    """Declining by link vacates the seat and writes to the expert who takes it."""
    office.do(STAFF, invitations.invite_all, drawn.round_id, address)
    first = _letters(office)[0]
    expert, asked = Actor("expert", "by-link"), [_first_seat(office)]
    (new,) = office.do(expert, invitations.decline, _token(first), asked, "declined", "", address)
    letters = _letters(office)
    assert len(letters) == 11
    assert letters[-1].address != first or letters[-1].name != first.name
    assert _seat(office, new.replaces_id).status == "vacated"


def test_silence_ends_like_a_decline(office: Office, drawn: Draw) -> None:
    """After the time to answer, all who were silent are replaced, and a late link is over."""
    office.do(STAFF, invitations.invite_all, drawn.round_id, address)
    late = _token(_letters(office)[0])
    first = _first_seat(office)
    second = _token(_letters(office)[1])
    office.do(Actor("expert", "by-link"), invitations.accept, second, [first + 1])
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance(days=4)
    assert office.do(STAFF, invitations.expire, drawn.round_id, address) == 9
    with pytest.raises(NotFoundError):
        office.do(Actor("expert", "by-link"), invitations.accept, late, [first])
    with office.store.reading() as session:
        reasons = session.exec(select(Seat.reason).where(Seat.status == "vacated")).all()
    assert reasons == ["timeout"] * 9


def test_sending_again_ends_the_earlier_link(office: Office, drawn: Draw) -> None:
    """Of two letters for one seat, only the later link works."""
    office.do(STAFF, invitations.invite_all, drawn.round_id, address)
    first = _letters(office)[0]
    seat_id, expert = _first_seat(office), Actor("expert", "by-link")
    office.do(STAFF, invitations.invite_again, seat_id, address)
    with pytest.raises(NotFoundError):
        office.do(expert, invitations.accept, _token(first), [seat_id])
    newest = _token(_letters(office)[-1])
    (seat,) = office.do(expert, invitations.accept, newest, [seat_id])
    assert pk(seat) == seat_id


def test_several_seats_are_one_letter(office: Office, drawn: Draw) -> None:
    """Who has two seats gets one letter; its link answers one seat, then still the other."""
    with office.store.writing() as session:
        held = session.exec(select(Seat).order_by(col(Seat.panel), col(Seat.id))).all()
        first, second = held[0], held[-1]
        assert first.panel != second.panel
        second.expert_id, second.pseudonym = first.expert_id, first.pseudonym
        ids = [pk(first), pk(second)]
        session.add(second)
        session.commit()
    assert office.do(STAFF, invitations.invite_all, drawn.round_id, address) == 9
    letter = next(one for one in _letters(office) if "共2个席位" in one.body)
    token, expert = _token(letter), Actor("expert", "by-link")
    office.do(expert, invitations.accept, token, ids[1:])
    assert [_seat(office, one).status for one in ids] == ["awaiting", "accepted"]
    new = office.do(expert, invitations.decline, token, ids[:1], "declined", "", address)
    assert [one.replaces_id for one in new] == ids[:1]
    with pytest.raises(NotFoundError):
        office.do(expert, invitations.accept, token, ids[:1])


def test_a_rehearsal_leaves_nothing_but_its_event(office: Office, round_row: Round) -> None:
    """A rehearsal fills the seats of a copy, under an id no draw can have, and stores no draw."""
    found = office.do(STAFF, rehearsals.rehearse, pk(round_row))
    assert len(found["result"]["seats"]) == 10
    assert found["result"]["draw_id"] == "2026/rehearsal/draw/1"
    with office.store.reading() as session:
        assert session.exec(select(Draw)).all() == []
        kinds = session.exec(select(LogEvent.type).order_by(col(LogEvent.seq))).all()
    assert kinds[-1] == "draw.rehearsed"
