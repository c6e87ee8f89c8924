"""Scoring: who may score what, drafts that never overwrite a later one, submission."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import defer
from sqlmodel import col, select

from review_service.tables import Conflict, Dossier, Draw, Expert, Pledge, Review, Round, Seat
from review_service.workflows import calibration
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError
from review_service.workflows.log import append
from review_service.workflows.rounds import rubric_of
from review_service.workflows.seats import DEALING, as_seated, dealt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel import Session

    from review_service.workflows.base import Work

# The form's text is long, and saving a score doesn't need it.
_APPLICATION: Any = Dossier.application


def assigned(session: Session, round_id: int, expert_id: int) -> list[Dossier]:
    """Return the dossiers that an expert is to score: calibration first, then by number.

    An expert scores the dossiers of the panel of an accepted seat, save those with a conflict
    declared since; a stand-in scores the one dossier. Everybody scores the calibration dossiers.
    """
    numbers, closed = _numbers(session, round_id, expert_id)
    if not numbers:
        return []
    query = select(Dossier).where(
        Dossier.round_id == round_id,
        col(Dossier.number).in_(numbers) | (col(Dossier.status) == "calibration"),
        col(Dossier.number).not_in(closed),
    )
    rows = session.exec(query.order_by(col(Dossier.number))).all()
    return sorted(rows, key=lambda one: (one.status != "calibration", one.number))


def _numbers(session: Session, round_id: int, expert_id: int) -> tuple[set[str], set[str]]:
    """Return the numbers of the dossiers of an expert's seats, and those closed by conflicts."""
    seats = session.exec(
        select(Seat.panel, Seat.dossier, DEALING)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.expert_id == expert_id, Seat.status == "accepted")
    ).all()
    numbers: set[str] = set()
    for panel, dossier, dealing in seats:
        numbers |= {dossier} if dossier else set(dealt(dealing or "{}").get(panel, ()))
    closed = session.exec(
        select(Dossier.number)
        .join(Conflict, col(Conflict.dossier_id) == col(Dossier.id))
        .where(
            Conflict.round_id == round_id,
            Conflict.expert_id == expert_id,
            Conflict.status == "confirmed",
        )
    ).all()
    return numbers - set(closed), set(closed)


def assigned_to_all(session: Session, round_id: int) -> dict[int, set[int]]:
    """Return expert → the rows of the dossiers to score, of everybody with an accepted seat.

    What `assigned` says of one expert, for all of them in as many statements as for one.
    """
    seats = session.exec(
        select(Seat.expert_id, Seat.panel, Seat.dossier, Seat.draw_pk)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.status == "accepted")
    ).all()
    dealings = dict(session.exec(select(Draw.id, DEALING).where(Draw.round_id == round_id)).all())
    numbers: dict[int, set[str]] = defaultdict(set)
    for expert, panel, dossier, draw in seats:
        panels = dealt(dealings[draw] or "{}")
        numbers[expert] |= {dossier} if dossier else set(panels.get(panel, ()))
    rows: dict[str, int] = {}
    samples: set[int] = set()
    query = select(Dossier.id, Dossier.number, Dossier.status).where(Dossier.round_id == round_id)
    for row, number, status in session.exec(query):
        if row is not None:  # a stored row always has one
            rows[number] = row
        if row is not None and status == "calibration":
            samples.add(row)
    closed: dict[int, set[int]] = defaultdict(set)
    barred = select(Conflict.expert_id, Conflict.dossier_id).where(
        Conflict.round_id == round_id, Conflict.status == "confirmed"
    )
    for expert, barred_row in session.exec(barred):
        closed[expert].add(barred_row)
    found = {}
    for expert, held in numbers.items():
        mine = {rows[one] for one in held if one in rows} - closed[expert]
        found[expert] = mine | (samples - closed[expert]) if mine else set()
    return found


def sign_pledge(work: Work, round_id: int, expert_id: int) -> Pledge:
    """Sign the pledge of confidentiality, once; nothing of a dossier opens before."""
    row = work.one(Round, round_id)
    if not _numbers(work.session, round_id, expert_id)[0]:
        raise NotFoundError("no-seat")
    if work.session.get(Pledge, (round_id, expert_id)):
        raise WorkflowError("pledge-signed")
    pledge = Pledge(round_id=round_id, expert_id=expert_id, signed_at=work.now)
    work.session.add(pledge)
    seated = as_seated(work, round_id, expert_id)
    append(seated, "pledge.signed", {"round": row.code}, subject=row.code)
    return pledge


