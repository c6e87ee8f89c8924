"""Conflicts read: a pair explained, the list for export, and who excludes how many."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import col, func, select

from review_service.exchange.conflicts import ConflictRow
from review_service.tables import Conflict, Dossier, Draw, Expert, RecusalRequest
from review_service.workflows.log import stamp
from review_service.workflows.rule_texts import RULES, evidence_text

if TYPE_CHECKING:
    from sqlmodel import Session

    Condition = sa.ColumnElement[bool]

SOURCES = {
    "rules": ("规则检索", "search by rules"),
    "expert": ("专家申报", "the expert"),
    "staff": ("工作人员", "staff"),
    "unit": ("申报单位", "the unit"),
}


@dataclass(frozen=True)
class ExpertRate:
    """Of how many of the round's dossiers an expert is excluded; `share` from 0 to 1."""

    number: str
    name: str
    excluded: int
    share: float
    by_own_word: int


@dataclass(frozen=True)
class RequesterRate:
    """What a unit asked for: requests, accepted ones, and the share of the pool kept away."""

    dossier: str
    unit: str
    asked: int
    accepted: int
    excluded: int
    share: float


@dataclass(frozen=True)
class Rates:
    """Exclusion rates, highest first; engineered conflicts stand out at the top."""

    experts: tuple[ExpertRate, ...]
    requesters: tuple[RequesterRate, ...]


def shown(session: Session, round_id: int, *, names: bool) -> Condition:
    """Return which of a round's conflicts may be shown to who may see `names` of those drawn.

    Only who was drawn declares at the desk, and the log says when a pseudonym did: beside a name
    it would unseal it. So what experts declared since the first lock waits until names are open.
    """
    here = col(Conflict.round_id) == round_id
    locked = session.exec(select(func.min(Draw.locked_at)).where(Draw.round_id == round_id)).one()
    if names or locked is None:
        return here
    return here & ((col(Conflict.source) != "expert") | (col(Conflict.declared_at) < locked))


def explain_pair(
    session: Session, shown: Condition, expert_id: int, dossier_id: int
) -> list[Conflict]:
    """Return those conflicts of a pair that are `shown`, confirmed first."""
    query = select(Conflict).where(
        shown,
        Conflict.expert_id == expert_id,
        Conflict.dossier_id == dossier_id,
    )
    order = ("confirmed", "suspected", "dismissed")
    return sorted(session.exec(query), key=lambda one: (order.index(one.status), one.rule))


def export_rows(session: Session, shown: Condition, language: str = "zh") -> list[ConflictRow]:
    """Return the conflicts that are `shown` for `write_conflicts`, by expert and dossier."""
    query = (
        sa.select(
            Conflict, col(Expert.number), col(Expert.name), col(Expert.employer),
            col(Dossier.number), col(Dossier.unit),
        )
        .join(Expert, col(Expert.id) == col(Conflict.expert_id))
        .join(Dossier, col(Dossier.id) == col(Conflict.dossier_id))
        .where(shown)
        .order_by(col(Expert.number), col(Dossier.number), col(Conflict.rule))
    )  # fmt: skip
    place = 0 if language == "zh" else 1
    rows = []
    for one, expert, name, employer, dossier, unit in session.execute(query):
        rule = RULES[one.rule]
        rows.append(
            ConflictRow(
                expert=expert,
                name=name,
                employer=employer,
                dossier=dossier,
                unit=unit,
                rule=(rule.title_zh, rule.title_en)[place],
                basis=(rule.law_zh, rule.law_en)[place],
                evidence=evidence_text(one.evidence, language),
                status=one.status,
                source=SOURCES[one.source][place] if one.source in SOURCES else one.source,
                declared_by=one.declared_by,
                at=stamp(one.declared_at),
                reason=one.reason,
            )
        )
    return rows


def exclusion_rates(session: Session, round_id: int, shown: Condition) -> Rates:
    """Return how much each expert and each requesting unit excludes, from confirmed conflicts.

    Of those that are `shown` alone.
    """
    query = select(Conflict.expert_id, Conflict.dossier_id, Conflict.source).where(
        shown, Conflict.status == "confirmed"
    )
    rows = [(expert, dossier, source) for expert, dossier, source in session.exec(query)]
    standing = select(Dossier.id, Dossier.number, Dossier.unit).where(
        Dossier.round_id == round_id, col(Dossier.status).in_(("received", "admitted"))
    )
    dossiers = {key: (number, unit) for key, number, unit in session.exec(standing)}
    return Rates(
        _expert_rates(session, [row for row in rows if row[1] in dossiers], len(dossiers)),
        _requester_rates(session, round_id, rows, dossiers),
    )


def _expert_rates(
    session: Session, rows: list[tuple[int, int, str]], dossiers: int
) -> tuple[ExpertRate, ...]:
    excluded: dict[int, set[int]] = defaultdict(set)
    own: Counter[int] = Counter()
    for expert, dossier, source in rows:
        excluded[expert].add(dossier)
        own[expert] += source == "expert"
    names = {
        key: (number, name)
        for key, number, name in session.exec(select(Expert.id, Expert.number, Expert.name))
        if key in excluded
    }
    rates = [
        ExpertRate(*names[key], len(pairs), len(pairs) / dossiers, own[key])
        for key, pairs in excluded.items()
    ]
    return tuple(sorted(rates, key=lambda one: (-one.excluded, one.number)))


def _requester_rates(
    session: Session,
    round_id: int,
    rows: list[tuple[int, int, str]],
    dossiers: dict[int | None, tuple[str, str]],
) -> tuple[RequesterRate, ...]:
    pool = session.exec(select(func.count()).select_from(Expert).where(Expert.in_use)).one()
    asked: Counter[int] = Counter()
    accepted: Counter[int] = Counter()
    for one in session.exec(select(RecusalRequest).where(RecusalRequest.round_id == round_id)):
        asked[one.dossier_id] += 1
        accepted[one.dossier_id] += one.status == "accepted"
    kept_away: dict[int, set[int]] = defaultdict(set)
    for expert, dossier, source in rows:
        if source == "unit":
            kept_away[dossier].add(expert)
    rates = [
        RequesterRate(
            *dossiers[key], asked[key], accepted[key], len(kept_away[key]),
            len(kept_away[key]) / pool if pool else 0.0,
        )
        for key in sorted(set(asked) | set(kept_away))
        if key in dossiers
    ]  # fmt: skip
    return tuple(sorted(rates, key=lambda one: (-one.excluded, -one.asked, one.dossier)))
