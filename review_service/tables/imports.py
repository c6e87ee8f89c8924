"""What was brought in by files, and what it changed."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import json_column, moment, one_of


class ImportBatch(SQLModel, table=True):
    """One import, search or hand change of the pool or of a round's dossiers or conflicts."""

    __tablename__ = "import_batch"
    __table_args__ = (one_of("kind", "pool", "dossiers", "conflicts"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    round_id: int | None = Field(default=None, foreign_key="round.id", index=True)
    source: str
    digest: str
    counts: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    made_by: str
    made_at: datetime = Field(sa_column=moment(nullable=False))


class BatchChange(SQLModel, table=True):
    """What a batch did to one subject: a pool number, a dossier's number, or `expert/dossier/rule`.

    `fields` maps each changed field to [before, after].
    """

    __tablename__ = "batch_change"
    __table_args__ = (one_of("kind", "new", "updated", "retired", "removed"),)
    batch_id: int = Field(foreign_key="import_batch.id", primary_key=True)
    subject: str = Field(primary_key=True)
    kind: str
    fields: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())


class ColumnMapping(SQLModel, table=True):
    """How somebody matched the columns of a file like this one; proposed again next time."""

    __tablename__ = "column_mapping"
    __table_args__ = (sa.UniqueConstraint("kind", "headers"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    headers: str
    mapping: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    made_by: str
    made_at: datetime = Field(sa_column=moment(nullable=False))
