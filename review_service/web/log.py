"""The log: every event with its proof, checkpoints, and verifying a draw without trust in us."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlmodel import col, select

from allocation import merkle
from review_service.tables import Checkpoint, LogEvent, Witness
from review_service.web.access import access, public
from review_service.web.page import attempt, db, safe_next
from review_service.workflows import log as logs

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("log", __name__)
PAGE = 50
ALLOCATION = Path(merkle.__file__).parent


@blueprint.get("/log")
@access("staff", "approver", "inspector")
def index() -> str:
    """The newest events first; `type` and `subject` filter."""
    size = logs.head(db()).size
    before = min(request.args.get("before", size, type=int), size)
    query = select(LogEvent).where(LogEvent.seq < before)
    kind, subject = request.args.get("type", ""), request.args.get("subject", "").strip()
    if kind:
        query = query.where(LogEvent.type == kind)
    if subject:
        query = query.where(LogEvent.subject == subject)
    rows = list(db().exec(query.order_by(col(LogEvent.seq).desc()).limit(PAGE + 1)).all())
    return render_template(
        "log/index.html",
        rows=[(row, json.loads(row.event)) for row in rows[:PAGE]],
        older=rows[PAGE - 1].seq if len(rows) > PAGE else None,
        size=size,
        types=db().exec(select(LogEvent.type).distinct().order_by(LogEvent.type)).all(),
        checkpoints=db()
        .exec(select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(5))
        .all(),
    )


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
    return render_template(
        "log/event.html",
        row=row,
        record=json.loads(row.event),
        pretty=json.dumps(json.loads(row.event), ensure_ascii=False, indent=2),
        leaf=leaf,
        proof=proof,
        root=root,
        size=size,
    )


@blueprint.get("/checkpoint")
@public
def checkpoint() -> Response:
    """The newest signed checkpoint, as text."""
    row = db().exec(select(Checkpoint).order_by(col(Checkpoint.size).desc())).first() or abort(404)
    return send_file(io.BytesIO(row.note.encode()), mimetype="text/plain")


@blueprint.get("/checkpoints/<int:size>")
@access("staff", "approver", "inspector")
def signed(size: int) -> str:
    """A signed checkpoint to print, to countersign and to keep."""
    row = db().get(Checkpoint, size) or abort(404)
    return render_template(
        "log/checkpoint.html",
        row=row,
        code=qr(row.note),
        keys="\n".join(logs.all_keys(db())),
        witnesses=db().exec(select(Witness)).all(),
    )


@blueprint.post("/checkpoint")
@access("staff", "inspector")
def sign() -> Response:
    """Sign a checkpoint of the log as it stands."""
    row = attempt(_("The checkpoint is signed."), logs.sign_checkpoint)
    if row is None:
        return redirect(url_for("log.index"), code=303)
    return redirect(url_for("log.signed", size=row.size), code=303)


@blueprint.post("/checkpoints/<int:size>/cosign")
@access("inspector")
def cosign(size: int) -> Response:
    """Attach the inspector's cosignature line, made with the inspector's own key elsewhere."""
    line = request.form.get("line", "").strip()
    attempt(_("The cosignature holds and was attached."), logs.add_cosignature, size, line)
    return redirect(url_for("log.signed", size=size), code=303)


@blueprint.post("/witnesses")
@access("inspector")
def witness() -> Response:
    """Register the inspector's verifier key; the private half never comes here."""
    key = request.form.get("key", "").strip()
    attempt(_("The key is registered."), logs.add_witness, key)
    return redirect(safe_next(), code=303)


@blueprint.get("/verification")
@public
def verify() -> str:
    """How to verify a draw, with the verifier in the browser and the one-file program."""
    return render_template(
        "log/verify.html",
        page=url_for("static", filename="verify/index.html"),
        checkpoint=db().exec(select(Checkpoint.size)).first() is not None,
    )


@blueprint.get("/verify.py")
@public
def program() -> Response:
    """The one-file verifier, to keep and run anywhere."""
    path = ALLOCATION / "verify.py"
    return send_file(path, as_attachment=True) if path.exists() else abort(404)


def qr(text: str) -> Markup:
    """Return a QR code of a text as inline SVG without styles of its own."""
    import segno

    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)
    return Markup(svg.replace("<svg ", '<svg role="img" aria-hidden="true" ', 1))  # noqa: S704 - segno writes numbers and paths only
