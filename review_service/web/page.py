"""What views share: the office, a reading session, a round by its code, and doing with a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import abort, current_app, flash, g, request
from flask_babel import gettext as _
from flask_login import current_user
from sqlmodel import col, select

from allocation.errors import AllocationError
from review_service.jobs.queue import unattended
from review_service.tables import Account, Dossier, Draw, Round
from review_service.web.access import actor, role
from review_service.web.errors import sentence
from review_service.web.languages import BEIJING, table_time
from review_service.workflows.base import NotFoundError, WorkflowError
from review_service.workflows.draws import IN_SHORT
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Concatenate, ParamSpec, TypeVar

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


def attempt(
    done: str, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
) -> T | None:
    """Run a use case and tell on the next page how it went: `done`, or the refusal's sentence.

    Returns None where it was refused. What isn't there stays a 404.
    """
    try:
        result = do(use_case, *args, **kwargs)
    except NotFoundError:
        raise
    except (WorkflowError, AllocationError, ScoringError) as error:
        flash(sentence(error), "error")
        return None
    flash(done, "success")
    return result


def db() -> Session:
    """Return this request's reading session; it sees what was committed before."""
    if "db" not in g:
        g.db = office().store.reading()
    return cast("Session", g.db)


def round_or_404(code: str) -> Round:
    """Return the round with this code."""
    row = db().exec(select(Round).where(Round.code == code)).first()
    return row if row is not None else abort(404)


def draw_or_404(row: Round, number: int) -> Draw:
    """Return a round's draw by its number; its long texts are fetched where they're asked for."""
    query = select(Draw).where(Draw.round_id == row.id, Draw.number == number)
    return db().exec(query.options(*IN_SHORT)).first() or abort(404)


def dossier_or_404(row: Round, number: str) -> Dossier:
    """Return a round's dossier by its number."""
    query = select(Dossier).where(Dossier.round_id == row.id, Dossier.number == number)
    return db().exec(query).first() or abort(404)


def names_open(row: Round) -> bool:
    """Whether who is signed in may see the names behind this round's pseudonyms."""
    return role() == "inspector" or (
        row.unsealed_at is not None and role() in {"staff", "approver"}
    )


def stratum_name(row: Round, code: str) -> str:
    """Return the name of a stratum; in a record it stands by a code, S0 for no seat's stratum."""
    known: dict[str, str] = row.rules.get("strata", {})
    return known.get(code, _("other strata") if code == "S0" else code)


def here() -> str:
    """Return the address of this page, to come back to."""
    return request.full_path.rstrip("?") if request.method == "GET" else request.path


def person(code: str) -> str:
    """Return an account's name and code; a code that is none, or an expert's, as it is."""
    known: dict[str, str | None] = g.setdefault("people", {})
    if code not in known:
        query = select(Account.name).where(Account.code == code, col(Account.expert_id).is_(None))
        known[code] = db().exec(query).first()
    name = known[code]
    return str(_("%(name)s (%(code)s)", name=name, code=code)) if name else code


def saved_time(moment: datetime) -> str:
    """Return when something was saved, in Beijing's time: today the hour alone, 14:05."""
    at, now = (one.astimezone(BEIJING) for one in (moment, office().tools.clock()))
    return f"{at:%H:%M}" if at.date() == now.date() else table_time(moment)


def like(text: str) -> str:
    """Return the pattern for “holds this text” in a LIKE whose escape is the backslash."""
    return "%" + text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


def safe_next() -> str:
    """Return the page a form asks to come back to: a path of this site, or the front page."""
    target = request.form.get("next", "/")
    # Browsers drop tabs and line ends from an address: with them “/<tab>/host” is another site.
    ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if ours and target.isprintable() else "/"


def install(app: Flask) -> None:
    """Close the reading session at the end of a request."""
    app.jinja_env.globals.update(
        here=here, names_open=names_open, stratum_name=stratum_name, current_user=current_user
    )
    app.jinja_env.tests["unattended"] = lambda job: unattended(db(), job, office().tools.clock())
    app.jinja_env.filters.update(
        combined=lambda one, other: {**one, **other}, saved_time=saved_time, person=person
    )

    @app.teardown_appcontext
    def _close(_error: Any) -> None:
        session = g.pop("db", None)
        if session is not None:
            session.close()
