"""Sign-in by Flask-Security: what is switched on, how it stores, and what leaves the log a trace.

Passwords (argon2id), TOTP with recovery codes and passkeys as second factor. What the library
changes of an account is committed here, in one transaction with its event.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import segno
from flask import (
    after_this_request,
    current_app,
    flash,
    request,
    session,
)
from flask_babel import gettext as _
from flask_security import (
    LoginForm,
    PasswordUtil,
    Security,
    SQLAlchemySessionUserDatastore,
    Totp,
    TwoFactorRescueForm,
    TwoFactorSelectForm,
    TwoFactorSetupForm,
    WebAuthnRegisterForm,
    WebauthnUtil,
    current_user,
    tf_code_confirmed,
    tf_profile_changed,
    url_for_security,
    utils,
)
from markupsafe import Markup
from sqlalchemy import bindparam, exists, inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, scoped_session
from sqlmodel import Session
from wtforms import HiddenField, RadioField

from review_service.tables import Account, EndedSession, Passkey, Role
from review_service.web import guesses, oidc, sessions, signwords
from review_service.web.access import role
from review_service.web.choices import SelectChoice
from review_service.workflows import accounts
from review_service.workflows.base import Actor, Work
from review_service.workflows.log import append

if TYPE_CHECKING:
    from flask import Flask, Response

    from review_service.settings import Settings
    from review_service.workflows.base import Office

GUARDED_ROLES = ("staff", "approver", "inspector", "administrator")
NAME_MOST = 64
_NAME = re.compile(r"[\w \-]+")
# They hash a password, which takes long: SQLite's write lock isn't held meanwhile.
_READERS = {"security.login", "security.verify"}
# Every request asks for its account, and whether its session was ended by signing out.
_OF_SESSION = (
    select(Account)
    .options(joinedload(Account.roles))  # type: ignore[arg-type]  # a relationship
    .where(Account.fs_uniquifier == bindparam("fs_uniquifier"))  # type: ignore[arg-type]  # a column
    .where(~exists().where(EndedSession.digest == bindparam("digest")))  # type: ignore[arg-type]  # as above
)
_EVENTS = {
    "password": "account.password_changed",
    "tf_totp_secret": "account.second_factor_changed",
    "mf_recovery_codes": "account.recovery_codes_changed",
}


class SignInForm(LoginForm):
    """No “remember me”: a session ends when it ends."""

    remember = None  # type: ignore[assignment]  # how WTForms takes a field away


# The library's forms with choices, as fields without: pages offer what there is, the library's
# views check what comes, and its way to write choices is on its way out of WTForms.


class SetUpForm(TwoFactorSetupForm):
    """The authenticator app, or none."""

    setup = HiddenField()  # type: ignore[assignment]  # as said above


class RescueForm(TwoFactorRescueForm):
    """Needed by a page of the library; its own route is closed."""

    help_setup = RadioField(choices=[SelectChoice("help", "")])


class WhichForm(TwoFactorSelectForm):
    """Which second factor is at hand."""

    which = HiddenField()  # type: ignore[assignment]  # as said above


class PasskeyForm(WebAuthnRegisterForm):
    """A new passkey's name."""

    usage = HiddenField(default="secondary")  # type: ignore[assignment]  # as said above


