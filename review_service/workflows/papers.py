"""Paper originals beside the electronic file: received, with the seal's name read off them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from review_service.exchange import values as v
from review_service.exchange.errors import BadValueError
from review_service.tables import Dossier, LogEvent, PaperReceipt, Round
from review_service.workflows.attachments import line
from review_service.workflows.base import WorkflowError
from review_service.workflows.log import append

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Work

MOST_COPIES = 20
BEIJING = ZoneInfo("Asia/Shanghai")


def receive_papers(
    work: Work,
    dossier_id: int,
    *,
    copies: int,
    received_on: str,
    seal_name: str,
    kept_at: str,
    note: str = "",
) -> PaperReceipt:
    """Enter the papers of a received dossier, or put right what was entered before.

    WorkflowError "papers-copies", "papers-date", "papers-place"; "seal-differs" where the name on
    the seal isn't the dossier's; "dossier-status" once it is admitted.
    """
    dossier = work.one(Dossier, dossier_id, lock=True)
    row = work.one(Round, dossier.round_id)
    if dossier.status != "received":
        raise WorkflowError("dossier-status", dossier=dossier.number, status=dossier.status)
    if not 1 <= copies <= MOST_COPIES:
        raise WorkflowError("papers-copies", limit=MOST_COPIES)
    place = line(kept_at, 120)
    if not place:
        raise WorkflowError("papers-place")
    seal = line(seal_name, 120)
    if seal != dossier.unit:
        raise WorkflowError("seal-differs", seal=seal, unit=dossier.unit)
    receipt = work.session.get(PaperReceipt, dossier_id) or PaperReceipt(
        dossier_id=dossier_id, copies=1, received_on="", seal_name="", kept_at="", received_by="",
        received_at=work.now,
    )  # fmt: skip
    receipt.copies, receipt.received_on = copies, _day(work, received_on)
    receipt.seal_name, receipt.kept_at, receipt.note = seal, place, line(note, 300)
    receipt.received_by, receipt.received_at = work.actor.id, work.now
    work.session.add(receipt)
    body = {"round": row.code, "dossier": dossier.number, "copies": copies}
    private = {"on": receipt.received_on, "kept_at": place, "note": receipt.note}
    append(work, "papers.received", body, subject=row.code, private=private)
    return receipt


def _day(work: Work, text: str) -> str:
    try:
        day: str = v.date(text)
    except BadValueError as error:
        raise WorkflowError("papers-date") from error
    if day > work.now.astimezone(BEIJING).date().isoformat():
        raise WorkflowError("papers-date")
    return day


@dataclass(frozen=True)
class ByException:
    """How a dossier was admitted before its papers were in."""

    kind: str
    reason: str
    at: datetime
    by: str


def exception_of(session: Session, row: Round, dossier: Dossier) -> ByException | None:
    """Return the exception by which an admitted dossier came in, from the log; None for none."""
    number = json.dumps(dossier.number, ensure_ascii=False)
    query = select(LogEvent).where(
        LogEvent.subject == row.code,
        LogEvent.type == "dossier.admitted",
        col(LogEvent.event).contains(f'"dossier":{number}', autoescape=True),
    )
    event = session.exec(query.order_by(col(LogEvent.seq).desc()).limit(1)).first()
    if event is None or dossier.status != "admitted":
        return None
    kind = json.loads(event.event)["body"].get("exception")
    if kind is None:
        return None
    told = json.loads(event.private)["value"] if event.private else {}
    return ByException(kind, told.get("reason", ""), event.time, event.actor)


def receipts(session: Session, round_id: int) -> dict[int, PaperReceipt]:
    """Return a round's receipts by dossier row."""
    query = select(PaperReceipt).join(Dossier).where(Dossier.round_id == round_id)
    return {one.dossier_id: one for one in session.exec(query)}
