"""One-time links by letter: an expert's to sign in, anybody's to set a password.

A token is 32 random bytes in the link alone; the database keeps its SHA-256, its end and its use.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from review_service.exchange.account_letters import account_letter
from review_service.tables import Account, Expert, Letter, Seat, SignInLink
from review_service.workflows.accounts import create_account
from review_service.workflows.base import NotFoundError, pk
from review_service.workflows.log import append

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Work

    Address = Callable[[str, str], str]  # (purpose, token) → the link that the letter carries

LASTING = {"sign-in": timedelta(minutes=20), "password": timedelta(days=3)}


def send_link(work: Work, account: Account, purpose: str, address: Address) -> SignInLink:
    """Write the letter with a new link; earlier open links of the purpose end."""
    query = select(SignInLink).where(
        SignInLink.account_id == pk(account), SignInLink.purpose == purpose
    )
    for earlier in work.session.exec(query.where(col(SignInLink.used_at).is_(None))):
        earlier.used_at = work.now
        work.session.add(earlier)
    token = urlsafe_b64encode(work.tools.entropy(32)).decode().rstrip("=")
    until = work.now + LASTING[purpose]
    row = SignInLink(
        account_id=pk(account), purpose=purpose, token=_digest(token), made_at=work.now, until=until
    )
    work.session.add(row)
    subject, body = account_letter(purpose, account.name, address(purpose, token), until)
    work.session.add(
        Letter(
            address=account.email, name=account.name, subject=subject, body=body, made_at=work.now
        )
    )
    return row


def ask_to_sign_in(work: Work, email: str, address: Address) -> None:
    """Send an expert's link to an address; nothing happens, and nothing is told, for any other.

    An expert of the pool who holds a seat gets an account with the first link.
    """
    account = work.session.exec(
        select(Account).where(func.lower(Account.email) == email.strip().lower())
    ).first()
    if account is None:
        account = _new_expert(work, email.strip())
    if account is None or not account.active or [one.name for one in account.roles] != ["expert"]:
        return
    send_link(work, account, "sign-in", address)


def _new_expert(work: Work, email: str) -> Account | None:
    """Return a new account of the one expert in use with this address who holds a seat, if any."""
    seated = select(Seat.expert_id).where(Seat.status != "vacated")
    found = work.session.exec(
        select(Expert)
        .where(func.lower(Expert.email) == email.lower(), col(Expert.id).in_(seated))
        .where(col(Expert.id).not_in(select(Account.expert_id).where(col(Account.expert_id) > 0)))
    ).all()
    if not email or len(found) != 1:
        return None
    return create_account(
        work,
        code=f"expert-{work.tools.entropy(4).hex()}",
        email=found[0].email,
        name=found[0].name,
        role="expert",
        password_hash="",
        expert_id=pk(found[0]),
    )


def account_of_link(session: Session, token: str, purpose: str, now: datetime) -> Account:
    """Return whose open link this is; NotFoundError where it is unknown, used or late."""
    return session.get_one(Account, _open(session, token, purpose, now, lock=False).account_id)


def use_link(work: Work, token: str, purpose: str) -> Account:
    """Take a link; it never works again. NotFoundError as `account_of_link`."""
    row = _open(work.session, token, purpose, work.now, lock=True)
    row.used_at = work.now
    work.session.add(row)
    return work.one(Account, row.account_id)


def _open(session: Session, token: str, purpose: str, now: datetime, *, lock: bool) -> SignInLink:
    """Return an open link. Locked, others who use it wait; a page's session can't lock."""
    query = select(SignInLink).where(
        SignInLink.token == _digest(token), SignInLink.purpose == purpose
    )
    row = session.exec(query.with_for_update() if lock else query).first()
    if row is None or row.used_at is not None or row.until < now:
        raise NotFoundError("link-over")
    return row


def set_password(work: Work, token: str, password_hash: str) -> Account:
    """Set the password by link; whoever is signed in to the account is signed out."""
    account = use_link(work, token, "password")
    account.password = password_hash
    account.fs_uniquifier = work.tools.entropy(16).hex()
    work.session.add(account)
    append(work, "account.password_changed", {"account": account.code})
    return account


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
