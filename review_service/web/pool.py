"""The pool of experts: search by name, pinyin or employer, filters, and one expert's entry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, render_template, request
from sqlmodel import col, func, or_, select

from review_service.tables import Expert
from review_service.web.access import access
from review_service.web.page import db, like, page_link, round_or_404

if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar

blueprint = Blueprint("pool", __name__)
PAGE = 50
SEEN_BY = ("staff", "inspector")
FILTERS = ("stratum", "province")


@blueprint.get("/rounds/<code>/pool")
@access(*SEEN_BY)
def index(code: str) -> str:
    """The pool, page by page."""
    row = round_or_404(code)
    query = _wanted(select(Expert))
    total = db().exec(_wanted(select(func.count()).select_from(Expert))).one()
    page = max(1, request.args.get("page", 1, type=int))
    rows = db().exec(
        query.order_by(col(Expert.pinyin), col(Expert.number)).offset((page - 1) * PAGE).limit(PAGE)
    )
    return render_template(
        "pool/index.html",
        round=row,
        rows=rows.all(),
        total=total,
        page=page,
        pages=max(1, math.ceil(total / PAGE)),
        link=page_link("pool.index", code),
        whole=db().exec(select(func.count()).select_from(Expert)).one(),
        choices={name: _choices(name) for name in FILTERS},
    )


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
    return render_template("pool/one.html", round=row, expert=expert)
