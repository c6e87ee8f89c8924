"""Dossiers: the list, one dossier with its application and its gates as facts, and provinces."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import defer, load_only
from sqlmodel import col, func, or_, select

from review_service.exchange import form as application_form
from review_service.tables import Application, Attachment, Dossier, PaperReceipt, Round
from review_service.web.access import access, role
from review_service.web.languages import language
from review_service.web.page import attempt, db, dossier_or_404, like, round_or_404
from review_service.web.paging import Page, page_of
from review_service.web.pool import neighbours
from review_service.web.views import bar
from review_service.workflows.applications import draw_made, steps_of
from review_service.workflows.attachments import attached
from review_service.workflows.base import pk
from review_service.workflows.dossiers import EXCEPTIONS, admit_received, gates_of
from review_service.workflows.papers import exception_of
from review_service.workflows.recommending import recommendations
from review_service.workflows.rounds import rubric_of
from review_service.workflows.ways_back import application_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.sql.expression import SelectOfScalar
    from werkzeug.wrappers import Response

blueprint = Blueprint("dossiers", __name__)
SEEN_BY = ("staff", "approver", "inspector")
# The form's text is long, and no list shows it.
_APPLICATION: Any = Dossier.application
_NUMBER: Any = Dossier.number
# Fields that say how to reach people: experts judge dossiers, they don't call applicants.
_PRIVATE = frozenset({"legal.phone", "legal.fax", "legal.mobile", "legal.email"})


def facts_of(dossier: Dossier) -> dict[str, Any]:
    """Return a dossier's application for a page, without what says how to reach people.

    Each section has the `evidence` beside it too: (title, pages, address) of each file.
    """
    facts = facts_of_form(dossier.application)
    files = evidence_of(dossier)
    for section in facts["sections"]:
        section["evidence"] = [
            (one.title, one.pages, evidence_address(dossier, one))
            for one in files
            if one.section == section["number"]
        ]
    return facts


def evidence_of(dossier: Dossier) -> list[Attachment]:
    """Return the files of evidence that came with a dossier; none where it was brought in."""
    query = select(Application.id).where(Application.dossier_id == dossier.id)
    application_id = db().exec(query).first()
    return attached(db(), application_id) if application_id else []


def evidence_address(dossier: Dossier, one: Attachment) -> str:
    """Return where whoever is signed in gets a file of evidence."""
    row = db().get_one(Round, dossier.round_id)
    endpoint = "intake.evidence_for_expert" if role() == "expert" else "intake.evidence"
    return url_for(endpoint, code=row.code, number=dossier.number, attachment_id=one.id)


def facts_of_form(record: Mapping[str, Any], *, contacts: bool = False) -> dict[str, Any]:
    """Return a form's record for a page: `parts` of labelled facts, and narrative `sections`.

    A section is {"number", "title", "text", "pages"}; what was left empty is left out of parts.
    """
    parts: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    sections: list[dict[str, Any]] = []
    titles = section_titles()
    for number, title in enumerate(titles, 1):
        text = application_form.get(record, f"sections.{number}.text")
        pages = application_form.get(record, f"sections.{number}.pages")
        sections.append({"number": number, "title": title, "text": text or "", "pages": pages})
    for one in application_form.FIELDS:
        value = application_form.get(record, one.path)
        hidden = one.path in _PRIVATE and not contacts
        if one.part == "sections" or hidden or value in {None, ""}:
            continue
        label = one.zh if language() == "zh" else one.en[:1].upper() + one.en[1:]
        shown = (_("yes") if value else _("no")) if isinstance(value, bool) else value
        parts[one.part].append((label, shown))
    names = part_names()
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


def part_names() -> dict[str, str]:
    """Return the names of the form's parts but for the narrative sections."""
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
    whole = select(func.count()).select_from(Dossier).where(Dossier.round_id == row.id)
    received = whole.where(Dossier.status == "received")
    page, rows = _page(row)
    return render_template(
        "dossiers/index.html",
        round=row,
        rows=rows,
        page=page,
        gates=len(rubric_of(row).gates),
        received=db().exec(received).one(),
        whole=db().exec(whole).one(),
        choices={name: _choices(row.id, name) for name in ("province", "sector")},
        filters=_filters(),
        bar=bar("dossiers"),
        copies=row.rules.get("paper_copies", 0),
    )


