from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from review_service.tables import Review
from tests.browser.conftest import picture, serve, violations
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Theatre

pytestmark = pytest.mark.browser
DESK = f"/desk/{CODE}"
SAVED = "Saved by itself"


@pytest.fixture
def desk(theatre: Theatre) -> Theatre:
    """A round in its scoring, the first expert pledged."""
    theatre.stage.play("reviewing")
    theatre.stage.pledge("expert-1")
    return theatre


@pytest.fixture
def long_desk(browser: Browser, tmp_path: Path) -> Iterator[Theatre]:
    """The same with fifteen dossiers for each expert: fourteen and the calibration sample."""
    stage = Stage(tmp_path, dossiers=28).play("reviewing")
    stage.pledge("expert-1")
    yield from serve(stage, browser)


def _open(desk: Theatre, number: str = "D01") -> Page:
    page = desk.enter("expert1")
    page.goto(f"{desk.base}{DESK}/dossiers/{number}")
    return page


def _give(page: Page, criterion: str, level: int) -> None:
    page.locator(f"#criterion-{criterion} input[value='{level}']").check(force=True)


def _until_saved(page: Page) -> None:
    page.locator("#save-state", has_text=SAVED).wait_for()


def test_fifteen_dossiers_by_keyboard_alone(long_desk: Theatre) -> None:
    """An expert scores fifteen dossiers and submits them without ever touching the mouse."""
    page = long_desk.enter("expert1")

    def tab_to(script: str) -> None:
        for _ in range(200):
            if page.evaluate(script):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"never reached: {script}")

    tab_to("document.activeElement.textContent.trim().startsWith('Go on with')")
    page.keyboard.press("Enter")
    for _ in range(15):
        page.wait_for_selector("#review")
        tab_to("document.activeElement.type === 'radio'")
        for n in range(page.locator("fieldset[data-criterion]").count()):
            page.keyboard.type("10" if n % 9 == 0 else str(4 + n % 5))
            page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.textContent").startswith("Save and")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    tab_to("document.activeElement.textContent === 'Submit the ticked reviews'")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_text("Submitted and locked: 15").is_visible()
    rows = long_desk.stage.rows(Review, Review.status == "submitted")
    assert len(rows) == 15
    assert {level for row in rows for level in row.levels.values()} >= {4, 10}


def test_entries_save_themselves_and_survive_a_reload(desk: Theatre) -> None:
    """A level and a comment are saved without any button, and stand there after a reload."""
    page = _open(desk)
    _give(page, "platform", 7)
    page.locator("#note-platform").fill("见第 12 页")
    _until_saved(page)
    assert page.locator("#save-done").inner_text() == "1 / 25"
    page.reload()
    assert page.locator("#criterion-platform input[value='7']").is_checked()
    assert page.locator("#note-platform").input_value() == "见第 12 页"
    assert desk.stage.rows(Review)[0].levels == {"platform": 7}


def test_a_lost_network_loses_nothing(desk: Theatre) -> None:
    """What is entered without a network is kept, said so, and sent when the network is back."""
    page = _open(desk)
    page.context.set_offline(True)
    _give(page, "platform", 8)
    page.locator("#save-state", has_text="Kept on this computer").wait_for()
    assert desk.stage.rows(Review) == []
    page.context.set_offline(False)
    _until_saved(page)
    assert desk.stage.rows(Review)[0].levels == {"platform": 8}


def test_entries_left_without_a_network_come_back_another_day(desk: Theatre) -> None:
    """A window closed while offline: the entries are found on the computer and sent later."""
    page = _open(desk)
    context = page.context
    # Not `set_offline`: a page that is being closed would see the network come back, and send.
    context.route("**/save", lambda route: route.abort("internetdisconnected"))
    _give(page, "platform", 9)
    page.locator("#save-state", has_text="Kept on this computer").wait_for()
    page.close()
    context.unroute("**/save")
    page = context.new_page()
    page.goto(f"{desk.base}{DESK}/dossiers/D01")
    page.get_by_text("were found on this computer and put back").wait_for()
    _until_saved(page)
    assert desk.stage.rows(Review)[0].levels == {"platform": 9}


