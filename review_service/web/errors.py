"""Refusals become sentences in the user's language: never a 500, never a silent skip."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from review_service.web.languages import table_time
from review_service.web.refusalwords import SENTENCES
from review_service.web.words import word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.errors import AllocationError
    from review_service.workflows.base import WorkflowError
    from scoring.errors import ScoringError


LISTED = 30  # of a list in a sentence; a refusal may name thousands
_FIELDS = {"employer": _l("employer"), "province": _l("province")}
# What kind of state a refusal's “status” is.
_STATUS = {
    "round-status": "round",
    "draw-status": "draw",
    "seat-status": "seat",
    "dossier-status": "dossier",
    "proposal-decided": "approval",
}


class _Facts(dict[str, str]):
    """Facts as words; one that is missing shows as a question mark instead of an error."""

    def __missing__(self, _key: str) -> str:
        return "?"


def sentence(error: WorkflowError | AllocationError | ScoringError) -> str:
    """Return what went wrong, with its facts, in the language of the page."""
    facts = _Facts({name: _shown(error.code, name, fact) for name, fact in error.facts.items()})
    if "count" not in facts and isinstance(error.facts.get("eligible"), list | tuple):
        facts["count"] = str(len(error.facts["eligible"]))
    known = SENTENCES.get(_variant(error.code, error.facts))
    if known is not None:
        return str(known) % facts
    told = "；".join([error.code, *(f"{key} = {value}" for key, value in sorted(facts.items()))])
    unknown = _("This was refused; nothing was changed. Report it with these words: %(told)s")
    return str(unknown) % {"told": told}


def _variant(code: str, facts: dict[str, Any]) -> str:
    """Return which of a refusal's sentences fits: those of a balanced draw say more."""
    if code == "limit-crosses":
        return f"{code}-{'panel' if 'panels' in facts else 'values'}"
    if code == "too-few" and "would_do" in facts:
        return f"{code}-{'capped' if facts['would_do'] else 'balanced'}"
    return code


def _shown(code: str, name: str, fact: Any) -> str:
    if isinstance(fact, list | tuple):
        return _several(name, fact)
    if name in {"party", "level", "status"}:
        return word(_STATUS.get(code, "") if name == "status" else name, str(fact))
    if name == "field" and code in {"limit-crosses", "plan-limit"}:
        return str(_FIELDS.get(str(fact), fact))
    if name == "field" and code == "expert-field":
        return word("field", str(fact))
    if name == "last":
        return table_time(datetime.fromisoformat(str(fact)))
    return str(fact)


def _several(name: str, fact: Sequence[Any]) -> str:
    """Return a list as words; fractions of a balanced refusal are lists of two numbers."""
    if name in {"pair_cap", "would_do", "seatable"} and not isinstance(fact[0], list):
        return "/".join(map(str, fact if fact[1] != 1 else fact[:1]))
    shown = "、".join(_item(one) for one in fact[:LISTED])
    return f"{shown} …" if len(fact) > LISTED else shown


def _item(fact: Any) -> str:
    if isinstance(fact, dict):
        return " ".join(map(str, fact.values()))
    return " ".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
