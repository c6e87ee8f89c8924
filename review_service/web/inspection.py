"""The inspector's desk: every draw of every round, run again with one click, and what stands out.

Everything here reads, but two acts that the log keeps: registering an age key of one's own, and
taking out a draw's identities, which leave encrypted to that key alone.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlmodel import col, func, select

from allocation.errors import AllocationError
from review_service.jobs.queue import enqueue
from review_service.tables import Checkpoint, Draw, LogEvent, Round
from review_service.web.access import access, actor
from review_service.web.diagnosis import part, why
from review_service.web.errors import sentence
from review_service.web.eventwords import event_word, note_sentence
from review_service.web.findings import fact_text, finding_text, flag_text
from review_service.web.languages import language
from review_service.web.log import newest_checkpoints
from review_service.web.page import db, do, draw_or_404, round_or_404
from review_service.workflows import anomalies, inspection, replays, scrutiny
from review_service.workflows import log as logs
from review_service.workflows.base import NotFoundError, WorkflowError, pk
from review_service.workflows.draws import IN_SHORT
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Job
    from review_service.workflows.base import Work

blueprint = Blueprint("inspection", __name__)


@blueprint.get("/inspection")
@access("inspector")
def index() -> str:
    """The inspector's start page: all draws of all rounds, rehearsals, gaps, checkpoints."""
    rounds = db().exec(select(Round).order_by(col(Round.id).desc())).all()
    query = select(Draw).order_by(col(Draw.round_id).desc(), col(Draw.number))
    draws = db().exec(query.options(*IN_SHORT)).all()
    by_round = {
        row.id: {
            "draws": [one for one in draws if one.round_id == row.id],
            "rehearsed": _rehearsed(row),
            "missing": inspection.missing_numbers(db(), pk(row), row.code),
        }
        for row in rounds
    }
    found = anomalies.findings(db())
    return render_template(
        "inspection/index.html",
        rounds=rounds,
        by_round=by_round,
        draws=draws,
        voids=sum(one.status == "voided" for one in draws),
        findings=len(found),
        to_look=sum(one.weight == "look" for one in found),
        size=logs.head(db()).size,
        checkpoints=[(one, _countersigned(one)) for one in newest_checkpoints(3)],
        recipient=inspection.recipient_of(db(), actor().id),
    )


def _rehearsed(row: Round) -> int:
    query = select(func.count()).select_from(LogEvent)
    query = query.where(LogEvent.type == "draw.rehearsed", LogEvent.subject == row.code)
    return db().exec(query).one()


def _countersigned(row: Checkpoint) -> int:
    """Return how many countersignatures a checkpoint has beside the log's own."""
    return len(row.note.partition("\n\n")[2].splitlines()) - 1


@blueprint.get("/inspection/rounds/<code>/draws/<int:number>")
@access("inspector")
def draw(code: str, number: int) -> str:
    """One draw with everything an inspector can do with it."""
    row = round_or_404(code)
    found = draw_or_404(row, number)
    events = db().exec(
        select(LogEvent.seq, LogEvent.type, LogEvent.time)
        .where(LogEvent.subject == found.draw_id)
        .order_by(col(LogEvent.seq))
    )
    return render_template(
        "inspection/draw.html",
        round=row,
        draw=found,
        events=events.all(),
        recipient=inspection.recipient_of(db(), actor().id),
        replayed=[one for one in replays.replays_of(db(), found) if one.ended_at],
        holds=replays.holds,
    )


@blueprint.get("/inspection/rounds/<code>/draws/<int:number>/replay")
@access("inspector")
def replay(code: str, number: int) -> str:
    """How the newest replay of a draw goes, or what it found; its `part` is asked for again."""
    row = round_or_404(code)
    found = draw_or_404(row, number)
    jobs = replays.replays_of(db(), found)
    newest = jobs[0] if jobs else None
    refusal = ""
    if newest and newest.status == "failed":
        refusal = note_sentence(WorkflowError(newest.outcome["code"], **newest.outcome["facts"]))
    elif newest and newest.status == "done" and (refused := newest.outcome["refusal"]):
        refusal = sentence(WorkflowError(refused["code"], **refused["facts"]))
    return render_template(
        "inspection/replay_now.html" if request.args.get("part") else "inspection/replay.html",
        round=row,
        draw=found,
        job=newest,
        holds=replays.holds,
        titles=replays.titles(chinese=language() == "zh"),
        said=0 if language() == "zh" else 1,
        refusal=refusal,
    )


