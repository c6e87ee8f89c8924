"""The publicity period, objections with their answers, the final list, the diagnosis."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from review_service.demonstration.world import Clock
from review_service.tables import Dossier, LogEvent, Objection, Round
from review_service.workflows import (
    approvals,
    diagnosis,
    objections,
    publicity,
    reselection,
    results,
)
from review_service.workflows.base import (
    Actor,
    NotFoundError,
    Office,
    StaleError,
    WorkflowError,
    pk,
)
from review_service.workflows.computations import newest
from tests.workflows.conftest import APPROVER, STAFF
from tests.workflows.test_results import reviewed  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from review_service.tables import Computation
    from review_service.workflows.objections import Statement

ANYBODY = Actor("public", "public")
PDF = b"%PDF-1.4\n1 0 obj\n%%EOF\n"
# What every gate of the rubric asks for, and a little more.
PASSING = {
    "trained_per_year": 2500, "senior_share": "31.5", "capacity_per_year": 2600,
    "equipped_occupations": 4, "equipment_value": 2600, "experts_per_occupation": 3,
    "pass_rate": "95.2", "satisfaction": "96",
}  # fmt: skip


def moment(text: str) -> datetime:
    """A moment of Beijing given in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("published", "days", "calendar", "first", "last"),
    [
        # A Friday: the weekend doesn't count.
        ("2026-03-06T02:00", 5, {}, "2026-03-09", "2026-03-13"),
        # Late in UTC is the next day in Beijing, a Saturday.
        ("2026-03-06T17:00", 1, {}, "2026-03-09", "2026-03-09"),
        # National Day 2026: seven days off, the Saturday after is worked.
        (
            "2026-09-30T02:00", 2,
            dict.fromkeys((f"2026-10-0{n}" for n in range(1, 8)), "holiday")
            | {"2026-10-10": "workday"},
            "2026-10-08", "2026-10-09",
        ),
        (
            "2026-10-08T02:00", 2, {"2026-10-10": "workday"}, "2026-10-09", "2026-10-10",
        ),
    ],
)  # fmt: skip
def test_period_counts_working_days(
    published: str, days: int, calendar: dict[str, str], first: str, last: str
) -> None:
    """The period counts working days in Beijing from the next day on, by the round's calendar."""
    found = publicity.count_period(moment(published), days, calendar)
    assert (found.first, found.last) == (date.fromisoformat(first), date.fromisoformat(last))
    end = moment(f"{last}T15:59:59")  # 23:59:59 in Beijing
    assert not found.over(end)
    assert found.over(end + timedelta(seconds=1))


@pytest.fixture
def listed(office: Office, reviewed: Round) -> Round:  # noqa: F811 - the fixture above
    """The round with a list of three that a second person approved."""
    with office.store.writing() as session:
        for one in session.exec(select(Dossier)):
            one.indicators = dict(PASSING)
            session.add(one)
        session.commit()
    office.do(STAFF, results.run_fit, pk(reviewed))
    computed = office.do(STAFF, results.run_selection, pk(reviewed))
    matter = json.loads(computed.record)["selection"]["open"]
    if matter is not None:
        verdicts = [
            {"dossier": one, "taken": place < matter["take"], "reason": "合议"}
            for place, one in enumerate(matter["ids"])
        ]
        settled = office.do(STAFF, approvals.propose_settlement, pk(reviewed), verdicts, "合议")
        office.do(APPROVER, approvals.decide_proposal, pk(settled), approve=True, reason="")
        office.do(STAFF, results.run_selection, pk(reviewed))
    proposal = office.do(STAFF, approvals.propose_list, pk(reviewed), "按规则")
    office.do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    return reviewed


def _state(office: Office, row: Round) -> dict[str, Any]:
    """The numbers on the list that stands, and the period."""
    with office.store.reading() as session:
        row = session.get_one(Round, pk(row))
        numbers, record = publicity.published_numbers(session, row)
        return {
            "list": numbers, "record": record, "period": publicity.period(session, row),
            "status": row.status,
        }  # fmt: skip


def _statement(**more: Any) -> Statement:
    given = {"name": "王某", "contact": "13800000000", "text": "该单位设备不实"} | more
    return objections.Statement(**given)


