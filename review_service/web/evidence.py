"""Files of evidence and reports on pages: taken in, listed, and handed out to keep, never shown."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import abort, current_app, flash, request, send_file

from review_service.web.errors import sentence
from review_service.web.page import db
from review_service.workflows import attachments
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.wrappers import Response

    from review_service.tables import Attachment
    from review_service.workflows.attachments import KeptFile


def folder() -> Path:
    """Return where evidence lies: outside of everything that is served."""
    found: Path = current_app.extensions["settings"].data / "attachments"
    return found


def sent_file() -> tuple[bytes, str]:
    """Return the content and name of the file that a form sent; both empty where it sent none."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return b"", ""
    return sent.read(), sent.filename


def keep(data: bytes, name: str, *, only: str = "") -> KeptFile | None:
    """Keep a file after looking at it; None, and a word on the next page, where it is refused."""
    try:
        return attachments.keep_file(folder(), data, name, only=only)
    except WorkflowError as error:
        flash(sentence(error), "error")
        return None


def evidence_of(application_id: int) -> list[Attachment]:
    """Return an application's evidence."""
    return attachments.attached(db(), application_id)


def send_kept(application_id: int, attachment_id: int) -> Response:
    """Hand out a file of an application's evidence; 404 for any other."""
    for one in evidence_of(application_id):
        if one.id == attachment_id:
            return hand_out(one.digest, one.name, one.media)
    return abort(404)


def hand_out(digest: str, name: str, media: str) -> Response:
    """Hand out a kept file as a download."""
    data = attachments.read_file(folder(), digest)
    return send_file(io.BytesIO(data), as_attachment=True, download_name=name, mimetype=media)
