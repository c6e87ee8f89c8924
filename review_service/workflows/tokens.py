"""Tokens of the JSON API: made and revoked by administrators, seen once, kept as digests."""

from __future__ import annotations

import base64
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sqlmodel import col, select

from review_service.tables import ApiToken
from review_service.workflows.base import NotFoundError, WorkflowError
from review_service.workflows.log import append

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Work

PREFIX: Final = "review_"
MOST_DAYS: Final = 366
# What a token opens beyond what everybody may read; no scope opens names, scores or sealed matter.
SCOPES: Final = {
    "rounds": "rounds that are not published yet",
    "draws": "draws of rounds that are not published yet, by pseudonym",
    "log": "the text of every event of the log",
    "results": "figures of dossiers and the list, once scoring is closed",
}


def create_token(work: Work, name: str, scopes: Iterable[str], days: int) -> tuple[ApiToken, str]:
    """Return the new row and the token itself, which is nowhere kept and never seen again."""
    wanted = sorted(set(scopes))
    if not name.strip():
        raise WorkflowError("token-name")
    if not wanted or not set(wanted) <= set(SCOPES):
        raise WorkflowError("token-scopes", scopes=wanted)
    if not 1 <= days <= MOST_DAYS:
        raise WorkflowError("token-days", days=days, most=MOST_DAYS)
    secret = base64.urlsafe_b64encode(work.tools.entropy(32)).decode().rstrip("=")
    token = PREFIX + secret
    row = ApiToken(
        digest=digest(token),
        name=name.strip(),
        scopes=" ".join(wanted),
        made_by=work.actor.id,
        made_at=work.now,
        expires_at=work.now + timedelta(days=days),
    )
    work.session.add(row)
    work.session.flush()
    append(work, "token.created", {"token": row.id, "scopes": wanted, "days": days})
    return row, token


def revoke_token(work: Work, token_id: int) -> ApiToken:
    """End a token at once; WorkflowError where that was done already."""
    row = work.session.get(ApiToken, token_id, with_for_update=True)
    if row is None:
        raise NotFoundError("not-found", kind="ApiToken", key=str(token_id))
    if row.revoked_at is not None:
        raise WorkflowError("token-revoked", name=row.name)
    row.revoked_at, row.revoked_by = work.now, work.actor.id
    work.session.add(row)
    append(work, "token.revoked", {"token": row.id})
    return row


def digest(token: str) -> str:
    """Return what is kept of a token. It has 256 random bits, so one SHA-256 is enough."""
    return sha256(token.encode()).hexdigest()


def scopes_of(session: Session, token: str, now: datetime) -> frozenset[str] | None:
    """Return the scopes of a token that holds at this moment, or None."""
    row = session.exec(select(ApiToken).where(ApiToken.digest == digest(token))).first()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return None
    return frozenset(row.scopes.split())


def all_tokens(session: Session) -> list[ApiToken]:
    """Return all tokens that were ever made, the newest first."""
    return list(session.exec(select(ApiToken).order_by(col(ApiToken.id).desc())))