def _after(office: Office, last: date) -> None:
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance_to(datetime(last.year, last.month, last.day, 16, 0, tzinfo=UTC))


def _approved(office: Office, row: Round) -> None:
    proposal = office.do(STAFF, approvals.propose_list, pk(row), "按规则")
    with pytest.raises(WorkflowError, match="second-person"):
        office.do(STAFF, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    office.do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="")


def _filled_again(office: Office, row: Round) -> Computation:
    """Select again; where that leaves the panel something to settle, let it keep who is listed."""
    again = office.do(STAFF, reselection.reselect, pk(row), "异议成立")
    record = json.loads(again.record)
    matter = record["selection"]["open"]
    if matter is None:
        return again
    keeps = [one for one in matter["ids"] if one in record["keeps"]]
    rest = [one for one in matter["ids"] if one not in keeps]
    taken = {*keeps, *rest[: matter["take"] - len(keeps)]}
    if keeps:
        wrong = [{"dossier": one, "taken": one in rest, "reason": "合议"} for one in matter["ids"]]
        with pytest.raises(WorkflowError, match="settlement-drops"):
            office.do(STAFF, approvals.propose_settlement, pk(row), wrong, "合议")
    many = [{"dossier": one, "taken": True, "reason": "合议"} for one in matter["ids"]]
    with pytest.raises(WorkflowError, match="settlement-count"):
        office.do(STAFF, approvals.propose_settlement, pk(row), many, "合议")
    verdicts = [{"dossier": one, "taken": one in taken, "reason": "合议"} for one in matter["ids"]]
    proposal = office.do(STAFF, approvals.propose_settlement, pk(row), verdicts, "合议")
    office.do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="")
    return office.do(STAFF, reselection.reselect, pk(row), "异议成立")


def test_objections_are_answered_by_two_before_the_list_is_final(
    office: Office, listed: Round
) -> None:
    """The final list waits for the period's end and all answers; an emptied place is filled."""
    holidays = [(office.tools.clock() + timedelta(days=n)).date().isoformat() for n in range(1, 4)]
    office.do(STAFF, publicity.set_calendar, pk(listed), holidays, [])
    office.do(STAFF, publicity.publish_list, pk(listed))
    with pytest.raises(WorkflowError, match="round-status"):
        office.do(STAFF, publicity.set_calendar, pk(listed), [], [])
    before = _state(office, listed)
    assert len(before["list"]) == 3
    first = before["list"][0]
    made = office.do(
        ANYBODY, objections.receive_objection, pk(listed),
        _statement(dossier=first, files=(objections.Received("证据.pdf", PDF),)), source="a",
    )  # fmt: skip
    with pytest.raises(WorkflowError, match="publicity-runs"):
        office.do(STAFF, publicity.finalise_list, pk(listed))
    _after(office, before["period"].last)
    with pytest.raises(WorkflowError, match="objections-open"):
        office.do(STAFF, publicity.finalise_list, pk(listed))
    with pytest.raises(WorkflowError, match="objections-closed"):
        office.do(ANYBODY, objections.receive_objection, pk(listed), _statement(), source="b")
    said = {"outcome": "upheld", "removes": True, "answer": "经核查属实", "reason": "现场核查"}
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, objections.propose_answer, pk(made), **said | {"answer": " "})
    with pytest.raises(WorkflowError, match="objection-removes"):
        office.do(STAFF, objections.propose_answer, pk(made), **said | {"outcome": "dismissed"})
    office.do(STAFF, objections.propose_answer, pk(made), **said)
    with pytest.raises(WorkflowError, match="second-person"):
        office.do(STAFF, objections.decide_answer, pk(made), approve=True, reason="")
    office.do(APPROVER, objections.decide_answer, pk(made), approve=False, reason="再查")
    office.do(STAFF, objections.propose_answer, pk(made), **said)
    office.do(APPROVER, objections.decide_answer, pk(made), approve=True, reason="")
    with pytest.raises(StaleError):
        office.do(APPROVER, objections.decide_answer, pk(made), approve=False, reason="no")
    _places_are_filled(office, listed, before, made)
    with pytest.raises(WorkflowError, match="round-status"):
        office.do(STAFF, publicity.finalise_list, pk(listed))


