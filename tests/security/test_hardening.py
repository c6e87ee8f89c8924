from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from review_service.settings import Settings
from review_service.tables import Account, Expert, LogEvent, Review, Seat
from review_service.web import create_app
from review_service.workflows.accounts import ROLES
from tests.security.matrix import MATRIX, STRANGER
from tests.web.conftest import sign_in
from tests.web.stage import CODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from tests.security.conftest import House

EVERYBODY = (*ROLES, STRANGER)


def _urls(house: House, role: str, method: str) -> Iterator[str]:
    """Yield the addresses of a role's own routes that take a method."""
    adapter = house.stage.app.url_map.bind("localhost")
    for endpoint, row in MATRIX.items():
        values = row.own if row.own is not None else (row.foreign or ({},))[0]
        for rule in house.stage.app.url_map.iter_rules(endpoint):
            if method in (rule.methods or ()) and row.allowed(role):
                yield adapter.build(endpoint, house.fill(values), method=method)


def test_every_page_has_a_policy_without_unsafe_inline(house: House) -> None:
    """Every page of every role: a policy with a nonce, no inline script or style, no other site."""
    pages = 0
    for role in EVERYBODY:
        for url in _urls(house, role, "GET"):
            answer = house.clients[role].get(url)
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            # Documents and exports too: nothing may stay in the store of a shared computer.
            assert answer.headers["Cache-Control"] == "no-store", url
            text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
            answer.close()
            if not text:
                continue
            pages += 1
            nonces = set(re.findall(r"'nonce-([^']+)'", policy))
            for script in re.findall(r"<script\b[^>]*>", text):
                assert "src=" in script or any(one in script for one in nonces), (url, script)
            assert not re.search(r"<[^>]+\s(style|on[a-z]+)=\"", text), url
            assert not re.search(r'(src|action)="https?://(?!localhost)', text), url
    assert pages > 150


def test_files_of_the_program_are_kept_by_the_browser(house: House) -> None:
    """Styles and scripts are asked for again only to learn that they are the same."""
    client = house.clients[STRANGER]
    for url in ("/static/css/site.css", "/bootstrap/static/css/bootstrap.min.css"):
        first = client.get(url)
        assert first.headers["Cache-Control"] == "no-cache", url
        first.close()
        again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), url
        again.close()


