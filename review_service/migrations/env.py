"""Alembic's entry: runs on the engine that `Store.migrate` hands in, or on --x url=…."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from sqlmodel import SQLModel

import review_service.tables  # noqa: F401 - fills the metadata


def _render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Render SQLModel's and our column types as plain SQLAlchemy, so that revisions stand alone."""
    if kind == "type":
        name = type(item).__name__
        if name == "AutoString":
            return "sa.String()"
        if name == "Utc":
            return "sa.DateTime(timezone=True)"
        if name == "AsaList":
            return "sa.UnicodeText()"
    return False


@contextlib.contextmanager
def _tables_rebuilt(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite rebuild a table that others refer to: to it, dropping the old one deletes rows.

    Foreign keys can't be switched within a transaction, so this is done before it begins.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()  # within a transaction the next line would be mute
        raw.execute("PRAGMA foreign_keys=ON")


def _require_references(connection: sa.Connection) -> None:
    """Refuse to commit a migration after which a row refers to nothing."""
    if connection.dialect.name == "sqlite":
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if lost:
            raise RuntimeError(f"after migrating, rows refer to nothing in {min({*lost})[0]}")


engine = context.config.attributes.get("engine") or sa.create_engine(
    context.get_x_argument(as_dictionary=True)["url"]
)
with engine.connect() as connection, _tables_rebuilt(connection):
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        render_item=_render,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()
        _require_references(connection)
