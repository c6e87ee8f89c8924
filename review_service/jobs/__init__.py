"""Work too long for a request: queued in the transaction that asks for it, done by a worker.

A kind of job has three parts. `prepare` reads what is needed, `compute` works on that in a process
of its own without a database, `conclude` keeps the result in the very transaction that ends the
job: a job that is run twice, after a crash, still takes effect once.
"""

from __future__ import annotations

from review_service.jobs.kinds import KINDS, Kind
from review_service.jobs.queue import enqueue, find
from review_service.jobs.worker import Worker

__all__ = ["KINDS", "Kind", "Worker", "enqueue", "find"]
