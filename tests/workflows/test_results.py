"""From seats to a published list, on a small round."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from review_service.tables import Draw, LogEvent, Review, Round, Seat
from review_service.workflows import (
    amendments,
    approvals,
    publicity,
    results,
    reviews,
    rounds,
    seats,
    standing,
)
from review_service.workflows.base import (
    Actor,
    NotFoundError,
    Office,
    StaleError,
    WorkflowError,
    pk,
)
from tests.workflows.conftest import APPROVER, STAFF

if TYPE_CHECKING:
    from review_service.tables import Computation


def rate(expert: int, dossier: str, criterion: str) -> int:
    """Levels that follow the dossier's number, with a leniency an expert, repeatable."""
    noise = sha256(f"{expert}/{dossier}/{criterion}".encode()).digest()[0] % 3
    return min(10, int(dossier[1:]) // 2 + expert % 3 + noise)


@pytest.fixture
def reviewed(office: Office, drawn: Draw) -> Round:
    """The round with all reviews submitted and scoring closed."""
    with office.store.reading() as session:
        rows = session.exec(select(Seat).where(Seat.draw_pk == drawn.id)).all()
    for seat in rows:
        office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
    row = office.do(STAFF, reviews.start_reviewing, drawn.round_id)
    criteria = list(rounds.rubric_of(row).criteria)
    for seat in rows:
        actor = Actor("expert", seat.pseudonym)
        office.do(actor, reviews.sign_pledge, pk(row), seat.expert_id)
        with office.store.reading() as session:
            tasks = reviews.assigned(session, pk(row), seat.expert_id)
        for dossier in tasks:
            levels = {name: rate(seat.expert_id, dossier.number, name) for name in criteria}
            office.do(
                actor, reviews.save_review, pk(row), seat.expert_id, pk(dossier),
                levels=levels, notes={}, version=0,
            )  # fmt: skip
            office.do(actor, reviews.submit_review, pk(row), seat.expert_id, pk(dossier))
    return office.do(STAFF, rounds.close_reviewing, pk(row))


def _listed(office: Office, row: Round) -> Computation:
    office.do(STAFF, results.run_fit, pk(row))
    return office.do(STAFF, results.run_selection, pk(row))


def test_same_reviews_same_bytes(office: Office, reviewed: Round) -> None:
    """Running the fit and the selection again gives the same record and no second event."""
    first = _listed(office, reviewed)
    again = _listed(office, reviewed)
    assert (again.id, again.digest, again.record) == (first.id, first.digest, first.record)
    with office.store.reading() as session:
        kinds = [row.type for row in session.exec(select(LogEvent))]
    assert kinds.count("normalisation.run") == kinds.count("list.computed") == 1


def test_list_is_published_only_after_a_second_person(office: Office, reviewed: Round) -> None:
    """The zone is settled by verdicts, the list approved by another person, then published once."""
    listed = _listed(office, reviewed)
    matter = json.loads(listed.record)["selection"]["open"]
    if matter is not None:
        verdicts = [
            {"dossier": one, "taken": place < matter["take"], "reason": "合议"}
            for place, one in enumerate(matter["ids"])
        ]
        with pytest.raises(WorkflowError, match="verdicts-incomplete"):
            office.do(STAFF, approvals.propose_settlement, pk(reviewed), verdicts[1:], "合议")
        settled = office.do(STAFF, approvals.propose_settlement, pk(reviewed), verdicts, "合议")
        office.do(APPROVER, approvals.decide_proposal, pk(settled), approve=True, reason="")
        office.do(STAFF, results.run_selection, pk(reviewed))
    proposal = office.do(STAFF, approvals.propose_list, pk(reviewed), "按规则")
    with pytest.raises(WorkflowError, match="approval-needed"):
        office.do(STAFF, publicity.publish_list, pk(reviewed))
    with pytest.raises(WorkflowError, match="second-person"):
        office.do(STAFF, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    office.do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    with pytest.raises(StaleError):
        office.do(APPROVER, approvals.decide_proposal, pk(proposal), approve=False, reason="no")
    published = office.do(STAFF, publicity.publish_list, pk(reviewed))
    assert published.status == "published"
    with pytest.raises(WorkflowError, match="round-status"):
        office.do(STAFF, publicity.publish_list, pk(reviewed))


def test_results_show_every_dossier_with_its_reasons(office: Office, reviewed: Round) -> None:
    """The results' values hold each competing dossier once, by expected rank, with a status."""
    _listed(office, reviewed)
    with office.store.reading() as session:
        found = standing.standing(session, session.get_one(Round, pk(reviewed)))
    assert found is not None
    ranks = [one["expected_rank"] for one in found["dossiers"]]
    assert len(ranks) == 12
    ranked = [rank for rank in ranks if rank is not None]
    assert ranks == sorted(ranked) + [None] * (12 - len(ranked))
    assert all(one["status"] in {"in", "out", "open"} for one in found["dossiers"])
    assert all(one["reasons"] for one in found["dossiers"])


def test_scores_enter_the_log_sealed(office: Office, reviewed: Round) -> None:
    """A submitted review is in the log as a digest; its scores and its author stay out of it."""
    with office.store.reading() as session:
        rows = session.exec(select(LogEvent).where(LogEvent.type == "review.submitted")).all()
    assert len(rows) == 12 * 5
    for row in rows:
        assert set(json.loads(row.event)["body"]) == {"round", "sealed"}
        assert row.private is not None
    assert reviewed.status == "closed"


def test_amendment_needs_a_reason_and_another_person(office: Office, reviewed: Round) -> None:
    """A submitted review changes only by an approved amendment; the log seals before and after."""
    with office.store.reading() as session:
        review = session.exec(select(Review).order_by(col(Review.id))).first()
    assert review is not None
    levels = dict(review.levels) | {"platform": 10}
    author = Actor("expert", "author")
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(
            author, amendments.propose_amendment, pk(review), review.expert_id,
            levels=levels, notes={}, reason=" ",
        )  # fmt: skip
    with pytest.raises(NotFoundError):
        office.do(
            author, amendments.propose_amendment, pk(review), review.expert_id + 1,
            levels=levels, notes={}, reason="误填",
        )  # fmt: skip
    proposal = office.do(
        author, amendments.propose_amendment, pk(review), review.expert_id,
        levels=levels, notes={}, reason="误填",
    )  # fmt: skip
    with pytest.raises(WorkflowError, match="second-person"):
        office.do(author, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    office.do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    with office.store.reading() as session:
        assert session.get_one(Review, review.id).levels == levels
        event = session.exec(select(LogEvent).where(LogEvent.type == "review.amended")).one()
    assert "platform" not in event.event
    assert json.loads(event.private or "")["value"]["before"]["levels"] == review.levels
    assert reviewed.status == "closed"
