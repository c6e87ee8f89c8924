"""Search of the log, one page at a time, in a time that doesn't grow with the log.

A page looks at no more than `WINDOW` events: those of the filter that reaches furthest back.
Where they hold fewer hits than a page, the page says how far it looked and where to go on.
Only what the tree holds is searched; sealed matter is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import aliased
from sqlmodel import col, func, select

from review_service.tables import LogEvent
from review_service.workflows.log import head

if TYPE_CHECKING:
    from sqlmodel import Session

PAGE = 50
WINDOW = 10_000


@dataclass(frozen=True)
class Wanted:
    """What is looked for: equal fields, a span of time (UTC, the end not in it), and text."""

    type: str = ""
    actor: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    @property
    def equal(self) -> dict[str, str]:
        """The fields that must be equal to something."""
        fields = {"type": self.type, "actor": self.actor, "subject": self.subject}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True)
class Page:
    """Hits, the newest first; `older` is where the next page begins, None at the end.

    `looked` is how far back was looked when the hits ran short of a page, else None.
    """

    rows: list[LogEvent]
    older: int | None
    looked: int | None = field(default=None)


def search(session: Session, wanted: Wanted, before: int | None = None) -> Page:
    """Return the newest hits among the events before number `before` (None: of all)."""
    size = head(session).size
    end = size if before is None else max(0, min(before, size))
    if wanted.until is not None:
        end = min(end, first_at(session, wanted.until, size))
    start = 0 if wanted.since is None else first_at(session, wanted.since, size)
    if start >= end:
        return Page([], None)
    lead, floor = _narrowest(session, wanted, start, end)
    inner = select(LogEvent).where(LogEvent.seq < end, LogEvent.seq >= max(floor, start))
    if lead:
        inner = inner.where(getattr(LogEvent, lead) == wanted.equal[lead])
    if not wanted.text and len(wanted.equal) < 2:
        rows = list(session.exec(inner.order_by(col(LogEvent.seq).desc()).limit(PAGE + 1)))
    else:
        rows = _among(session, inner, wanted)
    if len(rows) > PAGE:
        return Page(rows[:PAGE], rows[PAGE - 1].seq)
    more = floor > start
    return Page(rows, floor if more else None, floor if more else None)


def _narrowest(session: Session, wanted: Wanted, start: int, end: int) -> tuple[str, int]:
    """Return the filter whose last `WINDOW` events reach furthest back, and how far (0: all)."""
    if not wanted.text and len(wanted.equal) < 2:
        return next(iter(wanted.equal), ""), start  # one index gives the page, wherever it lies
    reach = {"": end - WINDOW}
    for name, value in wanted.equal.items():
        nth = (
            select(LogEvent.seq)
            .where(getattr(LogEvent, name) == value, LogEvent.seq < end)
            .order_by(col(LogEvent.seq).desc())
            .offset(WINDOW - 1)
            .limit(1)
        )
        reach[name] = session.exec(nth).first() or 0
    lead = min(reach, key=lambda name: (reach[name], not name))
    return lead, max(reach[lead], 0)


def _among(session: Session, inner: Any, wanted: Wanted) -> list[LogEvent]:
    """Return a page of those that hold all conditions, among the candidates of one of them."""
    candidates = inner.order_by(col(LogEvent.seq).desc()).limit(WINDOW).subquery()
    one = aliased(LogEvent, candidates)
    query = select(one)
    for name, value in wanted.equal.items():
        query = query.where(getattr(one, name) == value)
    if wanted.text:
        query = query.where(col(one.event).contains(wanted.text, autoescape=True))
    return list(session.exec(query.order_by(col(one.seq).desc()).limit(PAGE + 1)))


def first_at(session: Session, moment: datetime, size: int) -> int:
    """Return the number of the first event at or after a moment; the log's times never go back."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        when = session.exec(select(LogEvent.time).where(LogEvent.seq == middle)).one()
        if when.astimezone(UTC) < moment:
            low = middle + 1
        else:
            high = middle
    return low


def kinds(session: Session) -> list[str]:
    """Return the types that occur, sorted, one step down the index for each."""
    first = select(func.min(LogEvent.type).label("kind")).cte("kinds", recursive=True)
    following = select(func.min(LogEvent.type)).where(LogEvent.type > first.c.kind)
    walk = first.union_all(
        select(following.correlate(first).scalar_subquery()).where(first.c.kind.is_not(None))
    )
    found = session.exec(select(walk.c.kind)).all()
    return [one for one in found if one is not None]
