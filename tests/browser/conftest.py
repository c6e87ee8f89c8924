"""A real Chromium before the application on a free port of the loopback. None found: it fails."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from tests.missing import missing
from tests.web.stage import PASSWORD, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from playwright.sync_api import Browser, BrowserContext, Page

FLAGS = (
    "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu",
)  # fmt: skip
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1366, "height": 860}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file (Y4M) that the browser's camera shows; a test writes it before it opens one."""
    return tmp_path_factory.mktemp("camera") / "film.y4m"


@pytest.fixture(scope="session")
def browser(film: Path) -> Iterator[Browser]:
    """The browser; where none can be had the tests don't run, and the summary says so loudly."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not os.path.exists(path):  # noqa: PTH110 - one look
        missing("no Chromium: install one, or set CHROMIUM=/path/to/it (tools/chromium.sh)")
    camera = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    flags = [*FLAGS, *camera, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@dataclass
class Theatre:
    """A stage that is served, and people who look at it in the browser."""

    stage: Stage
    browser: Browser
    base: str = ""
    troubles: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def enter(self, account: str = "", *, language: str = "en", phone: bool = False) -> Page:
        """Return the page of somebody who has signed in (or of a stranger)."""
        context = self.browser.new_context(viewport=PHONE if phone else DESKTOP)  # type: ignore[arg-type]
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._heard)
        page.goto(f"{self.base}/login")
        if language == "en":
            page.get_by_role("button", name="English").click()
        if account:
            self.sign_in(page, account)
        return page

    def sign_in(self, page: Page, account: str) -> None:
        """Sign somebody in on the sign-in page."""
        page.fill("#email", f"{account}@test.example")
        page.fill("#password", PASSWORD)
        page.click("main button.btn-primary")
        page.wait_for_load_state()

    def _heard(self, message: object) -> None:
        text = f"{message.text}"  # type: ignore[attr-defined]
        # A refused save answers 409, and a lost network or session is what some tests are about.
        if message.type == "error" and "Failed to load resource" not in text:  # type: ignore[attr-defined]
            self.troubles.append(text)

    def leave(self) -> None:
        """Close everybody's windows."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()


def serve(stage: Stage, browser: Browser) -> Iterator[Theatre]:
    """Serve a stage on a free port of the loopback until the test ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def whole(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        """Answer in one piece: this server leaves a file open where the browser hangs up."""
        with closing(ClosingIterator(stage.app(environ, start))) as parts:
            return [b"".join(parts)]

    server = make_server("127.0.0.1", 0, whole, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    theatre = Theatre(stage, browser, f"http://127.0.0.1:{server.server_port}")
    yield theatre
    theatre.leave()
    server.shutdown()
    thread.join()
    server.server_close()
    stage.close()
    assert theatre.troubles == []


@pytest.fixture
def theatre(browser: Browser, tmp_path: Path) -> Iterator[Theatre]:
    """A theatre whose stage has played nothing yet."""
    yield from serve(Stage(tmp_path), browser)


def picture(page: Page, name: str) -> None:
    """Keep a picture of a page in the folder that REVIEW_PICTURES names; without it, none is."""
    folder = os.environ.get("REVIEW_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def violations(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA and good practice on a page, one line each."""
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
