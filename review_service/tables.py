"""Rows and their constraints. Rows carry no behaviour; meaning is checked in workflows and cores.

`from __future__ import annotations` would break SQLModel's relationships and is kept out.
Records that are hashed (rubric, snapshot, result, events) are stored as canonical text, so that
the bytes that were digested are the bytes that are kept.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask_security import AsaList, RoleMixin, UserMixin, WebAuthnMixin
from sqlalchemy.ext.mutable import MutableDict, MutableList
from sqlmodel import Field, Relationship, SQLModel

from review_service.crypto import Sealed

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


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _json(*, nullable: bool = False) -> Any:
    return sa.Column(MutableDict.as_mutable(sa.JSON()), nullable=nullable)


def _moment(*, nullable: bool = True) -> Any:
    return sa.Column(Utc(), nullable=nullable)


def _sealed(column: str, *, unique: bool = False) -> Any:
    return sa.Column(Sealed(column), nullable=False, unique=unique)


def _long() -> Any:
    return sa.Column(sa.Text(), nullable=False)


# --- people who sign in -------------------------------------------------------------------------


class AccountRole(SQLModel, table=True):
    """Who has which role."""

    __tablename__ = "account_role"
    account_id: int = Field(foreign_key="account.id", primary_key=True)
    role_id: int = Field(foreign_key="role.id", primary_key=True)


class Role(SQLModel, RoleMixin, table=True):
    """A role; the set of roles is fixed in `review_service.workflows.roles`."""

    # None until stored; the mixin's annotation knows only stored rows.
    id: int | None = Field(default=None, primary_key=True)  # type: ignore[assignment]
    name: str = Field(unique=True)
    description: str | None = None
    permissions: list[str] | None = Field(
        default=None, sa_column=sa.Column(MutableList.as_mutable(AsaList()), nullable=True)
    )


class Account(SQLModel, UserMixin, table=True):
    """A person who signs in. `code` is the pseudonym that the log shows."""

    # None until stored; the mixin's annotation knows only stored rows.
    id: int | None = Field(default=None, primary_key=True)  # type: ignore[assignment]
    code: str = Field(unique=True)
    email: str = Field(unique=True)
    name: str
    password: str | None = None
    active: bool = True
    fs_uniquifier: str = Field(unique=True)
    province: str = ""
    prefecture: str = ""
    expert_id: int | None = Field(default=None, foreign_key="expert.id", unique=True)
    # None until the first passkey; the mixin's annotation knows only accounts that have one.
    fs_webauthn_user_handle: str | None = Field(  # type: ignore[assignment]
        default=None, unique=True
    )
    tf_primary_method: str | None = None
    tf_totp_secret: str | None = None
    tf_last_counter: int | None = None  # of the last code that was taken: none is taken twice
    # A plain list column would not notice a used code being removed, and the code would work again.
    mf_recovery_codes: list[str] | None = Field(
        default=None, sa_column=sa.Column(MutableList.as_mutable(AsaList()), nullable=True)
    )
    roles: list[Role] = Relationship(link_model=AccountRole)  # type: ignore[assignment]  # as above
    webauthn: list["Passkey"] = Relationship(  # type: ignore[assignment]  # as above
        sa_relationship_kwargs={"cascade": "all, delete-orphan", "order_by": "Passkey.id"}
    )

    def check_tf_required(
        self,
        tf_setup_methods: list[tuple[str, str]],
        tf_fresh: bool,  # noqa: FBT001 - the library's signature
    ) -> tuple[bool, list[tuple[str, str]]]:
        """Ask for the second factor whoever has one, and the roles that must have one."""
        required, methods = super().check_tf_required(tf_setup_methods, tf_fresh)
        return required or self.check_tf_required_setup(), methods

    def check_tf_required_setup(self) -> bool:
        """Whether the account's role can't do without a second factor."""
        # The library's own way to a setting; it has no public one, and no types.
        from flask_security.utils import _config_value as setting

        needed = setting("TWO_FACTOR_ROLES")  # type: ignore[no-untyped-call]
        return any(role.name in needed for role in self.roles)


class Passkey(SQLModel, WebAuthnMixin, table=True):
    """A public key of somebody's authenticator (WebAuthn); the private half never leaves that."""

    # None until stored; the mixin's annotation knows only stored rows.
    id: int | None = Field(default=None, primary_key=True)  # type: ignore[assignment]
    account_id: int = Field(foreign_key="account.id", index=True)
    name: str
    credential_id: bytes = Field(
        sa_column=sa.Column(sa.LargeBinary(1024), nullable=False, unique=True)
    )
    public_key: bytes = Field(sa_column=sa.Column(sa.LargeBinary(), nullable=False))
    sign_count: int = 0
    transports: list[str] | None = Field(
        default=None, sa_column=sa.Column(MutableList.as_mutable(AsaList()), nullable=True)
    )
    extensions: str | None = None
    usage: str
    device_type: str
    backup_state: bool
    lastuse_datetime: datetime = Field(sa_column=_moment(nullable=False))

    def get_user_mapping(self) -> dict[str, Any]:
        """Return by what the library finds the account of this key."""
        return {"id": self.account_id}


