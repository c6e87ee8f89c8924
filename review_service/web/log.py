"""The log: every event with its proof, checkpoints, and verifying a draw without trust in us."""

from __future__ import annotations

import io
import json
import unicodedata
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlmodel import col, select

from allocation import merkle
from allocation.errors import LogError
from review_service.storage import INTEGER_MOST
from review_service.tables import Checkpoint, LogEvent, Witness
from review_service.web.access import access, actor, public
from review_service.web.eventwords import event_word, note_sentence
from review_service.web.languages import BEIJING
from review_service.web.page import attempt, db, do, safe_next
from review_service.workflows import inspection, searches
from review_service.workflows import log as logs
from review_service.workflows.base import NotFoundError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, ParamSpec

    from werkzeug.wrappers import Response

    from review_service.workflows.base import Work

    P = ParamSpec("P")

blueprint = Blueprint("log", __name__)
SEEN_BY = ("staff", "approver", "inspector")
FILTERS = ("type", "actor", "subject", "since", "until", "text")
ALLOCATION = Path(merkle.__file__).parent


@blueprint.get("/log")
@access(*SEEN_BY)
def index() -> str:
    """A page of the log, the newest first, and the filters that it is searched by."""
    given = {name: request.args.get(name, "").strip() for name in FILTERS}
    troubles: list[str] = []
    wanted = searches.Wanted(
        type=given["type"],
        actor=given["actor"],
        subject=given["subject"],
        text=unicodedata.normalize("NFC", given["text"]),
        since=_day(given["since"], troubles),
        until=_day(given["until"], troubles, after=1),
    )
    page = searches.search(db(), wanted, request.args.get("before", type=int))
    filters: dict[str, Any] = {name: value for name, value in given.items() if value}
    return render_template(
        "log/index.html",
        rows=[(row, json.loads(row.event)) for row in page.rows],
        page=page,
        older=url_for("log.index", before=page.older, **filters) if page.older is not None else "",
        given=given,
        filtered=bool(filters),
        troubles=troubles,
        size=logs.head(db()).size,
        types=searches.kinds(db()),
        checkpoints=newest_checkpoints(5),
    )


def _day(text: str, troubles: list[str], *, after: int = 0) -> datetime | None:
    """Return the moment at which a day begins in Beijing, `after` days later."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=after)
    except (ValueError, OverflowError):
        troubles.append(_("“%(text)s” is no day like 2026-03-01; it was passed over.", text=text))
        return None
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


def newest_checkpoints(count: int) -> list[Checkpoint]:
    """Return the checkpoints that were signed last."""
    query = select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(count)
    return list(db().exec(query))


@blueprint.route("/log/compare", methods=["GET", "POST"])
@access(*SEEN_BY)
def compare() -> str | Response:
    """Two checkpoints: whether the newer log still holds all that the older one held.

    The older is one of ours (`old`), or one that somebody kept, pasted (`note`).
    """
    stored = newest_checkpoints(200)
    new = request.values.get("new", type=int) or (stored[0].size if stored else 0)
    if stored and new not in {one.size for one in stored}:
        new = stored[0].size
    old = request.args.get("old", type=int)
    note = request.form.get("note", "")
    if old is not None:
        if not 0 <= old <= INTEGER_MOST:  # neither database looks for what no row can have
            abort(404)
        row = db().get(Checkpoint, old) or abort(404)
        note = row.note
    found, refusal = None, ""
    if note.strip() and stored:
        try:
            found = inspection.compare(db(), tidy_note(note), new)
        except LogError as error:
            refusal = note_sentence(error)
    return render_template(
        "log/compare.html",
        stored=stored,
        new=new,
        old=old,
        note=note if request.method == "POST" else "",
        found=found,
        refusal=refusal,
        cosigned=[
            (name, datetime.fromtimestamp(moment, UTC))
            for name, moment in (found.cosigners if found else ())
            if moment < 1 << 35
        ],
    )


def tidy_note(text: str) -> str:
    """Return a pasted note with the line ends and the last line end that a form changes."""
    return text.replace("\r\n", "\n").strip("\n \t") + "\n"


@blueprint.get("/log/<int:seq>")
@access(*SEEN_BY)
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
@access(*SEEN_BY)
def signed(size: int) -> str:
    """A signed checkpoint to print, to countersign and to keep."""
    row = db().get(Checkpoint, size) or abort(404)
    witnesses = db().exec(select(Witness)).all()
    return render_template(
        "log/checkpoint.html",
        row=row,
        code=qr(row.note),
        keys="\n".join(logs.all_keys(db())),
        log_key=logs.log_keys(db())[-1],
        witnesses=witnesses,
        mine=[one.key for one in witnesses if one.holder == actor().id],
        holder=actor().id,
        signatures=len(row.note.partition("\n\n")[2].splitlines()),
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
    _try(_("The cosignature holds and was attached."), logs.add_cosignature, size, line)
    return redirect(url_for("log.signed", size=size), code=303)


@blueprint.post("/witnesses")
@access("inspector")
def witness() -> Response:
    """Register the inspector's verifier key; the private half never comes here."""
    key = request.form.get("key", "").strip()
    _try(_("The key is registered."), logs.add_witness, key)
    return redirect(safe_next(), code=303)


def _try(
    done: str, use_case: Callable[Concatenate[Work, P], object], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Run a use case on keys and notes; tell on the next page how it went."""
    try:
        do(use_case, *args, **kwargs)
    except NotFoundError:
        raise
    except (WorkflowError, LogError) as error:
        flash(note_sentence(error, "line" if error.code == "note" else ""), "error")
    else:
        flash(done, "success")


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


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    """Let every template name events."""
    return {"event_word": event_word}
