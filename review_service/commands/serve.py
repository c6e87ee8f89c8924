"""Serve the pages: waitress, for one machine; gunicorn takes `review_service.web:create_app()`."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import click

from review_service.commands.refusals import told
from review_service.settings import Settings

if TYPE_CHECKING:
    from review_service.workflows.base import Office

GRACE = 30.0  # seconds for requests under way when a stop is asked for


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
def serve(host: str, port: int) -> None:
    """Serve the store of REVIEW_DATA (default: instance/), and do its jobs.

    SIGTERM or Ctrl-C: requests and the job under way are finished, then the process ends.
    """
    from review_service.jobs.worker import start_thread
    from review_service.logging import configure
    from review_service.web import create_app

    with told():
        settings = Settings()
        configure(settings.log_format)
        app = create_app(settings)
    office: Office = app.extensions["office"]
    worker, thread = start_thread(office)
    run(app, host, port, threads=settings.threads)
    worker.stop.set()
    thread.join()
    office.store.close()


def run(app: Any, host: str, port: int, *, threads: int = 8, grace: float = GRACE) -> None:
    """Serve an application until SIGTERM or SIGINT; answers what was asked before it returns."""
    import waitress

    server = waitress.create_server(app, host=host, port=port, threads=threads, ident=None)
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
    click.echo(f"http://{host}:{port}")
    _serve(server, stop)
    _drain(server, time.monotonic() + grace)


def _step(server: Any, seconds: float) -> None:
    """One turn of waitress's loop; its own `run` stops without answering what was asked."""
    server.asyncore.loop(
        timeout=seconds, map=server._map, use_poll=server.adj.asyncore_use_poll, count=1  # noqa: SLF001 - waitress has no public step
    )  # fmt: skip


def _serve(server: Any, stop: threading.Event) -> None:
    while not stop.is_set():
        _step(server, 0.5)


def _drain(server: Any, give_up: float) -> None:
    """Take no more connections; go on until every request that was read has been answered."""
    server.accepting = False
    server.del_channel(server._map)  # noqa: SLF001 - as above
    server.socket.close()
    while time.monotonic() < give_up:
        if not any(one.requests or one.total_outbufs_len for one in _channels(server)):
            break
        _step(server, 0.1)
    server.task_dispatcher.shutdown(timeout=1)


def _channels(server: Any) -> list[Any]:
    return list(server.active_channels.values())
