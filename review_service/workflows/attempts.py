"""Tries to sign in, counted in the database over all processes: by account and by address.

A try counts as failed from its beginning and is marked once it has succeeded, so that tries at the
same moment don't slip past each other. What was typed as the account counts whether there is such
an account or not; both counts are of keyed digests, not of names or addresses.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import col, select

from review_service.tables import SignInAttempt
from review_service.workflows.base import WorkflowError, pk

if TYPE_CHECKING:
    from review_service.workflows.base import Work

WINDOW = timedelta(minutes=15)
OF_ACCOUNT = 10  # failures in the window after which an account is closed to more tries
OF_ADDRESS = 100  # an office of many people may stand behind one address
KEPT = timedelta(days=1)


def begin_attempt(work: Work, account: str, address: str) -> int:
    """Count a try and return its number; WorkflowError "attempts-exceeded" names the minutes."""
    for key in sorted({account, address}):
        _alone(work, key)
    for column, key, most in (
        (SignInAttempt.account, account, OF_ACCOUNT),
        (SignInAttempt.address, address, OF_ADDRESS),
    ):
        query = select(sa.func.count()).select_from(SignInAttempt)
        query = query.where(col(column) == key, col(SignInAttempt.failed))
        if work.session.exec(query.where(SignInAttempt.at > work.now - WINDOW)).one() >= most:
            raise WorkflowError("attempts-exceeded", minutes=int(WINDOW.total_seconds() // 60))
    work.session.execute(sa.delete(SignInAttempt).where(col(SignInAttempt.at) < work.now - KEPT))
    row = SignInAttempt(account=account, address=address, at=work.now)
    work.session.add(row)
    work.session.flush()
    return pk(row)


def _alone(work: Work, key: str) -> None:
    """On PostgreSQL let tries on one key wait for each other; SQLite's writers do so anyway."""
    if work.session.get_bind().dialect.name == "postgresql":
        work.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(key))))


def attempt_succeeded(work: Work, number: int) -> None:
    """Mark a try as no failure."""
    row = work.session.get(SignInAttempt, number)
    if row is not None:
        row.failed = False
        work.session.add(row)
