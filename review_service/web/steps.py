"""The thirteen steps of a round, each with its page and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request
from flask_babel import gettext as _
from sqlmodel import col, func, select

from review_service.tables import (
    Approval,
    Conflict,
    Dossier,
    Draw,
    Expert,
    LogEvent,
    Pledge,
    Round,
    Seat,
)
from review_service.web.access import url_if
from review_service.web.page import db

if TYPE_CHECKING:
    from flask import Flask

# The step that is marked as the present one, by the blueprint of the page.
_HERE = {
    "home": "round", "rounds": "round", "dossiers": "applying", "pool": "pool",
    "conflicts": "conflicts",
    "draws": "draw", "shows": "draw", "seats": "contact", "progress": "progress",
    "results": "results", "log": "inspection", "intake": "applying", "requests": "conflicts",
    "imports": "pool", "inspection": "inspection",
}  # fmt: skip
_HERE_ENDPOINT = dict.fromkeys(
    ("results.published", "results.publicity_page", "results.papers"), "publicity"
)


@dataclass(frozen=True)
class Step:
    """A step with its number (1 to 13), state (done, now, later) and page."""

    number: int
    key: str
    title: str
    state: str
    url: str


def steps_of(row: Round) -> list[Step]:
    """Return the steps of a round with their states."""
    here = {"code": row.code}
    titles = [
        ("round", _("Round"), url_if("home.overview", **here)),
        ("applying", _("Applying"), url_if("dossiers.index", **here)),
        ("recommending", _("Recommending"), url_if("dossiers.provinces", **here)),
        ("pool", _("Pool"), url_if("pool.index", **here)),
        ("conflicts", _("Conflicts"), url_if("conflicts.index", **here)),
        ("draw", _("Draw"), url_if("draws.room", **here)),
        ("contact", _("Contact"), url_if("seats.index", **here)),
        ("pledge", _("Pledge"), url_if("progress.index", **here) + "#pledges"),
        ("scoring", _("Scoring"), url_if("progress.index", **here)),
        ("progress", _("Progress"), url_if("progress.index", **here) + "#experts"),
        ("results", _("Results"), url_if("results.index", **here)),
        ("publicity", _("Publicity"), url_if("results.publicity_page", **here)),
        ("inspection", _("Inspection"), url_if("inspection.index") or url_if("log.index")),
    ]
    states = _states(row)
    return [
        Step(number, key, title, states[key], url)
        for number, (key, title, url) in enumerate(titles, 1)
    ]


def _states(row: Round) -> dict[str, str]:
    count = Counts(row)
    scored = row.status in {"closed", "published", "final"}
    dossiers, experts = count.of(Dossier), count.experts()
    suspected, completed = (
        count.of(Conflict, status="suspected"),
        count.of(Draw, status="completed"),
    )
    seats, awaiting = count.seats(), count.seats("awaiting")
    approved = count.of(Approval, status="approved")
    begun = row.status != "draft"
    state = {
        "round": (begun, True),
        "applying": (begun and dossiers > 0, dossiers > 0),
        "recommending": (begun and dossiers > 0, dossiers > 0),
        "pool": (experts > 0 and begun, True),
        "conflicts": (completed > 0 or (suspected == 0 and count.of(Conflict) > 0), dossiers > 0),
        "draw": (completed > 0, begun and experts > 0 and dossiers > 0),
        "contact": (seats > 0 and awaiting == 0, completed > 0),
        "pledge": (scored or count.pledges() >= count.seats("accepted") > 0, seats > 0),
        "scoring": (scored, row.status == "reviewing"),
        "progress": (scored, row.status == "reviewing"),
        "results": (approved > 0, scored),
        "publicity": (row.status == "final", row.status == "published"),
        "inspection": (False, count.any_log()),
    }  # fmt: skip
    return {
        key: "done" if done else "now" if going else "later" for key, (done, going) in state.items()
    }


class Counts:
    """Counts of a round's rows."""

    def __init__(self, row: Round) -> None:
        self._round = row

    def of(self, table: Any, **equal: Any) -> int:
        """Return how many rows of the round a table has, with columns equal to values."""
        query = select(func.count()).select_from(table).where(table.round_id == self._round.id)
        for name, value in equal.items():
            query = query.where(getattr(table, name) == value)
        return int(db().exec(query).one())

    def experts(self) -> int:
        """Return how many experts of the pool are in use."""
        return int(db().exec(select(func.count()).select_from(Expert).where(Expert.in_use)).one())

    def seats(self, status: str = "") -> int:
        """Return how many seats are of a status; without one, all that aren't vacated."""
        query = (
            select(func.count())
            .select_from(Seat)
            .join(Draw, col(Draw.id) == col(Seat.draw_pk))
            .where(Draw.round_id == self._round.id)
        )
        wanted = Seat.status == status if status else Seat.status != "vacated"
        return int(db().exec(query.where(wanted)).one())

    def pledges(self) -> int:
        """Return how many experts signed the pledge."""
        return self.of(Pledge)

    def any_log(self) -> bool:
        """Return whether the log speaks of the round."""
        query = select(LogEvent.seq).where(LogEvent.subject == self._round.code).limit(1)
        return db().exec(query).first() is not None


def install(app: Flask) -> None:
    """Let the layout show the steps."""

    @app.context_processor
    def _steps() -> dict[str, Any]:
        here = _HERE_ENDPOINT.get(request.endpoint or "", _HERE.get(request.blueprint or "", ""))
        return {"steps_of": steps_of, "here_step": here}