def _page(row: Round) -> tuple[Page, list[dict[str, Any]]]:
    """Return the page asked for, and its dossiers with the gates they fail and their papers.

    Gates stand in no column: to list those who fail some, every dossier is looked at.
    """
    query = _wanted(row)
    if request.args.get("gates") == "failed":
        failing = [one for one in _at_gates(row, query) if one["failed"]]
        page = page_of(len(failing), "dossiers.index", row.code)
        rows = list(page.of(failing))
    else:
        total = select(func.count()).select_from(query.order_by(None).subquery())
        page = page_of(db().exec(total).one(), "dossiers.index", row.code)
        rows = _at_gates(row, page.narrow(query))
    shown = [pk(one["dossier"]) for one in rows]
    papers = {
        one.dossier_id: one
        for one in db().exec(select(PaperReceipt).where(col(PaperReceipt.dossier_id).in_(shown)))
    }
    return page, [one | {"papers": papers.get(pk(one["dossier"]))} for one in rows]


def _at_gates(row: Round, query: SelectOfScalar[Dossier]) -> list[dict[str, Any]]:
    return [
        {"dossier": one, "failed": [gate for gate in gates_of(row, one) if not gate.passed]}
        for one in db().exec(query.options(defer(_APPLICATION)))
    ]


def _filters() -> dict[str, Any]:
    """Return the filters of the address, for links that keep them."""
    names = ("q", "province", "sector", "status", "gates")
    return {name: value for name in names if (value := request.args.get(name, ""))}


def _wanted(row: Round) -> SelectOfScalar[Dossier]:
    """Return the round's dossiers by number, narrowed by what the page asks for."""
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
    return query.order_by(col(Dossier.number))


def _numbers(row: Round) -> list[str]:
    """Return the numbers that the filters leave, in the list's order."""
    wanted = _wanted(row).options(load_only(_NUMBER))
    return [one.number for one in db().exec(wanted)]


def _choices(round_id: int | None, name: str) -> list[str]:
    column = getattr(Dossier, name)
    query = select(column).where(Dossier.round_id == round_id).distinct().order_by(column)
    return [value for value in db().exec(query) if value]


@blueprint.post("/rounds/<code>/dossiers/admit")
@access("staff")
def admit(code: str) -> Response:
    """Admit the ticked dossiers, or all that are received; their content stays as it is."""
    row = round_or_404(code)
    chosen = None if request.form.get("scope") == "all" else set(request.form.getlist("number"))
    back = redirect(url_for("dossiers.index", code=code, **_filters()), code=303)
    if chosen is not None and not chosen:
        flash(_("Nothing was chosen."), "error")
        return back
    admitted = attempt("", admit_received, pk(row), chosen)
    if admitted is not None:
        flash(_("Admitted to the review: %(count)s.", count=admitted), "success")
    return back


@blueprint.get("/rounds/<code>/dossiers/<number>")
@access(*SEEN_BY)
def one(code: str, number: str) -> str:
    """One dossier: the application, and the numeric conditions with their articles."""
    row = round_or_404(code)
    dossier = dossier_or_404(row, number)
    application = application_of(db(), pk(dossier))
    before, following = neighbours(_numbers(row), number)
    return render_template(
        "dossiers/one.html",
        round=row,
        dossier=dossier,
        gates=gates_of(row, dossier),
        facts=facts_of(dossier),
        evidence=evidence_of(dossier),
        receipt=db().get(PaperReceipt, pk(dossier)),
        copies=row.rules.get("paper_copies", 0),
        exceptions=EXCEPTIONS,
        exception=exception_of(db(), row, dossier),
        withdrawn=application.reason if application else "",
        returnable=application is not None
        and row.status == "open"
        and dossier.status in {"received", "admitted"}
        and not draw_made(db(), row),
        history=steps_of(db(), pk(application)) if application else [],
        before=before,
        following=following,
        filters=_filters(),
    )


@blueprint.get("/rounds/<code>/provinces")
@access(*SEEN_BY)
def provinces(code: str) -> str:
    """What each province recommended, in its order, within its quota."""
    row = round_or_404(code)
    query = (
        select(Dossier.province, Dossier.rank, Dossier.number, Dossier.unit)
        .where(Dossier.round_id == row.id, Dossier.status != "calibration")
        .order_by(col(Dossier.province), col(Dossier.rank))
    )
    grouped: dict[str, list[Any]] = defaultdict(list)
    for dossier in db().exec(query):
        grouped[dossier[0]].append(dossier)
    quota = row.rules["dossiers_per_province"]
    return render_template(
        "dossiers/provinces.html",
        round=row,
        grouped=grouped,
        quota=quota,
        made=recommendations(db(), pk(row)),
    )
