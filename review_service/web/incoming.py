"""What a request may be: how large, and which numbers its address may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
from werkzeug.routing import IntegerConverter

from review_service.storage import INTEGER_MOST

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.routing import Map

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


def install(app: Flask) -> None:
    """Bound requests; before any route is added, whose numbers are bounded with it."""
    app.request_class = Request
    app.url_map.converters["int"] = Number
