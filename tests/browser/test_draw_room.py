from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import segno
from PIL import Image, ImageDraw, ImageFilter

from review_service.tables import Draw, Seat
from tests.browser.conftest import violations
from tests.web.stage import CODE

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Theatre

pytestmark = pytest.mark.browser
ROOM = f"/rounds/{CODE}/draws"


def _commit(theatre: Theatre, page: Page) -> str:
    page.goto(theatre.base + ROOM)
    page.get_by_role("button", name="Make a secret in this browser").click()
    page.locator("[data-made]").wait_for()
    secret = page.locator("[data-secret]").inner_text()
    page.get_by_role("button", name="Also keep it in this browser").click()
    page.get_by_role("button", name="Commit", exact=True).click()
    page.get_by_text("The commitment stands in the log").wait_for()
    page.wait_for_load_state()  # its scripts too
    return secret


def test_a_draw_before_witnesses(theatre: Theatre) -> None:
    """Two parties commit and reveal from their own screens; the draw is shown seat by seat."""
    theatre.stage.play("opened")
    staff, inspector = theatre.enter("staff"), theatre.enter("inspector")
    _commit(theatre, staff)
    printed = _commit(theatre, inspector)

    staff.goto(theatre.base + ROOM)
    assert staff.get_by_text("6 on 2 panels").is_visible()
    staff.get_by_label("a public event not yet held").check()
    staff.get_by_label("Public event: its name").fill("全国性彩票第 100 期")
    day = (theatre.stage.clock.now + timedelta(days=2)).date().isoformat()
    staff.get_by_label("Public event: its date").fill(day)
    staff.get_by_role("button", name="Lock everything now").click()
    staff.get_by_text("Locked. From here on nothing").wait_for()
    url = staff.url

    # The inspector types the secret from paper: first a wrong one, then the right one.
    inspector.goto(url)
    field = inspector.get_by_label("Your secret")
    field.fill("0" * 64)
    inspector.get_by_text("This is not the secret").wait_for()
    field.fill(printed)
    inspector.get_by_text("This is the secret that was").wait_for()
    inspector.get_by_role("button", name="Reveal").click()
    inspector.get_by_text("The value opens what was locked").wait_for()

    staff.goto(url)
    staff.get_by_role("button", name="Use the one kept in this browser").click()
    staff.get_by_text("This is the secret that was").wait_for()
    staff.get_by_role("button", name="Reveal").first.click()
    staff.get_by_text("The value opens what was locked").wait_for()
    staff.get_by_label("The numbers").fill("2.5.8.10.12./")
    staff.get_by_role("button", name="Reveal").click()
    staff.get_by_role("button", name="Draw now").click()

    # The projector: forward by key and button, back, and to the end.
    staff.wait_for_url("**/show")
    staff.keyboard.press("ArrowRight")
    staff.get_by_role("button", name="Next seat").click()
    assert "seat on" in staff.locator("#stage-what").inner_text()
    staff.get_by_role("button", name="Back").click()
    staff.get_by_role("button", name="To the end").click()
    assert staff.locator(".stage-seat.taken").count() == 6
    assert "All seats are filled" in staff.locator("#stage-count").inner_text()
    assert len(theatre.stage.rows(Seat)) == 6

    # The record to sign: a checkpoint first, then its QR code.
    staff.goto(f"{url}/record")
    staff.get_by_role("button", name="Sign a checkpoint").click()
    staff.goto(f"{url}/record")
    assert staff.locator(".qr svg").is_visible()
    assert staff.get_by_text("For discipline inspection").is_visible()


def test_a_secret_is_printed_as_qr_and_read_from_a_photograph(theatre: Theatre) -> None:
    """The QR code on the printed page is the secret; where the browser reads codes it is filled in.

    The code made in the browser is compared module by module with segno's.
    """
    theatre.stage.play("opened")
    inspector = theatre.enter("inspector")
    secret = "".join(_commit(theatre, inspector).split())
    made = inspector.evaluate("text => window.qrCode.matrix(text)", secret.upper())
    code = segno.make(
        secret.upper(), version=4, error="m", mask=0, mode="alphanumeric", boost_error=False,
        micro=False,
    )  # fmt: skip
    assert made == [[bool(one) for one in row] for row in code.matrix]


