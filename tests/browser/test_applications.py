from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from review_service.tables import Account, Application, Dossier, Round
from tests.browser.conftest import violations
from tests.web.stage import CODE
from tests.workflows.applying import PDF_BYTES, typed

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Theatre

pytestmark = pytest.mark.browser
FORM, LIST = f"/applications/{CODE}", f"/recommending/{CODE}"
UNIT = "测试unit"


@pytest.fixture
def opened(theatre: Theatre) -> Theatre:
    """An open round that takes applications and papers."""
    theatre.stage.play("empty")
    with theatre.stage.office.store.writing() as session:
        row = session.get_one(Round, theatre.stage.round_id)
        row.status, row.rules = "open", row.rules | {"paper_copies": 2}
        session.add(row)
        session.commit()
    return theatre


def _clean(page: Page) -> None:
    assert violations(page) == []
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, page.url


def _until_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_contain_text("已自动保存")


def _fill(page: Page) -> None:
    for path, text in typed(UNIT).items():
        boxes = page.locator(f"[name='{path}']")
        kind = boxes.first.evaluate("one => one.tagName + '/' + one.type")
        if kind.endswith("radio"):
            page.locator(f"[name='{path}'][value='{text}']").check()
        elif kind.startswith("SELECT"):
            boxes.select_option(text)
        else:
            boxes.fill(text)


def _confirm_and_recommend(page: Page, key: int, report: Path) -> None:
    page.fill("#seal", UNIT)
    with page.expect_navigation():
        page.get_by_role("button", name="确认印章").click()
    page.goto(page.url.rsplit("/", 1)[0])
    page.fill(f"#rank-{key}", "1")
    with page.expect_navigation():
        page.get_by_role("button", name="保存排序").click()
    _clean(page)
    page.set_input_files("#report", str(report))
    with page.expect_navigation():
        page.get_by_role("button", name="推荐", exact=True).click()
    assert page.get_by_text("已推荐。").is_visible()


def _apply(opened: Theatre, report: Path) -> Page:
    """The unit fills the form on a phone, adds evidence and submits."""
    unit = opened.enter("unit", language="zh", phone=True)
    _clean(unit)
    with unit.expect_navigation():
        unit.get_by_role("button", name="开始填写").click()
    unit.goto(opened.base + FORM)
    _fill(unit)
    _until_saved(unit)
    expect(unit.locator("#missing-count")).to_have_text("0")
    _clean(unit)
    unit.set_input_files("#e-file", str(report))
    unit.fill("#e-title", "场地证明")
    with unit.expect_navigation():
        unit.get_by_role("button", name="添加").click()
    assert unit.input_value("[name='legal.name']") == "周建国"
    with unit.expect_navigation():
        unit.get_by_role("button", name="保存并核对全部").click()
    _clean(unit)
    with unit.expect_navigation():
        unit.get_by_role("button", name="提交到地市").click()
    return unit


def _send_back(opened: Theatre, unit: Page, key: int) -> Page:
    """The prefecture sends the form back; the unit corrects it and submits again."""
    city = opened.enter("prefecture", language="zh")
    city.goto(f"{opened.base}{LIST}/{key}")
    _clean(city)
    city.fill("#reason", "请补充第一部分证明材料页码")
    with city.expect_navigation():
        city.get_by_role("button", name="退回修改").click()
    unit.goto(opened.base + FORM)
    assert unit.get_by_text("请补充第一部分证明材料页码").is_visible()
    unit.fill("[name='sections.1.pages']", "12-15")
    _until_saved(unit)
    with unit.expect_navigation():
        unit.get_by_role("button", name="保存并核对全部").click()
    with unit.expect_navigation():
        unit.get_by_role("button", name="提交到地市").click()
    return city


