"""Accounts and roles. Nobody holds two roles: separation of duties is then a fact, not a habit."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import col, func, select

from review_service.exchange.places import PROVINCES
from review_service.tables import Account, EndedSession, Role
from review_service.workflows.base import WorkflowError
from review_service.workflows.log import append

if TYPE_CHECKING:
    from datetime import timedelta

    from review_service.workflows.base import Work

# Roles that act for a place, and what of it their account must name.
PLACES = {
    "unit": ("province", "prefecture"),
    "prefecture": ("province", "prefecture"),
    "province": ("province",),
}

# What a role is for; each route says which of them it is open to.
ROLES = {
    "staff": "runs rounds and draws; sees no scores before closing",
    "approver": "decides what staff propose; proposes nothing",
    "inspector": "reads everything, reveals the inspection's secret, countersigns; changes nothing",
    "expert": "scores own dossiers alone",
    "unit": "fills and submits one unit's application; sees that alone",
    "prefecture": "checks, returns, ranks and recommends applications of one prefecture",
    "province": "checks, returns, ranks and recommends what one province's prefectures recommend",
    "administrator": "manages accounts; sees no names, scores or draws",
}

# What is tried first: rows of keys and letters, and the words that people take for a password.
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORDS = ("password", "passw0rd", "p@ssw0rd", "administrator", "welcome", "iloveyou", "woaini")
PASSWORD_LEAST = 12  # characters
_SIGNS_LEAST = 4  # different signs that are left of a password when all of that is taken away


def create_account(
    work: Work,
    *,
    code: str,
    email: str,
    name: str,
    role: str,
    password_hash: str,
    expert_id: int | None = None,
    province: str = "",
    prefecture: str = "",
) -> Account:
    """Create an account with its one role; a role that acts for a place needs that place.

    `province` is a short name of `exchange.places`. A unit's account bears the unit's name. With
    an empty `password_hash` there is no way in until a password was set by link.
    """
    if role not in ROLES:
        raise WorkflowError("role-unknown", role=role)
    place = {"province": province, "prefecture": prefecture}
    missing = [one for one in PLACES.get(role, ()) if not place[one]]
    if missing or (province and province not in PROVINCES):
        raise WorkflowError("account-place", role=role, missing=missing, province=province)
    if work.session.exec(select(Account).where(func.lower(Account.email) == email.lower())).first():
        raise WorkflowError("account-exists", email=email)
    row = work.session.exec(select(Role).where(Role.name == role)).first()
    if row is None:
        row = Role(name=role, description=ROLES[role])
    account = Account(
        code=code,
        email=email,
        name=name,
        password=password_hash or None,
        fs_uniquifier=work.tools.entropy(16).hex(),
        expert_id=expert_id,
        province=province,
        prefecture=prefecture,
        roles=[row],
    )
    work.session.add(account)
    work.session.flush()
    append(work, "account.role_changed", {"account": code, "role": role, "was": None})
    return account


def sign_out_everywhere(work: Work, account_id: int) -> None:
    """End every session of an account; whoever knows the password signs in again."""
    account = work.one(Account, account_id, lock=True)
    account.fs_uniquifier = work.tools.entropy(16).hex()
    work.session.add(account)
    append(work, "account.signed_out_everywhere", {"account": account.code})


def easily_guessed(password: str, email: str, name: str) -> bool:
    """Whether next to nothing is left of a password without runs, common words and one's own."""
    own = {email, *email.partition("@")[::2], name}
    left = password.lower()
    for word in sorted({*_WORDS, *(one.lower() for one in own)}, key=len, reverse=True):
        left = left.replace(word, "") if len(word) > 1 else left
    steps = {f"{one}{after}" for row in _ROWS for one, after in pairwise(row)}
    steps |= {step[::-1] for step in steps}
    kept = {
        after
        for one, after in pairwise(f" {left}")
        if one != after and f"{one}{after}" not in steps
    }
    return len(kept) < _SIGNS_LEAST


def digest_of_session(number: str) -> str:
    """Return under what an ended session is kept: its number would open what it is to close."""
    return sha256(number.encode()).hexdigest()


def end_session(work: Work, number: str, kept: timedelta) -> None:
    """End one session for good. Rows older than `kept`, as long as a cookie holds, are dropped."""
    work.session.execute(sa.delete(EndedSession).where(col(EndedSession.at) < work.now - kept))
    digest = digest_of_session(number)
    if work.session.get(EndedSession, digest) is None:
        work.session.add(EndedSession(digest=digest, at=work.now))
