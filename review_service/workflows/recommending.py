"""Prefecture and province: check, send back with a reason, rank, recommend with a stamped report.

An application lies with one level at a time and moves one level a step, so that none is skipped.
Each authority sees what lies in its place, and of that only what has reached its level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import col, select

from review_service.tables import (
    Application,
    ApplicationStep,
    Dossier,
    PaperReceipt,
    Recommendation,
    Round,
)
from review_service.workflows.applications import (
    check_deadline,
    check_sector,
    due_level,
    read_fields,
    round_takes_dossiers,
    take_step,
)
from review_service.workflows.attachments import line
from review_service.workflows.base import NotFoundError, WorkflowError, pk
from review_service.workflows.batches import Change, changes_digest, record_batch
from review_service.workflows.dossiers import move_aside
from review_service.workflows.log import append

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlmodel import Session

    from review_service.tables import Account
    from review_service.workflows.attachments import KeptFile
    from review_service.workflows.base import Work

BELOW: Final = {"prefecture": "unit", "province": "prefecture"}
ABOVE: Final = {"prefecture": "province", "province": "ministry"}
RANK: Final = {"prefecture": "prefecture_rank", "province": "province_rank"}
QUOTA: Final = {"prefecture": "dossiers_per_prefecture", "province": "dossiers_per_province"}
_BEYOND: Final = {"prefecture": ("province", "ministry"), "province": ("ministry",)}
MOST_RANK = 999


@dataclass(frozen=True)
class Authority:
    """For which place somebody acts: a prefecture, or a province (`prefecture` is empty)."""

    level: str
    province: str
    prefecture: str = ""

    @classmethod
    def of(cls, account: Account, role: str) -> Authority:
        """Return the authority of an account; NotFoundError for a role that has none."""
        if role not in BELOW:
            raise NotFoundError("not-found", kind="Authority", key=role)
        prefecture = account.prefecture if role == "prefecture" else ""
        return cls(role, account.province, prefecture)

    def rank(self, application: Application) -> int | None:
        """Return the rank that this level gave."""
        found: int | None = getattr(application, RANK[self.level])
        return found

    def has_passed(self, application: Application) -> bool:
        """Whether this level recommended the application and it still lies above."""
        return application.stage in _BEYOND[self.level]


def applications_for(session: Session, who: Authority, round_id: int) -> list[Application]:
    """Return what has reached the authority's level in a round: ranked ones first, then by unit."""
    query = select(Application).where(
        Application.round_id == round_id, Application.province == who.province
    )
    if who.level == "prefecture":
        query = query.where(Application.prefecture == who.prefecture)
    rows = [one for one in session.exec(query) if _reached(session, who, one)]
    return sorted(rows, key=lambda one: (who.rank(one) or MOST_RANK + 1, one.unit, one.id))


def _reached(session: Session, who: Authority, application: Application) -> bool:
    if application.stage == who.level or who.has_passed(application):
        return True
    query = select(ApplicationStep.id).where(
        ApplicationStep.application_id == application.id, ApplicationStep.level == who.level,
        col(ApplicationStep.kind).in_(("submitted", "recommended")),
    )  # fmt: skip
    return session.exec(query).first() is not None


def application_for(session: Session, who: Authority, application_id: int) -> Application:
    """Return an application of the authority's place that it may read; else NotFoundError.

    While a unit corrects it, nobody else reads it.
    """
    row = session.get(Application, application_id)
    mine = row is not None and (
        row.province == who.province
        and who.prefecture in {"", row.prefecture}
        and row.stage != "unit"
        and _reached(session, who, row)
    )
    if row is None or not mine:
        raise NotFoundError("not-found", kind="Application", key=str(application_id))
    return row


def _held(work: Work, who: Authority, application_id: int) -> tuple[Round, Application]:
    """Return an application that lies with the authority, locked, and its round."""
    work.one(Application, application_id, lock=True)
    application = application_for(work.session, who, application_id)
    if application.stage != who.level:
        raise WorkflowError("application-lies-with", level=application.stage)
    return work.one(Round, application.round_id), application


def check_seal(work: Work, who: Authority, application_id: int, seal_name: str) -> Application:
    """Confirm that the seal bears the form's name, by the name that the checker read off it."""
    row, application = _held(work, who, application_id)
    read_name = line(seal_name, 120)
    if read_name != application.unit:
        raise WorkflowError("seal-differs", seal=read_name, unit=application.unit)
    application.seal_name, application.seal_by = read_name, work.actor.id
    application.seal_at = work.now
    work.session.add(application)
    body = {"round": row.code, "application": application_id, "level": who.level}
    append(work, "application.seal_checked", body, subject=row.code)
    return application


def return_application(work: Work, who: Authority, application_id: int, reason: str) -> Application:
    """Send an application back one level, with a reason; it loses its rank here."""
    row, application = _held(work, who, application_id)
    why = _reason(reason)
    application.stage, application.sent_by, application.reason = BELOW[who.level], who.level, why
    setattr(application, RANK[who.level], None)
    take_step(work, row, application, "returned", application.stage, why)
    return application


