"""The application factory: the one place where a clock and a source of entropy are made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect
from werkzeug.routing import IntegerConverter

from review_service.office import make_office
from review_service.settings import Settings
from review_service.storage import INTEGER_MOST
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
    errors,
    headers,
    health,
    home,
    imports,
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
    from werkzeug.routing import Map

    from review_service.workflows.base import Tools

STATIC = Path(__file__).parent.parent / "static"
BLUEPRINTS = (
    home, rounds, applications, recommending, imports, pool, dossiers, intake, conflicts, requests,
    views, draws, chances, shows, seats, desk, invitations, scoring, sheets, calibration, progress,
    results, log, inspection, api_tokens, accounts, links, viewing,
)  # fmt: skip


TEXT_MOST = 2_000_000  # bytes of a form without files, or of JSON


class Request(flask.Request):
    """A request that may be large only where it brings files.

    A form that is no multipart is parsed whole in memory, where each field takes fifty times its
    bytes: 100 MB of them, which anybody could send, would take gigabytes.
    """

    @property  # type: ignore[misc]  # nobody sets it
    def max_content_length(self) -> int | None:  # type: ignore[override]  # as above
        """The most bytes of this request's body."""
        most = super().max_content_length
        if self.mimetype == "multipart/form-data" or most is None:
            return most
        return min(most, TEXT_MOST)


class Number(IntegerConverter):
    """A number in an address; one that no column can hold names nothing, on any database."""

    def __init__(self, url_map: Map, *args: Any, **kwargs: Any) -> None:
        super().__init__(url_map, *args, **{"max": INTEGER_MOST} | kwargs)


def create_app(settings: Settings | None = None, tools: Tools | None = None) -> Flask:
    """Return the application; it refuses to start with a route that declares no access."""
    settings = settings or Settings()
    app = Flask(__name__, template_folder=str(_templates()), static_folder=str(STATIC))
    app.request_class = Request
    app.config.update(
        MAX_CONTENT_LENGTH=100 * 2**20,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a long review must not run into it
        BOOTSTRAP_SERVE_LOCAL=True,
        DEMONSTRATION=settings.demonstration,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider
    app.url_map.converters["int"] = Number
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
    errors.install(app)
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
