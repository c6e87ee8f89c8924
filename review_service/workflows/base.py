"""What every use case gets: a session, who acts, the time, and entropy; and how it is run.

A use case is a function `verb_noun(work, …)`. `Office.do` runs it in one transaction: what it
changed and what it logged commit together, or neither does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import IntegrityError

from review_service.troubles import constraint

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlmodel import Session

    from review_service.keys import LogKeys
    from review_service.storage import Store

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row")


class WorkflowError(Exception):
    """A use case that refuses. `code` is stable; `facts` let the web layer write the sentence."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(f"{code} {facts}" if facts else code)
        self.code = code
        self.facts = facts


class NotFoundError(WorkflowError):
    """What was asked for isn't there, or isn't this actor's to see (the same answer for both)."""


class StaleError(WorkflowError):
    """Somebody else changed it since it was read; nothing was overwritten."""


def pk(row: Any) -> int:
    """Return the primary key of a stored row; rows have none before the first flush."""
    if row.id is None:
        raise ValueError(f"{type(row).__name__} is not stored yet")
    return int(row.id)


@dataclass(frozen=True)
class Actor:
    """Who acts: a role and a pseudonym, as the log shows them."""

    role: str
    id: str


SYSTEM = Actor("system", "system")


@dataclass(frozen=True)
class Tools:
    """The one clock, the one source of entropy and the log's keys of an application."""

    clock: Callable[[], datetime]
    entropy: Callable[[int], bytes]
    keys: LogKeys


@dataclass(frozen=True)
class Work:
    """One use case at work. `now` is the time at which it began, in UTC, whole seconds."""

    session: Session
    actor: Actor
    tools: Tools
    now: datetime

    def one(self, row: type[Row], key: Any, *, lock: bool = False) -> Row:
        """Return the row with primary key `key`, locked for update if asked; or NotFoundError."""
        found = self.session.get(row, key, with_for_update=lock or None)
        if found is None:
            raise NotFoundError("not-found", kind=row.__name__, key=str(key))
        return found


@dataclass(frozen=True)
class Office:
    """Runs use cases on a store with an application's tools."""

    store: Store
    tools: Tools

    def do(
        self,
        actor: Actor,
        use_case: Callable[Concatenate[Work, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `use_case` in one transaction; a constraint that fails becomes a WorkflowError.

        What the database passes over (a deadlock, a lock, a restart before the commit) is tried
        again from the start, so a use case acts through its session alone.
        """

        def once() -> T:
            with self.store.writing() as session:
                now = self.tools.clock().replace(microsecond=0)
                try:
                    result = use_case(Work(session, actor, self.tools, now), *args, **kwargs)
                    self.store.commit(session)
                except BaseException:
                    session.rollback()
                    raise
            return result

        try:
            return self.store.persist(once)
        except IntegrityError as error:
            raise WorkflowError("constraint", detail=constraint(error)) from error
