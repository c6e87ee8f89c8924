"""The quick way of an autosave: what is plainly in order takes one look and one write.

Hundreds of experts send their form every few seconds, so this is where the service spends its
time. Nothing is refused here: whatever isn't plainly in order (a newer version, a closed round, a
sample to score first) is left to `reviews.save_review`, which says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from review_service.storage import TRANSACTION, TRANSACTION_NUMBER
from review_service.tables import Conflict, Dossier, Draw, Pledge, Review, Round, Seat
from review_service.workflows.rounds import rubric_of
from review_service.workflows.seats import DEALING, dealt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from review_service.workflows.base import Work
    from scoring.rubric import Rubric

_KEPT = 256  # rubrics and panels' dossiers that a process remembers


@dataclass(frozen=True)
class Saved:
    """What was stored: the new version, when, and the rubric that its levels were checked by."""

    version: int
    at: datetime
    rubric: Rubric


def _tables(*rows: Any) -> list[sa.Table]:
    return [row.__table__ for row in rows]


# Statements of tables, not of mapped classes, each made once: at this rate making them anew and
# making objects of their rows would be most of the work.
_round, _dossier, _pledge, _review, _seat, _draw, _conflict = (
    one.c for one in _tables(Round, Dossier, Pledge, Review, Seat, Draw, Conflict)
)
_mine: sa.BindParameter[int] = sa.bindparam("expert")
_read: sa.BindParameter[int] = sa.bindparam("read")
_closed = (
    sa.select(_conflict.dossier_id)
    .where(_conflict.expert_id == _mine, _conflict.status == "confirmed")
    .where(_conflict.round_id == _round.id)
)
_sample = Dossier.__table__.alias("sample")  # type: ignore[attr-defined]  # SQLModel's class attribute
_done = Review.__table__.alias("done")  # type: ignore[attr-defined]  # as above
_open_samples = (
    sa.select(sa.literal(1))
    .where(_sample.c.round_id == _round.id, _sample.c.status == "calibration")
    .where(_sample.c.id.not_in(_closed.correlate(Round.__table__)))  # type: ignore[attr-defined]  # as above
    .where(
        ~sa.exists().where(
            _done.c.dossier_id == _sample.c.id,
            _done.c.expert_id == _mine,
            _done.c.status == "submitted",
        )
    )
)
_is_sample = _dossier.status == "calibration"
_LOOK = (
    sa.select(
        _review.id, _dossier.id.label("row"), _is_sample.label("is_sample"),
        _closed.correlate(Round.__table__).exists().label("barred"),  # type: ignore[attr-defined]  # as above
        _round.id.label("round"), _round.rubric_digest,
        _seat.panel, _seat.dossier, _draw.id.label("draw"), _draw.digest, _draw.settled_at,
    )
    .select_from(
        Round.__table__  # type: ignore[attr-defined]  # as above
        .join(Dossier.__table__, _dossier.round_id == _round.id)  # type: ignore[attr-defined]  # as above
        .join(Pledge.__table__, (_pledge.round_id == _round.id) & (_pledge.expert_id == _mine))  # type: ignore[attr-defined]  # as above
        .outerjoin(
            Review.__table__,  # type: ignore[attr-defined]  # as above
            (_review.dossier_id == _dossier.id) & (_review.expert_id == _mine),
        )
        .join(Seat.__table__, (_seat.expert_id == _mine) & (_seat.status == "accepted"))  # type: ignore[attr-defined]  # as above
        .join(Draw.__table__, (_draw.id == _seat.draw_pk) & (_draw.round_id == _round.id))  # type: ignore[attr-defined]  # as above
    )
    .where(
        _round.code == sa.bindparam("code"),
        _round.status == "reviewing",
        _dossier.number == sa.bindparam("number"),
        sa.case(
            (_review.id.is_(None), _read == 0),
            else_=(_review.status == "draft") & (_review.version == _read),
        ),
        _draw.settled_at.is_not(None),
        _dossier.id.not_in(_closed.correlate(Round.__table__)),  # type: ignore[attr-defined]  # as above
        _is_sample
        | ~_open_samples.correlate(Round.__table__).exists()  # type: ignore[attr-defined]  # as above
        | Round.rules["calibration_first"].as_boolean().is_(False),
    )
)  # fmt: skip
_WRITE = (
    sa.update(Review.__table__)  # type: ignore[attr-defined]  # as above
    .where(
        _review.id == sa.bindparam("review"),
        _review.version == _read,
        _review.status == "draft",
    )
    .values(
        version=sa.bindparam("next"),
        levels=sa.bindparam("given"),
        notes=sa.bindparam("noted"),
        saved_at=sa.bindparam("now"),
    )
)
# The first save of a dossier; where another window was first, nothing is put in.
_FIRST = {
    "round_id": sa.bindparam("round"), "dossier_id": sa.bindparam("row"), "expert_id": _mine,
    "status": "draft", "version": 1, "levels": sa.bindparam("given"),
    "notes": sa.bindparam("noted"), "saved_at": sa.bindparam("now"),
}  # fmt: skip
_PUT = sqlite.insert(Review).values(_FIRST).on_conflict_do_nothing()
_PUT_NUMBERED = (
    postgresql.insert(Review).values(_FIRST).on_conflict_do_nothing().returning(TRANSACTION)
)
_WRITE_NUMBERED = _WRITE.returning(TRANSACTION)
_CLOSED_NUMBERS = (
    sa.select(_dossier.number)
    .join(Conflict.__table__, _conflict.dossier_id == _dossier.id)  # type: ignore[attr-defined]  # as above
    .where(_conflict.expert_id == _mine, _conflict.status == "confirmed")
    .where(_conflict.round_id == sa.bindparam("round"))
)

_rubrics: dict[str, Rubric] = {}
_dealings: dict[Any, dict[str, tuple[str, ...]]] = {}


def autosave(
    work: Work,
    code: str,
    number: str,
    expert_id: int,
    *,
    levels: Mapping[str, int | None],
    notes: Mapping[str, str],
    version: int,
) -> Saved | None:
    """Keep a draft where everything is plainly in order; None, and nothing done, where it isn't.

    `code` and `number` are the round's and the dossier's; the rest as for `save_review`. The write
    itself asks once more for the version that was read: two windows never both succeed.
    """
    connection = work.session.connection()
    asked = {"code": code, "number": number, "expert": expert_id, "read": version}
    rows = connection.execute(_LOOK, asked).all()
    row = _seat_for(connection, rows, number, expert_id)
    if row is None:
        return None
    rubric = _rubric(work, row)
    if not _fits(rubric, levels, notes):
        return None
    sent = {
        "given": {name: level for name, level in levels.items() if level is not None},
        "noted": {name: text.strip() for name, text in notes.items() if text.strip()},
        "now": work.now,
    }
    if row.id is None:
        sent |= {"round": row.round, "row": row.row, "expert": expert_id}
        done = _write(work, _PUT, _PUT_NUMBERED, sent)
    else:
        sent |= {"review": row.id, "read": version, "next": version + 1}
        done = _write(work, _WRITE, _WRITE_NUMBERED, sent)
    return Saved(version + 1, work.now, rubric) if done else None


def _write(work: Work, plain: Any, numbered: Any, sent: dict[str, Any]) -> bool:
    """Whether the draft was still the one that was read, or still none, and is now stored."""
    connection = work.session.connection()
    if connection.dialect.name != "postgresql":
        return connection.execute(plain, sent).rowcount == 1
    number = connection.execute(numbered, sent).scalar()
    if number is not None:
        work.session.info[TRANSACTION_NUMBER] = number  # saves the commit a question
    return number is not None


def _seat_for(
    connection: Connection, rows: Sequence[sa.Row[Any]], number: str, expert_id: int
) -> sa.Row[Any] | None:
    """Return a look's row whose seat gives the dossier to the expert.

    A sample belongs to everybody who has another dossier to score that no conflict closes.
    """
    closed: set[str] = set()
    if rows and rows[0].is_sample and rows[0].barred:
        asked = {"expert": expert_id, "round": rows[0].round}
        closed = set(connection.execute(_CLOSED_NUMBERS, asked).scalars())
    for one in rows:
        held = _dossiers(connection, one)
        if number in held or (one.is_sample and set(held) - closed):
            return one
    return None


def _dossiers(connection: Connection, row: sa.Row[Any]) -> tuple[str, ...]:
    """Return the numbers of the dossiers of a seat; a settled draw's never change."""
    if row.dossier:
        return (row.dossier,)
    key = (connection.engine.url, row.draw, row.digest, row.settled_at)
    if key not in _dealings:
        query = select(DEALING).where(col(Draw.id) == row.draw)
        _remember(_dealings, key, dealt(connection.execute(query).scalar_one() or "{}"))
    return _dealings[key].get(row.panel, ())


def _rubric(work: Work, row: sa.Row[Any]) -> Rubric:
    """Return the rubric that the round froze; its digest says which, in any round."""
    if row.rubric_digest not in _rubrics:
        _remember(_rubrics, row.rubric_digest, rubric_of(work.one(Round, row.round)))
    return _rubrics[row.rubric_digest]


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memory) >= _KEPT:
        memory.clear()
    memory[key] = value


def _fits(rubric: Rubric, levels: Mapping[str, int | None], notes: Mapping[str, str]) -> bool:
    """Whether only criteria of the rubric have levels of its scale, and notes."""
    known, scale = rubric.criteria, rubric.scale.levels()
    return all(
        name in known and (level is None or level in scale) for name, level in levels.items()
    ) and all(name in known for name in notes)
