from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from review_service.settings import Settings, hash_password
from review_service.tables import Account, Letter, LogEvent, SignInAttempt
from review_service.web import links
from review_service.workflows.accounts import create_account
from review_service.workflows.attempts import OF_ACCOUNT, WINDOW
from review_service.workflows.base import SYSTEM
from tests.security.doors import (
    LONG,
    account_of,
    code_of_app,
    entered,
    is_inside,
    letter_link,
    log_in,
    seated_expert,
    set_up_app,
    visitor,
)
from tests.web.conftest import sign_in
from tests.web.stage import PASSWORD, Stage


def _events(stage: Stage) -> list[str]:
    return [one.type for one in stage.rows(LogEvent) if one.type.startswith("account.")]


def test_passwords_are_argon2id(stage: Stage) -> None:
    """What the command stores and what the page stores is argon2id with the set parameters."""
    assert hash_password("x", (2, 1024, 1)).startswith("$argon2id$v=19$m=1024,t=2,p=1$")
    client = visitor(stage)
    log_in(client, "staff")
    fields = {"password": PASSWORD, "new_password": LONG, "new_password_confirm": LONG}
    assert client.post("/account/password", data=fields).status_code == 302
    assert str(account_of(stage, "staff").password).startswith("$argon2id$")
    assert not is_inside(entered(stage, PASSWORD))
    assert is_inside(entered(stage, LONG))
    assert "account.password_changed" in _events(stage)


def test_a_short_password_is_refused(stage: Stage) -> None:
    """Fewer than twelve characters are not taken, and the old password stays."""
    client = entered(stage, PASSWORD)
    fields = {"password": PASSWORD, "new_password": "short", "new_password_confirm": "short"}
    assert client.post("/account/password", data=fields).status_code == 200
    assert is_inside(entered(stage, PASSWORD))


def test_a_password_change_ends_other_sessions(stage: Stage) -> None:
    """Whoever else was signed in to the account is out after its password was changed."""
    other, client = entered(stage, PASSWORD), entered(stage, PASSWORD)
    assert is_inside(other)
    fields = {"password": PASSWORD, "new_password": LONG, "new_password_confirm": LONG}
    client.post("/account/password", data=fields)
    assert is_inside(client)
    assert not is_inside(other)


def test_the_second_factor_is_asked_for_once_set_up(stage: Stage) -> None:
    """With an app set up the password alone opens nothing; a code lets in, once."""
    client = entered(stage, PASSWORD)
    secret = set_up_app(stage, client)
    assert "account.second_factor_changed" in _events(stage)
    assert secret not in str(account_of(stage, "staff").password)
    client = entered(stage, PASSWORD)
    assert not is_inside(client)
    assert client.post("/tf-validate", data={"code": "000000"}).status_code == 200
    assert not is_inside(client)
    code = code_of_app(stage, secret, 30)
    assert client.post("/tf-validate", data={"code": code}).status_code == 302
    assert is_inside(client)
    again = entered(stage, PASSWORD)
    again.post("/tf-validate", data={"code": code})
    assert not is_inside(again)


def test_a_recovery_code_lets_in_once(stage: Stage) -> None:
    """A recovery code replaces the app one time; used, it never logs in again."""
    client = entered(stage, PASSWORD)
    set_up_app(stage, client)
    page = client.post("/mf-recovery-codes").get_data(as_text=True)
    codes = re.findall(r"<li>([0-9a-f-]{14})</li>", page)
    assert len(codes) == 8
    assert codes[0] not in str(account_of(stage, "staff").mf_recovery_codes)  # encrypted at rest
    for expected, code in ((True, codes[0]), (False, codes[0]), (True, codes[1])):
        client = entered(stage, PASSWORD)
        client.post("/mf-recovery", data={"code": code})
        assert is_inside(client) is expected


def test_guarded_roles_must_have_a_second_factor(stage: Stage) -> None:
    """Outside a demonstration staff, approvers, inspectors and administrators can't do without."""
    stage.app.config["SECURITY_TWO_FACTOR_ROLES"] = ("staff", "administrator")
    client = visitor(stage)
    assert log_in(client, "staff").headers["Location"].endswith("/tf-setup")
    assert not is_inside(client)
    client.post("/tf-setup", data={"setup": "authenticator"})
    with client.session_transaction() as session:
        secret = session["tf_totp_secret"]
    assert client.post("/tf-validate", data={"code": code_of_app(stage, secret)}).status_code == 302
    assert is_inside(client)
    other = visitor(stage)
    assert log_in(other, "approver").headers["Location"] == "/"


