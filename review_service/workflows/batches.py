"""What each import, search or hand change did, so that any two states can be compared later."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlmodel import col, select

from allocation.canonical import canonical
from review_service.exchange.columns import key
from review_service.tables import BatchChange, ColumnMapping, ImportBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlmodel import Session

    from review_service.workflows.base import Work


# Fields whose columns are sealed; a batch says that they changed, not from what to what.
SEALED = frozenset({"document", "phone"})
COVER = "＊＊＊"


@dataclass(frozen=True)
class Change:
    """What happened to one subject: `kind` is new, updated, retired or removed.

    `fields` maps a changed field to (before, after).
    """

    subject: str
    kind: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def record_batch(
    work: Work,
    kind: str,
    changes: Sequence[Change],
    *,
    source: str,
    digest: str,
    round_id: int | None = None,
    unchanged: int = 0,
) -> tuple[ImportBatch, dict[str, int]]:
    """Store a batch with its changes; return it and the counts by kind."""
    found = Counter(one.kind for one in changes)
    counts = {"new": found["new"], "updated": found["updated"], "unchanged": unchanged}
    counts |= {name: found[name] for name in ("retired", "removed") if found[name]}
    batch = ImportBatch(
        kind=kind,
        round_id=round_id,
        source=source,
        digest=digest,
        counts=dict(counts),
        made_by=work.actor.id,
        made_at=work.now,
    )
    work.session.add(batch)
    work.session.flush()
    rows = [
        {"batch_id": batch.id, "subject": one.subject, "kind": one.kind,
         "fields": {name: _kept(name, pair) for name, pair in one.fields.items()}}
        for one in changes
    ]  # fmt: skip
    if rows:
        work.session.execute(insert(BatchChange), rows)
    return batch, counts


def _kept(name: str, pair: tuple[Any, Any]) -> list[Any]:
    """Return what is kept of a change: of a sealed field only whether there was something."""
    if name not in SEALED:
        return list(pair)
    return [COVER if pair[0] else "", COVER + "′" if pair[1] else ""]


def changes_digest(changes: Iterable[Change]) -> str:
    """Return the SHA-256 of the changes, to be sealed into the log."""
    listed = sorted(
        [one.subject, one.kind, {name: list(pair) for name, pair in one.fields.items()}]
        for one in changes
    )
    return sha256(canonical(listed)).hexdigest()


def batches(session: Session, kind: str, round_id: int | None = None) -> list[ImportBatch]:
    """Return the batches of a kind, oldest first."""
    query = select(ImportBatch).where(
        ImportBatch.kind == kind, col(ImportBatch.round_id).is_(None)
        if round_id is None else ImportBatch.round_id == round_id,
    )  # fmt: skip
    return list(session.exec(query.order_by(col(ImportBatch.id))))


def changes_between(session: Session, earlier: ImportBatch, later: ImportBatch) -> list[Change]:
    """Return what changed from the state after `earlier` to the state after `later`, net.

    Subjects that came and went in between, or were changed and changed back, don't appear.
    """
    rows = session.exec(
        select(BatchChange)
        .join(ImportBatch, col(ImportBatch.id) == col(BatchChange.batch_id))
        .where(
            ImportBatch.kind == earlier.kind,
            col(ImportBatch.round_id).is_not_distinct_from(earlier.round_id),
            col(ImportBatch.id) > earlier.id,
            col(ImportBatch.id) <= later.id,
        )
        .order_by(col(BatchChange.batch_id))
    )
    merged: dict[str, Change] = {}
    for row in rows:
        step = Change(row.subject, row.kind, {k: (b, a) for k, (b, a) in row.fields.items()})
        net = _merge(merged.get(row.subject), step)
        if net is None:
            merged.pop(row.subject, None)
        else:
            merged[row.subject] = net
    return sorted(merged.values(), key=lambda one: (one.kind, one.subject))


def _merge(before: Change | None, step: Change) -> Change | None:
    if before is None:
        return step
    if before.kind == "new":
        return None if step.kind == "removed" else before
    if before.kind == "removed":
        return None if step.kind == "new" else step
    fields = dict(before.fields)
    for name, (was, now) in step.fields.items():
        fields[name] = (fields[name][0] if name in fields else was, now)
    fields = {name: pair for name, pair in fields.items() if pair[0] != pair[1]}
    if step.kind == "removed":
        return step
    if not fields:
        return None
    retired = fields.get("in_use") == (True, False)
    return Change(step.subject, "retired" if retired else "updated", fields)


def _headers_key(headers: Iterable[str]) -> str:
    return sha256(canonical(sorted(key(one) for one in headers if one))).hexdigest()


def remember_mapping(
    work: Work, kind: str, headers: Sequence[str], mapping: Mapping[str, str]
) -> None:
    """Keep how the columns of a file with these headers were matched."""
    row = _mapping(work.session, kind, headers)
    if row is None:
        row = ColumnMapping(kind=kind, headers=_headers_key(headers), made_by="", made_at=work.now)
    row.mapping, row.made_by, row.made_at = dict(mapping), work.actor.id, work.now
    work.session.add(row)


def remembered_mapping(session: Session, kind: str, headers: Sequence[str]) -> dict[str, str]:
    """Return the mapping kept for a file with these headers, in any order; empty if none."""
    row = _mapping(session, kind, headers)
    return dict(row.mapping) if row is not None else {}


def _mapping(session: Session, kind: str, headers: Sequence[str]) -> ColumnMapping | None:
    query = select(ColumnMapping).where(
        ColumnMapping.kind == kind, ColumnMapping.headers == _headers_key(headers)
    )
    return session.exec(query).first()
