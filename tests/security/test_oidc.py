from __future__ import annotations

import time
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from review_service.web import create_app
from tests.security.signon import CLIENT, Provider, served
from tests.web.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """The ministry's sign-on."""
    with served() as made:
        yield made


@pytest.fixture
def app(tmp_path: Any, provider: Provider) -> Iterator[Any]:
    """The application with the provider as the ministry's sign-on."""
    stage = Stage(tmp_path).play("empty")
    (tmp_path / "oidc.secret").write_text("known to both")
    settings = replace(stage.settings, oidc_issuer=provider.issuer, oidc_client=CLIENT)
    made = create_app(settings, stage.office.tools)
    made.config["WTF_CSRF_ENABLED"] = False
    provider.claims = {"email": "staff@test.example", "email_verified": True}
    yield made
    made.extensions["office"].store.close()
    stage.close()


def _begin(client: Any, provider: Provider, start: str = "oauthstart") -> str:
    """Go to the sign-on and return the state with which it sends back."""
    answer = client.post(f"/login/{start}/ministry?next=/account")
    assert answer.status_code == 200
    there = urlsplit(answer.headers["Refresh"].removeprefix("0; url="))
    assert escape(there.geturl()) in answer.get_data(as_text=True)  # a link, for who must click
    asked = parse_qs(there.query)
    assert f"{there.scheme}://{there.netloc}" == provider.issuer
    assert asked["code_challenge_method"] == ["S256"]
    provider.nonce = asked["nonce"][0]
    return asked["state"][0]


def _inside(client: Any) -> bool:
    return bool(client.get("/account").status_code == 200)


def test_who_comes_from_the_sign_on_is_let_in(app: Any, provider: Provider) -> None:
    """Code flow with PKCE, state and nonce: the account of the verified address is signed in."""
    client = app.test_client()
    assert "/login/oauthstart/ministry" in client.get("/login").get_data(as_text=True)
    state = _begin(client, provider)
    answer = client.get(f"/login/oauthresponse/ministry?code=c&state={state}")
    assert answer.headers["Location"] == "/account"
    assert _inside(client)
    assert "code_verifier" in provider.asked


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "staff@test.example"},
        {"email": "staff@test.example", "email_verified": False},
        {"email": "nobody@test.example", "email_verified": True},
        {"email": "staff@test.example", "email_verified": True, "nonce": "another"},
        {"email": "staff@test.example", "email_verified": True, "aud": "another"},
        {"email": "staff@test.example", "email_verified": True, "exp": 1},
        {"email": "staff@test.example", "email_verified": True, "iss": "http://another"},
    ],
)
def test_nobody_else_is_let_in(app: Any, provider: Provider, claims: dict[str, Any]) -> None:
    """Unverified, unknown, for another client, of another issuer, too late or replayed: refused."""
    client = app.test_client()
    state = _begin(client, provider)
    provider.claims = claims
    answer = client.get(f"/login/oauthresponse/ministry?code=c&state={state}")
    assert answer.headers["Location"].startswith("/login")
    assert not _inside(client)
    assert "nobody@test.example" not in client.get("/login").get_data(as_text=True)


def test_a_foreign_state_is_refused(app: Any, provider: Provider) -> None:
    """An answer that this browser didn't ask for signs nobody in."""
    client = app.test_client()
    _begin(client, provider)
    client.get("/login/oauthresponse/ministry?code=c&state=forged")
    assert not _inside(client)


def test_the_second_factor_stays_here(app: Any, provider: Provider) -> None:
    """A guarded role that comes from the sign-on is asked for its second factor all the same."""
    app.config["SECURITY_TWO_FACTOR_ROLES"] = ("staff",)
    client = app.test_client()
    state = _begin(client, provider)
    answer = client.get(f"/login/oauthresponse/ministry?code=c&state={state}")
    assert "/tf-setup" in answer.headers["Location"]
    assert not _inside(client)


