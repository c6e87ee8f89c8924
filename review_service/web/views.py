"""Saved views of the long lists: filters under a name, for whoever saved them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, redirect, request
from flask_babel import gettext as _
from flask_login import current_user

from review_service.web.access import access
from review_service.web.page import attempt, db, safe_next
from review_service.workflows import views

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("views", __name__)
SEEN_BY = ("staff", "approver", "inspector")


def bar(kind: str) -> dict[str, Any]:
    """Return what the bar of saved views above a list needs."""
    shown = {name: value for name, value in request.args.items() if value and name != "page"}
    return {"kind": kind, "query": urlencode(shown), "saved": views.views(db(), me(), kind)}


def me() -> str:
    """Return the pseudonym of who is signed in."""
    return str(current_user.code)


@blueprint.post("/views/<kind>")
@access(*SEEN_BY)
def keep(kind: str) -> Response:
    """Keep the filters that a list stands under."""
    query = urlencode(parse_qsl(request.form.get("query", "")))
    attempt(_("The view is kept."), views.save_view, kind, request.form.get("name", ""), query)
    return redirect(safe_next(), code=303)


@blueprint.post("/views/drop/<int:view_id>")
@access(*SEEN_BY)
def drop(view_id: int) -> Response:
    """Forget a view."""
    attempt(_("The view is gone."), views.drop_view, view_id)
    return redirect(safe_next(), code=303)
