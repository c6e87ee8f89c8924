"""An office with a small round: people, a log with a checkpoint, every kind of column filled."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from review_service.crypto import ColumnKeys, write_keys
from review_service.demonstration.world import Clock, Entropy, lock_time
from review_service.keys import load_keys
from review_service.settings import Settings
from review_service.storage import Store
from review_service.tables import Account, Dossier, Expert, Review, Round
from review_service.workflows import log, rounds
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, Actor, Office, Tools, Work, pk
from tests.workflows.conftest import PANELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEYS = ColumnKeys((b"o" * 64,))  # an operator puts them beside a plain backup first
RULES = {"panels": PANELS}
STAFF = Actor("staff", "staff-1")
# For tests of what doesn't depend on the database, or exists on one alone.
ON_SQLITE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("store", ["postgresql"], indirect=True)
TO_SQLITE = pytest.mark.parametrize("other_store", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Place:
    """An installation: its settings and its office."""

    settings: Settings
    office: Office


def _fill(work: Work, round_id: int) -> None:
    for number in range(12):
        expert = Expert(
            number=f"X{number:03}", name=f"专家{number}", document=f"D{number:08}", employer="单位",
            stratum="skills", province=f"{11 + number}", born=1970, updated_at=work.now,
        )  # fmt: skip
        dossier = Dossier(
            round_id=round_id, number=f"S{number:02}", unit=f"申报单位{number}",
            credit_code=f"U{number:017}", category="school", sector="metal",
            province=f"{11 + number}", rank=1, status="admitted",
            indicators={"trained_per_year": 2500, "比例": 0.1, "none": None},
        )  # fmt: skip
        work.session.add_all([expert, dossier])
        work.session.flush()
        work.session.add(
            Review(
                round_id=round_id, dossier_id=pk(dossier), expert_id=pk(expert), version=1,
                levels={"1.1": 3}, notes={"1.1": "好，“甲”\u2028行"}, saved_at=work.now,
            )
        )  # fmt: skip


def put_in(office: Office) -> Round:
    """Fill an empty office, leaving a signed checkpoint, events after it, and sealed matter."""
    office.do(SYSTEM, log.open_log)
    row = office.do(STAFF, rounds.create_round, "2026", "测试轮次", "skills-base-2022", RULES)
    office.do(STAFF, _fill, pk(row))
    account = office.do(
        SYSTEM, create_account, code="staff-1", email="staff-1@ministry.example", name="王处长",
        role="staff", password_hash="x",
    )  # fmt: skip
    office.do(SYSTEM, _codes, pk(account))
    office.do(SYSTEM, log.sign_checkpoint)
    office.do(STAFF, log.append, "note.kept", {"round": "2026"}, private={"note": "密"})
    return office.do(STAFF, rounds.open_round, pk(row))


def _codes(work: Work, account_id: int) -> None:
    work.one(Account, account_id).mf_recovery_codes = ["a1", "b2"]


@pytest.fixture
def place(store: Store, tmp_path: Path) -> Place:
    """A filled installation on either database."""
    settings = replace(
        Settings(), data=tmp_path / "instance", database=store.url.render_as_string(False)
    )
    keys = load_keys(settings.key_file, "review.test", entropy=b"\x03" * 32)
    settings.secret("session")
    write_keys(settings.column_key_file, KEYS)
    store.use_keys(KEYS)
    office = Office(store, Tools(Clock(lock_time()), Entropy("tests"), keys))
    put_in(office)
    return Place(settings, office)


@pytest.fixture
def empty_postgres(postgres: str) -> Iterator[Callable[[], str]]:
    """Make empty PostgreSQL databases; they are dropped afterwards."""
    made: list[str] = []
    admin = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")

    def make() -> str:
        name = f"review_empty_{os.getpid()}_{len(made)}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        made.append(name)
        return sa.make_url(postgres).set(database=name).render_as_string(hide_password=False)

    yield make
    with admin.connect() as connection:
        for name in made:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def other_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store without any table, on either database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'other' / 'review.db'}"
    else:
        url = request.getfixturevalue("empty_postgres")()
    store = Store(url, keys=KEYS)
    yield store
    store.close()
