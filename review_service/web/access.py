"""Who may use a route is declared on it; an application with an undeclared route does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import abort, current_app, request, url_for
from flask_login import current_user

from review_service.workflows.accounts import ROLES
from review_service.workflows.base import Actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.typing import ResponseReturnValue

View = TypeVar("View", bound="Callable[..., object]")

# Endpoints of libraries: their static files, and sign-in with what belongs to it, whose views ask
# for a session, a fresh one or a begun sign-in themselves (tests/security/test_signing_in.py).
_OPEN = {
    "static", "bootstrap.static", "security.static", "security.login", "security.logout",
    "security.verify", "security.change_password", "security.two_factor_setup",
    "security.two_factor_setup_validate", "security.two_factor_token_validation",
    "security.two_factor_rescue", "security.tf_select", "security.mf_recovery",
    "security.mf_recovery_codes", "security.wan_register", "security.wan_register_response",
    "security.wan_delete", "security.wan_signin", "security.wan_signin_response",
    "security.wan_verify", "security.wan_verify_response", "security.oauthstart",
    "security.oauthresponse", "security.oauth_verify_start", "security.oauth_verify_response",
}  # fmt: skip


def public(view: View) -> View:
    """Open a route to everybody."""
    view.__access__ = None  # type: ignore[attr-defined]  # the mark that `protect` reads
    return view


def access(*roles: str) -> Callable[[View], View]:
    """Open a route to these roles alone."""
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"no such role: {sorted(unknown)}")

    def mark(view: View) -> View:
        view.__access__ = frozenset(roles)  # type: ignore[attr-defined]  # as above
        return view

    return mark


def role() -> str:
    """Return the role of who is signed in, or an empty string."""
    names = [one.name for one in getattr(current_user, "roles", [])]
    return names[0] if names else ""


def actor() -> Actor:
    """Return who acts, as the log shows it."""
    return Actor(role(), current_user.code)


def may(endpoint: str) -> bool:
    """Whether who is signed in may use a route; pages show no link that would be refused."""
    allowed = _allowed(endpoint)
    return allowed is None or role() in allowed


def _allowed(endpoint: str) -> frozenset[str] | None:
    """Return the roles that a route names, None where it is open to everybody."""
    view = current_app.view_functions[endpoint]
    return cast("frozenset[str] | None", getattr(view, "__access__", None))


def url_if(endpoint: str, **values: Any) -> str:
    """Return the address of a route where it may be used, else an empty string."""
    return url_for(endpoint, **values) if may(endpoint) else ""


def protect(app: Flask) -> None:
    """Check every request against its route's declaration; refuse to start without one."""
    undeclared = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in _OPEN
        and not hasattr(app.view_functions[rule.endpoint], "__access__")
    ]
    if undeclared:
        raise RuntimeError(f"routes without a declared access: {sorted(undeclared)}")

    @app.before_request
    def _check() -> ResponseReturnValue | None:
        if request.endpoint is None or request.endpoint in _OPEN:
            return None
        allowed = _allowed(request.endpoint)
        if allowed is None:
            return None
        if not current_user.is_authenticated:
            return cast("ResponseReturnValue", vars(current_app)["login_manager"].unauthorized())
        if role() not in allowed:
            abort(403)
        return None