def test_a_page_has_its_own_nonce(house: House) -> None:
    """Two answers never share a nonce."""
    client = house.clients[STRANGER]
    found = {client.get("/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(found) == 3


def test_every_post_needs_its_token(house: House) -> None:
    """A post without the form's token is 400, whoever sends it, whatever it asks for."""
    posts = 0
    house.stage.app.config["WTF_CSRF_ENABLED"] = True
    try:
        for role in EVERYBODY:
            for url in _urls(house, role, "POST"):
                answer = house.clients[role].post(url, data={"reason": "x"})
                assert answer.status_code == 400, (role, url)
                posts += 1
        for url in ("/login", "/logout", "/verify", "/tf-setup", "/tf-validate", "/mf-recovery",
                    "/wan-register", "/wan-delete", "/wan-signin",
                    "/account/password"):  # fmt: skip
            assert house.clients["staff"].post(url).status_code == 400, url
    finally:
        house.stage.app.config["WTF_CSRF_ENABLED"] = False
    assert posts > 60


def test_cookies_are_for_this_site_alone(tmp_path: Path) -> None:
    """Outside loopback demonstrations the session's cookie is Secure, HttpOnly and SameSite."""
    app = create_app(Settings(data=tmp_path, secure_cookies=True))
    answer = app.test_client().get("/login", base_url="https://localhost")
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if "session=" in one)
    assert all(one in cookie for one in ("Secure", "HttpOnly", "SameSite=Lax"))
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    app.extensions["office"].store.close()


def test_only_the_named_hosts_are_served(tmp_path: Path) -> None:
    """A request for another Host is refused before anything is done with it."""
    given = replace(Settings(data=tmp_path, secure_cookies=False), hosts=("review.example",))
    app = create_app(given)
    client = app.test_client()
    assert client.get("/health/live", base_url="http://review.example").status_code == 200
    answer = client.get("/login", base_url="http://evil.example")
    assert answer.status_code == 400
    assert "evil.example" not in answer.get_data(as_text=True)
    # A probe of the machine or of a container asks by the address it has.
    probed = client.get("/health/ready", base_url="http://127.0.0.1:8000")
    assert probed.status_code == 200
    assert "127.0.0.1" not in probed.get_data(as_text=True)
    app.extensions["office"].store.close()


def test_addresses_come_from_the_named_number_of_proxies(tmp_path: Path) -> None:
    """A forged X-Forwarded-For counts only as far as proxies were named."""
    from flask import request

    seen = []
    for proxies in (0, 1):
        given = replace(Settings(data=tmp_path, secure_cookies=False), proxies=proxies)
        app = create_app(given)
        app.before_request(lambda: seen.append(request.remote_addr))
        headers = {"X-Forwarded-For": "10.9.9.9, 10.1.1.1"}
        app.test_client().get("/health/live", headers=headers)
        app.extensions["office"].store.close()
    assert seen == ["127.0.0.1", "10.1.1.1"]


def test_security_txt(tmp_path: Path) -> None:
    """With a contact set the file is there, with an end; without one it isn't."""
    given = replace(Settings(data=tmp_path, secure_cookies=False), contact="mailto:s@example.cn")
    app = create_app(given)
    text = app.test_client().get("/.well-known/security.txt").get_data(as_text=True)
    assert "Contact: mailto:s@example.cn\n" in text
    assert re.search(r"Expires: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    app.extensions["office"].store.close()


def test_error_pages_tell_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault inside gives a page without the fault's text, path or trace."""
    from review_service.web import home

    def broken(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("王小明 110101197001011234 /srv/review/secret")

    monkeypatch.setattr(home, "round_or_404", broken)
    house.stage.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = house.clients["staff"].get(f"/rounds/{CODE}")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 500
    for secret in ("王小明", "110101", "/srv/", "Traceback", "RuntimeError"):
        assert secret not in text


def test_addresses_and_log_lines_bear_no_identity(house: House, caplog: Any) -> None:
    """No expert's name, document, telephone or address is in an address of a page or a log line."""
    people = house.stage.rows(Expert)
    accounts = house.stage.rows(Account)
    secrets = {one.name for one in people} | {one.document for one in people}
    secrets |= {one.email for one in people} | {one.email for one in accounts}
    found: set[str] = set()
    with caplog.at_level(logging.INFO):
        for role in EVERYBODY:
            for url in _urls(house, role, "GET"):
                answer = house.clients[role].get(url)
                if answer.mimetype == "text/html":
                    text = answer.get_data(as_text=True)
                    found |= set(re.findall(r'(?:href|action)="([^"]*)"', text))
                answer.close()
    from urllib.parse import unquote

    text = "\n".join(map(unquote, found))
    lines = "\n".join(str(one.msg) + one.getMessage() for one in caplog.records)
    assert len(found) > 100
    for secret in secrets:
        assert secret not in text, secret
        assert secret not in lines, secret


def test_nobody_sees_scores_before_the_round_allows_it(own_house: House) -> None:
    """While experts score, no page, export, search, order or refusal shows a level or a note."""
    stage = own_house.stage
    note = "机密评语一二三"
    expert = own_house.clients["expert"]
    saved = expert.post(
        f"/desk/{CODE}/dossiers/{own_house.names['own']}/save",
        data={"version": "0", "note": note}, headers={"Accept": "application/json"},
    )  # fmt: skip
    assert saved.status_code < 500
    with stage.office.store.writing() as session:
        mine = stage.rows(Account, Account.code == "expert-1")[0].expert_id
        from review_service.workflows import reviews

        dossier = reviews.assigned(session, stage.round_id, mine)[0]
        row = next(iter(stage.rows(Review, Review.expert_id == mine)), None) or Review(
            round_id=stage.round_id, dossier_id=dossier.id, expert_id=mine, saved_at=stage.clock.now
        )
        row.notes = {"any": note}
        row.levels = {"any": 77}
        session.add(row)
        session.commit()
    for role in EVERYBODY:
        if role == "expert":
            continue
        for url in _urls(own_house, role, "GET"):
            for extra in ("", "?q=" + note, "?sort=total", "?order=score"):
                answer = own_house.clients[role].get(url + extra)
                data = answer.get_data()
                answer.close()
                assert note not in data.decode(errors="ignore").replace("?q=" + note, "").replace(
                    f'value="{note}"', ""
                ) or extra.startswith("?q="), (role, url)
    other = sign_in(stage, "expert2")
    for url in (f"/desk/{CODE}", f"/desk/{CODE}/check", "/desk"):
        assert note not in other.get(url).get_data(as_text=True)


def test_administrators_see_neither_names_nor_scores(house: House) -> None:
    """Whatever opens to an administrator names no expert who was drawn."""
    drawn = {one.expert_id for one in house.stage.rows(Seat)}
    names = {one.name for one in house.stage.rows(Expert) if one.id in drawn}
    for url in _urls(house, "administrator", "GET"):
        answer = house.clients["administrator"].get(url)
        text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        answer.close()
        assert not {one for one in names if one in text}, url


def test_a_body_without_files_is_small(house: House) -> None:
    """Megabytes that are no upload are refused unread: parsed, they would take gigabytes."""
    kind = "application/x-www-form-urlencoded"
    for url in ("/login", "/sign-in/link"):
        answer = house.clients[STRANGER].post(url, data=b"a&" * 1_500_000, content_type=kind)
        assert answer.status_code == 413, url
    url = f"/desk/{CODE}/dossiers/{house.names['own']}/save"
    answer = house.clients["expert"].post(url, json={"note": "x" * 3_000_000})
    assert answer.status_code == 413


def test_a_form_from_another_site_is_refused_over_tls(house: House) -> None:
    """Over TLS a right token isn't enough: the request must come from a page of this site."""
    client = house.clients[STRANGER]
    house.stage.app.config["WTF_CSRF_ENABLED"] = True
    try:
        page = client.get("/login", base_url="https://localhost").get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found is not None
        for came, status in (
            ("https://localhost/login", 303),
            ("https://evil.example/", 400),
            ("", 400),
        ):
            answer = client.post(
                "/language/en", data={"csrf_token": found[1]}, base_url="https://localhost",
                headers={"Referer": came} if came else {},
            )  # fmt: skip
            assert answer.status_code == status, came
    finally:
        house.stage.app.config["WTF_CSRF_ENABLED"] = False


VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "0", "-1", "1e309", "NaN", "９", "' OR 1=1 --", "{{7*7}}", "\x00", "∞",
                     "99999999999999999999", "true", "null", "[]", "{}", "<script>", "%s%n"]),
    st.integers(-(2**70), 2**70).map(str),
)  # fmt: skip
NAMES = st.sampled_from([
    "reason", "note", "title", "code", "levels", "version", "decision", "approve", "email", "role",
    "name", "to", "panels", "total", "number", "secret", "commitment", "signature", "key", "line",
    "party", "kind", "source", "text", "file", "next", "password", "scopes", "days", "csrf_token",
    "expert", "dossier", "verdict", "page", "sort", "q", "rubric", "province_most", "answer",
])  # fmt: skip


@settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    fields=st.dictionaries(NAMES, VALUES, max_size=8),
    query=st.dictionaries(NAMES, VALUES, max_size=3),
)
def test_no_form_breaks_the_service(
    fuzzed: House, fields: dict[str, str], query: dict[str, str]
) -> None:
    """Random fields posted to every route as every role that it opens to: never a 5xx."""
    fuzzed.forget_attempts()
    for role in EVERYBODY:
        client: FlaskClient = fuzzed.clients[role]
        for url in _urls(fuzzed, role, "POST"):
            if "sign-out-everywhere" in url or "/accounts/" in url:
                continue  # these would sign the others out; test_accounts posts to them
            answer = client.post(url, data=fields, query_string=query)
            answer.close()
            assert answer.status_code < 500, (role, url, answer.status_code)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose forms are fed with anything."""
    from tests.security.conftest import settle

    made = settle(tmp_path_factory.mktemp("fuzzed"))
    made.stage.app.config["PROPAGATE_EXCEPTIONS"] = False
    yield made
    seqs = [one.seq for one in made.stage.rows(LogEvent)]
    assert sorted(seqs) == list(range(len(seqs)))
    assert all(json.loads(one.event)["seq"] == one.seq for one in made.stage.rows(LogEvent))
    made.stage.close()
