"""What the routes of the API share: the blueprint, tokens, refusals as JSON, and the schemas."""

from __future__ import annotations

from functools import wraps
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import current_app, g, jsonify, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields
from sqlmodel import select
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests, Unauthorized

from allocation.errors import AllocationError
from review_service.tables import Round
from review_service.web.access import public
from review_service.web.page import db, office
from review_service.workflows import tokens
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from flask import Response
    from flask.typing import ResponseReturnValue

    View = TypeVar("View", bound=Callable[..., Any])

blueprint = Blueprint(
    "api", __name__, url_prefix="/api/v1", description="Rounds, lists, draws and the log"
)
PUBLISHED = ("published", "final")


_KEPT = ("Allow", "Retry-After")  # headers of a refusal that say what would do


class Refusal(Schema):
    """Why there is no answer: a stable code, a sentence in English, and facts."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    facts = fields.Dict(keys=fields.String(), required=True)


def endpoint(rule: str, schema: type[Schema], *refusals: int) -> Callable[[View], View]:
    """Declare a GET route: everybody may ask, the token decides what is answered.

    Any route refuses a token that doesn't hold (401), arguments that aren't its own (422), and a
    caller that asks too often (429, with the seconds to wait in Retry-After).
    """

    def mark(view: View) -> View:
        @public
        @wraps(view)
        def asked(*args: Any, **kwargs: Any) -> Any:
            _slow_down()
            _authenticate()
            return view(*args, **kwargs)

        made = blueprint.response(200, schema)(asked)
        for code in sorted({401, 422, 429, *refusals}):
            made = blueprint.alt_response(code, schema=Refusal)(made)
        made = blueprint.doc(security=[{}, {"token": []}])(made)
        blueprint.route(rule)(made)
        return view

    return mark


def query(schema: type[Schema]) -> Callable[[View], View]:
    """Declare what may stand behind the question mark; anything else is refused (422)."""
    made: Callable[[View], View] = blueprint.arguments(schema, location="query", unknown=RAISE)
    return made


def _slow_down() -> None:
    """Count the request for its token, or for its address without one."""
    sent = request.headers.get("Authorization", "") or request.remote_addr or ""
    waits = current_app.extensions["api-rate"].wait(sha256(sent.encode()).hexdigest())
    if waits:
        raise TooManyRequests("too many requests; see Retry-After", retry_after=waits)


def _authenticate() -> None:
    """Take the bearer token of a request, if it brings one; 401 for one that doesn't hold."""
    g.scopes = frozenset()
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not kind:
        return
    found = None
    if kind.lower() == "bearer" and token.isascii():
        found = tokens.scopes_of(db(), token.strip(), office().tools.clock())
    if found is None:
        raise Unauthorized("this token doesn't hold: unknown, expired or revoked")
    g.scopes = found


def has(scope: str) -> bool:
    """Whether the request's token has a scope."""
    return scope in g.scopes


def round_for(code: str, scope: str) -> Round:
    """Return a round that is published or that the token's scope opens; the same 404 for others."""
    known = code.isprintable()  # PostgreSQL takes no NUL in a text
    row = db().exec(select(Round).where(Round.code == code)).first() if known else None
    if row is None or not (row.status in PUBLISHED or has(scope)):
        raise NotFound("no such round, or not published yet")
    return row


def open_rounds(scope: str) -> list[Round]:
    """Return the rounds that the request may see."""
    query = select(Round).order_by(Round.code)
    return [row for row in db().exec(query) if row.status in PUBLISHED or has(scope)]


def refusal(error: Exception) -> ResponseReturnValue:
    """Return a refusal as JSON."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        status = error.code or 500
        code = (error.name or "").lower().replace(" ", "-")
        facts = dict(getattr(error, "data", {}).get("messages", {}))
        text = error.description or error.name
        headers = {name: value for name, value in error.get_headers() if name in _KEPT}
    elif isinstance(error, WorkflowError | AllocationError):
        status, code, text, facts = 422, error.code, str(error), error.facts
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    answer: Response = jsonify(code=code, message=text, facts=facts)
    answer.status_code = status
    answer.headers.update(headers)
    return answer


for _kind in (HTTPException, WorkflowError, AllocationError):
    blueprint.register_error_handler(_kind, refusal)
