"""Results, side by side; proposals and the second person; the list for the public."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.tables import Approval, Draw, LogEvent, Round
from review_service.web.access import access, actor, public, role
from review_service.web.charts import forest, leniency
from review_service.web.page import attempt, db, office, round_or_404
from review_service.web.reasons import reason_text, warning_text
from review_service.web.shows import send_bundle
from review_service.workflows import approvals, publicity, results
from review_service.workflows.base import Work, pk
from review_service.workflows.computations import newest
from review_service.workflows.rounds import competing, rubric_of
from review_service.workflows.standing import standing
from scoring.records import digest

if TYPE_CHECKING:
    from datetime import date, datetime

    from werkzeug.wrappers import Response

    from review_service.tables import Computation

blueprint = Blueprint("results", __name__)
SEEN_BY = ("staff", "approver", "inspector")
PUBLIC = {"published", "final"}


@blueprint.get("/rounds/<code>/results")
@access(*SEEN_BY)
def index(code: str) -> str:
    """Raw, trimmed and adjusted results with intervals, the line zone, and what is proposed."""
    row = round_or_404(code)
    if row.status not in {"closed", *PUBLIC}:
        return render_template("results/closed.html", round=row)
    found = standing(db(), row)
    query = select(Approval).where(Approval.round_id == row.id).order_by(col(Approval.id).desc())
    proposals = list(db().exec(query))
    total = row.rules["list"].get("total")
    if found:
        _figures(found)
    return render_template(
        "results/index.html",
        round=row,
        found=found,
        rubric=rubric_of(row),
        total=total,
        forest=forest(found, total) if found else None,
        leniency=leniency(found["reviewers"]) if found else None,
        warnings=[warning_text(one) for one in found["warnings"]] if found else [],
        reason_text=reason_text,
        proposals=proposals,
        mine=actor().id,
        may_decide=role() == "approver",
        approved=_approved(row, found["list"]) if found else False,
        waiting=any(one.status == "proposed" and one.subject != "amendment" for one in proposals),
        units={one.number: one.unit for one in competing(db(), pk(row))},
    )


def _figures(found: dict[str, Any]) -> None:
    """Give every dossier its place by raw mean beside the expected one, and its interval."""
    ranked = [one for one in found["dossiers"] if one["expected_rank"] is not None]
    by_raw = sorted(ranked, key=lambda one: (-(one["raw_mean"] or 0), one["id"]))
    raw_rank = {one["id"]: n for n, one in enumerate(by_raw, 1)}
    place = 0
    for one in found["dossiers"]:
        # Only dossiers that may be taken are ranked; a gate that isn't met keeps one out of it.
        place += one["expected_rank"] is not None
        one["place"] = place if one["expected_rank"] is not None else None
        one["raw_place"] = raw_rank.get(one["id"])
        one["from"], one["to"] = found["mean"] + one["low"], found["mean"] + one["high"]


def _approved(row: Round, listed: Computation | None) -> bool:
    return listed is not None and publicity.approved(db(), pk(row), listed.digest)


@blueprint.post("/rounds/<code>/results/compute")
@access("staff")
def compute(code: str) -> Response:
    """Fit the model to the submitted reviews and make the list under the round's rules."""
    row = round_or_404(code)
    attempt(_("Computed. The same reviews always give the same figures."), compute_all, pk(row))
    return redirect(url_for("results.index", code=code), code=303)


def compute_all(work: Work, round_id: int) -> Computation:
    """Fit and select, both or neither."""
    results.run_fit(work, round_id)
    return results.run_selection(work, round_id)


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


@blueprint.get("/rounds/<code>/publicity")
@access(*SEEN_BY)
def publicity_page(code: str) -> str:
    """Publishing the approved list, and what the public then sees."""
    row = round_or_404(code)
    listed = newest(db(), pk(row), "list")
    start = _published_at(row)
    return render_template(
        "results/publicity.html",
        round=row,
        approved=_approved(row, listed),
        start=start,
        end=last_day(start, row.rules["publicity_days"]) if start else None,
    )


@blueprint.post("/rounds/<code>/publicity")
@access("staff")
def publish(code: str) -> Response:
    """Publish the approved list; the page for the public opens at once."""
    row = round_or_404(code)
    attempt(_("Published."), publicity.publish_list, pk(row))
    return redirect(url_for("results.publicity_page", code=code), code=303)


def _published_at(row: Round) -> datetime | None:
    query = select(LogEvent.time).where(
        LogEvent.subject == row.code, LogEvent.type == "list.published"
    )
    return db().exec(query.order_by(col(LogEvent.seq).desc())).first()


def last_day(start: datetime, days: int) -> date:
    """Return the last of so many working days, the first being the day after the start.

    Saturdays and Sundays don't count; public holidays are the office's to add.
    """
    from review_service.web.languages import BEIJING

    day = start.astimezone(BEIJING).date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


@blueprint.get("/public/<code>")
@public
def published(code: str) -> str:
    """The published list with its publicity period and the draws to verify."""
    row = _public_round(code)
    listed = newest(db(), pk(row), "list") or abort(404)
    selection = json.loads(listed.record)["selection"]
    units = {one.number: one for one in competing(db(), pk(row))}
    start = _published_at(row)
    draws = db().exec(select(Draw).where(Draw.round_id == row.id).order_by(col(Draw.number)))
    return render_template(
        "results/published.html",
        public_round=row,
        rows=sorted(
            (units[name] for name in selection["list"]), key=lambda one: (one.province, one.rank)
        ),
        start=start,
        end=last_day(start, row.rules["publicity_days"]) if start else None,
        draws=list(draws),
        digest=listed.digest,
        rules=digest(row.rules["list"]),
        today=office().tools.clock(),
    )  # fmt: skip


@blueprint.get("/public/<code>/draws/<int:number>.zip")
@public
def bundle(code: str, number: int) -> Response:
    """The public bundle of a draw of a published round."""
    row = _public_round(code)
    query = select(Draw).where(Draw.round_id == row.id, Draw.number == number)
    draw = db().exec(query).first()
    if draw is None or draw.status != "completed":
        abort(404)
    return send_bundle(row, draw)


def _public_round(code: str) -> Round:
    """Return a published round; the same 404 for one that isn't and for none."""
    row = round_or_404(code)
    return row if row.status in PUBLIC else abort(404)
