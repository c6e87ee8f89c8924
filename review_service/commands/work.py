"""Command: work, the process that does the jobs."""

from __future__ import annotations

import signal

import click

from review_service.commands.refusals import told
from review_service.jobs.worker import GRACE, Worker
from review_service.logging import configure
from review_service.office import make_office
from review_service.settings import Settings


@click.command()
@click.option(
    "--grace",
    default=GRACE,
    show_default=True,
    help="Seconds that a job may go on after SIGTERM before it is put back.",
)
def work(grace: float) -> None:
    """Do the jobs of the store until SIGTERM; any number of these may run on PostgreSQL."""
    settings = Settings()
    configure(settings.log_format)
    with told():
        office = make_office(settings)
    worker = Worker(office, grace=grace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.stop.set())
    worker.run()
    office.store.close()
