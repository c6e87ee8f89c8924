"""Calibration: samples that all score first, and how far apart a panel's scores lie, afterwards.

Until everybody who sits on a panel has submitted all its samples, nobody sees anything of the
others' scores; then each sees the own score beside the others', which bear no names.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.tables import Conflict, Dossier, Draw, Review, Round, Seat
from review_service.workflows.base import pk
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from sqlmodel import Session

# Fewer people than this on a panel, and the other one's score would bear a name.
LEAST = 3


@dataclass(frozen=True)
class Sample:
    """A sample's scores on a panel, sorted upwards, without names.

    `totals` are the weighted totals as fractions of a hundred; `levels` criterion → levels.
    `my_total` and `mine` are those of who looks, None and empty for staff.
    """

    dossier: Dossier
    totals: tuple[float, ...]
    levels: dict[str, tuple[int, ...]]
    my_total: float | None
    mine: dict[str, int]


@dataclass(frozen=True)
class PanelSpread:
    """How far a panel is: who has submitted all samples, and once all have, the scores."""

    panel: str
    members: int
    finished: int
    samples: tuple[Sample, ...]

    @property
    def shown(self) -> bool:
        """Whether the scores may be seen."""
        return self.members >= LEAST and self.finished == self.members


def first(row: Round) -> bool:
    """Whether the round's samples must be submitted before other dossiers open."""
    return bool(row.rules.get("calibration_first", True))


def open_samples(session: Session, round_id: int, expert_id: int) -> list[Dossier]:
    """Return the samples that an expert has still to submit, by number."""
    closed = select(Conflict.dossier_id).where(
        Conflict.round_id == round_id,
        Conflict.expert_id == expert_id,
        Conflict.status == "confirmed",
    )
    submitted = select(Review.dossier_id).where(
        Review.round_id == round_id, Review.expert_id == expert_id, Review.status == "submitted"
    )
    query = select(Dossier).where(
        Dossier.round_id == round_id,
        Dossier.status == "calibration",
        col(Dossier.id).not_in(closed),
        col(Dossier.id).not_in(submitted),
    )
    return list(session.exec(query.order_by(col(Dossier.number))))


def holds_back(session: Session, row: Round, expert_id: int) -> bool:
    """Whether an expert's other dossiers are still closed because of samples."""
    return first(row) and bool(open_samples(session, pk(row), expert_id))


def samples_of(session: Session, round_id: int) -> list[Dossier]:
    """Return the round's calibration dossiers by number."""
    query = select(Dossier).where(Dossier.round_id == round_id, Dossier.status == "calibration")
    return list(session.exec(query.order_by(col(Dossier.number))))


def spreads(session: Session, row: Round, expert_id: int | None = None) -> list[PanelSpread]:
    """Return how far each panel is, by panel; with `expert_id` only those the expert sits on."""
    samples = samples_of(session, pk(row))
    if not samples:
        return []
    members: dict[str, set[int]] = defaultdict(set)
    seats = session.exec(
        select(Seat.panel, Seat.expert_id)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == row.id, Seat.status == "accepted")
    )
    for panel, expert in seats:
        members[panel].add(expert)
    return [
        _spread(session, row, panel, members[panel], samples, expert_id)
        for panel in sorted(members)
        if expert_id is None or expert_id in members[panel]
    ]


def shown_to(session: Session, row: Round, expert_id: int) -> bool:
    """Whether an expert may have seen others' scores of the samples."""
    return any(one.shown for one in spreads(session, row, expert_id))


def _spread(
    session: Session,
    row: Round,
    panel: str,
    members: set[int],
    samples: list[Dossier],
    expert_id: int | None,
) -> PanelSpread:
    finished = sum(not open_samples(session, pk(row), one) for one in members)
    if finished < len(members) or len(members) < LEAST:
        return PanelSpread(panel, len(members), finished, ())
    found = [_sample(session, row, one, members, expert_id) for one in samples]
    return PanelSpread(panel, len(members), finished, tuple(found))


def _sample(
    session: Session, row: Round, dossier: Dossier, members: set[int], expert_id: int | None
) -> Sample:
    rubric = rubric_of(row)
    query = select(Review).where(
        Review.dossier_id == dossier.id,
        Review.status == "submitted",
        col(Review.expert_id).in_(members),
    )
    reviews = session.exec(query).all()
    totals = {one.expert_id: float(rubric.total(one.levels).total or 0) for one in reviews}
    own = next((one for one in reviews if one.expert_id == expert_id), None)
    levels = {
        name: tuple(sorted(one.levels[name] for one in reviews if name in one.levels))
        for name in rubric.criteria
    }
    return Sample(
        dossier,
        tuple(sorted(totals.values())),
        levels,
        totals[own.expert_id] if own else None,
        dict(own.levels) if own else {},
    )
