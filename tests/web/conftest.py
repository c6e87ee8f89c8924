"""Stages of a small round for the tests of the pages, and clients that are signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from review_service.tables import Account
from tests.web.stage import SCENES, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """`stages(scene)`: a stage at a scene, shared by tests that only look at it."""
    made: dict[str, Stage] = {}

    def at(scene: str) -> Stage:
        assert scene in SCENES
        if scene not in made:
            made[scene] = Stage(tmp_path_factory.mktemp(scene)).play(scene)
        return made[scene]

    yield at
    for one in made.values():
        one.close()


@pytest.fixture
def stage(tmp_path: object) -> Iterator[Stage]:
    """A stage of this test alone, with nothing played yet."""
    made = Stage(tmp_path)  # type: ignore[arg-type]  # pytest's Path
    made.app.config["WTF_CSRF_ENABLED"] = False
    yield made
    made.close()


def sign_in(stage: Stage, email: str) -> FlaskClient:
    """Return a client in which an account is signed in, English chosen."""
    client = stage.app.test_client()
    with client.session_transaction() as session:
        session["language"] = "en"
        if email:
            account = stage.rows(Account, Account.email == f"{email}@test.example")[0]
            session["_user_id"], session["_fresh"] = account.fs_uniquifier, True
    return client
