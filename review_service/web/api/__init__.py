"""The JSON API under /api/v1, described by OpenAPI at /api/v1/openapi.json (docs/api.md).

It reads. What everybody may know needs no sign-in; the rest needs a bearer token with a scope
(`workflows.tokens`). Sessions of the pages open nothing here, and no answer holds a name, a score
of a reviewer or sealed matter.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from flask import request
from flask_smorest import Api

from review_service.web.access import public
from review_service.web.api import draws, log, rounds
from review_service.web.api.answers import blueprint, refusal
from review_service.web.api.rate import Rate

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue
    from werkzeug.exceptions import HTTPException

__all__ = ("blueprint", "install")
ABOUT = (
    "Everything that was published, and the log with its proofs. Without a token an event of a "
    "round that is not published yet is given as its leaf hash alone."
)
_VIEWS = (draws, log, rounds)  # importing them adds their routes to the blueprint


class _Api(Api):  # type: ignore[misc]  # untyped library
    """Pages keep their own refusals, and every answer of a route is documented one by one."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave the application's handlers alone; the blueprint has its own."""


def install(app: Flask) -> None:
    """Add the API and its description to the application."""
    app.config.update(
        API_TITLE="Expert review and random draw",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": ABOUT},
            "servers": [{"url": "/"}],
            "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        },
    )
    app.extensions["api-rate"] = Rate(time.monotonic)
    api = _Api(app)
    api.register_blueprint(blueprint)
    served = app.view_functions["api-docs.openapi_json"]

    @public
    def described() -> ResponseReturnValue:
        return cast("ResponseReturnValue", served())

    app.view_functions["api-docs.openapi_json"] = described
    pages = app.error_handler_spec[None][None]
    for code in (404, 405):

        @app.errorhandler(code)
        def _no_route(error: HTTPException) -> ResponseReturnValue:
            if request.path.startswith("/api/"):
                return refusal(error)
            handler = next(pages[one] for one in type(error).__mro__ if one in pages)
            return cast("ResponseReturnValue", handler(error))


def description(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI description of an application's API."""
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    found: dict[str, Any] = api.spec.to_dict()
    return found
