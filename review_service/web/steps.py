"""The thirteen steps of a round, each with its page and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.tables import (
    Approval,
    Conflict,
    Dossier,
    Draw,
    Expert,
    LogEvent,
    Pledge,
    Review,
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
    count = counts_of(row)
    scored = row.status in {"closed", "published", "final"}
    dossiers, experts = count.of("dossier"), count.of("expert")
    suspected, completed = count.of("conflict", "suspected"), count.of("draw", "completed")
    awaiting, accepted = count.of("seat", "awaiting"), count.of("seat", "accepted")
    seats = awaiting + accepted
    begun = row.status != "draft"
    state = {
        "round": (begun, True),
        "applying": (begun and dossiers > 0, dossiers > 0),
        "recommending": (begun and dossiers > 0, dossiers > 0),
        "pool": (experts > 0 and begun, True),
        "conflicts": (completed > 0 or (suspected == 0 and count.of("conflict") > 0), dossiers > 0),
        "draw": (completed > 0, begun and experts > 0 and dossiers > 0),
        "contact": (seats > 0 and awaiting == 0, completed > 0),
        "pledge": (scored or count.of("pledge") >= accepted > 0, seats > 0),
        "scoring": (scored, row.status == "reviewing"),
        "progress": (scored, row.status == "reviewing"),
        "results": (count.of("approval", "approved") > 0, scored),
        "publicity": (row.status == "final", row.status == "published"),
        "inspection": (False, count.of("log") > 0),
    }  # fmt: skip
    return {
        key: "done" if done else "now" if going else "later" for key, (done, going) in state.items()
    }


@dataclass(frozen=True)
class Counts:
    """How many rows of each kind a round has, by their status."""

    rows: dict[tuple[str, str], int]

    def of(self, kind: str, status: str = "") -> int:
        """Return how many rows there are of a kind, of one status or of all.

        Kinds are dossier, conflict, draw, seat, review and approval, and without a status pledge,
        expert (the pool's, in use) and log (1 where the log speaks of the round).
        """
        if status:
            return self.rows.get((kind, status), 0)
        return sum(count for (name, _), count in self.rows.items() if name == kind)


def _counting() -> sa.CompoundSelect[Any]:
    """Return the statement of `counts_of`: one, for every page of a round asks."""
    round_id: sa.BindParameter[int] = sa.bindparam("round_id")

    def rows(kind: str, status: Any, source: Any, *where: Any) -> sa.Select[Any]:
        query = sa.select(sa.literal(kind), status, sa.func.count()).select_from(source)
        return query.where(*where)

    def by_status(kind: str, table: Any) -> sa.Select[Any]:
        of_round = table.round_id == round_id
        return rows(kind, table.status, table, of_round).group_by(table.status)

    none = sa.literal("")
    spoken = select(LogEvent.seq).where(LogEvent.subject == sa.bindparam("code")).limit(1)
    seated = sa.join(Seat.__table__, Draw.__table__, col(Draw.id) == col(Seat.draw_pk))  # type: ignore[attr-defined]  # SQLModel's class attribute
    return sa.union_all(
        by_status("dossier", Dossier),
        by_status("conflict", Conflict),
        by_status("draw", Draw),
        by_status("review", Review),
        by_status("approval", Approval),
        rows("seat", Seat.status, seated, col(Draw.round_id) == round_id).group_by(
            col(Seat.status)
        ),
        rows("pledge", none, Pledge, col(Pledge.round_id) == round_id),
        rows("expert", none, Expert, col(Expert.in_use)),
        rows("log", none, spoken.subquery()),
    )


_COUNTING = _counting()


def counts_of(row: Round) -> Counts:
    """Return a round's counts, asked for once a request."""
    kept: dict[str, Counts] = db().info.setdefault("counts", {})
    if row.code not in kept:
        found = db().execute(_COUNTING, {"round_id": row.id, "code": row.code})
        kept[row.code] = Counts({(kind, status): count for kind, status, count in found})
    return kept[row.code]


def install(app: Flask) -> None:
    """Let the layout show the steps."""

    @app.context_processor
    def _steps() -> dict[str, Any]:
        here = _HERE_ENDPOINT.get(request.endpoint or "", _HERE.get(request.blueprint or "", ""))
        return {"steps_of": steps_of, "here_step": here}
