"""Ways back: a unit withdraws its application; the ministry sends a dossier back to its province.

Both end when a draw is locked, since panels are then dealt what was admitted. A rank that stands
under no stamped report yet closes up; one that does stays as it was stamped, and stays taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from review_service.tables import Application, Dossier, Round
from review_service.workflows.applications import (
    check_deadline,
    due_level,
    round_takes_dossiers,
    take_step,
)
from review_service.workflows.attachments import line
from review_service.workflows.base import NotFoundError, WorkflowError, pk
from review_service.workflows.dossiers import withdraw_dossier
from review_service.workflows.log import append
from review_service.workflows.recommending import RANK

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work

_OPEN = ("prefecture", "province", "ministry")


def withdraw_application(
    work: Work, application_id: int, account_id: int, reason: str
) -> Application:
    """Withdraw a unit's submitted application, wherever it lies, until a draw is locked.

    WorkflowError "reason-needed", "application-not-submitted" (a form nobody has seen needs no
    withdrawal; one that was declined or withdrawn is out already), "draw-made", "round-status".
    """
    application, row = _own(work, application_id, account_id)
    round_takes_dossiers(work, row)
    why = line(reason, 500)
    if not why:
        raise WorkflowError("reason-needed")
    if application.stage not in _OPEN and not (application.stage == "unit" and application.sent_by):
        raise WorkflowError("application-not-submitted")
    _close_up(work, application)
    if application.dossier_id is not None:
        withdraw_dossier(work, application.dossier_id, reason=why)
    application.stage, application.sent_by, application.reason = "withdrawn", "unit", why
    take_step(work, row, application, "withdrawn", "unit", why)
    return application


def _close_up(work: Work, application: Application) -> None:
    """Let those ranked after it move up, at the level where it lies and nothing is stamped yet."""
    name = RANK.get(application.stage)
    rank = getattr(application, name) if name else None
    if name is None or rank is None:
        return
    query = select(Application).where(
        Application.round_id == application.round_id,
        Application.stage == application.stage,
        Application.province == application.province,
    )
    if application.stage == "prefecture":
        query = query.where(Application.prefecture == application.prefecture)
    for other in work.session.exec(query):
        behind = getattr(other, name)
        if behind is not None and behind > rank:
            setattr(other, name, behind - 1)
            work.session.add(other)
    setattr(application, name, None)


def resume_application(work: Work, application_id: int, account_id: int) -> Application:
    """Take a withdrawn application up again, before its deadline and unless it was a dossier.

    It lies with the unit as a draft and goes the whole way again.
    """
    application, row = _own(work, application_id, account_id)
    round_takes_dossiers(work, row)
    if not may_resume(application):
        raise WorkflowError("application-lies-with", level=application.stage)
    check_deadline(work, row, due_level(work.session, application, "unit"))
    application.stage = "unit"
    application.sent_by = application.reason = ""
    application.prefecture_rank = application.province_rank = None
    take_step(work, row, application, "reconsidered", "unit")
    return application


def may_resume(application: Application) -> bool:
    """Whether a unit may take its application up again; a dossier's number isn't given twice."""
    return application.stage == "withdrawn" and application.dossier_id is None


def _own(work: Work, application_id: int, account_id: int) -> tuple[Application, Round]:
    application = work.one(Application, application_id, lock=True)
    if application.account_id != account_id:
        raise NotFoundError("not-found", kind="Application", key=str(application_id))
    return application, work.one(Round, application.round_id)


def return_dossier(work: Work, dossier_id: int, reason: str) -> Dossier:
    """Send a dossier back to the province that recommended it, with a reason, before any lock.

    The province corrects what is its own or sends it further down, a level at a time; what comes
    up again keeps its number. Meanwhile the dossier is in no search and no draw. WorkflowError
    "dossier-brought-in" where it came by a file, since nobody could correct it then.
    """
    dossier = work.one(Dossier, dossier_id, lock=True)
    row = work.one(Round, dossier.round_id)
    round_takes_dossiers(work, row)
    why = line(reason, 500)
    if not why:
        raise WorkflowError("reason-needed")
    if dossier.status not in {"received", "admitted"}:
        raise WorkflowError("dossier-status", dossier=dossier.number, status=dossier.status)
    application = application_of(work.session, pk(dossier))
    if application is None:
        raise WorkflowError("dossier-brought-in", dossier=dossier.number)
    dossier.status = "returned"
    work.session.add(dossier)
    application.stage, application.sent_by, application.reason = "province", "ministry", why
    take_step(work, row, application, "returned", "province", why)
    body = {"round": row.code, "dossier": dossier.number}
    append(work, "dossier.returned", body, subject=row.code, private={"reason": why})
    return dossier


def application_of(session: Session, dossier_id: int) -> Application | None:
    """Return the application that became a dossier; None where the dossier was brought in."""
    return session.exec(select(Application).where(Application.dossier_id == dossier_id)).first()