def _printed(secret: str) -> Image.Image:
    """Return the QR code as the page prints it, on a sheet."""
    code = segno.make(
        secret.upper(), version=4, error="m", mask=0, mode="alphanumeric", boost_error=False,
        micro=False,
    )  # fmt: skip
    file = io.BytesIO()
    code.save(file, kind="png", scale=8, border=4)
    sheet = Image.new("L", (640, 480), 225)
    sheet.paste(Image.open(file).convert("L"), (150, 80))
    return sheet


def _taken(sheet: Image.Image, how: str) -> Image.Image:
    """Return a picture of the sheet as somebody takes it by hand."""
    if how == "turned":
        return sheet.rotate(203, expand=True, fillcolor=90, resample=Image.Resampling.BICUBIC)
    if how == "aslant":
        bent = (1.1, 0.18, -60.0, 0.07, 1.25, -60.0, 0.00012, 0.0006)
        return sheet.transform(
            sheet.size, Image.Transform.PERSPECTIVE, bent, Image.Resampling.BICUBIC, fillcolor=60
        )
    if how == "scratched":
        ImageDraw.Draw(sheet).line((200, 420, 420, 200), fill=10, width=5)
        return sheet
    shade = Image.linear_gradient("L").resize(sheet.size)
    return Image.blend(sheet.filter(ImageFilter.GaussianBlur(2.2)), shade, 0.45)


