"""Official papers: what they say, and that an office program opens and prints them."""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from docx import Document
from docx.oxml.ns import qn
from python_calamine import CalamineWorkbook

from review_service.exchange import documents_annex as annex
from review_service.exchange import documents_draw as draw
from review_service.exchange import documents_list as lists
from review_service.exchange.documents import BODY, HEAD, TITLE, chinese_date, chinese_time
from review_service.exchange.documents_tables import listed_table, results_table

if TYPE_CHECKING:
    from pathlib import Path

MADE = datetime(2025, 2, 28, 16, 5, tzinfo=UTC)  # the first of March in Beijing
NOTE = "review.example/log\n32\nQPKhqpZpuS+7PvGsKUvhYruVJB9dFWGJ=\n\n— review.example/log JzTed6=="
NASTY = "=1+1 <单位> & “引号”\x07"
UNITS = [
    lists.ListedUnit(
        f"D{n:02}", f"{NASTY}{n}", "技工院校", "江苏", 80.5 - n, 1.25 * n, "按期望名次"
    )
    for n in range(1, 61)
]
FACTS = lists.ListFacts("培训基地遴选", "遴选工作办公室", MADE, UNITS, "a" * 64, "b" * 64)


def _draw() -> bytes:
    return draw.draw_record(
        draw.DrawFacts(
            title="培训基地遴选", draw_id="2025/draw/1", method="随机抽取", locked=MADE,
            completed=MADE, made=MADE, counts=(("候选专家", "48人"),), limits=("同一单位至多1人",),
            snapshot="c" * 64, seed="d" * 64, sources=(("参与方随机数：主管部门", "e" * 64),),
            seats=[(f"P{n:02}", "技术", f"专家{n}") for n in range(70)], named=True,
            checkpoint=NOTE,
        )
    )  # fmt: skip


def _annex() -> bytes:
    line = annex.AnnexLine(
        "D01", NASTY, 5, 70.0, None, -0.5, 71.5, 66.0, 77.0, None, None, "未入选"
    )
    return annex.statistics_annex(
        annex.AnnexFacts(
            title="培训基地遴选", made=MADE, mean=66.82, spreads=(("材料之间的标准差", None),),
            noise="expert", total=31, lines=[line] * 40, reliability=(("信度", "0.92", "含义"),),
            flags=(("明显偏严", "e1", "−3.2分"),), warnings=("评审数不等",),
            digests=(("统计记录摘要", "f" * 64),),
        )
    )  # fmt: skip


def _feedback() -> bytes:
    return lists.unit_feedback(
        lists.UnitFacts(
            title="培训基地遴选", office="遴选工作办公室", made=MADE, number="D01", unit=NASTY,
            reviews=5, raw=70.0, adjusted=71.5, low=66.0, high=77.0, outcome="未入选", reasons=(),
            chapters=(("总则", 68.0, None),), gates=(("培训合格率", "88 %", "≥ 90 %", "不满足"),),
        )
    )  # fmt: skip


def _experts() -> bytes:
    line = draw.ExpertLine("P01", "技术", "张三", "某学院", "教授", "江苏", "e1", "已接受")
    return draw.expert_list("培训基地遴选", [line] * 30, MADE)


PAPERS = {
    "approval": lambda: lists.approval_list(FACTS, [("名单", "staff-1", "approver-1", "按规则")]),
    "notice": lambda: lists.publicity_notice(FACTS, date(2025, 3, 3), date(2025, 3, 7), "网上"),
    "draw": _draw,
    "annex": _annex,
    "feedback": _feedback,
    "experts": _experts,
}


def _text(data: bytes) -> str:
    document = Document(io.BytesIO(data))
    cells = [
        cell.text for table in document.tables for row in table.rows[:20] for cell in row.cells
    ]
    return "\n".join([one.text for one in document.paragraphs] + cells)


def test_dates_are_beijings() -> None:
    """Papers write days and times of Beijing, without leading zeros in the day."""
    assert chinese_date(MADE) == "2025年3月1日"
    assert chinese_date(date(2025, 3, 1)) == "2025年3月1日"
    assert chinese_time(MADE) == "2025年3月1日0时05分"


