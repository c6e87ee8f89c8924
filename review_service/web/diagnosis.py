# ruff: noqa: E501 - a sentence stands on a line of its own
"""What a diagnosis says, as sentences: flags as places to look, reliability in plain words."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

# From where on a share of true variance is called so (Koo & Li 2016, J. Chiropr. Med. 15, 155-163).
_GRADES = ((0.9, "excellent"), (0.75, "good"), (0.5, "moderate"), (float("-inf"), "poor"))


def flag_title(code: str) -> str:
    """Return what a kind of flag is called."""
    return str({
        "lenient": _("Far more lenient than the others"),
        "severe": _("Far stricter than the others"),
        "inconsistent": _("Scores scatter more than the common noise explains"),
        "central": _("Uses only a narrow part of the scale"),
        "far_apart": _("Uses the scale far more widely than the others"),
        "halo": _("Chapters of a dossier scored alike, more than by the others"),
        "influence": _("The list would change without this expert"),
        "agreement": _("Two experts agree more than the model explains"),
    }.get(code, code))  # fmt: skip


def flag_text(flag: dict[str, Any]) -> str:
    """Return the figures of a flag as a sentence."""
    f = flag["figures"]
    text = "；".join(f"{name} {value}" for name, value in sorted(f.items()))
    match flag["code"]:
        case "lenient" | "severe":
            text = str(
                _(
                    "%(value)s points, interval %(low)s to %(high)s",
                    value=signed(f["leniency"]),
                    low=signed(f["low"]),
                    high=signed(f["high"]),
                )
            )
        case "inconsistent":
            text = str(
                _(
                    "mean square %(infit)s where 1 is expected, noise %(noise)s points",
                    infit=two(f["infit"]),
                    noise=two(f["noise_sd"]),
                )
            )
        case "central" | "far_apart":
            text = str(
                _("variance of own scores is %(ratio)s times what is usual", ratio=two(f["spread"]))
            )
        case "halo":
            text = str(
                _(
                    "chapters lie %(points)s points closer together than others found, on %(count)s dossiers",
                    points=two(abs(f["difference"] or 0)),
                    count=f["dossiers"],
                )
            )
        case "influence":
            text = str(
                _(
                    "%(enters)s would come in and %(leaves)s would leave, some of them decided otherwise",
                    enters=f["enters"],
                    leaves=f["leaves"],
                )
            )
        case "agreement":
            text = str(
                _(
                    "on %(count)s shared dossiers their differences are %(ratio)s of what is expected",
                    count=f["shared"],
                    ratio=two(f["ratio"]),
                )
            )
    return text


def event_text(event: dict[str, Any]) -> str:
    """Return one of the reviews behind a flag."""
    name = event["dossier"]
    if "expected" in event:
        return str(
            _(
                "%(dossier)s: gave %(score)s, expected %(expected)s",
                dossier=name,
                score=two(event["score"]),
                expected=two(event["expected"]),
            )
        )
    if "scores" in event:
        return str(
            _(
                "%(dossier)s: %(one)s and %(other)s",
                dossier=name,
                one=two(event["scores"][0]),
                other=two(event["scores"][1]),
            )
        )
    if "p_top" in event:
        return str(
            _("%(dossier)s: chance %(chance)s", dossier=name, chance=f"{100 * event['p_top']:.0f}%")
        )
    return (
        f"{name}：{two(event['difference'])}" if event.get("difference") is not None else str(name)
    )


def grade(value: float) -> str:
    """Return the common word for a coefficient of agreement."""
    words = {
        "excellent": _("excellent"),
        "good": _("good"),
        "moderate": _("moderate"),
        "poor": _("poor"),
    }
    return str(words[next(name for least, name in _GRADES if value >= least)])


def reliability_rows(found: dict[str, Any]) -> list[dict[str, str]]:
    """Return the coefficients that are shown: name, figure, grade, and what it says."""
    icc, alpha, apart = found["icc"], found["krippendorff_alpha"], found["separation"]
    rows: list[tuple[str, float | None, str, str]] = [
        (_("Reliability of the adjusted scores"), apart and apart["reliability"], "separation", _("the share of the differences between dossiers that is real")),
        (_("ICC(2,1), one expert"), icc["2,1"], "icc.2,1", _("how far one expert’s score alone can be relied on")),
        (_("ICC(2,k), the mean of %(k)s experts", k=two(found["icc_k"]) if found["icc_k"] else "k"), icc["2,k"], "icc.2,k", _("how far the mean of a dossier’s experts can be relied on, leniency included")),
        (_("ICC(3,k), leniency taken out"), icc["3,k"], "icc.3,k", _("the same if all experts had the same leniency; the gap to the line above is what leniency costs")),
        (_("Krippendorff’s alpha, interval"), alpha["interval"], "krippendorff_alpha.interval", _("agreement beyond chance on the points themselves")),
        (_("Kendall’s W"), found["kendall_w"], "kendall_w", _("agreement of the orders that experts give the same dossiers")),
    ]  # fmt: skip
    return [
        {
            "name": name,
            "value": "–" if value is None else f"{value:.2f}",
            "grade": "" if value is None else grade(value),
            "says": why(found["reasons"].get(key, "")) or says if value is None else says,
        }
        for name, value, key, says in rows
    ]


_WHY = {
    "all scores are equal": _l("all scores are equal"),
    "every expert gave one score to all dossiers": _l("every expert gave all dossiers one score"),
    "it takes two dossiers": _l("it takes two dossiers"),
    "it takes two experts and two dossiers": _l("it takes two experts and two dossiers"),
    "no dossier has two scores": _l("no dossier has two scores"),
    "not every expert scored every dossier": _l("not every expert scored every dossier"),
    "a score is negative, and ratios need a zero that is the least": _l("a score is negative; ratios need zero to be the least"),
    "its variance components are all zero": _l("all its variance components are zero"),
    "the design can't tell its variance components apart": _l("who scored what doesn’t let its variance components be told apart"),
    "the estimates have no error": _l("the estimates have no error"),
    "the scores don't say which expert gave them": _l("the scores don’t say which expert gave them"),
    "the scores say nothing about quality": _l("no differences between dossiers can be told from noise"),
    "the variance of quality can't be told from the scores": _l("no differences between dossiers can be told from noise"),
    "the variance of quality is at its boundary, zero": _l("no differences between dossiers can be told from noise"),
    # of scoring.flags
    "quality or noise has no variance, so nothing is expected of anyone": _l("quality or noise has no variance, so nothing is expected of anyone"),
    "the design can't tell leniency": _l("who scored what doesn’t let leniency be told"),
    "it takes the scores of two chapters": _l("it takes the scores of two chapters"),
    "the fit has no number of places": _l("the round has no number of places"),
    # codes of a part that was refused as a whole
    "anonymous": _l("the scores don’t say which expert gave them"),
    "no_ratings": _l("there is no score"),
    "too_large": _l("there are too many dossiers for it"),
}  # fmt: skip


def why(reason: str) -> str:
    """Return why a figure can't be had (scoring.reliability, scoring.flags) as a sentence."""
    return str(_WHY.get(reason, reason))


