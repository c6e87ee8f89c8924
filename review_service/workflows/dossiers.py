"""A round's dossiers: brought in under its quotas, admitted one by one, withdrawn with a reason."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation.canonical import canonical
from review_service.tables import Dossier, PaperReceipt, Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.batches import Change, changes_digest, record_batch
from review_service.workflows.log import append
from review_service.workflows.results import indicators
from review_service.workflows.rounds import rubric_of
from scoring.gates import GateResult, check_gates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from review_service.exchange.dossiers import DossierRow
    from review_service.exchange.form_reading import FormFile
    from review_service.workflows.base import Work

_PLAIN = ("unit", "credit_code", "category", "sector", "province", "prefecture", "rank")
_FIELDS = (*_PLAIN, "application", "indicators")
# Why a dossier may be admitted before its papers are in; the code enters the log, words don't.
EXCEPTIONS = ("in-transit", "emergency", "electronic-only", "other")
# Ranks that are about to be swapped wait up here, so that no two rows ever share one.
_ASIDE = 1_000_000


def import_dossiers(
    work: Work, round_id: int, rows: Sequence[DossierRow], *, source: str, digest: str
) -> dict[str, int]:
    """Bring in rows that had no issues, under the round's quotas; all of them or none.

    Known ones (by number) are replaced while they are only received. WorkflowError "round-status",
    "dossiers-settled", "province-quota", "prefecture-quota" or "rank-taken" names what is wrong.
    """
    round_row = work.one(Round, round_id, lock=True)
    if round_row.status not in {"draft", "open"}:
        raise WorkflowError(
            "round-status", round=round_row.code, status=round_row.status, needed="open"
        )
    stored = {
        one.number: one
        for one in work.session.exec(select(Dossier).where(Dossier.round_id == round_id))
    }
    _check_quotas(round_row, [*(o for n, o in stored.items() if n not in {r.number for r in rows}
                                and o.status in {"received", "admitted"}),
                              *(row for row in rows if not row.calibration)])  # fmt: skip
    new, changed, changes, settled = [], [], [], []
    for row in rows:
        dossier = stored.get(row.number)
        if dossier is None:
            new.append(row)
            changes.append(Change(row.number, "new"))
            continue
        fields = _differences(dossier, row)
        if fields and dossier.status in {"admitted", "withdrawn", "returned"}:
            settled.append(row.number)
        elif fields:
            changed.append((dossier, row))
            changes.append(Change(row.number, "updated", fields))
    if settled:
        raise WorkflowError("dossiers-settled", numbers=settled)
    move_aside(work, [dossier for dossier, _ in changed])
    for dossier, row in changed:
        _fill(dossier, row)
        work.session.add(dossier)
    work.session.flush()
    for row in new:
        dossier = Dossier(
            round_id=round_id, number=row.number, unit="", credit_code="", category="", sector="",
            province="", rank=1,
        )  # fmt: skip
        _fill(dossier, row)
        work.session.add(dossier)
    work.session.flush()
    unchanged = len(rows) - len(changes)
    _, counts = record_batch(
        work, "dossiers", changes, source=source, digest=digest, round_id=round_id,
        unchanged=unchanged,
    )  # fmt: skip
    append(
        work,
        "dossiers.imported",
        {"round": round_row.code, "digest": digest} | counts,
        subject=round_row.code,
        private={"changes": changes_digest(changes)},
    )
    return counts


def _check_quotas(round_row: Round, rows: Iterable[Dossier | DossierRow]) -> None:
    provinces: Counter[str] = Counter()
    prefectures: Counter[tuple[str, str]] = Counter()
    ranks: dict[tuple[str, int], str] = {}
    for one in rows:
        provinces[one.province] += 1
        if one.prefecture:
            prefectures[one.province, one.prefecture] += 1
        other = ranks.setdefault((one.province, one.rank), one.number)
        if other != one.number:
            facts = {"province": one.province, "rank": one.rank}
            raise WorkflowError("rank-taken", **facts, numbers=[other, one.number])
    limit = round_row.rules["dossiers_per_province"]
    for province, count in provinces.items():
        if count > limit:
            raise WorkflowError("province-quota", province=province, count=count, limit=limit)
    limit = round_row.rules["dossiers_per_prefecture"]
    for (province, prefecture), count in prefectures.items():
        if count > limit:
            raise WorkflowError(
                "prefecture-quota",
                province=province,
                prefecture=prefecture,
                count=count,
                limit=limit,
            )


def _differences(dossier: Dossier, row: DossierRow) -> dict[str, tuple[Any, Any]]:
    """Return what a row would change; long records stand in the batch as their digests."""
    fields: dict[str, tuple[Any, Any]] = {}
    for name in _FIELDS:
        before, after = getattr(dossier, name), getattr(row, name)
        if before != after:
            long = name == "application"
            fields[name] = (_digest(before), _digest(after)) if long else (before, after)
    return fields


def _digest(record: Any) -> str:
    return sha256(canonical(record)).hexdigest()


def move_aside(work: Work, dossiers: Iterable[Dossier]) -> None:
    """Take the ranks of dossiers out of the way, before they get others."""
    for dossier in dossiers:
        dossier.rank += _ASIDE
        work.session.add(dossier)
    work.session.flush()


def _fill(dossier: Dossier, row: DossierRow) -> None:
    for name in _PLAIN:
        setattr(dossier, name, getattr(row, name))
    dossier.application, dossier.indicators = dict(row.application), dict(row.indicators)
    if row.calibration:
        dossier.status = "calibration"
    elif dossier.status == "calibration":
        dossier.status = "received"


def take_form(work: Work, dossier_id: int, form: FormFile) -> Dossier:
    """Put a form read without issues in the place of a received dossier's application.

    WorkflowError "form-issues" where the form had any, "form-unit" where it is another unit's:
    the name on the form must be the dossier's.
    """
    dossier = work.one(Dossier, dossier_id, lock=True)
    round_row = work.one(Round, dossier.round_id)
    if form.issues:
        raise WorkflowError("form-issues", count=len(form.issues))
    if dossier.status != "received":
        raise WorkflowError("dossier-status", dossier=dossier.number, status=dossier.status)
    if form.data.unit != dossier.unit:
        raise WorkflowError("form-unit", form=form.data.unit, dossier=dossier.unit)
    application, indicators = dict(form.data.application), dict(form.indicators)
    fields = {
        "application": (_digest(dict(dossier.application)), _digest(application)),
        "indicators": (dict(dossier.indicators), indicators),
        "category": (dossier.category, form.data.category),
    }
    changes = [
        Change(
            dossier.number, "updated", {k: pair for k, pair in fields.items() if pair[0] != pair[1]}
        )
    ]
    dossier.application, dossier.indicators = application, indicators
    dossier.category = form.data.category
    work.session.add(dossier)
    record_batch(
        work, "dossiers", changes, source="form", digest=form.digest, round_id=dossier.round_id
    )
    body = {"round": round_row.code, "dossier": dossier.number, "digest": form.digest}
    private = {"changes": changes_digest(changes)}
    append(work, "dossier.form_taken", body, subject=round_row.code, private=private)
    return dossier


def admit_dossier(work: Work, dossier_id: int, *, exception: str = "", reason: str = "") -> Dossier:
    """Admit a received dossier to the review; from here on its content can't be replaced.

    Where the round takes papers, they must be in (WorkflowError "papers-missing"), or `exception`
    names one of EXCEPTIONS and `reason` says why in words, which the log seals.
    """
    dossier = work.one(Dossier, dossier_id, lock=True)
    if dossier.status != "received":
        raise WorkflowError("dossier-status", dossier=dossier.number, status=dossier.status)
    round_row = work.one(Round, dossier.round_id)
    body = {"round": round_row.code, "dossier": dossier.number}
    private = {"application": _digest(dict(dossier.application))}
    if not papers_in(round_row, work.session.get(PaperReceipt, dossier_id)):
        if not exception:
            needed = round_row.rules["paper_copies"]
            raise WorkflowError("papers-missing", dossier=dossier.number, copies=needed)
        if exception not in EXCEPTIONS:
            raise WorkflowError("papers-exception", exception=exception)
        if not reason.strip():
            raise WorkflowError("reason-needed")
        body["exception"], private["reason"] = exception, reason.strip()
    dossier.status = "admitted"
    work.session.add(dossier)
    append(work, "dossier.admitted", body, subject=round_row.code, private=private)
    return dossier


def papers_in(round_row: Round, receipt: PaperReceipt | None) -> bool:
    """Whether a dossier's papers are in, as far as the round asks for any."""
    needed: int = round_row.rules.get("paper_copies", 0)
    return needed == 0 or (receipt is not None and receipt.copies >= needed)