def test_two_windows_never_overwrite_each_other(desk: Theatre) -> None:
    """The window that saves later is told; only the expert's own choice replaces what stands."""
    first = _open(desk)
    second = first.context.new_page()
    second.goto(first.url)
    _give(first, "platform", 3)
    _until_saved(first)
    _give(second, "platform", 8)
    second.get_by_text("saved in another window meanwhile").wait_for()
    assert desk.stage.rows(Review)[0].levels == {"platform": 3}
    second.get_by_role("button", name="Keep what stands here instead").click()
    _until_saved(second)
    assert desk.stage.rows(Review)[0].levels == {"platform": 8}
    _give(first, "host", 5)
    with first.expect_navigation():
        first.get_by_role("button", name="Show that version").click()
    assert first.locator("#criterion-platform input[value='8']").is_checked()


def test_an_expired_sign_in_loses_nothing(desk: Theatre) -> None:
    """Signed out in the middle: the entries are kept, and go through after signing in again."""
    page = _open(desk)
    _give(page, "platform", 6)
    _until_saved(page)
    page.context.clear_cookies()
    _give(page, "host", 4)
    page.get_by_text("You were signed out").wait_for()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in again in a new window").click()
    other = opened.value
    other.wait_for_load_state()
    desk.sign_in(other, "expert1")
    page.bring_to_front()
    page.locator("#save-done", has_text="2 / 25").wait_for()
    assert page.get_by_text("You were signed out").is_hidden()
    assert desk.stage.rows(Review)[0].levels == {"platform": 6, "host": 4}


def test_the_border_moves_by_mouse_and_keyboard(desk: Theatre) -> None:
    """The dossier's width follows the mouse and the arrow keys, and is kept for the next one."""
    page = _open(desk)
    border = page.get_by_role("separator", name="Width of the dossier")

    def width() -> float:
        return (page.locator(".dossier-side").bounding_box() or {"width": 0})["width"]

    before, box = width(), border.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, 300)
    page.mouse.up()
    assert width() > before + 100
    border.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    held, now = width(), border.get_attribute("aria-valuenow")
    page.goto(f"{desk.base}{DESK}/dossiers/D03")
    assert border.get_attribute("aria-valuenow") == now
    assert abs(width() - held) < 2
    border.focus()
    page.keyboard.press("Home")
    assert border.get_attribute("aria-valuenow") == border.get_attribute("aria-valuemin")
    page.keyboard.press("Enter")
    assert abs(width() - before) < 2


def test_scoring_on_a_phone(desk: Theatre) -> None:
    """At 390 px dossier and rubric stand one above the other, and a tap gives a level."""
    page = desk.enter("expert1", phone=True)
    page.goto(f"{desk.base}{DESK}/dossiers/D01")
    dossier, rubric = (
        page.locator(one).bounding_box() for one in (".dossier-side", ".rubric-side")
    )
    assert dossier
    assert rubric
    assert rubric["y"] > dossier["y"] + dossier["height"] - 1
    _give(page, "platform", 10)
    _until_saved(page)
    assert desk.stage.rows(Review)[0].levels == {"platform": 10}


def test_the_pledge_asks_for_every_dossier_and_a_conflict_closes_one(desk: Theatre) -> None:
    """Nothing opens before the pledge; a dossier with a conflict is closed and has a stand-in."""
    page = desk.enter("expert2")
    page.goto(f"{desk.base}{DESK}/dossiers/D01")
    assert page.get_by_text("There is no such page for you").is_visible()
    page.goto(f"{desk.base}{DESK}/pledge")
    page.get_by_role("button", name="Sign", exact=True).click()
    links = page.locator(".error-summary a")
    assert links.count() == page.locator("fieldset").count() + 1
    assert violations(page) == []
    picture(page, "pledge-en")
    fieldsets = page.locator("fieldset")
    for n in range(1, fieldsets.count()):
        fieldsets.nth(n).get_by_label("no conflict").check()
    closed = fieldsets.nth(1)
    number = (closed.get_attribute("id") or "").removeprefix("conflict-")
    fieldsets.nth(0).get_by_label("no conflict").check()
    closed.get_by_text("There is a conflict …").click()
    closed.locator("input[value='kin']").check()
    page.get_by_label("I have read the pledge").check()
    page.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_text("The dossiers are open to you").wait_for()
    assert page.get_by_role("cell", name=number, exact=True).count() == 0
    page.goto(f"{desk.base}{DESK}/dossiers/{number}")
    assert page.get_by_text("There is no such page for you").is_visible()
