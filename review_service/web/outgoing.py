"""Letters on their way: where a mail server is named, a job sends what a request wrote."""

from __future__ import annotations

from review_service.jobs.queue import enqueue
from review_service.mail import Server
from review_service.web.page import office
from review_service.workflows.base import SYSTEM


def send_soon() -> None:
    """Ask for the letters that wait to be sent; without a mail server they stay in the outbox."""
    if Server.from_environment() is not None:
        office().do(SYSTEM, enqueue, "mail", {})
