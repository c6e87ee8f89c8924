from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from sqlmodel import col, select

from review_service.demonstration.world import STAFF
from review_service.exchange.pool import ExpertRow, write_pool
from review_service.tables import Seat
from review_service.workflows import reminders, rounds
from tests.browser.conftest import Theatre, picture, serve, violations
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ROUND = f"/rounds/{CODE}"
DESK = f"/desk/{CODE}"
DRAFT = "2027-draft"
# Who looks at which pages; one round in its scoring, one published.
SCORING = {
    "": ["/", "/login", "/verification"],
    "staff": [
        ROUND, "/rounds/new", f"{ROUND}/rules", f"/rounds/{DRAFT}/edit",
        f"{ROUND}/pool", f"{ROUND}/pool/E00004", f"{ROUND}/import/pool",
        f"{ROUND}/dossiers", f"{ROUND}/dossiers/D05", f"{ROUND}/provinces", f"{ROUND}/conflicts",
        f"{ROUND}/draws", f"{ROUND}/draws/1", f"{ROUND}/draws/1/list", f"{ROUND}/draws/1/show",
        f"{ROUND}/draws/1/record", f"{ROUND}/seats", f"{ROUND}/progress", f"{ROUND}/results",
        f"{ROUND}/progress/reviews",
        f"{ROUND}/calibration", f"{ROUND}/seats/1/sheet", "/outbox",
        f"{ROUND}/conflicts FIRST", "/log", "/log/3", "/nothing",
    ],
    "inspector": ["/", ROUND],
    "expert1": [
        DESK, f"{DESK}/dossiers/D01", f"{DESK}/check", f"{DESK}/sheet", f"{DESK}/calibration",
        f"{DESK}/dossiers/D13/amend",
    ],
}  # fmt: skip
# Pages whose pictures are kept, where that is asked for.
PICTURES = {
    DESK: "desk", f"{DESK}/check": "check",
    f"{DESK}/calibration": "calibration", f"{ROUND}/progress": "progress",
    f"{ROUND}/seats": "seats",
}  # fmt: skip
PUBLISHED = {
    "": ["/", f"/public/{CODE}"],
    "staff": [f"{ROUND}/results", f"{ROUND}/publicity"],
    "inspector": ["/checkpoints/LAST"],
}

STEP_OUT_OF_SIGHT = """() => {
  const step = document.querySelector(".steps [aria-current]")?.getBoundingClientRect();
  return step !== undefined && (step.left < 0 || step.right > innerWidth);
}"""


@pytest.fixture(scope="module")
def scoring(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A round in its scoring, one panel calibrated, for tests that only look."""
    stage = Stage(tmp_path_factory.mktemp("scoring")).play("reviewing")
    stage.pledge("expert-1")
    panel = next(one.panel for one in stage.rows(Seat) if one.expert_id == stage.expert("expert-1"))
    for seat in stage.rows(Seat, Seat.panel == panel, Seat.status == "accepted"):
        stage.calibrate(seat)
    stage.office.do(STAFF, rounds.create_round, DRAFT, "次年一轮", "skills-base-2022")
    stage.office.do(STAFF, reminders.remind_many, stage.round_id, late=False)
    yield from serve(stage, browser)


def test_an_invitation_is_accessible(theatre: Theatre) -> None:
    """Axe finds nothing behind a letter's link to several seats, nor on the outbox of it."""
    theatre.stage.play("drawn")
    with theatre.stage.office.store.writing() as session:
        held = session.exec(select(Seat).order_by(col(Seat.panel))).all()
        first, second = held[0], held[-1]  # of two panels
        second.expert_id, second.pseudonym = first.expert_id, first.pseudonym
        session.commit()
    staff = theatre.enter("staff")
    staff.goto(f"{theatre.base}{ROUND}/seats")
    staff.get_by_role("button", name="Send 6 invitations").click()
    staff.goto(f"{theatre.base}/outbox")
    wrong = violations(staff)
    letter = staff.locator("section", has_text="共2个席位")
    link = letter.locator("pre a[href*='/invitation/']").first.get_attribute("href") or ""
    page = theatre.enter(phone=True, language="zh")
    page.goto(theatre.base + urlsplit(link).path)
    assert page.get_by_role("checkbox").count() == 2
    wrong += violations(page)
    picture(page, "invitation-phone-zh")
    page.get_by_role("button", name="勾选的席位应邀").click()
    page.get_by_role("heading", name="感谢您的答复").wait_for()
    assert wrong + violations(page) == []


def test_the_preview_of_an_import_is_accessible(theatre: Theatre) -> None:
    """Axe finds nothing on what a pool would bring in, its faults beside their cells."""
    theatre.stage.play("empty")
    page = theatre.enter("staff", phone=True)
    page.goto(f"{theatre.base}{ROUND}/import/pool")
    rows = [
        ExpertRow("", "王小明", "DOC1", "某学院", "技术", "江苏"),
        ExpertRow("", "", "", "", "", ""),
    ]
    file = {"name": "pool.xlsx", "mimeType": "application/zip", "buffer": write_pool(rows)}
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]  # a payload
    with page.expect_navigation():
        page.locator("main button.btn-primary").click()
    assert "/import/pool/" in page.url
    assert violations(page) == []


