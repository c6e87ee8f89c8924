"""The end of scoring: the round's last day, and later ends for single experts, with a reason.

An end that has passed locks nothing; it makes an expert late, and staff remind, extend or replace.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.tables import Expert, Extension, Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.log import append, stamp

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work


def round_end(row: Round) -> datetime | None:
    """Return the round's last moment of scoring; None where its rules name none."""
    days = row.rules.get("review_days")
    return datetime.fromisoformat(days[1]) if days else None


def extensions(session: Session, round_id: int) -> dict[int, Extension]:
    """Return the extension in force of each expert that has one."""
    query = select(Extension).where(Extension.round_id == round_id).order_by(col(Extension.id))
    return {one.expert_id: one for one in session.exec(query)}


def due_of(session: Session, row: Round, expert_id: int) -> datetime | None:
    """Return an expert's last moment of scoring; None where neither round nor staff set one."""
    own = extensions(session, pk(row)).get(expert_id)
    return own.until if own else round_end(row)


def extend(work: Work, round_id: int, expert_id: int, until: datetime, reason: str) -> Extension:
    """Give an expert until `until`; it must be later than now and than the end so far."""
    row = work.one(Round, round_id)
    if row.status not in {"open", "reviewing"}:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="reviewing")
    if not reason.strip():
        raise WorkflowError("reason-needed")
    so_far = due_of(work.session, row, expert_id)
    if until <= work.now or (so_far is not None and until <= so_far):
        raise WorkflowError("extension-earlier", until=stamp(until))
    expert = work.one(Expert, expert_id)
    given = Extension(
        round_id=round_id,
        expert_id=expert_id,
        until=until,
        reason=reason.strip(),
        given_by=work.actor.id,
        given_at=work.now,
    )
    work.session.add(given)
    body = {"round": row.code, "until": stamp(until)}
    private = {"expert": expert.number, "reason": given.reason}
    append(work, "deadline.extended", body, subject=row.code, private=private)
    return given
