# ruff: noqa: E501 - a sentence stands on a line of its own
"""Sentences for what stands out: a title and what was found, in the language of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from review_service.web.eventwords import event_word
from review_service.web.words import word
from review_service.workflows import anomalies

if TYPE_CHECKING:
    from review_service.workflows.anomalies import Finding
    from review_service.workflows.scrutiny import Flag


def finding_text(one: Finding) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 - one case a kind
    """Return the title of a finding and its sentence."""
    f = one.facts
    match one.code:
        case "exceptions":
            kinds = "、".join(
                f"{word('exception', name)} {count}" for name, count in f["kinds"].items()
            )
            return _("Admitted without papers"), _(
                "Dossiers admitted by exception: %(numbers)s (%(kinds)s). The reasons are in the log, sealed.",
                kinds=kinds,
                numbers=_list(f["dossiers"]),
            )
        case "void":
            missing = "、".join(
                word("party", name) if word("party", name) != name else word("source", name)
                for name in f["missing"]
            )
            text = _(
                "Draw %(draw)s ended without a result: %(reason)s",
                draw=f["draw"],
                reason=f["reason"],
            )
            return _("Void draw"), text + (
                "；" + _("not revealed: %(missing)s", missing=missing) if missing else ""
            )
        case "missing-number":
            return _("Missing draw number"), _(
                "Not both in the log and in the records: %(numbers)s. This must never happen.",
                numbers=_list(f["numbers"]),
            )
        case "not-locked":
            return _("Committed, never locked"), _(
                "Secrets were committed to for %(draw)s, and no lock followed so far.",
                draw=f["draw_id"],
            )
        case "rehearsals":
            return _("Rehearsals"), _(
                "%(count)s rehearsals; more than %(most)s are worth a question.",
                count=f["count"],
                most=anomalies.REHEARSALS,
            )
        case "replacements":
            reasons = "、".join(
                f"{word('reason', name)} {count}" for name, count in f["reasons"].items()
            )
            share = _percent(anomalies.REPLACED_SHARE)
            return _("Replacements"), _(
                "Draw %(draw)s: %(vacated)s of %(seats)s seats were vacated (%(reasons)s); more than %(share)s stands out.",
                draw=f["draw"],
                vacated=f["vacated"],
                seats=f["seats"],
                reasons=reasons,
                share=share,
            )
        case "exclusions":
            return _("Exclusions"), _(
                "Dossier %(dossier)s: its unit asked to keep %(requested)s experts away (%(accepted)s accepted), %(by_hand)s were entered by hand: %(share)s of the pool of %(pool)s; more than %(most)s stands out.",
                dossier=f["dossier"],
                requested=f["requested"],
                accepted=f["accepted"],
                by_hand=f["by_hand"],
                share=_percent(f["share"]),
                pool=f["pool"],
                most=_percent(anomalies.EXCLUDED_SHARE),
            )
        case "late-changes":
            kinds = "、".join(f"{event_word(kind)} {count}" for kind, count in f["kinds"].items())
            return _("Changed shortly before the lock"), _(
                "In the 24 hours before draw %(draw)s was locked: %(kinds)s.",
                draw=f["draw"],
                kinds=kinds,
            )
        case "amendments":
            return _("Amended reviews"), _(
                "%(count)s amendments of submitted reviews were decided, %(approved)s approved, %(late)s of them after scoring had closed.",
                count=f["count"],
                approved=f["approved"],
                late=f["late"],
            )
        case "verdicts":
            return _("Decided by hand"), _(
                "The line of the list was settled by a panel’s verdicts; %(count)s decisions of a second person.",
                count=f["count"],
            )
        case "suspected":
            return _("Suspected conflicts decided by hand"), _(
                "%(count)s suspected conflicts were confirmed or dismissed by staff.",
                count=f["count"],
            )
        case "unsealed":
            return _("Names unsealed"), _(
                "Names were opened to the organising staff and the approver."
            )
        case "exports":
            return _("Identities taken out"), _(
                "%(draw)s: %(count)s times, encrypted.", draw=f["draw_id"], count=f["count"]
            )
    return one.code, str(f)


def flag_text(flag: Flag) -> tuple[str, str]:  # noqa: PLR0911 - one case a kind
    """Return the title of a flag of the statistics and its sentence."""
    f, who = flag.figures, "、".join(flag.experts)
    match flag.code:
        case "lenient" | "severe":
            title = _("Very lenient") if flag.code == "lenient" else _("Very severe")
            return title, _(
                "%(who)s scores %(leniency)s points from the others (interval %(low)s to %(high)s).",
                who=who,
                leniency=_signed(f["leniency"]),
                low=_signed(f["low"]),
                high=_signed(f["high"]),
            )
        case "inconsistent":
            return _("Inconsistent"), _(
                "%(who)s departs from the others by %(sd)s points as a rule (infit %(infit)s, 1 is usual).",
                who=who,
                sd=_number(f["noise_sd"]),
                infit=_number(f["infit"]),
            )
        case "central":
            return _("Hardly any differences"), _(
                "%(who)s uses little of the scale: the spread is %(spread)s of the usual.",
                who=who,
                spread=_number(f["spread"]),
            )
        case "far_apart":
            return _("Very large differences"), _(
                "%(who)s uses the ends of the scale: the spread is %(spread)s times the usual.",
                who=who,
                spread=_number(f["spread"]),
            )
        case "halo":
            return _("Chapters alike"), _(
                "%(who)s scores the chapters of a dossier more alike than the others do, on %(dossiers)s dossiers.",
                who=who,
                dossiers=f["dossiers"],
            )
        case "influence":
            return _("Decides alone"), _(
                "Without %(who)s, %(enters)s dossiers would come onto the list and %(leaves)s leave it, though their chances seemed decided.",
                who=who,
                enters=f["enters"],
                leaves=f["leaves"],
            )
        case "agreement":
            return _("Unlikely agreement"), _(
                "%(who)s agree on %(shared)s dossiers beyond what quality and leniency explain: their differences vary %(ratio)s times as much as expected.",
                who=who,
                shared=f["shared"],
                ratio=_number(f["ratio"]),
            )
    return flag.code, who


def fact_text(fact: dict[str, Any]) -> str:
    """Return what a flag says of one dossier."""
    if "scores" in fact:
        one, two = map(_number, fact["scores"])
        return str(_("scores %(one)s and %(two)s", one=one, two=two))
    if "expected" in fact:
        score, expected = _number(fact["score"]), _number(fact["expected"])
        return str(_("scored %(score)s, expected %(expected)s", score=score, expected=expected))
    if "p_top" in fact:
        chance = "–" if fact["p_top"] is None else _percent(fact["p_top"])
        return str(_("chance to be on the list %(chance)s", chance=chance))
    return _number(fact["difference"]) if fact.get("difference") is not None else ""


def _list(values: list[Any]) -> str:
    return "、".join(map(str, values))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _number(value: float) -> str:
    return f"{value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}"
