"""Take the pictures of docs/images from a running demonstration.

make demo, then: .venv/bin/python tools/pictures.py [http://127.0.0.1:8000 [build/demo/bundle.zip]]
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from review_service.demonstration.world import PASSWORD  # noqa: E402 - found by the line above

OUT = ROOT / "docs" / "images"
FLAGS = [
    "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
PROJECTOR: ViewportSize = {"width": 1920, "height": 1080}
# name, account, address
PAGES = (
    ("overview", "staff", "/rounds/2026"),
    ("show", "staff", "/rounds/2026/draws/1/show"),
    ("results", "approver", "/rounds/2026/results"),
    ("log", "inspector", "/log"),
    ("published", "", "/public/2026"),
)


def main(base: str, bundle: Path) -> None:
    """Take all pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    flags = FLAGS + (["--no-sandbox"] if os.getuid() == 0 else [])
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        for language in ("zh", "en"):
            for name, who, address in PAGES:
                size = PROJECTOR if name == "show" else WIDE
                page = sign_in(browser, base, who, language, size)
                page.goto(base + address)
                page.wait_for_timeout(400)
                if name == "show":
                    for _ in range(25):
                        page.click("#stage-seat")
                save(page, f"{name}-{language}")
            for suffix, size in (("", WIDE), ("-phone", PHONE)):
                page = sign_in(browser, base, "expert", language, size)
                scoring(page, base)
                save(page, f"scoring{suffix}-{language}")
            verifier(browser, base, language, bundle)
        browser.close()


def sign_in(browser: Browser, base: str, who: str, language: str, size: ViewportSize) -> Page:
    """Return a page of its own context, signed in as the demonstration's account of a role."""
    phone = size == PHONE
    page = browser.new_context(viewport=size, is_mobile=phone, has_touch=phone).new_page()
    page.goto(base + "/")
    if language == "en":
        page.locator("form[action$='/language/en'] button").click()
    if who:
        page.goto(base + "/login")
        page.fill("input[name=email]", f"{who}@demo.example")
        page.fill("input[name=password]", PASSWORD)
        page.click("main button.btn-primary")
        page.wait_for_load_state()
    return page


def scoring(page: Page, base: str) -> None:
    """Open the first dossier of the expert's desk, past pledge and declarations."""
    page.goto(base + "/desk/2026-A/pledge")
    if page.locator("input[name=confirm]").count():
        for one in page.locator("input[type=radio][value=no]").all():
            one.check()
        page.check("input[name=confirm]")
        with page.expect_navigation():
            page.click("main form button.btn-primary")
    page.goto(base + "/desk/2026-A")
    page.locator("main table a[href*='/desk/2026-A/dossiers/']").first.click()
    page.wait_for_selector("#review")
    if page.locator(".criterion.done").count() == 0:
        for at, level in enumerate((8, 7, 9)):
            group = page.locator("fieldset[data-criterion]").nth(at)
            group.locator(f"input[value='{level}']").check(force=True)
        page.wait_for_timeout(2000)
    if page.viewport_size == PHONE:
        page.locator(".rubric-side").scroll_into_view_if_needed()
        page.evaluate("document.querySelector('.rubric-side').scrollIntoView()")
    else:
        page.evaluate("scrollTo(0, 0)")


def verifier(browser: Browser, base: str, language: str, bundle: Path) -> None:
    """Give the browser verifier the demonstration's bundle."""
    page = browser.new_context(
        viewport=WIDE, locale="zh-CN" if language == "zh" else "en"
    ).new_page()
    page.goto(f"{base}/static/verify/index.html?lang={language}")
    page.set_input_files("input[type=file]", str(bundle))
    page.wait_for_timeout(9000)
    save(page, f"verifier-{language}")


def save(page: Page, name: str) -> None:
    """Write a picture and end its context."""
    page.screenshot(path=OUT / f"{name}.png")
    print(OUT / f"{name}.png")
    page.context.close()


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000",
        Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "build" / "demo" / "bundle.zip",
    )
