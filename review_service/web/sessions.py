"""How long a session lasts: its number and age, what ends it, and what is left of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import current_app, g, session
from flask_login import current_user, user_logged_in, user_logged_out

from review_service.web import guesses
from review_service.workflows import accounts
from review_service.workflows.base import Actor

if TYPE_CHECKING:
    from flask import Flask

    from review_service.workflows.base import Office

# A set-up of an authenticator app, as the library keeps it in the session until a code was right.
_BEGUN = ("tf_totp_secret", "tf_state", "tf_primary_method")


def over() -> bool:
    """Whether the session has lasted as long as one may; it ends in the midst of use, too.

    Counted by the system's clock, as the age of its cookie is.
    """
    most = 3600 * current_app.extensions["settings"].session_hours
    return bool(time.time() - session.get("since", time.time()) > most)


def _forget() -> None:
    """Leave nothing of a session that is over to the next one in the same browser."""
    for key in ("sid", "since", *_BEGUN):
        session.pop(key, None)


def _in(_app: Flask, **_more: Any) -> None:
    """Give a session its number, and forms a new token: the earlier one may be known elsewhere."""
    office: Office = current_app.extensions["office"]
    session["sid"] = office.tools.entropy(16).hex()
    session["since"] = int(time.time())
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)


def _out(_app: Flask, **_more: Any) -> None:
    """End the session itself, wherever its cookie was copied to, and what it had begun."""
    number = session.get("sid")
    _forget()
    if number:
        office: Office = current_app.extensions["office"]
        guesses.let_go()
        kept = current_app.permanent_session_lifetime
        office.do(Actor("system", "system"), accounts.end_session, number, kept)


def install(app: Flask, office: Office) -> None:
    """Give sessions a number when they begin, and end them whole."""
    user_logged_in.connect(_in, app)
    user_logged_out.connect(_out, app)

    @app.before_request
    def _stay() -> None:
        """Count the session's time from this page on: what is written now is signed now."""
        if "_user_id" not in session:
            return
        if not current_user.is_authenticated:  # ended elsewhere: nothing may write it anew
            for key in ("_user_id", "_fresh"):
                session.pop(key, None)
            _forget()
            return
        session.setdefault("since", int(time.time()))  # of a sign-in that an older version let in
        minute = int(office.tools.clock().timestamp() // 60)
        if session.get("seen") != minute:
            session["seen"] = minute