def _mine(work: Work, round_id: int, expert_id: int, dossier_id: int) -> tuple[Round, Dossier]:
    row = work.one(Round, round_id)
    if row.status != "reviewing":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="reviewing")
    if work.session.get(Pledge, (round_id, expert_id)) is None:
        raise WorkflowError("pledge-needed")
    dossier = work.session.get(Dossier, dossier_id, options=[defer(_APPLICATION)])
    numbers, closed = _numbers(work.session, round_id, expert_id)
    if dossier is None or dossier.round_id != round_id or not numbers:
        raise NotFoundError("not-your-dossier")
    sample = dossier.status == "calibration" and dossier.number not in closed
    if dossier.number not in numbers and not sample:
        raise NotFoundError("not-your-dossier")
    if not sample and calibration.holds_back(work.session, row, expert_id):
        raise WorkflowError("calibration-first")
    return row, dossier


def save_review(
    work: Work,
    round_id: int,
    expert_id: int,
    dossier_id: int,
    *,
    levels: Mapping[str, int | None],
    notes: Mapping[str, str],
    version: int,
) -> Review:
    """Keep a draft. `version` is the one that was read; a newer one stored raises StaleError."""
    row, _ = _mine(work, round_id, expert_id, dossier_id)
    rubric_of(row).total(levels)  # refuses unknown criteria and levels
    query = select(Review).where(Review.expert_id == expert_id, Review.dossier_id == dossier_id)
    review = work.session.exec(query.with_for_update()).first()
    if review is None:
        review = Review(
            round_id=round_id, dossier_id=dossier_id, expert_id=expert_id, saved_at=work.now
        )
    if review.status == "submitted":
        raise WorkflowError("review-submitted")
    if review.version != version:
        raise StaleError("review-changed", stored=review.version, read=version)
    review.levels = {key: level for key, level in levels.items() if level is not None}
    review.notes = {key: text for key, text in notes.items() if text}
    review.version, review.saved_at = version + 1, work.now
    work.session.add(review)
    work.session.flush()
    return review


def submit_review(work: Work, round_id: int, expert_id: int, dossier_id: int) -> Review:
    """Submit a complete review; it is locked from here on, and its digest stands in the log."""
    row, dossier = _mine(work, round_id, expert_id, dossier_id)
    query = select(Review).where(Review.expert_id == expert_id, Review.dossier_id == dossier_id)
    review = work.session.exec(query.with_for_update()).first()
    if review is None:
        raise WorkflowError("review-empty", dossier=dossier.number)
    if review.status == "submitted":
        raise WorkflowError("review-submitted")
    missing = list(rubric_of(row).total(review.levels).missing)
    if missing:
        raise WorkflowError("review-incomplete", dossier=dossier.number, missing=missing)
    review.status, review.submitted_at = "submitted", work.now
    work.session.add(review)
    expert = work.one(Expert, expert_id)
    private: dict[str, Any] = {
        "expert": expert.number,
        "dossier": dossier.number,
        "levels": dict(review.levels),
        "notes": dict(review.notes),
    }
    seated = as_seated(work, round_id, expert_id)
    append(seated, "review.submitted", {"round": row.code}, subject=row.code, private=private)
    return review


def enter_review(
    work: Work,
    round_id: int,
    expert_id: int,
    dossier_id: int,
    *,
    levels: Mapping[str, int | None],
    notes: Mapping[str, str],
    version: int,
) -> Review:
    """Save and submit a whole review at once, as an offline form brings it."""
    save_review(work, round_id, expert_id, dossier_id, levels=levels, notes=notes, version=version)
    return submit_review(work, round_id, expert_id, dossier_id)


def start_reviewing(work: Work, round_id: int) -> Round:
    """Open scoring once a draw was completed and every seat that stands was accepted."""
    row = work.one(Round, round_id, lock=True)
    if row.status != "open":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="open")
    statuses = work.session.exec(
        select(Seat.status)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id)
    ).all()
    awaiting = sum(status == "awaiting" for status in statuses)
    if not statuses or awaiting:
        raise WorkflowError("seats-awaited", count=awaiting)
    row.status = "reviewing"
    work.session.add(row)
    append(work, "reviewing.started", {"round": row.code}, subject=row.code)
    return row
