"""The service as a ministry runs it: gunicorn with our settings, two processes, PostgreSQL."""

from __future__ import annotations

import gc
import os
import re
import runpy
import signal
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import jinja2
import pytest
import requests
import sqlalchemy as sa

from bench.support.served import ROOT, Gunicorn
from review_service.settings import Settings
from review_service.web import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Copies

TOKEN = "a-token-for-the-monitoring-of-tests"


@pytest.fixture
def database(copies: Copies) -> Iterator[str]:
    """The address of a PostgreSQL database of this test."""
    url = copies.make()
    yield url
    copies.drop(url)


@pytest.fixture
def served(database: str, tmp_path: Path) -> Iterator[Gunicorn]:
    """The service, answering."""
    one = Gunicorn(
        {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "RUNTIME_DIRECTORY": str(tmp_path),
            "REVIEW_DATA": str(tmp_path / "instance"), "REVIEW_DATABASE": database,
            "REVIEW_METRICS_TOKEN": TOKEN, "REVIEW_HOSTS": "127.0.0.1",
            "REVIEW_INSECURE_COOKIES": "yes", "REVIEW_ARGON2": "1,8,1",
        }
    )  # fmt: skip
    try:
        one.start()
        yield one
    finally:
        one.close()


def _until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _sign_in(served: Gunicorn) -> tuple[requests.Session, dict[str, str]]:
    """Return a browser on the page to sign in, and its form filled in for nobody's account."""
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(f"http://127.0.0.1:{served.port}/login", timeout=30)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    form = {"csrf_token": token[1], "email": "nobody@test.example", "password": "not-a-password"}
    return browser, form


def test_a_process_that_dies_is_replaced(served: Gunicorn) -> None:
    """Pages and counts go on without one of the two processes, and another takes its place."""
    url = f"http://127.0.0.1:{served.port}"
    _until(lambda: len(served.workers()) == 2)
    first = served.workers()
    os.kill(first[0], signal.SIGKILL)
    _until(lambda: len(served.workers()) == 2 and first[0] not in served.workers())
    for _ in range(8):
        assert requests.get(f"{url}/login", timeout=30).status_code == 200
    counted = requests.get(
        f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
    )
    row = re.search(
        r'^review_requests_total\{[^}]*"/login"[^}]*\} (\S+)', counted.text, re.MULTILINE
    )
    assert row is not None
    assert float(row[1]) == 8
    assert served.stop() == 0


def test_a_stop_answers_what_is_under_way(served: Gunicorn, database: str) -> None:
    """A request that waits for the database is answered though the service is asked to stop."""
    browser, form = _sign_in(served)
    url = f"http://127.0.0.1:{served.port}/login"
    answers: list[requests.Response] = []
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    with engine.begin() as holder:
        holder.exec_driver_sql("LOCK TABLE sign_in_attempt IN ACCESS EXCLUSIVE MODE")
        asking = threading.Thread(
            target=lambda: answers.append(browser.post(url, data=form, timeout=60))
        )
        asking.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with engine.connect() as other:
            _until(lambda: answers or other.exec_driver_sql(waiting).scalar())
        assert answers == []
        os.kill(served.pid, signal.SIGTERM)
        _until(lambda: "Handling signal: term" in served.log())
        assert answers == []
    asking.join(timeout=60)
    browser.close()
    assert [one.status_code for one in answers] == [200]
    assert served.stop() == 0


def test_no_template_waits_for_its_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before processes fork every template is compiled, and there is room to keep them all."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "kept as it was")
    ready = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))["when_ready"]
    app = create_app(Settings(data=tmp_path / "instance", database=""))
    try:
        ready(SimpleNamespace(app=SimpleNamespace(wsgi=lambda: app)))
    finally:
        gc.unfreeze()
        app.extensions["office"].store.close()

    def compiled(*_args: object, **_named: object) -> None:
        raise AssertionError

    monkeypatch.setattr(jinja2.Environment, "compile", compiled)
    pages = app.jinja_env.list_templates(extensions=["html"])
    assert len(pages) > 100
    for name in pages:
        app.jinja_env.get_template(name)