class SignInLink(SQLModel, table=True):
    """A one-time link: an expert's to sign in, anybody's to set a password; its digest is kept."""

    __tablename__ = "sign_in_link"
    __table_args__ = (_one_of("purpose", "sign-in", "password"),)
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    purpose: str
    token: str = Field(unique=True)
    made_at: datetime = Field(sa_column=_moment(nullable=False))
    until: datetime = Field(sa_column=_moment(nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=_moment())


class SignInAttempt(SQLModel, table=True):
    """A try to sign in, failed until it has succeeded. Account and address are keyed digests."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (sa.Index(None, "account", "at"), sa.Index(None, "address", "at"))
    id: int | None = Field(default=None, primary_key=True)
    account: str
    address: str
    at: datetime = Field(sa_column=_moment(nullable=False))
    failed: bool = True


class AccountChange(SQLModel, table=True):
    """What one person proposes for an account of a guarded role, and a second one decides.

    `kind` role: the account gets `role` (it had `was`); access: password and second factor anew.
    """

    __tablename__ = "account_change"
    __table_args__ = (
        _one_of("kind", "role", "access"),
        _one_of("status", "proposed", "approved", "rejected"),
        sa.CheckConstraint("decided_by <> proposed_by", name="second_person"),
    )
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    kind: str
    role: str
    was: str = ""
    status: str = "proposed"
    proposed_by: str
    proposed_at: datetime = Field(sa_column=_moment(nullable=False))
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=_moment())


class ViewConsent(SQLModel, table=True):
    """The holder of an account lets support see its pages, read only, until a time."""

    __tablename__ = "view_consent"
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    given_at: datetime = Field(sa_column=_moment(nullable=False))
    until: datetime = Field(sa_column=_moment(nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=_moment())


# --- the round ----------------------------------------------------------------------------------


class Round(SQLModel, table=True):
    """A selection round. `rules` holds its quotas, panels, limits and list rules."""

    __table_args__ = (
        _one_of("status", "draft", "open", "reviewing", "closed", "published", "final"),
    )
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    title: str
    status: str = "draft"
    rubric: str = Field(sa_column=_long())
    rubric_digest: str
    rules: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    created_at: datetime = Field(sa_column=_moment(nullable=False))
    opened_at: datetime | None = Field(default=None, sa_column=_moment())
    unsealed_at: datetime | None = Field(default=None, sa_column=_moment())


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
    document: str = Field(sa_column=_sealed("expert.document", unique=True))
    employer: str
    credit_code: str = ""
    title: str = ""
    stratum: str = Field(index=True)
    occupations: str = ""
    province: str = Field(index=True)
    phone: str = Field(default="", sa_column=_sealed("expert.phone"))
    email: str = ""
    avoid_units: str = ""
    avoid_people: str = ""
    affiliations: str = ""
    born: int | None = None
    in_use: bool = True
    updated_at: datetime = Field(sa_column=_moment(nullable=False))


class Dossier(SQLModel, table=True):
    """An application of a unit in a round, as the ministry has it."""

    __table_args__ = (
        sa.UniqueConstraint("round_id", "number"),
        sa.UniqueConstraint("round_id", "province", "rank"),
        sa.UniqueConstraint("round_id", "credit_code"),
        sa.CheckConstraint("rank >= 1", name="rank"),
        _one_of("status", "received", "admitted", "withdrawn", "calibration"),
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
    application: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    indicators: dict[str, Any] = Field(default_factory=dict, sa_column=_json())


class Conflict(SQLModel, table=True):
    """A pair that must not meet (or is suspected), with the rule, its evidence and who said so."""

    __table_args__ = (
        sa.UniqueConstraint("round_id", "expert_id", "dossier_id", "rule"),
        _one_of("status", "confirmed", "suspected", "dismissed"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    dossier_id: int = Field(foreign_key="dossier.id", index=True)
    rule: str
    status: str = "confirmed"
    evidence: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    source: str = ""
    declared_by: str = ""
    declared_at: datetime = Field(sa_column=_moment(nullable=False))
    reason: str = ""
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_column=_moment())


class RecusalRequest(SQLModel, table=True):
    """A unit's written request that an expert keep off its dossier, and what staff decided."""

    __tablename__ = "recusal_request"
    __table_args__ = (
        sa.UniqueConstraint("expert_id", "dossier_id"),
        _one_of("status", "asked", "accepted", "refused"),
        sa.CheckConstraint("status = 'asked' OR decision <> ''", name="reasoned"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    dossier_id: int = Field(foreign_key="dossier.id", index=True)
    reason: str
    status: str = "asked"
    asked_by: str
    asked_at: datetime = Field(sa_column=_moment(nullable=False))
    decision: str = ""
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_column=_moment())


# --- applying -----------------------------------------------------------------------------------


class Application(SQLModel, table=True):
    """A unit's application in a round. `stage` says with whom it lies; `fields` are as typed.

    `sent_by` is the level that last sent it back or declined it; `reason` is its reason.
    """

    __table_args__ = (
        sa.UniqueConstraint("round_id", "account_id"),
        _one_of("stage", "unit", "prefecture", "province", "ministry", "declined"),
        _one_of("applicant", "local", "central", "provincial"),
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
    fields: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    saved_at: datetime = Field(sa_column=_moment(nullable=False))
    submitted_at: datetime | None = Field(default=None, sa_column=_moment())
    sent_by: str = ""
    reason: str = ""
    seal_name: str = ""
    seal_by: str = ""
    seal_at: datetime | None = Field(default=None, sa_column=_moment())
    prefecture_rank: int | None = None
    province_rank: int | None = None
    dossier_id: int | None = Field(default=None, foreign_key="dossier.id", unique=True)


class ApplicationStep(SQLModel, table=True):
    """What happened to an application: who moved it to which stage, when, with what reason."""

    __tablename__ = "application_step"
    __table_args__ = (
        _one_of("kind", "submitted", "returned", "declined", "reconsidered", "recommended"),
    )
    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    kind: str
    level: str
    reason: str = ""
    made_by: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))


class Recommendation(SQLModel, table=True):
    """A ranked submission of a prefecture or province, with the digest of its stamped report."""

    __table_args__ = (_one_of("level", "prefecture", "province"),)
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    level: str
    province: str
    prefecture: str = ""
    digest: str
    name: str
    size: int
    ranking: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    made_by: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))


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
    added_at: datetime = Field(sa_column=_moment(nullable=False))
    removed_at: datetime | None = Field(default=None, sa_column=_moment())


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
    received_at: datetime = Field(sa_column=_moment(nullable=False))


