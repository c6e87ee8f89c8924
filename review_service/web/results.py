"""Results, side by side, with what they rest on; proposals and the second person."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.exchange.documents_tables import results_table
from review_service.jobs.queue import enqueue, find
from review_service.tables import Approval, Round
from review_service.web import diagnosis as words
from review_service.web import documents, drawpapers, feeds, publicity  # noqa: F401 - their routes are ours
from review_service.web.access import access, actor, role
from review_service.web.charts import (
    NARROW,
    WIDE,
    consistency,
    forest,
    heat,
    leniency,
    matrix,
    moves,
)
from review_service.web.errors import sentence
from review_service.web.outcomes import PUBLIC, SEEN_BY, blueprint, scored_round
from review_service.web.page import attempt, db, do, round_or_404
from review_service.web.publicity import is_approved
from review_service.web.reasons import reason_text, warning_text
from review_service.web.words import word
from review_service.workflows import approvals, results
from review_service.workflows import publicity as publishing
from review_service.workflows.base import Work, WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.diagnosis import diagnosis
from review_service.workflows.rounds import competing, rubric_of
from review_service.workflows.standing import standing

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Job

FILTERS = ("q", "province", "status", "sort")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LAYOUTS = (WIDE, NARROW)
# How a table of dossiers can be sorted; missing figures come last.
SORTS: dict[str, Any] = {
    "": lambda one: (one["place"] is None, one["place"] or 0, one["id"]),
    "raw": lambda one: (-(one["raw_mean"] or 0), one["id"]),
    "adjusted": lambda one: (-one["adjusted"], one["id"]),
    "moved": lambda one: (-abs(one["moved"]), one["id"]),
    "province": lambda one: (one["dossier"].province, one["dossier"].rank),
    "number": lambda one: one["id"],
}


@blueprint.get("/rounds/<code>/results")
@access(*SEEN_BY)
def index(code: str) -> str:
    """Raw, trimmed and adjusted results with intervals, the line zone, and what is proposed."""
    row = round_or_404(code)
    if row.status not in {"closed", *PUBLIC}:
        return render_template("results/closed.html", round=row)
    found = figures(row)
    query = select(Approval).where(Approval.round_id == row.id).order_by(col(Approval.id).desc())
    proposals = list(db().exec(query))
    again = publishing.pending(db(), row) if row.status == "published" else None
    given = {name: request.args.get(name, "").strip() for name in FILTERS}
    return render_template(
        "results/index.html",
        round=row,
        found=found,
        rubric=rubric_of(row),
        total=row.rules["list"].get("total"),
        given=given,
        shown=select_rows(found["dossiers"], given) if found else [],
        provinces=sorted({one["dossier"].province for one in found["dossiers"]}) if found else [],
        pictures=_pictures(row, found) if found else {},
        seen=diagnosis(db(), row),
        words=words,
        warnings=[warning_text(one) for one in found["warnings"]] if found else [],
        reason_text=reason_text,
        proposals=proposals,
        again=json.loads(again.record) if again else None,
        mine=actor().id,
        may_decide=role() == "approver",
        approved=is_approved(row, found["list"]) if found else False,
        waiting=any(one.status == "proposed" and one.subject != "amendment" for one in proposals),
        units={one.number: one.unit for one in competing(db(), pk(row))},
    )


def figures(row: Round) -> dict[str, Any] | None:
    """Return what `standing` gives, every dossier with its places and its interval in points."""
    found = standing(db(), row)
    if found is None:
        return None
    ranked = [one for one in found["dossiers"] if one["expected_rank"] is not None]
    by_raw = sorted(ranked, key=lambda one: (-(one["raw_mean"] or 0), one["id"]))
    raw_rank = {one["id"]: n for n, one in enumerate(by_raw, 1)}
    place = 0
    for one in found["dossiers"]:
        # Only dossiers that may be taken are ranked; a gate that isn't met keeps one out of it.
        place += one["expected_rank"] is not None
        one["place"] = place if one["expected_rank"] is not None else None
        one["raw_place"] = raw_rank.get(one["id"])
        one["moved"] = one["raw_place"] - one["place"] if one["place"] else 0
        one["from"], one["to"] = one["estimate_low"], one["estimate_high"]
    return found


def select_rows(rows: list[dict[str, Any]], given: dict[str, str]) -> list[dict[str, Any]]:
    """Return the dossiers that pass the filters, sorted as asked."""
    kept = [
        one
        for one in rows
        if given["province"] in {"", one["dossier"].province}
        and given["status"] in {"", one["status"]}
        and given["q"].casefold() in f"{one['id']} {one['dossier'].unit}".casefold()
    ]
    return sorted(kept, key=SORTS.get(given["sort"], SORTS[""]))


def _pictures(row: Round, found: dict[str, Any]) -> dict[str, Any]:
    seen = diagnosis(db(), row)
    total = row.rules["list"].get("total")
    experts = seen["flags"]["experts"] if seen and seen["flags"] else []
    points = seen["design"]["articulation"] if seen and seen["design"] else {}
    chapters = [chapter.id for chapter in rubric_of(row).chapters]
    linking = {name for names in points.values() for name in names}
    # Each as wide as a desk and as narrow as a phone; the style sheet shows one of the two.
    return {
        "forest": [forest(found, total, one) for one in LAYOUTS],
        "moves": [moves(found["dossiers"], total, narrow=one) for one in (False, True)],
        "heat": heat(found["dossiers"], chapters),
        "leniency": [leniency(found["reviewers"], one) for one in LAYOUTS],
        "consistency": [consistency(experts, one) for one in LAYOUTS],
        "matrix": [matrix(found["pairs"], linking, narrow=one) for one in (False, True)],
    }


@blueprint.get("/rounds/<code>/results.xlsx")
@access(*SEEN_BY)
def export(code: str) -> Response:
    """The table of results as filtered, in Excel: figures as numbers, texts as texts."""
    row = scored_round(code)
    found = figures(row) or abort(404)
    given = {name: request.args.get(name, "").strip() for name in FILTERS}
    rows = [
        one
        | {
            "state": word("place", one["status"]),
            "why": "；".join(map(reason_text, one["reasons"])),
        }
        for one in select_rows(found["dossiers"], given)
    ]
    chapters = [(chapter.id, chapter.title_zh) for chapter in rubric_of(row).chapters]
    data = results_table(rows, found["reviewers"], chapters)
    return send_file(
        io.BytesIO(data), XLSX, as_attachment=True, download_name=f"{row.code}-results.xlsx"
    )


@blueprint.post("/rounds/<code>/results/compute")
@access("staff")
def compute(code: str) -> Response:
    """Queue the computation: fit, what stands behind it, and the list under the round's rules."""
    row = round_or_404(code)
    try:
        job = do(_ask, pk(row), "results")
    except WorkflowError as error:
        flash(sentence(error), "error")
        return redirect(url_for("results.index", code=code), code=303)
    return redirect(url_for("results.job", code=code, job_id=job.id), code=303)


