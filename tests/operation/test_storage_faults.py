from __future__ import annotations

import json
import multiprocessing
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from review_service.operation.verifying import verify_log
from review_service.tables import Job, LogEvent, Round
from review_service.troubles import UnknownOutcomeError
from review_service.workflows import log, rounds
from review_service.workflows.base import Work, WorkflowError
from tests.operation.conftest import ON_POSTGRESQL, STAFF, Place
from tests.operation.work import append_events

if TYPE_CHECKING:
    from sqlmodel import Session

EACH = 15


def test_processes_append_one_gap_free_log(place: Place) -> None:
    """Three processes append at once: no number is missing or doubled, and the tree is one."""
    with place.office.store.reading() as session:
        before = log.head(session).size
    context = multiprocessing.get_context("spawn")
    url = place.office.store.url.render_as_string(hide_password=False)
    key = str(place.settings.key_file)
    processes = [
        context.Process(target=append_events, args=(url, key, name, EACH)) for name in "abc"
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with place.office.store.snapshot() as session:
        report = verify_log(session)
        rows = session.exec(select(LogEvent).where(LogEvent.seq >= before)).all()
    assert report.size == before + 3 * EACH
    bodies = [json.loads(row.event)["body"] for row in rows]
    assert Counter(body["by"] for body in bodies) == {"a": EACH, "b": EACH, "c": EACH}
    for name in "abc":
        numbers = [body["number"] for body in bodies if body["by"] == name]
        assert numbers == list(range(EACH))


@ON_POSTGRESQL
def test_a_connection_that_is_cut_before_the_commit_is_no_loss(place: Place) -> None:
    """A use case whose connection the server ends runs again and takes effect once."""
    attempts = []

    def use_case(work: Work) -> int:
        attempts.append(1)
        row = log.append(work, "note.kept", {"once": True})
        if len(attempts) == 1:
            number = work.session.connection().execute(text("SELECT pg_backend_pid()")).scalar()
            with place.office.store.writing() as other:
                other.connection().execute(text(f"SELECT pg_terminate_backend({number})"))
        return row.seq

    seq = place.office.do(STAFF, use_case)
    assert len(attempts) == 2
    with place.office.store.snapshot() as session:
        assert verify_log(session).size == seq + 1


@ON_POSTGRESQL
def test_a_commit_whose_answer_is_lost_is_found_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the commit happened and only its answer was lost, nothing is run twice."""
    before = _size(place)
    _lose_answer(monkeypatch, undone=False)
    row = place.office.do(STAFF, rounds.create_round, "2027", "次轮", "skills-base-2022")
    monkeypatch.undo()
    assert row.code == "2027"
    assert _size(place) == before + 1


@ON_POSTGRESQL
def test_a_commit_that_did_not_happen_is_run_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the answer is lost and the commit did not happen, the use case is run again, once."""
    before = _size(place)
    _lose_answer(monkeypatch, undone=True)
    place.office.do(STAFF, rounds.create_round, "2027", "次轮", "skills-base-2022")
    assert _size(place) == before + 1


@ON_POSTGRESQL
def test_an_outcome_that_nobody_can_tell_is_not_guessed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database stays away, a lost answer is an error of its own and nothing is redone."""
    before = _size(place)
    store = place.office.store
    monkeypatch.setattr(store, "patience", 0.0)
    _lose_answer(monkeypatch, undone=False)
    with pytest.raises(UnknownOutcomeError):
        place.office.do(STAFF, rounds.create_round, "2027", "次轮", "skills-base-2022")
    assert _size(place) == before + 1


def _size(place: Place) -> int:
    with place.office.store.reading() as session:
        return log.head(session).size


def _lose_answer(monkeypatch: pytest.MonkeyPatch, *, undone: bool) -> None:
    """Let the next commit of a session look as if its connection was lost."""
    from sqlmodel import Session as SessionClass

    real = SessionClass.commit
    lost = threading.Event()

    def commit(session: Session) -> None:
        if lost.is_set():
            real(session)
            return
        lost.set()
        if undone:
            session.rollback()
        else:
            real(session)
        raise OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)

    monkeypatch.setattr(SessionClass, "commit", commit)


def test_a_deadlock_is_run_again(place: Place) -> None:
    """Two use cases that lock the same rows the other way round both succeed in the end."""
    for code in ("r1", "r2"):
        place.office.do(STAFF, rounds.create_round, code, code, "skills-base-2022")
    barrier = threading.Barrier(2)
    tries: Counter[str] = Counter()

    def use_case(work: Work, first: str, second: str) -> None:
        tries[first] += 1
        for code in (first, second):
            query = select(Round).where(Round.code == code).with_for_update()
            row = work.session.exec(query).one()
            row.title += "+"
            work.session.add(row)
            work.session.flush()
            if code == first and tries[first] == 1 and not place.office.store.on_sqlite:
                barrier.wait(timeout=20)

    threads = [
        threading.Thread(target=place.office.do, args=(STAFF, use_case, *pair))
        for pair in (("r1", "r2"), ("r2", "r1"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with place.office.store.reading() as session:
        rows = session.exec(select(Round.title).where(col(Round.code).in_(("r1", "r2")))).all()
    assert sorted(rows) == ["r1++", "r2++"]


def test_a_key_that_another_put_in_is_answered_in_words(place: Place) -> None:
    """A use case that loses a race for a key is run again and sees the other's row."""
    attempts: list[Any] = []

    def use_case(work: Work) -> None:
        attempts.append(1)
        if len(attempts) > 1 and work.session.exec(select(Job).where(Job.key == "k")).first():
            raise WorkflowError("asked-already")
        work.session.add_all(
            [
                Job(kind="fit", key="k", role="staff", queued_by="a", queued_at=work.now)
                for _ in "ab"
            ]
        )

    with pytest.raises(WorkflowError, match="constraint") as caught:
        place.office.do(STAFF, use_case)
    assert len(attempts) == 2
    assert "uq_job_key" in str(caught.value) or "job.key" in str(caught.value)


def test_errors_of_the_database_name_no_values(place: Place) -> None:
    """A constraint that fails names itself, never the document number that it was about."""

    def use_case(work: Work) -> None:
        for _ in "ab":
            row = Round(
                code="2030", title="110101199003070000", rubric="{}", rubric_digest="",
                created_at=work.now,
            )  # fmt: skip
            work.session.add(row)
        work.session.flush()

    with pytest.raises(WorkflowError) as caught:
        place.office.do(STAFF, use_case)
    assert "110101199003070000" not in str(caught.value)
    assert "110101199003070000" not in str(caught.value.__cause__)


@ON_POSTGRESQL
def test_a_page_cannot_write(place: Place) -> None:
    """A reading session of PostgreSQL refuses to write."""
    with place.office.store.reading() as session, pytest.raises(Exception, match="read-only"):
        session.connection().execute(text("UPDATE round SET title = ''"))


def test_a_clock_that_is_set_back_never_turns_the_log_back(place: Place) -> None:
    """Events keep the last time until the clock has caught up."""
    clock = place.office.tools.clock
    later = place.office.do(STAFF, log.append, "note.kept", {}).time
    clock.advance(hours=-5)  # type: ignore[attr-defined]
    assert place.office.do(STAFF, log.append, "note.kept", {}).time == later
    with place.office.store.snapshot() as session:
        verify_log(session)
