from __future__ import annotations

import io
import json
import logging
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from review_service.keys import LogKeys, load_keys
from review_service.logging import configure, mask
from review_service.settings import Settings
from review_service.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An application on a new store, with a token for its metrics."""
    app = create_app(replace(Settings(), data=tmp_path / "instance", metrics_token="t0k"))
    yield app
    app.extensions["office"].store.close()


def test_ready_names_what_is_missing(app: Flask, tmp_path: Path) -> None:
    """A service that can work says so; without its signing key it says which thing is missing."""
    client = app.test_client()
    assert client.get("/health/live").json == {"status": "alive"}
    assert client.get("/health/ready").json == {"status": "ready", "missing": []}
    office = app.extensions["office"]
    stranger = load_keys(tmp_path / "stranger.key", "review.example")
    keys = LogKeys("review.example", stranger.key)
    app.extensions["office"] = replace(office, tools=replace(office.tools, keys=keys))
    response = client.get("/health/ready")
    assert (response.status_code, response.json["missing"]) == (503, ["key-lost"])


def test_metrics_are_for_who_has_the_token(app: Flask) -> None:
    """Without the token the route isn't there; with it, routes are counted by rule, not address."""
    client = app.test_client()
    client.get("/rounds/2026-secret?q=110101199003070000")
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 404
    text = client.get("/metrics", headers={"Authorization": "Bearer t0k"}).get_data(as_text=True)
    assert 'route="/rounds/<code>"' in text
    assert "review_log_events 1.0" in text
    assert "secret" not in text
    assert "110101" not in text


def test_a_database_that_is_away_is_a_503(app: Flask) -> None:
    """A page during an outage says so and asks to come back, and isn't a defect."""

    def away() -> str:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    app.view_functions["home.index"] = away
    away.__access__ = None  # type: ignore[attr-defined]  # open to everybody
    response = app.test_client().get("/")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process logs."""
    file = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    monkeypatch.setattr(sys, "stderr", file)
    configure()
    yield file
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_request_is_logged_without_people(app: Flask, lines: io.StringIO) -> None:
    """A line holds the route and the request's number, never the address or the query string."""
    response = app.test_client().get("/rounds/R-2026-X?name=王小明&id=110101199003070000")
    record = json.loads(lines.getvalue().splitlines()[-1])
    assert record["route"] == "/rounds/<code>"
    assert record["request"] == response.headers["X-Request-ID"]
    for secret in ("R-2026-X", "王小明", "110101199003070000", "127.0.0.1"):
        assert secret not in lines.getvalue()


def test_a_refused_post_has_a_number_of_its_own(app: Flask, lines: io.StringIO) -> None:
    """What is refused before any page is asked is logged under its own number, as it answers."""
    client = app.test_client()
    numbers = [
        client.get("/login").headers["X-Request-ID"],
        client.post("/login").headers["X-Request-ID"],
    ]
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["request"] for line in logged if line["event"] == "request"] == numbers
    assert len(set(numbers)) == 2


def test_what_looks_like_a_person_is_masked_everywhere(lines: io.StringIO) -> None:
    """Document numbers, telephones and addresses are masked in libraries' lines and tracebacks."""
    try:
        int("row 11010119900307123X of a@b.example, 13800138000")
    except ValueError:
        logging.getLogger("some.library").exception(
            "failed for 13900139000, +8613700137000, 0086 136-0013-6000 and 135 0013 5000"
        )
    text = lines.getvalue()
    assert "Traceback" in text
    for secret in (
        "11010119900307123X", "a@b.example", "13800138000", "13900139000", "13700137000",
        "136-0013", "135 0013",
    ):  # fmt: skip
        assert secret not in text


def test_ordinary_numbers_are_not_masked() -> None:
    """Digests, sequence numbers and times stay readable."""
    text = "seq 12345678901 at 2026-03-01T06:05:04Z, " + "ab12" * 16
    assert mask(text) == text
