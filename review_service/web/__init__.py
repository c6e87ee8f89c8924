"""The application factory: the one place where a clock and a source of entropy are made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_security import Security, SQLAlchemySessionUserDatastore, utils
from flask_wtf import CSRFProtect
from sqlalchemy.orm import scoped_session, sessionmaker

from review_service.office import make_office
from review_service.settings import Settings
from review_service.tables import Account, Role
from review_service.web import (
    access,
    api,
    api_tokens,
    applications,
    conflicts,
    desk,
    dossiers,
    draws,
    errors,
    headers,
    health,
    home,
    imports,
    inspection,
    intake,
    invitations,
    languages,
    log,
    page,
    pool,
    progress,
    recommending,
    requests,
    results,
    scoring,
    seats,
    shows,
    steps,
    views,
    words,
)

if TYPE_CHECKING:
    from review_service.workflows.base import Tools

STATIC = Path(__file__).parent.parent / "static"
BLUEPRINTS = (
    home, applications, recommending, imports, pool, dossiers, intake, conflicts, requests, views,
    draws, shows, seats, desk, invitations, scoring, progress, results, log, inspection,
    api_tokens, health,
)  # fmt: skip


def create_app(settings: Settings | None = None, tools: Tools | None = None) -> Flask:
    """Return the application; it refuses to start with a route that declares no access."""
    settings = settings or Settings()
    app = Flask(__name__, template_folder=str(_templates()), static_folder=str(STATIC))
    app.config.update(
        SECRET_KEY=settings.secret("session"),
        SECURITY_PASSWORD_SALT=settings.secret("password"),
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of a function
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_DATETIME_FACTORY=utils.aware_utcnow,
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/",
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_RETURN_GENERIC_RESPONSES=True,  # the same answer for no such account
        SECURITY_LOGIN_USER_TEMPLATE="security/sign_in.html",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        MAX_CONTENT_LENGTH=100 * 2**20,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a long review must not run into it
        BOOTSTRAP_SERVE_LOCAL=True,
        DEMONSTRATION=settings.demonstration,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider
    office = make_office(settings, tools)
    app.extensions["office"] = office
    app.extensions["settings"] = settings
    people = scoped_session(sessionmaker(office.store.people))
    app.teardown_appcontext(lambda _error: people.remove())
    CSRFProtect(app)
    Bootstrap5(app)
    Security(app, SQLAlchemySessionUserDatastore(people, Account, Role))
    languages.install(app)
    headers.install(app)
    errors.install(app)
    page.install(app)
    words.install(app)
    steps.install(app)
    for module in BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    api.install(app)
    app.jinja_env.globals.update(role=access.role, may=access.may, url_if=access.url_if)
    access.protect(app)
    return app


def _templates() -> Path:
    package = Path(__file__).parent.parent / "templates"
    return package if package.exists() else package.parent.parent / "templates"
