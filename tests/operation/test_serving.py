"""The service as a ministry runs it: gunicorn with our settings, two processes, PostgreSQL."""

from __future__ import annotations

import gc
import os
import re
import runpy
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import jinja2
import pytest
import requests
import sqlalchemy as sa
from sqlmodel import select

from bench.support.served import ROOT, Gunicorn
from review_service.office import make_office
from review_service.operation.verifying import verify_log
from review_service.settings import Settings, hash_password
from review_service.tables import LogEvent
from review_service.web import create_app
from review_service.workflows import log, rounds
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, Actor, Office
from tests.web.stage import PASSWORD

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
def machine(database: str, tmp_path: Path) -> Iterator[Callable[[], Gunicorn]]:
    """Start the service, as often as a test asks: on one database and one data folder."""
    made: list[Gunicorn] = []

    def start() -> Gunicorn:
        made.append(
            Gunicorn(
                {
                    "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT),
                    "RUNTIME_DIRECTORY": str(tmp_path),
                    "REVIEW_DATA": str(tmp_path / "instance"), "REVIEW_DATABASE": database,
                    "REVIEW_METRICS_TOKEN": TOKEN, "REVIEW_HOSTS": "127.0.0.1",
                    "REVIEW_INSECURE_COOKIES": "yes", "REVIEW_SECOND_FACTOR": "no",
                    "REVIEW_ARGON2": "1,8,1",
                }
            )
        )  # fmt: skip
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def served(machine: Callable[[], Gunicorn]) -> Gunicorn:
    """The service, answering."""
    return machine()


def _until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _token(page: requests.Response) -> dict[str, str]:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found is not None
    return {"csrf_token": found[1]}


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
    url = f"http://127.0.0.1:{served.port}/login"
    browser = requests.Session()
    browser.trust_env = False
    form = {"email": "nobody@test.example", "password": "not-a-password"}
    form |= _token(browser.get(url, timeout=30))
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


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    """The installation, with an account of staff and a round."""
    made = make_office(Settings(data=tmp_path / "instance", database=database))
    made.do(
        SYSTEM, create_account, code="staff-1", email="staff@test.example", name="员",
        role="staff", password_hash=hash_password(PASSWORD, (1, 8, 1)),
    )  # fmt: skip
    made.do(Actor("staff", "staff-1"), rounds.create_round, "2026", "轮次", "skills-base-2022")
    yield made
    made.store.close()


def test_two_machines_are_one_service(machine: Callable[[], Gunicorn], office: Office) -> None:
    """What somebody began on one machine goes on at another, and their events make one log."""
    first, second = (f"http://127.0.0.1:{machine().port}" for _ in range(2))
    page = f"{first}/login"
    with requests.Session() as browser:
        browser.trust_env = False
        form = {"email": "staff@test.example", "password": PASSWORD}
        browser.post(page, data=form | _token(browser.get(page, timeout=30)), timeout=30)
        sheet = browser.get(f"{first}/rounds/2026/import/pool/template.xlsx", timeout=30).content
        upload = f"{second}/rounds/2026/import/pool"
        sent = browser.post(
            upload, data=_token(browser.get(upload, timeout=30)),
            files={"file": ("experts.xlsx", sheet)}, timeout=30, allow_redirects=False,
        )  # fmt: skip
        assert browser.get(f"{first}{sent.headers['Location']}", timeout=30).status_code == 200
        token, cookies = _token(browser.get(f"{second}/account", timeout=30)), browser.cookies

    def allow(turn: int) -> int:
        url = f"{(first, second)[turn % 2]}/account/view"
        answer = requests.post(url, data=token, cookies=cookies, timeout=60, allow_redirects=False)
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(allow, range(24))) == [303] * 24
    signed = office.do(SYSTEM, log.sign_checkpoint)
    with office.store.snapshot() as session:
        assert verify_log(session).size == signed.size
        kinds = Counter(session.exec(select(LogEvent.type)))
    assert kinds["account.view_allowed"] == 24


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