@pytest.fixture(scope="module")
def published(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A published round, for tests that only look."""
    yield from serve(Stage(tmp_path_factory.mktemp("published")).play("published"), browser)


def _look(theatre: Theatre, pages: dict[str, list[str]], language: str, *, phone: bool) -> None:
    wrong = []
    for account, urls in pages.items():
        page = theatre.enter(account, language=language, phone=phone)
        for url in urls:
            if "LAST" in url:
                page.goto(f"{theatre.base}/log")
                page.locator("#checkpoints + ul a").first.click()
            else:
                page.goto(theatre.base + url.removesuffix(" FIRST"))
            if url.endswith(" FIRST"):  # the page behind the first row of a list
                page.locator("tbody a").first.click()
                assert page.url != theatre.base + url.removesuffix(" FIRST")
            wrong += [f"{account} {url} {one}" for one in violations(page)]
            if name := PICTURES.get(url):
                picture(page, f"{name}{'-phone' if phone else ''}-{language}")
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"{account} {url} is wider than the screen")
            if page.evaluate(STEP_OUT_OF_SIGHT):
                wrong.append(f"{account} {url} hides the present step")
    theatre.leave()
    assert wrong == []


@pytest.mark.parametrize(("language", "phone"), [("zh", False), ("en", True)])
def test_pages_of_scoring_are_accessible(scoring: Theatre, language: str, *, phone: bool) -> None:
    """Axe finds nothing on any page during scoring, on a desk and a phone, in both languages."""
    _look(scoring, SCORING, language, phone=phone)


@pytest.mark.parametrize(("language", "phone"), [("zh", True), ("en", False)])
def test_pages_of_a_published_round_are_accessible(
    published: Theatre, language: str, *, phone: bool
) -> None:
    """Axe finds nothing on results, publicity and the public list, in both languages."""
    _look(published, PUBLISHED, language, phone=phone)


def test_large_text_and_zoom_keep_pages_usable(scoring: Theatre) -> None:
    """Large text stays switched on, and at 200 % zoom (half the pixels) nothing overflows."""
    seen = {
        "staff": (ROUND, f"{ROUND}/draws/1", f"{ROUND}/seats", f"{ROUND}/draws/1/record"),
        "expert1": (f"{DESK}/dossiers/D01", f"{DESK}/calibration"),
    }
    for who, urls in seen.items():
        page = scoring.enter(who)
        page.get_by_role("button", name="Large text").click()
        assert "large-text" in (page.locator("html").get_attribute("class") or "")
        page.set_viewport_size({"width": 640, "height": 480})
        for url in urls:
            page.goto(scoring.base + url)
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), url
    form = page.goto(f"{scoring.base}{DESK}/dossiers/D01") and page.locator("#review")
    assert form.bounding_box()["width"] > 500  # below the dossier, not squeezed beside it
    picture(page, "scoring-zoom-en")
    scoring.leave()


def test_the_skip_link_is_the_first_stop(scoring: Theatre) -> None:
    """The first Tab reaches a link that jumps over the frame to the content."""
    page = scoring.enter("staff")
    page.goto(scoring.base + ROUND)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"
    scoring.leave()
