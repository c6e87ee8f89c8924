"""The log: every event, its proof, the checkpoints, and the bundle of a draw to verify anywhere."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from flask import Blueprint, abort, render_template, request, send_file
from sqlmodel import col, select

from allocation import merkle
from review_service.tables import Checkpoint, LogEvent
from review_service.web.access import access, public
from review_service.web.page import db, do
from review_service.workflows import log as logs

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("log", __name__)
PAGE = 50


@blueprint.get("/log")
@access("staff", "approver", "inspector")
def index() -> str:
    """The newest events first; `type` and `subject` filter."""
    size = logs.head(db()).size
    before = min(request.args.get("before", size, type=int), size)
    query = select(LogEvent).where(LogEvent.seq < before)
    for name in ("type", "subject"):
        if value := request.args.get(name, ""):
            query = query.where(getattr(LogEvent, name) == value)
    rows = db().exec(query.order_by(col(LogEvent.seq).desc()).limit(PAGE)).all()
    types = db().exec(select(LogEvent.type).distinct().order_by(LogEvent.type)).all()
    return render_template("log/index.html", rows=rows, size=size, types=types, page=PAGE)


@blueprint.get("/log/<int:seq>")
@access("staff", "approver", "inspector")
def event(seq: int) -> str:
    """One event, its leaf hash and its inclusion proof in the tree of today."""
    row = db().get(LogEvent, seq) or abort(404)
    size = logs.head(db()).size
    get = logs.node_reader(db())
    proof = merkle.inclusion_proof(get, seq, size)
    leaf = merkle.leaf_hash(row.event.encode())
    root = merkle.root(get, size)
    merkle.verify_inclusion(seq, size, leaf, proof, root)
    pretty = json.dumps(json.loads(row.event), ensure_ascii=False, indent=2)
    return render_template(
        "log/event.html", row=row, pretty=pretty, leaf=leaf, proof=proof, root=root, size=size
    )


@blueprint.get("/checkpoint")
@public
def checkpoint() -> Response:
    """The newest signed checkpoint, as text."""
    row = db().exec(select(Checkpoint).order_by(col(Checkpoint.size).desc())).first() or abort(404)
    return send_file(io.BytesIO(row.note.encode()), mimetype="text/plain")


@blueprint.post("/checkpoint")
@access("staff", "inspector")
def sign() -> str:
    """Sign a checkpoint of the log as it stands, to print and to countersign."""
    row = do(logs.sign_checkpoint)
    keys = logs.all_keys(db())
    return render_template("log/checkpoint.html", row=row, keys=keys)
