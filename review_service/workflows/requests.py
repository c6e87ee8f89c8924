"""Units' written requests that an expert keep away: entered, then accepted or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from review_service.tables import Dossier, Expert, RecusalRequest
from review_service.workflows.base import WorkflowError
from review_service.workflows.conflicts import ask, declare_conflict_pair, open_round
from review_service.workflows.log import append

if TYPE_CHECKING:
    from review_service.workflows.base import Work


def request_recusal(
    work: Work, round_id: int, expert_id: int, dossier_id: int, reason: str
) -> RecusalRequest:
    """Enter a unit's written request that an expert keep off its dossier."""
    row = open_round(work, round_id)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    dossier, expert = work.one(Dossier, dossier_id), work.one(Expert, expert_id)
    if dossier.round_id != round_id:
        raise WorkflowError("dossier-of-another-round", dossier=dossier.number)
    if not ask(work, round_id, expert_id, dossier_id, reason):
        raise WorkflowError("request-exists", dossier=dossier.number)
    private = {"expert": expert.number, "dossier": dossier.number, "reason": reason.strip()}
    append(work, "recusal.requested", {"round": row.code}, subject=row.code, private=private)
    query = select(RecusalRequest).where(
        RecusalRequest.expert_id == expert_id, RecusalRequest.dossier_id == dossier_id
    )
    return work.session.exec(query).one()


def decide_request(work: Work, request_id: int, *, accept: bool, reason: str) -> RecusalRequest:
    """Accept or refuse a unit's request, with a reason; what is accepted excludes at once."""
    request = work.one(RecusalRequest, request_id, lock=True)
    row = open_round(work, request.round_id)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    if request.status != "asked":
        raise WorkflowError("already-decided", status=request.status)
    request.status = "accepted" if accept else "refused"
    request.decision, request.decided_by = reason.strip(), work.actor.id
    request.decided_at = work.now
    work.session.add(request)
    expert, dossier = work.one(Expert, request.expert_id), work.one(Dossier, request.dossier_id)
    private = {"expert": expert.number, "dossier": dossier.number, "reason": reason.strip()}
    body = {"round": row.code, "accepted": accept}
    append(work, "recusal.decided", body, subject=row.code, private=private)
    if accept:
        declare_conflict_pair(
            work, request.round_id, request.expert_id, request.dossier_id, "unit-request",
            request.reason, "unit",
        )  # fmt: skip
    return request
