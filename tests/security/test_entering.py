from __future__ import annotations

import operator
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from review_service.tables import EndedSession
from review_service.workflows.attempts import OF_ACCOUNT
from tests.security.doors import (
    LONG,
    account_of,
    code_of_app,
    entered,
    is_inside,
    log_in,
    set_up_app,
    visitor,
)
from tests.web.conftest import sign_in
from tests.web.stage import PASSWORD, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)))


@pytest.mark.parametrize(
    "spelling", ["STAFF@test.example", "staff@ｔest.example", "staff@test。example"]
)
def test_another_spelling_of_an_address_is_the_same_door(stage: Stage, spelling: str) -> None:
    """What the library takes for one address counts as one: no spelling gives ten more tries."""
    for _ in range(OF_ACCOUNT):
        log_in(visitor(stage), "staff", "wrong")
    answer = visitor(stage).post("/login", data={"email": spelling, "password": PASSWORD})
    assert answer.status_code == 429


def test_a_closed_sign_in_leaves_the_letters_open(stage: Stage) -> None:
    """Who fails at an address closes its password sign-in, not the letters with links to it."""
    for _ in range(OF_ACCOUNT):
        log_in(visitor(stage), "expert1", "wrong")
    asked = {"email": "expert1@test.example"}
    assert log_in(visitor(stage), "expert1").status_code == 429
    for _ in range(OF_ACCOUNT):
        assert visitor(stage).post("/sign-in/link", data=asked).status_code == 200
    assert visitor(stage).post("/sign-in/link", data=asked).status_code == 429


def test_neighbours_of_one_network_are_one_address(stage: Stage, monkeypatch: Any) -> None:
    """An IPv6 household has 2^64 addresses: tries are counted by its network, not by each."""
    from review_service.workflows import attempts

    monkeypatch.setattr(attempts, "OF_ADDRESS", 3)

    def tried(number: int, address: str) -> int:
        return int(
            visitor(stage).post(
                "/login", data={"email": f"n{number}@test.example", "password": "wrong"},
                environ_overrides={"REMOTE_ADDR": address},
            ).status_code
        )  # fmt: skip

    assert [tried(n, f"2001:db8:1:2::{n + 1:x}") for n in range(4)] == [200, 200, 200, 429]
    assert tried(5, "2001:db8:1:3::1") == 200
    assert tried(6, "::ffff:192.0.2.1") == 200
    assert tried(7, "192.0.2.2") == 200


def test_a_code_holds_for_one_step_of_the_clock(stage: Stage) -> None:
    """Codes of the step before and after are taken (RFC 6238, 5.2), earlier and later ones not."""
    secret = set_up_app(stage, entered(stage, PASSWORD))
    moment = time.time()
    for ahead, taken in ((-90, False), (90, False), (60, False), (30, True)):
        if moment % 30 > 25:  # so that the step doesn't change between here and there
            time.sleep(6)
        client = entered(stage, PASSWORD)
        client.post("/tf-validate", data={"code": code_of_app(stage, secret, ahead)})
        assert is_inside(client) is taken, ahead


def test_recovery_codes_are_shown_when_made_and_never_again(stage: Stage) -> None:
    """No address shows the codes a second time, whoever sits at the computer."""
    client = entered(stage, PASSWORD)
    set_up_app(stage, client)
    made = re.findall(r"[0-9a-f-]{14}", client.post("/mf-recovery-codes").get_data(as_text=True))
    assert made
    for url in ("/mf-recovery-codes", "/mf-recovery-codes?show_codes=1"):
        answer = client.get(url)
        assert answer.status_code == 200
        assert made[0] not in answer.get_data(as_text=True)
    assert "8" in _text(client.get("/account"))


@pytest.mark.parametrize("first", [True, False])
def test_a_mistyped_code_leaves_the_set_up_on_the_page(stage: Stage, *, first: bool) -> None:
    """At the set-up a wrong code is told, and the same picture and key are still there."""
    if first:
        stage.app.config["SECURITY_TWO_FACTOR_ROLES"] = ("staff",)
    client = visitor(stage)
    log_in(client, "staff", url="/login?next=/account")
    page = client.post("/tf-setup", data={"setup": "authenticator"}).get_data(as_text=True)
    key = re.search(r'class="digest big">([^<]+)<', page)
    action = re.search(r'action="(/tf-(?:setup/|validate)[^"]*)"', page)
    assert key is not None
    assert action is not None
    with client.session_transaction() as session:
        secret = session["tf_totp_secret"]
    answer = client.post(action[1], data={"code": "000000"}, follow_redirects=True)
    again = answer.get_data(as_text=True)
    assert key[1] in again
    assert "data:image/svg+xml;base64," in again
    assert "not right" in again
    assert "/mf-recovery" not in again  # there are no codes to recover with yet
    action = re.search(r'action="(/tf-(?:setup/|validate)[^"]*)"', again)
    assert action is not None
    answer = client.post(
        action[1], data={"code": code_of_app(stage, secret)}, follow_redirects=True
    )
    assert is_inside(client)
    assert 'href="/mf-recovery-codes"' in answer.get_data(as_text=True)  # what to do next


