"""Where an inspector should look: what stands out in draws, exclusions, changes and decisions.

A finding says nothing about guilt and changes nothing. Each names the events behind it, or the
search of the log that gives them. Limits are written here, once, and shown on the page.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, func, select

from review_service.tables import (
    Commitment,
    Conflict,
    Dossier,
    Draw,
    Expert,
    LogEvent,
    RecusalRequest,
    Round,
    Seat,
)
from review_service.workflows.base import pk
from review_service.workflows.inspection import missing_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel import Session

REPLACED_SHARE = 0.2  # of a draw's seats: more replacements than that stand out
REHEARSALS = 3  # of a round: more than that stand out
EXCLUDED_SHARE = 0.05  # of the pool kept away from one dossier by requests or by hand
LATE = timedelta(hours=24)  # before a lock: changes of the pool or of conflicts stand out
EVENTS = 50  # shown with one finding


@dataclass(frozen=True)
class Finding:
    """Something that stands out. `code` names the kind, `weight` is "look" or "note".

    `events` are numbers of the log; `query` are the filters that find the rest in the log's search.
    """

    code: str
    round: str
    weight: str
    facts: dict[str, Any] = field(default_factory=dict)
    events: tuple[int, ...] = ()
    query: dict[str, str] = field(default_factory=dict)


def findings(session: Session) -> list[Finding]:
    """Return all findings, by round, those to look at first."""
    rounds = session.exec(select(Round).order_by(col(Round.id).desc())).all()
    found = [one for row in rounds for one in of_round(session, row)]
    found += _exports(session)
    return sorted(found, key=lambda one: one.weight != "look")


def of_round(session: Session, row: Round) -> list[Finding]:
    """Return the findings of one round, scores apart (`workflows.scrutiny`)."""
    return [
        *_exceptions(session, row),
        *_voids(session, row),
        *_numbers(session, row),
        *_unused_commitments(session, row),
        *_rehearsals(session, row),
        *_replacements(session, row),
        *_exclusions(session, row),
        *_late_changes(session, row),
        *_amendments(session, row),
        *_by_hand(session, row),
    ]


def _logged(session: Session, kind: str, subject: str) -> list[tuple[int, dict[str, Any]]]:
    """Return (number, event) of a type about a subject, in order."""
    rows = session.exec(
        select(LogEvent.seq, LogEvent.event)
        .where(LogEvent.type == kind, LogEvent.subject == subject)
        .order_by(col(LogEvent.seq))
    )
    return [(seq, json.loads(text)) for seq, text in rows]


def _draws(session: Session, row: Round) -> list[Draw]:
    return list(
        session.exec(select(Draw).where(Draw.round_id == row.id).order_by(col(Draw.number)))
    )


def _exceptions(session: Session, row: Round) -> Iterator[Finding]:
    """Dossiers let in without the papers that the round asks for, by the kind of exception."""
    admitted = _logged(session, "dossier.admitted", row.code)
    let_in = [(seq, event["body"]) for seq, event in admitted if "exception" in event["body"]]
    if let_in:
        kinds = Counter(body["exception"] for _, body in let_in)
        facts = {"dossiers": [body["dossier"] for _, body in let_in], "kinds": dict(kinds)}
        events = tuple(seq for seq, _ in let_in)[-EVENTS:]
        query = {"type": "dossier.admitted", "subject": row.code}
        yield Finding("exceptions", row.code, "look", facts, events, query)


def _voids(session: Session, row: Round) -> Iterator[Finding]:
    for draw in _draws(session, row):
        for seq, event in _logged(session, "draw.voided", draw.draw_id):
            facts = {"draw": draw.number, "reason": draw.void_reason}
            sources = json.loads(draw.snapshot)["sources"]
            missing = [sources[one] for one in event["body"]["missing"]]
            facts["missing"] = [one.get("party") or one["kind"] for one in missing]
            yield Finding("void", row.code, "look", facts, (seq,))


def _numbers(session: Session, row: Round) -> Iterator[Finding]:
    missing = missing_numbers(session, pk(row), row.code)
    if missing:
        yield Finding("missing-number", row.code, "look", {"numbers": missing})


def _unused_commitments(session: Session, row: Round) -> Iterator[Finding]:
    """A secret committed to, and a lock that never came: somebody waited, or gave up."""
    locked = {draw.draw_id for draw in _draws(session, row)}
    given = session.exec(select(Commitment).where(Commitment.round_id == row.id)).all()
    for draw_id in sorted({one.draw_id for one in given} - locked):
        events = tuple(seq for seq, _ in _logged(session, "commitment.given", draw_id))
        yield Finding("not-locked", row.code, "note", {"draw_id": draw_id}, events)


def _rehearsals(session: Session, row: Round) -> Iterator[Finding]:
    events = tuple(seq for seq, _ in _logged(session, "draw.rehearsed", row.code))
    if events:
        weight = "look" if len(events) > REHEARSALS else "note"
        yield Finding("rehearsals", row.code, weight, {"count": len(events)}, events[-EVENTS:])


def _replacements(session: Session, row: Round) -> Iterator[Finding]:
    for draw in _draws(session, row):
        vacated = _logged(session, "seat.vacated", draw.draw_id)
        if not vacated:
            continue
        drawn = select(func.count()).where(Seat.draw_pk == draw.id, col(Seat.replaces_id).is_(None))
        seats = session.exec(drawn).one()
        reasons = Counter(event["body"]["reason"] for _, event in vacated)
        facts = {
            "draw": draw.number,
            "vacated": len(vacated),
            "seats": seats,
            "reasons": dict(reasons.most_common()),
        }
        weight = "look" if len(vacated) > REPLACED_SHARE * max(seats, 1) else "note"
        events = tuple(seq for seq, _ in vacated)[-EVENTS:]
        query = {"type": "seat.vacated", "subject": draw.draw_id}
        yield Finding("replacements", row.code, weight, facts, events, query)


def _exclusions(session: Session, row: Round) -> Iterator[Finding]:
    """Who keeps how many experts away, dossier by dossier: requests and entries by hand."""
    pool = session.exec(select(func.count()).select_from(Expert).where(Expert.in_use)).one()
    names = select(Dossier.id, Dossier.number).where(Dossier.round_id == row.id)
    numbers = {key: number for key, number in session.exec(names) if key is not None}
    asked: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for key, status in session.exec(
        select(RecusalRequest.dossier_id, RecusalRequest.status).where(
            RecusalRequest.round_id == row.id
        )
    ):
        asked[key][status] += 1
    by_hand: Counter[int] = Counter(
        session.exec(
            select(Conflict.dossier_id).where(
                Conflict.round_id == row.id,
                Conflict.status == "confirmed",
                col(Conflict.source).in_(("staff", "unit", "expert")),
            )
        )
    )
    for key in sorted(set(asked) | set(by_hand), key=lambda one: numbers.get(one, "")):
        share = max(sum(asked[key].values()), by_hand[key]) / max(pool, 1)
        facts = {
            "dossier": numbers.get(key, "?"),
            "requested": sum(asked[key].values()),
            "accepted": asked[key]["accepted"],
            "by_hand": by_hand[key],
            "pool": pool,
            "share": share,
        }
        weight = "look" if share > EXCLUDED_SHARE else "note"
        query = {"type": "recusal.requested", "subject": row.code} if asked[key] else {}
        yield Finding("exclusions", row.code, weight, facts, (), query)


def _late_changes(session: Session, row: Round) -> Iterator[Finding]:
    """Changes of the pool, dossiers or conflicts shortly before the lock they went into."""
    kinds = ("pool.imported", "pool.changed", "conflict.decided", "recusal.decided",
             "dossier.withdrawn", "dossiers.imported")  # fmt: skip
    for draw in _draws(session, row):
        if draw.method == "order":
            continue
        rows = session.exec(
            select(LogEvent.seq, LogEvent.type)
            .where(
                col(LogEvent.type).in_(kinds),
                col(LogEvent.subject).in_(("", row.code)),
                LogEvent.time >= draw.locked_at - LATE,
                LogEvent.time <= draw.locked_at,
            )
            .order_by(col(LogEvent.seq))
        ).all()
        if rows:
            facts = {"draw": draw.number, "kinds": dict(Counter(kind for _, kind in rows))}
            events = tuple(seq for seq, _ in rows)[-EVENTS:]
            yield Finding("late-changes", row.code, "look", facts, events)


def _amendments(session: Session, row: Round) -> Iterator[Finding]:
    closed = [seq for seq, _ in _logged(session, "round.closed", row.code)]
    decided = _logged(session, "review.amended", row.code)
    if not decided:
        return
    late = [seq for seq, _ in decided if closed and seq > closed[-1]]
    approved = sum(event["body"]["decision"] == "approved" for _, event in decided)
    facts = {"count": len(decided), "approved": approved, "late": len(late)}
    weight = "look" if late else "note"
    events = tuple(seq for seq, _ in decided)[-EVENTS:]
    query = {"type": "review.amended", "subject": row.code}
    yield Finding("amendments", row.code, weight, facts, events, query)


def _by_hand(session: Session, row: Round) -> Iterator[Finding]:
    """Decisions that no rule made: verdicts on the line, suspected conflicts, names opened."""
    verdicts = [
        seq
        for seq, event in _logged(session, "approval.decided", row.code)
        if event["body"]["subject"] == "settlement"
    ]
    if verdicts:
        yield Finding("verdicts", row.code, "look", {"count": len(verdicts)}, tuple(verdicts))
    suspected = [seq for seq, _ in _logged(session, "conflict.decided", row.code)]
    if suspected:
        query = {"type": "conflict.decided", "subject": row.code}
        facts = {"count": len(suspected)}
        yield Finding("suspected", row.code, "note", facts, tuple(suspected[-EVENTS:]), query)
    opened = tuple(seq for seq, _ in _logged(session, "names.unsealed", row.code))
    if opened:
        yield Finding("unsealed", row.code, "note", {}, opened)


def _exports(session: Session) -> Iterator[Finding]:
    """Identities taken out of the service, whoever did it."""
    rows = session.exec(
        select(LogEvent.seq, LogEvent.subject)
        .where(LogEvent.type == "identities.exported")
        .order_by(col(LogEvent.seq).desc())
        .limit(EVENTS)
    ).all()
    by_draw: defaultdict[str, list[int]] = defaultdict(list)
    for seq, subject in rows:
        by_draw[subject].append(seq)
    for subject, events in sorted(by_draw.items()):
        facts = {"draw_id": subject, "count": len(events)}
        yield Finding("exports", subject.split("/")[0], "note", facts, tuple(events))
