"""The blueprint that the pages of results, publicity, documents and feeds share."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import Blueprint, abort, send_file

from review_service.web.page import round_or_404

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Round

blueprint = Blueprint("results", __name__)
SEEN_BY = ("staff", "approver", "inspector")
PUBLIC = {"published", "final"}
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def public_round(code: str) -> Round:
    """Return a published round; the same 404 for one that isn't and for none."""
    row = round_or_404(code)
    return row if row.status in PUBLIC else abort(404)


def scored_round(code: str) -> Round:
    """Return a round whose scoring has closed; before that nobody sees a score."""
    row = round_or_404(code)
    return row if row.status in {"closed", *PUBLIC} else abort(404)


def send_paper(data: bytes, name: str, media: str = DOCX) -> Response:
    """Hand out an official paper as a file to keep."""
    return send_file(io.BytesIO(data), media, as_attachment=True, download_name=name)
