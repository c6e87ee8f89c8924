"""Decisions that need a second person: how an open matter is settled, and the list itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from review_service.tables import Approval, Computation, Round
from review_service.workflows.amendments import decide_amendment
from review_service.workflows.base import StaleError, WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.log import append
from review_service.workflows.publicity import pending
from scoring.records import digest
from scoring.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from review_service.workflows.base import Work


def propose_settlement(
    work: Work, round_id: int, verdicts: Iterable[Mapping[str, Any]], reason: str
) -> Approval:
    """Propose a panel's verdicts {dossier, taken, reason} on the matter that the list leaves open.

    They replace the verdicts settled before on the same matter ("zone" or "line").
    """
    row, computed = _open_list(work, round_id)
    matter = json.loads(computed.record)["selection"]["open"]
    if matter is None or matter["how"] != "panel":
        raise WorkflowError("nothing-to-settle", round=row.code)
    settled = json.loads(computed.record)["selection"]["settlement"]
    key = "line" if matter["matter"] == "line" else "panel"
    content = settled | {key: [dict(verdict) for verdict in verdicts]}
    named = sorted(verdict["dossier"] for verdict in content[key])
    if named != sorted(matter["ids"]):
        raise WorkflowError("verdicts-incomplete", needed=matter["ids"], given=named)
    if not all(str(verdict["reason"]).strip() for verdict in content[key]):
        raise WorkflowError("reason-needed")
    kept = set(json.loads(computed.record).get("keeps", ()))
    dropped = [one["dossier"] for one in content[key] if not one["taken"]]
    if kept.intersection(dropped):  # published, and nobody's objection to it was upheld
        raise WorkflowError("settlement-drops", ids=sorted(kept.intersection(dropped)))
    taken = sum(bool(one["taken"]) for one in content[key])
    if matter["take"] is not None and taken != matter["take"]:
        raise WorkflowError("settlement-count", take=matter["take"], taken=taken)
    record = Settlement.from_record(content).record()
    fitted = json.loads(computed.record)["fit"]
    return _propose(work, row, "settlement", {"fit": fitted, "settlement": record}, reason)


def propose_list(work: Work, round_id: int, reason: str) -> Approval:
    """Propose the newest list; it must be final."""
    row, computed = _open_list(work, round_id)
    selection = json.loads(computed.record)["selection"]
    if selection["open"] is not None:
        raise WorkflowError("list-open", ids=selection["open"]["ids"])
    return _propose(work, row, "list", {"record": computed.digest}, reason)


def decide_proposal(work: Work, approval_id: int, *, approve: bool, reason: str) -> Approval:
    """Approve or reject a proposal; never by who proposed it."""
    proposal = work.one(Approval, approval_id, lock=True)
    if proposal.subject == "amendment":
        return decide_amendment(work, approval_id, approve=approve, reason=reason)
    if proposal.status != "proposed":
        raise StaleError("proposal-decided", status=proposal.status)
    if proposal.proposed_by == work.actor.id:
        raise WorkflowError("second-person")
    if not approve and not reason.strip():
        raise WorkflowError("reason-needed")
    row = work.one(Round, proposal.round_id)
    proposal.status = "approved" if approve else "rejected"
    proposal.decided_by, proposal.decided_at = work.actor.id, work.now
    work.session.add(proposal)
    body = {
        "round": row.code,
        "subject": proposal.subject,
        "content": proposal.digest,
        "decision": proposal.status,
        "reason": reason.strip(),
    }
    append(work, "approval.decided", body, subject=row.code)
    return proposal


def _open_list(work: Work, round_id: int) -> tuple[Round, Computation]:
    row = work.one(Round, round_id, lock=True)
    computed = newest(work.session, round_id, "list")
    again = computed is not None and row.status == "published" and pending(work.session, row)
    if row.status != "closed" and not again:
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="closed")
    if computed is None:
        raise WorkflowError("list-needed", round=row.code)
    return row, computed


def _propose(
    work: Work, row: Round, subject: str, content: dict[str, Any], reason: str
) -> Approval:
    if not reason.strip():
        raise WorkflowError("reason-needed")
    proposal = Approval(
        round_id=pk(row),
        subject=subject,
        content=content,
        digest=digest(content),
        reason=reason.strip(),
        proposed_by=work.actor.id,
        proposed_at=work.now,
    )
    work.session.add(proposal)
    work.session.flush()
    body = {
        "round": row.code,
        "subject": subject,
        "content": proposal.digest,
        "reason": proposal.reason,
    }
    append(work, "approval.proposed", body, subject=row.code)
    return proposal