def test_settings_say_who_needs_a_second_factor(tmp_path: Any) -> None:
    """It is on by default, off in a demonstration, and off by name."""
    settings = Settings(data=tmp_path)
    assert settings.second_factor
    assert not replace(settings, demonstration=True).second_factor
    assert not replace(settings, asks_second_factor=False).second_factor


def test_an_account_is_closed_after_too_many_failures(stage: Stage) -> None:
    """Ten failures close an account for a quarter of an hour, the right password included."""
    for _ in range(OF_ACCOUNT):
        assert log_in(visitor(stage), "staff", "wrong").status_code == 200
    client = visitor(stage)
    assert log_in(client, "staff").status_code == 429
    assert not is_inside(client)
    assert log_in(visitor(stage), "approver").status_code == 302  # nobody else is shut out
    stage.clock.advance_to(stage.clock.now + WINDOW + timedelta(seconds=1))
    assert log_in(client, "staff").status_code == 302
    rows = stage.rows(SignInAttempt)
    assert not any("staff" in one.account or "127" in one.address for one in rows)


def test_an_unknown_account_answers_like_a_known_one(stage: Stage, monkeypatch: Any) -> None:
    """Wrong password, no such account, a closed one: same page, same count, as much hashing."""
    from flask_security import forms

    hashed: list[str] = []
    real = forms.hash_password
    monkeypatch.setattr(forms, "hash_password", lambda text: hashed.append(text) or real(text))
    with stage.office.store.writing() as session:
        closed = session.get_one(Account, account_of(stage, "inspector").id)
        closed.active = False
        session.add(closed)
        session.commit()
    pages = []
    for name, password in (("staff", "wrong"), ("nobody", "wrong"), ("inspector", PASSWORD)):
        answer = log_in(visitor(stage), name, password)
        text = answer.get_data(as_text=True).replace(f"{name}@test.example", "")
        pages.append((answer.status_code, re.sub(r'(value|nonce)="[^"]*"', "", text)))
    assert pages[0] == pages[1] == pages[2]
    assert hashed == ["wrong"]  # where there is nothing to verify, the same work is done
    for _ in range(OF_ACCOUNT):
        last = log_in(visitor(stage), "nobody", "wrong")
    assert last.status_code == 429


def test_codes_are_counted_too(stage: Stage) -> None:
    """Whoever has the password can't try all codes."""
    client = entered(stage, PASSWORD)
    set_up_app(stage, client)
    client = entered(stage, PASSWORD)
    answers = [client.post("/tf-validate", data={"code": "000000"}) for _ in range(OF_ACCOUNT + 1)]
    assert answers[-1].status_code == 429


def test_sign_out_everywhere(stage: Stage) -> None:
    """Every session of the account ends, on every machine."""
    here, there = entered(stage, PASSWORD), entered(stage, PASSWORD)
    assert here.post("/account/sign-out-everywhere").status_code == 303
    assert not is_inside(here)
    assert not is_inside(there)
    assert "account.signed_out_everywhere" in _events(stage)


def test_a_session_ends_and_the_page_is_there_again(stage: Stage) -> None:
    """A session that nobody used for the set time is over; signing in leads back to the page."""
    client = entered(stage, PASSWORD)
    assert is_inside(client)
    stage.app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=-1)
    answer = client.get("/rounds/new?from=here")
    assert answer.status_code == 302
    stage.app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=4)
    url = answer.headers["Location"]
    assert "next=" in url
    assert log_in(client, "staff", url=url).headers["Location"] == "/rounds/new?from=here"


def test_remembering_is_not_on_offer(stage: Stage) -> None:
    """No cookie outlives the session, whatever a form says."""
    client = visitor(stage)
    fields = {"email": "staff@test.example", "password": PASSWORD, "remember": "y"}
    answer = client.post("/login", data=fields)
    assert not any("remember" in one for one in answer.headers.getlist("Set-Cookie"))
    assert is_inside(client)


def test_sign_in_leads_nowhere_else(stage: Stage) -> None:
    """An address of another site as the place to go on to is not followed."""
    for target in ("https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example"):
        answer = log_in(visitor(stage), "staff", url=f"/login?next={target}")
        location = urlsplit(answer.headers.get("Location", ""))
        assert location.netloc == ""
        assert not location.path.startswith(("//", "/\\"))


