"""Stored computations: the text of a record and its digest; the same input gives the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from review_service.tables import Computation
from review_service.workflows.base import pk
from review_service.workflows.log import append

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.tables import Round
    from review_service.workflows.base import Work

_EVENTS = {
    "fit": "normalisation.run",
    "diagnosis": "diagnosis.run",
    "list": "list.computed",
    "final": "list.final",
}


def newest(session: Session, round_id: int, kind: str) -> Computation | None:
    """Return the round's newest computation of a kind: fit, diagnosis, list or final."""
    query = select(Computation).where(Computation.round_id == round_id, Computation.kind == kind)
    return session.exec(query.order_by(col(Computation.id).desc()).limit(1)).first()


def keep(work: Work, row: Round, kind: str, record: Any, found: str) -> Computation:
    """Store a computation, unless the newest of its kind has the very same bytes."""
    last = newest(work.session, pk(row), kind)
    if last is not None and last.digest == found:
        return last
    computation = Computation(
        round_id=pk(row),
        kind=kind,
        record=json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        digest=found,
        made_by=work.actor.id,
        made_at=work.now,
    )
    work.session.add(computation)
    work.session.flush()
    body = {"round": row.code, "kind": kind, "record": found}
    append(work, _EVENTS[kind], body, subject=row.code)
    return computation
