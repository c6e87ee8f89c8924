"""Official papers of a draw: its record (抽取记录表) and the list of experts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.exchange import documents_draw as draw_papers
from review_service.exchange.documents_tables import seated_table
from review_service.tables import Draw, DrawExpert, Expert, Seat
from review_service.web.access import access
from review_service.web.languages import in_chinese
from review_service.web.outcomes import SEEN_BY, XLSX, blueprint, send_paper
from review_service.web.page import db, draw_or_404, office, round_or_404, stratum_name
from review_service.web.records import summary
from review_service.web.shows import checkpoint_of
from review_service.web.words import word
from review_service.workflows.draws import sources_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Round


@blueprint.get("/rounds/<code>/papers/draw-<int:number>.docx")
@access(*SEEN_BY)
def draw_paper(code: str, number: int) -> Response:
    """The record of a draw (抽取记录表), with names once they are unsealed."""
    row = round_or_404(code)
    draw = draw_or_404(row, number)
    if draw.status != "completed" or draw.settled_at is None:
        abort(404)
    names = _names(draw) if row.unsealed_at is not None else {}
    snapshot, result = json.loads(draw.snapshot), json.loads(draw.result or "{}")
    checkpoint = checkpoint_of(draw)
    with in_chinese():
        counts = summary(snapshot)
        facts = draw_papers.DrawFacts(
            title=row.title,
            draw_id=draw.draw_id,
            method=word("method", draw.method),
            locked=draw.locked_at,
            completed=draw.settled_at,
            made=office().tools.clock(),
            counts=(
                ("候选专家", f"{counts['experts']}人"),
                ("席位", f"{counts['panels']}个评审组，共{counts['seats']}席"),
                ("材料", f"{counts['dossiers']}份"),
                ("回避", f"{counts['conflicts']}对"),
            ),
            limits=counts["limits"],
            snapshot=draw.digest,
            seed=str(result.get("seed", "")),
            sources=[
                _source(snapshot["sources"][one.position], json.loads(one.entry or "{}"), one)
                for one in sources_of(db(), draw)
            ],
            seats=_seats(row, result, names),
            named=bool(names) or "seats" not in result,
            checkpoint=checkpoint.note if checkpoint else "",
        )
    return send_paper(draw_papers.draw_record(facts), f"{row.code}-抽取记录表-{number}.docx")


def _source(fixed: dict[str, Any], entry: dict[str, Any], one: Any) -> tuple[str, str]:
    whose = word("party", fixed["party"]) if fixed.get("party") else one.label
    shown = entry.get("secret") or entry.get("signature") or entry.get("key") or ""
    return f"{word('source', one.kind)}：{whose}", str(shown)


def _seats(row: Round, result: dict[str, Any], names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return the seats as drawn; of a drawing of lots, the order."""
    if "seats" in result:
        return [
            (
                one["panel"],
                stratum_name(row, one["stratum"]),
                names.get(one["expert"], one["expert"]),
            )
            for one in result["seats"]
        ]
    return [("", str(n), str(name)) for n, name in enumerate(result.get("order", []), 1)]


def _names(draw: Draw) -> dict[str, str]:
    rows = db().exec(
        select(DrawExpert.pseudonym, DrawExpert.name, Expert.employer)
        .join(Expert, col(Expert.id) == col(DrawExpert.expert_id))
        .where(DrawExpert.draw_pk == draw.id)
    )
    return {code: f"{name}（{employer}）" for code, name, employer in rows}


def _experts(row: Round) -> list[draw_papers.ExpertLine]:
    rows = db().exec(
        select(Seat, Expert)
        .join(Expert, col(Expert.id) == col(Seat.expert_id))
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == row.id)
        .order_by(col(Seat.panel), col(Seat.stratum), col(Seat.id))
    )
    return [
        draw_papers.ExpertLine(
            panel=seat.panel,
            stratum=stratum_name(row, seat.stratum),
            name=expert.name,
            employer=expert.employer,
            title=expert.title,
            province=expert.province,
            pseudonym=seat.pseudonym,
            state=word("seat", seat.status) + (f"（{seat.dossier}）" if seat.dossier else ""),
        )
        for seat, expert in rows
    ]


@blueprint.get("/rounds/<code>/papers/experts.<form>")
@access(*SEEN_BY)
def experts(code: str, form: str) -> Response:
    """The experts with their names, after unsealing only."""
    row = round_or_404(code)
    if form not in {"docx", "xlsx"}:
        abort(404)
    if row.unsealed_at is None:
        flash(
            _("Names are sealed until the round’s unsealing; this list isn’t made before."), "error"
        )
        return redirect(url_for("results.papers", code=row.code), code=303)
    with in_chinese():
        lines = _experts(row)
    if form == "docx":
        data = draw_papers.expert_list(row.title, lines, office().tools.clock())
        return send_paper(data, f"{row.code}-专家名单.docx")
    return send_paper(seated_table([vars(one) for one in lines]), f"{row.code}-专家名单.xlsx", XLSX)
