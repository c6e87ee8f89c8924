"""Rounds: made from a rubric, opened (the rubric is frozen by its digest), closed."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation.canonical import canonical
from review_service.tables import Dossier, Review, Round
from review_service.workflows.base import WorkflowError
from review_service.workflows.log import append
from review_service.workflows.round_rules import check_name, check_rules, check_title
from scoring.rubric import Rubric, load_rubric

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work

# What a round decides before anything is drawn or scored. Every key may be set per round.
DEFAULT_RULES: dict[str, Any] = {
    "dossiers_per_province": 5,
    "dossiers_per_prefecture": 3,
    "strata": {},  # code → name; made from the names that the panels use
    "method": "lottery",  # or "balanced": docs/balanced.md; its panels name their "dossiers"
    "panels": [],
    "each": {},  # balanced, a panel for each dossier: {"seats": {stratum: k}, "capacity": c}
    "pair_cap": [1, 1],  # balanced: no pair has a chance above this fraction
    # Squared points, to foresee a design's standard error: reviewers' means that differ by some
    # 4 of 100 points, scores that scatter by 5 beside them, which earlier rounds may correct.
    "assumed": {"reviewer": "16", "residual": "25"},
    "limits": [
        {"field": "employer", "scope": "draw", "max": 1},
        {"field": "province", "scope": "panel", "max": 2},
    ],
    "parties": {"ministry": "staff", "inspection": "inspector"},
    "deadlines": {},  # level (unit, prefecture, province) → the last moment, a time with a zone
    "paper_copies": 0,  # of each dossier, before it is admitted; 0 where a round takes no papers
    "conflicts": {
        "same_province": False,
        "same_prefecture": False,
        "window_years": 3,
        "age_limit": 70,
        "fuzzy_cutoff": 85,
    },
    "list": {  # docs/selection.md
        "format": "selection-rules/v1",
        "total": 31,
        "rubric": "skills-base-2022",
        "province": {"most": 5},
        "zone": {"low": "0.10", "high": "0.90", "settle": "panel"},
    },
    "publicity_days": 5,
    "calibration_first": True,  # samples, where there are any, before every other dossier
    "review_days": [],  # two times with zones, the first and the last moment of scoring
}


def create_round(
    work: Work, code: str, title: str, rubric: str, rules: dict[str, Any] | None = None
) -> Round:
    """Create a draft round from a rubric of `scoring/rubrics/` (or a path) and its rules.

    A WorkflowError names the rule that means nothing; a draft may lack its panels until it opens.
    """
    check_name(code, title)
    if work.session.exec(select(Round).where(Round.code == code)).first():
        raise WorkflowError("round-exists", round=code)
    unknown = sorted(set(rules or {}) - set(DEFAULT_RULES))
    if unknown:
        raise WorkflowError("round-rules-unknown", keys=unknown)
    check_rules(DEFAULT_RULES | (rules or {}))
    loaded = load_rubric(rubric)
    row = Round(
        code=code,
        title=title,
        rubric=canonical(loaded.record()).decode(),
        rubric_digest=loaded.digest(),
        rules=_coded(DEFAULT_RULES | (rules or {})),
        created_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    append(work, "round.created", {"round": code, "title": title}, subject=code)
    return row


def change_round(work: Work, round_id: int, title: str, rules: dict[str, Any]) -> Round:
    """Change a draft's title and rules; WorkflowError "round-status" once it is open."""
    row = work.one(Round, round_id, lock=True)
    if row.status != "draft":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="draft")
    unknown = sorted(set(rules) - set(DEFAULT_RULES))
    if unknown:
        raise WorkflowError("round-rules-unknown", keys=unknown)
    check_title(title)
    check_rules(DEFAULT_RULES | rules)
    row.title, row.rules = title, _coded(DEFAULT_RULES | rules)
    work.session.add(row)
    append(work, "round.changed", {"round": row.code, "title": title}, subject=row.code)
    return row


def _coded(rules: dict[str, Any]) -> dict[str, Any]:
    """Give strata their codes: a record's keys are ASCII, and names are usually not."""
    known = {name: code for code, name in rules["strata"].items()}
    each = rules["each"]
    used = {name for one in [*rules["panels"], each] for name in one.get("seats", {})}
    used -= set(rules["strata"])
    codes = (f"S{number}" for number in range(1, 1000) if f"S{number}" not in rules["strata"])
    known |= dict(zip(sorted(used - set(known)), codes, strict=False))

    def coded(one: dict[str, Any]) -> dict[str, Any]:
        return one | {"seats": {known.get(key, key): n for key, n in one["seats"].items()}}

    panels = [coded(panel) for panel in rules["panels"]]
    strata = {code: name for name, code in sorted(known.items(), key=lambda pair: pair[1])}
    return rules | {"strata": strata, "panels": panels, "each": coded(each) if each else {}}


def open_round(work: Work, round_id: int) -> Round:
    """Open a draft round; from here on its rubric and rules are what their digests say."""
    row = work.one(Round, round_id, lock=True)
    if row.status != "draft":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="draft")
    check_rules(DEFAULT_RULES | row.rules, whole=True)
    row.status, row.opened_at = "open", work.now
    work.session.add(row)
    append(
        work,
        "rubric.frozen",
        {"round": row.code, "rubric": row.rubric_digest},
        subject=row.code,
    )
    append(work, "round.opened", {"round": row.code, "rules": row.rules}, subject=row.code)
    return row


def close_reviewing(work: Work, round_id: int) -> Round:
    """Close scoring: drafts stay drafts, scores may now be seen by those who decide."""
    row = work.one(Round, round_id, lock=True)
    if row.status != "reviewing":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="reviewing")
    reviews = work.session.exec(select(Review.status).where(Review.round_id == round_id)).all()
    row.status = "closed"
    work.session.add(row)
    body = {
        "round": row.code,
        "submitted": sum(status == "submitted" for status in reviews),
        "drafts": sum(status == "draft" for status in reviews),
    }
    append(work, "round.closed", body, subject=row.code)
    return row


def unseal_names(work: Work, round_id: int) -> Round:
    """Let staff see the names behind the pseudonyms; the moment is logged and can't be undone."""
    row = work.one(Round, round_id, lock=True)
    if row.unsealed_at is None:
        row.unsealed_at = work.now
        work.session.add(row)
        append(work, "names.unsealed", {"round": row.code}, subject=row.code)
    return row


def rubric_of(row: Round) -> Rubric:
    """Return the rubric that the round froze, from the bytes that were digested."""
    return _parsed(row.rubric)


@lru_cache(maxsize=64)
def _parsed(text: str) -> Rubric:
    """Parse once: every autosave checks its levels against the rubric."""
    return Rubric.from_record(json.loads(text))


def competing(session: Session, round_id: int) -> list[Dossier]:
    """Return the round's admitted dossiers by number; calibration dossiers don't compete."""
    query = select(Dossier).where(Dossier.round_id == round_id, Dossier.status == "admitted")
    return list(session.exec(query.order_by(col(Dossier.number))))
