"""Take the pictures of docs/images from a running demonstration.

make demo, then: .venv/bin/python tools/pictures.py [http://127.0.0.1:8000]
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from review_service.demonstration.world import PASSWORD

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images"
FLAGS = [
    "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
# name, account, address
PAGES = (
    ("overview", "staff", "/rounds/2026"),
    ("show", "staff", "/rounds/2026/draws/1/show"),
    ("results", "approver", "/rounds/2026/results"),
    ("log", "inspector", "/log"),
    ("published", "", "/public/2026"),
)


def main(base: str) -> None:
    """Take all pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    flags = FLAGS + (["--no-sandbox"] if os.getuid() == 0 else [])
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        for language in ("zh", "en"):
            for name, who, address in PAGES:
                page = sign_in(browser, base, who, language, WIDE)
                page.goto(base + address)
                page.wait_for_timeout(400)
                save(page, f"{name}-{language}")
            for suffix, size in (("", WIDE), ("-phone", PHONE)):
                page = sign_in(browser, base, "expert", language, size)
                scoring(page, base)
                save(page, f"scoring{suffix}-{language}")
            verifier(browser, base, language)
        browser.close()


def sign_in(browser: Browser, base: str, who: str, language: str, size: dict[str, int]) -> Page:
    """Return a page of its own context, signed in as the demonstration's account of a role."""
    page = browser.new_context(viewport=size).new_page()
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
    """Open the first dossier of the expert's desk, past invitation, pledge and declaration."""
    page.goto(base + "/desk/2026-A/pledge")
    if page.locator("input[name=confirm]").count():
        page.check("input[name=confirm]")
        page.click("main button.btn-primary")
        page.wait_for_load_state()
    page.goto(base + "/desk/2026-A")
    page.locator("a[href*='/desk/2026-A/dossiers/']").first.click()
    page.wait_for_load_state()


def verifier(browser: Browser, base: str, language: str) -> None:
    """Give the browser verifier the demonstration's bundle."""
    page = browser.new_context(
        viewport=WIDE, locale="zh-CN" if language == "zh" else "en"
    ).new_page()
    page.goto(f"{base}/static/verify/index.html?lang={language}")
    page.set_input_files("input[type=file]", str(ROOT / "build" / "demo" / "bundle.zip"))
    page.wait_for_timeout(6000)
    save(page, f"verifier-{language}")


def save(page: Page, name: str) -> None:
    """Write a picture and end its context."""
    page.screenshot(path=OUT / f"{name}.png")
    print(OUT / f"{name}.png")
    page.context.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
