from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from review_service.tables import Account, Application, Dossier, Draw, LogEvent, PaperReceipt
from review_service.workflows import applications, dossiers, papers, recommending, ways_back
from review_service.workflows.base import NotFoundError, WorkflowError, pk
from review_service.workflows.log import stamp
from tests.workflows.applying import (
    CITY,
    CITY_ACTOR,
    REGION,
    REGION_ACTOR,
    STAFF,
    actor_of,
    make_round,
    make_unit,
    recommend_city,
    report,
    submit,
)

if TYPE_CHECKING:
    from review_service.tables import Round
    from review_service.workflows.base import Office


def _rank(office: Office, row: Round, who: recommending.Authority, *rows: Application) -> None:
    ranks = {pk(one): place for place, one in enumerate(rows, 1)}
    office.do(STAFF, recommending.rank_applications, who, pk(row), ranks)


def _account(office: Office, one: Application) -> Account:
    with office.store.reading() as session:
        return session.get_one(Account, one.account_id)


def _withdraw(office: Office, one: Application, reason: str = "单位改制") -> Application:
    account = _account(office, one)
    return office.do(
        actor_of(account), ways_back.withdraw_application, pk(one), pk(account), reason
    )


def _now(office: Office, one: Application) -> Application:
    with office.store.reading() as session:
        return session.get_one(Application, pk(one))


def _dossiers(office: Office) -> list[Dossier]:
    with office.store.reading() as session:
        return list(session.exec(select(Dossier).order_by(Dossier.rank)))  # type: ignore[arg-type]


def _at_ministry(
    office: Office, count: int = 2, **rules: object
) -> tuple[Round, list[Application]]:
    row = make_round(office, **rules)
    rows = [submit(office, row, number) for number in range(1, count + 1)]
    recommend_city(office, row, *rows)
    _rank(office, row, REGION, *rows)
    office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    return row, rows


def test_a_withdrawal_closes_the_ranks_up(office: Office) -> None:
    """Those ranked after it move up, its reason is sealed, and the rest can be recommended."""
    row = make_round(office)
    rows = [submit(office, row, number) for number in range(1, 4)]
    for one in rows:
        office.do(CITY_ACTOR, recommending.check_seal, CITY, pk(one), one.unit)
    _rank(office, row, CITY, *rows)
    with pytest.raises(WorkflowError, match="reason-needed"):
        _withdraw(office, rows[0], " ")
    gone = _withdraw(office, rows[0])
    assert (gone.stage, gone.prefecture_rank) == ("withdrawn", None)
    assert [_now(office, one).prefecture_rank for one in rows[1:]] == [1, 2]
    made = office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())
    assert made.ranking == {"applications": [pk(rows[1]), pk(rows[2])]}
    with office.store.reading() as session:
        events = [json.loads(found) for found in session.exec(select(LogEvent.event))]
    (event,) = [one for one in events if one["type"] == "application.withdrawn"]
    assert "sealed" in event["body"]
    assert "改制" not in str(event)


def test_a_stamped_rank_stays_as_it_was_stamped(office: Office) -> None:
    """Withdrawn at the ministry, the dossier is out, the others keep the report's numbers."""
    row, rows = _at_ministry(office)
    _withdraw(office, rows[0])
    first, second = _dossiers(office)
    assert (first.status, first.rank, second.status, second.rank) == ("withdrawn", 1, "received", 2)
    newcomer = submit(office, row, 3)
    office.do(CITY_ACTOR, recommending.check_seal, CITY, pk(newcomer), newcomer.unit)
    office.do(CITY_ACTOR, recommending.rank_applications, CITY, pk(row), {pk(newcomer): 1})
    with pytest.raises(WorkflowError, match="rank-used"):
        office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())
    office.do(CITY_ACTOR, recommending.rank_applications, CITY, pk(row), {pk(newcomer): 3})
    office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())
    with pytest.raises(WorkflowError, match="application-lies-with"):
        account = _account(office, rows[0])
        office.do(actor_of(account), ways_back.resume_application, pk(rows[0]), pk(account))


