"""The database: SQLite for one office, PostgreSQL for a ministry, behind one `Store`.

SQLite runs in WAL mode with foreign keys on. Writers take its write lock at BEGIN, so that a use
case never fails halfway for a lock; readers don't wait for them. PostgreSQL's readers are
read-only transactions. What a database can pass over (a deadlock, a restart) is waited for here.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlmodel import Session

from review_service.crypto import give_keys
from review_service.troubles import UnknownOutcomeError, is_duplicate, passes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

    from review_service.crypto import ColumnKeys

T = TypeVar("T")
MIGRATIONS = Path(__file__).parent / "migrations"
PATIENCE = 8.0  # seconds; a restart of PostgreSQL takes one to three
INTEGER_MOST = 2**31 - 1  # of PostgreSQL's integer: no row has a larger number, none is asked for
RESTED = 1.0  # seconds without use after which a connection is asked for a sign of life
_LOCK_NUMBER = 0x7265766965  # of the advisory lock under which tables are migrated
# A use case whose statement told PostgreSQL's number of the transaction may leave it in
# `session.info`, and the commit needn't ask.
TRANSACTION: sa.ColumnElement[str] = sa.literal_column("pg_current_xact_id_if_assigned()::text")
TRANSACTION_NUMBER = "transaction-number"


class Store:
    """Sessions on one database. `writing()` takes SQLite's write lock early, `reading()` not.

    `pool` is how many connections a process may hold: a request uses up to three at a time, two
    to read and one to write. PostgreSQL's readers see each statement's moment, as read-committed
    transactions would, without the round trips of BEGIN and ROLLBACK.
    `patience` is how many seconds a use case waits for a database that is away or contended.
    `keys` seal and open the columns of `review_service.crypto`; without, what is sealed is refused.
    """

    def __init__(
        self,
        url: str,
        *,
        pool: int = 24,
        patience: float = PATIENCE,
        keys: ColumnKeys | None = None,
    ) -> None:
        self.url = sa.make_url(url)
        self.patience = patience
        self.on_sqlite = self.url.get_backend_name() == "sqlite"
        if self.on_sqlite:
            self._engine = _sqlite(self.url, pool)
            self._readers = self._engine.execution_options(review_reading=True)
        else:
            self._engine = _postgresql(self.url, pool - pool // 3, patience)
            self._readers = _postgresql(
                self.url, max(pool // 3, 1), patience, "-c default_transaction_read_only=on"
            ).execution_options(isolation_level="AUTOCOMMIT")
        self.use_keys(keys)

    def use_keys(self, keys: ColumnKeys | None) -> None:
        """Seal and open columns with these keys from now on."""
        self.keys = keys
        for engine in (self._engine, self._readers):
            give_keys(engine, keys)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and health checks."""
        return self._engine

    @property
    def people(self) -> Engine:
        """The engine for who is signed in: on PostgreSQL each statement stands by itself.

        A page that was stored must not fail afterwards because a mere look at an account can't
        be rolled back over a connection that is lost.
        """
        if self.on_sqlite:
            return self._readers
        return self._engine.execution_options(isolation_level="AUTOCOMMIT")

    def writing(self) -> Session:
        """Return a session for one use case."""
        return Session(self._engine, expire_on_commit=False)

    def reading(self) -> Session:
        """Return a session for a page; on PostgreSQL it can't write."""
        return Session(self._readers, expire_on_commit=False)

    def snapshot(self) -> Session:
        """Return a session that sees one moment of the whole store, however long it reads."""
        if self.on_sqlite:
            return self.reading()
        engine = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        return Session(engine, expire_on_commit=False)

    def commit(self, session: Session) -> None:
        """Commit for certain: where the connection is lost meanwhile, find out what came of it.

        The rows leave the session as they are. UnknownOutcomeError where the database stays away.
        """
        session.flush()
        number = None
        if not self.on_sqlite:
            number = session.info.get(TRANSACTION_NUMBER) or session.connection().exec_driver_sql(
                "SELECT pg_current_xact_id_if_assigned()::text"
            ).scalar()  # fmt: skip
        session.expunge_all()  # a failing commit would empty the rows that are the result
        try:
            session.commit()
        except DBAPIError as error:
            if number is None or not passes(error) or not self._committed(number):
                raise

    def _committed(self, number: str) -> bool:
        """Whether the transaction `number` was committed, asked on a connection of its own."""
        give_up = time.monotonic() + self.patience
        while time.monotonic() < give_up:
            with contextlib.suppress(DBAPIError), self._engine.connect() as connection:
                query = sa.text("SELECT pg_xact_status(CAST(:number AS xid8))")
                state = connection.execute(query, {"number": number}).scalar()
                if state != "in progress":
                    return state == "committed"
            time.sleep(0.1)
        raise UnknownOutcomeError(number)

    def persist(self, attempt: Callable[[], T]) -> T:
        """Return `attempt()`, run again while the database fails in a way that passes.

        A key that exists is tried once more: the row that another process put in is now seen,
        and the use case can answer in its own words. Nothing is tried again that was committed.
        """
        give_up = time.monotonic() + self.patience
        pause, duplicate = 0.01, False
        while True:
            try:
                return attempt()
            except IntegrityError as error:
                if duplicate or not is_duplicate(error):
                    raise
                duplicate = True
            except DBAPIError as error:
                if not passes(error) or time.monotonic() > give_up:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, 0.5)

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to `revision` (Alembic); one process at a time does it."""
        with self._migrating():
            command.upgrade(self._alembic(), revision)

    def revision(self) -> str | None:
        """Return the revision of the tables, None for a store without any."""
        with self._readers.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def _alembic(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["engine"] = self._engine
        return config

    @contextlib.contextmanager
    def _migrating(self) -> Iterator[None]:
        if not self.on_sqlite:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK_NUMBER})")
                connection.commit()
                yield
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK_NUMBER})")
                connection.commit()
            return
        if self.url.database in {None, "", ":memory:"}:
            yield
            return
        with Path(f"{self.url.database}.migrating").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def forked(self) -> None:
        """Forget the pooled connections of the process that this one was forked from."""
        for engine in (self._engine, self._readers):
            engine.dispose(close=False)

    def close(self) -> None:
        """Close all pooled connections."""
        for engine in (self._engine, self._readers):
            engine.dispose()


def newest_revision() -> str:
    """Return the revision that this version of the program needs."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if head is None:
        raise RuntimeError("the program has lost its migrations")
    return head