@pytest.mark.parametrize("name", PAPERS)
def test_papers_are_a4_in_chinese_type(name: str) -> None:
    """Every paper is A4, its title in 小标宋 and its text in 仿宋, with free fonts to stand in."""
    document = Document(io.BytesIO(PAPERS[name]()))
    section = document.sections[0]
    sides = {round(side.cm, 1) for side in (section.page_width, section.page_height) if side}
    assert sides == {21.0, 29.7}
    title = document.paragraphs[0].runs[0]
    assert title._element.rPr.rFonts.get(qn("w:eastAsia")) == TITLE
    fonts = document.part.part_related_by(
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/fontTable"
    ).blob.decode()
    for font in (TITLE, BODY, HEAD):
        assert f'w:name="{font}"' in fonts
    assert "Noto Serif CJK SC" in fonts
    for table in document.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


def test_papers_say_what_they_are_for() -> None:
    """Each paper holds its facts: units, period, names, digests, lines to sign on, a QR code."""
    notice = _text(PAPERS["notice"]())
    assert "2025年3月3日至2025年3月7日" in notice
    assert "2025年3月1日" in notice
    assert "再次公示" not in notice
    revision = lists.Revision(date(2025, 3, 3), ["甲学院"], ["乙学院"])
    days = date(2025, 3, 17), date(2025, 3, 21)
    again = _text(lists.publicity_notice(FACTS, *days, "网上", revision))
    assert "调整后的拟入选名单的公示" in again
    assert "甲学院不再列入。按本轮既定规则，由乙学院递补" in again
    assert "本次为再次公示" in again
    approval = _text(PAPERS["approval"]())
    for word in ("共60家", "（签字）", "approver-1", "a" * 64, "=1+1 <单位> & “引号”1"):
        assert word in approval
    record = PAPERS["draw"]()
    assert "d" * 64 in _text(record)
    assert "纪检监督（签字）" in _text(record)
    assert len(Document(io.BytesIO(record)).inline_shapes) == 1
    assert "张三" in _text(PAPERS["experts"]())
    assert "88 %" in _text(PAPERS["feedback"]())
    assert "71.50" in _text(PAPERS["annex"]())


def test_an_office_program_prints_every_paper(tmp_path: Path) -> None:
    """LibreOffice opens each paper and makes a PDF of it; without it the test says so."""
    soffice = shutil.which("soffice")
    if soffice is None:
        reason = (
            "LibreOffice is not installed: the papers were NOT opened. "
            "apt-get install --no-install-recommends libreoffice-writer"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    for name, make in PAPERS.items():
        (tmp_path / f"{name}.docx").write_bytes(make())
    command = [
        soffice, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile",
        "--convert-to", "pdf", "--outdir", str(tmp_path),
        *(str(tmp_path / f"{name}.docx") for name in PAPERS),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    for name in PAPERS:
        data = (tmp_path / f"{name}.pdf").read_bytes()
        assert data.startswith(b"%PDF-"), name
        assert b"%%EOF" in data[-32:], name


def test_lists_keep_texts_and_negative_numbers() -> None:
    """In .xlsx a text that looks like a formula stays text, and a minus sign stays a number's."""
    row = {
        "id": "D01", "unit": "=1+1", "province": "-江苏", "category": "@x", "n": 5,
        "raw_mean": -1.5,
        "effect": -0.25, "chapters": {"c1": -2.5}, "state": "入选", "why": "+1",
    }  # fmt: skip
    dossier = type("D", (), {name: row[name] for name in ("unit", "province", "category")})
    data = results_table(
        [row | {"dossier": dossier}], [{"id": "e1", "effect": -3.5}], [("c1", "总则")]
    )
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    sheets = [book.get_sheet_by_name(name).to_python() for name in ("结果", "各章", "专家")]
    assert {"=1+1", "-江苏", "@x", "+1", -1.5, 5.0} <= set(sheets[0][1])
    assert sheets[1][1][-1] == -2.5
    assert -3.5 in sheets[2][1]
    listed = CalamineWorkbook.from_filelike(
        io.BytesIO(listed_table([{"number": 1, "unit": "=A1"}]))
    )
    assert listed.get_sheet_by_index(0).to_python()[1][:2] == [1.0, "=A1"]
