from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from review_service.web import links
from tests.security.doors import (
    code_of_app,
    entered,
    is_inside,
    letter_link,
    seated_expert,
    set_up_app,
    visitor,
)
from tests.web.stage import PASSWORD, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient

    from review_service.storage import Store

AT_ONCE = 4


@pytest.fixture
def stage(store: Store, tmp_path: Any) -> Iterator[Stage]:
    """A stage with accounts on each of the two databases, forms without tokens."""
    url = store.url.render_as_string(hide_password=False)
    made = Stage(tmp_path, database=url).play("empty")
    made.app.config["WTF_CSRF_ENABLED"] = False
    yield made
    made.close()


def _inside_of(clients: list[FlaskClient], act: Callable[[FlaskClient], object]) -> int:
    """Let all act at the same moment; return how many of them are signed in afterwards."""
    ready = Barrier(len(clients))

    def one(client: FlaskClient) -> None:
        ready.wait()
        act(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(one, clients))
    return sum(is_inside(client) for client in clients)


def test_one_of_many_uses_of_a_recovery_code_lets_in(stage: Stage) -> None:
    """A recovery code that is entered in several windows at once opens one of them."""
    client = entered(stage, PASSWORD)
    set_up_app(stage, client)
    page = client.post("/mf-recovery-codes").get_data(as_text=True)
    codes = re.findall(r"<li>([0-9a-f-]{14})</li>", page)
    waiting = [entered(stage, PASSWORD) for _ in range(AT_ONCE)]
    assert _inside_of(waiting, lambda one: one.post("/mf-recovery", data={"code": codes[0]})) == 1


def test_one_of_many_uses_of_an_apps_code_lets_in(stage: Stage) -> None:
    """A code of the authenticator app that is entered in several windows at once opens one."""
    secret = set_up_app(stage, entered(stage, PASSWORD))
    waiting = [entered(stage, PASSWORD) for _ in range(AT_ONCE)]
    code = code_of_app(stage, secret, ahead=30)
    assert _inside_of(waiting, lambda one: one.post("/tf-validate", data={"code": code})) == 1


def test_one_of_many_uses_of_a_link_lets_in(stage: Stage, monkeypatch: Any) -> None:
    """An expert's link to sign in that is used in several windows at once opens one of them."""
    monkeypatch.setattr(links, "PAUSE", 0.0)
    email = seated_expert(stage)
    visitor(stage).post("/sign-in/link", data={"email": email})
    url = letter_link(stage, email)
    assert _inside_of([visitor(stage) for _ in range(AT_ONCE)], lambda one: one.post(url)) == 1
