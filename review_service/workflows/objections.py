"""Objections to a published list: received from anybody, answered by two people.

Names, contacts, texts and answers enter the log as salted digests only; what is open there is the
receipt number, the outcome, and whether a dossier leaves the list.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import defer
from sqlmodel import col, func, select

from review_service.tables import Objection, ObjectionFile, Round
from review_service.workflows.attachments import media_of
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError, pk
from review_service.workflows.log import append
from review_service.workflows.publicity import period, published_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import Session

    from review_service.workflows.base import Work

FILES, FILE_LIMIT = 3, 5_000_000  # files of an objection, bytes of each
TEXT_LIMIT, SHORT_LIMIT = 4000, 100  # characters
HOUR = timedelta(hours=1)
PER_SOURCE, PER_ROUND = 5, 60  # objections an hour


@dataclass(frozen=True)
class Received:
    """A file as it was sent."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Statement:
    """What somebody objects; `dossier` is a number of the list, or empty for the list as such."""

    name: str
    contact: str
    text: str
    dossier: str = ""
    files: tuple[Received, ...] = ()


def receive_objection(work: Work, round_id: int, statement: Statement, *, source: str) -> Objection:
    """Take an objection in while the period runs; returns it with its receipt number.

    `source` stands for the sender's address: a keyed digest, for the limits against spam.
    """
    row = work.one(Round, round_id)
    found = period(work.session, row)
    if row.status != "published" or found is None or found.over(work.now):
        raise WorkflowError("objections-closed", round=row.code)
    files = _checked(work.session, row, statement)
    _check_rate(work, round_id, source)
    objection = Objection(
        round_id=round_id,
        receipt=f"{row.code}-{base64.b32encode(work.tools.entropy(5)).decode()}",
        dossier=statement.dossier,
        name=statement.name.strip(),
        contact=statement.contact.strip(),
        text=statement.text.strip(),
        source=source,
        received_at=work.now,
    )
    work.session.add(objection)
    work.session.flush()
    for one in files:
        one.objection_id = pk(objection)
        work.session.add(one)
    private = {
        "name": objection.name,
        "contact": objection.contact,
        "text": objection.text,
        "dossier": objection.dossier,
        "files": [one.digest for one in files],
    }
    body = {"round": row.code, "receipt": objection.receipt, "files": len(files)}
    append(work, "objection.received", body, subject=row.code, private=private)
    return objection


def _checked(session: Session, row: Round, statement: Statement) -> list[ObjectionFile]:
    for field, limit in (("name", SHORT_LIMIT), ("contact", SHORT_LIMIT), ("text", TEXT_LIMIT)):
        given = getattr(statement, field).strip()
        if not given:
            raise WorkflowError("objection-field", field=field)
        if len(given) > limit:
            raise WorkflowError("objection-long", field=field, limit=limit)
    if statement.dossier and statement.dossier not in published_numbers(session, row)[0]:
        raise WorkflowError("objection-dossier")
    if len(statement.files) > FILES:
        raise WorkflowError("objection-files", limit=FILES)
    return [_file(one) for one in statement.files]


def _file(received: Received) -> ObjectionFile:
    """Return a file by what it is: PDF, PNG, JPEG or Word without macros."""
    if len(received.data) > FILE_LIMIT:
        raise WorkflowError(
            "attachment-size", size=len(received.data), limit=FILE_LIMIT // 1_000_000
        )
    return ObjectionFile(
        objection_id=0,
        name=received.name.replace("\\", "/").rsplit("/", 1)[-1][-120:],
        media=media_of(received.data, received.name),
        digest=sha256(received.data).hexdigest(),
        size=len(received.data),
        data=received.data,
    )


def _check_rate(work: Work, round_id: int, source: str) -> None:
    recent = (
        select(func.count())
        .select_from(Objection)
        .where(Objection.round_id == round_id, col(Objection.received_at) > work.now - HOUR)
    )
    if work.session.exec(recent.where(Objection.source == source)).one() >= PER_SOURCE:
        raise WorkflowError("objections-often")
    if work.session.exec(recent).one() >= PER_ROUND:
        raise WorkflowError("objections-often")


def propose_answer(
    work: Work, objection_id: int, *, outcome: str, removes: bool, answer: str, reason: str
) -> Objection:
    """Propose how an objection is answered; a second person decides."""
    objection = work.one(Objection, objection_id, lock=True)
    if objection.status != "received":
        raise StaleError("objection-status", status=objection.status)
    if outcome not in {"dismissed", "upheld"}:
        raise WorkflowError("objection-field", field="outcome")
    if not answer.strip() or not reason.strip():
        raise WorkflowError("reason-needed")
    if removes and (outcome != "upheld" or not objection.dossier):
        raise WorkflowError("objection-removes")
    objection.status, objection.outcome, objection.removes = "proposed", outcome, removes
    objection.answer, objection.reason = answer.strip(), reason.strip()
    objection.proposed_by, objection.proposed_at = work.actor.id, work.now
    work.session.add(objection)
    _log(work, objection, "objection.answer_proposed", {})
    return objection


def decide_answer(work: Work, objection_id: int, *, approve: bool, reason: str) -> Objection:
    """Approve an answer, or send it back with a reason; never by who proposed it."""
    objection = work.one(Objection, objection_id, lock=True)
    if objection.status != "proposed":
        raise StaleError("objection-status", status=objection.status)
    if objection.proposed_by == work.actor.id:
        raise WorkflowError("second-person")
    if not approve and not reason.strip():
        raise WorkflowError("reason-needed")
    decision = {"decision": "approved" if approve else "rejected", "said": reason.strip()}
    _log(work, objection, "objection.answer_decided", decision)
    if approve:
        objection.status = "answered"
        objection.decided_by, objection.decided_at = work.actor.id, work.now
    else:
        objection.status, objection.outcome, objection.removes = "received", "", False
        objection.proposed_by = objection.proposed_at = None
    work.session.add(objection)
    return objection


def _log(work: Work, objection: Objection, kind: str, more: dict[str, Any]) -> None:
    row = work.one(Round, objection.round_id)
    body: dict[str, Any] = {
        "round": row.code,
        "receipt": objection.receipt,
        "outcome": objection.outcome,
        "removes": objection.dossier if objection.removes else None,
    }
    said = more.pop("said", "")
    private = {"answer": objection.answer, "reason": objection.reason, "said": said}
    append(work, kind, body | more, subject=row.code, private=private)


def objections_of(session: Session, row: Round) -> list[Objection]:
    """Return the round's objections, the newest first."""
    query = select(Objection).where(Objection.round_id == row.id)
    return list(session.exec(query.order_by(col(Objection.id).desc())))


def files_of(session: Session, objections: Iterable[Objection]) -> dict[int, list[ObjectionFile]]:
    """Return objection id → its files, whose bytes are read only where they are asked for."""
    data: Any = ObjectionFile.data
    query = (
        select(ObjectionFile)
        .where(col(ObjectionFile.objection_id).in_([pk(one) for one in objections]))
        .options(defer(data))
        .order_by(col(ObjectionFile.id))
    )
    found: dict[int, list[ObjectionFile]] = {}
    for one in session.exec(query):
        found.setdefault(one.objection_id, []).append(one)
    return found


def by_receipt(session: Session, row: Round, receipt: str) -> Objection:
    """Return an objection by its receipt number, which only its sender was given."""
    query = select(Objection).where(
        Objection.round_id == row.id, Objection.receipt == receipt.strip()
    )
    found = session.exec(query).first()
    if found is None:
        raise NotFoundError("objection-receipt", receipt=receipt.strip()[:60])
    return found
