# ruff: noqa: E501 - a sentence stands on a line of its own
"""Sentences for rules of a round that mean nothing; the codes are those of workflows/round_rules.py."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

RULE_SENTENCES: Final = {
    "round-code": _l("A round's code has letters, digits and hyphens, at least two; not “%(given)s”."),
    "round-title": _l("A round needs a name of at most %(most)s characters."),
    "round-number": _l("“%(rule)s” must be a whole number from %(low)s to %(high)s, not %(given)s."),
    "round-rule": _l("“%(rule)s” can't be understood: %(given)s."),
    "round-list": _l("“%(rule)s” can't be understood: %(why)s."),
    "round-panel": _l("Panel %(number)s needs an id, a class and seats of at least one stratum, whole numbers from 1: %(given)s."),
    "round-panel-twice": _l("Panel %(name)s stands twice."),
    "round-panels-bare": _l("These panels name no dossiers after a colon: %(names)s."),
    "round-panels-needed": _l("At least one panel is needed."),
    "round-parties-needed": _l("At least one party must give a secret for the draw."),
    "round-limit": _l("A limit is of employer or province, in draw, panel or cell, each once, a whole number from 1: %(given)s."),
    "round-moment": _l("“%(rule)s” needs a moment with its zone, such as 2026-11-23T18:00:00+08:00."),
    "round-deadlines-order": _l("The levels must end one after another, units first, and before scoring begins."),
    "round-review-half": _l("Give both the first and the last moment."),
    "round-review-order": _l("Scoring ends after it begins."),
}  # fmt: skip
