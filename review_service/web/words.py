"""Codes become words: one place that names every state, reason, rule and role in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _l

from review_service.web.languages import either
from review_service.workflows.rule_texts import RULES

if TYPE_CHECKING:
    from flask import Flask

_WORDS: dict[str, dict[str, Any]] = {
    "role": {
        "staff": _l("organising staff"),
        "approver": _l("approver"),
        "inspector": _l("discipline inspection"),
        "expert": _l("expert"),
        "unit": _l("applying unit"),
        "prefecture": _l("prefecture office"),
        "province": _l("province office"),
        "administrator": _l("account administrator"),
        "system": _l("the system"),
    },
    "party": {
        "ministry": _l("the ministry"),
        "inspection": _l("discipline inspection"),
        "notary": _l("a notary"),
        "units": _l("the applying units"),
        "witness": _l("a witness"),
    },
    "round": {
        "draft": _l("being prepared"),
        "open": _l("open"),
        "reviewing": _l("experts are scoring"),
        "closed": _l("scoring closed"),
        "published": _l("list published"),
        "final": _l("list final"),
    },
    "step": {"done": _l("done"), "now": _l("in progress"), "later": _l("to come")},
    "dossier": {
        "received": _l("received"),
        "admitted": _l("admitted"),
        "withdrawn": _l("withdrawn"),
        "calibration": _l("calibration sample"),
        "returned": _l("sent back for correction"),
    },
    "level": {
        "unit": _l("unit"),
        "prefecture": _l("prefecture office"),
        "province": _l("province office"),
        "ministry": _l("ministry"),
        "declined": _l("not recommended"),
        "withdrawn": _l("withdrawn"),
    },
    "stage": {
        "unit": _l("with the unit"),
        "prefecture": _l("with the prefecture"),
        "province": _l("with the province"),
        "ministry": _l("with the ministry"),
        "declined": _l("not recommended"),
        "withdrawn": _l("withdrawn by the unit"),
    },
    "application-step": {
        "submitted": _l("submitted"),
        "returned": _l("sent back"),
        "declined": _l("not recommended"),
        "reconsidered": _l("taken up again"),
        "recommended": _l("recommended"),
        "withdrawn": _l("withdrawn by the unit"),
    },
    "applicant": {
        "local": _l("local unit"),
        "central": _l("central enterprise in this place"),
        "provincial": _l("unit or state enterprise of the province"),
    },
    "exception": {
        "in-transit": _l("papers are on their way"),
        "emergency": _l("emergency, post interrupted"),
        "electronic-only": _l("electronic originals are accepted"),
        "other": _l("another reason"),
    },
    "request": {
        "asked": _l("to be decided"),
        "accepted": _l("accepted"),
        "refused": _l("refused"),
    },
    "batch": {
        "pool": _l("Pool of experts"),
        "dossiers": _l("Dossiers"),
        "conflicts": _l("Conflicts"),
    },
    "batch-source": {
        "search": _l("search by the rules"),
        "decision": _l("decision by staff"),
        "declared by expert": _l("declared by the expert"),
        "declared by unit": _l("request of a unit"),
        "declared by staff": _l("declared by staff"),
        "recommendation": _l("recommendation of a province"),
        "form": _l("Word form"),
    },
    "change": {
        "new": _l("new"),
        "updated": _l("changed"),
        "retired": _l("taken out of use"),
        "removed": _l("gone"),
    },
    "field": {
        "name": _l("Name"), "employer": _l("Employer"), "title": _l("Title"),
        "stratum": _l("Stratum"), "province": _l("Province"), "status": _l("State"),
        "in_use": _l("In use"), "document": _l("Document"), "rank": _l("Rank"),
        "credit_code": _l("Credit code"), "avoid_units": _l("Units to keep away from"),
        "avoid_people": _l("People to keep away from"), "sector": _l("Sector"),
        "affiliations": _l("Posts and advisory work"), "unit": _l("Unit"),
        "category": _l("Category"), "prefecture": _l("Prefecture"), "pinyin": _l("Pinyin"),
        "application": _l("Application"), "indicators": _l("Numeric conditions"),
        "evidence": _l("Evidence"), "source": _l("Declared"), "reason": _l("Reason"),
    },
    "gate": {"passed": _l("met"), "failed": _l("not met"), "missing": _l("not given")},
    "conflict": {
        "confirmed": _l("confirmed"),
        "suspected": _l("to be decided"),
        "dismissed": _l("dismissed"),
    },
    "draw": {
        "locked": _l("locked, not yet drawn"),
        "completed": _l("drawn"),
        "voided": _l("void"),
    },
    "method": {
        "lottery": _l("lottery"),
        "balanced": _l("balanced lottery"),
        "order": _l("drawing of lots"),
    },
    "source": {
        "commitment": _l("secret of a party"),
        "drand": _l("public randomness beacon"),
        "public": _l("public event"),
    },
    "passed": {
        "seats-full": _l("no seat of this stratum is open any more"),
        "conflict": _l("conflict of interest with a dossier of every panel that has a seat"),
        "limit": _l("the limit per employer or province is reached"),
    },
    "skipped": {
        "seated": _l("sits already, or sat before"),
        "unavailable": _l("not available"),
        "stratum": _l("of another stratum"),
        "conflict": _l("conflict of interest"),
        "limit": _l("the limit per employer or province is reached"),
        "capacity": _l("has no room for more"),
    },
    "seat": {
        "awaiting": _l("answer awaited"),
        "accepted": _l("accepted"),
        "vacated": _l("vacated"),
    },
    "reason": {
        "declined": _l("declined"),
        "ill": _l("ill or unable to travel"),
        "busy": _l("other duties at that time"),
        "recusal": _l("recused"),
        "unreachable": _l("could not be reached"),
        "timeout": _l("no answer in time"),
        "conflict": _l("conflict of interest"),
        "withdrawn": _l("withdrew"),
        "other": _l("another reason"),
    },
    "declarer": {
        "rules": _l("found by the rules"),
        "expert": _l("the expert"),
        "unit": _l("the unit"),
        "staff": _l("staff"),
    },
    "evidence": {
        "employer": _l("employer"), "unit": _l("unit"), "credit_code": _l("credit code"),
        "unit_code": _l("unit’s credit code"), "score": _l("likeness"), "item": _l("listed"),
        "head": _l("head"), "related": _l("related unit"), "affiliation": _l("post"),
        "since": _l("counted from"), "province": _l("province"), "reason": _l("reason"),
        "prefecture": _l("prefecture"), "evidence": _l("declared"), "text": _l("declared"),
        "said": _l("declared"),
    },
    "review": {
        "none": _l("not begun"),
        "draft": _l("in progress"),
        "complete": _l("complete, not submitted"),
        "submitted": _l("submitted"),
    },
    "approval": {
        "proposed": _l("waits for a second person"),
        "approved": _l("approved"),
        "rejected": _l("rejected"),
    },
    "subject": {
        "list": _l("the list"),
        "settlement": _l("verdicts on the line zone"),
        "amendment": _l("an amended review"),
    },
    "objection": {
        "received": _l("to be answered"),
        "proposed": _l("waits for a second person"),
        "answered": _l("answered"),
    },
    "outcome": {"upheld": _l("upheld"), "dismissed": _l("dismissed")},
    "place": {
        "in": _l("on the list"),
        "open": _l("still open"),
        "out": _l("not on the list"),
        "": _l("not computed"),
    },
}  # fmt: skip

# What a state looks like; colour never carries the meaning alone, the word stands beside it.
_TONES = {
    "good": {
        "admitted", "completed", "accepted", "submitted", "approved", "passed", "published", "in",
    },
    "busy": {
        "open", "reviewing", "locked", "awaiting", "draft", "proposed", "complete", "calibration",
    },
    "warn": {"suspected", "missing", "asked", "returned"},
    "bad": {"voided", "rejected", "failed", "declined", "refused"},
}  # fmt: skip


def word(kind: str, code: str) -> str:
    """Return the word for a code in the language of the page; unknown codes stay as they are."""
    if kind == "rule" and code in RULES:
        return str(either(RULES[code], "title"))
    return str(_WORDS.get(kind, {}).get(code, code))


def code_of(kind: str, text: str) -> str:
    """Return the code whose word this is in the language of the page, else the text itself."""
    return next((code for code, one in _WORDS[kind].items() if str(one) == text), text)


def known(kind: str) -> str:
    """Return all words of a kind in the language of the page, as one list."""
    return "、".join(map(str, _WORDS[kind].values()))


def basis(code: str) -> str:
    """Return the line of law or notice that a rule of recusal rests on."""
    return either(RULES[code], "law") if code in RULES else ""


def tone(kind: str, code: str) -> str:
    """Return the tone of a state: good, busy, warn, bad or none."""
    if (kind, code) == ("place", "open"):
        return "warn"
    if (kind, code) in {("round", "draft"), ("conflict", "confirmed")}:
        return ""
    if kind == "stage":
        known = {"unit": "warn", "ministry": "good", "declined": "bad", "withdrawn": "bad"}
        return known.get(code, "busy")
    return next((name for name, codes in _TONES.items() if code in codes), "")


def install(app: Flask) -> None:
    """Let templates use `word` and `tone`."""
    app.jinja_env.globals.update(word=word, tone=tone, basis=basis)