def admit_received(work: Work, round_id: int, numbers: Collection[str] | None = None) -> int:
    """Admit the received dossiers of a round whose papers are in; return how many.

    `numbers` narrows them to those that were chosen.
    """
    round_row = work.one(Round, round_id)
    query = select(Dossier).where(Dossier.round_id == round_id, Dossier.status == "received")
    admitted = 0
    for dossier in work.session.exec(query.order_by(col(Dossier.number))).all():
        if numbers is not None and dossier.number not in numbers:
            continue
        if papers_in(round_row, work.session.get(PaperReceipt, pk(dossier))):
            admit_dossier(work, pk(dossier))
            admitted += 1
    return admitted


def withdraw_dossier(work: Work, dossier_id: int, *, reason: str) -> Dossier:
    """Withdraw a dossier, before a draw was made with it; its number stays taken."""
    dossier = work.one(Dossier, dossier_id, lock=True)
    round_row = work.one(Round, dossier.round_id)
    if not reason.strip():
        raise WorkflowError("reason-needed")
    if dossier.status not in {"received", "admitted", "returned"}:
        raise WorkflowError("dossier-status", dossier=dossier.number, status=dossier.status)
    if round_row.status not in {"draft", "open"}:
        raise WorkflowError(
            "round-status", round=round_row.code, status=round_row.status, needed="open"
        )
    dossier.status = "withdrawn"
    work.session.add(dossier)
    append(
        work,
        "dossier.withdrawn",
        {"round": round_row.code, "dossier": dossier.number},
        subject=round_row.code,
        private={"reason": reason.strip()},
    )
    return dossier


def gates_of(round_row: Round, dossier: Dossier) -> tuple[GateResult, ...]:
    """Return how a dossier stands at the round's gates."""
    return check_gates(rubric_of(round_row), indicators(dossier))
