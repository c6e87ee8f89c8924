"""Rows between stores as lines of JSON, the same for the same rows on SQLite and PostgreSQL.

The tables are read from the database itself, not from the program's classes: a store of an older
revision is copied as it is, and what is encrypted stays encrypted. A line is an object of column
names; times are `2026-03-01T06:05:04.000000Z`, bytes are hex.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.engine import Connection

BATCH = 1000
_VERSION = "alembic_version"  # it comes with the migrations, not with the rows


@dataclass
class Tally:
    """Counts rows and digests their lines as they pass."""

    rows: int = 0

    def __post_init__(self) -> None:
        self._hash = sha256()

    def see(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the lines, counting them."""
        for line in lines:
            self.rows += 1
            self._hash.update(line)
            yield line

    def record(self) -> dict[str, Any]:
        """Return the count and the SHA-256 of all lines."""
        return {"rows": self.rows, "sha256": self._hash.hexdigest()}


def tables(connection: Connection) -> list[sa.Table]:
    """Return the tables of a database, those that others refer to first."""
    metadata = sa.MetaData()
    metadata.reflect(bind=connection)
    return [table for table in metadata.sorted_tables if table.name != _VERSION]


def lines(connection: Connection, table: sa.Table) -> Iterator[bytes]:
    """Yield each row as one line with its line end, in the order of the primary key."""
    order = [
        # Byte order on both databases, whatever the collation of the server.
        sa.collate(column, "C" if connection.dialect.name == "postgresql" else "BINARY")
        if isinstance(column.type, sa.String)
        else column
        for column in table.primary_key
    ]
    query = sa.select(table).order_by(*order).execution_options(yield_per=BATCH)
    with contextlib.closing(connection.execute(query)) as rows:
        names = list(rows.keys())
        for row in rows:
            record = {name: _plain(value) for name, value in zip(names, row, strict=True)}
            text = json.dumps(
                record, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
            )
            yield text.encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value


def insert(connection: Connection, table: sa.Table, source: Iterable[bytes]) -> None:
    """Insert lines into a table; WorkflowError names the table that a column doesn't fit."""
    batch: list[dict[str, Any]] = []
    for line in source:
        batch.append(_values(table, json.loads(line)))
        if len(batch) == BATCH:
            connection.execute(table.insert(), batch)
            batch = []
    if batch:
        connection.execute(table.insert(), batch)
    _continue_numbers(connection, table)


def _values(table: sa.Table, record: dict[str, Any]) -> dict[str, Any]:
    if set(record) != {column.name for column in table.columns}:
        other = sorted(set(record) ^ {column.name for column in table.columns})
        raise WorkflowError("copy-columns", table=table.name, columns=other)
    return {column.name: _value(column, record[column.name]) for column in table.columns}


def _value(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return sa.null() if isinstance(column.type, sa.JSON) else None
    if isinstance(column.type, sa.DateTime):
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return moment if column.type.timezone else moment.replace(tzinfo=None)
    if isinstance(column.type, sa.LargeBinary):
        return bytes.fromhex(value)
    return value


def _continue_numbers(connection: Connection, table: sa.Table) -> None:
    """Let PostgreSQL's next own number follow the highest that was brought in."""
    key = table.primary_key.columns.values()
    if connection.dialect.name != "postgresql" or len(key) != 1:
        return
    if not isinstance(key[0].type, sa.Integer):
        return
    name = f'"{table.name}"'
    sequence = connection.execute(
        sa.select(sa.func.pg_get_serial_sequence(name, key[0].name))
    ).scalar()
    if sequence is not None:
        highest = sa.select(sa.func.max(key[0])).scalar_subquery()
        connection.execute(
            sa.select(sa.func.setval(sequence, sa.func.coalesce(highest, 1), highest.is_not(None)))
        )


def counts(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the tally of every table."""
    found = {}
    for table in tables(connection):
        tally = Tally()
        for _ in tally.see(lines(connection, table)):
            pass
        found[table.name] = tally.record()
    return found


def require_empty(connection: Connection) -> None:
    """Refuse a target that holds anything."""
    for table in tables(connection):
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise WorkflowError("store-not-empty", table=table.name)
