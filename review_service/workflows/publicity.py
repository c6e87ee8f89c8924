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

from review_service.tables import (
    Approval,
    CalendarDay,
    Computation,
    LogEvent,
    Objection,
    Round,
)
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import keep, newest
from review_service.workflows.log import append
from scoring.records import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlmodel import Session

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
    """Publish the approved list, and begin its period; it must still be the newest one.

    A list that fills places which upheld objections emptied is published again, for as long.
    """
    row = work.one(Round, round_id, lock=True)
    again = row.status == "published" and pending(work.session, row) is not None
    if row.status != "closed" and not again:
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
    if again:
        body["supersedes"] = json.loads(computed.record)["supersedes"]
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
    """Return the newest period as the log has it; None before publication."""
    found = _publications(session, row)
    if not found:
        return None
    moment, body = found[-1]
    if "last_day" not in body:  # published by a release that kept no calendar
        return count_period(moment, int(body["days"]), {})
    first, last = (date.fromisoformat(body[name]) for name in ("first_day", "last_day"))
    return Period(moment, first, last)


def _publications(session: Session, row: Round) -> list[tuple[datetime, dict[str, Any]]]:
    """Return time and body of every publication of a proposed list, in order."""
    query = select(LogEvent.time, LogEvent.event).where(
        LogEvent.subject == row.code, LogEvent.type == "list.published"
    )
    rows = [
        (moment, json.loads(text)["body"])
        for moment, text in session.exec(query.order_by(col(LogEvent.seq)))
    ]
    return [one for one in rows if one[1].get("kind") != "final"]


def republished_from(session: Session, row: Round) -> date | None:
    """Return the first day of the first period where a list was published again; else None."""
    found = _publications(session, row)
    if len(found) < 2:
        return None
    moment, body = found[0]
    return date.fromisoformat(body["first_day"]) if "first_day" in body else moment.date()


def published_list(session: Session, row: Round) -> Computation | None:
    """Return the proposed list that was published last; None before publication."""
    found = _publications(session, row)
    if not found:
        return None
    query = select(Computation).where(
        Computation.round_id == row.id,
        Computation.kind == "list",
        Computation.digest == found[-1][1]["record"],
    )
    return session.exec(query.order_by(col(Computation.id).desc()).limit(1)).first()


def pending(session: Session, row: Round) -> Computation | None:
    """Return the list that was selected anew and isn't published yet; None without one."""
    listed, newer = published_list(session, row), newest(session, pk(row), "list")
    if listed is None or newer is None or newer.digest == listed.digest:
        return None
    return newer if json.loads(newer.record).get("supersedes") == listed.digest else None


def removals(session: Session, row: Round) -> dict[str, str]:
    """Return number → receipt of the dossiers that upheld objections took off."""
    query = select(Objection.dossier, Objection.receipt).where(
        Objection.round_id == row.id, Objection.status == "answered", col(Objection.removes)
    )
    return dict(session.exec(query.order_by(col(Objection.receipt))).all())


def vacant(session: Session, row: Round) -> list[str]:
    """Return the dossiers of the published list whose places the rules have to fill again.

    None where the round counts no places (a pass line alone): nobody waits for one then.
    """
    listed = published_list(session, row)
    if listed is None or row.rules["list"].get("total") is None:
        return []
    taken = json.loads(listed.record)["selection"]["list"]
    removed = removals(session, row)
    return [one for one in taken if one in removed]


def check_answered(work: Work, row: Round) -> list[Objection]:
    """Return the round's objections; refuses while its period runs or one isn't answered."""
    found = period(work.session, row)
    if row.status != "published" or found is None:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="published")
    if not found.over(work.now):
        raise WorkflowError("publicity-runs", last=found.last.isoformat())
    objections = work.session.exec(
        select(Objection).where(Objection.round_id == row.id).order_by(col(Objection.receipt))
    ).all()
    waiting = [one.receipt for one in objections if one.status != "answered"]
    if waiting:
        raise WorkflowError("objections-open", receipts=waiting)
    return list(objections)


def finalise_list(work: Work, round_id: int) -> Computation:
    """Make the list final: period over, objections answered, emptied places filled by the rules.

    The record names what objections took off, what came in for it, and every list published.
    """
    row = work.one(Round, round_id, lock=True)
    objections = check_answered(work, row)
    listed = published_list(work.session, row)
    if listed is None:
        raise WorkflowError("list-needed", round=row.code)
    empty = vacant(work.session, row)
    if empty:
        raise WorkflowError("places-vacant", ids=empty)
    earlier = [body["record"] for _moment, body in _publications(work.session, row)[:-1]]
    proposed = json.loads(listed.record)["selection"]["list"]
    first = earlier[0] if earlier else listed.digest
    began = _list_of(work.session, row, first)
    removed = removals(work.session, row)
    record: dict[str, Any] = {
        "round": row.code,
        "proposed": listed.digest,
        "supersedes": earlier,
        "removed": [
            {"dossier": name, "objection": removed[name]}
            for name in sorted({*began, *proposed, *_ever(work.session, row, earlier)})
            if name in removed
        ],
        "added": [name for name in proposed if name not in began],
        "list": [name for name in proposed if name not in removed],
        "objections": len(objections),
    }
    row.status = "final"
    work.session.add(row)
    kept = keep(work, row, "final", record, digest(record))
    body = {"round": row.code, "kind": "final", "record": kept.digest}
    append(work, "list.published", body, subject=row.code)
    return kept


def _ever(session: Session, row: Round, records: Iterable[str]) -> set[str]:
    return {name for record in records for name in _list_of(session, row, record)}


def _list_of(session: Session, row: Round, record: str) -> list[str]:
    query = select(Computation.record).where(
        Computation.round_id == row.id, Computation.kind == "list", Computation.digest == record
    )
    text = session.exec(query.limit(1)).first()
    return json.loads(text)["selection"]["list"] if text else []


def published_numbers(session: Session, row: Round) -> tuple[list[str], Computation]:
    """Return the numbers of the dossiers on the list that stands, and its record."""
    final = newest(session, pk(row), "final") if row.status == "final" else None
    if final is not None:
        return json.loads(final.record)["list"], final
    listed = published_list(session, row) or newest(session, pk(row), "list")
    if listed is None:
        raise WorkflowError("list-needed", round=row.code)
    return json.loads(listed.record)["selection"]["list"], listed


def changes(session: Session, row: Round) -> dict[str, list[str]]:
    """Return what the list that stands has `removed` and `added` since it was first published."""
    published = _publications(session, row)
    if not published:
        return {"removed": [], "added": []}
    began = _list_of(session, row, published[0][1]["record"])
    ever = _ever(session, row, [body["record"] for _moment, body in published])
    standing, _record = published_numbers(session, row)
    return {
        "removed": sorted(ever.difference(standing)),
        "added": [name for name in standing if name not in began],
    }
