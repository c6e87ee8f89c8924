"""Seats after the draw: accept, decline, and the replacement that follows at once from the list."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import col, select

from allocation import replacement as replacing
from allocation.canonical import parse
from allocation.snapshot import Snapshot
from review_service.tables import Account, Conflict, Dossier, Draw, LogEvent, Seat
from review_service.workflows.base import Actor, NotFoundError, WorkflowError
from review_service.workflows.draws import expert_ids
from review_service.workflows.log import append

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work

# Why a seat is vacated: the log is public, so it carries a code; words stay sealed.
REASONS = ("declined", "recusal", "unreachable", "timeout", "conflict", "withdrawn", "other")

# Which of them who may give: "declined" is an expert's own to say, "unreachable" is not.
_MAY_GIVE = {
    "expert": ("declined", "recusal", "conflict", "withdrawn", "other"),
    "staff": ("unreachable", "timeout", "withdrawn", "other"),
    "system": ("timeout",),
}

# The events that replacement depends on, besides the snapshot and the result.
_HISTORY = ("conflict.declared", "expert.unavailable", "seat.vacated", "seat.replaced")


def accept_seat(work: Work, seat_id: int) -> Seat:
    """The expert takes the own seat; nobody accepts for somebody else."""
    seat = work.one(Seat, seat_id, lock=True)
    if work.actor.role != "expert":
        raise WorkflowError("not-for-role", role=work.actor.role)
    work = as_holder(work, seat)
    if seat.status != "awaiting":
        raise WorkflowError("seat-status", status=seat.status)
    seat.status, seat.changed_at = "accepted", work.now
    work.session.add(seat)
    draw = work.one(Draw, seat.draw_pk)
    append(work, "seat.accepted", {"draw_id": draw.draw_id} | _place(seat), subject=draw.draw_id)
    return seat


def vacate_seat(work: Work, seat_id: int, reason: str, note: str = "") -> Seat | None:
    """The expert declines, recuses or can't be reached: the next of the list takes the seat.

    An expert vacates the own seat alone; staff may give the reasons that are staff's to know, not
    those that are an expert's own. `note`, in anybody's words, enters the log as a sealed digest.
    Returns the new seat, or None where the list is exhausted (a supplementary draw is then due).
    """
    seat = work.one(Seat, seat_id, lock=True)
    draw = work.one(Draw, seat.draw_pk, lock=True)
    if seat.status == "vacated":
        raise WorkflowError("seat-status", status=seat.status)
    work = as_holder(work, seat)
    if reason not in REASONS:
        raise WorkflowError("reason-needed")
    if reason not in _MAY_GIVE.get(work.actor.role, ()):
        raise WorkflowError("reason-not-yours", reason=reason)
    return _vacate(work, draw, seat, reason, note, dossier=seat.dossier or None)


def as_holder(work: Work, seat: Seat) -> Work:
    """Return `work` of the expert on this seat under the seat's pseudonym; others' as it is.

    An expert's account has one code for all rounds. In the log it would lead from a round whose
    names are open to one whose names are sealed.
    """
    if work.actor.role != "expert":
        return work
    _own(work, seat)
    return dataclasses.replace(work, actor=Actor("expert", seat.pseudonym))


def as_seated(work: Work, round_id: int, expert_id: int) -> Work:
    """Return `work` of an expert under the pseudonym of the first seat in this round."""
    if work.actor.role != "expert":
        return work
    pseudonym = work.session.exec(
        select(Seat.pseudonym)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id, Seat.expert_id == expert_id)
        .order_by(col(Seat.id))
        .limit(1)
    ).first()
    if pseudonym is None:
        raise NotFoundError("no-seat")
    return dataclasses.replace(work, actor=Actor("expert", pseudonym))


def _own(work: Work, seat: Seat) -> None:
    """Refuse a seat that isn't the acting expert's, as if there were none.

    An expert acts under the code of an account, or by the link of a letter under the pseudonym.
    """
    query = select(Account.expert_id).where(Account.code == work.actor.id)
    accounts = work.session.exec(query).all()
    mine = seat.expert_id in accounts if accounts else work.actor.id == seat.pseudonym
    if not mine:
        raise NotFoundError("not-found", kind="Seat", key=str(seat.id))


def declare_conflict(work: Work, seat_id: int, dossier: str, rule: str) -> Seat | None:
    """The expert declares a conflict with one dossier: it closes, and a stand-in is taken for it.

    Returns the stand-in's seat, or None where the list is exhausted.
    """
    seat = work.one(Seat, seat_id, lock=True)
    draw = work.one(Draw, seat.draw_pk, lock=True)
    work = as_holder(work, seat)
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
    """Return the numbers of a panel's dossiers, as dealt or as fixed before."""
    text = draw.snapshot if draw.method == "balanced" else draw.result
    return list(dealt(text or "{}").get(panel, ()))


# The text of a draw that says which panel has which dossiers: a lottery's result deals them, and
# the snapshot of a balanced draw has them fixed.
DEALING = sa.case((col(Draw.method) == "balanced", Draw.snapshot), else_=Draw.result)


@lru_cache(maxsize=64)
def dealt(text: str) -> dict[str, tuple[str, ...]]:
    """Return panel → its dossiers of a `DEALING` text; parsed once, for every save asks."""
    panels = json.loads(text).get("panels", {})
    if isinstance(panels, list):
        return {panel["id"]: tuple(panel["dossiers"]) for panel in panels}
    return {panel: tuple(held) for panel, held in panels.items()}


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
