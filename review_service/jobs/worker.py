"""The worker takes jobs one after another: a thread of the server, or `review-service work`."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from review_service.jobs import queue
from review_service.jobs.kinds import KINDS, Kind
from review_service.jobs.process import ProcessDiedError, run
from review_service.workflows.base import SYSTEM, Actor, WorkflowError, pk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from review_service.tables import Job
    from review_service.workflows.base import Office

IDLE = 1.0  # seconds between two looks at an empty queue
GRACE = 60.0  # seconds that a job may go on after a stop was asked for

logger = structlog.get_logger("review_service.jobs")


class _StopError(Exception):
    """The grace after a stop is over."""


class Worker:
    """Does the jobs of an office until `stop` is set; then finishes the one under way.

    `grace` is how many seconds that may take; a job that takes longer goes back to the queue.
    """

    def __init__(
        self, office: Office, *, kinds: Mapping[str, Kind] = KINDS, grace: float = GRACE
    ) -> None:
        self._office = office
        self._kinds = kinds
        self._grace = grace
        self._stopped_at: float | None = None
        self.stop = threading.Event()
        self.name = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"

    def run(self) -> None:
        """Work until `stop` is set. A database that is away is waited for."""
        logger.info("worker started")
        while not self.stop.is_set():
            try:
                busy = self.once()
            except (DBAPIError, SQLAlchemyError) as error:
                logger.warning("worker waits for the database", error=type(error).__name__)
                busy = False
            if not busy:
                self.stop.wait(IDLE)
        logger.info("worker stopped")

    def once(self) -> bool:
        """Do one job; whether there was one."""
        job = self._office.do(SYSTEM, queue.claim, self.name)
        if job is None:
            return False
        if job.status == "running":
            self._do(job)
        return True

    def _do(self, job: Job) -> None:
        job_id, began = pk(job), time.monotonic()
        log = logger.bind(job=job_id, kind=job.kind, attempt=job.attempts)
        try:
            self._steps(job)
        except queue.LostJobError:
            log.warning("job taken by another worker")
        except ProcessDiedError:
            log.error("job process died")  # noqa: TRY400 - there is no traceback to show
            self._office.do(SYSTEM, queue.release, job_id, self.name, counted=True)
        except _StopError:
            log.warning("job put back, the worker stops")
            self._office.do(SYSTEM, queue.release, job_id, self.name, counted=False)
        except Exception as error:  # a refusal or a defect ends this job, not the worker
            if isinstance(error, DBAPIError):
                raise
            code = getattr(error, "code", None) or "job-crashed"
            facts: dict[str, Any] = getattr(error, "facts", None) or {"error": type(error).__name__}
            log.warning("job refused", code=code)
            self._office.do(SYSTEM, queue.fail, job_id, self.name, str(code), facts)
        else:
            log.info("job done", seconds=round(time.monotonic() - began, 3))

    def _steps(self, job: Job) -> None:
        job_id, actor = pk(job), Actor(job.role, job.queued_by)
        kind = self._kinds.get(job.kind)
        if kind is None:
            raise WorkflowError("job-kind", kind=job.kind)
        given = self._office.do(actor, kind.prepare, job.arguments)

        def tell(percent: int) -> None:
            if self._over():
                raise _StopError
            self._office.do(SYSTEM, queue.beat, job_id, self.name, percent)

        result = run(kind.compute, given, tell)
        self._office.do(actor, queue.finish, job_id, self.name, kind.conclude, result)

    def _over(self) -> bool:
        if not self.stop.is_set():
            return False
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        return time.monotonic() - self._stopped_at >= self._grace


def start_thread(office: Office) -> tuple[Worker, threading.Thread]:
    """Start a worker in a thread of this process: for SQLite and one server process."""
    worker = Worker(office)
    thread = threading.Thread(target=worker.run, name="jobs", daemon=True)
    thread.start()
    return worker, thread
