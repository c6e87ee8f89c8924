"""Somebody who sits by two draws: one letter, and in the log two people."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from sqlmodel import col, select

from review_service.demonstration.world import Clock
from review_service.tables import Draw, DrawExpert, Expert, Letter, LogEvent, Round, Seat
from review_service.workflows import draws, invitations, locks, rounds, seats
from review_service.workflows.base import Actor, NotFoundError, Office, pk
from tests.workflows.conftest import (
    SECRETS,
    STAFF,
    WHO,
    beacon_source,
    commit_all,
    fill,
    newcomers,
    reveal_all,
)

# 24 seats for 16 experts of finance: some sit twice, and have no room for a third seat.
RULES = {
    "method": "balanced", "list": rounds.DEFAULT_RULES["list"] | {"total": 3},
    "each": {"seats": {"finance": 2}, "capacity": 2},
    "limits": [],
}  # fmt: skip
PUBLIC = {"kind": "public", "name": "双色球 2026099", "date": "2026-12-01"}
ANYBODY = Actor("expert", "by-link")


def address(token: str) -> str:
    """The link of a token."""
    return f"https://review.test/i/{token}"


def _seats(office: Office) -> list[Seat]:
    with office.store.reading() as session:
        return list(session.exec(select(Seat).order_by(col(Seat.id))))


def _vacate(office: Office, seat: Seat) -> Seat | None:
    return office.do(Actor("expert", seat.pseudonym), seats.vacate_seat, pk(seat), "declined")


def _first_draw(office: Office) -> Round:
    row = office.do(STAFF, rounds.create_round, "2026", "测试轮次", "skills-base-2022", RULES)
    office.do(STAFF, fill, pk(row))
    row = office.do(STAFF, rounds.open_round, pk(row))
    commit_all(office, row)
    draw = office.do(STAFF, locks.lock_draw, pk(row), [beacon_source()])
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance(hours=2)
    reveal_all(office, draw)
    office.do(STAFF, draws.complete_draw, pk(draw))
    return row


def _second_draw(office: Office, row: Round) -> None:
    commit_all(office, row, number=2)
    draw = office.do(STAFF, locks.lock_supplementary, pk(row), [PUBLIC])
    for index, (party, secret) in enumerate(sorted(SECRETS.items())):
        entry = {"kind": "commitment", "party": party, "secret": secret.hex()}
        office.do(WHO[party], draws.reveal_source, pk(draw), index, entry)
    entry = {"kind": "public", "key": "3.8.11.17.20.30./9./"}
    office.do(STAFF, draws.reveal_source, pk(draw), 2, entry)
    office.do(STAFF, draws.complete_draw, pk(draw))


@pytest.fixture
def twice(office: Office) -> tuple[Seat, Seat]:
    """A seat of the first draw and one of the second, of one expert who has answered neither."""
    row = _first_draw(office)
    first = _seats(office)[0]
    seat: Seat | None = first
    while seat is not None:  # until the list of this seat ends
        seat = _vacate(office, seat)
    sat = {one.expert_id for one in _seats(office) if one.panel == first.panel}
    held = [one for one in _seats(office) if one.status == "awaiting"]
    full = Counter(one.expert_id for one in held if one.expert_id not in sat)
    mine = next(expert for expert, count in full.items() if count == 2)
    kept, left = (one for one in held if one.expert_id == mine)
    _vacate(office, left)  # and there is room again
    office.do(STAFF, newcomers, 3)
    _second_draw(office, row)
    again = next(one for one in _seats(office) if one.draw_pk != kept.draw_pk)
    while again.expert_id != mine:
        new = _vacate(office, again)
        assert new is not None
        again = new
    return kept, again


def _letter(office: Office, seat: Seat) -> tuple[str, Letter]:
    """Invite everybody, and return the link and the letter to whoever is on a seat."""
    office.do(STAFF, invitations.invite_all, 1, address)
    with office.store.reading() as session:
        name = session.get_one(Expert, seat.expert_id).name
        found = [one for one in session.exec(select(Letter)) if one.name == name]
    assert len(found) == 1
    return found[0].body.split("https://review.test/i/")[1].split()[0], found[0]


def _strangers(office: Office) -> list[str]:
    """Return what the log says of a draw in the name of somebody whom that draw doesn't know."""
    with office.store.reading() as session:
        known = {
            draw.draw_id: set(
                session.exec(select(DrawExpert.pseudonym).where(DrawExpert.draw_pk == draw.id))
            )
            for draw in session.exec(select(Draw))
        }
        events = [
            (row.subject, json.loads(row.event))
            for row in session.exec(select(LogEvent).order_by(col(LogEvent.seq)))
        ]
    return [
        event["type"]
        for subject, event in events
        if event["actor"]["role"] == "expert" and event["actor"]["id"] not in known[subject]
    ]


def test_seats_of_two_draws_are_one_letter(office: Office, twice: tuple[Seat, Seat]) -> None:
    """One link answers for a seat of each draw, one accepted, one declined, and then is over."""
    kept, again = twice
    token, letter = _letter(office, kept)
    assert "共2个席位" in letter.body
    with office.store.reading() as session:
        clock = office.tools.clock()
        asked = invitations.seats_of_link(session, token, clock)
    assert [one.draw_pk for one in asked] == [kept.draw_pk, again.draw_pk]
    (taken,) = office.do(ANYBODY, invitations.accept, token, [pk(again)])
    assert (taken.pseudonym, taken.status) == (again.pseudonym, "accepted")
    office.do(ANYBODY, invitations.decline, token, [pk(kept)], "declined", "", address)
    with pytest.raises(NotFoundError):
        office.do(ANYBODY, invitations.accept, token, [pk(kept)])
    assert _strangers(office) == []


def test_declining_both_leads_from_no_draw_to_the_other(
    office: Office, twice: tuple[Seat, Seat]
) -> None:
    """Both seats declined at once are filled, and no event of a draw has the other's pseudonym."""
    kept, again = twice
    token, _ = _letter(office, kept)
    both = [pk(kept), pk(again)]
    new = office.do(ANYBODY, invitations.decline, token, both, "declined", "", address)
    assert again.draw_pk in {one.draw_pk for one in new}
    assert {one.status for one in _seats(office) if pk(one) in both} == {"vacated"}
    assert _strangers(office) == []


def test_staff_vacate_both_seats(office: Office, twice: tuple[Seat, Seat]) -> None:
    """Staff end both seats; the link is over, and whoever follows is written to at once."""
    kept, again = twice
    token, _ = _letter(office, kept)
    both = [pk(kept), pk(again)]
    new = office.do(STAFF, invitations.replace, both, "unreachable", "", address)
    with pytest.raises(NotFoundError):
        office.do(ANYBODY, invitations.accept, token, both)
    with office.store.reading() as session:
        names = {session.get_one(Expert, one.expert_id).name for one in new}
        assert names
        assert names <= {one.name for one in session.exec(select(Letter))}
