"""Two small rounds to try things in: one where experts score, one whose draw is still to come."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlmodel import col, select

from allocation.sources import commitment
from review_service.demonstration.samples import rater
from review_service.demonstration.walk import SAMPLES, WHO, Walk, spread
from review_service.demonstration.world import STAFF
from review_service.exchange.dossiers import read_dossiers
from review_service.tables import Draw, Expert, Seat
from review_service.workflows import dossiers, draws, invitations, locks, reviews, rounds, seats
from review_service.workflows.base import Actor, pk

if TYPE_CHECKING:
    from review_service.tables import Round

SCORING = ("2026-A", "评审练习（演示）")
TO_DRAW = ("2026-B", "抽取练习（演示）")
EACH = 8  # dossiers a panel


def practice_rounds(walk: Walk) -> Draw:
    """Make both rounds; return the draw of the one where experts score."""
    _open(walk, *TO_DRAW)
    row = _open(walk, *SCORING, sample=True)
    draw = _draw(walk, row)
    walk.office.do(STAFF, invitations.invite_all, pk(row), walk.address)
    for seat in _seats(walk, draw):
        actor = Actor("expert", seat.pseudonym)
        walk.office.do(actor, seats.accept_seat, pk(seat))
    walk.office.do(STAFF, reviews.start_reviewing, pk(row))
    last = _seats(walk, draw)[-1]
    walk.office.do(STAFF, invitations.replace, [pk(last)], "unreachable", "", walk.address)
    _begin_scoring(walk, row, draw)
    return draw


def _begin_scoring(walk: Walk, row: Round, draw: Draw) -> None:
    """Let all but the first expert, whom a visitor plays, score the sample, and some go on.

    The first one's panel shows its spread once the visitor has submitted the sample.
    """
    rate = rater(row)
    with walk.office.store.reading() as session:
        numbers = dict(session.exec(select(Expert.id, Expert.number)).all())
    sitting = [one for one in _seats(walk, draw) if one.status == "accepted"]
    for n, seat in enumerate(sitting[1:]):
        actor, expert = Actor("expert", seat.pseudonym), seat.expert_id
        walk.clock.advance(minutes=13)
        walk.office.do(actor, reviews.sign_pledge, pk(row), expert)
        with walk.office.store.reading() as session:
            mine = reviews.assigned(session, pk(row), expert)
        samples = [one for one in mine if one.status == "calibration"]
        others = [one for one in mine if one.status != "calibration"]
        for dossier in [*samples, *others[: n % 4]]:
            walk.clock.advance(minutes=9)
            walk.office.do(
                actor, reviews.enter_review, pk(row), expert, pk(dossier),
                levels=rate(numbers[expert], dossier.number), notes={}, version=0,
            )  # fmt: skip


def _open(walk: Walk, code: str, title: str, *, sample: bool = False) -> Round:
    """Open a round with two panels of five and a few dossiers of two sectors.

    `sample` adds a calibration dossier, which everybody scores first.
    """
    do = walk.office.do
    file = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx")
    rows = [one for one in file.rows if not one.calibration]
    sectors = sorted(name for name, _ in Counter(one.sector for one in rows).most_common(2))
    chosen = [one for name in sectors for one in [r for r in rows if r.sector == name][:EACH]]
    ranks: Counter[str] = Counter()
    units = []
    for one in chosen:
        ranks[one.province] += 1
        units.append(replace(one, rank=ranks[one.province]))
    if sample:
        units += [one for one in file.rows if one.calibration][:1]
    with walk.office.store.reading() as session:
        strata = Counter(session.exec(select(Expert.stratum).where(Expert.in_use)).all())
    five = spread(strata, 5)
    rules = {
        "panels": [
            {"id": f"P{number:02}", "class": name, "seats": dict(five)}
            for number, name in enumerate(sectors, start=1)
        ],
        "list": rounds.DEFAULT_RULES["list"] | {"total": 5},
    }
    row = do(STAFF, rounds.create_round, code, title, "skills-base-2022", rules)
    do(
        STAFF, dossiers.import_dossiers, pk(row), units,
        source="dossiers.xlsx", digest=file.digest,
    )  # fmt: skip
    row = do(STAFF, rounds.open_round, pk(row))
    do(STAFF, dossiers.admit_received, pk(row))
    walk.settle_conflicts(row)
    return row


def _draw(walk: Walk, row: Round) -> Draw:
    do, draw_id = walk.office.do, f"{row.code}/draw/1"
    secrets = {party: walk.office.tools.entropy(32) for party in sorted(WHO)}
    for party, secret in secrets.items():
        digest = commitment(draw_id, party, secret).hex()
        do(WHO[party], draws.give_commitment, pk(row), party, digest)
    draw = do(STAFF, locks.lock_draw, pk(row), [])
    for index, (party, secret) in enumerate(secrets.items()):
        entry = {"kind": "commitment", "party": party, "secret": secret.hex()}
        do(WHO[party], draws.reveal_source, pk(draw), index, entry)
    return do(STAFF, draws.complete_draw, pk(draw))


def _seats(walk: Walk, draw: Draw) -> list[Seat]:
    with walk.office.store.reading() as session:
        query = select(Seat).where(Seat.draw_pk == draw.id).order_by(col(Seat.id))
        return list(session.exec(query).all())
