"""Computations, decisions by a second person, and publicity."""

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
    sealed_text,
)


class Computation(SQLModel, table=True):
    """A run of the statistics or of the selection: its record, whose bytes repeat on a re-run."""

    __table_args__ = (one_of("kind", "fit", "diagnosis", "list", "final"),)
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    kind: str
    record: str = Field(sa_column=long_text())
    digest: str
    made_by: str
    made_at: datetime = Field(sa_column=moment(nullable=False))


class Approval(SQLModel, table=True):
    """A proposal that a second person decides: a list, or how an open matter is settled.

    `content` is what is proposed, `digest` that of its canonical bytes.
    """

    __table_args__ = (
        one_of("status", "proposed", "approved", "rejected"),
        one_of("subject", "list", "settlement", "amendment"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="second_person"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    subject: str
    digest: str
    content: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    reason: str = ""
    status: str = "proposed"
    proposed_by: str
    proposed_at: datetime = Field(sa_column=moment(nullable=False))
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=moment())


class CalendarDay(SQLModel, table=True):
    """A day of a round's own calendar: a holiday on a weekday, or a weekend day that is worked.

    `day` is an ISO date of Beijing; Chinese holidays move, and so do the days worked for them.
    """

    __tablename__ = "calendar_day"
    __table_args__ = (one_of("kind", "holiday", "workday"),)
    round_id: int = Field(foreign_key="round.id", primary_key=True)
    day: str = Field(primary_key=True)
    kind: str


class Objection(SQLModel, table=True):
    """An objection to a published list, its answer, and who proposed and who decided the answer.

    `source` is a keyed digest of the sender's address, for limits against spam. `dossier` is the
    number that it is about, empty for the list as a whole; `removes` says that it leaves the list.
    """

    __table_args__ = (
        one_of("status", "received", "proposed", "answered"),
        one_of("outcome", "", "dismissed", "upheld"),
        sa.CheckConstraint("decided_by <> proposed_by", name="second_person"),
        sa.CheckConstraint("NOT removes OR (outcome = 'upheld' AND dossier <> '')", name="removes"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    receipt: str = Field(unique=True)
    dossier: str = ""
    name: str = Field(sa_column=sealed("objection.name"))
    contact: str = Field(sa_column=sealed("objection.contact"))
    text: str = Field(sa_column=sealed_text("objection.text"))
    source: str = Field(index=True)
    received_at: datetime = Field(sa_column=moment(nullable=False))
    status: str = "received"
    outcome: str = ""
    removes: bool = False
    answer: str = Field(default="", sa_column=long_text())
    reason: str = ""
    proposed_by: str | None = None
    proposed_at: datetime | None = Field(default=None, sa_column=moment())
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=moment())


class ObjectionFile(SQLModel, table=True):
    """A file that came with an objection; it lies here, away from anything that is served."""

    __tablename__ = "objection_file"
    id: int | None = Field(default=None, primary_key=True)
    objection_id: int = Field(foreign_key="objection.id", index=True)
    name: str
    media: str
    digest: str
    size: int
    data: bytes = Field(sa_column=sa.Column(sa.LargeBinary(), nullable=False))
