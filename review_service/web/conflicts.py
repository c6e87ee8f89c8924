"""Conflicts of interest: every excluded pair with its rule and evidence; suspected ones decided."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlmodel import and_, col, func, or_, select

from review_service.exchange.conflicts import write_conflicts
from review_service.tables import Conflict, Dossier, Expert, Round
from review_service.web.access import access
from review_service.web.languages import language
from review_service.web.page import (
    attempt,
    db,
    dossier_or_404,
    like,
    names_open,
    round_or_404,
    safe_next,
)
from review_service.web.paging import page_of
from review_service.web.views import bar
from review_service.workflows import conflict_views, conflicts
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from werkzeug.wrappers import Response

blueprint = Blueprint("conflicts", __name__)


@blueprint.get("/rounds/<code>/conflicts")
@access("staff", "inspector")
def index(code: str) -> str:
    """The pairs that must not meet, and those that wait for a decision."""
    row = round_or_404(code)
    wanted = _filters(row)
    joined = (
        select(Conflict, Expert, Dossier)
        .join(Expert, col(Expert.id) == col(Conflict.expert_id))
        .join(Dossier, col(Dossier.id) == col(Conflict.dossier_id))
        .where(*wanted)
    )
    count = (
        select(func.count())
        .select_from(Conflict)
        .join(Expert, col(Expert.id) == col(Conflict.expert_id))
        .join(Dossier, col(Dossier.id) == col(Conflict.dossier_id))
        .where(*wanted)
    )
    total = db().exec(count).one()
    page = page_of(total, "conflicts.index", code)
    order = (col(Conflict.status).desc(), col(Dossier.number), col(Expert.number))
    rows = db().exec(page.narrow(joined.order_by(*order))).all()
    return render_template(
        "conflicts/index.html",
        round=row,
        rows=rows,
        total=total,
        page=page,
        by_status=dict(_counts(row, "status")),
        by_rule=_counts(row, "rule"),
        open=row.status in {"draft", "open"},
        bar=bar("conflicts"),
        filters=_asked(),
    )


def _asked() -> dict[str, str]:
    """Return the filters of the address, for the link that exports what they leave."""
    names = ("q", "status", "rule", "source")
    return {name: value for name in names if (value := request.args.get(name, ""))}


@blueprint.get("/rounds/<code>/conflicts.xlsx")
@access("staff", "inspector")
def export(code: str) -> Response:
    """The conflicts that the page's filters leave, with rule, law and evidence."""
    row = round_or_404(code)
    data = write_conflicts(conflict_views.export_rows(db(), and_(*_filters(row)), language()))
    name = f"{_('Conflicts of interest')}-{code}.xlsx"
    return send_file(io.BytesIO(data), as_attachment=True, download_name=name)


@blueprint.get("/rounds/<code>/conflicts/<number>/<dossier_number>")
@access("staff", "inspector")
def pair(code: str, number: str, dossier_number: str) -> str:
    """One pair explained: every rule that fires, with its evidence and the law it rests on."""
    row = round_or_404(code)
    dossier = dossier_or_404(row, dossier_number)
    expert = db().exec(select(Expert).where(Expert.number == number)).first() or abort(404)
    found = conflict_views.explain_pair(db(), shown(row), pk(expert), pk(dossier))
    return render_template(
        "conflicts/pair.html", round=row, expert=expert, dossier=dossier, conflicts=found
    )


def shown(row: Round) -> ColumnElement[bool]:
    """Return which conflicts of a round who is signed in may see."""
    return conflict_views.shown(db(), pk(row), names=names_open(row))


def _filters(row: Round) -> list[Any]:
    wanted: list[Any] = [shown(row)]
    wanted += [
        getattr(Conflict, name) == value
        for name in ("status", "rule", "source")
        if (value := request.args.get(name, ""))
    ]
    if text := request.args.get("q", "").strip():
        pattern = like(text)
        columns = (Expert.name, Expert.number, Expert.employer, Dossier.number, Dossier.unit)
        wanted.append(or_(*(col(one).like(pattern, escape="\\") for one in columns)))
    return wanted


def _counts(row: Round, name: str) -> list[tuple[str, int]]:
    column = getattr(Conflict, name)
    query = select(column, func.count()).where(shown(row))
    return list(db().exec(query.group_by(column).order_by(column)).all())


@blueprint.post("/rounds/<code>/conflicts/find")
@access("staff")
def find(code: str) -> Response:
    """Search all pairs of the pool and the dossiers by the rules."""
    row = round_or_404(code)
    found = attempt(_("All pairs were searched."), conflicts.find_conflicts, pk(row))
    status = "suspected" if found and found.get("suspected") else ""
    return redirect(url_for("conflicts.index", code=code, status=status or None), code=303)


@blueprint.post("/rounds/<code>/conflicts/<int:conflict_id>")
@access("staff")
def decide(code: str, conflict_id: int) -> Response:
    """Confirm or dismiss a suspected conflict, with a reason."""
    row = round_or_404(code)
    conflict = db().get(Conflict, conflict_id) or abort(404)
    if conflict.round_id != row.id:
        abort(404)
    decision = request.form.get("decision", "")
    if decision not in {"confirm", "dismiss"}:
        abort(400)
    attempt(
        _("Decided."),
        conflicts.decide_suspected,
        conflict_id,
        confirm=decision == "confirm",
        reason=request.form.get("reason", ""),
    )
    return redirect(safe_next(), code=303)
