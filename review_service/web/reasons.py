# ruff: noqa: E501 - a sentence stands on a line of its own
"""Why a dossier is in or out, and what a fit warns of, as sentences in the page's language."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from review_service.web.languages import language


def reason_text(reason: dict[str, Any]) -> str:
    """Return a reason of a selection (scoring.reasons) as a sentence."""
    facts = reason | {"title": reason.get(f"title_{language()}", "")}
    unit = reason.get(f"unit_{language()}", "")

    def said(name: str) -> str:
        return str(facts.get(name, "?"))

    sentences = {
        "rank": _("by its expected rank"),
        "line": _("by the pass line"),
        "freed": _("a place freed by a quota"),
        "category": _("by the minimum for its category"),
        "province": _("its province has its %(most)s places", most=said("most")),
        "draw": _("by lot, position %(position)s of %(draw)s", position=said("position"), draw=said("draw_id")),
        "panel": _("decided by the panel: %(reason)s", reason=said("reason")),
        "line-panel": _("decided by the panel: %(reason)s", reason=said("reason")),
        "open": _("in the line zone: to be settled"),
        "unrated": _("no review was submitted"),
        "gate": _("%(title)s: %(value)s, at least %(threshold)s %(unit)s is needed", title=said("title"), value=said("value"), threshold=said("threshold"), unit=unit),
        "gate-missing": _("%(title)s was not given, at least %(threshold)s %(unit)s is needed", title=said("title"), threshold=said("threshold"), unit=unit),
        "chapter": _("chapter %(chapter)s has %(score)s, at least %(least)s is needed", chapter=said("chapter"), score=said("score"), least=said("least")),
        "chapter-missing": _("chapter %(chapter)s was not scored", chapter=said("chapter")),
    }  # fmt: skip
    return str(sentences.get(reason["code"], reason["code"]))


def warning_text(warning: dict[str, Any]) -> str:
    """Return a warning of a fit (scoring.cautions) as a sentence that names whom it is about."""
    ids = warning.get("dossiers") or warning.get("reviewers") or []
    named = "、".join(map(str, ids[:8])) + ("…" if len(ids) > 8 else "")
    sentences = {
        "few_reviews": _("Fewer than %(least)s reviews: %(named)s", least=warning.get("least"), named=named),
        "unequal_reviews": _("Dossiers have from %(fewest)s to %(most)s reviews; those with fewer are drawn more to the mean.", fewest=warning.get("fewest"), most=warning.get("most")),
        "few_ratings": _("Experts with fewer than %(least)s reviews: %(named)s", least=warning.get("least"), named=named),
        "constant_reviewer": _("Experts who gave everything the same score: %(named)s", named=named),
        "disconnected": _("The panels share no dossier: %(components)s groups are compared only through the random dealing.", components=warning.get("components")),
        "no_variation": _("All scores are equal; nothing can be told apart."),
        "not_estimable": _("A variance can’t be estimated: %(reason)s", reason=warning.get("reason")),
        "boundary": _("A variance lies at zero."),
        "approximate_deviations": _("So many experts and dossiers that standard errors are close approximations, not exact."),
    }  # fmt: skip
    code = str(warning.get("code"))
    listed = "；".join(f"{key} = {value}" for key, value in sorted(warning.items()))
    return str(sentences.get(code, listed))