def test_an_expert_signs_in_by_a_link_once(stage: Stage, monkeypatch: Any) -> None:
    """A seated expert gets an account and a letter; the link works once, by the button alone."""
    monkeypatch.setattr(links, "PAUSE", 0.0)
    email = seated_expert(stage)
    client = visitor(stage)
    assert client.post("/sign-in/link", data={"email": email.upper()}).status_code == 200
    url = letter_link(stage, email)
    token = url.rsplit("/", 1)[1]
    assert token not in "".join(str(vars(one)) for one in stage.rows(links.links.SignInLink))
    assert client.get(url).status_code == 200
    assert not is_inside(client)  # a program that looks into letters uses nothing up
    assert client.post(url).status_code == 303
    assert is_inside(client)
    assert client.get("/desk").status_code in {200, 302}
    other = visitor(stage)
    assert other.post(url).status_code == 404
    assert not is_inside(other)
    code = next(one for one in stage.rows(Account) if one.email == email).code
    logged = "".join(one.event for one in stage.rows(LogEvent))
    assert code in logged
    assert email not in logged


def test_a_link_ends(stage: Stage, monkeypatch: Any) -> None:
    """After twenty minutes, and once a newer one was asked for, a link opens nothing."""
    monkeypatch.setattr(links, "PAUSE", 0.0)
    email = seated_expert(stage)
    client = visitor(stage)
    client.post("/sign-in/link", data={"email": email})
    first = letter_link(stage, email)
    client.post("/sign-in/link", data={"email": email})
    second = letter_link(stage, email)
    assert client.post(first).status_code == 404
    stage.clock.advance_to(stage.clock.now + timedelta(minutes=21))
    assert client.post(second).status_code == 404
    assert not is_inside(client)


def test_asking_for_a_link_tells_nothing(stage: Stage, monkeypatch: Any) -> None:
    """An expert's address, staff's and nobody's get the same page; letters go to experts alone."""
    monkeypatch.setattr(links, "PAUSE", 0.0)
    email = seated_expert(stage)
    pages = set()
    for one in (email, "staff@test.example", "nobody@test.example"):
        answer = visitor(stage).post("/sign-in/link", data={"email": one})
        text = answer.get_data(as_text=True)
        pages.add(re.sub(r'(value|nonce)="[^"]*"', "", text))
    assert len(pages) == 1
    about = [one for one in stage.rows(Letter) if "登录" in one.subject]
    assert {one.address for one in about} == {email}


def test_answers_about_links_take_the_same_time(stage: Stage) -> None:
    """Whether a letter was written or not, the answer takes at least the set pause."""
    import time

    assert links.PAUSE >= 0.2
    begun = time.monotonic()
    visitor(stage).post("/sign-in/link", data={"email": "nobody@test.example"})
    assert time.monotonic() - begun >= links.PAUSE


def test_a_password_is_set_by_link(stage: Stage) -> None:
    """A new account's holder sets the password by letter; the link works once."""
    from review_service.workflows.links import send_link

    with stage.app.test_request_context():
        unit = stage.office.do(
            SYSTEM, create_account, code="unit-9", email="unit-9@test.example", name="某单位",
            role="unit", password_hash="", province="江苏", prefecture="南京",
        )  # fmt: skip
        stage.office.do(SYSTEM, send_link, unit, "password", links.link_address)
    url = letter_link(stage, "unit-9@test.example")
    client = visitor(stage)
    assert not is_inside(client)
    assert client.post(url, data={"password": "short", "again": "short"}).status_code == 200
    assert client.post(url, data={"password": LONG, "again": LONG}).status_code == 303
    assert client.post(url, data={"password": LONG, "again": LONG}).status_code == 404
    log_in(client, "unit-9", LONG)
    assert is_inside(client)


def test_library_routes_ask_for_their_state(stage: Stage) -> None:
    """A stranger gets nowhere on the library's pages, and the closed ones aren't there."""
    client = visitor(stage)
    for url in ("/tf-setup", "/tf-validate", "/mf-recovery", "/tf-select", "/wan-register",
                "/mf-recovery-codes", "/account/password", "/verify", "/wan-verify"):  # fmt: skip
        answer = client.get(url)
        assert answer.status_code == 302, url
        assert "/login" in answer.headers["Location"], url
    assert client.get("/wan-signin").status_code == 404
    assert client.get("/tf-rescue").status_code == 404
    assert client.post("/login", json={"email": "staff@test.example"}).status_code == 400


def test_the_application_needs_no_library_for_pictures(stage: Stage) -> None:
    """The QR code of an authenticator app is drawn by segno, readable by its text."""
    assert sign_in(stage, "staff").get("/tf-setup").status_code in {200, 302}
    factory = stage.app.extensions["security"].totp_factory
    picture = factory.generate_qrcode("staff", factory.generate_totp_secret())
    assert picture.startswith("data:image/svg+xml;base64,")