class Codes(Totp):
    """TOTP whose codes work once, and whose picture is made by segno."""

    def generate_qrcode(self, username: str, totp: str) -> str:
        """Return the QR code as an SVG image in a data address."""
        picture = segno.make(self.get_totp_uri(username, totp), error="m")
        svg = picture.svg_inline(scale=5, border=4, light="#fff").encode()
        named = svg.replace(b"<svg ", b'<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        return f"data:image/svg+xml;base64,{b64encode(named).decode()}"

    def get_last_counter(self, user: Any) -> int | None:
        """Return the counter of the last code that was taken."""
        counter: int | None = user.tf_last_counter
        return counter

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Keep the counter of a code; that code and earlier ones work no more."""
        user.tf_last_counter = tmatch.counter
        current_app.extensions["security"].datastore.put(user)
        after_this_request(_committed)


class Passwords(PasswordUtil):
    """Passwords of enough characters that aren't among the first to be tried."""

    def validate(
        self,
        password: str,
        is_register: bool,  # noqa: FBT001 - the library's signature
        **kwargs: Any,
    ) -> tuple[list[str] | None, str]:
        """Return (what is wrong or None, the password in one form)."""
        wrong, normal = super().validate(password, is_register, **kwargs)
        account = kwargs["user"]
        if not wrong and accounts.easily_guessed(normal, account.email, account.name):
            wrong = [str(signwords.MESSAGES["PASSWORD_TOO_SIMPLE"][0])]
        return wrong, normal


class Keys(WebauthnUtil):
    """Passkeys, each with a name of letters, digits, blanks and strokes."""

    def name_svn(self, value: str) -> tuple[str | None, str | None]:
        """Return (what is wrong, None) or (None, the name in one form)."""
        name = unicodedata.normalize("NFKC", value).strip()
        if not name or len(name) > NAME_MOST or not _NAME.fullmatch(name):
            return _("A name has up to 64 letters, digits, blanks and strokes."), None
        return None, name


def _committed(response: Response) -> Response:
    current_app.extensions["security"].datastore.commit()
    return response


class People(SQLAlchemySessionUserDatastore):
    """Accounts as the library sees them; a change and its event are one transaction."""

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        """Return the account of a session by a statement made once, any other as the library."""
        if list(kwargs) == ["fs_uniquifier"] and not case_insensitive:
            if sessions.over():
                return None
            digest = accounts.digest_of_session(session.get("sid", ""))
            return self.db.session.scalar(_OF_SESSION, kwargs | {"digest": digest})
        return super().find_user(case_insensitive, **kwargs)

    def commit(self) -> None:
        """Commit what the library changed, with an event for each kind of change."""
        session_ = self.db.session()
        try:
            for code, kind in list(_changes(session_)):
                append(_work(session_, code), kind, {"account": code})
            session_.commit()
        except OperationalError:
            if request.endpoint not in _READERS:
                raise
            # A reader's transaction on SQLite can't always become a writer's. All that is lost is
            # a password hashed with newer parameters; the next sign-in hashes it again.
            session_.rollback()


def _changes(session_: Any) -> Any:
    for row in [*session_.dirty, *session_.new]:
        if isinstance(row, Account):
            state = inspect(row)
            for name, kind in _EVENTS.items():
                if name == "password" and request.endpoint in _READERS:
                    continue  # hashed with newer parameters: nobody changed it
                if state.attrs[name].history.has_changes():
                    yield row.code, kind
    for row in [*session_.new, *session_.deleted]:
        if isinstance(row, Passkey):
            holder = session_.get(Account, row.account_id) if row.account_id else None
            code = holder.code if holder else current_user.code
            yield code, f"account.passkey_{'added' if row in session_.new else 'removed'}"


def _work(session_: Any, code: str) -> Work:
    office: Office = current_app.extensions["office"]
    now = office.tools.clock().replace(microsecond=0)
    return Work(session_, Actor(role() or "account", code), office.tools, now)


class Library(Security):
    """Flask-Security without two packages: `Codes` draws by segno, `Keys` takes plain names."""

    def _check_modules(self, module: str, *rest: Any) -> None:
        if module not in {"qrcode", "nh3"}:
            super()._check_modules(module, *rest)  # type: ignore[no-untyped-call]


def configuration(settings: Settings) -> dict[str, Any]:
    """Return the library's settings."""
    fernet = urlsafe_b64encode(sha256(b"recovery" + settings.secret("totp").encode()).digest())
    return {
        "SECRET_KEY": settings.secret("session"),
        "SECURITY_PASSWORD_SALT": settings.secret("password"),
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SINGLE_HASH": True,
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__type": "ID",
            "argon2__time_cost": settings.argon2[0],
            "argon2__memory_cost": settings.argon2[1],
            "argon2__parallelism": settings.argon2[2],
        },
        "SECURITY_PASSWORD_LENGTH_MIN": accounts.PASSWORD_LEAST,
        "SECURITY_PASSWORD_NORMALIZE_FORM": "NFKC",
        "SECURITY_CHANGEABLE": True,
        "SECURITY_CHANGE_URL": "/account/password",
        "SECURITY_POST_CHANGE_VIEW": "/account",
        "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
        "SECURITY_DATETIME_FACTORY": utils.aware_utcnow,
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_RETURN_GENERIC_RESPONSES": True,  # the same answer for no such account
        "SECURITY_LOGIN_USER_TEMPLATE": "security/sign_in.html",
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_FRESHNESS": timedelta(minutes=30),
        "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(minutes=10),
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_ALWAYS_VALIDATE": True,
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,  # seconds of difference: one step
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TWO_FACTOR_ROLES": GUARDED_ROLES if settings.second_factor else (),
        "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "/account",
        "SECURITY_TOTP_SECRETS": {"1": settings.secret("totp")},
        "SECURITY_TOTP_ISSUER": settings.origin,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": 8,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS": [fernet],
        "SECURITY_OAUTH_ENABLE": bool(settings.oidc_issuer),
        "SECURITY_WEBAUTHN": True,
        "SECURITY_WAN_RP_NAME": settings.origin,
        "SECURITY_WAN_ALLOW_AS_FIRST_FACTOR": False,  # a passkey comes after the password
        "SECURITY_WAN_ALLOW_AS_VERIFY": ["secondary"],
        "SECURITY_WAN_POST_REGISTER_VIEW": "/account",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": settings.secure_cookies,
        # The server counts from the last page on; the browser forgets when it is closed.
        "PERMANENT_SESSION_LIFETIME": timedelta(minutes=settings.session_minutes),
        **signwords.messages(),
    }


