"""How long a round's files must be kept, and what was archived; nothing is ever deleted here.

Government Procurement Law of China, article 42: procurement files are kept for at least 15 years
from the end of the procurement, and must not be forged, altered, hidden or destroyed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.tables import LogEvent, Round

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

YEARS = 15
# What ends a round, the last first: the first of these that was logged counts.
_ENDS = ("list.final", "list.published", "round.closed")


@dataclass(frozen=True)
class Retention:
    """A round, when it ended, until when it is kept, and the digest of its newest archive."""

    code: str
    status: str
    ended: datetime | None
    until: datetime | None
    archive: str | None
    due: bool


def ended(session: Session, row: Round) -> datetime | None:
    """Return when the round ended, by the log; None while it goes on."""
    for kind in _ENDS:
        query = select(LogEvent.time).where(LogEvent.subject == row.code, LogEvent.type == kind)
        moment = session.exec(query.order_by(col(LogEvent.seq).desc()).limit(1)).first()
        if moment is not None:
            return moment
    return None


def keep_until(session: Session, row: Round) -> datetime | None:
    """Return the moment until which the round's files are to be kept."""
    end = ended(session, row)
    return None if end is None else _later(end)


def _later(end: datetime) -> datetime:
    try:
        return end.replace(year=end.year + YEARS)
    except ValueError:  # 29 February
        return end.replace(year=end.year + YEARS, month=3, day=1)


def report(session: Session, now: datetime) -> list[Retention]:
    """Return what is kept, round by round; `due` where the time is over and a person may decide."""
    found = []
    for row in session.exec(select(Round).order_by(Round.code)).all():
        end, until = ended(session, row), keep_until(session, row)
        archived = session.exec(
            select(LogEvent.event)
            .where(LogEvent.subject == row.code, LogEvent.type == "round.archived")
            .order_by(col(LogEvent.seq).desc())
            .limit(1)
        ).first()
        digest = json.loads(archived)["body"]["archive"] if archived else None
        due = until is not None and until < now
        found.append(Retention(row.code, row.status, end, until, digest, due))
    return found
