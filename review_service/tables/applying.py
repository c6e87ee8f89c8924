"""Applications on their way to the ministry, with evidence, papers and saved views."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import json_column, moment, one_of, sealed_json


class Application(SQLModel, table=True):
    """A unit's application in a round. `stage` says with whom it lies; `fields` are as typed.

    `sent_by` is the level that last sent it back or declined it; `reason` is its reason.
    """

    __table_args__ = (
        sa.UniqueConstraint("round_id", "account_id"),
        one_of("stage", "unit", "prefecture", "province", "ministry", "declined", "withdrawn"),
        one_of("applicant", "local", "central", "provincial"),
        sa.CheckConstraint("version >= 0", name="version"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    applicant: str = "local"
    unit: str
    province: str = Field(index=True)
    prefecture: str
    stage: str = "unit"
    version: int = 0
    fields: dict[str, Any] = Field(
        default_factory=dict, sa_column=sealed_json("application.fields")
    )
    saved_at: datetime = Field(sa_column=moment(nullable=False))
    submitted_at: datetime | None = Field(default=None, sa_column=moment())
    sent_by: str = ""
    reason: str = ""
    seal_name: str = ""
    seal_by: str = ""
    seal_at: datetime | None = Field(default=None, sa_column=moment())
    prefecture_rank: int | None = None
    province_rank: int | None = None
    dossier_id: int | None = Field(default=None, foreign_key="dossier.id", unique=True)


class ApplicationStep(SQLModel, table=True):
    """What happened to an application: who moved it to which stage, when, with what reason."""

    __tablename__ = "application_step"
    __table_args__ = (
        one_of(
            "kind", "submitted", "returned", "declined", "reconsidered", "recommended", "withdrawn"
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    kind: str
    level: str
    reason: str = ""
    made_by: str
    made_at: datetime = Field(sa_column=moment(nullable=False))


class Recommendation(SQLModel, table=True):
    """A ranked submission of a prefecture or province, with the digest of its stamped report."""

    __table_args__ = (one_of("level", "prefecture", "province"),)
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    level: str
    province: str
    prefecture: str = ""
    digest: str
    name: str
    size: int
    ranking: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    made_by: str
    made_at: datetime = Field(sa_column=moment(nullable=False))


class Attachment(SQLModel, table=True):
    """Evidence beside a section of an application (0: the whole); the file lies by its digest."""

    __table_args__ = (sa.CheckConstraint("section BETWEEN 0 AND 8", name="section"),)
    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    section: int
    title: str
    pages: str = ""
    name: str
    digest: str
    size: int
    media: str
    added_by: str
    added_at: datetime = Field(sa_column=moment(nullable=False))
    removed_at: datetime | None = Field(default=None, sa_column=moment())


class PaperReceipt(SQLModel, table=True):
    """The paper originals of a dossier as they came in; `received_on` is the day, ISO 8601."""

    __tablename__ = "paper_receipt"
    __table_args__ = (sa.CheckConstraint("copies >= 1", name="copies"),)
    dossier_id: int = Field(foreign_key="dossier.id", primary_key=True)
    copies: int
    received_on: str
    seal_name: str
    kept_at: str
    note: str = ""
    received_by: str
    received_at: datetime = Field(sa_column=moment(nullable=False))


class SavedView(SQLModel, table=True):
    """Filters of a list that somebody keeps under a name; `query` is the address's query."""

    __tablename__ = "saved_view"
    __table_args__ = (sa.UniqueConstraint("owner", "kind", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(index=True)
    kind: str
    name: str
    query: str
    made_at: datetime = Field(sa_column=moment(nullable=False))
