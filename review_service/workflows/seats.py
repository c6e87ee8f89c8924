"""Seats after the draw: accept, decline, and the replacement that follows at once from the list."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import replacement as replacing
from allocation.canonical import parse
from allocation.snapshot import Snapshot
from review_service.tables import Conflict, Dossier, Draw, LogEvent, Seat
from review_service.workflows.base import WorkflowError
from review_service.workflows.draws import expert_ids
from review_service.workflows.log import append

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work

# Why a seat is vacated: the log is public, so it carries a code; words stay sealed.
REASONS = ("declined", "recusal", "unreachable", "timeout", "conflict", "withdrawn", "other")

# The events that replacement depends on, besides the snapshot and the result.
_HISTORY = ("conflict.declared", "expert.unavailable", "seat.vacated", "seat.replaced")


def accept_seat(work: Work, seat_id: int) -> Seat:
    """The expert takes the seat."""
    seat = work.one(Seat, seat_id, lock=True)
    if seat.status != "awaiting":
        raise WorkflowError("seat-status", status=seat.status)
    seat.status, seat.changed_at = "accepted", work.now
    work.session.add(seat)
    draw = work.one(Draw, seat.draw_pk)
    append(work, "seat.accepted", {"draw_id": draw.draw_id} | _place(seat), subject=draw.draw_id)
    return seat


def vacate_seat(work: Work, seat_id: int, reason: str, note: str = "") -> Seat | None:
    """The expert declines, recuses or can't be reached: the next of the list takes the seat.

    `reason` is one of REASONS; `note`, in anybody's words, enters the log as a sealed digest.
    Returns the new seat, or None where the list is exhausted (a supplementary draw is then due).
    """
    seat = work.one(Seat, seat_id, lock=True)
    draw = work.one(Draw, seat.draw_pk, lock=True)
    if seat.status == "vacated":
        raise WorkflowError("seat-status", status=seat.status)
    if reason not in REASONS:
        raise WorkflowError("reason-needed")
    return _vacate(work, draw, seat, reason, note, dossier=seat.dossier or None)


def declare_conflict(work: Work, seat_id: int, dossier: str, rule: str) -> Seat | None:
    """The expert declares a conflict with one dossier: it closes, and a stand-in is taken for it.

    Returns the stand-in's seat, or None where the list is exhausted.
    """
    seat = work.one(Seat, seat_id, lock=True)
    draw = work.one(Draw, seat.draw_pk, lock=True)
    if dossier not in dossiers_of(draw, seat.panel) or seat.status == "vacated":
        raise WorkflowError("not-your-dossier", dossier=dossier)
    _close_dossier(work, draw, seat, dossier, rule)
    append(
        work,
        "conflict.declared",
        {"draw_id": draw.draw_id, "expert": seat.pseudonym, "dossier": dossier, "rule": rule},
        subject=draw.draw_id,
    )
    return _vacate(work, draw, seat, "conflict", "", dossier=dossier)


def dossiers_of(draw: Draw, panel: str) -> list[str]:
    """Return the numbers of a panel's dossiers, as dealt."""
    return list(dealt(draw.result or "{}").get(panel, ()))


@lru_cache(maxsize=256)
def dealt(result: str) -> dict[str, tuple[str, ...]]:
    """Return panel → its dossiers of a result's text; parsed once, for every save asks."""
    return {panel: tuple(held) for panel, held in json.loads(result).get("panels", {}).items()}


def _close_dossier(work: Work, draw: Draw, seat: Seat, dossier: str, rule: str) -> None:
    """Keep the declared pair among the round's conflicts: the dossier is closed to the expert."""
    query = select(Dossier.id).where(Dossier.round_id == draw.round_id, Dossier.number == dossier)
    work.session.add(
        Conflict(
            round_id=draw.round_id,
            expert_id=seat.expert_id,
            dossier_id=work.session.exec(query).one() or 0,
            rule=rule,
            source="expert",
            declared_by=work.actor.id,
            declared_at=work.now,
        )
    )


def _place(seat: Seat) -> dict[str, str]:
    return {"panel": seat.panel, "stratum": seat.stratum, "expert": seat.pseudonym}


def _history(session: Session, draw: Draw) -> list[dict[str, Any]]:
    rows = session.exec(
        select(LogEvent.event)
        .where(LogEvent.subject == draw.draw_id, col(LogEvent.type).in_(_HISTORY))
        .order_by(col(LogEvent.seq))
    )
    return [json.loads(text) for text in rows]


def _vacate(
    work: Work, draw: Draw, seat: Seat, reason: str, note: str, dossier: str | None
) -> Seat | None:
    body = {"draw_id": draw.draw_id, "dossier": dossier, "reason": reason} | _place(seat)
    private = {"note": note.strip()} if note.strip() else None
    append(work, "seat.vacated", body, subject=draw.draw_id, private=private)
    whole = dossier is None or bool(seat.dossier)
    if whole:
        seat.status, seat.reason, seat.changed_at = "vacated", reason, work.now
        work.session.add(seat)
    found = replacing.next_replacement(
        Snapshot.from_record(parse(draw.snapshot.encode())),
        parse((draw.result or "").encode()),
        _history(work.session, draw),
    )
    append(work, "seat.replaced", {"draw_id": draw.draw_id} | found, subject=draw.draw_id)
    if found["expert"] is None:
        return None
    new = Seat(
        draw_pk=seat.draw_pk,
        panel=seat.panel,
        stratum=seat.stratum,
        pseudonym=found["expert"],
        expert_id=expert_ids(work.session, draw)[found["expert"]],
        dossier=dossier or "",
        replaces_id=seat.id,
        changed_at=work.now,
    )
    work.session.add(new)
    work.session.flush()
    return new
