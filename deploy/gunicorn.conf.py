"""gunicorn's settings: gunicorn -c deploy/gunicorn.conf.py 'review_service.web:create_app()'.

The environment sets what differs: REVIEW_BIND, REVIEW_PROCESSES, REVIEW_THREADS and the rest of
review_service/settings.py. SIGTERM lets requests under way finish (graceful_timeout).
"""

# ruff: noqa: INP001 - gunicorn reads this file by its path

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

# Before prometheus_client is imported: with it, any process answers /metrics for all of them.
_METRICS = Path(os.environ.get("RUNTIME_DIRECTORY") or tempfile.gettempdir())
_METRICS /= f"review-metrics-{os.getpid()}"
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_METRICS))

bind = os.environ.get("REVIEW_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("REVIEW_PROCESSES", "2"))
worker_class = "gthread"
threads = int(os.environ.get("REVIEW_THREADS", "4"))
# The application is made once, by the master: migrations run once and a process that dies is
# replaced within milliseconds. A new version needs a restart, not a reload.
preload_app = True
timeout = 60
graceful_timeout = 30
keepalive = 75  # longer than nginx's, so that it is nginx that closes
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the heartbeat file; a slow disk must not kill a worker
control_socket_disable = True  # nothing but the signals steers it
accesslog = None  # requests are logged by the application, without addresses and query strings
# gunicorn's own lines go the way of the application's (review_service/logging.py).
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {
        "gunicorn.error": {"handlers": [], "propagate": True, "level": "INFO"},
        "alembic": {"level": "WARNING"},
    },
}
proc_name = "review-service"
limit_request_line = 4094


def on_starting(_server: Any) -> None:
    """Begin with an empty folder for the counts, and with the application's form of log lines."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    from review_service.logging import configure

    configure(os.environ.get("REVIEW_LOG", "json"))


def when_ready(server: Any) -> None:
    """Compile all templates, and put what there is beyond the collector, before processes fork.

    Otherwise each process compiles a template when it is first asked for, and looks at some
    hundred thousand objects that live as long as it does, each time with every request waiting,
    and copies the memory it shares with the master.
    """
    pages = server.app.wsgi().jinja_env
    for name in pages.list_templates(extensions=["html"]):
        pages.get_template(name)
    gc.collect()
    gc.freeze()


def post_fork(_server: Any, worker: Any) -> None:
    """Leave the master's database connections to the master."""
    application = worker.app.wsgi()
    application.extensions["office"].store.forked()
    gc.set_threshold(20_000, 20, 50)  # a page's objects are mostly free again by counting


def child_exit(_server: Any, worker: Any) -> None:
    """Keep the counts of a process that has ended, and forget its live gauges."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    """Remove the counts."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