def decline_application(
    work: Work, who: Authority, application_id: int, reason: str
) -> Application:
    """Don't recommend an application, with a reason; `reconsider_application` takes it back."""
    row, application = _held(work, who, application_id)
    application.sent_by, application.reason = who.level, _reason(reason)
    application.stage = "declined"
    setattr(application, RANK[who.level], None)
    take_step(work, row, application, "declined", who.level, application.reason)
    return application


def reconsider_application(work: Work, who: Authority, application_id: int) -> Application:
    """Take an application up again that this level declined."""
    work.one(Application, application_id, lock=True)
    application = application_for(work.session, who, application_id)
    if application.stage != "declined" or application.sent_by != who.level:
        raise WorkflowError("application-lies-with", level=application.stage)
    application.stage, application.sent_by, application.reason = who.level, "", ""
    row = work.one(Round, application.round_id)
    take_step(work, row, application, "reconsidered", who.level)
    return application


def _reason(reason: str) -> str:
    why = line(reason, 500)
    if not why:
        raise WorkflowError("reason-needed")
    return why


def rank_applications(
    work: Work, who: Authority, round_id: int, ranks: Mapping[int, int | None]
) -> int:
    """Set the ranks of applications that lie with the authority; None takes a rank away.

    WorkflowError "rank-number" or "rank-twice"; gaps are looked for when recommending.
    """
    work.one(Round, round_id, lock=True)
    rows = {pk(one): one for one in applications_for(work.session, who, round_id)}
    for key, rank in ranks.items():
        if key not in rows or rows[key].stage != who.level:
            raise NotFoundError("not-found", kind="Application", key=str(key))
        if rank is not None and not 1 <= rank <= MOST_RANK:
            raise WorkflowError("rank-number", unit=rows[key].unit, rank=rank)
        setattr(rows[key], RANK[who.level], rank)
        work.session.add(rows[key])
    _check_twice(who, [one for one in rows.values() if _counts(who, one)])
    return len(ranks)


def _counts(who: Authority, application: Application) -> bool:
    return application.stage == who.level or who.has_passed(application)


def _check_twice(who: Authority, rows: Iterable[Application]) -> None:
    seen: dict[int, str] = {}
    for one in rows:
        rank = who.rank(one)
        if rank is not None and rank in seen:
            raise WorkflowError("rank-twice", rank=rank, units=[seen[rank], one.unit])
        if rank is not None:
            seen[rank] = one.unit


def recommend(work: Work, who: Authority, round_id: int, report: KeptFile) -> Recommendation:
    """Recommend all that lies with the authority, in its order, with the stamped report.

    Refused, with nothing changed: "deadline-past"; "recommend-none"; "recommend-unranked" names
    those to rank, send back or decline first; "seal-unchecked"; "prefecture-quota" or
    "province-quota"; "rank-gap", "rank-twice"; "unit-twice". A province's become dossiers.
    """
    row = work.one(Round, round_id, lock=True)
    round_takes_dossiers(work, row)
    rows = applications_for(work.session, who, round_id)
    going = [one for one in rows if one.stage == who.level]
    for level in {due_level(work.session, one, who.level) for one in going} or {who.level}:
        check_deadline(work, row, level)
    passed = [one for one in rows if who.has_passed(one)]
    _check_ready(who, going)
    earlier = _dossiers_of(work.session, who, round_id)
    standing = [one for one in earlier if one.status in {"received", "admitted"}]
    _check_quota(who, row, len(going) + len(passed if who.level == "prefecture" else standing))
    _check_order(who, going, passed, ranks_taken(work.session, who, round_id))
    made = Recommendation(
        round_id=round_id,
        level=who.level,
        province=who.province,
        prefecture=who.prefecture,
        digest=report.digest,
        name=report.name,
        size=report.size,
        ranking={"applications": [pk(one) for one in going]},
        made_by=work.actor.id,
        made_at=work.now,
    )
    work.session.add(made)
    if who.level == "province":
        _receive(work, row, going, report)
    for one in going:
        one.stage, one.sent_by, one.reason = ABOVE[who.level], "", ""
        take_step(work, row, one, "recommended", one.stage)
    ranking = [[pk(one), who.rank(one)] for one in going]
    body = {"round": row.code, "level": who.level, "count": len(going), "report": report.digest}
    private = {"province": who.province, "prefecture": who.prefecture, "ranking": ranking}
    append(work, "recommendation.made", body, subject=row.code, private=private)
    work.session.flush()
    return made


def _check_ready(who: Authority, going: list[Application]) -> None:
    if not going:
        raise WorkflowError("recommend-none")
    if unranked := [one.unit for one in going if who.rank(one) is None]:
        raise WorkflowError("recommend-unranked", units=unranked)
    if unchecked := [one.unit for one in going if one.seal_name != one.unit]:
        raise WorkflowError("seal-unchecked", units=unchecked)


