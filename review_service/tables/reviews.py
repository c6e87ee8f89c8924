"""Pledges, reviews, later ends and reminders."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import json_column, moment, one_of


class Pledge(SQLModel, table=True):
    """An expert's pledge of confidentiality for a round; nothing opens before it."""

    round_id: int = Field(foreign_key="round.id", primary_key=True)
    expert_id: int = Field(foreign_key="expert.id", primary_key=True)
    signed_at: datetime = Field(sa_column=moment(nullable=False))


class Review(SQLModel, table=True):
    """What an expert gave a dossier. `levels` maps criterion → level; absent means not scored."""

    __table_args__ = (
        sa.UniqueConstraint("expert_id", "dossier_id"),
        one_of("status", "draft", "submitted"),
        sa.CheckConstraint("version >= 0", name="version"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    dossier_id: int = Field(foreign_key="dossier.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    status: str = "draft"
    version: int = 0
    levels: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    notes: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    saved_at: datetime = Field(sa_column=moment(nullable=False))
    submitted_at: datetime | None = Field(default=None, sa_column=moment())


class Extension(SQLModel, table=True):
    """A later end of scoring for one expert, with who gave it and why; the latest counts."""

    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    until: datetime = Field(sa_column=moment(nullable=False))
    reason: str
    given_by: str
    given_at: datetime = Field(sa_column=moment(nullable=False))


class Reminder(SQLModel, table=True):
    """That an expert was reminded of open reviews, by whom and when."""

    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    sent_by: str
    sent_at: datetime = Field(sa_column=moment(nullable=False))
