from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from review_service.exchange.scores import ScoreRow
from review_service.tables import Conflict, Dossier, Letter, LogEvent, Pledge, Review, Round, Seat
from review_service.workflows import (
    amendments,
    calibration,
    deadlines,
    desk,
    reminders,
    reviews,
    seats,
)
from review_service.workflows.autosave import autosave
from review_service.workflows.base import (
    Actor,
    NotFoundError,
    Office,
    StaleError,
    Work,
    WorkflowError,
    pk,
)
from tests.workflows.conftest import STAFF

if TYPE_CHECKING:
    from review_service.tables import Draw


def address(token: str) -> str:
    """The link of an invitation."""
    return f"https://review.test/invitation/{token}"


def _sample(work: Work, round_id: int, number: str = "Z01") -> None:
    work.session.add(
        Dossier(
            round_id=round_id, number=number, unit="试评单位", credit_code=number * 6,
            category="school", sector="metal", province="50", rank=int(number[1:]),
            status="calibration",
        )
    )  # fmt: skip


class Scene:
    """A drawn round in its scoring, all seats accepted, with one calibration dossier."""

    def __init__(self, office: Office, drawn: Draw) -> None:
        self.office, self.round_id, self.draw = office, drawn.round_id, drawn
        office.do(STAFF, _sample, self.round_id)
        for seat in self.rows(Seat):
            office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
        office.do(STAFF, reviews.start_reviewing, self.round_id)
        self.seats: list[Seat] = sorted(self.rows(Seat), key=pk)
        with office.store.reading() as session:
            row = session.get_one(Round, self.round_id)
            self.code, self.criteria = row.code, list(reviews.rubric_of(row).criteria)

    def rows(self, table: type, *conditions: object) -> list[object]:  # type: ignore[type-arg]
        with self.office.store.reading() as session:
            return list(session.exec(select(table).where(*conditions)))  # type: ignore[call-overload]

    def do(self, seat: Seat, use_case: object, *more: object, **named: object) -> object:
        actor = Actor("expert", seat.pseudonym)
        return self.office.do(actor, use_case, self.round_id, seat.expert_id, *more, **named)  # type: ignore[arg-type]

    def pledge(self, seat: Seat) -> None:
        self.do(seat, desk.sign_and_declare, {}, address)

    def id_of(self, number: str) -> int:
        found = self.rows(Dossier, Dossier.number == number)
        return pk(found[0])

    def own(self, seat: Seat) -> str:
        return seats.dossiers_of(self.draw, seat.panel)[0]

    def score(self, seat: Seat, number: str, level: int, version: int = 0) -> None:
        levels = dict.fromkeys(self.criteria, level)
        self.do(
            seat, reviews.enter_review, self.id_of(number), levels=levels, notes={},
            version=version,
        )  # fmt: skip


@pytest.fixture
def scene(office: Office, drawn: Draw) -> Scene:
    """A round in its scoring."""
    return Scene(office, drawn)


def test_signing_with_a_foreign_dossier_signs_nothing(scene: Scene) -> None:
    """One conflict that can't be declared, and neither pledge nor any other conflict is kept."""
    seat = scene.seats[0]
    foreign = next(
        one for other in scene.seats if other.panel != seat.panel
        for one in seats.dossiers_of(scene.draw, other.panel)
    )  # fmt: skip
    conflicts = {scene.own(seat): "kin", foreign: "kin"}
    with pytest.raises(NotFoundError):
        scene.do(seat, desk.sign_and_declare, conflicts, address)
    assert scene.rows(Pledge) == []
    assert scene.rows(Conflict, Conflict.source == "expert") == []
    assert len(scene.rows(Seat)) == len(scene.seats)


def test_a_conflict_with_a_sample_closes_it_without_a_stand_in(scene: Scene) -> None:
    """A calibration dossier with a conflict is no longer the expert's, and nobody takes it over."""
    seat = scene.seats[0]
    scene.do(seat, desk.sign_and_declare, {"Z01": "adviser"}, address)
    with scene.office.store.reading() as session:
        mine = [one.number for one in reviews.assigned(session, scene.round_id, seat.expert_id)]
        row = session.get_one(Round, scene.round_id)
        assert not calibration.holds_back(session, row, seat.expert_id)
    assert "Z01" not in mine
    assert len(scene.rows(Seat)) == len(scene.seats)
    with pytest.raises(NotFoundError):
        scene.score(seat, "Z01", 5)


