"""Conflicts of a round: searched by rules, declared, requested, decided; nothing drops silently.

The public log holds counts and salted digests; names and evidence stay in the database.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert
from sqlmodel import col, select

from review_service.tables import Conflict, Dossier, Expert, RecusalRequest, Round
from review_service.workflows.base import WorkflowError
from review_service.workflows.batches import Change, changes_digest, record_batch
from review_service.workflows.conflict_inputs import people_of, terms_of, units_of
from review_service.workflows.conflict_rules import search
from review_service.workflows.log import append
from review_service.workflows.rule_texts import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlmodel import Session

    from review_service.exchange.recusals import RecusalRow
    from review_service.workflows.base import Work
    from review_service.workflows.conflict_rules import Found

BY_RULES = "rules"

Pair = tuple[int, int, str]


def find_conflicts(work: Work, round_id: int) -> dict[str, int]:
    """Search all pairs of the pool in use and the round's dossiers; return counts.

    What was found before and no longer holds is removed, what staff decided stays decided, and
    what was declared or requested is left alone. Counts: new, updated, unchanged, removed, and
    of what stands now confirmed, suspected, dismissed.
    """
    row = open_round(work, round_id)
    people, units = people_of(work.session), units_of(work.session, round_id)
    found = search(people, units, terms_of(work.session, row, work.now.date()))
    names = {one.id: one.number for one in people} | _numbers_of(work.session, round_id)
    dossiers = {one.id: one.number for one in units} | _dossier_numbers(work.session, round_id)
    changes = _settle(work, round_id, found, names, dossiers)
    return _conclude(work, row, changes, source="search")


def open_round(work: Work, round_id: int, *statuses: str) -> Round:
    """Return the round, locked, if conflicts may still change (or it has one of `statuses`)."""
    row = work.one(Round, round_id, lock=True)
    if row.status not in {"draft", "open", *statuses}:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="open")
    return row


def _numbers_of(session: Session, round_id: int) -> dict[int, str]:
    query = select(Expert.id, Expert.number).join(
        Conflict, col(Conflict.expert_id) == col(Expert.id)
    )
    rows = session.exec(query.where(Conflict.round_id == round_id))
    return {key or 0: number for key, number in rows}


def _dossier_numbers(session: Session, round_id: int) -> dict[int, str]:
    query = select(Dossier.id, Dossier.number).where(Dossier.round_id == round_id)
    return {key or 0: number for key, number in session.exec(query)}


def _settle(
    work: Work,
    round_id: int,
    found: Iterable[Found],
    experts: dict[int, str],
    dossiers: dict[int, str],
) -> list[Change]:
    """Bring the stored conflicts to what was found; return the changes."""
    stored: dict[Pair, Conflict] = {
        (one.expert_id, one.dossier_id, one.rule): one
        for one in work.session.exec(select(Conflict).where(Conflict.round_id == round_id))
    }
    changes, new, seen = [], [], set()

    def subject(pair: Pair) -> str:
        return f"{experts[pair[0]]}/{dossiers[pair[1]]}/{pair[2]}"

    for one in found:
        pair = (one.expert, one.dossier, one.rule)
        seen.add(pair)
        known = stored.get(pair)
        if known is None:
            new.append(
                {"round_id": round_id, "expert_id": one.expert, "dossier_id": one.dossier,
                 "rule": one.rule, "status": one.status, "evidence": one.evidence,
                 "source": BY_RULES, "declared_by": work.actor.id, "declared_at": work.now,
                 "reason": "", "decided_by": ""}
            )  # fmt: skip
            changes.append(Change(subject(pair), "new", {"status": (None, one.status)}))
        elif known.source == BY_RULES and known.decided_at is None:
            fields = {
                name: (getattr(known, name), getattr(one, name))
                for name in ("status", "evidence")
                if getattr(known, name) != getattr(one, name)
            }
            if fields:
                known.status, known.evidence = one.status, one.evidence
                work.session.add(known)
                changes.append(Change(subject(pair), "updated", fields))
    gone = [pair for pair, one in stored.items() if one.source == BY_RULES and pair not in seen]
    changes += [
        Change(subject(pair), "removed", {"status": (stored[pair].status, None)}) for pair in gone
    ]
    if new:
        work.session.execute(insert(Conflict), new)
    if gone:
        ids = [stored[pair].id for pair in gone]
        for start in range(0, len(ids), 500):
            few = ids[start : start + 500]
            work.session.execute(delete(Conflict).where(col(Conflict.id).in_(few)))
    work.session.flush()
    return changes


def _conclude(work: Work, row: Round, changes: Sequence[Change], source: str) -> dict[str, int]:
    """Record the batch and the event; return the counts with what stands now."""
    rows = work.session.execute(
        select(Conflict.rule, Conflict.status).where(Conflict.round_id == row.id)
    ).all()
    now = Counter(status for _, status in rows)
    digest = changes_digest(changes)
    touched = sum(one.kind in {"new", "updated"} for one in changes)
    _, counts = record_batch(
        work, "conflicts", changes, source=source, digest=digest, round_id=row.id,
        unchanged=len(rows) - touched,
    )  # fmt: skip
    counts.setdefault("removed", 0)
    counts |= {name: now[name] for name in ("confirmed", "suspected", "dismissed")}
    rules = dict(Counter(rule for rule, _ in rows))
    body = {"round": row.code, "source": source, "rules": rules} | counts
    append(work, "conflict.found", body, subject=row.code, private={"changes": digest})
    return counts


def declare_conflict_pair(
    work: Work,
    round_id: int,
    expert_id: int,
    dossier_id: int,
    rule: str,
    evidence: str,
    source: str,
) -> Conflict:
    """Keep an expert off a dossier because somebody said so: confirmed at once.

    `evidence` is what was said, `source` who says it: expert, unit or staff.
    """
    row = open_round(work, round_id, "reviewing")
    conflict, change = _declared(work, round_id, expert_id, dossier_id, rule, evidence, source)
    _conclude(work, row, [change], source=f"declared by {source}")
    return conflict


def _declared(
    work: Work, round_id: int, expert_id: int, dossier_id: int, rule: str, said: str, source: str
) -> tuple[Conflict, Change]:
    if rule not in RULES:
        raise WorkflowError("rule-unknown", rule=rule)
    if not said.strip():
        raise WorkflowError("reason-needed")
    expert, dossier = work.one(Expert, expert_id), work.one(Dossier, dossier_id)
    if dossier.round_id != round_id:
        raise WorkflowError("dossier-of-another-round", dossier=dossier.number)
    query = select(Conflict).where(
        Conflict.round_id == round_id,
        Conflict.expert_id == expert_id,
        Conflict.dossier_id == dossier_id,
        Conflict.rule == rule,
    )
    conflict = work.session.exec(query.with_for_update()).first()
    before = conflict.status if conflict is not None else None
    if conflict is None:
        conflict = Conflict(
            round_id=round_id, expert_id=expert_id, dossier_id=dossier_id, rule=rule,
            declared_at=work.now,
        )  # fmt: skip
    conflict.status, conflict.source = "confirmed", source
    conflict.evidence = {"said": said.strip()}
    conflict.declared_by, conflict.declared_at = work.actor.id, work.now
    work.session.add(conflict)
    work.session.flush()
    subject = f"{expert.number}/{dossier.number}/{rule}"
    kind = "new" if before is None else "updated"
    return conflict, Change(subject, kind, {"status": (before, "confirmed")})


def import_recusals(
    work: Work, round_id: int, rows: Sequence[RecusalRow], *, source: str = "file"
) -> dict[str, int]:
    """Take in declarations: experts' and staff's exclude at once, units' become requests.

    All of them or none: WorkflowError "recusals-unresolved" lists row, code and value of what
    names nobody. Returns counts of the conflicts, and `declared` and `requested`.
    """
    row = open_round(work, round_id)
    resolved = _resolve(work.session, round_id, rows)
    changes, requested = [], 0
    for one, expert_id, dossier_id in resolved:
        if one.declared_by == "unit":
            requested += ask(work, round_id, expert_id, dossier_id, one.evidence)
            continue
        _, change = _declared(
            work, round_id, expert_id, dossier_id, one.rule, one.evidence, one.declared_by
        )
        changes.append(change)
    counts = _conclude(work, row, changes, source=source)
    return counts | {"declared": len(changes), "requested": requested}


def _resolve(
    session: Session, round_id: int, rows: Sequence[RecusalRow]
) -> list[tuple[RecusalRow, int, int]]:
    experts: dict[str, tuple[int, str]] = {}
    query = select(Expert.id, Expert.number, Expert.document, Expert.name)
    for expert_id, number, document, name in session.execute(query):
        experts[number] = experts[document] = (expert_id, name)
    dossiers: dict[str, int] = {}
    for one in session.exec(select(Dossier).where(Dossier.round_id == round_id)):
        dossiers |= dict.fromkeys((one.number, one.unit, one.credit_code), one.id or 0)
    resolved, problems = [], []
    for row in rows:
        expert, dossier = experts.get(row.expert), dossiers.get(row.dossier)
        if expert is None:
            problems.append({"row": row.row, "code": "unknown-expert", "value": row.expert})
        elif row.name and row.name != expert[1]:
            problems.append(
                {"row": row.row, "code": "expert-name-differs", "value": row.name,
                 "expected": expert[1]}
            )  # fmt: skip
        if dossier is None:
            problems.append({"row": row.row, "code": "unknown-dossier", "value": row.dossier})
        if expert is not None and dossier is not None:
            resolved.append((row, expert[0], dossier))
    if problems:
        raise WorkflowError("recusals-unresolved", issues=problems)
    return resolved


def ask(work: Work, round_id: int, expert_id: int, dossier_id: int, reason: str) -> bool:
    """Store a unit's request unless there is one for the pair; whether it was stored."""
    query = select(RecusalRequest.id).where(
        RecusalRequest.expert_id == expert_id, RecusalRequest.dossier_id == dossier_id
    )
    if work.session.exec(query).first() is not None:
        return False
    work.session.add(
        RecusalRequest(
            round_id=round_id,
            expert_id=expert_id,
            dossier_id=dossier_id,
            reason=reason.strip(),
            asked_by=work.actor.id,
            asked_at=work.now,
        )
    )
    work.session.flush()
    return True