class SavedView(SQLModel, table=True):
    """Filters of a list that somebody keeps under a name; `query` is the address's query."""

    __tablename__ = "saved_view"
    __table_args__ = (sa.UniqueConstraint("owner", "kind", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(index=True)
    kind: str
    name: str
    query: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))


# --- what was brought in ------------------------------------------------------------------------


class ImportBatch(SQLModel, table=True):
    """One import, search or hand change of the pool or of a round's dossiers or conflicts."""

    __tablename__ = "import_batch"
    __table_args__ = (_one_of("kind", "pool", "dossiers", "conflicts"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    round_id: int | None = Field(default=None, foreign_key="round.id", index=True)
    source: str
    digest: str
    counts: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    made_by: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))


class BatchChange(SQLModel, table=True):
    """What a batch did to one subject: a pool number, a dossier's number, or `expert/dossier/rule`.

    `fields` maps each changed field to [before, after].
    """

    __tablename__ = "batch_change"
    __table_args__ = (_one_of("kind", "new", "updated", "retired", "removed"),)
    batch_id: int = Field(foreign_key="import_batch.id", primary_key=True)
    subject: str = Field(primary_key=True)
    kind: str
    fields: dict[str, Any] = Field(default_factory=dict, sa_column=_json())


class ColumnMapping(SQLModel, table=True):
    """How somebody matched the columns of a file like this one; proposed again next time."""

    __tablename__ = "column_mapping"
    __table_args__ = (sa.UniqueConstraint("kind", "headers"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    headers: str
    mapping: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    made_by: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))