def _ask(work: Work, round_id: int, kind: str) -> Job:
    if kind == "results":
        results.fit_input(work, round_id)  # what can't be computed is refused at once
        return enqueue(work, kind, {"round_id": round_id})
    results.input_of(work.session, work.one(Round, round_id))
    return enqueue(work, kind, {"round_id": round_id, "by": work.actor.id})


@blueprint.get("/rounds/<code>/results/jobs/<int:job_id>")
@access(*SEEN_BY)
def job(code: str, job_id: int) -> str:
    """How far a computation has come, and what came of it; its `part` is asked for again."""
    row = round_or_404(code)
    found = find(db(), job_id, actor().id)
    if found.arguments.get("round_id") != row.id or found.kind not in {"results", "repeat"}:
        abort(404)
    refusal = ""
    if found.status == "failed":
        refusal = sentence(WorkflowError(found.outcome["code"], **found.outcome["facts"]))
    page = "results/job_now.html" if request.args.get("part") else "results/job.html"
    return render_template(page, round=row, job=found, refusal=refusal)


@blueprint.post("/rounds/<code>/results/repeat")
@access(*SEEN_BY)
def repeat(code: str) -> Response:
    """Queue the same computation once more; its page says whether the records are the same."""
    row = scored_round(code)
    try:
        made = do(_ask, pk(row), "repeat")
    except WorkflowError:
        return redirect(url_for("results.index", code=code), code=303)
    return redirect(url_for("results.job", code=code, job_id=made.id), code=303)


@blueprint.post("/rounds/<code>/results/propose")
@access("staff")
def propose(code: str) -> Response:
    """Propose the list as it stands to a second person."""
    row = round_or_404(code)
    reason = request.form.get("reason", "")
    attempt(_("Proposed. A second person decides."), approvals.propose_list, pk(row), reason)
    return redirect(url_for("results.index", code=code), code=303)


@blueprint.post("/rounds/<code>/results/settle")
@access("staff")
def settle(code: str) -> Response:
    """Propose a panel's verdicts on the dossiers that the evidence leaves open."""
    row = round_or_404(code)
    listed = newest(db(), pk(row), "list")
    matter = json.loads(listed.record)["selection"]["open"] if listed else None
    verdicts = [
        {
            "dossier": name,
            "taken": request.form.get(f"taken-{name}") == "yes",
            "reason": request.form.get(f"reason-{name}", "").strip(),
        }
        for name in (matter or abort(404))["ids"]
    ]
    reason = request.form.get("reason", "")
    done = _("The verdicts are proposed. A second person decides.")
    attempt(done, approvals.propose_settlement, pk(row), verdicts, reason)
    return redirect(url_for("results.index", code=code), code=303)


@blueprint.post("/rounds/<code>/results/proposals/<int:approval_id>")
@access("approver")
def decide(code: str, approval_id: int) -> Response:
    """Approve or reject, never one's own proposal."""
    row = round_or_404(code)
    proposal = db().get(Approval, approval_id) or abort(404)
    if proposal.round_id != row.id:
        abort(404)
    decision = request.form.get("decision", "")
    if decision not in {"approve", "reject"}:
        abort(400)
    done = _("Approved.") if decision == "approve" else _("Rejected.")
    attempt(
        done,
        approvals.decide_proposal,
        approval_id,
        approve=decision == "approve",
        reason=request.form.get("reason", ""),
    )
    return redirect(url_for("results.index", code=code), code=303)