def install(app: Flask, office: Office, settings: Settings) -> None:
    """Set up the library on the office's store, and count tries before it sees them."""
    app.config.update(configuration(settings))
    engine, reading = office.store.engine, office.store.people

    def people_session() -> Session:
        """A session that takes SQLite's write lock early only where the library may write."""
        writes = request and request.method == "POST" and request.blueprint == "security"
        slow = request and request.endpoint in _READERS
        return Session(engine if writes and not slow else reading)

    people: Any = scoped_session(people_session)  # type: ignore[arg-type]  # any maker will do
    app.teardown_appcontext(lambda _error: people.remove())
    library = Library(
        app,
        People(people, Account, Role, webauthn_model=Passkey),
        login_form=SignInForm,
        two_factor_setup_form=SetUpForm,
        two_factor_rescue_form=RescueForm,
        two_factor_select_form=WhichForm,
        wan_register_form=PasskeyForm,
        totp_cls=Codes,
        webauthn_util_cls=Keys,
        password_util_cls=Passwords,
        oauth=oidc.client(app, settings),
    )
    library.want_json(lambda _request: False)
    oidc.install(app, library, settings)
    library.tf_setup_context_processor(_begun)
    library.tf_token_validation_context_processor(_begun)
    tf_code_confirmed.connect(_remind, app)
    tf_profile_changed.connect(_remind, app)
    guesses.install(app)

    @app.before_request
    def _one_at_a_time() -> None:
        """Let two uses of one recovery or TOTP code wait for each other on PostgreSQL."""
        waiting = session.get("tf_user_id")
        if request.method == "POST" and request.blueprint == "security" and waiting:
            query = select(Account.id).where(Account.fs_uniquifier == waiting)  # type: ignore[call-overload]
            people.execute(query.with_for_update())

    sessions.install(app, office)


def _remind(_app: Flask, user: Any, **_more: Any) -> None:
    """Say what a lost phone would mean to an account without recovery codes."""
    if not user.mf_recovery_codes:
        text = _("You have no recovery codes: if the phone is lost, nothing else lets you in.")
        link = Markup('%s <a href="%s">%s</a>')
        flash(
            link % (text, url_for_security("mf_recovery_codes"), _("Make recovery codes")), "info"
        )


def _begun() -> dict[str, Any]:
    """Return the set-up of an app that this session has begun: its picture, key and address.

    The library shows them once; whoever mistypes a code would have to scan another key.
    """
    secret = session.get("tf_totp_secret")
    if not secret or session.get("tf_state") != "validating_profile":
        return {"begun": None}
    library: Any = current_app.extensions["security"]
    onward = {"next": request.args["next"]} if request.args.get("next") else {}
    if current_user.is_authenticated:
        person = current_user
        state = {"totp_secret": secret, "method": "authenticator", "phone": None}
        token = library.tf_setup_serializer.dumps(state)
        action = url_for_security("two_factor_setup_validate", token=token)
    else:
        person = library.datastore.find_user(fs_uniquifier=session["tf_user_id"])
        action = url_for_security("two_factor_token_validation", **onward)
    values = library.totp_factory.fetch_setup_values(secret, person)
    return {"begun": {"image": values["image"], "key": values["key"], "action": action}}
