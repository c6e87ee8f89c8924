"""A ministry's own sign-on in the browser, over three hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from review_service.tables import Account
from review_service.web import create_app
from tests.browser.conftest import Theatre, picture, serve, violations
from tests.security.signon import CLIENT, served
from tests.web.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture
def theatre(browser: Browser, tmp_path: Path) -> Iterator[Theatre]:
    """The service with a sign-on, whose page to sign in is on another host than its issuer."""
    stage = Stage(tmp_path).play("empty")
    (tmp_path / "oidc.secret").write_text("known to both")
    with served() as provider:
        settings = replace(stage.settings, oidc_issuer=provider.issuer, oidc_client=CLIENT)
        stage.app.extensions["office"].store.close()
        stage.app = create_app(settings, stage.office.tools)
        yield from serve(stage, browser)
        stage.app.extensions["office"].store.close()


def test_who_signs_in_at_the_ministry_comes_back_signed_in(theatre: Theatre) -> None:
    """From the page that was asked for to the sign-on's own hosts and back to that page."""
    page = theatre.enter()
    page.goto(f"{theatre.base}/account")
    page.get_by_role("button", name="Sign in through the ministry").click()
    page.get_by_label("Address").fill("staff@test.example")
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("heading", name="My account").wait_for()
    assert page.url == f"{theatre.base}/account"


def test_an_open_session_is_confirmed_at_the_ministry(theatre: Theatre) -> None:
    """Half an hour later second factors can be changed by who shows there who they are."""
    with theatre.stage.office.store.writing() as session:
        for one in session.exec(select(Account)):
            one.password = None  # as somebody has who only ever comes by the sign-on
            session.add(one)
        session.commit()
    page = theatre.enter()
    page.get_by_role("button", name="Sign in through the ministry").click()
    page.get_by_label("Address").fill("staff@test.example")
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("button", name="Sign out").wait_for()
    page.goto(f"{theatre.base}/verify?next=/tf-setup")
    picture(page, "confirm")
    assert violations(page) == []
    page.get_by_role("button", name="Confirm through the ministry").click()
    page.get_by_label("Address").fill("staff@test.example")
    page.get_by_role("button", name="Enter").click()
    page.wait_for_url(f"{theatre.base}/tf-setup")


def test_who_has_no_account_is_told_so(theatre: Theatre) -> None:
    """An address that the sign-on knows and the service does not lets nobody in."""
    page = theatre.enter()
    page.get_by_role("button", name="Sign in through the ministry").click()
    page.get_by_label("Address").fill("stranger@test.example")
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("There is no account for you here").wait_for()
    assert page.goto(f"{theatre.base}/account").url.startswith(f"{theatre.base}/login")  # type: ignore[union-attr]  # it was answered
