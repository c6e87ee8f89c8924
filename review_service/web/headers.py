"""Response headers: a content security policy with a nonce for each response, and its company."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import g, request
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Response

    from review_service.settings import Settings

STATIC = frozenset({"static", "bootstrap.static"})  # files of the program: nothing of anybody's
_WATCHED = ("/health/live", "/health/ready", "/metrics")


def nonce() -> str:
    """Return this response's nonce for its own scripts and styles."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def allow_camera() -> None:
    """Let this response's page ask for the camera; no other page may."""
    g.camera = True


def install(app: Flask, settings: Settings) -> None:
    """Send the headers with every response; answer to the service's own names alone."""
    if settings.hosts:
        app.config["TRUSTED_HOSTS"] = list(settings.hosts)
        # Pages build addresses from the host's name: this answer has none.
        app.register_error_handler(SecurityError, lambda _error: ("Bad Request\n", 400))
        app.wsgi_app = _watched(app.wsgi_app, settings.hosts[0].lstrip("."))  # type: ignore[method-assign,assignment]  # Flask's own way
    if settings.proxies:
        count = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]  # Flask's own way
    app.jinja_env.globals["nonce"] = nonce

    @app.after_request
    def _headers(response: Response) -> Response:
        own = f"'self' 'nonce-{nonce()}'"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src {own}; style-src {own}; img-src 'self' data:; "
            f"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = (
            f"camera={'(self)' if g.get('camera') else '()'}, geolocation=(), microphone=(), "
            "payment=(), usb=(), publickey-credentials-get=(self), "
            "publickey-credentials-create=(self)"
        )
        if settings.secure_cookies:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint not in STATIC:
            # Documents, exports and answers of the API too: an office's computers are shared.
            response.headers["Cache-Control"] = "no-store"
        return response


def _watched(served: WSGIApplication, host: str) -> WSGIApplication:
    """Let probes ask by whatever address they have; what they get bears no address."""

    def serve(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in _WATCHED:
            environ["HTTP_HOST"] = host
        return served(environ, start)

    return serve