def test_withdrawn_is_taken_up_again_in_time_and_by_its_unit_alone(office: Office) -> None:
    """Before the deadline the unit may come again, nobody else; a draft can't be withdrawn."""
    last = office.tools.clock() + timedelta(days=1)
    row = make_round(office, deadlines={"unit": stamp(last)})
    one, stranger = submit(office, row, 1), make_unit(office, 9)
    account = _account(office, one)
    with pytest.raises(NotFoundError):
        office.do(actor_of(stranger), ways_back.withdraw_application, pk(one), pk(stranger), "代撤")
    _withdraw(office, one)
    with pytest.raises(WorkflowError, match="application-not-submitted"):
        _withdraw(office, one)
    again = office.do(actor_of(account), ways_back.resume_application, pk(one), pk(account))
    assert again.stage == "unit"
    with pytest.raises(WorkflowError, match="application-not-submitted"):
        _withdraw(office, one)
    office.do(actor_of(account), applications.submit_application, pk(one), pk(account))
    _withdraw(office, one)
    office.tools.clock.advance(days=2)  # type: ignore[attr-defined]  # the tests' clock
    with pytest.raises(WorkflowError, match="deadline-past"):
        office.do(actor_of(account), ways_back.resume_application, pk(one), pk(account))


def test_sent_back_by_the_ministry_down_to_the_unit_and_up_again(office: Office) -> None:
    """A level at a time and after all deadlines; number and rank stay, changed papers don't."""
    last = stamp(office.tools.clock() + timedelta(days=1))
    levels = dict.fromkeys(("unit", "prefecture", "province"), last)
    row, (one, other) = _at_ministry(office, deadlines=levels, paper_copies=2)
    office.tools.clock.advance(days=2)  # type: ignore[attr-defined]  # the tests' clock
    dossier = _dossiers(office)[0]
    given = {"copies": 2, "received_on": "2022-11-25", "kept_at": "3柜"}
    office.do(STAFF, papers.receive_papers, pk(dossier), seal_name=dossier.unit, **given)
    office.do(STAFF, dossiers.admit_dossier, pk(dossier))
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, ways_back.return_dossier, pk(dossier), "")
    office.do(STAFF, ways_back.return_dossier, pk(dossier), "第三部分缺页码")
    assert (_now(office, one).stage, _dossiers(office)[0].status) == ("province", "returned")
    office.do(REGION_ACTOR, recommending.return_application, REGION, pk(one), "转部里意见")
    office.do(CITY_ACTOR, recommending.return_application, CITY, pk(one), "转部里意见")
    account, found = _account(office, one), _now(office, one)
    office.do(
        actor_of(account), applications.save_application, pk(one), pk(account),
        {"sections.3.pages": "8-9"}, version=found.version,
    )  # fmt: skip
    office.do(actor_of(account), applications.submit_application, pk(one), pk(account))
    _rank(office, row, CITY, one)
    office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())
    _rank(office, row, REGION, one)
    office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    again, second = _dossiers(office)
    assert (again.number, again.status, again.rank) == (dossier.number, "received", 1)
    assert again.application["sections"]["3"]["pages"] == "8-9"
    assert second.unit == other.unit
    with office.store.reading() as session:
        assert session.get(PaperReceipt, pk(again)) is None


def test_no_way_back_after_the_lock(office: Office) -> None:
    """Once a draw is locked nothing is withdrawn or sent back; nothing is changed by trying."""
    row, rows = _at_ministry(office)
    with office.store.writing() as session:
        session.add(
            Draw(
                round_id=pk(row), number=1, draw_id="apply/draw/1", method="lottery",
                snapshot="{}", digest="0" * 64, locked_at=office.tools.clock(),
            )
        )  # fmt: skip
        session.commit()
    with pytest.raises(WorkflowError, match="draw-made"):
        _withdraw(office, rows[0])
    with pytest.raises(WorkflowError, match="draw-made"):
        office.do(STAFF, ways_back.return_dossier, pk(_dossiers(office)[0]), "补正")
    assert {one.status for one in _dossiers(office)} == {"received"}
