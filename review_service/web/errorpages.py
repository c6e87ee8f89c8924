"""Pages of errors: each refusal, and each request that can't be answered, has one; never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import g, render_template, request
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from allocation.errors import AllocationError
from review_service.web.errors import sentence
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from flask import Flask

TYPED = 20  # characters from which on a text is worth giving back
SECRETS = ("password", "secret", "code", "token", "credential")


def install(app: Flask) -> None:
    """Give every refusal its page."""

    @app.errorhandler(NotFoundError)
    def _not_found(error: NotFoundError) -> tuple[str, int]:
        if error.code == "link-over":
            return render_template("accounts/over.html"), 404
        return render_template(
            "error.html", text=_("There is no such page for you."), code=404
        ), 404

    @app.errorhandler(WorkflowError)
    @app.errorhandler(AllocationError)
    @app.errorhandler(ScoringError)
    def _refused(error: WorkflowError) -> tuple[str, int]:
        status = 409 if isinstance(error, StaleError) else 422
        page = render_template("error.html", text=sentence(error), code=status, back=_back())
        return page, status

    @app.errorhandler(CSRFError)
    def _ended(_error: CSRFError) -> tuple[str, int]:
        """Nothing was done; what somebody typed must not be lost with the session."""
        text = (
            _("The page is older than your session. Open it again and send it once more.")
            if current_user.is_authenticated
            else _(
                "Your session has ended. Sign in, then open the page again and send it once more."
            )
        )
        page = render_template(
            "error.html", text=text, code=400, back=_came(), typed=_typed(),
            enter=not current_user.is_authenticated,
        )  # fmt: skip
        return page, 400

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> tuple[str, int]:
        texts = {
            400: _("The request could not be understood."),
            403: _("This page is not for your role."),
            404: _("There is no such page for you."),
            405: _("This address doesn't take that request."),
            413: _("That is more than can be sent at once: files up to 100 MB, texts up to 2 MB."),
        }
        if g.get("looked_at"):
            texts[403] = _("Support sees no such page: it changes something, or shows too much.")
        code = error.code or 500
        text = texts.get(code, _("Something went wrong; nothing was changed."))
        return render_template("error.html", text=text, code=code, back=_back()), code


def _typed() -> list[str]:
    """Return the longer texts of a form of ours, without passwords, codes and tokens."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        return []
    return [
        text
        for name, text in request.form.items(multi=True)
        if len(text) >= TYPED and not any(one in name for one in SECRETS)
    ]


def _back() -> str:
    """Return the page the request came from, where it is another one of ours."""
    came = _came()
    return came if came != request.path else ""


def _came() -> str:
    came = urlsplit(request.referrer or "")
    return came.path if came.netloc == request.host else ""
