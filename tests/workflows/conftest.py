"""A small office with a round of 48 experts and 12 dossiers, on either database."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from allocation import sources
from review_service.demonstration.world import BEACON, Clock, Entropy, lock_time
from review_service.keys import load_keys
from review_service.tables import Dossier, Expert, Round
from review_service.workflows import draws, locks, rounds
from review_service.workflows.base import SYSTEM, Actor, Office, Tools, Work, pk
from review_service.workflows.log import open_log

if TYPE_CHECKING:
    from pathlib import Path

    from review_service.storage import Store
    from review_service.tables import Draw

STAFF = Actor("staff", "staff-1")
APPROVER = Actor("approver", "approver-1")
INSPECTOR = Actor("inspector", "inspector-1")
SECRETS = {"ministry": b"\x01" * 32, "inspection": b"\x02" * 32}
WHO = {"ministry": STAFF, "inspection": INSPECTOR}
PANELS = [
    {"id": f"P{number}", "class": "metal", "seats": {"skills": 3, "finance": 2}}
    for number in (1, 2)
]


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Office:
    """An office whose clock stands an hour before a real beacon round."""
    keys = load_keys(tmp_path / "log.key", "review.test", entropy=b"\x03" * 32)
    office = Office(store, Tools(Clock(lock_time()), Entropy("tests"), keys))
    office.do(SYSTEM, open_log)
    return office


def fill(work: Work, round_id: int) -> None:
    """Put experts and dossiers in, without a file."""
    for number in range(48):
        work.session.add(
            Expert(
                number=f"X{number:03}", name=f"专家{number}", document=f"D{number:08}",
                employer=f"单位{number % 40}", credit_code=f"C{number % 40:017}",
                stratum="finance" if number % 3 == 0 else "skills",
                province=f"{11 + number % 8}", updated_at=work.now,
            )
        )  # fmt: skip
    for number in range(12):
        work.session.add(
            Dossier(
                round_id=round_id, number=f"S{number:02}", unit=f"申报单位{number}",
                credit_code=f"U{number:017}", category="school", sector="metal",
                province=f"{11 + number % 4}", rank=number // 4 + 1, status="admitted",
                indicators={"trained_per_year": 2500},
            )
        )  # fmt: skip


@pytest.fixture
def round_row(office: Office) -> Round:
    """An open round, ready to lock."""
    rules = {"panels": PANELS, "list": rounds.DEFAULT_RULES["list"] | {"total": 3}}
    row = office.do(STAFF, rounds.create_round, "2026", "测试轮次", "skills-base-2022", rules)
    office.do(STAFF, fill, pk(row))
    return office.do(STAFF, rounds.open_round, pk(row))


def commit_all(office: Office, round_row: Round, number: int = 1) -> None:
    """Let both parties commit for the next draw."""
    for party, secret in SECRETS.items():
        digest = sources.commitment(f"{round_row.code}/draw/{number}", party, secret).hex()
        office.do(WHO[party], draws.give_commitment, pk(round_row), party, digest)


def beacon_source() -> dict[str, object]:
    """The source record of the beacon round."""
    return {"kind": "drand", "chain": sources.CHAIN, "round": BEACON["round"]}


def reveal_all(office: Office, draw: Draw) -> None:
    """Reveal both secrets and, after its time, the beacon."""
    for index, (party, secret) in enumerate(sorted(SECRETS.items())):
        entry = {"kind": "commitment", "party": party, "secret": secret.hex()}
        office.do(WHO[party], draws.reveal_source, pk(draw), index, entry)
    office.do(STAFF, draws.reveal_source, pk(draw), 2, BEACON)


@pytest.fixture
def drawn(office: Office, round_row: Round) -> Draw:
    """A completed draw of the round."""
    commit_all(office, round_row)
    draw = office.do(STAFF, locks.lock_draw, pk(round_row), [beacon_source()])
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance(hours=2)
    reveal_all(office, draw)
    return office.do(STAFF, draws.complete_draw, pk(draw))


def digest_of(text: str) -> str:
    """A digest that belongs to nothing."""
    return sha256(text.encode()).hexdigest()


def newcomers(work: Work, count: int) -> None:
    """Add experts of finance who were in no draw before."""
    for number in range(count):
        work.session.add(
            Expert(
                number=f"N{number}", name=f"新专家{number}", document=f"N{number:08}",
                employer=f"新单位{number}", stratum="finance", province="44", updated_at=work.now,
            )
        )  # fmt: skip
