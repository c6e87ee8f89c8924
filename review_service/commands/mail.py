"""Command: send-mail, which sends the letters that wait."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

from review_service import mail
from review_service.commands.refusals import told
from review_service.office import make_office
from review_service.settings import Settings
from review_service.workflows.base import SYSTEM, WorkflowError

if TYPE_CHECKING:
    from review_service.workflows.base import Office


@click.command("send-mail")
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    help="Go on until SIGTERM, looking for letters every so many seconds.",
)
def send_mail(every: float | None) -> None:
    """Send the letters that wait through the server of REVIEW_SMTP, and say how many went.

    A letter that the server didn't take is tried again after 2, 4, 8 … minutes, eight times; what
    the server said stands in the outbox. Any number of these may run.
    """
    with told():
        server = mail.Server.from_environment()
        if server is None:
            raise WorkflowError("no-smtp")
        office = make_office(Settings())
        stop = threading.Event()
        if every is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda _number, _frame: stop.set())
        while True:
            counts = send_waiting(office, server)
            if every is None or counts["sent"] or counts["failed"]:
                click.echo(f"sent: {counts['sent']}, not taken: {counts['failed']}")
            if every is None or stop.wait(every):
                break
        office.store.close()


def send_waiting(office: Office, server: mail.Server) -> dict[str, int]:
    """Send every letter whose try is due; return how many were "sent" and how many "failed"."""
    total = {"sent": 0, "failed": 0}
    while letters := office.do(SYSTEM, mail.claim):
        counts = office.do(SYSTEM, mail.conclude, mail.deliver(letters, server))
        total = {name: total[name] + counts[name] for name in total}
    return total
