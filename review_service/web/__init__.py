"""The application factory: the one place where a clock and a source of entropy are made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect

from review_service.office import make_office
from review_service.settings import Settings
from review_service.web import (
    access,
    accounts,
    api,
    api_tokens,
    applications,
    aside,
    calibration,
    chances,
    conflicts,
    desk,
    dossiers,
    draws,
    errorpages,
    headers,
    health,
    home,
    imports,
    incoming,
    inspection,
    intake,
    invitations,
    languages,
    links,
    log,
    page,
    pool,
    progress,
    recommending,
    requests,
    results,
    rounds,
    scoring,
    seats,
    sheets,
    shows,
    signin,
    steps,
    viewing,
    views,
    words,
)

if TYPE_CHECKING:
    from review_service.workflows.base import Tools

STATIC = Path(__file__).parent.parent / "static"
BLUEPRINTS = (
    home, rounds, applications, recommending, imports, pool, dossiers, intake, conflicts, requests,
    views, draws, chances, shows, seats, desk, invitations, scoring, sheets, calibration, progress,
    results, log, inspection, api_tokens, accounts, links, viewing,
)  # fmt: skip


def create_app(settings: Settings | None = None, tools: Tools | None = None) -> Flask:
    """Return the application; it refuses to start with a route that declares no access."""
    settings = settings or Settings()
    app = Flask(__name__, template_folder=str(_templates()), static_folder=str(STATIC))
    app.config.update(
        MAX_CONTENT_LENGTH=100 * 2**20,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a long review must not run into it
        BOOTSTRAP_SERVE_LOCAL=True,
        DEMONSTRATION=settings.demonstration,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider
    incoming.install(app)
    office = make_office(settings, tools)
    app.extensions["office"] = office
    app.extensions["settings"] = settings
    aside.forget(settings.uploads)
    app.register_blueprint(health.blueprint)  # first: what is refused below has its number too
    CSRFProtect(app)
    Bootstrap5(app)
    signin.install(app, office, settings)
    languages.install(app)
    headers.install(app, settings)
    errorpages.install(app)
    page.install(app)
    words.install(app)
    steps.install(app)
    for module in BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    api.install(app)
    viewing.install(app)
    app.jinja_env.globals.update(role=access.role, may=access.may, url_if=access.url_if)
    access.protect(app)
    return app


def _templates() -> Path:
    package = Path(__file__).parent.parent / "templates"
    return package if package.exists() else package.parent.parent / "templates"