def _postgresql(url: sa.URL, pool: int, patience: float, options: str = "") -> Engine:
    engine = sa.create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=max(patience, 1),
        skip_autocommit_rollback=True,  # there is nothing to roll back, and one round trip less
        hide_parameters=True,  # names and scores stay out of error messages
        connect_args={
            "connect_timeout": 5,
            "application_name": "review-service",
            # A process that hangs inside a transaction must not hold the log for ever.
            "options": f"-c lock_timeout=10s -c idle_in_transaction_session_timeout=5min {options}",
        },
    )

    @sa.event.listens_for(engine, "do_connect")
    def _connecting(
        dialect: sa.Dialect, _record: ConnectionPoolEntry, args: Any, options: Any
    ) -> Any:
        give_up = time.monotonic() + patience
        while True:
            try:
                return dialect.connect(*args, **options)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)

    @sa.event.listens_for(engine, "checkin")
    def _idle(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def _still_there(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        """Ask a connection that has rested whether it is still there; a busy one just was."""
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) > RESTED:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error  # the pool takes another

    return engine


def _sqlite(url: sa.URL, pool: int) -> Engine:
    options: dict[str, Any] = {}
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        options = {"pool_size": pool, "max_overflow": 0}
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": 30, "check_same_thread": False},
        **options,
    )

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
