from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from review_service.tables import Dossier, Round

if TYPE_CHECKING:
    from review_service.storage import Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def _round() -> Round:
    return Round(code="r", title="t", rubric="{}", rubric_digest="00", created_at=NOW)


def test_migrations_give_the_tables_of_the_code(store: Store) -> None:
    """The migrations and the table classes describe the same database."""
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    assert differences == []


def test_times_keep_their_zone(store: Store) -> None:
    """A time comes back aware and equal from either database."""
    with store.writing() as session:
        session.add(_round())
        session.commit()
    with store.reading() as session:
        assert session.get_one(Round, 1).created_at == NOW


def test_naive_times_are_refused(store: Store) -> None:
    """A time without a zone never reaches the database."""
    row = _round()
    row.created_at = NOW.replace(tzinfo=None)
    with store.writing() as session, pytest.raises(sa.exc.StatementError, match="zone"):
        session.add(row)
        session.commit()


def test_constraints_hold_in_the_database(store: Store) -> None:
    """A dossier of no round is refused by the database itself."""
    dossier = Dossier(
        round_id=99, number="1", unit="u", credit_code="c", category="x", sector="s",
        province="p", rank=1,
    )  # fmt: skip
    with store.writing() as session, pytest.raises(IntegrityError):
        session.add(dossier)
        session.commit()