def _places_are_filled(
    office: Office, listed: Round, before: dict[str, Any], made: Objection
) -> None:
    """The next by the rules comes in, by two people, after a period of its own."""
    first = made.dossier
    with pytest.raises(WorkflowError, match="places-vacant"):
        office.do(STAFF, publicity.finalise_list, pk(listed))
    again = _filled_again(office, listed)
    kept = json.loads(again.record)
    assert kept["supersedes"] == before["record"].digest
    assert kept["excluded"] == [{"dossier": first, "objection": made.receipt}]
    assert _state(office, listed)["list"] == before["list"]  # what stands, until it is published
    with pytest.raises(WorkflowError, match="approval-needed"):
        office.do(STAFF, publicity.publish_list, pk(listed))
    _approved(office, listed)
    office.do(STAFF, publicity.publish_list, pk(listed))
    with pytest.raises(WorkflowError, match="publicity-runs"):
        office.do(STAFF, publicity.finalise_list, pk(listed))
    second = _state(office, listed)["period"]
    assert second.first > before["period"].last
    _after(office, second.last)
    office.do(STAFF, publicity.finalise_list, pk(listed))
    after = _state(office, listed)
    with office.store.reading() as session:
        again_since = publicity.republished_from(session, session.get_one(Round, pk(listed)))
    assert again_since == before["period"].first
    assert after["status"] == "final"
    assert len(after["list"]) == 3
    assert set(before["list"][1:]) < set(after["list"])
    record = json.loads(after["record"].record)
    assert record["removed"] == [{"dossier": first, "objection": made.receipt}]
    assert set(record["added"]) == set(after["list"]) - set(before["list"])
    assert record["supersedes"] == [before["record"].digest]
    assert record["proposed"] == again.digest
    with office.store.reading() as session:
        row = session.get_one(Round, pk(listed))
        assert publicity.changes(session, row) == {"removed": [first], "added": record["added"]}
        assert all(stored == now for _kind, stored, now in results.repeat(session, row))


def test_personal_data_of_objections_stay_out_of_the_log(office: Office, listed: Round) -> None:
    """No name, contact, text, file or answer is in an event's open part; all of it is sealed."""
    office.do(STAFF, publicity.publish_list, pk(listed))
    made = office.do(
        ANYBODY, objections.receive_objection, pk(listed),
        _statement(files=(objections.Received("a.pdf", PDF),)), source="a",
    )  # fmt: skip
    office.do(
        STAFF, objections.propose_answer, pk(made), outcome="dismissed", removes=False,
        answer="不属实", reason="现场核查",
    )  # fmt: skip
    office.do(APPROVER, objections.decide_answer, pk(made), approve=True, reason="同意")
    with office.store.reading() as session:
        rows = [one for one in session.exec(select(LogEvent)) if one.type.startswith("objection.")]
        kept = objections.by_receipt(session, session.get_one(Round, pk(listed)), made.receipt)
        assert (kept.status, kept.outcome) == ("answered", "dismissed")
        with pytest.raises(NotFoundError):
            objections.by_receipt(session, session.get_one(Round, pk(listed)), "2026-AAAAAAAA")
    assert [one.type.partition(".")[2] for one in rows] == [
        "received", "answer_proposed", "answer_decided",
    ]  # fmt: skip
    for one in rows:
        assert "sealed" in json.loads(one.event)["body"]
        for secret in ("王某", "13800000000", "设备不实", "不属实", "现场核查", "a.pdf"):
            assert secret not in one.event
    assert "王某" in (rows[0].private or "")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "  "}, "objection-field"),
        ({"text": "字" * 4001}, "objection-long"),
        ({"dossier": "no-such"}, "objection-dossier"),
        ({"files": (objections.Received("a.pdf", b"MZ program"),)}, "attachment-kind"),
        ({"files": (objections.Received("a.png", PDF),)}, "attachment-extension"),
        ({"files": (objections.Received("a.pdf", PDF + b" " * 5_000_000),)}, "attachment-size"),
        ({"files": (objections.Received("a.pdf", PDF),) * 4}, "objection-files"),
    ],
)
def test_bad_objections_are_refused(
    office: Office, listed: Round, more: dict[str, Any], code: str
) -> None:
    """What is empty, too long, about no unit of the list, or no harmless file leaves no trace."""
    office.do(STAFF, publicity.publish_list, pk(listed))
    with pytest.raises(WorkflowError, match=code):
        office.do(ANYBODY, objections.receive_objection, pk(listed), _statement(**more), source="a")
    with office.store.reading() as session:
        assert session.exec(select(Objection)).all() == []


