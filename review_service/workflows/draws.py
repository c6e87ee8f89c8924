"""The draw, step by step: commitments, then (after its lock) reveals, completion or void."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import defer
from sqlmodel import col, func, select

from allocation import draw as drawing
from allocation import sources as randomness
from allocation.canonical import canonical, parse
from allocation.hashing import h
from allocation.snapshot import Snapshot
from review_service.tables import Commitment, Draw, DrawExpert, DrawSource, Round, Seat
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.log import append

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work

# What a list of draws doesn't show: millions of characters where experts are many.
_SNAPSHOT: Any = Draw.snapshot
_RESULT: Any = Draw.result
IN_SHORT = (defer(_SNAPSHOT), defer(_RESULT))


def next_draw_id(session: Session, row: Round) -> tuple[int, str]:
    """Return the number and id that the round's next draw will have."""
    last = session.exec(select(func.max(Draw.number)).where(Draw.round_id == row.id)).one()
    number = (last or 0) + 1
    return number, f"{row.code}/draw/{number}"


def draws_of(session: Session, round_id: int) -> list[Draw]:
    """Return a round's draws by number; their long texts are fetched where they're asked for."""
    query = select(Draw).where(Draw.round_id == round_id).order_by(col(Draw.number))
    return list(session.exec(query.options(*IN_SHORT)))


def give_commitment(work: Work, round_id: int, party: str, commitment: str) -> Commitment:
    """Take a party's commitment for the next draw; it can't be changed once given."""
    row = work.one(Round, round_id, lock=True)
    if row.rules["parties"].get(party) != work.actor.role:
        raise WorkflowError("not-your-party", party=party)
    if len(commitment) != 64 or not set(commitment) <= set("0123456789abcdef"):
        raise WorkflowError("commitment-form", party=party)
    _, draw_id = next_draw_id(work.session, row)
    if commitment_of(work.session, draw_id, party):
        raise WorkflowError("commitment-given", party=party, draw_id=draw_id)
    given = Commitment(
        round_id=round_id,
        draw_id=draw_id,
        party=party,
        commitment=commitment,
        given_by=work.actor.id,
        given_at=work.now,
    )
    work.session.add(given)
    body = {"draw_id": draw_id, "party": party, "commitment": commitment}
    append(work, "commitment.given", body, subject=draw_id)
    return given


def commitment_of(session: Session, draw_id: str, party: str) -> Commitment | None:
    """Return a party's commitment for a draw, if given."""
    query = select(Commitment).where(Commitment.draw_id == draw_id, Commitment.party == party)
    return session.exec(query).first()


def sources_of(session: Session, draw: Draw) -> list[DrawSource]:
    """Return the draw's sources in their order."""
    query = select(DrawSource).where(DrawSource.draw_pk == draw.id)
    return list(session.exec(query.order_by(col(DrawSource.position))))


def reveal_source(work: Work, draw_pk: int, position: int, entry: dict[str, Any]) -> DrawSource:
    """Take one revealed value, after checking it against the lock (SourceError where it fails)."""
    draw = _open_draw(work, draw_pk)
    source = sources_of(work.session, draw)[position]
    if source.entry is not None:
        raise WorkflowError("already-revealed", source=source.label)
    if source.kind == "commitment":
        row = work.one(Round, draw.round_id)
        if row.rules["parties"].get(source.label) != work.actor.role:
            raise WorkflowError("not-your-party", party=source.label)
    snapshot = Snapshot.from_record(parse(draw.snapshot.encode()))
    randomness.check_source(snapshot, position, entry)
    source.entry = canonical(entry).decode()
    source.revealed_by, source.revealed_at = work.actor.id, work.now
    work.session.add(source)
    body = {"draw_id": draw.draw_id, "index": position, "source": entry}
    append(work, "draw.revealed", body, subject=draw.draw_id)
    return source


def complete_draw(work: Work, draw_pk: int) -> Draw:
    """Derive the seed from all sources, draw, and seat the drawn."""
    draw = _open_draw(work, draw_pk)
    sources = sources_of(work.session, draw)
    missing = [source.label for source in sources if source.entry is None]
    if missing:
        raise WorkflowError("not-all-revealed", missing=missing)
    entries = [json.loads(source.entry or "") for source in sources]
    result = drawing.draw(parse(draw.snapshot.encode()), entries)
    draw.result = canonical(result).decode()
    draw.status, draw.settled_at = "completed", work.now
    work.session.add(draw)
    people = expert_ids(work.session, draw)
    for seat in result["seats"]:
        work.session.add(
            Seat(
                draw_pk=pk(draw),
                panel=seat["panel"],
                stratum=seat["stratum"],
                pseudonym=seat["expert"],
                expert_id=people[seat["expert"]],
                changed_at=work.now,
            )
        )
    body = {
        "draw_id": draw.draw_id,
        "snapshot": draw.digest,
        "seed": result["seed"],
        "result": h("result", canonical(result)).hex(),
    }
    append(work, "draw.completed", body, subject=draw.draw_id)
    return draw


def void_draw(work: Work, draw_pk: int, reason: str) -> Draw:
    """End a draw without a result; its number, reason and missing parties stay for ever."""
    draw = _open_draw(work, draw_pk)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    sources = sources_of(work.session, draw)
    draw.status, draw.settled_at, draw.void_reason = "voided", work.now, reason.strip()
    work.session.add(draw)
    body = {
        "draw_id": draw.draw_id,
        "reason": draw.void_reason,
        "missing": [source.position for source in sources if source.entry is None],
    }
    append(work, "draw.voided", body, subject=draw.draw_id)
    return draw


def expert_ids(session: Session, draw: Draw) -> dict[str, int]:
    """Return pseudonym → row id of the pool for a draw."""
    rows = session.exec(
        select(DrawExpert.pseudonym, DrawExpert.expert_id).where(DrawExpert.draw_pk == draw.id)
    )
    return dict(rows.all())


def _open_draw(work: Work, draw_pk: int) -> Draw:
    draw = work.one(Draw, draw_pk, lock=True)
    if draw.status != "locked":
        raise WorkflowError("draw-status", draw_id=draw.draw_id, status=draw.status)
    return draw
