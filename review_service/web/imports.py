"""Bringing files in: upload, a preview that names every faulty cell, then all of it or nothing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired

from review_service.exchange import dossiers as dossier_files
from review_service.exchange import pool as pool_files
from review_service.exchange import recusals as recusal_files
from review_service.exchange.columns import HELP_SHEET
from review_service.exchange.errors import ExchangeError
from review_service.exchange.grids import read_book
from review_service.exchange.reading import HEADER_DEPTH
from review_service.exchange.values import as_text
from review_service.web import aside
from review_service.web.access import access
from review_service.web.languages import language
from review_service.web.page import attempt, db, round_or_404
from review_service.workflows import batches
from review_service.workflows import conflicts as conflict_cases
from review_service.workflows import dossiers as dossier_cases
from review_service.workflows import pool as pool_cases
from review_service.workflows.base import pk
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from review_service.tables import Round
    from review_service.workflows.base import Work

blueprint = Blueprint("imports", __name__)
SAMPLE = 12  # rows shown of a file before it is taken in


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is read, what takes it in, and where its rows are seen afterwards."""

    title: Any
    read: Callable[..., Any]
    take: Callable[..., Any]
    template: Callable[[], bytes]
    columns: tuple[Any, ...]
    shown: tuple[str, ...]
    target: str
    kind: str


def _take_pool(work: Work, _round_id: int, file: pool_files.PoolFile, source: str) -> object:
    return pool_cases.import_experts(
        work, file.rows, source=source, digest=file.digest, fields=set(file.columns)
    )


def _take_dossiers(
    work: Work, round_id: int, file: dossier_files.DossierFile, source: str
) -> object:
    return dossier_cases.import_dossiers(
        work, round_id, file.rows, source=source, digest=file.digest
    )


def _take_recusals(
    work: Work, round_id: int, file: recusal_files.RecusalFile, source: str
) -> object:
    return conflict_cases.import_recusals(work, round_id, file.rows, source=source)


KINDS = {
    "pool": Kind(
        _l("Bring in experts"), pool_files.read_pool, _take_pool,
        pool_files.pool_template, pool_files.COLUMNS,
        ("number", "name", "employer", "title", "stratum", "province"), "pool.index", "pool",
    ),
    "dossiers": Kind(
        _l("Bring in dossiers"), dossier_files.read_dossiers, _take_dossiers,
        dossier_files.dossiers_template, dossier_files.COLUMNS,
        ("number", "unit", "category", "sector", "province", "rank"), "dossiers.index", "dossiers",
    ),
    "recusals": Kind(
        _l("Bring in declarations of recusal"), recusal_files.read_recusals,
        _take_recusals, recusal_files.recusals_template, recusal_files.COLUMNS,
        ("expert", "name", "dossier", "rule", "declared_by"), "conflicts.index", "recusals",
    ),
}  # fmt: skip


class UploadForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """A file to bring in."""

    file = FileField(
        _l("File (.xlsx, .xls, .ods or .csv)"),
        [FileRequired(_l("Choose a file."))],
    )


def _kind(name: str) -> Kind:
    return KINDS.get(name) or abort(404)


@blueprint.route("/rounds/<code>/import/<kind>", methods=["GET", "POST"])
@access("staff")
def upload(code: str, kind: str) -> str | Response:
    """Choose a file; it is kept aside until it is confirmed or replaced."""
    row, about = round_or_404(code), _kind(kind)
    form = UploadForm()
    if form.validate_on_submit():
        data = form.file.data.read()
        token = sha256(data).hexdigest()
        path = aside.folder() / token
        path.write_bytes(data)
        path.with_suffix(".name").write_text(PurePath(form.file.data.filename or "file").name)
        return redirect(url_for("imports.preview", code=code, kind=kind, token=token), code=303)
    return render_template("pool/upload.html", round=row, kind=kind, about=about, form=form)


@blueprint.get("/rounds/<code>/import/<kind>/template.xlsx")
@access("staff")
def template(code: str, kind: str) -> Response:
    """An empty workbook with the headers, choices and explanations."""
    round_or_404(code)
    data = io.BytesIO(_kind(kind).template())
    return send_file(data, as_attachment=True, download_name=f"{kind}.xlsx")


def _kept(token: str) -> tuple[bytes, str]:
    if len(token) != 64 or not set(token) <= set("0123456789abcdef"):
        abort(404)
    path = aside.folder() / token
    if not path.exists():
        abort(404)
    return path.read_bytes(), path.with_suffix(".name").read_text()


def _read(row: Round, about: Kind, token: str) -> tuple[Any, str]:
    """Return the file as read with the mapping of the query; ExchangeError refuses it."""
    data, filename = _kept(token)
    sheet = request.values.get("sheet") or None
    more = _checks(row, about)
    chosen = _chosen(about)
    if chosen:
        return about.read(data, filename, chosen, sheet, **more), filename
    try:
        file = about.read(data, filename, None, sheet, **more)
        kept = batches.remembered_mapping(db(), about.kind, file.headers)
    except ExchangeError as error:
        if error.code != "no-matching-sheet":
            raise
        kept = _kept_mapping(about, header_rows(data, filename, sheet))
        if not kept:
            raise
    return (about.read(data, filename, kept, sheet, **more) if kept else file), filename


