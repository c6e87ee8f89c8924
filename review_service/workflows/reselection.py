"""Places that upheld objections emptied, filled by the round's own rules.

The list is selected again from the same fit without the dossiers that were taken off: a record of
its own, which names them, what it supersedes, and why. Two people approve it like the first, and
it is published for a period of its own before it can be final.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from review_service.tables import Approval, Computation, Objection, Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import keep
from review_service.workflows.publicity import check_answered, published_list, removals, vacant
from review_service.workflows.results import candidates, settlement
from scoring.errors import ScoringError
from scoring.records import digest
from scoring.rules import Rules
from scoring.selection import select as select_dossiers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlmodel import Session

    from review_service.workflows.base import Work
    from scoring.selection import Selection
    from scoring.settlement import Settlement


def reselect(work: Work, round_id: int, reason: str) -> Computation:
    """Select again without what objections took off; who is listed and unobjected stays.

    An order that was drawn by lot holds on, with those taken off left out. A panel's verdicts hold
    while they still fit the places; otherwise the matter is open again, for the panel to fill.
    WorkflowError "reselection-drops" where the rules would take a place from somebody listed.
    """
    row = work.one(Round, round_id, lock=True)
    check_answered(work, row)
    listed = published_list(work.session, row)
    if listed is None or not vacant(work.session, row):
        raise WorkflowError("no-places-vacant", round=row.code)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    removed = removals(work.session, row)
    before = json.loads(listed.record)
    fitted = _fit_of(work.session, row, before["fit"])
    given = json.loads(fitted.record)
    chosen = _select(
        given["total"],
        Rules.from_record(row.rules["list"]),
        candidates(work.session, row, given, removed),
        _without(settlement(work.session, fitted), removed),
        fresh=_settled_since(work.session, row),
    )
    found = chosen.record()
    keeps = [name for name in before["selection"]["list"] if name not in removed]
    state = {one["id"]: one["status"] for one in found["dossiers"]}
    dropped = [name for name in keeps if state[name] == "out"]
    if dropped:
        raise WorkflowError("reselection-drops", ids=dropped)
    record: dict[str, Any] = {
        "round": row.code,
        "fit": fitted.digest,
        "selection": found,
        "excluded": [{"dossier": name, "objection": removed[name]} for name in sorted(removed)],
        "keeps": keeps,
        "supersedes": listed.digest,
        "reason": reason.strip(),
    }
    return keep(work, row, "list", record, digest(record))


def _select(
    fit: Mapping[str, Any],
    rules: Rules,
    among: tuple[Any, ...],
    settled: Settlement,
    *,
    fresh: bool,
) -> Selection:
    try:
        return select_dossiers(fit, rules, among, settled=settled)
    except ScoringError as error:
        # Verdicts made for the emptied places must fit; older ones may be for fewer places.
        if error.code != "settlement" or fresh or not settled.panel:
            raise
        return select_dossiers(fit, rules, among, settled=replace(settled, panel=()))


def _without(settled: Settlement, removed: Collection[str]) -> Settlement:
    return replace(
        settled,
        orders=tuple(
            replace(one, order=left)
            for one in settled.orders
            if (left := tuple(name for name in one.order if name not in removed))
        ),
        line=tuple(one for one in settled.line if one.dossier not in removed),
        panel=tuple(one for one in settled.panel if one.dossier not in removed),
    )


def _settled_since(session: Session, row: Round) -> bool:
    """Whether a panel's verdicts were approved after the last dossier was taken off."""
    taken_off = select(Objection.decided_at).where(
        Objection.round_id == row.id, Objection.status == "answered", col(Objection.removes)
    )
    last = session.exec(taken_off.order_by(col(Objection.decided_at).desc()).limit(1)).first()
    settled = select(Approval.id).where(
        Approval.round_id == pk(row),
        Approval.subject == "settlement",
        Approval.status == "approved",
        col(Approval.proposed_at) >= last,
    )
    return session.exec(settled.limit(1)).first() is not None


def _fit_of(session: Session, row: Round, found: str) -> Computation:
    query = select(Computation).where(
        Computation.round_id == row.id, Computation.kind == "fit", Computation.digest == found
    )
    fitted = session.exec(query.order_by(col(Computation.id).desc()).limit(1)).first()
    if fitted is None:
        raise WorkflowError("fit-needed", round=row.code)
    return fitted
