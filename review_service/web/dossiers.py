"""Dossiers: the list, one dossier with its application and its gates as facts, and provinces."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import col, func, or_, select

from review_service.exchange import form as application_form
from review_service.tables import Dossier
from review_service.web.access import access
from review_service.web.languages import language
from review_service.web.page import attempt, db, dossier_or_404, like, round_or_404
from review_service.workflows.base import pk
from review_service.workflows.dossiers import admit_received, gates_of
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("dossiers", __name__)
SEEN_BY = ("staff", "approver", "inspector")
# Fields that say how to reach people: experts judge dossiers, they don't call applicants.
_PRIVATE = frozenset({"legal.phone", "legal.fax", "legal.mobile", "legal.email"})


def facts_of(dossier: Dossier) -> dict[str, Any]:
    """Return the application for a page: `parts` of labelled facts, and the narrative `sections`.

    A section is {"number", "title", "text", "pages"}; what was left empty is left out of parts.
    """
    parts: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    sections: list[dict[str, Any]] = []
    titles = section_titles()
    for number, title in enumerate(titles, 1):
        text = application_form.get(dossier.application, f"sections.{number}.text")
        pages = application_form.get(dossier.application, f"sections.{number}.pages")
        sections.append({"number": number, "title": title, "text": text or "", "pages": pages})
    for one in application_form.FIELDS:
        value = application_form.get(dossier.application, one.path)
        if one.part == "sections" or one.path in _PRIVATE or value in {None, ""}:
            continue
        label = one.zh if language() == "zh" else one.en[:1].upper() + one.en[1:]
        shown = (_("yes") if value else _("no")) if isinstance(value, bool) else value
        parts[one.part].append((label, shown))
    names = _part_names()
    return {
        "parts": [(names.get(part, part), rows) for part, rows in parts.items()],
        "sections": sections,
    }


def section_titles() -> list[str]:
    """Return the titles of the eight narrative sections."""
    return [
        _("Background"), _("Foundations"), _("Teachers"), _("Skills training"),
        _("Skills assessment"), _("Skills competitions"), _("Cooperation"), _("Plan"),
    ]  # fmt: skip


def _part_names() -> dict[str, str]:
    return {
        "cover": _("Cover"), "unit": _("The unit"), "legal": _("Legal representative"),
        "premises": _("Premises and equipment"), "teachers": _("Teachers by title and level"),
        "evaluation": _("Ability to assess skills"), "volumes": _("Training of three years"),
        "occupations": _("Occupations"), "declared": _("Further figures"),
        "related": _("For recusal"),
    }  # fmt: skip


@blueprint.get("/rounds/<code>/dossiers")
@access(*SEEN_BY)
def index(code: str) -> str:
    """The round's dossiers, with how many gates each meets."""
    row = round_or_404(code)
    query = select(Dossier).where(Dossier.round_id == row.id)
    if text := request.args.get("q", "").strip():
        pattern = like(text)
        query = query.where(
            or_(
                col(Dossier.unit).like(pattern, escape="\\"),
                col(Dossier.number).like(pattern, escape="\\"),
            )
        )
    for name in ("province", "sector", "status"):
        if value := request.args.get(name, ""):
            query = query.where(getattr(Dossier, name) == value)
    rows = []
    for dossier in db().exec(query.order_by(col(Dossier.number))):
        gates = gates_of(row, dossier)
        rows.append({"dossier": dossier, "failed": [one for one in gates if not one.passed]})
    if request.args.get("gates") == "failed":
        rows = [one for one in rows if one["failed"]]
    whole = select(func.count()).select_from(Dossier).where(Dossier.round_id == row.id)
    received = whole.where(Dossier.status == "received")
    return render_template(
        "dossiers/index.html",
        round=row,
        rows=rows,
        gates=len(rubric_of(row).gates),
        received=db().exec(received).one(),
        whole=db().exec(whole).one(),
        choices={name: _choices(row.id, name) for name in ("province", "sector")},
    )


def _choices(round_id: int | None, name: str) -> list[str]:
    column = getattr(Dossier, name)
    query = select(column).where(Dossier.round_id == round_id).distinct().order_by(column)
    return [value for value in db().exec(query) if value]


@blueprint.post("/rounds/<code>/dossiers/admit")
@access("staff")
def admit(code: str) -> Response:
    """Admit every dossier that is received; from then on their content stays as it is."""
    row = round_or_404(code)
    attempt(_("The dossiers are admitted to the review."), admit_received, pk(row))
    return redirect(url_for("dossiers.index", code=code), code=303)


@blueprint.get("/rounds/<code>/dossiers/<number>")
@access(*SEEN_BY)
def one(code: str, number: str) -> str:
    """One dossier: the application, and the numeric conditions with their articles."""
    row = round_or_404(code)
    dossier = dossier_or_404(row, number)
    return render_template(
        "dossiers/one.html",
        round=row,
        dossier=dossier,
        gates=gates_of(row, dossier),
        facts=facts_of(dossier),
    )


@blueprint.get("/rounds/<code>/provinces")
@access(*SEEN_BY)
def provinces(code: str) -> str:
    """What each province recommended, in its order, within its quota."""
    row = round_or_404(code)
    query = (
        select(Dossier)
        .where(Dossier.round_id == row.id, Dossier.status != "calibration")
        .order_by(col(Dossier.province), col(Dossier.rank))
    )
    grouped: dict[str, list[Dossier]] = defaultdict(list)
    for dossier in db().exec(query):
        grouped[dossier.province].append(dossier)
    quota = row.rules["dossiers_per_province"]
    return render_template("dossiers/provinces.html", round=row, grouped=grouped, quota=quota)