def test_samples_come_first(scene: Scene) -> None:
    """No other dossier takes a score before the sample is submitted; then it does."""
    seat = scene.seats[0]
    scene.pledge(seat)
    with pytest.raises(WorkflowError, match="calibration-first"):
        scene.score(seat, scene.own(seat), 5)
    scene.score(seat, "Z01", 6)
    scene.score(seat, scene.own(seat), 5)
    assert len(scene.rows(Review, Review.status == "submitted")) == 2


def test_submitting_puts_samples_first_and_is_all_or_nothing(scene: Scene) -> None:
    """Of several reviews the sample is submitted first; an empty one refuses them all."""
    seat = scene.seats[0]
    scene.pledge(seat)
    levels = dict.fromkeys(scene.criteria, 5)
    sample, own = scene.id_of("Z01"), scene.id_of(scene.own(seat))
    scene.do(seat, reviews.save_review, sample, levels=levels, notes={}, version=0)
    with pytest.raises(WorkflowError, match="review-empty"):
        scene.do(seat, desk.submit_all, [own, sample])
    assert scene.rows(Review, Review.status == "submitted") == []
    scene.do(seat, desk.submit_all, [sample])
    assert len(scene.rows(Review, Review.status == "submitted")) == 1


def test_the_spread_is_shown_once_all_of_a_panel_have_submitted(scene: Scene) -> None:
    """Until the last of a panel nobody sees a score; then each sees the own one among the others'.

    Afterwards the sample's scores are no longer amended: they would not be one's own any more.
    """
    panel = scene.seats[0].panel
    members = [one for one in scene.seats if one.panel == panel]
    for at, seat in enumerate(members):
        scene.pledge(seat)
        with scene.office.store.reading() as session:
            row = session.get_one(Round, scene.round_id)
            for viewer in (None, members[0].expert_id):
                spread = calibration.spreads(session, row, viewer)[0]
                assert (spread.finished, spread.shown, spread.samples) == (at, False, ())
        scene.score(seat, "Z01", 3 + at)
    with scene.office.store.reading() as session:
        row = session.get_one(Round, scene.round_id)
        mine = calibration.spreads(session, row, members[1].expert_id)[0].samples[0]
        staff = calibration.spreads(session, row)
    assert set(mine.mine.values()) == {4}
    assert mine.totals == tuple(sorted(mine.totals))
    assert len(mine.totals) == len(members)
    assert mine.levels[scene.criteria[0]] == tuple(3 + at for at in range(len(members)))
    assert mine.my_total == mine.totals[1]
    assert [one.shown for one in staff] == [True, False]
    assert staff[0].samples[0].mine == {}
    review = scene.rows(Review, Review.expert_id == members[0].expert_id)[0]
    with pytest.raises(WorkflowError, match="calibration-shown"):
        scene.office.do(
            Actor("expert", members[0].pseudonym), amendments.propose_amendment, pk(review),
            members[0].expert_id, levels=dict.fromkeys(scene.criteria, 9), notes={}, reason="误填",
        )  # fmt: skip


def _close(work: Work, round_id: int, expert_id: int, dossier_id: int) -> None:
    work.session.add(
        Conflict(
            round_id=round_id, expert_id=expert_id, dossier_id=dossier_id, rule="kin",
            declared_at=work.now,
        )
    )  # fmt: skip


