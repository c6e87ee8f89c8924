"""A completed draw to look at: on the projector, as a list with reasons, on paper, as a bundle."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, redirect, render_template, send_file, url_for
from sqlmodel import col, select

from review_service.tables import Checkpoint, Draw, DrawExpert, Expert, LogEvent, Round
from review_service.web.access import access
from review_service.web.draws import SEEN_BY
from review_service.web.errors import sentence
from review_service.web.log import qr
from review_service.web.page import db, draw_or_404, names_open, round_or_404, stratum_name
from review_service.web.records import steps_of_walk, summary
from review_service.web.words import word
from review_service.workflows import bundles
from review_service.workflows.base import WorkflowError
from review_service.workflows.draws import sources_of
from review_service.workflows.seats import dossiers_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("shows", __name__)


def names_of(row: Round, draw: Draw) -> dict[str, tuple[str, str]]:
    """Return pseudonym → (name, employer), empty while names are sealed for who is signed in."""
    if not names_open(row):
        return {}
    rows = db().exec(
        select(DrawExpert.pseudonym, DrawExpert.name, Expert.employer)
        .join(Expert, col(Expert.id) == col(DrawExpert.expert_id))
        .where(DrawExpert.draw_pk == draw.id)
    )
    return {code: (name, employer) for code, name, employer in rows}


def _completed(code: str, number: int) -> tuple[Round, Draw]:
    row = round_or_404(code)
    draw = draw_or_404(row, number)
    return (row, draw) if draw.status == "completed" else abort(404)


@blueprint.get("/rounds/<code>/draws/<int:number>/show")
@access(*SEEN_BY)
def show(code: str, number: int) -> str:
    """The draw on a big screen, seat by seat, in large type."""
    row, draw = _completed(code, number)
    record, names = json.loads(draw.snapshot), names_of(row, draw)
    steps = [
        one
        | {"name": names.get(one["expert"], ("", ""))[0]}
        | ({"why": word("passed", one["reason"])} if "reason" in one else {})
        | ({"in": stratum_name(row, one["stratum"])} if "stratum" in one else {})
        for one in steps_of_walk(json.loads(draw.result or "{}"))
    ]
    panels = [
        {"id": panel["id"], "class": panel["class"], "seats": sorted(panel["seats"].items())}
        for panel in record.get("panels", [])
    ]
    return render_template(
        "draws/show.html",
        round=row,
        draw=draw,
        data={"steps": steps, "panels": panels},
        steps=steps,
        panels=panels,
        seed=json.loads(draw.result or "{}")["seed"],
        seats=sum(1 for one in steps if "panel" in one),
    )


@blueprint.get("/rounds/<code>/draws/<int:number>/list")
@access(*SEEN_BY)
def listing(code: str, number: int) -> str:
    """The whole list in drawn order: seats, those passed over with the reason, the reserve.

    A balanced draw has no order: its dossiers stand there with their experts.
    """
    row, draw = _completed(code, number)
    result = json.loads(draw.result or "{}")
    if draw.method == "balanced":
        return render_template(
            "draws/list.html",
            round=row,
            draw=draw,
            names=names_of(row, draw),
            seated=seats_of_dossiers(draw, result),
        )
    steps = steps_of_walk(result)
    strata = {one["id"]: one["stratum"] for one in json.loads(draw.snapshot).get("experts", [])}
    return render_template(
        "draws/list.html",
        round=row,
        draw=draw,
        steps=steps,
        names=names_of(row, draw),
        strata=strata,
        panels=result.get("panels", {}),
        reserve=result.get("order", [])[len(steps) :],
        taken=result.get("taken"),
    )


def seats_of_dossiers(draw: Draw, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every panel of a balanced draw: {"panel", "dossiers", "seats"}, sorted.

    A seat is {"stratum", "expert", "chance"}, the chance as the plan published it: "1/3".
    """
    plan = json.loads(draw.snapshot)["plan"]
    chance = {tuple(row[:3]): f"{row[3]}/{row[4]}" if row[4] > 1 else "1" for row in plan}
    held: dict[str, list[dict[str, str]]] = defaultdict(list)
    for seat in result["seats"]:
        key = seat["expert"], seat["panel"], seat["stratum"]
        held[seat["panel"]].append({**seat, "chance": chance[key]})
    return [
        {"panel": panel, "dossiers": dossiers_of(draw, panel), "seats": seats}
        for panel, seats in held.items()
    ]


@blueprint.get("/rounds/<code>/draws/<int:number>/record")
@access(*SEEN_BY)
def record(code: str, number: int) -> str:
    """The draw record (抽取记录表) to print and sign, with the checkpoint as a QR code."""
    row, draw = _completed(code, number)
    checkpoint = checkpoint_of(draw)
    snapshot = json.loads(draw.snapshot)
    sources = [
        (snapshot["sources"][one.position], json.loads(one.entry or "{}"), one)
        for one in sources_of(db(), draw)
    ]
    return render_template(
        "draws/record.html",
        round=row,
        draw=draw,
        summary=summary(snapshot),
        sources=sources,
        result=json.loads(draw.result or "{}"),
        names=names_of(row, draw),
        checkpoint=checkpoint,
        code=qr(checkpoint.note) if checkpoint else "",
    )


def checkpoint_of(draw: Draw) -> Checkpoint | None:
    """Return the first checkpoint that holds the draw's completion."""
    completed = select(LogEvent.seq).where(
        LogEvent.subject == draw.draw_id, LogEvent.type == "draw.completed"
    )
    seq = db().exec(completed).first()
    if seq is None:
        return None
    later = select(Checkpoint).where(Checkpoint.size > seq).order_by(col(Checkpoint.size))
    return db().exec(later).first()


@blueprint.get("/rounds/<code>/draws/<int:number>/bundle.zip")
@access(*SEEN_BY)
def bundle(code: str, number: int) -> Response:
    """The public bundle of a draw: pseudonyms only."""
    return send_bundle(*_completed(code, number))


@blueprint.get("/rounds/<code>/draws/<int:number>/bundle-inspection.zip")
@access("inspector")
def inspection(code: str, number: int) -> Response:
    """To the inspector's desk: the bundle with names leaves it encrypted, and logged, alone."""
    _completed(code, number)
    return redirect(url_for("inspection.draw", code=code, number=number) + "#names")


def send_bundle(row: Round, draw: Draw) -> Response:
    """Return a draw's bundle as a download, or go back with the reason why there is none."""
    try:
        data = bundles.draw_bundle(db(), draw)
    except WorkflowError as error:
        flash(sentence(error), "error")
        return redirect(url_for("draws.one", code=row.code, number=draw.number), code=303)
    name = f"{row.code}-draw-{draw.number}.zip"
    return send_file(io.BytesIO(data), "application/zip", as_attachment=True, download_name=name)
