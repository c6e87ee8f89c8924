"""Seal rows anew: after a key was added, and rows that were written before columns were sealed.

The start of a new version does the latter by itself (`review_service.office`).

Rows are taken in batches by primary key, a transaction each, so that the service may go on and a
run that was cut off is continued by the next: what bears the newest key already is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from review_service.crypto import MARK, ColumnKeyError, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection

    from review_service.storage import Store

BATCH = 500


def sealed_columns() -> Iterator[tuple[sa.Table, sa.Column[Any], Sealed]]:
    """Yield every column that is sealed, with its table."""
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Sealed):
                yield table, column, column.type


def _raw(column: sa.Column[Any]) -> Any:
    """The column as it is stored, past the opening; also one that was JSON in an older store."""
    return sa.cast(column, sa.Text())


def rotate_columns(
    store: Store, *, batch: int = BATCH, step: Callable[[str], None] = lambda _name: None
) -> dict[str, int]:
    """Seal everything with the newest key; return how many values were sealed by column.

    `step` is called after each batch was committed: a test stops there.
    """
    keys = store.keys
    if keys is None:
        raise ColumnKeyError("column-key-missing")
    counts = {}
    for table, column, kind in sealed_columns():
        counts[kind.column] = 0
        while done := _one_batch(store, table, column, kind, batch):
            counts[kind.column] += done
            step(kind.column)
    if any(counts.values()):
        _forget(store)
    return counts


def _forget(store: Store) -> None:
    """Rewrite SQLite's file: what was replaced still stands in its free pages and its journal."""
    if not store.on_sqlite:
        return  # PostgreSQL's VACUUM FULL locks whole tables: the operator's to time
    raw = store.engine.raw_connection()  # VACUUM can't run within a transaction
    try:
        raw.cursor().execute("VACUUM")
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


def _one_batch(
    store: Store, table: sa.Table, column: sa.Column[Any], kind: Sealed, batch: int
) -> int:
    """Seal up to `batch` values that the newest key didn't seal; return how many there were."""
    keys = store.keys
    if keys is None:
        raise ColumnKeyError("column-key-missing")
    primary = list(table.primary_key)
    stale = (
        sa.select(*primary, _raw(column).label("stored"))
        .where(column.is_not(None), _raw(column) != "")
        .where(_raw(column).not_like(f"{MARK}{keys.newest}:%"))
        .limit(batch)
        .with_for_update()
    )

    def once() -> int:
        with store.engine.begin() as connection:
            rows = connection.execute(stale).all()
            for row in rows:
                text = keys.seal(kind.column, keys.open(kind.column, row.stored))
                here = [one == value for one, value in zip(primary, row, strict=False)]
                sealed = sa.literal(text, sa.Text())  # past the type, which would seal it twice
                connection.execute(sa.update(table).where(*here).values({column.name: sealed}))
            return len(rows)

    return store.persist(once)


def require_openable(store: Store) -> None:
    """Refuse a store whose sealed values the keys at hand don't open: ColumnKeyError.

    One value of each key that is in use is looked at, so that a lost key is found at the start.
    """
    with store.engine.connect() as connection:
        known = sa.inspect(connection)
        names = set(known.get_table_names())
        for table, column, kind in sealed_columns():
            if table.name in names and column.name in {
                one["name"] for one in known.get_columns(table.name)
            }:  # an older store may lack it
                _open_one_of_each_key(connection, store, column, kind)


def _open_one_of_each_key(
    connection: Connection, store: Store, column: sa.Column[Any], kind: Sealed
) -> None:
    known = [] if store.keys is None else [store.keys.newest]
    query = sa.select(_raw(column)).where(_raw(column).like(f"{MARK}%"))
    for name in known:
        first = connection.execute(query.where(_raw(column).like(f"{MARK}{name}:%")).limit(1))
        for (stored,) in first:
            _open(store, kind, stored)
        query = query.where(_raw(column).not_like(f"{MARK}{name}:%"))
    for (stored,) in connection.execute(query.limit(1)):
        _open(store, kind, stored)


def _open(store: Store, kind: Sealed, stored: str) -> None:
    if store.keys is None:
        raise ColumnKeyError("column-key-missing", column=kind.column)
    store.keys.open(kind.column, stored)


def sealed_state(store: Store) -> tuple[int, ColumnKeyError | None]:
    """Return how many values the newest key didn't seal, and what can't be opened at all."""
    stale = 0
    prefix = f"{MARK}{store.keys.newest}:%" if store.keys else f"{MARK}%"
    try:
        require_openable(store)
        with store.engine.connect() as connection:
            for _table, column, _kind in sealed_columns():
                stored = _raw(column)
                query = sa.select(sa.func.count()).where(stored != "", stored.not_like(prefix))
                stale += connection.execute(query).scalar_one()
    except ColumnKeyError as error:
        return 0, error
    except SQLAlchemyError:
        return 0, None  # a store that is away or of another revision is another finding
    return stale, None