@pytest.mark.parametrize(
    "password",
    ["aaaaaaaaaaaa", "123456789012", "abababababab", "staffstaffstaff", "staff@test.example"],
)
def test_a_password_that_anybody_guesses_is_refused(stage: Stage, password: str) -> None:
    """Twelve signs of one letter, a run, or one's own address are no password."""
    client = entered(stage, PASSWORD)
    fields = {"password": PASSWORD, "new_password": password, "new_password_confirm": password}
    answer = client.post("/account/password", data=fields)
    assert answer.status_code == 200
    assert "easily guessed" in _text(answer)
    assert is_inside(entered(stage, PASSWORD))


def _cookie(client: FlaskClient) -> str:
    found = client.get_cookie("session")
    assert found is not None
    return found.value


def test_a_copied_cookie_ends_with_its_session(stage: Stage) -> None:
    """Signing out ends the session itself: its cookie, copied before, opens nothing afterwards."""
    client, other = entered(stage, PASSWORD), entered(stage, PASSWORD)
    copied = _cookie(client)
    thief = stage.app.test_client()
    thief.set_cookie("session", copied)
    assert is_inside(thief)
    assert client.post("/logout").status_code == 302
    thief.set_cookie("session", copied)
    assert not is_inside(thief)
    thief.post("/language/en")  # whatever writes the cookie anew
    assert not is_inside(thief)
    assert is_inside(other)  # the same person's session elsewhere goes on
    assert len(stage.rows(EndedSession)) == 1
    assert is_inside(entered(stage, PASSWORD))


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the system's clock forward, by so many minutes from when the test began."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    return lambda minutes: operator.setitem(ahead, 0, 60 * minutes)


def test_a_session_ends_though_it_is_in_use(
    stage: Stage, pass_time: Callable[[float], None]
) -> None:
    """Twelve hours after the sign-in a session is over, its cookie too; a new sign-in opens one."""
    client = entered(stage, PASSWORD)
    for hours in (3, 6, 9, 11.9):
        pass_time(60 * hours)
        stage.clock.advance(minutes=1)  # the cookie is written once a minute
        assert is_inside(client)
    copied = _cookie(client)
    pass_time(60 * 12 + 1)
    assert not is_inside(client)
    client.set_cookie("session", copied)
    client.post("/language/en")  # whatever writes the cookie anew
    assert not is_inside(client)
    log_in(client, "staff")
    assert is_inside(client)


def test_a_session_that_was_signed_out_of_leaves_no_age(
    stage: Stage, pass_time: Callable[[float], None]
) -> None:
    """In a browser that stays open half a day the next sign-in with a code is a new session."""
    client = entered(stage, PASSWORD)
    secret = set_up_app(stage, client)
    client.post("/logout")
    for hours in (3, 6, 9, 12, 13):
        pass_time(60 * hours)
        client.post(f"/language/{'en' if hours % 2 else 'zh'}")  # the cookie is written anew
    log_in(client, "staff")
    code = code_of_app(stage, secret, 30 - 13 * 3600)  # codes are checked by the real clock
    client.post("/tf-validate", data={"code": code})
    assert is_inside(client)


def test_a_session_ends_that_nobody_uses(stage: Stage, pass_time: Callable[[float], None]) -> None:
    """A cookie is good for 240 minutes from the last page on."""
    client = entered(stage, PASSWORD)
    for minutes, inside in ((239, True), (478, True), (719, False)):
        pass_time(minutes)
        stage.clock.advance(minutes=1)
        assert is_inside(client) is inside


def test_a_planted_cookie_gives_no_token_of_the_session(stage: Stage) -> None:
    """The forms' token of before the sign-in is not that of the session that it opens."""
    client = stage.app.test_client()
    with client.session_transaction() as session:
        session["csrf_token"] = "known to somebody else"
    log_in(client, "staff")
    client.get("/account")
    with client.session_transaction() as session:
        assert session.get("csrf_token") != "known to somebody else"


