from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import update

from review_service.tables import Dossier, Expert, SavedView
from tests.web.stage import CODE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Theatre

pytestmark = pytest.mark.browser
ROUND = f"/rounds/{CODE}"


def _tab_to(page: Page, selector: str) -> None:
    """Go on by Tab alone until an element has the focus."""
    for _step in range(120):
        if page.evaluate("what => document.activeElement.matches(what)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached by Tab on {page.url}")


def _search(page: Page, text: str) -> None:
    page.keyboard.press("Alt+f")
    page.keyboard.type(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_lists_are_worked_through_without_a_mouse(theatre: Theatre) -> None:
    """Filter, keep the view, go through what it leaves, choose only that: by keys alone."""
    stage = theatre.stage.play("imported")
    with stage.office.store.writing() as session:
        session.exec(update(Dossier).where(Dossier.number != "D13").values(status="received"))
        session.commit()
    page = theatre.enter("staff")
    page.goto(f"{theatre.base}{ROUND}/dossiers")
    _search(page, "D0")
    numbers = [one.number for one in stage.rows(Dossier) if one.number.startswith("D0")]
    assert page.locator("tbody tr").count() == len(numbers)
    _tab_to(page, "#view-name")
    page.keyboard.type("early")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert [(one.name, one.query) for one in stage.rows(SavedView)] == [("early", "q=D0")]
    _tab_to(page, "tbody a")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    seen = [page.url]
    while page.locator("a[rel=next]").count():
        with page.expect_navigation():
            page.keyboard.press("Alt+j")
        seen.append(page.url)
    assert len(set(seen)) == len(numbers)
    with page.expect_navigation():
        page.keyboard.press("Alt+k")
    assert page.url == seen[-2]
    page.goto(f"{theatre.base}{ROUND}/dossiers")
    _tab_to(page, ".views a")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.input_value("#q") == "D0"
    _tab_to(page, "[data-choose-all]")
    page.keyboard.press("Space")
    _tab_to(page, "#chosen button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    admitted = {one.number for one in stage.rows(Dossier, Dossier.status == "admitted")}
    assert admitted == set(numbers)
    _retire(theatre, page)


def _retire(theatre: Theatre, page: Page) -> None:
    """Take one expert out of use, found by name, ticked and reasoned by keys alone."""
    stage = theatre.stage
    page.goto(f"{theatre.base}{ROUND}/pool")
    _search(page, "E00004")
    _tab_to(page, "[data-choose]")
    page.keyboard.press("Space")
    _tab_to(page, "details summary")
    page.keyboard.press("Enter")
    _tab_to(page, "#why")
    page.keyboard.type("moved away")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert [one.number for one in stage.rows(Expert) if not one.in_use] == ["E00004"]