@blueprint.post("/inspection/rounds/<code>/draws/<int:number>/replay")
@access("inspector")
def run_again(code: str, number: int) -> Response:
    """Queue a replay: drawn again from what is stored, with the twelve checks of outsiders."""
    found = draw_or_404(round_or_404(code), number)
    try:
        do(_ask, pk(found))
    except WorkflowError as error:
        flash(note_sentence(error), "error")
        return redirect(url_for("inspection.draw", code=code, number=number), code=303)
    return redirect(url_for("inspection.replay", code=code, number=number), code=303)


def _ask(work: Work, draw_pk: int) -> Job:
    replays.stored_result(work.one(Draw, draw_pk))  # what isn't drawn is refused at once
    return enqueue(work, replays.KIND, {"draw": draw_pk})


@blueprint.post("/inspection/recipient")
@access("inspector")
def recipient() -> Response:
    """Register the inspector's age public key."""
    try:
        do(inspection.register_recipient, request.form.get("key", ""))
    except WorkflowError as error:
        flash(note_sentence(error), "error")
    else:
        flash(_("Registered. What holds names is encrypted to this key from now on."), "success")
    return redirect(url_for("inspection.index") + "#sealing", code=303)


@blueprint.post("/inspection/rounds/<code>/draws/<int:number>/identities")
@access("inspector")
def identities(code: str, number: int) -> Response:
    """Send the bundle with identities, encrypted to the inspector's key; the log keeps that."""
    row = round_or_404(code)
    found = draw_or_404(row, number)
    try:
        data = do(inspection.export_identities, pk(found))
    except NotFoundError:
        raise
    except (WorkflowError, AllocationError) as error:
        flash(note_sentence(error), "error")
        return redirect(url_for("inspection.draw", code=code, number=number), code=303)
    name = f"{row.code}-draw-{found.number}-inspection.zip.age"
    kind = "application/octet-stream"
    return send_file(io.BytesIO(data), kind, as_attachment=True, download_name=name)


@blueprint.get("/inspection/anomalies")
@access("inspector")
def stand_out() -> str:
    """What stands out in all rounds, each with the events behind it."""
    found = anomalies.findings(db())
    titles = {row.code: row.title for row in db().exec(select(Round))}
    closed = select(Round).where(col(Round.status).in_(("closed", "published", "final")))
    return render_template(
        "inspection/anomalies.html",
        rows=[(one, *finding_text(one)) for one in found],
        # One line for what is usual: a round has an exclusion or two for many of its units.
        folded=[one for one in found if (one.code, one.weight) == ("exclusions", "note")],
        titles=titles,
        kinds=_kinds({seq for one in found for seq in one.events}),
        closed=db().exec(closed.order_by(col(Round.id).desc())).all(),
    )


def _kinds(numbers: set[int]) -> dict[int, str]:
    """Return what each event is called."""
    rows = db().exec(select(LogEvent.seq, LogEvent.type).where(col(LogEvent.seq).in_(numbers)))
    return {seq: event_word(kind) for seq, kind in rows}


@blueprint.get("/inspection/rounds/<code>/scores")
@access("inspector")
def scores(code: str) -> str:
    """Extreme experts and unlikely agreement in a closed round, with the reviews behind it."""
    row = round_or_404(code)
    found, refusal = None, ""
    if row.status not in {"closed", "published", "final"}:
        refusal = _("No results before scoring closes.")
    else:
        try:
            found = scrutiny.scrutinise(db(), row)
        except (WorkflowError, ScoringError) as error:
            refusal = sentence(error)
    return render_template(
        "inspection/scores.html",
        round=row,
        found=found,
        refusal=refusal,
        rows=[(one, *flag_text(one)) for one in found.flags] if found else [],
    )


@blueprint.context_processor
def _words() -> dict[str, object]:
    """Let the scores' page say what a flag says of a dossier."""
    return {"fact_text": fact_text, "part": part, "why": why}
