"""Tries to sign in are counted before anything is compared, by account and by address."""

from __future__ import annotations

import hmac
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from flask import abort, current_app, g, render_template, request, session
from flask_babel import gettext as _

from review_service.workflows import attempts
from review_service.workflows.base import Actor, WorkflowError

if TYPE_CHECKING:
    from flask import Flask, Response
    from flask.typing import ResponseReturnValue

    from review_service.workflows.base import Office

# Where something is guessed: a password, a code, a passkey's answer.
_GUESSES = {
    "security.login", "security.two_factor_token_validation", "security.mf_recovery",
    "security.wan_signin_response", "security.verify", "security.change_password",
    "links.ask", "links.enter", "links.choose",
}  # fmt: skip
# Routes of the library that would need a mail server of its own; recovery codes are linked to.
_CLOSED = {"security.two_factor_rescue"}


TYPED_MOST = 1000  # characters of what somebody types to sign in
_TYPED = {"email", "password", "new_password", "new_password_confirm", "code", "name"}


def install(app: Flask) -> None:
    """Count every try, and mark afterwards those that succeeded."""
    app.before_request(_count)
    app.after_request(_settle)


def digest_of(text: str) -> str:
    """Return the keyed digest under which tries are counted."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, text.encode(), sha256).hexdigest()[:32]


def _tried() -> str:
    """Return whose door is tried: what was typed, or whom the session waits for."""
    if request.endpoint in {"security.login", "links.ask"}:
        # Letters are counted for themselves: who shuts the sign-in by failing doesn't stop them.
        door = "account" if request.endpoint == "security.login" else "letter"
        return f"{door}:{_address(request.form.get('email', ''))}"
    if request.endpoint in {"links.enter", "links.choose"}:
        return f"link:{(request.view_args or {}).get('token', '')}"
    return f"person:{session.get('tf_user_id') or session.get('_user_id') or ''}"


def _address(typed: str) -> str:
    """Return an address as the library looks it up, so that every spelling of it counts as one."""
    library: Any = current_app.extensions["security"]
    try:
        return str(library.mail_util.normalize(typed)).lower()
    except ValueError:
        return typed.strip().lower()


def _network(address: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits that a household has."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address) and known.ipv4_mapped is None:
        return str(ip_network((known, 64), strict=False))
    return address


def _count() -> ResponseReturnValue | None:
    """Count a try before anything is compared; answer 429 where there were too many."""
    if request.endpoint in _CLOSED:
        abort(404)
    if request.blueprint == "security" and request.is_json:
        abort(400)
    if request.blueprint == "security" and any(
        len(text) > TYPED_MOST for name, text in request.form.items() if name in _TYPED
    ):
        abort(400)  # the hash of passwords takes no more than 4096
    if request.method != "POST" or request.endpoint not in _GUESSES:
        return None
    office: Office = current_app.extensions["office"]
    let_go()
    account, address = digest_of(_tried()), digest_of("from:" + _network(request.remote_addr or ""))
    actor = Actor("system", "system")
    try:
        g.attempt = office.do(actor, attempts.begin_attempt, account, address)
    except WorkflowError as error:
        if error.code != "attempts-exceeded":
            raise
        text = _(
            "Too many tries. Wait %(minutes)s minutes, then try again.",
            minutes=error.facts["minutes"],
        )
        return render_template("error.html", text=text, code=429, back=""), 429
    return None


def let_go() -> None:
    """End the library's transaction, which has only read: SQLite's write lock is needed here."""
    current_app.extensions["security"].datastore.db.session.rollback()


def _settle(response: Response) -> Response:
    """Mark a try that succeeded."""
    number = g.pop("attempt", None)
    if number is None:
        return response
    moved = response.status_code in {302, 303} and request.endpoint != "links.ask"
    back = response.headers.get("Location", "").endswith(("/login", "/wan-signin"))
    entered = "_user_id" in session or "tf_user_id" in session or request.blueprint == "links"
    let_go()
    if moved and not back and entered:
        office: Office = current_app.extensions["office"]
        office.do(Actor("system", "system"), attempts.attempt_succeeded, number)
    return response
