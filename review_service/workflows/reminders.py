"""Reminders of open reviews: a letter to one expert, to all who are late, or to all not done."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.exchange import letters
from review_service.tables import Expert, Letter, Reminder, Review, Round
from review_service.workflows import deadlines, reviews
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.log import append

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.tables import Extension
    from review_service.workflows.base import Work

# Nobody is reminded twice within this time, however often the button is pressed.
PAUSE = timedelta(hours=12)


@dataclass(frozen=True)
class Standing:
    """How far an expert is: dossiers to review, those submitted, the end, and when reminded.

    `extended` is what put the end off for this expert alone.
    """

    expert_id: int
    assigned: int
    submitted: int
    due: datetime | None
    extended: Extension | None
    reminded: tuple[datetime, ...]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.submitted >= self.assigned

    def late(self, now: datetime) -> bool:
        """Whether the end has passed with reviews still open."""
        return not self.finished and self.due is not None and self.due < now


def standings(session: Session, row: Round) -> dict[int, Standing]:
    """Return how far every expert with an accepted seat is, by the pool's row."""
    round_id, end = pk(row), deadlines.round_end(row)
    submitted: dict[int, set[int]] = defaultdict(set)
    query = select(Review.expert_id, Review.dossier_id).where(
        Review.round_id == round_id, Review.status == "submitted"
    )
    for expert, dossier in session.exec(query):
        submitted[expert].add(dossier)
    reminded: dict[int, list[datetime]] = defaultdict(list)
    sent = select(Reminder).where(Reminder.round_id == round_id).order_by(col(Reminder.id))
    for one in session.exec(sent):
        reminded[one.expert_id].append(one.sent_at)
    later = deadlines.extensions(session, round_id)
    assigned = reviews.assigned_to_all(session, round_id)
    found = {}
    for expert in sorted(assigned):
        mine, extended = assigned[expert], later.get(expert)
        found[expert] = Standing(
            expert,
            len(mine),
            len(mine & submitted[expert]),
            extended.until if extended else end,
            extended,
            tuple(reminded[expert]),
        )
    return found


def remind(work: Work, round_id: int, expert_id: int) -> Letter:
    """Remind one expert; refused where nothing is open, or within PAUSE of the last reminder."""
    row = _reviewing(work, round_id)
    one = standings(work.session, row).get(expert_id)
    if one is None or one.finished:
        raise WorkflowError("nothing-open")
    if _just_reminded(one, work.now):
        raise WorkflowError("just-reminded")
    return _write(work, row, one)


def remind_many(work: Work, round_id: int, *, late: bool) -> int:
    """Remind all who are `late`, or all who aren't finished; return how many letters it makes.

    Whoever was reminded within PAUSE is passed over.
    """
    row = _reviewing(work, round_id)
    count = 0
    for one in standings(work.session, row).values():
        wanted = one.late(work.now) if late else not one.finished
        if wanted and not _just_reminded(one, work.now):
            _write(work, row, one)
            count += 1
    if not count:
        raise WorkflowError("nobody-to-remind")
    return count


def _reviewing(work: Work, round_id: int) -> Round:
    row = work.one(Round, round_id)
    if row.status != "reviewing":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="reviewing")
    return row


def _just_reminded(one: Standing, now: datetime) -> bool:
    return bool(one.reminded) and one.reminded[-1] > now - PAUSE


def _write(work: Work, row: Round, one: Standing) -> Letter:
    expert = work.one(Expert, one.expert_id)
    left = one.assigned - one.submitted
    subject, body = letters.reminder(expert.name, row.title, left, one.due)
    letter = Letter(
        address=expert.email, name=expert.name, subject=subject, body=body, made_at=work.now
    )
    work.session.add(letter)
    work.session.add(
        Reminder(
            round_id=pk(row),
            expert_id=one.expert_id,
            sent_by=work.actor.id,
            sent_at=work.now,
        )
    )
    private = {"expert": expert.number, "open": left}
    append(work, "reminder.sent", {"round": row.code}, subject=row.code, private=private)
    return letter
