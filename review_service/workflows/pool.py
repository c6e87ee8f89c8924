"""The pool: imported from files as a whole or not at all, changed by hand, compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, update
from sqlmodel import col, select

from review_service.exchange.errors import BadValueError
from review_service.exchange.pinyin import pinyin_of
from review_service.exchange.pool import COLUMNS, FIELDS, ExpertRow
from review_service.tables import Expert
from review_service.workflows.base import WorkflowError
from review_service.workflows.batches import Change, changes_digest, record_batch
from review_service.workflows.log import append

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlmodel import Session

    from review_service.workflows.base import Work

_NUMBERED = re.compile(r"E(\d{1,9})")
_PARSERS = {one.name: one for one in COLUMNS}


@dataclass(frozen=True)
class Clash:
    """A row that names two people: its number is one's, its document number another's."""

    row: int
    number: str
    field: str


@dataclass(frozen=True)
class PoolDiff:
    """What an import of these rows would do. `absent` are pool numbers in use that it leaves out.

    `updated` pairs each row with its changed fields, field → (before, after). `namesakes` pairs
    each newcomer with the pool number of somebody of the same name and employer.
    """

    new: tuple[ExpertRow, ...] = ()
    updated: tuple[tuple[ExpertRow, Mapping[str, tuple[Any, Any]]], ...] = ()
    unchanged: int = 0
    absent: tuple[str, ...] = ()
    clashes: tuple[Clash, ...] = ()
    namesakes: tuple[tuple[ExpertRow, str], ...] = ()
    _ids: Mapping[str, int] = field(default_factory=dict, repr=False)

    def counts(self) -> dict[str, int]:
        """Return how many there are of each."""
        return {
            "new": len(self.new),
            "updated": len(self.updated),
            "unchanged": self.unchanged,
            "absent": len(self.absent),
            "clashes": len(self.clashes),
            "namesakes": len(self.namesakes),
        }


def compare_pool(
    session: Session, rows: Iterable[ExpertRow], fields: Collection[str] | None = None
) -> PoolDiff:
    """Return what importing `rows` would change. See `import_experts` for `fields`."""
    names = ("id", *FIELDS)
    columns = [getattr(Expert, name) for name in names]
    stored = [dict(zip(names, one, strict=True)) for one in session.execute(select(*columns))]
    by_document = {one["document"]: one for one in stored}
    by_number = {one["number"]: one for one in stored}
    by_person = {(one["name"], one["employer"]): one["number"] for one in stored}
    new, updated, clashes, seen, unchanged = [], [], [], set(), 0
    for row in rows:
        known, numbered = by_document.get(row.document), by_number.get(row.number)
        if row.number and numbered is not known:
            # The number belongs to somebody else, or the document has another number.
            clashes.append(Clash(row.row, row.number, "document" if numbered else "number"))
            continue
        if known is None:
            new.append(row)
            continue
        seen.add(known["number"])
        changes = _changes(known, row, fields)
        if changes:
            updated.append((row, changes))
        else:
            unchanged += 1
    return PoolDiff(
        tuple(new),
        tuple(updated),
        unchanged,
        tuple(
            sorted(one["number"] for one in stored if one["in_use"] and one["number"] not in seen)
        ),
        tuple(clashes),
        tuple(
            (row, by_person[row.name, row.employer])
            for row in new
            if (row.name, row.employer) in by_person
        ),
        {one["document"]: one["id"] for one in stored},
    )


def _changes(
    stored: Mapping[str, Any], row: ExpertRow, fields: Collection[str] | None
) -> dict[str, tuple[Any, Any]]:
    changes = {}
    for name in FIELDS:
        before, after = stored[name], getattr(row, name)
        if name == "number" or before == after:
            continue
        empty = after in {"", None}
        if empty and (name == "pinyin" or fields is None or name not in fields):
            continue
        if fields is not None and name == "in_use" and name not in fields:
            continue
        changes[name] = (before, after)
    if "name" in changes and not row.pinyin:
        changes["pinyin"] = (stored["pinyin"], pinyin_of(row.name))
    return changes


def import_experts(
    work: Work,
    rows: Sequence[ExpertRow],
    *,
    source: str,
    digest: str,
    fields: Collection[str] | None = None,
) -> dict[str, int]:
    """Bring in rows that had no issues: newcomers added, known ones (by document) updated.

    `fields` are those that the file had (`PoolFile.columns`): they overwrite also with nothing.
    Without it an empty value never wipes one that stands. Nobody is retired for being left out.
    WorkflowError "pool-clash" where a row's number and document are two people's.
    """
    diff = compare_pool(work.session, rows, fields)
    if diff.clashes:
        raise WorkflowError(
            "pool-clash",
            clashes=[{"row": one.row, "number": one.number} for one in diff.clashes],
        )
    newcomers = list(_numbered(work.session, diff.new))
    values = [
        {name: getattr(row, name) for name in FIELDS}
        | {"number": number, "pinyin": row.pinyin or pinyin_of(row.name), "updated_at": work.now}
        for number, row in newcomers
    ]
    if values:
        work.session.execute(insert(Expert), values)
    known = _numbers(work.session)
    changes = [Change(number, "new") for number, _ in newcomers]
    updates = []
    for row, fields_changed in diff.updated:
        expert_id = diff._ids[row.document]  # noqa: SLF001 - of this module
        after = {name: now for name, (_, now) in fields_changed.items()}
        updates.append({"id": expert_id, "updated_at": work.now} | after)
        retired = fields_changed.get("in_use") == (True, False)
        changes.append(
            Change(known[expert_id], "retired" if retired else "updated", fields_changed)
        )
    # One statement takes rows that set the same columns.
    for group in _same_columns(updates):
        work.session.execute(update(Expert), group)
    _, counts = record_batch(
        work, "pool", changes, source=source, digest=digest, unchanged=diff.unchanged
    )
    body = {"digest": digest} | counts
    append(work, "pool.imported", body, private={"changes": changes_digest(changes)})
    return counts


def _same_columns(updates: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in updates:
        groups.setdefault(tuple(sorted(one)), []).append(one)
    return list(groups.values())


def _numbers(session: Session) -> dict[int, str]:
    return {key: number for key, number in session.execute(select(Expert.id, Expert.number))}  # noqa: C416


def _numbered(session: Session, rows: Iterable[ExpertRow]) -> Iterable[tuple[str, ExpertRow]]:
    """Yield rows with their number: the file's, or the next free one of the form E00001."""
    rows = list(rows)
    taken = set(_numbers(session).values()) | {row.number for row in rows if row.number}
    last = max((int(found[1]) for one in taken if (found := _NUMBERED.fullmatch(one))), default=0)
    for row in rows:
        if row.number:
            yield row.number, row
        else:
            last += 1
            yield f"E{last:05d}", row


