"""A ministry's sign-on on the loopback: discovery, keys, tokens, and its own page to sign in."""

from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = "review"
PAGE = """<!doctype html><title>Sign-on</title><form method="post" action="/enter?{}">
<label>Address <input name="email"></label> <button>Enter</button></form>"""


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

    def enter(self, asked: dict[str, list[str]], email: str) -> str:
        """Let somebody in, and return where to go on."""
        self.nonce = asked["nonce"][0]
        self.claims = {"email": email, "email_verified": True}
        if "max_age" in asked:
            self.claims["auth_time"] = int(time.time())
        more = urlencode({"code": "c", "state": asked["state"][0]})
        return f"{asked['redirect_uri'][0]}?{more}"

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


@contextmanager
def served() -> Iterator[Provider]:
    """A provider that serves on a free port.

    As with large sign-ons, where somebody types an address is another host than the issuer.
    """
    made = Provider(rsa.generate_private_key(65537, 2048))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/authorize":
                self._onward(f"http://people.localhost:{port}/enter?{asked.query}")
            elif asked.path == "/enter":
                self._answer(PAGE.format(escape(asked.query)).encode(), "text/html")
            else:
                self._send(made.documents()[asked.path])

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            sent = parse_qs(self.rfile.read(length).decode())
            asked = urlsplit(self.path)
            if asked.path == "/enter":
                self._onward(made.enter(parse_qs(asked.query), sent["email"][0]))
                return
            made.asked = sent
            self._send(made.token())

        def _onward(self, url: str) -> None:
            self.send_response(302)
            self.send_header("Location", url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, answer: dict[str, Any]) -> None:
            self._answer(json.dumps(answer).encode(), "application/json")

        def _answer(self, data: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_port
    made.issuer = f"http://127.0.0.1:{port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
