from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.routing import IntegerConverter

from review_service.workflows.accounts import ROLES
from tests.security.matrix import MATRIX, STRANGER, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.security.conftest import House

EVERYBODY = (*ROLES, STRANGER)
# Of the library and for files: open to everybody, or tested on their own in test_signing_in.
ELSEWHERE = re.compile(r"(security\.|static$|bootstrap\.static$)")
OPENED = {200, 302, 303, 400, 409, 422}


def test_every_route_has_its_row(house: House) -> None:
    """A route that is added without saying who may use it, or a row of none, fails here."""
    routes = {rule.endpoint for rule in house.stage.app.url_map.iter_rules()}
    assert {one for one in routes if not ELSEWHERE.match(one)} == set(MATRIX)


def test_the_declared_access_is_the_rows(house: House) -> None:
    """What a route declares is what the matrix says, role by role."""
    for endpoint, row in MATRIX.items():
        view: Any = house.stage.app.view_functions[endpoint]
        declared = view.__access__
        assert (declared is None) == (row.roles == "-"), endpoint
        assert declared is None or declared == set(row.roles.split()), endpoint


def _requests(house: House, endpoint: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    adapter = house.stage.app.url_map.bind("localhost")
    for rule in house.stage.app.url_map.iter_rules(endpoint):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield method, adapter.build(endpoint, house.fill(values), method=method)


def _plain(answer: TestResponse) -> str:
    text = answer.get_data(as_text=True)
    answer.close()
    return re.sub(r'value="[^"]*"|nonce="[^"]*"', "", text)


def _refused(answer: TestResponse, role: str) -> bool:
    """Whether a role without the right got what it should: sign-in for strangers, 403 else."""
    if role == STRANGER:
        return answer.status_code == 302 and "/login" in answer.headers["Location"]
    return answer.status_code == 403


def _look(client: FlaskClient, method: str, url: str) -> TestResponse:
    return client.open(url, method=method)


@pytest.mark.parametrize("role", EVERYBODY)
def test_closed_routes_refuse(house: House, role: str) -> None:
    """A role that a row doesn't name is refused alike for own, foreign and absent objects."""
    asked = 0
    for endpoint, row in MATRIX.items():
        if row.allowed(role):
            continue
        values = [one for one in (row.own, *row.foreign) if one is not None]
        pages = set()
        for method, url in (found for one in values for found in _requests(house, endpoint, one)):
            answer = _look(house.clients[role], method, url)
            assert _refused(answer, role), (endpoint, method, url, answer.status_code)
            if role != STRANGER:
                pages.add(_plain(answer))
            asked += 1
        assert len(pages) <= 1, endpoint
    assert asked > (20 if role == "staff" else 40)


@pytest.mark.parametrize("role", EVERYBODY)
def test_foreign_and_absent_objects_answer_alike(house: House, role: str) -> None:
    """What is another's and what isn't there give the same 404, byte for byte."""
    for endpoint, row in MATRIX.items():
        if not row.allowed(role):
            continue
        by_method: dict[str, set[str]] = {}
        house.forget_attempts()
        for values in row.foreign:
            for method, url in _requests(house, endpoint, values):
                answer = _look(house.clients[role], method, url)
                hidden = {404} | set(row.answers)
                assert answer.status_code in hidden, (endpoint, method, url, answer.status_code)
                by_method.setdefault(method, set()).add(_plain(answer))
        assert all(len(pages) == 1 for pages in by_method.values()), endpoint


def test_open_routes_open(own_house: House) -> None:
    """Every role gets what is its own: a page, a redirect, or a refusal that names its reason."""
    opened = 0
    for endpoint, row in sorted(MATRIX.items(), key=_readers_first):
        own_house.forget_attempts()
        for role in EVERYBODY:
            if row.own is None or not row.allowed(role):
                continue
            for method, url in _requests(own_house, endpoint, row.own):
                if method == "POST" and role == STRANGER:
                    continue  # without a form's fields a stranger's post says nothing
                answer = _look(own_house.clients[role], method, url)
                answer.close()
                allowed = OPENED | set(row.answers)
                assert answer.status_code in allowed, (endpoint, role, method, answer.status_code)
                opened += 1
    assert opened > 150


def _readers_first(item: tuple[str, Row]) -> tuple[bool, str]:
    """Ask for pages before posts change what is there."""
    endpoint, row = item
    return "inspector approver" not in row.roles and row.roles != "-", endpoint


def test_a_number_that_no_row_can_have_is_nowhere(own_house: House) -> None:
    """In an address it is a 404 on both databases; asked for otherwise, never a fault."""
    asked = "&".join(
        f"{name}={2**63}"
        for name in ("before", "page", "new", "old", "from", "to", "start", "seq", "size", "part")
    )
    addresses = 0
    for rule in own_house.stage.app.url_map.iter_rules():
        row = MATRIX.get(rule.endpoint)
        if row is None or row.own is None or "GET" not in (rule.methods or ()):
            continue
        role = next(one for one in EVERYBODY if row.allowed(one))
        client, adapter = own_house.clients[role], own_house.stage.app.url_map.bind("localhost")
        values = own_house.fill(row.own)
        numbers = {
            name
            for name, converter in rule._converters.items()
            if isinstance(converter, IntegerConverter)
        }
        own_house.forget_attempts()
        url = adapter.build(rule.endpoint, values, method="GET")
        answer = _look(client, "GET", f"{url}{'&' if '?' in url else '?'}{asked}")
        answer.close()
        assert answer.status_code < 500, (rule.endpoint, answer.status_code)
        if numbers:
            url = adapter.build(rule.endpoint, values | dict.fromkeys(numbers, 2**31), method="GET")
            answer = _look(client, "GET", url)
            answer.close()
            assert answer.status_code == 404, (rule.endpoint, answer.status_code)
            addresses += 1
    assert addresses > 12
