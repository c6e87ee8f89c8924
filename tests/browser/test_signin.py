from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from review_service.tables import Passkey
from tests.browser.conftest import violations
from tests.web.stage import CODE, PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Theatre

pytestmark = pytest.mark.browser


def _authenticator(page: Page) -> None:
    """Give the browser a virtual authenticator, as a computer with a fingerprint reader has."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def _by_name(theatre: Theatre) -> None:
    """Passkeys need a name for the site: addresses of numbers have none."""
    theatre.base = theatre.base.replace("127.0.0.1", "localhost")


def _with_passkey(theatre: Theatre) -> Page:
    """Return the account page of staff who have just added a passkey."""
    theatre.stage.play("empty")
    _by_name(theatre)
    page = theatre.enter("staff")
    _authenticator(page)
    page.goto(f"{theatre.base}/wan-register")
    assert violations(page) == []
    page.fill("#name", "office computer")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/account")
    return page


def test_a_passkey_is_added_and_asked_for(theatre: Theatre) -> None:
    """Added on the account's page, a passkey is the second factor of the next sign-in."""
    page = _with_passkey(theatre)
    assert [one.name for one in theatre.stage.rows(Passkey)] == ["office computer"]
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto(f"{theatre.base}/login")
    theatre.sign_in(page, "staff")
    page.goto(f"{theatre.base}/account")
    assert "/login" in page.url  # the password alone opens nothing
    theatre.sign_in(page, "staff")
    assert violations(page) == []
    page.get_by_role("button", name="Use the passkey").click()
    # By its path: the address of the sign-in page ends in ?next=/account as well.
    page.wait_for_url(lambda url: urlsplit(url).path in {"/", "/account"})
    page.goto(f"{theatre.base}/account")
    assert page.get_by_role("heading", name="My account").is_visible()
    assert theatre.stage.rows(Passkey)[0].sign_count > 0


def test_the_pages_of_an_account_are_accessible(theatre: Theatre) -> None:
    """Sign-in, account, accounts and second factor pass axe, on a phone too."""
    theatre.stage.play("empty")
    for phone in (False, True):
        page = theatre.enter("administrator", phone=phone)
        for url in ("/account", "/accounts", "/accounts/changes", "/tf-setup", "/wan-register",
                    "/mf-recovery-codes", "/account/password"):  # fmt: skip
            page.goto(f"{theatre.base}{url}")
            assert violations(page) == [], url
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
    page = theatre.enter()
    for url in ("/login", "/sign-in/link"):
        page.goto(f"{theatre.base}{url}")
        assert violations(page) == [], url


def test_signing_in_again_returns_to_the_same_form(theatre: Theatre) -> None:
    """A session that ended while scoring loses no score: signed in again, the form has it."""
    theatre.stage.play("reviewing")
    theatre.stage.pledge("expert-1")
    page = theatre.enter("expert1")
    page.goto(f"{theatre.base}/desk/{CODE}/dossiers/D01")
    group = page.locator("[id^='criterion-']").first
    group.locator("input[type=radio]").last.check(force=True)
    page.locator("#save-state", has_text="Saved by itself").wait_for()
    page.context.clear_cookies()
    page.goto(f"{theatre.base}/desk/{CODE}/dossiers/D01")
    assert "/login" in page.url
    page.fill("#email", "expert1@test.example")
    page.fill("#password", PASSWORD)
    page.click("main button.btn-primary")
    page.wait_for_url(f"**/desk/{CODE}/dossiers/D01")
    assert page.locator("[id^='criterion-']").first.locator("input").last.is_checked()


def test_a_lost_passkey_is_replaced_by_a_recovery_code(theatre: Theatre) -> None:
    """Whose only second factor was a passkey finds the way to the recovery codes, and it opens."""
    page = _with_passkey(theatre)
    page.get_by_role("link", name="Make recovery codes").click()
    page.get_by_role("button", name="Make new codes").click()
    code = page.locator("ul.digest li").first.inner_text()
    page.goto(f"{theatre.base}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto(f"{theatre.base}/login")
    theatre.sign_in(page, "staff")
    page.get_by_role("link", name="Passkey lost? Use a recovery code").click()
    page.fill("#code", code)
    page.click("main button.btn-primary")
    page.wait_for_url(lambda url: urlsplit(url).path in {"/", "/account"})
    page.goto(f"{theatre.base}/account")
    assert page.get_by_text("7 left").is_visible()