def _dossiers_of(session: Session, who: Authority, round_id: int) -> list[Dossier]:
    """Return the province's dossiers in the round, however they came; each keeps its rank."""
    if who.level != "province":
        return []
    query = select(Dossier).where(Dossier.round_id == round_id, Dossier.province == who.province)
    return list(session.exec(query))


def _check_quota(who: Authority, row: Round, count: int) -> None:
    limit = row.rules[QUOTA[who.level]]
    if count > limit:
        place = {"province": who.province, "prefecture": who.prefecture}
        raise WorkflowError(f"{who.level}-quota", **place, count=count, limit=limit)


def ranks_taken(session: Session, who: Authority, round_id: int) -> set[int]:
    """Return the ranks that stand under stamped reports, which what goes up next can't take.

    A rank stays taken when its application is withdrawn afterwards; a dossier that comes again
    after a correction may keep its own or take another.
    """
    rows = applications_for(session, who, round_id)
    taken: set[int | None] = set()
    if who.level == "prefecture":
        taken = {who.rank(one) for one in rows if who.has_passed(one) or one.stage == "withdrawn"}
    again = {one.dossier_id for one in rows if one.stage == who.level}
    taken |= {one.rank for one in _dossiers_of(session, who, round_id) if one.id not in again}
    return {rank for rank in taken if rank is not None}


def _check_order(
    who: Authority, going: list[Application], passed: list[Application], before: set[int]
) -> None:
    """Ranks run from 1 without twins or gaps, over what went up before and what goes now."""
    _check_twice(who, [*going, *(passed if who.level == "prefecture" else ())])
    ranks = {who.rank(one): one.unit for one in going}
    if both := sorted(before & {rank for rank in ranks if rank is not None}):
        raise WorkflowError("rank-used", rank=both[0], unit=ranks[both[0]])
    for rank in range(1, len(before | set(ranks)) + 1):
        if rank not in before and rank not in ranks:
            raise WorkflowError("rank-gap", rank=rank)


def _receive(work: Work, row: Round, going: list[Application], report: KeptFile) -> None:
    """Make dossiers of what a province recommends; the ministry has them from here on.

    One that the ministry had sent back keeps its number; its papers are asked for again where
    the form has changed.
    """
    stored = list(work.session.exec(select(Dossier).where(Dossier.round_id == row.id)))
    again = {one.id: one for one in stored if one.id in {found.dossier_id for found in going}}
    codes = {one.credit_code for one in stored if one.id not in again}
    numbers = {one.number for one in stored}
    free = (f"A{n:03}" for n in range(1, 100_000) if f"A{n:03}" not in numbers)
    move_aside(work, again.values())
    changes = []
    for one in sorted(going, key=lambda found: found.province_rank or 0):
        reading = read_fields(one.fields)
        check_sector(row, reading.sector)
        if reading.data.credit_code in codes:
            raise WorkflowError("unit-twice", unit=one.unit, credit_code=reading.data.credit_code)
        codes.add(reading.data.credit_code)
        known = again.get(one.dossier_id)
        dossier = known or Dossier(round_id=pk(row), number=next(free), **_filled(one, reading))
        if known is not None:
            _corrected(work, known, _filled(one, reading))
        work.session.add(dossier)
        work.session.flush()
        one.dossier_id = pk(dossier)
        changes.append(Change(dossier.number, "updated" if known else "new"))
    _, counts = record_batch(
        work, "dossiers", changes, source="recommendation", digest=report.digest, round_id=row.id
    )
    body = {"round": row.code, "digest": report.digest, "new": counts["new"]}
    if again:
        body["corrected"] = len(again)
    private = {"changes": changes_digest(changes)}
    append(work, "dossiers.received", body, subject=row.code, private=private)


def _corrected(work: Work, dossier: Dossier, fields: dict[str, Any]) -> None:
    """Put the corrected form in the place of a dossier's; old papers no longer fit a new form."""
    changed = any(getattr(dossier, name) != fields[name] for name in ("unit", "application"))
    receipt = work.session.get(PaperReceipt, pk(dossier))
    if changed and receipt is not None:
        work.session.delete(receipt)
    for name, value in fields.items():
        setattr(dossier, name, value)
    dossier.status = "received"


def _filled(application: Application, reading: Any) -> dict[str, Any]:
    return {
        "unit": reading.data.unit,
        "credit_code": reading.data.credit_code,
        "category": reading.data.category,
        "sector": reading.sector,
        "province": application.province,
        "prefecture": application.prefecture,
        "rank": application.province_rank,
        "application": dict(reading.data.application),
        "indicators": dict(reading.indicators),
    }


def recommendations(session: Session, round_id: int, who: Authority | None = None) -> list[Any]:
    """Return the recommendations of a round, newest first: all, or those the authority may see."""
    query = select(Recommendation).where(Recommendation.round_id == round_id)
    if who is not None:
        query = query.where(Recommendation.province == who.province)
    if who is not None and who.level == "prefecture":
        query = query.where(
            Recommendation.level == "prefecture", Recommendation.prefecture == who.prefecture
        )
    return list(session.exec(query.order_by(col(Recommendation.id).desc())))
