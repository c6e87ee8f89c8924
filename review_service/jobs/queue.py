"""The queue in the database: who takes a job, signs of life, and how it ends."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import and_, col, or_, select

from review_service.tables import Job
from review_service.workflows.base import NotFoundError, WorkflowError, pk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Work

LEASE = timedelta(seconds=30)
ATTEMPTS = 3  # a job whose process dies each time must not go round for ever


class LostJobError(Exception):
    """Another worker has taken the job, or it has ended: this worker lets go of it."""


def enqueue(work: Work, kind: str, arguments: Mapping[str, Any]) -> Job:
    """Queue a job in the caller's transaction; the same one, while it is under way, is returned."""
    key = json.dumps([kind, dict(arguments)], sort_keys=True, ensure_ascii=False)
    waiting = work.session.exec(select(Job).where(Job.key == key)).first()
    if waiting is not None:
        return waiting
    job = Job(
        kind=kind,
        key=key,
        arguments=dict(arguments),
        role=work.actor.role,
        queued_by=work.actor.id,
        queued_at=work.now,
    )
    work.session.add(job)
    work.session.flush()
    return job


def find(session: Session, job_id: int, queued_by: str) -> Job:
    """Return a job of this actor; NotFoundError for anybody else's."""
    job = session.get(Job, job_id)
    if job is None or job.queued_by != queued_by:
        raise NotFoundError("not-found", kind="Job", key=str(job_id))
    return job


def unattended(session: Session, job: Job, now: datetime) -> bool:
    """Whether no worker does this job, or is busy with another, as far as signs of life tell."""
    if job.status == "running":
        return job.alive_at is None or abs(now - job.alive_at) > LEASE
    if job.status != "queued" or job.queued_at > now - LEASE:
        return False
    busy = select(Job.id).where(Job.status == "running", col(Job.alive_at) >= now - LEASE)
    return session.exec(busy).first() is None


def claim(work: Work, worker: str) -> Job | None:
    """Take the oldest job that waits, or whose worker fell silent; None where there is none.

    On PostgreSQL rows that another worker is taking are skipped, not waited for. A sign of life
    from the future (the clock was set back) counts as silence.
    """
    silent = or_(
        col(Job.alive_at) < work.now - LEASE,
        col(Job.alive_at) > work.now + LEASE,
    )
    query = (
        select(Job)
        .where(or_(Job.status == "queued", and_(Job.status == "running", silent)))
        .order_by(col(Job.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    job = work.session.exec(query).first()
    if job is None:
        return None
    if job.attempts >= ATTEMPTS:
        _end(work, job, "failed", {"code": "job-gave-up", "facts": {"attempts": job.attempts}})
        return job
    job.status, job.worker, job.alive_at = "running", worker, work.now
    job.attempts, job.progress = job.attempts + 1, 0
    work.session.add(job)
    return job


def _mine(work: Work, job_id: int, worker: str) -> Job:
    job = work.one(Job, job_id, lock=True)
    if job.status != "running" or job.worker != worker:
        raise LostJobError(job_id)
    return job


def beat(work: Work, job_id: int, worker: str, progress: int) -> None:
    """Give a sign of life, with the progress in percent; LostJobError where it isn't ours."""
    job = _mine(work, job_id, worker)
    job.alive_at, job.progress = work.now, max(job.progress, min(progress, 100))
    work.session.add(job)


def release(work: Work, job_id: int, worker: str, *, counted: bool) -> None:
    """Put a job back for another worker; a stop that was asked for isn't `counted`."""
    job = _mine(work, job_id, worker)
    job.status, job.worker, job.alive_at = "queued", "", None
    job.attempts -= 0 if counted else 1
    work.session.add(job)


def finish(
    work: Work,
    job_id: int,
    worker: str,
    conclude: Callable[[Work, Mapping[str, Any], Any], Mapping[str, Any]],
    result: Any,
) -> None:
    """Keep the result and end the job, in one transaction: both or neither, and once."""
    job = _mine(work, job_id, worker)
    outcome = conclude(work, dict(job.arguments), result)
    job.progress = 100
    _end(work, job, "done", outcome)


def fail(work: Work, job_id: int, worker: str, code: str, facts: Mapping[str, Any]) -> None:
    """End a job with a refusal."""
    job = _mine(work, job_id, worker)
    _end(work, job, "failed", {"code": code, "facts": json.loads(json.dumps(facts, default=str))})


def _end(work: Work, job: Job, status: str, outcome: Mapping[str, Any]) -> None:
    job.status, job.key, job.ended_at, job.worker = status, None, work.now, ""
    job.outcome = dict(outcome)
    work.session.add(job)


def retry(work: Work, job_id: int) -> Job:
    """Queue a failed job again, as a new one."""
    job = work.one(Job, job_id, lock=True)
    if job.status != "failed":
        raise WorkflowError("job-status", job=pk(job), status=job.status)
    return enqueue(work, job.kind, job.arguments)
