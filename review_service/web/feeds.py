"""A JSON feed (jsonfeed.org, version 1.1) of published lists and signed checkpoints."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from flask import Response, url_for
from sqlmodel import col, select

from review_service.tables import Checkpoint, LogEvent, Round
from review_service.web.access import public
from review_service.web.outcomes import PUBLIC, blueprint
from review_service.web.page import db, office
from review_service.workflows.log import stamp

if TYPE_CHECKING:
    from datetime import datetime

ITEMS = 50


@blueprint.get("/feed.json")
@public
def feed() -> Response:
    """The newest lists and checkpoints, the newest first."""
    items = sorted((*_lists(), *_checkpoints()), key=lambda one: one["date_published"])
    record = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"{office().tools.keys.origin}：名单与检查点",
        "home_page_url": url_for("home.index", _external=True),
        "feed_url": url_for("results.feed", _external=True),
        "language": "zh-CN",
        "items": list(reversed(items))[:ITEMS],
    }
    text = json.dumps(record, ensure_ascii=False, indent=1)
    return Response(text, mimetype="application/feed+json")


def _lists() -> list[dict[str, Any]]:
    rows = db().exec(
        select(LogEvent, Round)
        .join(Round, col(Round.code) == col(LogEvent.subject))
        .where(LogEvent.type == "list.published", col(Round.status).in_(PUBLIC))
        .order_by(col(LogEvent.seq).desc())
        .limit(ITEMS)
    )
    items = []
    for event, row in rows:
        body = json.loads(event.event)["body"]
        kind = "公示名单"
        if body.get("kind") == "final":
            kind = "最终名单"
        elif "supersedes" in body:
            kind = "调整后再次公示的名单"
        text = f"{kind}，记录摘要 {body['record']}"
        if "last_day" in body:
            text += f"，公示期 {body['first_day']} 至 {body['last_day']}"
        items.append(
            _item(
                url_for("results.published", code=row.code, _external=True),
                f"#event-{event.seq}",
                f"{row.title}：{kind}",
                text,
                event.time,
            )
        )
    return items


def _checkpoints() -> list[dict[str, Any]]:
    rows = db().exec(select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(ITEMS))
    return [
        _item(
            url_for("log.checkpoint", _external=True),
            f"#{row.size}",
            f"检查点：{row.size} 条记录",
            row.note,
            row.signed_at,
        )
        for row in rows
    ]


def _item(url: str, mark: str, title: str, text: str, moment: datetime) -> dict[str, Any]:
    return {
        "id": url + mark,
        "url": url,
        "title": title,
        "content_text": text,
        "date_published": stamp(moment.astimezone(UTC)),
    }
