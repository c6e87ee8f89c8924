from __future__ import annotations

import base64
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from allocation import verify
from review_service.exchange.verifier_page import FOLDER, one_file
from tests.allocation.verify.making import (
    VECTORS,
    balanced_office,
    lottery_office,
    order_office,
    short_office,
    zipped,
)
from tests.allocation.verify.tampering import CASES, honest, tampered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
RUN = """async ({data, previous}) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  let lines;
  try {
    lines = await new Verification(await readZip(bytes), {previous}).run();
  } catch (error) {
    lines = unreadable(error);
  }
  return lines.map((line) => [line.step, line.status, line.codes, line.texts(0), line.texts(1)]);
}"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page as one file on disk."""
    path = tmp_path_factory.mktemp("page") / "verify.html"
    path.write_text(one_file(), encoding="utf-8", newline="\n")
    return path.as_uri()


@pytest.fixture(scope="module")
def page(browser: Browser, saved: str) -> Page:
    """The saved page in Chinese, without a network; nothing may reach the console."""
    context = browser.new_context(
        locale="zh-CN", offline=True, viewport={"width": 1100, "height": 900}
    )
    made = context.new_page()
    made.on("console", lambda message: pytest.fail(message.text))
    made.on("pageerror", lambda error: pytest.fail(str(error)))
    made.goto(saved)
    made.evaluate("selfTest()")
    return made


def in_browser(page: Page, data: bytes, previous: str | None = None) -> list[Any]:
    """Return [step, status, codes, texts zh, texts en] of every line."""
    return page.evaluate(RUN, {"data": base64.b64encode(data).decode(), "previous": previous})  # type: ignore[no-any-return]


def in_python(data: bytes, previous: str | None = None) -> list[Any]:
    """Return the same of verify.py, without a BLS library as in the browser."""
    try:
        lines = verify.verify(verify.read_zip(data), previous=previous, beacon=False)
    except verify.Refused as error:
        lines = verify.unreadable(error)
    return [
        [line.step, line.status, [code for code, _ in line.failed or line.open]] for line in lines
    ]


@pytest.mark.parametrize("make", [lottery_office, balanced_office, order_office, short_office])
def test_both_verifiers_say_the_same_of_honest_bundles(page: Page, make: Any) -> None:
    """Browser and verify.py agree word for word, in both languages, on every line."""
    data = zipped(honest(make).files())
    lines = verify.verify(verify.read_zip(data), beacon=False)
    found = in_browser(page, data, None)
    assert [line.status for line in lines] == [one[1] for one in found]
    for line, one in zip(lines, found, strict=True):
        assert [line.text(0), line.text(1)] == ["；".join(one[3]), "; ".join(one[4])]


@pytest.mark.parametrize("name", list(CASES))
def test_both_verifiers_say_the_same_of_tampering(page: Page, name: str) -> None:
    """Both give the same verdict for each numbered line and for the same reasons."""
    one = tampered(name)
    found = in_browser(page, one.data, one.previous)
    assert [row[:3] for row in found] == in_python(one.data, one.previous)
    assert found[one.step - 1][1] == "FAIL"


@pytest.mark.parametrize("path", sorted((VECTORS / "bundles").glob("*.zip")), ids=lambda p: p.stem)
def test_both_verifiers_say_the_same_of_golden_bundles(page: Page, path: Path) -> None:
    """The bundles that a third implementation is tried on get one verdict from both."""
    data = path.read_bytes()
    assert [row[:3] for row in in_browser(page, data)] == in_python(data)


def test_the_texts_are_one_table(page: Page) -> None:
    """texts.js holds exactly the texts of verify.py, so that no verdict is worded twice."""
    assert page.evaluate("TEXTS") == {code: list(texts) for code, texts in verify.TEXTS.items()}
    assert page.evaluate("README_SHA256") == verify.README_SHA256


def test_our_ed25519_agrees_with_the_browsers(page: Page) -> None:
    """The signature check for browsers without Ed25519 accepts and refuses as WebCrypto does."""
    found = page.evaluate("""async () => {
      const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
      const key = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
      const verdicts = [];
      for (let size = 0; size < 300; size += 37) {
        const message = crypto.getRandomValues(new Uint8Array(size));
        const signed = await crypto.subtle.sign("Ed25519", pair.privateKey, message);
        const signature = new Uint8Array(signed);
        const other = Uint8Array.from(signature);
        other[size % 64] ^= 1 << (size % 8);
        verdicts.push([holdsHere(key, message, signature), holdsHere(key, message, other)]);
      }
      return verdicts;
    }""")
    assert found == [[True, False]] * 9


def _chosen(tmp_path: Path, name: str = "bundle.zip") -> Path:
    path = tmp_path / name
    path.write_bytes(zipped(honest(lottery_office).files()))
    return path


