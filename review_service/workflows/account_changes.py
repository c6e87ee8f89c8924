"""What administrators do with accounts, and what a second person must decide.

An account of a guarded role is opened, gets its role, and gets a new way in only when somebody
else has agreed: else an administrator could make or take over the very accounts that are to keep
him out. Who decides is another administrator or an approver, never the account's own holder.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from review_service.exchange.places import PROVINCES
from review_service.tables import Account, AccountChange, Expert, Passkey, Role, ViewConsent
from review_service.workflows.accounts import PLACES, ROLES, create_account
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError, pk
from review_service.workflows.links import send_link
from review_service.workflows.log import append

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Work
    from review_service.workflows.links import Address

GUARDED = frozenset({"staff", "approver", "inspector", "administrator"})
CONSENT = timedelta(minutes=30)


def role_of(account: Account) -> str:
    """Return the one role of an account, or an empty text before it has got one."""
    return account.roles[0].name if account.roles else ""


def open_account(
    work: Work,
    address: Address,
    *,
    email: str,
    name: str,
    role: str,
    province: str = "",
    prefecture: str = "",
) -> Account:
    """Open an account; its holder gets a link to set the password.

    One of a guarded role sleeps until a second person has agreed. Experts' accounts aren't opened
    by hand: they come with the first link that an expert asks for.
    """
    if role not in ROLES or role == "expert":
        raise WorkflowError("role-unknown", role=role)
    _free(work, email)
    if role not in GUARDED:
        account = create_account(
            work, code=_next_code(work, role), email=email, name=name, role=role, password_hash="",
            province=province, prefecture=prefecture,
        )  # fmt: skip
        send_link(work, account, "password", address)
        return account
    account = Account(
        code=_next_code(work, role), email=email, name=name, active=False,
        fs_uniquifier=work.tools.entropy(16).hex(),
    )  # fmt: skip
    work.session.add(account)
    work.session.flush()
    append(work, "account.opened", {"account": account.code})
    _propose(work, account, "role", role)
    return account


def change_role(
    work: Work, account_id: int, role: str, *, province: str = "", prefecture: str = ""
) -> AccountChange | None:
    """Give an account another role; a guarded one, or one that was guarded, waits for a second."""
    account = _other(work, account_id)
    was = role_of(account)
    if role not in ROLES or "expert" in {role, was}:
        raise WorkflowError("role-unknown", role=role)
    if role == was:
        raise WorkflowError("role-unchanged", role=role)
    place = {"province": province or account.province, "prefecture": prefecture}
    place["prefecture"] = prefecture or account.prefecture
    missing = [one for one in PLACES.get(role, ()) if not place[one]]
    if missing or (province and province not in PROVINCES):
        raise WorkflowError("account-place", role=role, missing=missing, province=province)
    if role in PLACES:  # a proposal that is refused must not have moved the account
        account.province, account.prefecture = place["province"], place["prefecture"]
        work.session.add(account)
    if role in GUARDED or was in GUARDED:
        return _propose(work, account, "role", role)
    _give_role(work, account, role)
    return None


def renew_access(work: Work, account_id: int, address: Address) -> AccountChange | None:
    """Let somebody who lost password or second factor begin anew; guarded roles need a second."""
    account = _other(work, account_id)
    if role_of(account) in GUARDED:
        return _propose(work, account, "access", role_of(account))
    _begin_anew(work, account, address)
    return None


def set_active(work: Work, account_id: int, *, active: bool) -> Account:
    """Close an account, or open one again that was closed; closing signs it out everywhere."""
    account = _other(work, account_id)
    if not account.roles:
        raise WorkflowError("account-undecided")
    if account.active == active:
        raise StaleError("account-state")
    account.active = active
    account.fs_uniquifier = work.tools.entropy(16).hex()
    work.session.add(account)
    kind = "account.reactivated" if active else "account.deactivated"
    append(work, kind, {"account": account.code})
    return account


def decide_change(work: Work, change_id: int, address: Address, *, approve: bool) -> AccountChange:
    """Agree to a proposal, or not; the proposer and the account's holder can't."""
    change = work.one(AccountChange, change_id, lock=True)
    account = work.one(Account, change.account_id, lock=True)
    if change.status != "proposed":
        raise StaleError("proposal-decided", status=change.status)
    if work.actor.id in {change.proposed_by, account.code}:
        raise WorkflowError("second-person")
    change.status = "approved" if approve else "rejected"
    change.decided_by, change.decided_at = work.actor.id, work.now
    work.session.add(change)
    body = {"account": account.code, "kind": change.kind, "decision": change.status}
    append(work, "account.change_decided", body)
    if approve and change.kind == "role":
        if role_of(account) != change.was:
            raise StaleError("proposal-decided", status=change.status)
        fresh = not account.roles
        _give_role(work, account, change.role)
        if fresh:
            account.active = True
            send_link(work, account, "password", address)
    elif approve:
        _begin_anew(work, account, address)
    return change


def open_changes(session: Session) -> list[tuple[AccountChange, Account]]:
    """Return what waits for a second person."""
    query = select(AccountChange, Account).join(
        Account, col(Account.id) == col(AccountChange.account_id)
    )
    rows = session.exec(
        query.where(AccountChange.status == "proposed").order_by(col(AccountChange.id))
    )
    return list(rows.all())


def allow_view(work: Work, account_id: int) -> ViewConsent:
    """Let support see the account's pages for half an hour; the holder alone can."""
    account = work.one(Account, account_id)
    if account.code != work.actor.id:
        raise NotFoundError("not-found", kind="Account", key=str(account_id))
    if role_of(account) in {"inspector", "administrator"}:
        raise WorkflowError("view-closed")
    row = ViewConsent(account_id=account_id, given_at=work.now, until=work.now + CONSENT)
    work.session.add(row)
    append(work, "account.view_allowed", {"account": account.code})
    return row


