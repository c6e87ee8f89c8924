"""Amendments: a submitted review is locked; a change needs a reason and a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import select

from allocation.canonical import canonical
from allocation.hashing import h
from review_service.tables import Account, Approval, Dossier, Expert, Review, Round
from review_service.workflows import calibration
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError, pk
from review_service.workflows.log import append
from review_service.workflows.rounds import rubric_of
from review_service.workflows.seats import as_seated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from review_service.workflows.base import Work


def propose_amendment(
    work: Work,
    review_id: int,
    expert_id: int,
    *,
    levels: Mapping[str, int],
    notes: Mapping[str, str],
    reason: str,
) -> Approval:
    """Propose other levels for a submitted review of the expert's own; the old ones stay kept."""
    review = work.one(Review, review_id, lock=True)
    if review.expert_id != expert_id:
        raise NotFoundError("not-your-review")
    row = work.one(Round, review.round_id)
    if row.status not in {"reviewing", "closed"}:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="reviewing")
    if review.status != "submitted":
        raise WorkflowError("review-not-submitted")
    if not reason.strip():
        raise WorkflowError("reason-needed")
    dossier = work.one(Dossier, review.dossier_id)
    if dossier.status == "calibration" and calibration.shown_to(work.session, row, expert_id):
        raise WorkflowError("calibration-shown")  # it would no longer be the expert's own judgement
    missing = rubric_of(row).total(levels).missing
    if missing:
        raise WorkflowError("review-incomplete", missing=list(missing))
    if any(one.content["review"] == review_id for one in open_amendments(work, pk(row))):
        raise WorkflowError("amendment-open")
    work = as_seated(work, pk(row), expert_id)
    content = {
        "salt": work.tools.entropy(32).hex(),  # the digest is public, and levels are few
        "review": review_id,
        "version": review.version,
        "levels": dict(levels),
        "notes": {key: text for key, text in notes.items() if text},
    }
    proposal = Approval(
        round_id=pk(row),
        subject="amendment",
        content=content,
        digest=h("sealed", canonical(content)).hex(),
        reason=reason.strip(),
        proposed_by=work.actor.id,
        proposed_at=work.now,
    )
    work.session.add(proposal)
    work.session.flush()
    body = {"round": row.code, "subject": "amendment", "content": proposal.digest}
    private = {"reason": proposal.reason}
    append(work, "approval.proposed", body, subject=row.code, private=private)
    return proposal


def open_amendments(work: Work, round_id: int) -> list[Approval]:
    """Return the amendments that wait for a decision."""
    query = select(Approval).where(
        Approval.round_id == round_id,
        Approval.subject == "amendment",
        Approval.status == "proposed",
    )
    return list(work.session.exec(query))


def decide_amendment(work: Work, approval_id: int, *, approve: bool, reason: str) -> Approval:
    """Approve or reject an amendment; what it replaces stays in the log's private part."""
    proposal = work.one(Approval, approval_id, lock=True)
    if proposal.subject != "amendment":
        raise NotFoundError("not-found", kind="amendment", key=str(approval_id))
    if proposal.status != "proposed":
        raise StaleError("proposal-decided", status=proposal.status)
    row = work.one(Round, proposal.round_id)
    _require_another(work, row, proposal)
    if not approve and not reason.strip():
        raise WorkflowError("reason-needed")
    proposal.status = "approved" if approve else "rejected"
    proposal.decided_by, proposal.decided_at = work.actor.id, work.now
    work.session.add(proposal)
    body = {"round": row.code, "content": proposal.digest, "decision": proposal.status}
    private: dict[str, Any] = {"reason": reason.strip()}
    if approve:
        private |= _apply(work, proposal)
    append(work, "review.amended", body, subject=row.code, private=private)
    return proposal


def _require_another(work: Work, row: Round, proposal: Approval) -> None:
    """Refuse whoever proposed: a review's expert proposes under the round's pseudonym."""
    expert_id = work.one(Review, proposal.content["review"]).expert_id
    theirs = select(Account.code).where(Account.expert_id == expert_id)
    own = {proposal.proposed_by, *work.session.exec(theirs)}
    if {work.actor.id, as_seated(work, pk(row), expert_id).actor.id} & own:
        raise WorkflowError("second-person")


def _apply(work: Work, proposal: Approval) -> dict[str, Any]:
    review = work.one(Review, proposal.content["review"], lock=True)
    if review.version != proposal.content["version"]:
        raise StaleError("review-changed", stored=review.version, read=proposal.content["version"])
    before = {"levels": dict(review.levels), "notes": dict(review.notes)}
    review.levels = dict(proposal.content["levels"])
    review.notes = dict(proposal.content["notes"])
    review.version += 1
    work.session.add(review)
    dossier = work.one(Dossier, review.dossier_id)
    after = {"levels": dict(review.levels), "notes": dict(review.notes)}
    expert = work.one(Expert, review.expert_id)
    # All of it sealed: before the round opens, nothing open tells who amended which score.
    return {
        "expert": expert.number, "dossier": dossier.number, "before": before, "after": after,
    }  # fmt: skip
