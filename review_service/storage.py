"""The database: SQLite for one office, PostgreSQL for a ministry, behind one `Store`.

SQLite runs in WAL mode with foreign keys on. Writers take its write lock at BEGIN, so that a use
case never fails halfway for a lock; readers don't wait for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlmodel import Session

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """Sessions on one database. `writing()` takes SQLite's write lock early, `reading()` not."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        if self.url.get_backend_name() == "sqlite":
            self._engine = _sqlite(self.url)
        else:
            self._engine = sa.create_engine(self.url, pool_pre_ping=True, pool_size=10)
        self._readers = self._engine.execution_options(review_reading=True)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and health checks."""
        return self._engine

    def writing(self) -> Session:
        """Return a session for one use case."""
        return Session(self._engine, expire_on_commit=False)

    def reading(self) -> Session:
        """Return a session for a page."""
        return Session(self._readers, expire_on_commit=False)

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to `revision` (Alembic)."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["engine"] = self._engine
        command.upgrade(config, revision)

    def close(self) -> None:
        """Close all pooled connections."""
        self._engine.dispose()


def _sqlite(url: sa.URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("review_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
