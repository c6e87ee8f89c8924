from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from allocation import checkpoint as notes
from review_service.demonstration.world import INSPECTOR, STAFF
from review_service.jobs.queue import enqueue
from review_service.jobs.worker import Worker
from review_service.tables import Checkpoint, Witness
from review_service.workflows import log, replays, tokens
from review_service.workflows.base import Actor, pk
from tests.browser.conftest import Theatre, serve, violations
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
DRAW = f"/inspection/rounds/{CODE}/draws/1"
PAGES = {
    "inspector": [
        "/inspection", DRAW, f"{DRAW}/replay", "/inspection/anomalies",
        f"/inspection/rounds/{CODE}/scores", "/log", "/log?text=ministry&type=draw.revealed",
        "/log?text=nowhere", "/log/3", "/log/compare", "/log/compare?old=OLD", "/checkpoints/OLD",
    ],
    "administrator": ["/tokens"],
}  # fmt: skip


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A published round, for tests that only look."""
    stage = Stage(tmp_path_factory.mktemp("house")).play("published")
    admin = Actor("administrator", "admin-1")
    stage.office.do(admin, tokens.create_token, "监督平台", ["rounds"], 30)
    stage.office.do(INSPECTOR, enqueue, replays.KIND, {"draw": pk(stage.draw())})
    assert Worker(stage.office).once()
    yield from serve(stage, browser)


@pytest.mark.parametrize(("language", "phone"), [("zh", False), ("en", True), ("zh", True)])
def test_the_desk_is_accessible(house: Theatre, language: str, *, phone: bool) -> None:
    """Axe finds nothing on any page of the desk; none is wider than a phone, in both languages."""
    oldest = min(one.size for one in house.stage.rows(Checkpoint))
    wrong = []
    for account, urls in PAGES.items():
        page = house.enter(account, language=language, phone=phone)
        for url in urls:
            page.goto(house.base + url.replace("OLD", str(oldest)))
            wrong += [f"{account} {url} {one}" for one in violations(page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"{account} {url} is wider than the screen")
    house.leave()
    assert wrong == []


def _checkpoint(theatre: Theatre) -> Checkpoint:
    return max(theatre.stage.rows(Checkpoint), key=lambda one: one.size)


def _open(theatre: Theatre, page: Page) -> str:
    """Open the newest checkpoint's page and return its address."""
    url = f"{theatre.base}/checkpoints/{_checkpoint(theatre).size}"
    page.goto(url)
    return url


def _cosigners(theatre: Theatre) -> list[str]:
    """Return who countersigned the newest checkpoint, after checking every signature."""
    with theatre.stage.office.store.reading() as session:
        keys = log.all_keys(session)
    return [key.name for key, _ in notes.open_note(_checkpoint(theatre).note, keys).cosigners]


def test_countersigning_with_a_key_of_the_browser(theatre: Theatre) -> None:
    """The key is made, registered and used in the browser; the next time it is still there."""
    theatre.stage.play("drawn")
    page = theatre.enter("inspector")
    _open(theatre, page)
    page.get_by_role("button", name="Make a key in this browser").click()
    page.get_by_role("button", name="Register this key").click()
    page.get_by_text("The key is registered.").wait_for()
    page.get_by_role("button", name="Countersign this checkpoint").click()
    page.get_by_text("The cosignature holds and was attached.").wait_for()
    # The page's script says so once it has opened the browser's own store.
    page.get_by_text("Your key has countersigned this checkpoint.").wait_for()
    assert _cosigners(theatre) == [INSPECTOR.id]
    kept = page.evaluate(
        "(holder) => new Promise((done) => { const open = indexedDB.open('inspection', 1);"
        " open.onsuccess = () => { const get = open.result.transaction('kept').objectStore('kept')"
        ".get(`key ${holder}`); get.onsuccess = async () => { try {"
        " await crypto.subtle.exportKey('pkcs8', get.result.privateKey); done('out'); }"
        " catch (error) { done(error.name); } }; }; })",
        INSPECTOR.id,
    )
    assert kept == "InvalidAccessError"  # the private half can't be taken out

    # A later checkpoint: the browser asks for the proof since the one it signed, then signs.
    theatre.stage.office.do(STAFF, log.sign_checkpoint)
    _open(theatre, page)
    page.get_by_role("button", name="Countersign this checkpoint").click()
    page.get_by_text("The cosignature holds and was attached.").wait_for()
    assert _cosigners(theatre) == [INSPECTOR.id]


def test_the_browser_does_not_sign_a_rewritten_log(theatre: Theatre) -> None:
    """A log that doesn't continue what the browser signed gets an alarm instead of a signature."""
    theatre.stage.play("drawn")
    page = theatre.enter("inspector")
    url = _open(theatre, page)
    page.get_by_role("button", name="Make a key in this browser").click()
    page.get_by_role("button", name="Register this key").click()
    page.get_by_role("button", name="Countersign this checkpoint").wait_for()
    size = _checkpoint(theatre).size
    change = (
        "([origin, size, root]) => new Promise((done) => {"
        " const open = indexedDB.open('inspection', 1); open.onsuccess = () => {"
        " const put = open.result.transaction('kept', 'readwrite').objectStore('kept').put("
        "{size, root: new Uint8Array(32).fill(root)}, `seen ${origin}`);"
        " put.onsuccess = () => done(true); }; })"
    )
    origin = theatre.stage.office.tools.keys.origin
    for seen in (size - 2, size, size + 5):
        page.evaluate(change, [origin, seen, 7])
        page.goto(url)
        page.get_by_role("button", name="Countersign this checkpoint").click()
        page.get_by_text("this is an alarm").wait_for()
    assert _cosigners(theatre) == []


def test_countersigning_with_a_key_file(theatre: Theatre, tmp_path: Path) -> None:
    """A key saved by the browser is read again, by the browser and by the program alike."""
    theatre.stage.play("drawn")
    page = theatre.enter("inspector")
    _open(theatre, page)
    page.get_by_label("Name of the key").fill("纪检 组")
    page.get_by_role("button", name="Make a key and save it as a file").click()
    page.get_by_text("no blank and no plus sign").wait_for()
    page.get_by_label("Name of the key").fill("纪检组")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Make a key and save it as a file").click()
    file = tmp_path / "inspector.key"
    waiting.value.save_as(file)
    file.chmod(0o600)
    key = notes.load_key_file(file)
    page.get_by_role("button", name="Register this key").click()
    page.get_by_text("The key is registered.").wait_for()
    assert [one.key for one in theatre.stage.rows(Witness)] == [key.verifier_key]
    bad = tmp_path / "bad.key"
    bad.write_text("nothing\n", encoding="utf-8")
    page.get_by_label("Or use a key file that you have").set_input_files(bad)
    page.get_by_text("no key file of a countersigning key").wait_for()
    page.get_by_label("Or use a key file that you have").set_input_files(file)
    page.get_by_role("button", name="Countersign this checkpoint").click()
    page.get_by_text("The cosignature holds and was attached.").wait_for()
    assert _cosigners(theatre) == ["纪检组"]
