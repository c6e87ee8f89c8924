from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from review_service.web import create_app
from tests.web.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = "review"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Provider:
    """A sign-on on the loopback: discovery, keys and tokens; who signs in is set by the test."""

    key: rsa.RSAPrivateKey
    claims: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    asked: dict[str, list[str]] = field(default_factory=dict)
    issuer: str = ""

    def documents(self) -> dict[str, Any]:
        """What it publishes."""
        numbers = self.key.public_key().public_numbers()
        n, e = numbers.n.to_bytes(256, "big"), numbers.e.to_bytes(3, "big")
        jwk = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": _b64(n), "e": _b64(e)}
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [jwk]},
        }

    def token(self) -> dict[str, Any]:
        """The answer to a code."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60}
        body = claims | {"nonce": self.nonce} | self.claims
        head = _b64(json.dumps({"alg": "RS256", "kid": "1"}).encode())
        signed = f"{head}.{_b64(json.dumps(body).encode())}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "access_token": "x", "token_type": "Bearer", "expires_in": 60,
            "id_token": f"{signed}.{_b64(signature)}",
        }  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """A provider that serves on a free port."""
    made = Provider(rsa.generate_private_key(65537, 2048))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(made.documents()[urlsplit(self.path).path])

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            made.asked = parse_qs(self.rfile.read(length).decode())
            self._send(made.token())

        def _send(self, answer: dict[str, Any]) -> None:
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


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


def _begin(client: Any, provider: Provider) -> str:
    """Go to the sign-on and return the state with which it sends back."""
    answer = client.post("/login/oauthstart/ministry?next=/account")
    assert answer.status_code == 302
    there = urlsplit(answer.headers["Location"])
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
    policy = answer.headers["Content-Security-Policy"]
    assert f"form-action 'self' {provider.issuer};" in policy


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
