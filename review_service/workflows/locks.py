"""The locks: what a draw freezes before any randomness exists. Nothing re-rolls.

A round has one draw of its panels that counts. Another is locked only where the first was voided,
or for seats that its list could not fill (a supplementary draw), under the next number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import PROTOCOL
from allocation import lock as locking
from allocation.canonical import canonical
from review_service.tables import Draw, DrawExpert, DrawSource, Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.draws import IN_SHORT, commitment_of, next_draw_id
from review_service.workflows.log import append, stamp
from review_service.workflows.snapshots import build, supplement
from review_service.workflows.vacancies import vacancies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import Session

    from review_service.workflows.base import Work
    from review_service.workflows.snapshots import Masked


def lock_draw(work: Work, round_id: int, public_sources: list[dict[str, Any]]) -> Draw:
    """Lock the draw of the round's panels: all commitments given for it, then the public sources.

    `public_sources` are source records of kind `drand` or `public`. Every party of the round
    must have committed. Refuses (allocation.errors.LockError) where no legal draw exists.
    """
    row = _round(work, round_id, "open", "reviewing")
    standing = panel_draws(work.session, round_id)
    if standing:
        raise WorkflowError("draw-stands", draw_id=standing[0].draw_id)
    number, draw_id = next_draw_id(work.session, row)
    sources = _sources(work.session, row, draw_id) + public_sources
    record, masked = build(work, row, draw_id, sources)
    return _store(work, row, number, record, masked)


def lock_supplementary(work: Work, round_id: int, public_sources: list[dict[str, Any]]) -> Draw:
    """Lock a draw for the seats that the list of the earlier draw could not fill."""
    row = _round(work, round_id, "open", "reviewing")
    open_seats = vacancies(work.session, round_id)
    if not open_seats:
        raise WorkflowError("no-vacancies", round=row.code)
    if any(draw.status == "locked" for draw in panel_draws(work.session, round_id)):
        raise WorkflowError("draw-open", round=row.code)
    number, draw_id = next_draw_id(work.session, row)
    sources = _sources(work.session, row, draw_id) + public_sources
    record, masked = supplement(work, row, draw_id, sources, open_seats)
    return _store(work, row, number, record, masked)


def lock_order(work: Work, round_id: int, public_sources: list[dict[str, Any]]) -> Draw:
    """Lock a draw of an order among the dossiers that the newest list leaves open to a draw."""
    row = _round(work, round_id, "closed", "published")
    computed = newest(work.session, round_id, "list")
    matter = json.loads(computed.record)["selection"]["open"] if computed else None
    if matter is None or matter["how"] != "draw":
        raise WorkflowError("nothing-to-draw-for", round=row.code)
    if any(draw.status == "locked" for draw in _draws(work.session, round_id, "order")):
        raise WorkflowError("draw-open", round=row.code)
    number, draw_id = next_draw_id(work.session, row)
    record = {
        "protocol": PROTOCOL,
        "draw_id": draw_id,
        "method": "order",
        "entries": sorted(matter["ids"]),
        "take": matter["take"],
        "sources": _sources(work.session, row, draw_id) + public_sources,
        "locked_at": stamp(work.now),
    }
    return _store(work, row, number, record, [])


def panel_draws(session: Session, round_id: int) -> list[Draw]:
    """Return the round's draws of panels that stand (locked or completed), first first."""
    return _draws(session, round_id, "lottery", "balanced")


def _draws(session: Session, round_id: int, *methods: str) -> list[Draw]:
    query = select(Draw).where(
        Draw.round_id == round_id, Draw.status != "voided", col(Draw.method).in_(methods)
    )
    return list(session.exec(query.order_by(col(Draw.number)).options(*IN_SHORT)))


def _round(work: Work, round_id: int, *statuses: str) -> Round:
    row = work.one(Round, round_id, lock=True)
    if row.status not in statuses:
        raise WorkflowError(
            "round-status", round=row.code, status=row.status, needed=" / ".join(statuses)
        )
    return row


def _sources(session: Session, row: Round, draw_id: str) -> list[dict[str, Any]]:
    sources = []
    for party in sorted(row.rules["parties"]):
        given = commitment_of(session, draw_id, party)
        if given is None:
            raise WorkflowError("commitment-missing", party=party, draw_id=draw_id)
        sources.append({"kind": "commitment", "party": party, "commitment": given.commitment})
    return sources


def _store(
    work: Work, row: Round, number: int, record: dict[str, Any], masked: Iterable[Masked]
) -> Draw:
    locked = locking.lock(record, now=work.now)
    digest = locked.digest.hex()
    draw = Draw(
        round_id=pk(row),
        number=number,
        draw_id=record["draw_id"],
        method=record["method"],
        snapshot=canonical(record).decode(),
        digest=digest,
        warnings=json.dumps(locked.warnings, ensure_ascii=False),
        locked_at=work.now,
    )
    work.session.add(draw)
    work.session.flush()
    for position, source in enumerate(record["sources"]):
        label = source.get("party") or source.get("name") or f"quicknet {source['round']}"
        work.session.add(
            DrawSource(draw_pk=pk(draw), position=position, kind=source["kind"], label=label)
        )
    for one in masked:
        work.session.add(
            DrawExpert(
                draw_pk=pk(draw),
                expert_id=pk(one.expert),
                pseudonym=one.pseudonym,
                salt=one.salt.hex(),
                name=one.expert.name,
                document=one.expert.document,
            )
        )
    body = {"draw_id": draw.draw_id, "snapshot": digest, "method": draw.method}
    append(work, "draw.locked", body, subject=draw.draw_id)
    return draw
