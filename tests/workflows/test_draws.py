from __future__ import annotations

import json

import pytest
from sqlmodel import col, select

from allocation import merkle
from allocation.checkpoint import open_note
from allocation.errors import SourceError
from review_service.tables import Draw, Expert, LogEvent, Round, Seat
from review_service.workflows import draws, locks, log, reviews, seats
from review_service.workflows.base import (
    Actor,
    NotFoundError,
    Office,
    WorkflowError,
    pk,
)
from review_service.workflows.vacancies import vacancies
from tests.workflows.conftest import (
    INSPECTOR,
    SECRETS,
    STAFF,
    WHO,
    beacon_source,
    commit_all,
    digest_of,
    newcomers,
)


def _as(seat: Seat) -> Actor:
    """Return the expert of a seat as who acts."""
    return Actor("expert", seat.pseudonym)


def _types(office: Office) -> list[str]:
    with office.store.reading() as session:
        return list(session.exec(select(LogEvent.type).order_by(col(LogEvent.seq))))


def test_draw_seats_every_panel(office: Office, drawn: Draw) -> None:
    """A draw fills 2 panels of 5 and logs lock, three reveals and completion in their order."""
    with office.store.reading() as session:
        rows = session.exec(select(Seat).where(Seat.draw_pk == drawn.id)).all()
    assert sorted(row.panel for row in rows) == ["P1"] * 5 + ["P2"] * 5
    kinds = [kind for kind in _types(office) if kind.startswith("draw.")]
    assert kinds == ["draw.locked", *["draw.revealed"] * 3, "draw.completed"]


def test_lock_needs_every_party(office: Office, round_row: Round) -> None:
    """A draw can't be locked before each party has committed, and nothing is left of the try."""
    with pytest.raises(WorkflowError, match="commitment-missing"):
        office.do(STAFF, locks.lock_draw, pk(round_row), [beacon_source()])
    assert "draw.locked" not in _types(office)


def test_commitment_is_given_once_and_by_its_party(office: Office, round_row: Round) -> None:
    """Nobody commits for another party, and nobody changes a commitment."""
    digest = digest_of("a")
    with pytest.raises(WorkflowError, match="not-your-party"):
        office.do(STAFF, draws.give_commitment, pk(round_row), "inspection", digest)
    office.do(STAFF, draws.give_commitment, pk(round_row), "ministry", digest)
    with pytest.raises(WorkflowError, match="commitment-given"):
        office.do(STAFF, draws.give_commitment, pk(round_row), "ministry", digest_of("b"))


def test_wrong_secret_is_refused_and_void_is_for_ever(office: Office, round_row: Round) -> None:
    """A secret that doesn't open is refused; a void keeps its number, and the next draw is 2."""
    commit_all(office, round_row)
    draw = office.do(STAFF, locks.lock_draw, pk(round_row), [beacon_source()])
    wrong = {"kind": "commitment", "party": "inspection", "secret": "ff" * 32}
    with pytest.raises(SourceError):
        office.do(INSPECTOR, draws.reveal_source, pk(draw), 0, wrong)
    office.do(STAFF, draws.void_draw, pk(draw), "inspection did not reveal in time")
    with pytest.raises(WorkflowError, match="draw-status"):
        office.do(STAFF, draws.complete_draw, pk(draw))
    with office.store.reading() as session:
        assert draws.next_draw_id(session, round_row) == (2, "2026/draw/2")
        event = session.exec(select(LogEvent.event).where(LogEvent.type == "draw.voided")).one()
    assert json.loads(event)["body"]["missing"] == [0, 1, 2]


def test_a_party_reveals_its_own_secret_alone(office: Office, round_row: Round) -> None:
    """Staff can't reveal for the inspection, even with the right secret."""
    commit_all(office, round_row)
    draw = office.do(STAFF, locks.lock_draw, pk(round_row), [beacon_source()])
    entry = {"kind": "commitment", "party": "inspection", "secret": SECRETS["inspection"].hex()}
    with pytest.raises(WorkflowError, match="not-your-party"):
        office.do(STAFF, draws.reveal_source, pk(draw), 0, entry)


def test_decline_takes_the_next_of_the_list(office: Office, drawn: Draw) -> None:
    """A decline seats the next eligible expert at once and touches no other seat."""
    with office.store.reading() as session:
        before = session.exec(select(Seat).order_by(col(Seat.id))).all()
    first = before[0]
    new = office.do(_as(first), seats.vacate_seat, pk(first), "declined", "在医院")
    assert new is not None
    assert (new.panel, new.stratum, new.replaces_id) == (first.panel, first.stratum, first.id)
    assert new.pseudonym not in {row.pseudonym for row in before}
    with office.store.reading() as session:
        after = session.exec(select(Seat).order_by(col(Seat.id))).all()
        logged = session.exec(select(LogEvent).where(LogEvent.type == "seat.vacated")).one()
    assert [row.model_dump() for row in after[1:-1]] == [row.model_dump() for row in before[1:]]
    assert "在医院" not in logged.event
    assert "在医院" in (logged.private or "")


