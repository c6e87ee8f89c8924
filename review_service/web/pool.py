"""The pool of experts: search by name, pinyin or employer, filters, one entry, export, retiring."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlmodel import col, func, or_, select

from review_service.exchange.pool import FIELDS, ExpertRow, write_pool
from review_service.tables import Expert
from review_service.web.access import access
from review_service.web.page import attempt, db, like, round_or_404
from review_service.web.paging import page_of
from review_service.web.views import bar
from review_service.workflows import pool

if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar
    from werkzeug.wrappers import Response

blueprint = Blueprint("pool", __name__)
SEEN_BY = ("staff", "inspector")
FILTERS = ("stratum", "province")
_ORDER = (col(Expert.pinyin), col(Expert.number))


@blueprint.get("/rounds/<code>/pool")
@access(*SEEN_BY)
def index(code: str) -> str:
    """The pool, page by page."""
    row = round_or_404(code)
    query = _wanted(select(Expert))
    total = db().exec(_wanted(select(func.count()).select_from(Expert))).one()
    page = page_of(total, "pool.index", code)
    rows = db().exec(page.narrow(query.order_by(*_ORDER)))
    return render_template(
        "pool/index.html",
        round=row,
        rows=rows.all(),
        total=total,
        page=page,
        whole=db().exec(select(func.count()).select_from(Expert)).one(),
        choices={name: _choices(name) for name in FILTERS},
        filters=_filters(),
        bar=bar("pool"),
    )


def _filters() -> dict[str, Any]:
    """Return the filters of the address without its page, for links that keep them."""
    names = ("q", "use", *FILTERS)
    return {name: value for name in names if (value := request.args.get(name, ""))}


@blueprint.get("/rounds/<code>/pool.xlsx")
@access(*SEEN_BY)
def export(code: str) -> Response:
    """The experts that the filters leave, as the workbook that the import reads."""
    round_or_404(code)
    found = db().exec(_wanted(select(Expert)).order_by(col(Expert.number)))
    rows = [ExpertRow(**{name: getattr(one, name) for name in FIELDS}) for one in found]
    name = f"{_('Pool of experts')}.xlsx"
    return send_file(io.BytesIO(write_pool(rows)), as_attachment=True, download_name=name)


@blueprint.post("/rounds/<code>/pool/retire")
@access("staff")
def retire(code: str) -> Response:
    """Take the ticked experts out of use, or all that the filters leave; with a reason."""
    round_or_404(code)
    numbers = set(request.form.getlist("number"))
    if request.form.get("scope") == "filtered":
        numbers = set(db().exec(_wanted(select(Expert.number))))
    back = redirect(url_for("pool.index", code=code, **_filters()), code=303)
    if not numbers:
        flash(_("Nobody was chosen."), "error")
        return back
    done = _("Taken out of use: %(count)s.", count=len(numbers))
    attempt(done, pool.retire_left_out, numbers, reason=request.form.get("reason", ""))
    return back


def _wanted(query: SelectOfScalar[Any]) -> SelectOfScalar[Any]:
    """Return a query narrowed by what the page asks for."""
    text = request.args.get("q", "").strip()
    if text:
        pattern, bare = like(text), like("".join(text.lower().split()))
        query = query.where(
            or_(
                col(Expert.name).like(pattern, escape="\\"),
                col(Expert.employer).like(pattern, escape="\\"),
                col(Expert.number).like(pattern, escape="\\"),
                func.replace(func.lower(Expert.pinyin), " ", "").like(bare, escape="\\"),
            )
        )
    for name in FILTERS:
        if value := request.args.get(name, ""):
            query = query.where(getattr(Expert, name) == value)
    if request.args.get("use") == "no":
        query = query.where(col(Expert.in_use).is_(False))
    elif request.args.get("use", "yes") == "yes":
        query = query.where(col(Expert.in_use))
    return query


def _choices(name: str) -> list[tuple[str, int]]:
    column = getattr(Expert, name)
    query = select(column, func.count()).where(col(Expert.in_use)).group_by(column).order_by(column)
    return [(value, count) for value, count in db().exec(query) if value]


@blueprint.get("/rounds/<code>/pool/<number>")
@access(*SEEN_BY)
def one(code: str, number: str) -> str:
    """One expert's entry; the document number is masked."""
    row = round_or_404(code)
    expert = db().exec(select(Expert).where(Expert.number == number)).first() or abort(404)
    listed = list(db().exec(_wanted(select(Expert.number)).order_by(*_ORDER)))
    before, following = neighbours(listed, number)
    return render_template(
        "pool/one.html",
        round=row,
        expert=expert,
        before=before,
        following=following,
        filters=_filters(),
    )


def neighbours(listed: list[str], here: str) -> tuple[str, str]:
    """Return what stands before and after in a list; empty at its ends or outside of it."""
    if here not in listed:
        return "", ""
    at = listed.index(here)
    return listed[at - 1] if at else "", listed[at + 1] if at + 1 < len(listed) else ""
