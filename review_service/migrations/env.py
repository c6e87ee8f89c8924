"""Alembic's entry: runs on the engine that `Store.migrate` hands in, or on --x url=…."""

from typing import Literal

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


engine = context.config.attributes.get("engine") or sa.create_engine(
    context.get_x_argument(as_dictionary=True)["url"]
)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        render_item=_render,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()