# --- draws --------------------------------------------------------------------------------------


class Commitment(SQLModel, table=True):
    """A party's commitment to a secret for the round's next draw; the secret stays with them."""

    __table_args__ = (sa.UniqueConstraint("draw_id", "party"),)
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    draw_id: str
    party: str
    commitment: str
    given_by: str
    given_at: datetime = Field(sa_column=_moment(nullable=False))


class Draw(SQLModel, table=True):
    """A draw, from its lock on; numbers are gap-free within a round and never reused."""

    __table_args__ = (
        sa.UniqueConstraint("round_id", "number"),
        _one_of("status", "locked", "completed", "voided"),
        _one_of("method", "lottery", "balanced", "order"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    number: int
    method: str = "lottery"
    draw_id: str = Field(unique=True)
    status: str = "locked"
    snapshot: str = Field(sa_column=_long())
    digest: str
    result: str | None = Field(default=None, sa_column=sa.Column(sa.Text()))
    locked_at: datetime = Field(sa_column=_moment(nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=_moment())
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
    revealed_at: datetime | None = Field(default=None, sa_column=_moment())


class DrawExpert(SQLModel, table=True):
    """Who stands behind a pseudonym of a draw, with the salt that opens the identity later."""

    __tablename__ = "draw_expert"
    __table_args__ = (sa.UniqueConstraint("draw_pk", "pseudonym"),)
    draw_pk: int = Field(foreign_key="draw.id", primary_key=True)
    expert_id: int = Field(foreign_key="expert.id", primary_key=True)
    pseudonym: str
    salt: str
    name: str
    document: str = Field(sa_column=_sealed("draw_expert.document"))


class Seat(SQLModel, table=True):
    """A person in a seat: drawn, or taken in as a replacement (for one dossier where named)."""

    __table_args__ = (
        sa.UniqueConstraint("draw_pk", "pseudonym", "panel", "dossier"),
        _one_of("status", "awaiting", "accepted", "vacated"),
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
    changed_at: datetime = Field(sa_column=_moment(nullable=False))


class Invitation(SQLModel, table=True):
    """A one-time link to accept or decline a seat; only the digest of its token is kept."""

    id: int | None = Field(default=None, primary_key=True)
    seat_id: int = Field(foreign_key="seat.id", index=True)
    token: str = Field(unique=True)
    sent_at: datetime = Field(sa_column=_moment(nullable=False))
    answer_by: datetime = Field(sa_column=_moment(nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=_moment())


class Letter(SQLModel, table=True):
    """A message to send by mail; `sent_at` is empty until a server has taken it.

    `tried_at` is when a sender last took it up: until its next try is due nobody else does.
    """

    id: int | None = Field(default=None, primary_key=True)
    address: str
    name: str
    subject: str
    body: str = Field(sa_column=_long())
    calendar: str = Field(default="", sa_column=_long())
    made_at: datetime = Field(sa_column=_moment(nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=_moment())
    attempts: int = 0
    error: str = ""
    tried_at: datetime | None = Field(default=None, sa_column=_moment())


# --- reviews ------------------------------------------------------------------------------------


class Pledge(SQLModel, table=True):
    """An expert's pledge of confidentiality for a round; nothing opens before it."""

    round_id: int = Field(foreign_key="round.id", primary_key=True)
    expert_id: int = Field(foreign_key="expert.id", primary_key=True)
    signed_at: datetime = Field(sa_column=_moment(nullable=False))


class Review(SQLModel, table=True):
    """What an expert gave a dossier. `levels` maps criterion → level; absent means not scored."""

    __table_args__ = (
        sa.UniqueConstraint("expert_id", "dossier_id"),
        _one_of("status", "draft", "submitted"),
        sa.CheckConstraint("version >= 0", name="version"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    dossier_id: int = Field(foreign_key="dossier.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    status: str = "draft"
    version: int = 0
    levels: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    notes: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    saved_at: datetime = Field(sa_column=_moment(nullable=False))
    submitted_at: datetime | None = Field(default=None, sa_column=_moment())


class Extension(SQLModel, table=True):
    """A later end of scoring for one expert, with who gave it and why; the latest counts."""

    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    until: datetime = Field(sa_column=_moment(nullable=False))
    reason: str
    given_by: str
    given_at: datetime = Field(sa_column=_moment(nullable=False))


class Reminder(SQLModel, table=True):
    """That an expert was reminded of open reviews, by whom and when."""

    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    expert_id: int = Field(foreign_key="expert.id", index=True)
    sent_by: str
    sent_at: datetime = Field(sa_column=_moment(nullable=False))


# --- results ------------------------------------------------------------------------------------


class Computation(SQLModel, table=True):
    """A run of the statistics or of the selection: its record, whose bytes repeat on a re-run."""

    __table_args__ = (_one_of("kind", "fit", "diagnosis", "list", "final"),)
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    kind: str
    record: str = Field(sa_column=_long())
    digest: str
    made_by: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))


class Approval(SQLModel, table=True):
    """A proposal that a second person decides: a list, or how an open matter is settled.

    `content` is what is proposed, `digest` that of its canonical bytes.
    """

    __table_args__ = (
        _one_of("status", "proposed", "approved", "rejected"),
        _one_of("subject", "list", "settlement", "amendment"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="second_person"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    subject: str
    digest: str
    content: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    reason: str = ""
    status: str = "proposed"
    proposed_by: str
    proposed_at: datetime = Field(sa_column=_moment(nullable=False))
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=_moment())


# --- publicity ----------------------------------------------------------------------------------


class CalendarDay(SQLModel, table=True):
    """A day of a round's own calendar: a holiday on a weekday, or a weekend day that is worked.

    `day` is an ISO date of Beijing; Chinese holidays move, and so do the days worked for them.
    """

    __tablename__ = "calendar_day"
    __table_args__ = (_one_of("kind", "holiday", "workday"),)
    round_id: int = Field(foreign_key="round.id", primary_key=True)
    day: str = Field(primary_key=True)
    kind: str


class Objection(SQLModel, table=True):
    """An objection to a published list, its answer, and who proposed and who decided the answer.

    `source` is a keyed digest of the sender's address, for limits against spam. `dossier` is the
    number that it is about, empty for the list as a whole; `removes` says that it leaves the list.
    """

    __table_args__ = (
        _one_of("status", "received", "proposed", "answered"),
        _one_of("outcome", "", "dismissed", "upheld"),
        sa.CheckConstraint("decided_by <> proposed_by", name="second_person"),
        sa.CheckConstraint("NOT removes OR (outcome = 'upheld' AND dossier <> '')", name="removes"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", index=True)
    receipt: str = Field(unique=True)
    dossier: str = ""
    name: str
    contact: str
    text: str = Field(sa_column=_long())
    source: str = Field(index=True)
    received_at: datetime = Field(sa_column=_moment(nullable=False))
    status: str = "received"
    outcome: str = ""
    removes: bool = False
    answer: str = Field(default="", sa_column=_long())
    reason: str = ""
    proposed_by: str | None = None
    proposed_at: datetime | None = Field(default=None, sa_column=_moment())
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=_moment())


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


# --- long work ----------------------------------------------------------------------------------


class Job(SQLModel, table=True):
    """Work too long for a request (docs/operations.md "Jobs").

    `key` names what is asked for, so that asking twice gives one job; it is empty once the job
    has ended. `alive_at` is the worker's last sign of life: a job whose worker fell silent is
    taken by another. `outcome` is what the job's own transaction left, or the refusal's facts.
    """

    __table_args__ = (
        _one_of("status", "queued", "running", "done", "failed"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    key: str | None = Field(default=None, unique=True)
    arguments: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    status: str = Field(default="queued", index=True)
    progress: int = 0
    attempts: int = 0
    worker: str = ""
    role: str
    queued_by: str
    queued_at: datetime = Field(sa_column=_moment(nullable=False))
    alive_at: datetime | None = Field(default=None, sa_column=_moment())
    ended_at: datetime | None = Field(default=None, sa_column=_moment())
    outcome: dict[str, Any] = Field(default_factory=dict, sa_column=_json())


# --- the log ------------------------------------------------------------------------------------


class LogHead(SQLModel, table=True):
    """One row: the size of the log and its last time. Its row lock serialises appends."""

    __tablename__ = "log_head"
    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)
    id: int = Field(default=1, primary_key=True)
    size: int = 0
    last_time: datetime | None = Field(default=None, sa_column=_moment())


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
    time: datetime = Field(sa_column=_moment(nullable=False))
    actor: str
    type: str
    subject: str = ""
    event: str = Field(sa_column=_long())
    private: str | None = Field(default=None, sa_column=sa.Column(sa.Text()))


class LogNode(SQLModel, table=True):
    """The hash of a complete subtree: `level` 0 is a leaf, `position` counts within the level."""

    __tablename__ = "log_node"
    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    hash: bytes = Field(sa_column=sa.Column(sa.LargeBinary(32), nullable=False))


class Checkpoint(SQLModel, table=True):
    """A signed checkpoint with the cosignatures that it has got since."""

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    note: str = Field(sa_column=_long())
    signed_at: datetime = Field(sa_column=_moment(nullable=False))


class Witness(SQLModel, table=True):
    """A key that may countersign checkpoints; the private half is the inspector's alone."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    holder: str
    added_at: datetime = Field(sa_column=_moment(nullable=False))


class Recipient(SQLModel, table=True):
    """An inspector's age public key: what holds names is sealed to it before it is sent."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    holder: str = Field(index=True)
    added_at: datetime = Field(sa_column=_moment(nullable=False))


# --- other programs -----------------------------------------------------------------------------


class ApiToken(SQLModel, table=True):
    """A bearer token of the JSON API; only its SHA-256 is kept. `scopes` stand between blanks."""

    __tablename__ = "api_token"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    name: str
    scopes: str
    made_by: str
    made_at: datetime = Field(sa_column=_moment(nullable=False))
    expires_at: datetime = Field(sa_column=_moment(nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=_moment())
    revoked_by: str = ""