def test_a_photographed_secret_is_filled_in(theatre: Theatre) -> None:
    """A photograph of the code is read by the page itself: turned, aslant, scratched, ill lit."""
    theatre.stage.play("locked")
    page = theatre.enter("staff")
    secret = theatre.stage.secrets["ministry"].hex()
    page.goto(f"{theatre.base}{ROOM}/1")
    field, typed = page.get_by_label("Or photograph the printed"), page.get_by_label("Your secret")
    field.set_input_files({"name": "x.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    page.get_by_text("No QR code was found").wait_for()
    for how in ("turned", "aslant", "scratched", "ill lit"):
        typed.fill("")
        photo = io.BytesIO()
        _taken(_printed(secret), how).save(photo, "PNG")
        data = {"name": f"{how}.png", "mimeType": "image/png", "buffer": photo.getvalue()}
        field.set_input_files(data)
        page.get_by_text("This is the secret that was").wait_for()
        assert "".join(typed.input_value().split()) == secret, how


def _film(secret: str) -> bytes:
    """Return a film (Y4M) of a sheet with the code, the first frames without it."""
    empty, shown = Image.new("L", (640, 480), 200), _taken(_printed(secret), "aslant")
    colour = bytes([128]) * (640 * 480 // 2)
    frames = [b"FRAME\n" + one.tobytes() + colour for one in (empty, empty, shown, shown)]
    return b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + b"".join(frames)


def test_the_camera_reads_the_printed_secret(theatre: Theatre, film: Path) -> None:
    """The code before the camera is read live, the camera closes; its lack is said."""
    theatre.stage.play("locked")
    secret = theatre.stage.secrets["ministry"].hex()
    film.write_bytes(_film(secret))
    page = theatre.enter("staff")
    answer = page.goto(f"{theatre.base}{ROOM}/1")
    assert answer
    assert "camera=(self)" in answer.headers["permissions-policy"]
    scan = page.get_by_role("button", name="Scan the printed QR code with the camera")
    scan.click()
    page.get_by_text("This browser may not use the camera").wait_for()
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => {"
        " delete navigator.mediaDevices.getUserMedia;"  # the browser's own is back for the next
        " return Promise.reject(new DOMException('', 'NotFoundError')); }; }"
    )
    scan.click()
    page.get_by_text("No camera was found").wait_for()
    page.context.grant_permissions(["camera"])
    scan.click()
    page.get_by_text("This is the secret that was").wait_for()
    assert "".join(page.get_by_label("Your secret").input_value().split()) == secret
    assert page.locator("video").is_hidden()
    assert page.evaluate("document.querySelector('video').srcObject") is None
    other = page.goto(theatre.base + ROOM)
    assert other
    assert "camera=()" in other.headers["permissions-policy"]


def test_a_wrong_secret_is_refused_and_a_void_draw_stays_in_view(theatre: Theatre) -> None:
    """A secret that doesn't open changes nothing; a void draw keeps its number and its reason."""
    theatre.stage.play("locked")
    page = theatre.enter("staff")
    page.goto(f"{theatre.base}{ROOM}/1")
    page.get_by_label("Your secret").fill("ab" * 32)
    page.get_by_role("button", name="Reveal").first.click()
    page.get_by_role("alert").get_by_text("That is not the secret").wait_for()
    page.get_by_text("This draw can’t be completed").click()
    page.get_by_label("Reason, public").fill("纪检未到场")
    page.get_by_role("button", name="Void this draw").click()
    page.get_by_text("This draw is void.").wait_for()
    page.goto(theatre.base + ROOM)
    assert page.get_by_role("row").filter(has_text="纪检未到场").is_visible()
    assert theatre.stage.rows(Draw)[0].status == "voided"
    assert page.get_by_text(f"{CODE}/draw/2", exact=True).is_visible()


def test_a_rehearsal_is_marked_and_leaves_no_draw(theatre: Theatre) -> None:
    """A rehearsal shows a walk under a mark that can't be missed, and no draw comes of it."""
    theatre.stage.play("committed")
    page = theatre.enter("staff")
    page.goto(theatre.base + ROOM)
    page.get_by_text("Rehearse first").click()
    page.get_by_role("button", name="Rehearse").click()
    assert page.get_by_text("REHEARSAL – not a draw").count() == 2
    assert violations(page) == []
    assert theatre.stage.rows(Draw) == []


def test_a_decline_brings_the_next_of_the_list(theatre: Theatre) -> None:
    """An expert declines; the staff's page shows by itself who replaces, and who was skipped."""
    theatre.stage.play("drawn")
    staff, expert = theatre.enter("staff"), theatre.enter("expert1")
    staff.goto(f"{theatre.base}/rounds/{CODE}/seats")
    assert staff.get_by_role("cell", name="answer awaited").count() == 6
    expert.get_by_text("I can’t take part …").click()
    expert.get_by_role("button", name="Decline").click()
    expert.get_by_role("link", name="Reason：Choose a reason.").wait_for()
    expert.get_by_label("I can’t take part at that time").check()
    expert.get_by_label("In your words").fill("出差")
    expert.get_by_role("button", name="Decline").click()
    expert.get_by_text("You have no seat on a panel any more").wait_for()
    staff.get_by_text("replaced by").wait_for(timeout=15_000)
    assert staff.get_by_text("passed over").count() >= 1
    assert len(theatre.stage.rows(Seat)) == 7


def test_seats_that_did_not_change_are_not_sent_again(theatre: Theatre) -> None:
    """The open page asks every five seconds, and from its second question on gets a bare 304."""
    theatre.stage.play("drawn")
    staff = theatre.enter("staff")
    staff.clock.install()
    staff.goto(f"{theatre.base}/rounds/{CODE}/seats")
    for status in (200, 304):
        with staff.expect_response(lambda answer: "/seats/now" in answer.url) as asked:
            staff.clock.run_for(5_000)
        assert asked.value.status == status
        staff.wait_for_selector("[data-refresh]:not([aria-busy])")
    assert staff.get_by_role("cell", name="answer awaited").count() == 6