def test_a_sender_is_slowed_down_and_others_are_not(office: Office, listed: Round) -> None:
    """Five objections an hour from one source, then none from it for a while; others still may."""
    office.do(STAFF, publicity.publish_list, pk(listed))
    receive, statement = objections.receive_objection, _statement()
    for _ in range(objections.PER_SOURCE):
        office.do(ANYBODY, receive, pk(listed), statement, source="a")
    with pytest.raises(WorkflowError, match="objections-often"):
        office.do(ANYBODY, receive, pk(listed), statement, source="a")
    office.do(ANYBODY, receive, pk(listed), statement, source="b")
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance(hours=1)
    office.do(ANYBODY, receive, pk(listed), statement, source="a")


@pytest.mark.parametrize(
    ("holidays", "workdays", "code"),
    [
        (["2026-02-30"], [], "calendar-day"),
        (["2026-10-01"], ["2026-10-01"], "calendar-both"),
        (["gestern"], [], "calendar-day"),
    ],
)
def test_bad_calendars_are_refused(
    office: Office, round_row: Round, holidays: list[str], workdays: list[str], code: str
) -> None:
    """A day that isn't one, or that is both, is named and nothing is kept."""
    with pytest.raises(WorkflowError, match=code):
        office.do(STAFF, publicity.set_calendar, pk(round_row), holidays, workdays)
    with office.store.reading() as session:
        assert publicity.calendar_of(session, round_row) == {}


def test_diagnosis_repeats_and_follows_the_fit(office: Office, listed: Round) -> None:
    """Looked at again, the reviews give the same bytes; everything computed again is the same."""
    first = office.do(STAFF, diagnosis.run_diagnosis, pk(listed))
    again = office.do(STAFF, diagnosis.run_diagnosis, pk(listed))
    assert (again.id, again.digest) == (first.id, first.digest)
    record = json.loads(first.record)
    assert record["refused"] == {}
    assert record["design"]["pairs"] == 12 * 5
    assert sum(one["n"] for one in record["flags"]["experts"]) == 12 * 5
    assert 0 <= record["reliability"]["separation"]["reliability"] <= 1
    with office.store.reading() as session:
        row = session.get_one(Round, pk(listed))
        for kind, kept, now in results.repeat(session, row):
            stored = newest(session, pk(row), kind)
            assert stored is not None
            assert kept == now == stored.digest


def test_dossiers_outside_the_competition_have_no_rank(
    office: Office,
    reviewed: Round,  # noqa: F811 - the fixture above
) -> None:
    """A dossier that fails a gate is fitted, and takes neither a rank nor a share of the places."""
    with office.store.writing() as session:
        for one in session.exec(select(Dossier)):
            one.indicators = dict(PASSING) | ({"pass_rate": "80"} if one.number == "S11" else {})
            session.add(one)
        session.commit()
    fitted = office.do(STAFF, results.run_fit, pk(reviewed))
    by_id = {one["id"]: one for one in json.loads(fitted.record)["total"]["dossiers"]}
    assert by_id["S11"]["expected_rank"] is None
    assert by_id["S11"]["raw_mean"] > 0
    inside = [one for name, one in by_id.items() if name != "S11"]
    assert sum(one["p_top"] for one in inside) == pytest.approx(3)
    listed = office.do(STAFF, results.run_selection, pk(reviewed))
    selection = json.loads(listed.record)["selection"]
    out = next(one for one in selection["dossiers"] if one["id"] == "S11")
    assert (out["status"], out["expected_rank"]) == ("out", None)
    assert out["reasons"][0]["code"] == "gate"
    assert "S11" not in selection["ranked_outside"]