def decide_suspected(work: Work, conflict_id: int, *, confirm: bool, reason: str) -> Conflict:
    """Confirm or dismiss a suspected conflict, with a reason; a decision can be changed later."""
    conflict = work.one(Conflict, conflict_id, lock=True)
    row = open_round(work, conflict.round_id)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    if conflict.status != "suspected" and conflict.decided_at is None:
        raise WorkflowError("conflict-status", status=conflict.status)
    expert, dossier = work.one(Expert, conflict.expert_id), work.one(Dossier, conflict.dossier_id)
    before, conflict.status = conflict.status, "confirmed" if confirm else "dismissed"
    conflict.reason, conflict.decided_by = reason.strip(), work.actor.id
    conflict.decided_at = work.now
    work.session.add(conflict)
    subject = f"{expert.number}/{dossier.number}/{conflict.rule}"
    change = Change(subject, "updated", {"status": (before, conflict.status)})
    record_batch(
        work, "conflicts", [change], source="decision", digest=changes_digest([change]),
        round_id=conflict.round_id,
    )  # fmt: skip
    private: dict[str, Any] = {
        "expert": expert.number,
        "dossier": dossier.number,
        "rule": conflict.rule,
        "reason": conflict.reason,
    }
    body = {"round": row.code, "status": conflict.status}
    append(work, "conflict.decided", body, subject=row.code, private=private)
    return conflict
