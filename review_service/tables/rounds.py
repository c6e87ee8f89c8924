"""Rounds, the pool, dossiers, conflicts and requests for recusal."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import (
    json_column,
    long_text,
    moment,
    one_of,
    sealed,
    sealed_json,
)


class Round(SQLModel, table=True):
    """A selection round. `rules` holds its quotas, panels, limits and list rules."""

    __table_args__ = (
        one_of("status", "draft", "open", "reviewing", "closed", "published", "final"),
    )
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str
    status: str = "draft"
    rubric: str = Field(sa_column=long_text())
    rubric_digest: str
    rules: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    created_at: datetime = Field(sa_column=moment(nullable=False))
    opened_at: datetime | None = Field(default=None, sa_column=moment())
    unsealed_at: datetime | None = Field(default=None, sa_column=moment())


class Expert(SQLModel, table=True):
    """A member of the pool. `number` is the pool number; draws use pseudonyms of their own.

    Lists (`occupations`, `avoid_units`, `avoid_people`, `affiliations`) are one text with items
    between `；`; an affiliation is `unit/role/year-month of its end`, no end while it lasts.
    """

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True)
    name: str = Field(index=True)
    pinyin: str = ""
    sex: str = ""
    document: str = Field(sa_column=sealed("expert.document", unique=True))
    employer: str
    credit_code: str = ""
    title: str = ""
    stratum: str = Field(index=True)
    occupations: str = ""
    province: str = Field(index=True)
    phone: str = Field(default="", sa_column=sealed("expert.phone"))
    email: str = ""
    avoid_units: str = ""
    avoid_people: str = ""
    affiliations: str = ""
    born: int | None = None
    in_use: bool = True
    updated_at: datetime = Field(sa_column=moment(nullable=False))


class Dossier(SQLModel, table=True):
    """An application of a unit in a round, as the ministry has it."""

    __table_args__ = (
        sa.UniqueConstraint("round_id", "number"),
        sa.UniqueConstraint("round_id", "province", "rank"),
        sa.UniqueConstraint("round_id", "credit_code"),
        sa.CheckConstraint("rank >= 1", name="rank"),
        one_of("status", "received", "admitted", "withdrawn", "calibration", "returned"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    number: str
    unit: str
    credit_code: str
    category: str
    sector: str
    province: str = Field(index=True)
    prefecture: str = ""
    rank: int
    status: str = "received"
    application: dict[str, Any] = Field(
        default_factory=dict, sa_column=sealed_json("dossier.application")
    )
    indicators: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())


class Conflict(SQLModel, table=True):
    """A pair that must not meet (or is suspected), with the rule, its evidence and who said so."""

    __table_args__ = (
        sa.UniqueConstraint("round_id", "expert_id", "dossier_id", "rule"),
        one_of("status", "confirmed", "suspected", "dismissed"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    dossier_id: int = Field(foreign_key="dossier.id", index=True)
    rule: str
    status: str = "confirmed"
    evidence: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    source: str = ""
    declared_by: str = ""
    declared_at: datetime = Field(sa_column=moment(nullable=False))
    reason: str = ""
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_column=moment())


class RecusalRequest(SQLModel, table=True):
    """A unit's written request that an expert keep off its dossier, and what staff decided."""

    __tablename__ = "recusal_request"
    __table_args__ = (
        sa.UniqueConstraint("expert_id", "dossier_id"),
        one_of("status", "asked", "accepted", "refused"),
        sa.CheckConstraint("status = 'asked' OR decision <> ''", name="reasoned"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    dossier_id: int = Field(foreign_key="dossier.id", index=True)
    reason: str
    status: str = "asked"
    asked_by: str
    asked_at: datetime = Field(sa_column=moment(nullable=False))
    decision: str = ""
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_column=moment())
