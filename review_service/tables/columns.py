"""What the tables share: names of constraints, and kinds of columns."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.mutable import MutableDict
from sqlmodel import SQLModel

from review_service.crypto import Sealed, SealedJson, SealedText

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Utc(sa.types.TypeDecorator[datetime]):
    """Aware UTC times; SQLite would drop the zone, so it is put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give every time its zone."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """Return a CHECK that `column` holds one of a few texts."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def json_column(*, nullable: bool = False) -> Any:
    """Return a column of a JSON object whose changes in place are noticed."""
    return sa.Column(MutableDict.as_mutable(sa.JSON()), nullable=nullable)


def moment(*, nullable: bool = True) -> Any:
    """Return a column of aware UTC times."""
    return sa.Column(Utc(), nullable=nullable)


def sealed(column: str, *, unique: bool = False) -> Any:
    """Return a column of text that is encrypted at rest."""
    return sa.Column(Sealed(column), nullable=False, unique=unique)


def sealed_text(column: str, *, nullable: bool = False) -> Any:
    """Return a column of text of any length that is encrypted at rest."""
    return sa.Column(SealedText(column), nullable=nullable)


def sealed_json(column: str) -> Any:
    """Return a column of a JSON object that is encrypted whole; changes in place are noticed."""
    return sa.Column(MutableDict.as_mutable(SealedJson(column)), nullable=False)


def long_text() -> Any:
    """Return a column of text of any length."""
    return sa.Column(sa.Text(), nullable=False)
