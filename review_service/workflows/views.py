"""Saved views: the filters of a list, kept by somebody under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlmodel import col, select

from review_service.tables import SavedView
from review_service.workflows.attachments import line
from review_service.workflows.base import NotFoundError, WorkflowError

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work

KINDS: Final = ("pool", "dossiers", "conflicts")
MOST = 30  # views of one person and list


def save_view(work: Work, kind: str, name: str, query: str) -> SavedView:
    """Keep a list's filters; a view of that name is replaced."""
    title = line(name, 40)
    if kind not in KINDS or len(query) > 500 or not title:
        raise WorkflowError("view-name")
    mine = views(work.session, work.actor.id, kind)
    row = next((one for one in mine if one.name == title), None)
    if row is None:
        if len(mine) >= MOST:
            raise WorkflowError("view-count", limit=MOST)
        row = SavedView(owner=work.actor.id, kind=kind, name=title, query=query, made_at=work.now)
    row.query, row.made_at = query, work.now
    work.session.add(row)
    work.session.flush()
    return row


def drop_view(work: Work, view_id: int) -> None:
    """Forget one of one's own views."""
    row = work.one(SavedView, view_id)
    if row.owner != work.actor.id:
        raise NotFoundError("not-found", kind="SavedView", key=str(view_id))
    work.session.delete(row)


def views(session: Session, owner: str, kind: str) -> list[SavedView]:
    """Return somebody's views of a list by name."""
    query = select(SavedView).where(SavedView.owner == owner, SavedView.kind == kind)
    return list(session.exec(query.order_by(col(SavedView.name))))
