"""The bundle of a draw, from the database to files that anybody can verify."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import PROTOCOL
from allocation.bundle import Bundle, write_bundle
from allocation.canonical import parse
from review_service.tables import Checkpoint, Draw, DrawExpert
from review_service.workflows.base import WorkflowError
from review_service.workflows.draws import sources_of
from review_service.workflows.log import all_keys, events

if TYPE_CHECKING:
    from sqlmodel import Session


def draw_bundle(session: Session, draw: Draw, *, identities: bool = False) -> bytes:
    """Return the zip of `bundle_of`."""
    file = io.BytesIO()
    write_bundle(file, bundle_of(session, draw, identities=identities))
    return file.getvalue()


def bundle_of(session: Session, draw: Draw, *, identities: bool = False) -> Bundle:
    """Return the bundle of a completed draw, up to the newest checkpoint that holds it.

    `identities` adds salts, names and document numbers: the inspector's form, never the public's.
    """
    if draw.result is None:
        raise WorkflowError("draw-status", draw_id=draw.draw_id, status=draw.status)
    newest = select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(1)
    checkpoint = session.exec(newest).first()
    if checkpoint is None:
        raise WorkflowError("checkpoint-needed", draw_id=draw.draw_id)
    return Bundle(
        snapshot=parse(draw.snapshot.encode()),
        sources=[json.loads(source.entry or "null") for source in sources_of(session, draw)],
        result=parse(draw.result.encode()),
        events=tuple(events(session, checkpoint.size)),
        checkpoint=checkpoint.note,
        keys=all_keys(session, checkpoint.size),
        identities=_identities(session, draw) if identities else None,
    )


def _identities(session: Session, draw: Draw) -> dict[str, Any]:
    rows = session.exec(
        select(DrawExpert).where(DrawExpert.draw_pk == draw.id).order_by(col(DrawExpert.pseudonym))
    )
    return {
        "protocol": PROTOCOL,
        "draw_id": draw.draw_id,
        "experts": [
            {"id": row.pseudonym, "salt": row.salt, "name": row.name, "document": row.document}
            for row in rows
        ],
    }