def withdraw_view(work: Work, account_id: int) -> None:
    """End every consent of the account's holder; who is looking sees nothing from now on."""
    account = work.one(Account, account_id)
    query = select(ViewConsent).where(
        ViewConsent.account_id == account_id, col(ViewConsent.ended_at).is_(None)
    )
    for row in work.session.exec(query.where(ViewConsent.until > work.now)).all():
        row.ended_at = work.now
        work.session.add(row)
        append(work, "account.view_withdrawn", {"account": account.code})


def consent_of(session: Session, consent_id: int, now: datetime) -> ViewConsent:
    """Return a consent that holds at this moment; NotFoundError else."""
    row = session.get(ViewConsent, consent_id)
    if row is None or row.ended_at is not None or row.until <= now:
        raise NotFoundError("not-found", kind="ViewConsent", key=str(consent_id))
    return row


def begin_view(work: Work, consent_id: int) -> ViewConsent:
    """Begin to look at an account's pages with its holder's consent."""
    row = consent_of(work.session, consent_id, work.now)
    account = work.one(Account, row.account_id)
    if not account.active:
        raise NotFoundError("not-found", kind="ViewConsent", key=str(consent_id))
    append(work, "account.view_started", {"account": account.code})
    return row


def end_view(work: Work, account_id: int) -> None:
    """Say in the log that support stopped looking."""
    append(work, "account.view_ended", {"account": work.one(Account, account_id).code})


def open_consents(session: Session, now: datetime) -> list[tuple[ViewConsent, Account]]:
    """Return the consents that hold at this moment."""
    query = select(ViewConsent, Account).join(
        Account, col(Account.id) == col(ViewConsent.account_id)
    )
    query = query.where(col(ViewConsent.ended_at).is_(None), col(ViewConsent.until) > now)
    return list(session.exec(query.order_by(col(ViewConsent.id))).all())


def _free(work: Work, email: str) -> None:
    """Refuse an address that an account or anybody of the pool has, however it is spelled.

    The pool's whole, not its accounts alone: else the refusal would tell who of it was drawn.
    """
    for table in (Account, Expert):
        if work.session.exec(
            select(table.id).where(func.lower(table.email) == email.lower())
        ).first():
            raise WorkflowError("account-exists", email=email)


def _other(work: Work, account_id: int) -> Account:
    account = work.one(Account, account_id, lock=True)
    if account.code == work.actor.id:
        raise WorkflowError("own-account")
    return account


def _next_code(work: Work, role: str) -> str:
    taken = set(work.session.exec(select(Account.code)).all())
    return next(code for n in range(1, len(taken) + 2) if (code := f"{role}-{n}") not in taken)


def _propose(work: Work, account: Account, kind: str, role: str) -> AccountChange:
    query = select(AccountChange).where(
        AccountChange.account_id == pk(account), AccountChange.status == "proposed"
    )
    if work.session.exec(query).first():
        raise WorkflowError("change-open")
    change = AccountChange(
        account_id=pk(account), kind=kind, role=role, was=role_of(account),
        proposed_by=work.actor.id, proposed_at=work.now,
    )  # fmt: skip
    work.session.add(change)
    work.session.flush()
    append(work, "account.change_proposed", {"account": account.code, "kind": kind, "role": role})
    return change


def _give_role(work: Work, account: Account, role: str) -> None:
    was = role_of(account)
    row = work.session.exec(select(Role).where(Role.name == role)).first()
    account.roles = [row or Role(name=role, description=ROLES[role])]
    account.fs_uniquifier = work.tools.entropy(16).hex()  # no session keeps the earlier role
    work.session.add(account)
    body = {"account": account.code, "role": role, "was": was or None}
    append(work, "account.role_changed", body)


def _begin_anew(work: Work, account: Account, address: Address) -> None:
    account.password = None
    account.tf_primary_method = account.tf_totp_secret = account.tf_last_counter = None
    account.mf_recovery_codes = None
    account.fs_uniquifier = work.tools.entropy(16).hex()
    for key in work.session.exec(select(Passkey).where(Passkey.account_id == pk(account))).all():
        work.session.delete(key)
    work.session.add(account)
    append(work, "account.access_renewed", {"account": account.code})
    send_link(work, account, "password", address)
