"""Accounts and roles. Nobody holds two roles: separation of duties is then a fact, not a habit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from review_service.tables import Account, Role
from review_service.workflows.base import WorkflowError
from review_service.workflows.log import append

if TYPE_CHECKING:
    from review_service.workflows.base import Work

# What a role is for; each route says which of them it is open to.
ROLES = {
    "staff": "runs rounds and draws; sees no scores before closing",
    "approver": "decides what staff propose; proposes nothing",
    "inspector": "reads everything, reveals the inspection's secret, countersigns; changes nothing",
    "expert": "scores own dossiers alone",
    "administrator": "manages accounts; sees no names, scores or draws",
}


def create_account(
    work: Work,
    *,
    code: str,
    email: str,
    name: str,
    role: str,
    password_hash: str,
    expert_id: int | None = None,
) -> Account:
    """Create an account with its one role."""
    if role not in ROLES:
        raise WorkflowError("role-unknown", role=role)
    if work.session.exec(select(Account).where(Account.email == email)).first():
        raise WorkflowError("account-exists", email=email)
    row = work.session.exec(select(Role).where(Role.name == role)).first()
    if row is None:
        row = Role(name=role, description=ROLES[role])
    account = Account(
        code=code,
        email=email,
        name=name,
        password=password_hash,
        fs_uniquifier=work.tools.entropy(16).hex(),
        expert_id=expert_id,
        roles=[row],
    )
    work.session.add(account)
    work.session.flush()
    append(work, "account.role_changed", {"account": code, "role": role, "was": None})
    return account
