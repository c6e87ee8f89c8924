# ruff: noqa: E501 - a sentence stands on a line of its own
"""Refusals become sentences in the user's language: never a 500, never a silent skip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from allocation.errors import AllocationError
from review_service.web.words import word
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from flask import Flask


def sentence(error: WorkflowError | AllocationError | ScoringError) -> str:
    """Return what went wrong, with its facts, in the language of the page."""
    facts: dict[str, Any] = error.facts
    known = {
        "round-status": _("This can't be done while the round is “%(status)s”.", status=word("round", facts.get("status", "?"))),
        "round-exists": _("There is a round with this code already."),
        "commitment-missing": _("“%(party)s” has not committed to a secret yet.", party=word("party", str(facts.get("party", "?")))),
        "commitment-given": _("“%(party)s” has committed already; a commitment is never changed.", party=word("party", str(facts.get("party", "?")))),
        "commitment-form": _("A commitment is 64 characters of 0–9 and a–f."),
        "not-your-party": _("Only “%(party)s” can do this.", party=word("party", str(facts.get("party", "?")))),
        "not-all-revealed": _("Still to be revealed: %(missing)s.", missing=_list(facts, "missing")),
        "already-revealed": _("“%(source)s” has been revealed already.", **_has(facts, "source")),
        "draw-status": _("This draw is “%(status)s”; nothing can be changed.", status=word("draw", facts.get("status", "?"))),
        "conflicts-undecided": _("%(count)s suspected conflicts must be confirmed or dismissed first.", **_has(facts, "count")),
        "seats-awaited": _("%(count)s seats are still awaited.", **_has(facts, "count")),
        "reason-needed": _("A reason is needed."),
        "review-changed": _("This form was saved elsewhere since you opened it; nothing was overwritten."),
        "review-submitted": _("This review was submitted and is locked."),
        "review-incomplete": _("Not scored yet: %(missing)s.", missing=_list(facts, "missing")),
        "pledge-needed": _("Sign the pledge of confidentiality first."),
        "no-panels": _("The round has no panels yet."),
        "second-person": _("Another person must decide this."),
        "not-your-dossier": _("This dossier is not among yours."),
        "pledge-signed": _("You have signed the pledge already."),
        "seat-status": _("This seat is “%(status)s”; nothing was changed.", status=word("seat", facts.get("status", "?"))),
        "nothing-to-draw": _("A draw needs experts and admitted dossiers: there are %(experts)s experts and %(dossiers)s dossiers.", **_has(facts, "experts"), **_has(facts, "dossiers")),
        "too-few": _("Stratum %(stratum)s: panels %(panels)s need %(needed)s experts, only %(seatable)s can be seated (%(eligible)s eligible). Add experts of that stratum, or change the seats.", panels=_list(facts, "panels"), **_has(facts, "stratum"), **_has(facts, "needed"), **_has(facts, "seatable"), **_has(facts, "eligible")),
        "no-walk": _("The seats could not be filled under the limits within 1,000 attempts; nothing of them is kept. Void this draw, and widen the limits or the pool."),
        "commitment": _("That is not the secret “%(party)s” committed to. Check it character by character; nothing was changed.", party=word("party", str(facts.get("party", "?")))),
        "secret-size": _("A secret is 64 characters of 0–9 and a–f."),
        "hex": _("Only the characters 0–9 and a–f can stand here, an even number of them."),
        "beacon": _("The signature of beacon round %(round)s does not verify; look it up again.", **_has(facts, "round")),
        "beacon-form": _("That is no signature of beacon round %(round)s.", **_has(facts, "round")),
        "beacon-past": _("Beacon round %(round)s is not in the future; choose a later one.", **_has(facts, "round")),
        "event-past": _("“%(name)s” is not in the future; choose a later event.", **_has(facts, "name")),
        "key-form": _("Write the numbers in ascending order, each with a point after it, groups ended by “/”: 2.5.8.10.12./"),
        "key-order": _("The numbers %(group)s are not in ascending order.", **_has(facts, "group")),
        "checkpoint-needed": _("Sign a checkpoint of the log first; the bundle is pinned by it."),
        "no-reviews": _("No review was submitted yet."),
        "fit-needed": _("Compute the adjusted results first."),
        "review-empty": _("Nothing was scored yet for dossier %(dossier)s.", **_has(facts, "dossier")),
        "level": _("That is no level of the scale."),
        "constraint": _("The database refused that; nothing was changed."),
    }  # fmt: skip
    if error.code in known:
        return str(known[error.code])
    listed = "；".join(f"{key} = {value}" for key, value in sorted(facts.items()))
    return f"{error} ({error.code}: {listed})" if listed else f"{error} ({error.code})"


def _list(facts: dict[str, Any], key: str) -> str:
    return "、".join(map(str, facts.get(key, [])))


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
        page = render_template("error.html", text=sentence(error), code=status, back=_back())
        return page, status

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
        return render_template("error.html", text=text, code=code, back=_back()), code


def _back() -> str:
    """Return the page the request came from, where it is one of ours."""
    came = urlsplit(request.referrer or "")
    return came.path if came.netloc == request.host and came.path != request.path else ""