def test_a_seat_is_its_experts_to_answer(office: Office, drawn: Draw) -> None:
    """Nobody answers for somebody else: not another expert, not staff with an expert's reasons."""
    with office.store.reading() as session:
        first, second = session.exec(select(Seat).order_by(col(Seat.id))).all()[:2]
    with pytest.raises(NotFoundError):
        office.do(_as(second), seats.accept_seat, pk(first))
    with pytest.raises(NotFoundError):
        office.do(_as(second), seats.vacate_seat, pk(first), "declined")
    with pytest.raises(NotFoundError):
        number = seats.dossiers_of(drawn, first.panel)[0]
        office.do(_as(second), seats.declare_conflict, pk(first), number, "kin")
    with pytest.raises(WorkflowError, match="not-for-role"):
        office.do(STAFF, seats.accept_seat, pk(first))
    for who, reason in ((STAFF, "declined"), (STAFF, "recusal"), (_as(first), "unreachable")):
        with pytest.raises(WorkflowError, match="reason-not-yours"):
            office.do(who, seats.vacate_seat, pk(first), reason)
    for who in (INSPECTOR, Actor("approver", "approver-1")):
        with pytest.raises(WorkflowError, match="reason-not-yours"):
            office.do(who, seats.vacate_seat, pk(first), "other")
    with office.store.reading() as session:
        assert session.get_one(Seat, first.id).status == "awaiting"
    assert office.do(STAFF, seats.vacate_seat, pk(first), "unreachable") is not None


def test_declared_conflict_takes_a_stand_in_for_one_dossier(office: Office, drawn: Draw) -> None:
    """A declared conflict leaves the expert the other dossiers and seats another for that one."""
    with office.store.reading() as session:
        seat = session.exec(select(Seat).order_by(col(Seat.id))).first()
    assert seat is not None
    dossier = seats.dossiers_of(drawn, seat.panel)[0]
    stand_in = office.do(_as(seat), seats.declare_conflict, pk(seat), dossier, "kin")
    assert stand_in is not None
    assert stand_in.dossier == dossier
    for one in (seat, stand_in):
        office.do(_as(one), seats.accept_seat, pk(one))
    with office.store.reading() as session:
        mine = {one.number for one in reviews.assigned(session, drawn.round_id, seat.expert_id)}
        theirs = reviews.assigned(session, drawn.round_id, stand_in.expert_id)
    assert mine == set(seats.dossiers_of(drawn, seat.panel)) - {dossier}
    assert [one.number for one in theirs] == [dossier]
    with office.store.reading() as session:
        assert session.get_one(Seat, seat.id).status == "accepted"


def test_checkpoint_covers_the_log_and_proofs_hold(office: Office, drawn: Draw) -> None:
    """The signed root is the root over the stored events, and each event proves its place."""
    row = office.do(INSPECTOR, log.sign_checkpoint)
    with office.store.reading() as session:
        opened = open_note(row.note, log.all_keys(session))
        leaves = [merkle.leaf_hash(event) for event in log.events(session, row.size)]
        get = log.node_reader(session)
        for index, leaf in enumerate(leaves):
            proof = merkle.inclusion_proof(get, index, row.size)
            merkle.verify_inclusion(index, row.size, leaf, proof, opened.root)
    assert opened.size == len(leaves)
    assert drawn.status == "completed"


def test_no_second_draw_beside_one_that_stands(office: Office, drawn: Draw) -> None:
    """A completed draw can't be re-rolled: another lock of the panels is refused."""
    with office.store.reading() as session:
        row = session.get_one(Round, drawn.round_id)
    commit_all(office, row, number=2)
    with pytest.raises(WorkflowError, match="draw-stands"):
        office.do(STAFF, locks.lock_draw, pk(row), [beacon_source()])
    with pytest.raises(WorkflowError, match="no-vacancies"):
        office.do(STAFF, locks.lock_supplementary, pk(row), [beacon_source()])


def test_supplementary_draw_fills_what_the_list_could_not(office: Office, drawn: Draw) -> None:
    """With the list exhausted, a draw under the next number seats newcomers, nobody twice."""
    with office.store.reading() as session:
        query = select(Seat).where(Seat.draw_pk == drawn.id, Seat.stratum == "S1")
        seat: Seat | None = session.exec(query).first()
    while seat is not None:
        seat = office.do(_as(seat), seats.vacate_seat, pk(seat), "declined")
    office.do(STAFF, newcomers, 8)
    with office.store.reading() as session:
        row = session.get_one(Round, drawn.round_id)
        assert len(vacancies(session, pk(row))) == 1
    commit_all(office, row, number=2)
    public = {"kind": "public", "name": "双色球 2026099", "date": "2026-12-01"}
    draw = office.do(STAFF, locks.lock_supplementary, pk(row), [public])
    for index, (party, secret) in enumerate(sorted(SECRETS.items())):
        entry = {"kind": "commitment", "party": party, "secret": secret.hex()}
        office.do(WHO[party], draws.reveal_source, pk(draw), index, entry)
    entry = {"kind": "public", "key": "3.8.11.17.20.30./9./"}
    office.do(STAFF, draws.reveal_source, pk(draw), 2, entry)
    office.do(STAFF, draws.complete_draw, pk(draw))
    with office.store.reading() as session:
        rows = session.exec(select(Seat).where(Seat.draw_pk == draw.id)).all()
        seated = session.get_one(Expert, rows[0].expert_id)
        assert vacancies(session, pk(row)) == []
    assert len(rows) == 1
    assert seated.number.startswith("N")
