"""Draws, their sources and people, seats, invitations and letters."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import long_text, moment, one_of, sealed, sealed_text


class Commitment(SQLModel, table=True):
    """A party's commitment to a secret for the round's next draw; the secret stays with them."""

    __table_args__ = (sa.UniqueConstraint("draw_id", "party"),)
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    draw_id: str
    party: str
    commitment: str
    given_by: str
    given_at: datetime = Field(sa_column=moment(nullable=False))


class Draw(SQLModel, table=True):
    """A draw, from its lock on; numbers are gap-free within a round and never reused.

    `warnings` is the JSON of what the lock warned of; None where a version locked that kept none.
    """

    __table_args__ = (
        sa.UniqueConstraint("round_id", "number"),
        one_of("status", "locked", "completed", "voided"),
        one_of("method", "lottery", "balanced", "order"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    number: int
    method: str = "lottery"
    draw_id: str = Field(unique=True)
    status: str = "locked"
    snapshot: str = Field(sa_column=long_text())
    digest: str
    warnings: str | None = Field(default=None, sa_column=sa.Column(sa.Text()))
    result: str | None = Field(default=None, sa_column=sa.Column(sa.Text()))
    locked_at: datetime = Field(sa_column=moment(nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=moment())
    void_reason: str = ""


class DrawSource(SQLModel, table=True):
    """A source fixed at the lock and, once revealed, its entry of sources.json."""

    __tablename__ = "draw_source"
    __table_args__ = (sa.UniqueConstraint("draw_pk", "position"),)
    id: int | None = Field(default=None, primary_key=True)
    draw_pk: int = Field(foreign_key="draw.id", index=True)
    position: int
    kind: str
    label: str
    entry: str | None = Field(default=None, sa_column=sa.Column(sa.Text()))
    revealed_by: str = ""
    revealed_at: datetime | None = Field(default=None, sa_column=moment())


class DrawExpert(SQLModel, table=True):
    """Who stands behind a pseudonym of a draw, with the salt that opens the identity later."""

    __tablename__ = "draw_expert"
    __table_args__ = (sa.UniqueConstraint("draw_pk", "pseudonym"),)
    draw_pk: int = Field(foreign_key="draw.id", primary_key=True)
    expert_id: int = Field(foreign_key="expert.id", primary_key=True)
    pseudonym: str
    salt: str
    name: str
    document: str = Field(sa_column=sealed("draw_expert.document"))


class Seat(SQLModel, table=True):
    """A person in a seat: drawn, or taken in as a replacement (for one dossier where named)."""

    __table_args__ = (
        sa.UniqueConstraint("draw_pk", "pseudonym", "panel", "dossier"),
        one_of("status", "awaiting", "accepted", "vacated"),
    )
    id: int | None = Field(default=None, primary_key=True)
    draw_pk: int = Field(foreign_key="draw.id", index=True)
    panel: str = Field(index=True)
    stratum: str
    pseudonym: str
    expert_id: int = Field(foreign_key="expert.id", index=True)
    dossier: str = ""
    status: str = "awaiting"
    reason: str = ""
    replaces_id: int | None = Field(default=None, foreign_key="seat.id")
    changed_at: datetime = Field(sa_column=moment(nullable=False))


class Invitation(SQLModel, table=True):
    """A one-time link to accept or decline a seat; only the digest of its token is kept.

    A letter to somebody with several seats has one link: a row a seat, all with its digest.
    """

    __table_args__ = (sa.UniqueConstraint("token", "seat_id"),)
    id: int | None = Field(default=None, primary_key=True)
    seat_id: int = Field(foreign_key="seat.id", index=True)
    token: str
    sent_at: datetime = Field(sa_column=moment(nullable=False))
    answer_by: datetime = Field(sa_column=moment(nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=moment())


class Letter(SQLModel, table=True):
    """A message to send by mail; `sent_at` is empty until a server has taken it.

    `tried_at` is when a sender last took it up: until its next try is due nobody else does.
    """

    id: int | None = Field(default=None, primary_key=True)
    address: str = Field(sa_column=sealed("letter.address"))
    name: str = Field(sa_column=sealed("letter.name"))
    subject: str = Field(sa_column=sealed("letter.subject"))
    body: str = Field(sa_column=sealed_text("letter.body"))
    calendar: str = Field(default="", sa_column=sealed_text("letter.calendar"))
    made_at: datetime = Field(sa_column=moment(nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=moment())
    attempts: int = 0
    error: str = Field(default="", sa_column=sealed("letter.error"))
    tried_at: datetime | None = Field(default=None, sa_column=moment())
