"""For the operator: is the process alive, is it ready, how does it do; one log line a request.

/health/live   200 while the process answers
/health/ready  200 when the database answers, is at the program's revision and holds the log, and
               the signing key is the one in force; else 503 with what is missing
/metrics       Prometheus; only with REVIEW_METRICS_TOKEN set, and with it as a bearer token
"""

from __future__ import annotations

import hmac
import time
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from flask import Blueprint, Response, abort, current_app, g, jsonify, make_response, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from review_service.operation import checks
from review_service.operation.metrics import exposition, observe
from review_service.troubles import UnknownOutcomeError
from review_service.web.access import public
from review_service.web.headers import STATIC
from review_service.web.page import office

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState

blueprint = Blueprint("health", __name__)
logger = structlog.get_logger("review_service.requests")


@blueprint.get("/health/live")
@public
def live() -> Response:
    """The process answers."""
    return jsonify(status="alive")


@blueprint.get("/health/ready")
@public
def ready() -> Response:
    """The process can do its work; what is missing is named by code, without any detail."""
    missing = [found.code for found in checks.check_service(office())]
    response = jsonify(status="ready" if not missing else "not ready", missing=missing)
    response.status_code = 503 if missing else 200
    return response


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """Figures for Prometheus; for who has the token, and for others the route isn't there."""
    token = current_app.extensions["settings"].metrics_token
    given = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        abort(404)
    body, kind = exposition(office())
    return Response(body, content_type=kind)


@blueprint.before_app_request
def _begin() -> None:
    g.began = time.perf_counter()
    # Ours, not the client's: nothing that somebody sends gets into the log by this way.
    g.request_id = uuid.uuid4().hex[:16]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)


@blueprint.after_app_request
def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    route = request.url_rule.rule if request.url_rule else "(none)"
    response.headers["X-Request-ID"] = g.get("request_id", "")
    observe(request.method, route, response.status_code, seconds)
    if request.blueprint != "health" and request.endpoint not in STATIC:
        logger.info(
            "request",
            method=request.method,
            route=route,
            status=response.status_code,
            ms=round(1000 * seconds, 1),
        )
    return response


@blueprint.record_once
def _database_away(state: BlueprintSetupState) -> None:
    """Answer 503 with Retry-After while the database is away, instead of a defect's 500."""
    for kind in (OperationalError, PoolTimeoutError, UnknownOutcomeError):
        state.app.register_error_handler(kind, _unavailable)


def _unavailable(error: Any) -> Response:
    cause = type(getattr(error, "orig", None) or error).__name__
    logger.error("database away", error=cause, outcome_unknown=not isinstance(error, DBAPIError))
    text = "The database does not answer; please try again. 数据库暂时没有响应，请稍后再试。\n"
    response = make_response(text, 503)
    response.mimetype = "text/plain"
    response.headers["Retry-After"] = "5"
    return response
