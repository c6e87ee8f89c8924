"""The log: events, tree, checkpoints, witnesses and who identities are sealed for."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from review_service.tables.columns import long_text, moment, sealed_text


class LogHead(SQLModel, table=True):
    """One row: the size of the log and its last time. Its row lock serialises appends."""

    __tablename__ = "log_head"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)
    id: int = Field(default=1, primary_key=True)
    size: int = 0
    last_time: datetime | None = Field(default=None, sa_column=moment())


class LogEvent(SQLModel, table=True):
    """An event: its canonical text is what the tree holds. `private` opens the sealed digest."""

    __tablename__ = "log_event"
    # With the number behind, a page of any one filter is read off its index in order.
    __table_args__ = (
        sa.Index(None, "actor", "seq"),
        sa.Index(None, "type", "seq"),
        sa.Index(None, "subject", "seq"),
    )
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    time: datetime = Field(sa_column=moment(nullable=False))
    actor: str
    type: str
    subject: str = ""
    event: str = Field(sa_column=long_text())
    private: str | None = Field(
        default=None, sa_column=sealed_text("log_event.private", nullable=True)
    )


class LogNode(SQLModel, table=True):
    """The hash of a complete subtree: `level` 0 is a leaf, `position` counts within the level."""

    __tablename__ = "log_node"
    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary(32), nullable=False))


class Checkpoint(SQLModel, table=True):
    """A signed checkpoint with the cosignatures that it has got since."""

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    note: str = Field(sa_column=long_text())
    signed_at: datetime = Field(sa_column=moment(nullable=False))


class Witness(SQLModel, table=True):
    """A key that may countersign checkpoints; the private half is the inspector's alone."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    holder: str
    added_at: datetime = Field(sa_column=moment(nullable=False))


class Recipient(SQLModel, table=True):
    """An inspector's age public key: what holds names is sealed to it before it is sent."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    holder: str = Field(index=True)
    added_at: datetime = Field(sa_column=moment(nullable=False))
