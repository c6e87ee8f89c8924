"""What views share: the office, a reading session, and a round by its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import abort, current_app, g
from sqlmodel import select

from review_service.tables import Round
from review_service.web.access import actor

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Concatenate, ParamSpec, TypeVar

    from flask import Flask
    from sqlmodel import Session

    from review_service.workflows.base import Office, Work

    P = ParamSpec("P")
    T = TypeVar("T")


def office() -> Office:
    """Return the application's office."""
    return cast("Office", current_app.extensions["office"])


def do(use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a use case as who is signed in."""
    return office().do(actor(), use_case, *args, **kwargs)


def db() -> Session:
    """Return this request's reading session; it sees what was committed before."""
    if "db" not in g:
        g.db = office().store.reading()
    return cast("Session", g.db)


def round_or_404(code: str) -> Round:
    """Return the round with this code."""
    row = db().exec(select(Round).where(Round.code == code)).first()
    return row if row is not None else abort(404)


def install(app: Flask) -> None:
    """Close the reading session at the end of a request."""

    @app.teardown_appcontext
    def _close(_error: Any) -> None:
        session = g.pop("db", None)
        if session is not None:
            session.close()