def test_what_sign_in_says_is_chinese_on_chinese_pages(stage: Stage) -> None:
    """Refusals of sign-in, codes and passwords speak the page's language and say what to do."""
    client = stage.app.test_client()
    wrong = _text(log_in(client, "staff", "wrong"))
    assert "邮箱或密码不正确" in wrong
    log_in(client, "staff")
    assert client.get("/account").status_code == 200
    fields = {"password": "wrong", "new_password": "short", "new_password_confirm": "other"}
    answers = [
        client.post("/account/password", data=fields),
        client.post("/account/password", data=fields | {"password": PASSWORD}),
        client.post("/account/password", data={}),
        client.post("/wan-register", data={"name": "", "usage": "secondary"}),
        client.post("/wan-delete", data={"name": "none"}, follow_redirects=True),
        client.post("/account/password", follow_redirects=True, data={
            "password": PASSWORD, "new_password": LONG, "new_password_confirm": LONG}),
    ]  # fmt: skip
    secret = set_up_app(stage, client)
    answers.append(client.get("/account"))
    client = stage.app.test_client()
    log_in(client, "staff", LONG)
    answers.append(client.post("/tf-validate", data={"code": "000000"}))
    answers.append(client.post("/mf-recovery", data={"code": "none"}))
    answers.append(
        client.post(
            "/tf-validate", data={"code": code_of_app(stage, secret, 30)}, follow_redirects=True
        )
    )
    for answer in answers:
        said = "".join(
            re.findall(r'(?s)(?:error-summary|wrong-text|class="notice)(.*?)</(?:div|p)>',
                       answer.get_data(as_text=True))
        )  # fmt: skip
        found = re.findall(r"[A-Za-z]{4,}[ ,][A-Za-z ]+", re.sub(r"<[^>]*>", "", said))
        assert not [one for one in found if "=" not in one], (answer.request.path, found)


def test_every_sentence_of_the_library_that_a_page_can_show_is_ours(stage: Stage) -> None:
    """None of the library's own words about accounts, codes and passkeys reaches a page."""
    from flask_security.core import _default_messages

    from review_service.web.signwords import MESSAGES, UNUSED

    assert set(_default_messages) == set(MESSAGES) | UNUSED
    assert not set(MESSAGES) & UNUSED
    for name in MESSAGES:
        assert stage.app.config[f"SECURITY_MSG_{name}"][0] is MESSAGES[name][0]


def test_errors_stand_under_their_fields(stage: Stage) -> None:
    """A wrong present password and a mistyped repetition are told at their own fields."""
    client = sign_in(stage, "staff")
    fields = {"password": "wrong", "new_password": LONG, "new_password_confirm": LONG + "x"}
    page = client.post("/account/password", data=fields).get_data(as_text=True)
    for name in ("new_password_confirm",):
        assert re.search(rf'id="{name}"[^>]*aria-describedby="{name}-wrong"', page), name
        assert f'id="{name}-wrong"' in page
    fields["new_password_confirm"] = LONG
    page = client.post("/account/password", data=fields).get_data(as_text=True)
    assert re.search(r'id="password"[^>]*aria-describedby="password-wrong"', page)
    assert account_of(stage, "staff").password


@pytest.mark.parametrize(
    "target",
    [
        "/\t/elsewhere.example",
        "/\n/elsewhere.example",
        "/account\r\nSet-Cookie: a=b",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "https://elsewhere.example/",
    ],
)
def test_a_form_leads_back_to_this_site_alone(stage: Stage, target: str) -> None:
    """No way to write another site's address, or a header of one's own, leads out of a form."""
    answer = visitor(stage).post("/language/en", data={"next": target})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_form_of_an_ended_session_gives_back_what_was_typed(stage: Stage) -> None:
    """The answer says that the session ended, where to sign in, and holds texts, no secrets."""
    stage.app.config["WTF_CSRF_ENABLED"] = True
    text = "a reason of several sentences <b>that</b> somebody thought about"
    fields = {"reason": text, "password": "a secret that is long enough", "csrf_token": "x" * 40}
    own = {"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost/rounds/new"}
    answer = visitor(stage).post("/rounds/new", data=fields, headers=own)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert "session has ended" in page
    assert "a reason of several sentences &lt;b&gt;that" in page
    assert "/login?next=/rounds/new" in page
    assert "a secret that is" not in page
    assert "x" * 40 not in page
    foreign = visitor(stage).post("/rounds/new", data=fields)  # another site's form: nothing back
    assert "several sentences" not in foreign.get_data(as_text=True)


@pytest.mark.parametrize("url", ["/sign-in/unknown", "/password/unknown"])
def test_a_link_that_is_over_says_what_to_do(stage: Stage, url: str) -> None:
    """Whoever opens a used, late or mistyped link reads why it opens nothing and how to go on."""
    answer = visitor(stage).get(url)
    assert answer.status_code == 404
    assert "works once" in _text(answer)
    assert 'href="/sign-in/link"' in answer.get_data(as_text=True)


@pytest.mark.parametrize("text", ["x" * 400_000, "\x00" * 20, "\ufffe\ud7ff"])
@pytest.mark.parametrize("name", ["staff", "nobody"])
def test_no_password_breaks_the_sign_in(stage: Stage, name: str, text: str) -> None:
    """Whatever is sent as a password is refused, never a fault, alike for anybody's account."""
    assert log_in(visitor(stage), name, text).status_code == (400 if len(text) > 1000 else 200)
    client = sign_in(stage, "staff")
    fields = {"password": PASSWORD, "new_password": text, "new_password_confirm": text}
    assert client.post("/account/password", data=fields).status_code in {200, 400}
    assert client.post("/verify", data={"password": text}).status_code in {200, 400}