def test_the_quick_autosave_stores_only_what_the_slow_way_would(scene: Scene) -> None:
    """A draft in order is kept, as the slow way would; anything else is left to it, untouched."""
    seat = scene.seats[0]
    number, other = seats.dossiers_of(scene.draw, seat.panel)[:2]
    levels = dict.fromkeys(scene.criteria, 5)

    def quick(version: int, **changed: object) -> int | None:
        given: dict[str, Any] = {
            "code": scene.code, "number": number, "expert_id": seat.expert_id,
            "levels": levels, "notes": {scene.criteria[0]: " 第 3 页 ", scene.criteria[1]: " "},
        }  # fmt: skip
        saved = scene.office.do(
            Actor("expert", seat.pseudonym), autosave, **(given | {"version": version} | changed)
        )
        return saved.version if saved else None

    def slow(dossier: str) -> None:
        scene.do(seat, reviews.save_review, scene.id_of(dossier), levels={}, notes={}, version=0)

    scene.pledge(seat)
    third = seats.dossiers_of(scene.draw, seat.panel)[2]
    foreign = next(one for one in scene.seats if one.panel != seat.panel)
    scene.office.do(STAFF, _close, scene.round_id, seat.expert_id, scene.id_of(third))
    assert quick(0) is None  # the sample comes first
    assert quick(1, number="Z01") is None  # there is no review yet
    assert quick(0, number="Z01") == 1  # although another dossier is closed
    assert quick(0, number="Z01") is None  # another window was first
    assert quick(1, number="Z01") == 2
    scene.score(seat, "Z01", 5, version=2)
    assert quick(0, number=seats.dossiers_of(scene.draw, foreign.panel)[0]) is None
    assert quick(0) == 1
    slow(other)
    assert quick(0) is None
    assert quick(1) == 2
    assert quick(1) is None  # another window saved meanwhile
    assert quick(2, levels={"nothing": 5}) is None
    assert quick(2, levels={scene.criteria[0]: 11}) is None
    assert quick(2, expert_id=scene.seats[-1].expert_id) is None  # has no pledge, and no review
    stored = scene.rows(Review, Review.dossier_id == scene.id_of(number))[0]
    assert (stored.version, stored.levels) == (2, levels)  # type: ignore[attr-defined]
    assert stored.notes == {scene.criteria[0]: "第 3 页"}  # type: ignore[attr-defined]
    scene.do(seat, reviews.submit_review, scene.id_of(number))
    assert quick(2) is None  # submitted
    scene.office.do(STAFF, _close, scene.round_id, seat.expert_id, scene.id_of(other))
    assert quick(1, number=other) is None  # closed by a conflict
    assert quick(0, number=third) is None
    scene.office.do(STAFF, _sample, scene.round_id, "Z02")
    fourth = seats.dossiers_of(scene.draw, seat.panel)[3]
    assert quick(0, number=fourth) is None  # a new sample comes first
    for held in seats.dossiers_of(scene.draw, seat.panel):
        if held not in {other, third}:
            scene.office.do(STAFF, _close, scene.round_id, seat.expert_id, scene.id_of(held))
    assert quick(0, number="Z02") is None  # who has no other dossier has no sample
    with scene.office.store.reading() as session:
        everybody = reviews.assigned_to_all(session, scene.round_id)
        assert everybody == {
            one: {pk(row) for row in reviews.assigned(session, scene.round_id, one)}
            for one in {seat.expert_id for seat in scene.seats}
        }


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_an_autosave_whose_commit_gives_no_answer_is_stored_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, first: bool, undone: bool
) -> None:
    """The connection is lost during COMMIT: what was stored is not redone, what was not is.

    The statement that stores tells the transaction's number, so the commit asks for it no more.
    """
    store, seat = scene.office.store, scene.seats[0]
    if store.on_sqlite:
        return  # a file has no connection to lose
    scene.pledge(seat)
    save: dict[str, Any] = {
        "code": scene.code, "number": "Z01", "expert_id": seat.expert_id, "notes": {},
        "levels": dict.fromkeys(scene.criteria, 6),
    }  # fmt: skip
    actor, read = Actor("expert", seat.pseudonym), 0 if first else 1
    if not first:
        scene.office.do(actor, autosave, version=0, **save)
    asked, attempts = [], []

    def statement(*given: Any) -> None:
        asked.append(given[2])

    def commit(session: Session) -> None:
        attempts.append(session)
        if len(attempts) == 1:
            pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar()
            if not undone:
                real(session)
            with store.engine.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
            if not undone:
                raise OperationalError("COMMIT", {}, Exception(), connection_invalidated=True)
        real(session)

    real = Session.commit
    monkeypatch.setattr(Session, "commit", commit)
    event.listen(store.engine, "before_cursor_execute", statement)
    try:
        saved = scene.office.do(actor, autosave, version=read, **save)
    finally:
        event.remove(store.engine, "before_cursor_execute", statement)
    assert saved is not None
    assert saved.version == read + 1
    stored = scene.rows(Review)
    assert [one.version for one in stored] == [read + 1]  # type: ignore[attr-defined]
    assert len(attempts) == (2 if undone else 1)
    assert not any(text.startswith("SELECT pg_current_xact_id") for text in asked)
    assert sum("pg_xact_status" in text for text in asked) == 1


