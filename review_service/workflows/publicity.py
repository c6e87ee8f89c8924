"""Publicity: the approved list, its period in working days, and the final list after it.

The period is fixed when the list is published and stands in the log; the calendar that it is
counted by is the round's own, since Chinese holidays, and the weekends worked for them, move.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlmodel import col, delete, select

from review_service.tables import Approval, CalendarDay, LogEvent, Objection, Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import keep, newest
from review_service.workflows.log import append
from scoring.records import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlmodel import Session

    from review_service.tables import Computation
    from review_service.workflows.base import Work

BEIJING = ZoneInfo("Asia/Shanghai")
MOST_DAYS = 366  # entries of a round's calendar


@dataclass(frozen=True)
class Period:
    """When the list was published, and the first and last working day of its publicity."""

    published: datetime
    first: date
    last: date

    def over(self, now: datetime) -> bool:
        """Whether the last day is over in Beijing."""
        return now.astimezone(BEIJING).date() > self.last


def count_period(published: datetime, days: int, calendar: Mapping[str, str]) -> Period:
    """Return the period of so many working days; the day after publication is the first to count.

    `calendar` maps ISO dates to "holiday" or "workday"; other days go by Monday to Friday.
    """
    day = published.astimezone(BEIJING).date()
    worked: list[date] = []
    while len(worked) < max(days, 1):
        day += timedelta(days=1)
        kind = calendar.get(day.isoformat())
        if kind == "workday" or (kind is None and day.weekday() < 5):
            worked.append(day)
    return Period(published, worked[0], worked[-1])


def calendar_of(session: Session, row: Round) -> dict[str, str]:
    """Return the round's calendar, ISO date → "holiday" or "workday", in order."""
    query = select(CalendarDay).where(CalendarDay.round_id == row.id)
    return {one.day: one.kind for one in session.exec(query.order_by(col(CalendarDay.day)))}


def set_calendar(
    work: Work, round_id: int, holidays: Iterable[str], workdays: Iterable[str]
) -> dict[str, str]:
    """Replace the round's calendar, before the list is published; dates are ISO."""
    row = work.one(Round, round_id, lock=True)
    if row.status in {"published", "final"}:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="closed")
    wanted: dict[str, str] = {}
    for kind, days in (("holiday", holidays), ("workday", workdays)):
        for text in days:
            day = _day(text)
            if wanted.setdefault(day, kind) != kind:
                raise WorkflowError("calendar-both", day=day)
    if len(wanted) > MOST_DAYS:
        raise WorkflowError("calendar-long", count=len(wanted), limit=MOST_DAYS)
    if wanted == calendar_of(work.session, row):
        return wanted
    work.session.exec(delete(CalendarDay).where(col(CalendarDay.round_id) == round_id))
    for day, kind in sorted(wanted.items()):
        work.session.add(CalendarDay(round_id=round_id, day=day, kind=kind))
    body = {"round": row.code, "calendar": dict(sorted(wanted.items()))}
    append(work, "calendar.set", body, subject=row.code)
    return wanted


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise WorkflowError("calendar-day", text=text.strip()[:40]) from error


def publish_list(work: Work, round_id: int) -> Round:
    """Publish the approved list; it must still be the newest one. Its period begins."""
    row = work.one(Round, round_id, lock=True)
    if row.status != "closed":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="closed")
    computed = newest(work.session, round_id, "list")
    if computed is None or not approved(work.session, round_id, computed.digest):
        raise WorkflowError("approval-needed", round=row.code)
    row.status = "published"
    work.session.add(row)
    days = row.rules["publicity_days"]
    period = count_period(work.now, days, calendar_of(work.session, row))
    body = {
        "round": row.code,
        "kind": "proposed",
        "record": computed.digest,
        "days": days,
        "first_day": period.first.isoformat(),
        "last_day": period.last.isoformat(),
    }
    append(work, "list.published", body, subject=row.code)
    return row


def approved(session: Session, round_id: int, record: str) -> bool:
    """Whether a second person approved the list with this digest."""
    rows = session.exec(
        select(Approval.content).where(
            Approval.round_id == round_id,
            Approval.subject == "list",
            Approval.status == "approved",
        )
    )
    return any(content["record"] == record for content in rows)


def period(session: Session, row: Round) -> Period | None:
    """Return the period as the log has it; None before publication."""
    query = select(LogEvent.time, LogEvent.event).where(
        LogEvent.subject == row.code, LogEvent.type == "list.published"
    )
    found = session.exec(query.order_by(col(LogEvent.seq)).limit(1)).first()
    if found is None:
        return None
    moment, body = found[0], json.loads(found[1])["body"]
    if "last_day" not in body:  # published by a release that kept no calendar
        return count_period(moment, int(body["days"]), {})
    first, last = (date.fromisoformat(body[name]) for name in ("first_day", "last_day"))
    return Period(moment, first, last)


def finalise_list(work: Work, round_id: int) -> Computation:
    """Make the list final: the period is over and every objection answered.

    Dossiers that an upheld objection took off leave their places vacant; the record names both.
    """
    row = work.one(Round, round_id, lock=True)
    found = period(work.session, row)
    listed = newest(work.session, round_id, "list")
    if row.status != "published" or found is None or listed is None:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="published")
    if not found.over(work.now):
        raise WorkflowError("publicity-runs", last=found.last.isoformat())
    objections = work.session.exec(
        select(Objection).where(Objection.round_id == round_id).order_by(col(Objection.receipt))
    ).all()
    waiting = [one.receipt for one in objections if one.status != "answered"]
    if waiting:
        raise WorkflowError("objections-open", receipts=waiting)
    proposed = json.loads(listed.record)["selection"]["list"]
    removed = {one.dossier: one.receipt for one in objections if one.removes}
    record: dict[str, Any] = {
        "round": row.code,
        "proposed": listed.digest,
        "removed": [
            {"dossier": name, "objection": removed[name]} for name in proposed if name in removed
        ],
        "list": [name for name in proposed if name not in removed],
        "objections": len(objections),
    }
    row.status = "final"
    work.session.add(row)
    kept = keep(work, row, "final", record, digest(record))
    body = {"round": row.code, "kind": "final", "record": kept.digest}
    append(work, "list.published", body, subject=row.code)
    return kept


def published_numbers(session: Session, row: Round) -> tuple[list[str], Computation]:
    """Return the numbers of the dossiers on the list that stands, and its record."""
    final = newest(session, pk(row), "final") if row.status == "final" else None
    if final is not None:
        return json.loads(final.record)["list"], final
    listed = newest(session, pk(row), "list")
    if listed is None:
        raise WorkflowError("list-needed", round=row.code)
    return json.loads(listed.record)["selection"]["list"], listed
