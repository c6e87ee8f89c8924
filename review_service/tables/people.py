"""Accounts, roles, second factors, sign-in links, and the tokens of other programs."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_security import AsaList, RoleMixin, UserMixin, WebAuthnMixin
from sqlalchemy.ext.mutable import MutableList
from sqlmodel import Field, Relationship, SQLModel

from review_service.tables.columns import moment, one_of


class AccountRole(SQLModel, table=True):
    """Who has which role."""

    __tablename__ = "account_role"
    account_id: int = Field(foreign_key="account.id", primary_key=True)
    role_id: int = Field(foreign_key="role.id", primary_key=True)


class Role(SQLModel, RoleMixin, table=True):
    """A role; the set of roles is fixed in `review_service.workflows.accounts`."""

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
    lastuse_datetime: datetime = Field(sa_column=moment(nullable=False))

    def get_user_mapping(self) -> dict[str, Any]:
        """Return by what the library finds the account of this key."""
        return {"id": self.account_id}


class SignInLink(SQLModel, table=True):
    """A one-time link: an expert's to sign in, anybody's to set a password; its digest is kept."""

    __tablename__ = "sign_in_link"
    __table_args__ = (one_of("purpose", "sign-in", "password"),)
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    purpose: str
    token: str = Field(unique=True)
    made_at: datetime = Field(sa_column=moment(nullable=False))
    until: datetime = Field(sa_column=moment(nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=moment())


class SignInAttempt(SQLModel, table=True):
    """A try to sign in, failed until it has succeeded. Account and address are keyed digests."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (sa.Index(None, "account", "at"), sa.Index(None, "address", "at"))
    id: int | None = Field(default=None, primary_key=True)
    account: str
    address: str
    at: datetime = Field(sa_column=moment(nullable=False))
    failed: bool = True


class EndedSession(SQLModel, table=True):
    """A session that was signed out, by the SHA-256 of its number: its cookie opens nothing."""

    __tablename__ = "ended_session"
    digest: str = Field(primary_key=True)
    at: datetime = Field(sa_column=moment(nullable=False))


class AccountChange(SQLModel, table=True):
    """What one person proposes for an account of a guarded role, and a second one decides.

    `kind` role: the account gets `role` (it had `was`); access: password and second factor anew.
    """

    __tablename__ = "account_change"
    __table_args__ = (
        one_of("kind", "role", "access"),
        one_of("status", "proposed", "approved", "rejected"),
        sa.CheckConstraint("decided_by <> proposed_by", name="second_person"),
    )
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    kind: str
    role: str
    was: str = ""
    status: str = "proposed"
    proposed_by: str
    proposed_at: datetime = Field(sa_column=moment(nullable=False))
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_column=moment())


class ViewConsent(SQLModel, table=True):
    """The holder of an account lets support see its pages, read only, until a time."""

    __tablename__ = "view_consent"
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    given_at: datetime = Field(sa_column=moment(nullable=False))
    until: datetime = Field(sa_column=moment(nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=moment())


class ApiToken(SQLModel, table=True):
    """A bearer token of the JSON API; only its SHA-256 is kept. `scopes` stand between blanks."""

    __tablename__ = "api_token"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    name: str
    scopes: str
    made_by: str
    made_at: datetime = Field(sa_column=moment(nullable=False))
    expires_at: datetime = Field(sa_column=moment(nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=moment())
    revoked_by: str = ""