def _row(scene: Scene, number: str, version: int, level: int, count: int = 99) -> ScoreRow:
    levels = dict.fromkeys(scene.criteria[:count], level)
    return ScoreRow(number, version, levels, {})


def test_a_sheet_older_than_the_online_version_is_refused_whole(scene: Scene) -> None:
    """One row that is older refuses the sheet by name, and nothing of the others is kept."""
    seat = scene.seats[0]
    scene.pledge(seat)
    scene.score(seat, "Z01", 5)
    first, second = seats.dossiers_of(scene.draw, seat.panel)[:2]
    scene.do(
        seat, reviews.save_review, scene.id_of(second), levels={scene.criteria[0]: 9}, notes={},
        version=0,
    )  # fmt: skip
    rows = [_row(scene, first, 0, 4), _row(scene, second, 0, 4)]
    with pytest.raises(StaleError, match="sheet-older") as refused:
        scene.do(seat, desk.enter_sheet, rows, submit=True)
    assert refused.value.facts["dossier"] == second
    assert scene.rows(Review, Review.dossier_id == scene.id_of(first)) == []


def test_a_sheet_adds_to_what_stands_online(scene: Scene) -> None:
    """Empty cells leave online levels; complete reviews are submitted where that is asked for."""
    seat = scene.seats[0]
    scene.pledge(seat)
    sample = scene.id_of("Z01")
    last = scene.criteria[-1]
    scene.do(seat, reviews.save_review, sample, levels={last: 9}, notes={}, version=0)
    rest = len(scene.criteria) - 1
    rows = [_row(scene, "Z01", 1, 4, rest), _row(scene, scene.own(seat), 0, 4, 2)]
    assert scene.do(seat, desk.enter_sheet, rows, submit=True) == (2, 1)
    stored = scene.rows(Review, Review.dossier_id == sample)[0]
    assert stored.status == "submitted"  # type: ignore[attr-defined]
    assert stored.levels[last] == 9  # type: ignore[attr-defined]


def test_reminders_go_to_who_is_late_and_never_twice(scene: Scene) -> None:
    """The late are reminded, the finished and those with more time are not, and none twice."""
    now = scene.office.tools.clock()
    first = scene.seats[0]
    with pytest.raises(WorkflowError, match="nobody-to-remind"):
        scene.office.do(STAFF, reminders.remind_many, scene.round_id, late=True)
    until = now + timedelta(days=3)
    extend = (STAFF, deadlines.extend, scene.round_id, first.expert_id)
    with pytest.raises(WorkflowError, match="reason-needed"):
        scene.office.do(*extend, until, " ")
    scene.office.do(*extend, until, "住院")
    with pytest.raises(WorkflowError, match="extension-earlier"):
        scene.office.do(*extend, until - timedelta(days=1), "又")

    def end(work: Work) -> None:
        row = work.one(Round, scene.round_id)
        start, stop = (now - timedelta(days=9)).isoformat(), (now - timedelta(days=1)).isoformat()
        row.rules = row.rules | {"review_days": [start, stop]}
        work.session.add(row)

    scene.office.do(STAFF, end)
    count = scene.office.do(STAFF, reminders.remind_many, scene.round_id, late=True)
    assert count == len(scene.seats) - 1
    with pytest.raises(WorkflowError, match="nobody-to-remind"):
        scene.office.do(STAFF, reminders.remind_many, scene.round_id, late=True)
    scene.office.do(STAFF, reminders.remind, scene.round_id, first.expert_id)
    with pytest.raises(WorkflowError, match="just-reminded"):
        scene.office.do(STAFF, reminders.remind, scene.round_id, first.expert_id)
    letters = scene.rows(Letter)
    assert len(letters) == len(scene.seats)
    with scene.office.store.reading() as session:
        row = session.get_one(Round, scene.round_id)
        due = deadlines.due_of(session, row, first.expert_id)
        events = session.exec(
            select(LogEvent.event).where(col(LogEvent.type) == "deadline.extended")
        ).all()
    assert isinstance(due, datetime)
    assert abs(due - until) < timedelta(seconds=1)
    assert "住院" not in events[0]
