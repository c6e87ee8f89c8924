"""A round at the scene of scoring with every role signed in, for tests of access."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import delete, select

from review_service.tables import (
    Account,
    Checkpoint,
    Conflict,
    Draw,
    Invitation,
    Seat,
    SignInAttempt,
)
from review_service.workflows import invitations, reviews, rounds
from review_service.workflows.accounts import PLACES, ROLES, create_account
from review_service.workflows.base import SYSTEM, pk
from tests.security.matrix import OTHER, STRANGER
from tests.web.conftest import sign_in
from tests.web.stage import STAFF, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from review_service.storage import Store

PEOPLE = {"expert": "expert1"}


@dataclass
class House:
    """The stage, its clients by role, and what the matrix's @names stand for."""

    stage: Stage
    clients: dict[str, FlaskClient]
    names: dict[str, Any]

    def forget_attempts(self) -> None:
        """Let tries to sign in not count: many routes are asked from one address."""
        with self.stage.office.store.writing() as session:
            session.execute(delete(SignInAttempt))
            session.commit()

    def fill(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with their @names replaced."""
        return {
            key: self.names[one[1:]] if isinstance(one, str) and one.startswith("@") else one
            for key, one in values.items()
        }


def settle(folder: Any, database: str = "") -> House:
    """Return a house in which experts score; seats, links and dossiers of others are at hand."""
    stage = Stage(folder, database=database).play("drawn")
    stage.office.do(STAFF, rounds.create_round, OTHER, "另一轮", "skills-base-2022", _rules(stage))
    tokens: list[str] = []
    waiting = sorted(stage.rows(Seat, Seat.status == "awaiting"), key=pk)

    def keep(token: str) -> str:
        tokens.append(token)
        return f"https://review.example/invitation/{token}"

    for seat in waiting[2:4]:
        stage.office.do(STAFF, invitations.invite, [pk(seat)], keep)
    stage.office.do(SYSTEM, invitations.accept, tokens[0], [pk(waiting[2])])
    stage.play("reviewing")
    open_again(stage, waiting[3], tokens[1])
    for role in [
        one for one in PLACES if not stage.rows(Account, Account.email == f"{one}@test.example")
    ]:
        stage.office.do(
            SYSTEM, create_account, code=f"{role}-1", email=f"{role}@test.example",
            name=f"测试{role}", role=role, password_hash=stage._secret, province="江苏",
            prefecture="南京" if role != "province" else "",
        )  # fmt: skip
    for code in ("expert-1", "expert-2"):
        stage.pledge(code)
    stage.app.config["WTF_CSRF_ENABLED"] = False
    clients = {role: sign_in(stage, PEOPLE.get(role, role)) for role in ROLES}
    clients[STRANGER] = sign_in(stage, "")
    return House(stage, clients, _names(stage, tokens))


def open_again(stage: Stage, seat: Seat, token: str) -> None:
    """Let a link that its seat's acceptance left behind be open, as one of a later seat would."""
    with stage.office.store.writing() as session:
        row = session.get_one(Seat, seat.id)
        row.status = "awaiting"
        session.add(row)
        digest = invitations._digest(token)
        for link in session.exec(select(Invitation).where(Invitation.token == digest)):
            link.closed_at = None
            session.add(link)
        session.commit()


def _rules(stage: Stage) -> dict[str, Any]:
    with stage.office.store.reading() as session:
        return dict(session.get_one(rounds.Round, stage.round_id).rules)


def _names(stage: Stage, tokens: list[str]) -> dict[str, Any]:
    expert = stage.rows(Account, Account.code == "expert-1")[0].expert_id
    with stage.office.store.reading() as session:
        mine = [one.number for one in reviews.assigned(session, stage.round_id, expert)]
    draw: Draw = stage.draw()
    held = stage.rows(Seat, Seat.draw_pk == draw.id)
    numbers = [f"D{n:02}" for n in range(1, 13)]
    return {
        "own": mine[0],
        "foreign": next(one for one in numbers if one not in mine),
        "mine": next(pk(one) for one in held if one.expert_id == expert),
        "seat": next(pk(one) for one in held if one.expert_id != expert and one.reason == ""),
        "conflict": pk(stage.rows(Conflict)[0]),
        "checkpoint": stage.rows(Checkpoint)[0].size,
        "account": stage.rows(Account, Account.code == "expert-2")[0].id,
        "used": tokens[0],
        "open": tokens[1],
    }


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that tests only look at."""
    made = settle(tmp_path_factory.mktemp("house"))
    yield made
    made.stage.close()


@pytest.fixture
def own_house(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of one test, to be changed, on each of the two databases."""
    url = store.url.render_as_string(hide_password=False)
    made = settle(tmp_path_factory.mktemp("house"), url)
    yield made
    made.stage.close()


@pytest.fixture
def stage(tmp_path: Any) -> Iterator[Stage]:
    """A stage with accounts, forms without tokens."""
    made = Stage(tmp_path).play("empty")
    made.app.config["WTF_CSRF_ENABLED"] = False
    yield made
    made.close()
