"""Results, publicity and the public's pages in a real browser: accessible, and they work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from review_service.demonstration.world import STAFF
from review_service.jobs.queue import enqueue
from tests.browser.conftest import Theatre, serve, violations
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
ROUND, PUBLIC = f"/rounds/{CODE}", f"/public/{CODE}"
PAGES = {
    "staff": [
        f"{ROUND}/results", f"{ROUND}/papers", f"{ROUND}/publicity", f"{ROUND}/results/jobs/1",
    ],
    "": [PUBLIC, f"{PUBLIC}/objection", f"{PUBLIC}/receipt?number=none"],
}  # fmt: skip
# The sizes below 10 pixels at which charts show their texts.
SMALL_TYPE = (
    "[...document.querySelectorAll('svg.chart')].filter((it) => it.getBoundingClientRect().width)"
    ".flatMap((it) => [...it.querySelectorAll('text')].map((text) => text.getAttribute('font-size')"
    " * it.getBoundingClientRect().width / it.viewBox.baseVal.width)).filter((size) => size < 10)"
)


@pytest.fixture(scope="module")
def published(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A published round; a computation waits for its turn."""
    stage = Stage(tmp_path_factory.mktemp("published")).play("published")
    asked = {"round_id": stage.round_id, "by": STAFF.id}
    assert stage.office.do(STAFF, enqueue, "repeat", asked).id == 1
    yield from serve(stage, browser)


def test_an_objection_is_raised_and_answered(published: Theatre) -> None:
    """Somebody objects with a file, staff proposes an answer, the approver decides, all by hand."""
    public = published.enter("")
    public.goto(published.base + PUBLIC)
    public.get_by_role("link", name="Raise an objection").click()
    public.get_by_label("Name").fill("王某")
    public.get_by_label("Phone or e-mail").fill("13800000000")
    public.get_by_label("What you object to").fill("设备清单与实际不符。")
    file = {"name": "证据.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF\n"}
    public.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]  # a payload
    public.get_by_role("button", name="Send").click()
    receipt = public.locator("strong.code").inner_text()
    staff = published.enter("staff")
    staff.goto(published.base + f"{ROUND}/publicity")
    assert violations(staff) == []
    staff.get_by_label("dismissed").check()
    staff.get_by_label("Answer, as its sender will read it").fill("经核查，设备清单属实。")
    staff.get_by_label("Reason, for the file").fill("现场核查")
    staff.get_by_role("button", name="Propose the answer").click()
    approver = published.enter("approver")
    approver.goto(published.base + f"{ROUND}/publicity")
    assert violations(approver) == []
    approver.get_by_role("button", name="Approve").click()
    public.goto(published.base + f"{PUBLIC}/receipt?number={receipt}")
    assert public.get_by_text("经核查，设备清单属实。").is_visible()
    published.leave()


@pytest.mark.parametrize(("language", "phone"), [("zh", True), ("en", False)])
def test_pages_are_accessible(published: Theatre, language: str, *, phone: bool) -> None:
    """Axe finds nothing, and nothing is wider than a phone or a desk, in both languages."""
    wrong = []
    for account, urls in PAGES.items():
        page = published.enter(account, language=language, phone=phone)
        for url in urls:
            page.goto(published.base + url)
            wrong += [f"{account} {url} {one}" for one in violations(page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"{account} {url} is wider than the screen")
            if phone:
                wrong += [f"{url} type of {size} pixels" for size in page.evaluate(SMALL_TYPE)]
    published.leave()
    assert wrong == []


def test_results_print_on_paper(published: Theatre) -> None:
    """In print the charts are no wider than the page, and filters and buttons are gone."""
    page = published.enter("staff")
    page.goto(f"{published.base}{ROUND}/results")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 660, "height": 940})  # A4 less its margins, at 96 per inch
    assert page.locator("form.filters").is_hidden()
    widths = page.evaluate(
        "[...document.querySelectorAll('svg.chart')].map((it) => it.getBoundingClientRect().right)"
    )
    assert sum(right > 0 for right in widths) >= 4
    assert max(widths) <= 660
    published.leave()
