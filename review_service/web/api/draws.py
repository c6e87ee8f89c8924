"""Draws by pseudonym: of published rounds for everybody, of others with the scope `draws`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import url_for
from marshmallow import Schema, fields
from sqlmodel import col, select
from werkzeug.exceptions import NotFound

from allocation.canonical import canonical, parse
from allocation.hashing import h
from review_service.tables import Draw
from review_service.web.api.answers import PUBLISHED, endpoint, round_for
from review_service.web.page import db
from review_service.workflows.draws import sources_of

if TYPE_CHECKING:
    from review_service.tables import Round


class DrawLine(Schema):
    """A draw: its number never changes hands, and a void one stays. Digests are hex SHA-256."""

    draw_id = fields.String(required=True)
    number = fields.Integer(required=True)
    method = fields.String(required=True)
    status = fields.String(required=True)
    locked_at = fields.DateTime(required=True)
    settled_at = fields.DateTime(required=True, allow_none=True)
    void_reason = fields.String(required=True)
    snapshot_digest = fields.String(required=True)
    seed = fields.String(required=True, allow_none=True)
    result_digest = fields.String(required=True, allow_none=True)
    bundle = fields.String(required=True, allow_none=True)


class DrawWhole(DrawLine):
    """A draw with its records as the protocol has them (docs/draw-protocol.md)."""

    snapshot = fields.Dict(keys=fields.String(), required=True)
    sources = fields.List(fields.Dict(keys=fields.String(), allow_none=True), required=True)
    result = fields.Dict(keys=fields.String(), required=True, allow_none=True)


class Draws(Schema):
    """All draws of a round in the order of their numbers."""

    round = fields.String(required=True)
    draws = fields.List(fields.Nested(DrawLine), required=True)


def _line(row: Round, draw: Draw) -> dict[str, Any]:
    result = parse(draw.result.encode()) if draw.result else None
    public = result is not None and row.status in PUBLISHED
    return {
        "draw_id": draw.draw_id,
        "number": draw.number,
        "method": draw.method,
        "status": draw.status,
        "locked_at": draw.locked_at,
        "settled_at": draw.settled_at,
        "void_reason": draw.void_reason,
        "snapshot_digest": draw.digest,
        "seed": result["seed"] if result else None,
        "result_digest": h("result", canonical(result)).hex() if result else None,
        "bundle": url_for("results.bundle", code=row.code, number=draw.number) if public else None,
    }


@endpoint("/rounds/<code>/draws", Draws, 404)
def draws(code: str) -> dict[str, Any]:
    """Return a round's draws, the void ones among them."""
    row = round_for(code, "draws")
    rows = db().exec(select(Draw).where(Draw.round_id == row.id).order_by(col(Draw.number)))
    return {"round": row.code, "draws": [_line(row, draw) for draw in rows]}


@endpoint("/rounds/<code>/draws/<int:number>", DrawWhole, 404)
def draw(code: str, number: int) -> dict[str, Any]:
    """Return one draw with its snapshot, sources and result; a source not revealed is null."""
    row = round_for(code, "draws")
    query = select(Draw).where(Draw.round_id == row.id, Draw.number == number)
    found = db().exec(query).first()
    if found is None:
        raise NotFound("no such draw")
    return _line(row, found) | {
        "snapshot": json.loads(found.snapshot),
        "sources": [json.loads(one.entry or "null") for one in sources_of(db(), found)],
        "result": json.loads(found.result) if found.result else None,
    }
