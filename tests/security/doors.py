"""Doors of the service for tests: sign in, set up a second factor, read the link of a letter."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from review_service.tables import Account, Expert, Letter, Seat
from tests.web.stage import PASSWORD

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.web.stage import Stage

LONG = "a new password that is long"


def visitor(stage: Stage) -> FlaskClient:
    """Return a client of nobody yet, English chosen."""
    client = stage.app.test_client()
    with client.session_transaction() as session:
        session["language"] = "en"
    return client


def log_in(
    client: FlaskClient, name: str, password: str = PASSWORD, url: str = "/login"
) -> TestResponse:
    """Send the sign-in form; `name` is the address before the @."""
    return client.post(url, data={"email": f"{name}@test.example", "password": password})


def is_inside(client: FlaskClient) -> bool:
    """Whether a client is signed in."""
    return client.get("/account").status_code == 200


def account_of(stage: Stage, name: str) -> Account:
    """Return an account by its address before the @."""
    found: Account = stage.rows(Account, Account.email == f"{name}@test.example")[0]
    return found


def code_of_app(stage: Stage, secret: str, ahead: int = 0) -> str:
    """Return the code that an authenticator app shows now, or so many seconds ahead."""
    totp = stage.app.extensions["security"].totp_factory._totp.from_source(secret)
    return str(totp.generate(time=time.time() + ahead).token)


def set_up_app(stage: Stage, client: FlaskClient) -> str:
    """Set up the authenticator app of who is signed in, and return its secret."""
    page = client.post("/tf-setup", data={"setup": "authenticator"}).get_data(as_text=True)
    assert "data:image/svg+xml;base64," in page
    state = re.search(r'action="(/tf-setup/[^"]+)"', page)
    assert state is not None
    with client.session_transaction() as session:
        secret = str(session["tf_totp_secret"])
    answer = client.post(state[1], data={"code": code_of_app(stage, secret)})
    assert answer.status_code == 302
    return secret


def entered(stage: Stage, password: str) -> FlaskClient:
    """Return a client in which staff have given a password."""
    client = visitor(stage)
    log_in(client, "staff", password)
    return client


def seated_expert(stage: Stage) -> str:
    """Bring the round to its draw and return the address of an expert who is seated."""
    stage.play("drawn")
    held = stage.rows(Seat, Seat.status == "awaiting")[-1]
    email: str = stage.rows(Expert, Expert.id == held.expert_id)[0].email
    return email


def letter_link(stage: Stage, address: str) -> str:
    """Return the path of the link in the newest letter to an address."""
    letter = [one for one in stage.rows(Letter) if one.address == address][-1]
    found = re.search(r"http://localhost(/\S+)", letter.body)
    assert found is not None
    return found[1]
