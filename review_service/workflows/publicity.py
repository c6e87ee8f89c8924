"""Publication: the approved list, its time of publicity, and the end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from review_service.tables import Approval, Round
from review_service.workflows.base import WorkflowError
from review_service.workflows.computations import newest
from review_service.workflows.log import append

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work


def publish_list(work: Work, round_id: int) -> Round:
    """Publish the approved list; it must still be the newest one."""
    row = work.one(Round, round_id, lock=True)
    if row.status != "closed":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="closed")
    computed = newest(work.session, round_id, "list")
    if computed is None or not approved(work.session, round_id, computed.digest):
        raise WorkflowError("approval-needed", round=row.code)
    row.status = "published"
    work.session.add(row)
    body = {"round": row.code, "record": computed.digest, "days": row.rules["publicity_days"]}
    append(work, "list.published", body, subject=row.code)
    return row


def approved(session: Session, round_id: int, record: str) -> bool:
    """Whether a second person approved the list with this digest."""
    rows = session.exec(
        select(Approval.content).where(
            Approval.round_id == round_id,
            Approval.subject == "list",
            Approval.status == "approved",
        )
    )
    return any(content["record"] == record for content in rows)
