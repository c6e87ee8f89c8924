"""Figures for Prometheus: requests of this process (or of all, see below), jobs, log, pool.

With several server processes PROMETHEUS_MULTIPROC_DIR names an empty folder: each process writes
its counts there and whichever is asked adds them up (deploy/gunicorn.conf.py sets it up).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from prometheus_client.multiprocess import MultiProcessCollector
from sqlmodel import col, func, select

from review_service.tables import Checkpoint, Job
from review_service.workflows import log

if TYPE_CHECKING:
    from review_service.workflows.base import Office

_STEPS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_OWN = CollectorRegistry()
REQUESTS = Counter(
    "review_requests_total",
    "Requests answered",
    ("method", "route", "status"),
    registry=_OWN,
)
SECONDS = Histogram(
    "review_request_seconds", "Time to answer", ("route",), buckets=_STEPS, registry=_OWN
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the rule, never the address."""
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)


def exposition(office: Office) -> tuple[bytes, str]:
    """Return the figures in Prometheus' text format, and its content type."""
    own: CollectorRegistry = _OWN
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        own = CollectorRegistry()
        MultiProcessCollector(own)  # type: ignore[no-untyped-call]  # the library has no types here
    return render(own) + render(_state(office)), CONTENT_TYPE_LATEST


def _state(office: Office) -> CollectorRegistry:
    """Read what the database knows; the same whichever process is asked."""
    registry = CollectorRegistry()
    size = Gauge("review_log_events", "Events in the log", registry=registry)
    signed = Gauge("review_log_signed_events", "Events under a checkpoint", registry=registry)
    jobs = Gauge("review_jobs", "Jobs by status", ("status",), registry=registry)
    oldest = Gauge("review_job_oldest_seconds", "Age of the oldest open job", registry=registry)
    with office.store.reading() as session:
        size.set(log.head(session).size)
        newest = session.exec(select(func.max(Checkpoint.size))).one()
        signed.set(newest or 0)
        counted = dict(session.exec(select(Job.status, func.count()).group_by(Job.status)).all())
        for status in ("queued", "running", "done", "failed"):
            jobs.labels(status).set(counted.get(status, 0))
        waiting = session.exec(
            select(func.min(Job.queued_at)).where(col(Job.status).in_(("queued", "running")))
        ).one()
        age = (office.tools.clock() - waiting).total_seconds() if waiting else 0.0
        oldest.set(max(age, 0.0))
    return registry
