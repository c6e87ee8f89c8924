"""Rounds and published lists; figures of the results with the scope `results`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import request
from marshmallow import Schema, fields
from sqlmodel import col, select
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized

from review_service.tables import LogEvent
from review_service.web.api.answers import PUBLISHED, endpoint, has, open_rounds, round_for
from review_service.web.page import db
from review_service.workflows.base import pk
from review_service.workflows.computations import newest
from review_service.workflows.publicity import published_numbers
from review_service.workflows.rounds import competing

if TYPE_CHECKING:
    from datetime import datetime

    from review_service.tables import Round


class RoundLine(Schema):
    """A selection round."""

    code = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.String(required=True)
    rubric_digest = fields.String(required=True)
    opened_at = fields.DateTime(required=True, allow_none=True)
    published_at = fields.DateTime(required=True, allow_none=True)


class Rounds(Schema):
    """Rounds by code."""

    rounds = fields.List(fields.Nested(RoundLine), required=True)


class Listed(Schema):
    """A dossier on the list."""

    number = fields.String(required=True)
    unit = fields.String(required=True)
    province = fields.String(required=True)
    category = fields.String(required=True)


class List(Schema):
    """A published list; `record` is the digest under which the log holds its publication."""

    round = fields.String(required=True)
    status = fields.String(required=True)
    published_at = fields.DateTime(required=True, allow_none=True)
    record = fields.String(required=True)
    dossiers = fields.List(fields.Nested(Listed), required=True)


class Figures(Schema):
    """What the statistics say of a dossier, in points; `p_top` is its chance to be on the list."""

    number = fields.String(required=True)
    reviews = fields.Integer(required=True)
    raw_mean = fields.Float(required=True, allow_none=True)
    trimmed_mean = fields.Float(required=True, allow_none=True)
    adjusted = fields.Float(required=True)
    low = fields.Float(required=True)
    high = fields.Float(required=True)
    expected_rank = fields.Float(required=True, allow_none=True)
    p_top = fields.Float(required=True, allow_none=True)
    place = fields.String(required=True)


class Results(Schema):
    """Figures of a closed round's dossiers, by expected rank; digests of fit and list."""

    round = fields.String(required=True)
    fit = fields.String(required=True)
    list = fields.String(required=True, allow_none=True)
    dossiers = fields.List(fields.Nested(Figures), required=True)


def _published_at(row: Round, record: str = "") -> datetime | None:
    """Return when the list with a digest was published; without one, the newest."""
    query = select(LogEvent.time, LogEvent.event).where(
        LogEvent.subject == row.code, LogEvent.type == "list.published"
    )
    for moment, text in db().exec(query.order_by(col(LogEvent.seq).desc())):
        if record in {"", json.loads(text)["body"]["record"]}:
            return moment
    return None


def _line(row: Round) -> dict[str, Any]:
    names = ("code", "title", "status", "rubric_digest", "opened_at")
    return {name: getattr(row, name) for name in names} | {"published_at": _published_at(row)}


@endpoint("/rounds", Rounds)
def rounds() -> dict[str, Any]:
    """Return the published rounds; with the scope `rounds`, all."""
    return {"rounds": [_line(row) for row in open_rounds("rounds")]}


@endpoint("/rounds/<code>", RoundLine, 404)
def round_(code: str) -> dict[str, Any]:
    """Return one round."""
    return _line(round_for(code, "rounds"))


@endpoint("/rounds/<code>/list", List, 404)
def list_(code: str) -> dict[str, Any]:
    """Return the list of a published round, by province and the province's own order."""
    row = round_for(code, "results")
    if row.status not in PUBLISHED:
        raise NotFound("no list was published")
    names, computed = published_numbers(db(), row)
    facts = {one.number: one for one in competing(db(), pk(row))}
    listed = sorted((facts[one] for one in names), key=lambda one: (one.province, one.rank))
    return {
        "round": row.code,
        "status": row.status,
        "published_at": _published_at(row, computed.digest),
        "record": computed.digest,
        "dossiers": listed,
    }


@endpoint("/rounds/<code>/results", Results, 403, 404)
def results(code: str) -> dict[str, Any]:
    """Return what the statistics say of the dossiers; scope `results`, once scoring is closed."""
    if not has("results"):
        if "Authorization" in request.headers:
            raise Forbidden("this token lacks the scope “results”")
        raise Unauthorized("a token with the scope “results” is needed")
    row = round_for(code, "results")
    fitted = newest(db(), pk(row), "fit")
    if row.status not in {"closed", *PUBLISHED} or fitted is None:
        raise NotFound("no results before scoring is closed and computed")
    found, listed = json.loads(fitted.record)["total"], newest(db(), pk(row), "list")
    record = json.loads(listed.record) if listed else None
    current = record is not None and record["fit"] == fitted.digest
    chosen = record["selection"]["dossiers"] if record and current else []
    places = {one["id"]: one["status"] for one in chosen}
    known = {one.number for one in competing(db(), pk(row))}
    racing = [one for one in found["dossiers"] if one["id"] in known]
    return {
        "round": row.code,
        "fit": fitted.digest,
        "list": listed.digest if listed and current else None,
        "dossiers": [
            _figures(one, found["mean"], places.get(one["id"], ""))
            for one in sorted(racing, key=_in_order)
        ],
    }


def _in_order(one: dict[str, Any]) -> tuple[bool, float, str]:
    """Order by expected rank; those outside the competition have none and come last."""
    rank = one["expected_rank"]
    return rank is None, rank or 0.0, one["id"]


def _figures(one: dict[str, Any], mean: float, place: str) -> dict[str, Any]:
    return {
        "number": one["id"],
        "reviews": one["n"],
        "raw_mean": one["raw_mean"],
        "trimmed_mean": one["trimmed_mean"],
        "adjusted": mean + one["effect"],
        "low": one["estimate_low"],
        "high": one["estimate_high"],
        "expected_rank": one["expected_rank"],
        "p_top": one.get("p_top"),
        "place": place,
    }
