from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select

from review_service.jobs import queue
from review_service.jobs.kinds import Kind
from review_service.jobs.queue import enqueue, find
from review_service.jobs.worker import Worker
from review_service.tables import Job, LogEvent
from review_service.workflows import log
from review_service.workflows.base import SYSTEM, NotFoundError, Office, Work, WorkflowError, pk
from tests.operation.conftest import ON_SQLITE, STAFF, Place

if TYPE_CHECKING:
    from collections.abc import Mapping


def _given(_work: Work, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return dict(arguments)


def _keep(work: Work, arguments: Mapping[str, Any], result: Any) -> dict[str, Any]:
    log.append(work, "job.kept", {"number": arguments["number"], "result": result})
    return {"result": result}


KINDS = {
    name: Kind(_given, f"tests.operation.work:{name}", _keep)
    for name in ("double", "die", "refuse", "sleep")
}


@pytest.fixture
def office(place: Place) -> Office:
    """An office on real time, as jobs have it."""
    tools = replace(place.office.tools, clock=lambda: datetime.now(UTC))
    return Office(place.office.store, tools)


def _job(office: Office, job_id: int) -> Job:
    with office.store.reading() as session:
        return session.get_one(Job, job_id)


def _kept(office: Office) -> int:
    with office.store.reading() as session:
        return len(session.exec(select(LogEvent).where(LogEvent.type == "job.kept")).all())


def test_a_job_is_done_once_and_shows_its_progress(office: Office) -> None:
    """Asked for twice, a job is one job; it computes elsewhere and keeps its result once."""
    job = office.do(STAFF, enqueue, "double", {"number": 21})
    again = office.do(STAFF, enqueue, "double", {"number": 21})
    assert job.id == again.id
    worker = Worker(office, kinds=KINDS)
    assert worker.once()
    assert not worker.once()
    done = _job(office, pk(job))
    assert (done.status, done.progress, done.outcome) == ("done", 100, {"result": 42})
    assert _kept(office) == 1
    later = office.do(STAFF, enqueue, "double", {"number": 21})
    assert later.id != job.id


@ON_SQLITE
def test_a_job_that_is_asked_for_and_undone_never_runs(office: Office) -> None:
    """A use case that fails after it queued a job leaves no job."""

    def ask(work: Work) -> None:
        enqueue(work, "double", {"number": 1})
        raise WorkflowError("changed-my-mind")

    with pytest.raises(WorkflowError):
        office.do(STAFF, ask)
    assert not Worker(office, kinds=KINDS).once()


@ON_SQLITE
def test_a_refusal_ends_the_job_with_its_facts(office: Office) -> None:
    """What a computation refuses is kept with code and facts, and may be queued again."""
    job = office.do(STAFF, enqueue, "refuse", {"number": 1})
    Worker(office, kinds=KINDS).once()
    failed = _job(office, pk(job))
    assert (failed.status, failed.outcome) == ("failed", {"code": "too-few", "facts": {"count": 1}})
    assert office.do(STAFF, queue.retry, pk(job)).status == "queued"


@ON_SQLITE
def test_a_job_that_kills_its_process_is_given_up(office: Office) -> None:
    """A computation that dies each time is tried three times and then named as failed."""
    job = office.do(STAFF, enqueue, "die", {"number": 1})
    worker = Worker(office, kinds=KINDS)
    for _ in range(queue.ATTEMPTS + 1):
        assert worker.once()
    assert _job(office, pk(job)).outcome["code"] == "job-gave-up"
    assert not worker.once()


def test_a_job_survives_its_worker(office: Office) -> None:
    """A job whose worker fell silent is taken by another, and the late one keeps nothing."""
    job = office.do(STAFF, enqueue, "double", {"number": 4})
    assert office.do(SYSTEM, queue.claim, "gone") is not None
    assert office.do(SYSTEM, queue.claim, "other") is None
    ahead = replace(office.tools, clock=lambda: datetime.now(UTC) + 2 * queue.LEASE)
    Worker(Office(office.store, ahead), kinds=KINDS).once()
    assert _job(office, pk(job)).status == "done"
    with pytest.raises(queue.LostJobError):
        office.do(STAFF, queue.finish, pk(job), "gone", _keep, 8)
    assert _kept(office) == 1


def test_a_clock_set_back_holds_no_job(office: Office) -> None:
    """A sign of life from the future, left by a clock that was set back, counts as silence."""
    ahead = replace(office.tools, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    office.do(STAFF, enqueue, "double", {"number": 4})
    assert Office(office.store, ahead).do(SYSTEM, queue.claim, "gone") is not None
    assert office.do(SYSTEM, queue.claim, "other") is not None


@ON_SQLITE
def test_a_stop_puts_a_long_job_back(office: Office) -> None:
    """Asked to stop, a worker lets a job go on for its grace and then puts it back, uncounted."""
    job = office.do(STAFF, enqueue, "sleep", {"number": 60})
    worker = Worker(office, kinds=KINDS, grace=0.0)
    thread = threading.Thread(target=worker.run)
    thread.start()
    _until(lambda: _job(office, pk(job)).progress > 0)
    worker.stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    back = _job(office, pk(job))
    assert (back.status, back.attempts, back.worker) == ("queued", 0, "")


def _until(happens: Any) -> None:
    give_up = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_workers_share_the_queue(office: Office) -> None:
    """Several workers at once do every job, each once."""
    for number in range(3):
        office.do(STAFF, enqueue, "double", {"number": number})
    workers = [Worker(office, kinds=KINDS) for _ in range(2)]

    def drain(worker: Worker) -> None:
        while worker.once():
            pass

    threads = [threading.Thread(target=drain, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with office.store.reading() as session:
        rows = session.exec(select(Job).order_by(col(Job.id))).all()
    assert [row.outcome for row in rows] == [{"result": 2 * number} for number in range(3)]
    assert _kept(office) == 3


def test_a_job_is_shown_to_who_asked(office: Office) -> None:
    """Nobody sees another's job."""
    job = office.do(STAFF, enqueue, "double", {"number": 1})
    with office.store.reading() as session:
        assert find(session, pk(job), "staff-1").kind == "double"
        with pytest.raises(NotFoundError):
            find(session, pk(job), "staff-2")