def test_a_sign_on_that_is_away_is_told(app: Any, provider: Provider, monkeypatch: Any) -> None:
    """Where the provider doesn't answer, the sign-in page says so; there is no fault."""
    library = app.extensions["security"]
    client = library.oauthglue.authlib_provider("ministry")
    monkeypatch.setattr(client, "_server_metadata_url", "http://127.0.0.1:9/none")
    answer = app.test_client().post("/login/oauthstart/ministry")
    assert answer.headers["Location"].endswith("/login")
    assert provider.issuer


@pytest.mark.parametrize("query", ["error=access_denied&error_description=%3Cb%3Eno", "", "code=c"])
def test_a_refusal_of_the_sign_on_is_told_in_our_words(
    app: Any, provider: Provider, query: str
) -> None:
    """Refused there, or an answer without its state: nobody is signed in, nothing is repeated."""
    client = app.test_client()
    state = _begin(client, provider)
    more = f"&state={state}" if "error" in query else ""
    answer = client.get(f"/login/oauthresponse/ministry?{query}{more}")
    assert answer.headers["Location"].startswith("/login")
    page = client.get("/login").get_data(as_text=True)
    assert "统一身份认证" in page
    assert "<b>no" not in page
    assert "access_denied" not in page
    assert not _inside(client)


@pytest.mark.parametrize(
    ("ago", "who", "confirmed"),
    [(5, "staff", True), (3600, "staff", False), (None, "staff", False), (5, "approver", False)],
)
def test_a_session_is_confirmed_by_who_was_just_asked(
    app: Any, provider: Provider, ago: int | None, who: str, confirmed: bool
) -> None:
    """The sign-on is told to ask anew; an old answer, or another person's, confirms nothing."""
    client = app.test_client()
    client.get(f"/login/oauthresponse/ministry?code=c&state={_begin(client, provider)}")
    with client.session_transaction() as session:
        session["fs_paa"] = time.time() - 86_400
        session.pop("fs_gexp", None)
    assert "/verify" in client.get("/tf-setup").headers["Location"]
    assert "/login/oauth-verify-start/ministry" in client.get("/verify").get_data(as_text=True)
    state = _begin(client, provider, "oauth-verify-start")
    asked_at = {} if ago is None else {"auth_time": int(time.time()) - ago}
    provider.claims = {"email": f"{who}@test.example", "email_verified": True} | asked_at
    answer = client.get(f"/login/oauth-verify-response/ministry?code=c&state={state}")
    assert answer.status_code == 302
    assert (client.get("/tf-setup").status_code == 200) is confirmed


def test_who_signed_out_meanwhile_confirms_nothing(app: Any, provider: Provider) -> None:
    """An answer that comes after its session was ended is refused, without a fault."""
    client = app.test_client()
    client.get(f"/login/oauthresponse/ministry?code=c&state={_begin(client, provider)}")
    state = _begin(client, provider, "oauth-verify-start")
    client.post("/logout")
    provider.claims |= {"auth_time": int(time.time())}
    answer = client.get(f"/login/oauth-verify-response/ministry?code=c&state={state}")
    assert answer.headers["Location"].startswith("/login")
    assert not _inside(client)


def test_the_sign_on_is_told_to_ask_anew(app: Any, provider: Provider) -> None:
    """Signing in may go by what the sign-on remembers, confirming may not."""
    client = app.test_client()
    client.get(f"/login/oauthresponse/ministry?code=c&state={_begin(client, provider)}")
    for start, prompt in (("oauthstart", []), ("oauth-verify-start", ["login"])):
        asking = client if "verify" in start else app.test_client()
        there = asking.post(f"/login/{start}/ministry").headers["Refresh"]
        assert parse_qs(urlsplit(there).query).get("prompt", []) == prompt


def test_an_answer_works_once(app: Any, provider: Provider) -> None:
    """The address of an answer that signed somebody in signs nobody in again."""
    client = app.test_client()
    state = _begin(client, provider)
    url = f"/login/oauthresponse/ministry?code=c&state={state}"
    client.get(url)
    assert _inside(client)
    client.post("/logout")
    client.get(url)
    assert not _inside(client)