def _take_in(opened: Theatre) -> None:
    """Staff enter the papers, admit the dossier and look at what can be printed."""
    (dossier,) = opened.stage.rows(Dossier)
    staff = opened.enter("staff", language="zh")
    page = f"{opened.base}/rounds/{CODE}/dossiers/{dossier.number}"
    staff.goto(page)
    _clean(staff)
    staff.fill("#received_on", "2026-01-05")
    staff.fill("#seal", UNIT)
    staff.fill("#kept_at", "档案室3柜")
    with staff.expect_navigation():
        staff.get_by_role("button", name="登记").click()
    with staff.expect_navigation():
        staff.get_by_role("button", name="受理，进入评审").click()
    assert opened.stage.rows(Dossier)[0].status == "admitted"
    for path in ("/receipt", "/print"):
        staff.goto(page + path)
        _clean(staff)
    for path in ("requests", "rates", "changes/dossiers", "provinces"):
        staff.goto(f"{opened.base}/rounds/{CODE}/{path}")
        _clean(staff)


def test_from_the_unit_to_the_ministry(opened: Theatre, tmp_path: Path) -> None:
    """A unit fills and submits, the prefecture sends back, all recommend, the ministry admits."""
    report = tmp_path / "推荐报告.pdf"
    report.write_bytes(PDF_BYTES)
    unit = _apply(opened, report)
    (one,) = opened.stage.rows(Application)
    key = int(one.id)
    city = _send_back(opened, unit, key)
    city.goto(f"{opened.base}{LIST}/{key}")
    _confirm_and_recommend(city, key, report)
    region = opened.enter("province", language="zh", phone=True)
    region.goto(f"{opened.base}{LIST}/{key}")
    _clean(region)
    _confirm_and_recommend(region, key, report)
    _take_in(opened)


def test_two_windows_are_told_apart(opened: Theatre) -> None:
    """The later window is told, loses nothing it typed, and decides which version stands."""
    one = opened.enter("unit", language="zh")
    with one.expect_navigation():
        one.get_by_role("button", name="开始填写").click()
    one.goto(opened.base + FORM)
    other = one.context.new_page()
    other.goto(opened.base + FORM)
    one.fill("[name='address']", "甲路1号")
    expect(one.locator("#application [name=version]")).to_have_value("1")
    other.fill("[name='address']", "乙路2号")
    other.locator("#trouble-tabs").wait_for(state="visible")
    assert other.input_value("[name='address']") == "乙路2号"
    assert opened.stage.rows(Application)[0].fields["address"] == "甲路1号"
    other.click("#keep-mine")
    expect(other.locator("#application [name=version]")).to_have_value("2")
    assert opened.stage.rows(Application)[0].fields["address"] == "乙路2号"


def test_ranks_by_keyboard_and_by_drag(opened: Theatre) -> None:
    """Arrows and dragging both write the numbers that are then saved."""
    stage = opened.stage
    with stage.office.store.writing() as session:
        account = session.exec(select(Account).where(Account.email == "unit@test.example")).one()
        more = [account]
        for n in (1, 2):
            extra = Account(
                code=f"u{n}", email=f"u{n}@x.example", name=f"单位{n}", fs_uniquifier=f"u{n}"
            )
            session.add(extra)
            more.append(extra)
        session.flush()
        for n, owner in enumerate(more):
            session.add(
                Application(
                    round_id=stage.round_id, account_id=owner.id, unit=f"单位{n}",
                    province="江苏", prefecture="苏州市", stage="prefecture",
                    saved_at=stage.clock.now,
                )
            )  # fmt: skip
        session.commit()
    page = opened.enter("prefecture", language="zh")
    page.goto(opened.base + LIST)
    page.locator("[data-item]", has_text="单位2").get_by_role("button", name="上移").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    items = page.locator("[data-item] a")
    assert items.all_inner_texts() == ["单位2", "单位0", "单位1"]
    page.locator("[data-item]", has_text="单位1").locator(".grip").drag_to(
        page.locator("[data-item]", has_text="单位2").locator(".grip")
    )
    assert items.all_inner_texts() == ["单位1", "单位2", "单位0"]
    with page.expect_navigation():
        page.get_by_role("button", name="保存排序").click()
    ranks = {one.unit: one.prefecture_rank for one in stage.rows(Application)}
    assert ranks == {"单位1": 1, "单位2": 2, "单位0": 3}
