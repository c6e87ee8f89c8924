"""Units' requests for recusal, exclusion rates, and what changed between two states of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.tables import Dossier, Expert, ImportBatch, RecusalRequest
from review_service.web.access import access
from review_service.web.conflicts import shown
from review_service.web.page import attempt, db, round_or_404, safe_next
from review_service.workflows import batches, conflict_views, requests
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("requests", __name__)
SEEN_BY = ("staff", "inspector")
SHOWN = 1000  # changes on a page


@blueprint.get("/rounds/<code>/requests")
@access(*SEEN_BY)
def index(code: str) -> str:
    """What units ask for, to be accepted or refused with a reason."""
    row = round_or_404(code)
    query = (
        select(RecusalRequest, Expert, Dossier)
        .join(Expert, col(Expert.id) == col(RecusalRequest.expert_id))
        .join(Dossier, col(Dossier.id) == col(RecusalRequest.dossier_id))
        .where(RecusalRequest.round_id == row.id)
        .order_by(col(RecusalRequest.id))
    )
    rows = list(db().exec(query).all())
    counts = {name: sum(one.status == name for one, _e, _d in rows) for name in _STATES}
    wanted = request.args.get("status", "")
    return render_template(
        "conflicts/requests.html",
        round=row,
        rows=[one for one in rows if wanted in {"", one[0].status}],
        whole=len(rows),
        counts=counts,
        open=row.status in {"draft", "open"},
    )


_STATES = ("asked", "accepted", "refused")


@blueprint.post("/rounds/<code>/requests")
@access("staff")
def ask(code: str) -> Response:
    """Enter a request that came in writing."""
    row = round_or_404(code)
    number, dossier_number = request.form.get("expert", ""), request.form.get("dossier", "")
    expert = db().exec(select(Expert).where(Expert.number == number.strip())).first()
    dossier = db().exec(
        select(Dossier).where(
            Dossier.round_id == row.id, Dossier.number == dossier_number.strip()
        )
    ).first()  # fmt: skip
    if expert is None or dossier is None:
        flash(_("There is no such expert or dossier in this round."), "error")
    else:
        attempt(
            _("The request is entered."), requests.request_recusal, pk(row), pk(expert),
            pk(dossier), request.form.get("reason", ""),
        )  # fmt: skip
    return redirect(url_for("requests.index", code=code), code=303)


@blueprint.post("/rounds/<code>/requests/<int:request_id>")
@access("staff")
def decide(code: str, request_id: int) -> Response:
    """Accept or refuse a request."""
    row = round_or_404(code)
    found = db().get(RecusalRequest, request_id)
    decision = request.form.get("decision", "")
    if found is None or found.round_id != row.id:
        abort(404)
    if decision not in {"accept", "refuse"}:
        abort(400)
    attempt(
        _("Decided."),
        requests.decide_request,
        request_id,
        accept=decision == "accept",
        reason=request.form.get("reason", ""),
    )
    return redirect(safe_next(), code=303)


@blueprint.get("/rounds/<code>/rates")
@access(*SEEN_BY)
def rates(code: str) -> str:
    """How much each expert and each requesting unit excludes, highest first."""
    row = round_or_404(code)
    found = conflict_views.exclusion_rates(db(), pk(row), shown(row))
    return render_template("conflicts/rates.html", round=row, rates=found)


@blueprint.get("/rounds/<code>/changes/<kind>")
@access(*SEEN_BY)
def changes(code: str, kind: str) -> str:
    """What changed between two imports or searches, so that stuffing shows."""
    row = round_or_404(code)
    if kind not in {"pool", "dossiers", "conflicts"}:
        abort(404)
    steps = batches.batches(db(), kind, None if kind == "pool" else row.id)
    chosen = {pk(one): one for one in steps}
    earlier = chosen.get(request.args.get("from", 0, type=int))
    later = chosen.get(request.args.get("to", 0, type=int))
    if not request.args and len(steps) > 1:
        earlier, later = steps[-2], steps[-1]
    net = _between(earlier, later)
    return render_template(
        "conflicts/changes.html",
        round=row,
        kind=kind,
        steps=steps,
        earlier=earlier,
        later=later,
        changes=net[:SHOWN],
        whole=len(net),
        counts={name: sum(one.kind == name for one in net) for name in _KINDS},
        names=_names(kind, net[:SHOWN]),
    )


_KINDS = ("new", "updated", "retired", "removed")


def _between(earlier: ImportBatch | None, later: ImportBatch | None) -> list[batches.Change]:
    if earlier is None or later is None or pk(earlier) >= pk(later):
        return []
    return batches.changes_between(db(), earlier, later)


def _names(kind: str, net: list[batches.Change]) -> dict[str, Any]:
    """Return pool number → name and employer, for the subjects of a change."""
    if kind == "dossiers":
        return {}
    numbers = {one.subject.split("/")[0] for one in net}
    query = select(Expert.number, Expert.name, Expert.employer)
    found = {number: f"{name}（{employer}）" for number, name, employer in db().exec(query)}
    return {number: found[number] for number in numbers if number in found}
