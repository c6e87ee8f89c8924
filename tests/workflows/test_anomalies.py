from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from review_service.demonstration.world import APPROVER, INSPECTOR, STAFF, Clock, lock_time
from review_service.tables import Dossier, Expert, LogEvent, RecusalRequest, Review, Round, Seat
from review_service.workflows import (
    amendments,
    anomalies,
    conflicts,
    diagnosis,
    dossiers,
    draws,
    inspection,
    log,
    rehearsals,
    requests,
    results,
    rounds,
    scrutiny,
    seats,
)
from review_service.workflows.base import Actor, WorkflowError, pk
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from review_service.workflows.anomalies import Finding


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage of this test alone, with nothing played yet."""
    made = Stage(tmp_path)
    yield made
    made.close()


def found(stage: Stage, code: str) -> list[Finding]:
    """Return the findings of one kind, after checking that their events are of this log."""
    with stage.office.store.reading() as session:
        everything = anomalies.findings(session)
        size = log.head(session).size
    assert all(0 <= seq < size for one in everything for seq in one.events)
    assert all(one.weight in {"look", "note"} for one in everything)
    weights = [one.weight for one in everything]
    assert weights == sorted(weights)  # "look" stands before "note"
    return [one for one in everything if one.code == code]


def types(stage: Stage, one: Finding) -> set[str]:
    """Return the types of the events behind a finding."""
    return {row.type for row in stage.rows(LogEvent) if row.seq in one.events}


def test_an_uneventful_round_has_nothing_to_look_at(tmp_path: Path) -> None:
    """A round whose steps all went their usual way has notes at most, but for panels' verdicts."""
    stage = Stage(tmp_path, Clock(lock_time() - timedelta(days=3))).play("published")
    with stage.office.store.reading() as session:
        weights = {one.code: one.weight for one in anomalies.findings(session)}
    stage.close()
    assert {code for code, weight in weights.items() if weight == "look"} <= {"verdicts"}


def test_dossiers_let_in_without_papers(stage: Stage) -> None:
    """Each admission by exception is told with its kind and event; those with papers are not."""
    stage.play("imported")
    with stage.office.store.writing() as session:
        row = session.get_one(Round, stage.round_id)
        row.rules = row.rules | {"paper_copies": 2}
        for one in session.exec(select(Dossier).where(col(Dossier.number).in_(("D03", "D07")))):
            one.status = "received"
        session.commit()
    assert found(stage, "exceptions") == []
    for number, kind in zip(("D03", "D07"), sorted(dossiers.EXCEPTIONS), strict=False):
        (dossier,) = stage.rows(Dossier, Dossier.number == number)
        stage.office.do(
            STAFF, dossiers.admit_dossier, pk(dossier), exception=kind, reason="文件途中损毁"
        )
    (one,) = found(stage, "exceptions")
    assert one.facts["dossiers"] == ["D03", "D07"]
    assert sum(one.facts["kinds"].values()) == 2
    assert one.weight == "look"
    assert types(stage, one) == {"dossier.admitted"}


def test_voids_rehearsals_and_unused_commitments(stage: Stage) -> None:
    """A void names reason and who didn't reveal; many rehearsals and idle commitments show."""
    stage.play("committed")
    assert [one.facts["draw_id"] for one in found(stage, "not-locked")] == [f"{CODE}/draw/1"]
    for count in (1, 4):
        while len(stage.rows(LogEvent, LogEvent.type == "draw.rehearsed")) < count:
            stage.office.do(STAFF, rehearsals.rehearse, stage.round_id)
        (one,) = found(stage, "rehearsals")
        assert one.facts == {"count": count}
        assert one.weight == ("look" if count > anomalies.REHEARSALS else "note")
    stage.play("locked")
    assert found(stage, "not-locked") == []
    secret = {
        "kind": "commitment",
        "party": "inspection",
        "secret": stage.secrets["inspection"].hex(),
    }
    stage.office.do(INSPECTOR, draws.reveal_source, pk(stage.draw()), 0, secret)
    stage.office.do(STAFF, draws.void_draw, pk(stage.draw()), "设备故障")
    (one,) = found(stage, "void")
    assert one.facts == {"draw": 1, "reason": "设备故障", "missing": ["ministry", "drand"]}
    assert types(stage, one) == {"draw.voided"}
    assert found(stage, "missing-number") == []


def test_many_replacements_stand_out(stage: Stage) -> None:
    """One seat of six vacated is a note, two are worth a look; each event is linked."""
    stage.play("drawn")
    for count, weight in ((1, "note"), (2, "look")):
        seat = next(one for one in stage.rows(Seat) if one.status == "awaiting")
        stage.office.do(STAFF, seats.vacate_seat, pk(seat), "unreachable")
        (one,) = found(stage, "replacements")
        assert (one.weight, one.facts["vacated"], one.facts["seats"]) == (weight, count, 6)
        assert one.facts["reasons"] == {"unreachable": count}
        assert types(stage, one) == {"seat.vacated"}


def test_exclusions_are_counted_for_each_requester(stage: Stage) -> None:
    """A unit that asks to keep many experts away stands out, whether or not it was granted."""
    stage.play("opened")
    experts = stage.rows(Expert)
    dossier = stage.rows(Dossier, Dossier.number == "D02")[0]
    for n in range(3):
        stage.office.do(
            STAFF, requests.request_recusal, stage.round_id, pk(experts[n]), pk(dossier), "有过节"
        )
    asked = found(stage, "exclusions")
    (one,) = [one for one in asked if one.facts["dossier"] == "D02"]
    assert one.facts["requested"] == 3
    assert one.facts["accepted"] == 0
    assert one.facts["share"] == pytest.approx(3 / 48)
    assert one.weight == "look"
    assert one.query == {"type": "recusal.requested", "subject": CODE}
    stage.office.do(
        STAFF, conflicts.declare_conflict_pair, stage.round_id, pk(experts[5]),
        pk(stage.rows(Dossier, Dossier.number == "D03")[0]), "unit-request", "亲属", "staff",
    )  # fmt: skip
    (one,) = [one for one in found(stage, "exclusions") if one.facts["dossier"] == "D03"]
    assert (one.facts["by_hand"], one.weight) == (1, "note")