def update_expert(work: Work, expert_id: int, changes: Mapping[str, Any], *, reason: str) -> Expert:
    """Change fields of an expert by hand; values are checked as an import checks them.

    WorkflowError "expert-field" names the field and the exchange code of what is wrong with it.
    """
    expert = work.one(Expert, expert_id, lock=True)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    found: dict[str, tuple[Any, Any]] = {}
    for name, raw in changes.items():
        if name not in _PARSERS or name == "number":
            raise WorkflowError("expert-field", field=name, error="unknown-columns")
        value = _parsed(name, raw)
        if value != getattr(expert, name):
            found[name] = (getattr(expert, name), value)
            setattr(expert, name, value)
    if not found:
        return expert
    if "name" in found and "pinyin" not in changes:
        found["pinyin"] = (expert.pinyin, pinyin_of(expert.name))
        expert.pinyin = found["pinyin"][1]
    if "document" in found:
        _check_document_free(work, expert)
    expert.updated_at = work.now
    work.session.add(expert)
    kind = "retired" if found.get("in_use") == (True, False) else "updated"
    _by_hand(work, [Change(expert.number, kind, found)], reason)
    return expert


def _parsed(name: str, raw: Any) -> Any:
    column = _PARSERS[name]
    if raw in {"", None}:
        if column.required:
            raise WorkflowError("expert-field", field=name, error="required", facts={})
        return column.empty
    if isinstance(raw, bool):
        raw = "是" if raw else "否"
    try:
        return column.parse(raw)
    except BadValueError as error:
        raise WorkflowError(
            "expert-field", field=name, error=error.code, facts=error.facts
        ) from error


def _check_document_free(work: Work, expert: Expert) -> None:
    query = select(Expert.number).where(Expert.document == expert.document, Expert.id != expert.id)
    with work.session.no_autoflush:
        other = work.session.exec(query).first()
    if other is not None:
        raise WorkflowError("document-taken", number=other)


def retire_expert(work: Work, expert_id: int, *, reason: str) -> Expert:
    """Take an expert out of use; draws made before keep their record."""
    return update_expert(work, expert_id, {"in_use": False}, reason=reason)


def retire_left_out(work: Work, numbers: Collection[str], *, reason: str) -> int:
    """Take experts out of use together, such as those a new list leaves out; return how many."""
    if not reason.strip():
        raise WorkflowError("reason-needed")
    query = select(Expert).where(Expert.in_use).order_by(col(Expert.number))
    retired = [one for one in work.session.exec(query) if one.number in numbers]
    for one in retired:
        one.in_use, one.updated_at = False, work.now
        work.session.add(one)
    changes = [Change(one.number, "retired", {"in_use": (True, False)}) for one in retired]
    _by_hand(work, changes, reason)
    return len(retired)


def _by_hand(work: Work, changes: Sequence[Change], reason: str) -> None:
    digest = changes_digest(changes)
    _, counts = record_batch(work, "pool", changes, source=reason.strip(), digest=digest)
    subjects = [one.subject for one in changes]
    private = {"experts": subjects, "reason": reason.strip(), "changes": digest}
    append(work, "pool.changed", counts, private=private)
