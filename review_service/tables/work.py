"""Long work outside the request."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import json_column, moment, one_of


class Job(SQLModel, table=True):
    """Work too long for a request (docs/operations.md "Jobs").

    `key` names what is asked for, so that asking twice gives one job; it is empty once the job
    has ended. `alive_at` is the worker's last sign of life: a job whose worker fell silent is
    taken by another. `outcome` is what the job's own transaction left, or the refusal's facts.
    """

    __table_args__ = (
        one_of("status", "queued", "running", "done", "failed"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    key: str | None = Field(default=None, unique=True)
    arguments: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    status: str = Field(default="queued", index=True)
    progress: int = 0
    attempts: int = 0
    worker: str = ""
    role: str
    queued_by: str
    queued_at: datetime = Field(sa_column=moment(nullable=False))
    alive_at: datetime | None = Field(default=None, sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment())
    outcome: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