def part(key: str) -> str:
    """Return what a part of scoring.flags looks for."""
    return {
        "all": str(_("all")),
        "leniency": str(_("Leniency")),
        "halo": str(_("Halo")),
        "influence": str(_("Influence on the list")),
    }.get(key, key)


def strata_text(found: dict[str, Any]) -> str:
    """Return how many levels of quality the scores can hold apart."""
    apart = found["separation"]
    return (
        str(
            _(
                "The scores can hold about %(count)s levels of quality apart.",
                count=f"{apart['strata']:.1f}",
            )
        )
        if apart
        else ""
    )


def design_notes(design: dict[str, Any]) -> list[str]:
    """Return what the review graph calls for attention on; of thin data the fit warns itself."""
    notes = []
    if len(design["components"]) > 1:
        notes.append(
            _(
                "The reviews fall into %(count)s groups without a common dossier or expert; they are compared only through the random dealing.",
                count=len(design["components"]),
            )
        )
    elif design["weak_parts"]:
        notes.append(
            _(
                "%(count)s parts are linked by few reviews; comparisons between them are less certain.",
                count=len(design["weak_parts"]),
            )
        )
    points = design["articulation"]["dossiers"] + design["articulation"]["reviewers"]
    if points:
        notes.append(_("Without these the graph would fall apart: %(names)s", names=_named(points)))
    return [str(one) for one in notes]


def _named(names: list[str]) -> str:
    return "、".join(names[:8]) + ("…" if len(names) > 8 else "")


def why_moved(one: dict[str, Any]) -> str:
    """Return why a dossier's place by adjusted score differs from that by raw mean."""
    panel = one["panel"]
    if panel is None:
        return ""
    if (panel < 0) == (one["moved"] > 0) and abs(panel) >= 0.05:
        text = (
            _("its experts are strict, by %(points)s points on average")
            if panel < 0
            else _("its experts are lenient, by %(points)s points on average")
        )
        return str(text % {"points": two(abs(panel))})
    return str(
        _(
            "its experts are about average (%(points)s); others moved past it, or careful experts weigh more",
            points=signed(panel),
        )
    )


def two(value: float | None) -> str:
    """Return a figure with two decimals."""
    return "–" if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """Return a figure with its sign and two decimals."""
    return "–" if value is None else f"{value:+.2f}"