def test_changes_shortly_before_the_lock_stand_out(stage: Stage) -> None:
    """What staff decide in the last day before the lock is shown with its events."""
    stage.play("opened")
    stage.clock.advance_to(lock_time() - timedelta(hours=2))
    expert, dossier = stage.rows(Expert)[0], stage.rows(Dossier)[1]
    stage.office.do(
        STAFF, requests.request_recusal, stage.round_id, pk(expert), pk(dossier), "有过节"
    )
    request = stage.rows(RecusalRequest)[0]
    stage.office.do(STAFF, requests.decide_request, pk(request), accept=True, reason="属实")
    stage.play("locked")
    (one,) = found(stage, "late-changes")
    assert set(one.facts["kinds"]) == types(stage, one)
    assert one.facts["kinds"]["recusal.decided"] == 1
    assert one.facts["draw"] == 1


def test_amendments_after_closing_are_worth_a_look(stage: Stage) -> None:
    """An amendment decided after scoring closed is late; both events of it are in the log."""
    stage.play("closed")
    competing = {one.id for one in stage.rows(Dossier) if one.status == "admitted"}
    review = next(one for one in stage.rows(Review) if one.dossier_id in competing)
    actor = Actor("expert", "expert-1")
    proposal = stage.office.do(
        actor, amendments.propose_amendment, pk(review), review.expert_id,
        levels=dict(review.levels), notes={}, reason="笔误",
    )  # fmt: skip
    assert found(stage, "amendments") == []
    stage.office.do(
        APPROVER, amendments.decide_amendment, pk(proposal), approve=True, reason="同意"
    )
    (one,) = found(stage, "amendments")
    assert one.facts == {"count": 1, "approved": 1, "late": 1}
    assert one.weight == "look"
    assert types(stage, one) == {"review.amended"}


def test_unsealing_and_exports_are_listed(stage: Stage) -> None:
    """Whoever opened names or took identities out stands here, with the event."""
    import pyrage

    stage.play("drawn")
    key = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(WorkflowError, match="recipient-needed"):
        stage.office.do(INSPECTOR, inspection.export_identities, pk(stage.draw()))
    stage.office.do(INSPECTOR, inspection.register_recipient, key)
    for _ in range(2):
        stage.office.do(INSPECTOR, inspection.export_identities, pk(stage.draw()))
    stage.office.do(STAFF, rounds.unseal_names, stage.round_id)
    (one,) = found(stage, "exports")
    assert one.facts == {"draw_id": f"{CODE}/draw/1", "count": 2}
    assert types(stage, one) == {"identities.exported"}
    (one,) = found(stage, "unsealed")
    assert types(stage, one) == {"names.unsealed"}


def test_copied_scores_are_found_with_their_reviews(stage: Stage) -> None:
    """Two experts of a panel with the very same levels are named, each dossier with both events."""
    stage.dossiers = 24
    stage.play("reviewing")
    own = [one for one in stage.rows(Seat) if one.panel == "P01" and one.status == "accepted"]
    stage.play("closed")
    with stage.office.store.writing() as session:
        theirs = {one.dossier_id: dict(one.levels)
                  for one in stage.rows(Review, Review.expert_id == own[0].expert_id)}  # fmt: skip
        for row in stage.rows(Review, Review.expert_id == own[1].expert_id):
            if row.dossier_id in theirs:
                copied = session.get_one(Review, row.id)
                copied.levels = theirs[row.dossier_id]
                session.add(copied)
        session.commit()
    with stage.office.store.reading() as session:
        row = session.get_one(Round, stage.round_id)
        with pytest.raises(WorkflowError, match="fit-needed"):
            scrutiny.scrutinise(session, row)
    stage.office.do(STAFF, results.run_fit, stage.round_id)
    stage.office.do(STAFF, diagnosis.run_diagnosis, stage.round_id)
    with stage.office.store.reading() as session:
        seen = scrutiny.scrutinise(session, session.get_one(Round, stage.round_id))
    both = {own[0].pseudonym, own[1].pseudonym}
    (flag,) = [one for one in seen.flags if one.code == "agreement"]
    assert set(flag.experts) == both
    assert flag.p is not None
    assert flag.p < 0.05
    events = {row.seq: row for row in stage.rows(LogEvent)}
    assert len(flag.events) >= 10
    for fact, numbers in flag.events:
        assert fact["scores"][0] == fact["scores"][1]
        assert len(numbers) == 2
        for seq in numbers:
            assert events[seq].type == "review.submitted"
            assert fact["dossier"] in (events[seq].private or "")


def test_reviews_changed_since_the_fit_are_noticed(stage: Stage) -> None:
    """Scores that were changed behind the fit's back are not looked at, but called outdated."""
    stage.play("computed")
    with stage.office.store.writing() as session:
        row = session.get_one(Review, stage.rows(Review)[0].id)
        row.levels = dict.fromkeys(row.levels, 1)
        session.add(row)
        session.commit()
    with (
        stage.office.store.reading() as session,
        pytest.raises(WorkflowError, match="fit-outdated"),
    ):
        scrutiny.scrutinise(session, session.get_one(Round, stage.round_id))