def header_rows(data: bytes, filename: str, sheet: str | None) -> list[list[str]]:
    """Return what may be headers of a file whose columns aren't known, the likeliest first.

    These are the first rows of its sheets; headers fill most cells, and stand before their rows.
    """
    found = []
    for grid in read_book(data, filename).grids:
        if grid.visible and grid.name != HELP_SHEET and sheet in {None, grid.name}:
            found += [
                [" ".join(as_text(one).split()) for one in row] for row in grid.rows[:HEADER_DEPTH]
            ]
    return sorted(found, key=lambda row: -len({one for one in row if one}))


def _kept_mapping(about: Kind, rows: list[list[str]]) -> dict[str, str]:
    for headers in rows:
        if kept := batches.remembered_mapping(db(), about.kind, headers):
            return kept
    return {}


def _checks(row: Round, about: Kind) -> dict[str, Any]:
    """Return what the round asks of a file's rows beside their form."""
    if about.read is dossier_files.read_dossiers:
        return {
            "per_province": row.rules["dossiers_per_province"],
            "per_prefecture": row.rules["dossiers_per_prefecture"],
            "rubric": rubric_of(row),
        }
    if about.read is pool_files.read_pool:
        return {"eligibility": _eligibility(row)}
    return {}


def _eligibility(row: Round) -> pool_files.Eligibility:
    """Return who may be in use in this round's pool."""
    rules = row.rules["conflicts"]
    return pool_files.Eligibility(
        year=row.created_at.year,
        age_limit=rules.get("age_limit", 70),
        senior_title=rules.get("senior_title", True),
        organisers=tuple(rules.get("organisers", ())),
    )


def _chosen(about: Kind) -> dict[str, str]:
    """Return which columns the page says to read, field → header."""
    names = (one.name for one in about.columns)
    return {name: header for name in names if (header := request.values.get(f"m-{name}", ""))}


@blueprint.get("/rounds/<code>/import/<kind>/<token>")
@access("staff")
def preview(code: str, kind: str, token: str) -> str:
    """What the file holds and what is wrong with it, cell by cell; nothing is stored yet."""
    row, about = round_or_404(code), _kind(kind)
    file, refusal, headers = None, "", []
    try:
        file, filename = _read(row, about, token)
        headers = [one for one in file.headers if one]
    except ExchangeError as error:
        data, filename = _kept(token)
        refusal = error.sentence(language())
        if error.code in {"no-matching-sheet", "mapping"}:
            rows = header_rows(data, filename, request.values.get("sheet") or None)
            headers = [one for one in rows[0] if one] if rows else []
    return render_template(
        "pool/preview.html",
        round=row,
        kind=kind,
        about=about,
        token=token,
        filename=filename,
        file=file,
        refusal=refusal,
        lang=language(),
        sample=file.rows[:SAMPLE] if file else (),
        diff=pool_cases.compare_pool(db(), file.rows, set(file.columns)).counts()
        if file and kind == "pool"
        else {},
        chosen=_mapping(about, file),
        headers=headers,
    )


def _mapping(about: Kind, file: Any) -> dict[str, str]:
    """Return the columns chosen on the page, or those remembered, which differ from the header."""
    chosen = _chosen(about)
    if not chosen and file:
        chosen = batches.remembered_mapping(db(), about.kind, file.headers)
    return {one.name: chosen.get(one.name, "") for one in about.columns}


def _take(work: Work, row_id: int, about: Kind, file: Any, source: str) -> object:
    """Take the file in, and keep how its columns were matched for the next like it."""
    chosen = _chosen(about)
    if chosen:
        batches.remember_mapping(work, about.kind, file.headers, chosen)
    return about.take(work, row_id, file, source)


@blueprint.post("/rounds/<code>/import/<kind>/<token>")
@access("staff")
def confirm(code: str, kind: str, token: str) -> Response:
    """Take the whole file in, or none of it."""
    row, about = round_or_404(code), _kind(kind)
    try:
        file, filename = _read(row, about, token)
    except ExchangeError as error:
        flash(error.sentence(language()), "error")
        return redirect(url_for("imports.upload", code=code, kind=kind), code=303)
    if file.issues:
        return redirect(url_for("imports.preview", code=code, kind=kind, token=token), code=303)
    done = _("%(count)s rows were brought in.", count=len(file.rows))
    if attempt(done, _take, pk(row), about, file, filename) is None:
        return redirect(url_for("imports.preview", code=code, kind=kind, token=token), code=303)
    path = aside.folder() / token
    path.unlink(missing_ok=True)
    path.with_suffix(".name").unlink(missing_ok=True)
    return redirect(url_for(about.target, code=code), code=303)
