"""Rehearsals: a draw on a copy, to see that it works; nothing of it can ever be published.

A rehearsal has a random secret of its own that is thrown away, an id that no draw can have, and
stores nothing. The log keeps that it happened, so that nobody rehearses unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import func, select

from allocation import draw as drawing
from allocation import lock as locking
from allocation.sources import commitment
from review_service.tables import LogEvent, Round
from review_service.workflows.log import append
from review_service.workflows.snapshots import build

if TYPE_CHECKING:
    from review_service.workflows.base import Work

PARTY = "rehearsal"


def rehearse(work: Work, round_id: int) -> dict[str, Any]:
    """Return {"snapshot", "result", "warnings"} of a rehearsal; LockError as for a real draw."""
    row = work.one(Round, round_id)
    number = (
        1
        + work.session.exec(
            select(func.count())
            .select_from(LogEvent)
            .where(LogEvent.type == "draw.rehearsed", LogEvent.subject == row.code)
        ).one()
    )
    draw_id = f"{row.code}/rehearsal/draw/{number}"
    secret = work.tools.entropy(32)
    digest = commitment(draw_id, PARTY, secret).hex()
    source = {"kind": "commitment", "party": PARTY, "commitment": digest}
    record, _ = build(work, row, draw_id, [source])
    locked = locking.lock(record, now=work.now)
    entry = {"kind": "commitment", "party": PARTY, "secret": secret.hex()}
    result = drawing.draw(record, [entry])
    body = {"round": row.code, "number": number, "seats": len(result["seats"])}
    append(work, "draw.rehearsed", body, subject=row.code)
    warnings = [warning for warning in locked.warnings if warning[0] != "only-commitments"]
    return {"snapshot": record, "result": result, "warnings": warnings}
