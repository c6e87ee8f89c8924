"""Refusals become sentences in the user's language: never a 500, never a silent skip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import render_template
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from allocation.errors import AllocationError
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from flask import Flask


def sentence(error: WorkflowError | AllocationError | ScoringError) -> str:
    """Return what went wrong, with its facts, in the language of the page."""
    facts: dict[str, Any] = error.facts
    known = {
        "round-status": _("This can't be done while the round is “%(status)s”.", **_has(facts, "status")),
        "round-exists": _("There is a round with this code already."),
        "commitment-missing": _("“%(party)s” has not committed to a secret yet.", **_has(facts, "party")),
        "commitment-given": _("“%(party)s” has committed already; a commitment is never changed.", **_has(facts, "party")),
        "commitment-form": _("A commitment is 64 characters of 0–9 and a–f."),
        "not-your-party": _("Only “%(party)s” can do this.", **_has(facts, "party")),
        "not-all-revealed": _("Still to be revealed: %(missing)s.", missing="、".join(map(str, facts.get("missing", [])))),
        "already-revealed": _("“%(source)s” has been revealed already.", **_has(facts, "source")),
        "draw-status": _("This draw is “%(status)s”; nothing can be changed.", **_has(facts, "status")),
        "conflicts-undecided": _("%(count)s suspected conflicts must be confirmed or dismissed first.", **_has(facts, "count")),
        "seats-awaited": _("%(count)s seats are still awaited.", **_has(facts, "count")),
        "reason-needed": _("A reason is needed."),
        "review-changed": _("This form was saved elsewhere since you opened it; nothing was overwritten."),
        "review-submitted": _("This review was submitted and is locked."),
        "review-incomplete": _("Not scored yet: %(missing)s.", missing="、".join(map(str, facts.get("missing", [])))),
        "pledge-needed": _("Sign the pledge of confidentiality first."),
        "no-panels": _("The round has no panels yet."),
        "second-person": _("Another person must decide this."),
    }  # fmt: skip
    if error.code in known:
        return known[error.code]
    listed = "；".join(f"{key} = {value}" for key, value in sorted(facts.items()))
    return f"{error} ({error.code}: {listed})" if listed else f"{error} ({error.code})"


def _has(facts: dict[str, Any], key: str) -> dict[str, Any]:
    return {key: facts.get(key, "?")}


def install(app: Flask) -> None:
    """Give every refusal its page."""

    @app.errorhandler(NotFoundError)
    def _not_found(_error: NotFoundError) -> tuple[str, int]:
        return render_template(
            "error.html", text=_("There is no such page for you."), code=404
        ), 404

    @app.errorhandler(WorkflowError)
    @app.errorhandler(AllocationError)
    @app.errorhandler(ScoringError)
    def _refused(error: WorkflowError) -> tuple[str, int]:
        status = 409 if isinstance(error, StaleError) else 422
        return render_template("error.html", text=sentence(error), code=status), status

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> tuple[str, int]:
        texts = {
            400: _("The request could not be understood."),
            403: _("This page is not for your role."),
            404: _("There is no such page for you."),
            405: _("This address doesn't take that request."),
            413: _("The file is larger than 100 MB."),
        }
        code = error.code or 500
        text = texts.get(code, _("Something went wrong; nothing was changed."))
        return render_template("error.html", text=text, code=code), code