def test_a_person_chooses_a_zip_and_reads_the_verdict(page: Page, tmp_path: Path) -> None:
    """The page names the verdict and twelve numbered lines, and says them again in English."""
    page.set_input_files("#bundle", _chosen(tmp_path))
    page.wait_for_selector("#lines li")
    assert "没有不符之处" in page.inner_text("#verdict")
    assert [row.get_attribute("data-step") for row in page.query_selector_all("#lines li")] == [
        str(step) for step in range(1, 13)
    ]
    assert page.evaluate("document.activeElement.id") == "verdict"
    page.click("#language")
    assert "nothing failed" in page.inner_text("#verdict")
    assert page.get_attribute("html", "lang") == "en"
    page.click("#language")


def test_an_earlier_checkpoint_and_a_known_key_are_taken(page: Page, tmp_path: Path) -> None:
    """Pasted evidence is checked: the log extends the checkpoint, the key is the one known."""
    office = honest(lottery_office)
    page.set_input_files("#bundle", _chosen(tmp_path))
    page.wait_for_selector("#lines li")
    page.click("#more summary")
    page.fill("#previous", office.note(6))
    page.fill("#key", office.keys[0])
    page.click("#again")
    page.wait_for_selector("#lines li[data-step='11'][data-status='PASS']")
    assert "一致" in page.inner_text("#lines li[data-step='3']")
    page.fill("#key", office.keys[1])
    page.click("#again")
    page.wait_for_selector("#lines li[data-step='3'][data-status='FAIL']")
    page.fill("#previous", "")
    page.fill("#key", "")


def test_the_unpacked_files_can_be_chosen_instead(page: Page, tmp_path: Path) -> None:
    """A bundle unpacked into a folder is verified as its zip is."""
    for name, data in honest(order_office).files().items():
        (tmp_path / name).write_bytes(data)
    page.set_input_files("#bundle", sorted(tmp_path.iterdir()))
    page.wait_for_selector("#lines li[data-step='7'][data-status='PASS']")
    assert "没有不符之处" in page.inner_text("#verdict")


def test_a_deflated_zip_is_read(page: Page) -> None:
    """Zips of the bundle's form may be deflated; both verifiers read them alike."""
    from tests.allocation.verify.tamper_files import deflated

    data = deflated(honest(order_office).files())
    found = in_browser(page, data)
    assert [row[:3] for row in found] == in_python(data)
    assert "FAIL" not in [row[1] for row in found]


def test_dropping_a_file_verifies_it(page: Page) -> None:
    """Drag and drop does what choosing does."""
    data = base64.b64encode(zipped(honest(balanced_office).files())).decode()
    page.evaluate("""(data) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const moved = new DataTransfer();
      moved.items.add(new File([bytes], "dropped.zip"));
      document.getElementById("drop").dispatchEvent(
        new DragEvent("drop", {dataTransfer: moved, bubbles: true, cancelable: true}));
    }""", data)  # fmt: skip
    page.wait_for_function("document.getElementById('file').textContent === 'dropped.zip'")
    page.wait_for_selector("#lines li[data-step='9'][data-status='PASS']")


def test_no_text_of_a_bundle_becomes_markup(page: Page) -> None:
    """A hostile name in a bundle is shown as text, never run."""
    office = honest(short_office)
    office.void(2, [0])
    office.events[-1]["body"]["reason"] = "<img src=x onerror=alert(1)>"
    data = zipped(office.files())
    page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          take([new File([bytes], "x.zip")]);
        }""",
        base64.b64encode(data).decode(),
    )
    page.wait_for_function("document.getElementById('file').textContent === 'x.zip'")
    page.wait_for_selector("#lines li")
    assert "<img src=x" in page.inner_text("#lines li[data-step='10']")
    assert page.query_selector("#lines img") is None


@pytest.mark.parametrize("width", [390, 1100])
def test_the_page_is_accessible(page: Page, tmp_path: Path, width: int) -> None:
    """Axe finds nothing, before and after, and nothing scrolls sideways on a phone."""
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    page.click("#more summary")
    before = Axe().run(page)
    page.set_input_files("#bundle", _chosen(tmp_path))
    page.wait_for_selector("#lines li")
    after = Axe().run(page)
    assert before.violations_count == 0, before.generate_report()
    assert after.violations_count == 0, after.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


class _Strict(SimpleHTTPRequestHandler):
    """Serves the page as the site does: scripts from its own files alone."""

    def end_headers(self) -> None:
        policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        self.send_header("Content-Security-Policy", policy + "connect-src 'self'; base-uri 'none'")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def test_the_served_page_saves_itself_as_the_one_file(browser: Browser, tmp_path: Path) -> None:
    """Under the site's policy the page works, and saves the same bytes that the command writes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Strict, directory=str(FOLDER)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        made = browser.new_context(locale="en-US").new_page()
        made.on("console", lambda message: pytest.fail(message.text))
        made.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        made.set_input_files("#bundle", _chosen(tmp_path))
        made.wait_for_selector("#lines li")
        assert "nothing failed" in made.inner_text("#verdict")
        with made.expect_download() as download:
            made.click("#save")
        assert Path(download.value.path()).read_bytes() == one_file().encode()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
