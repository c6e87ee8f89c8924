from __future__ import annotations

import dataclasses
import io

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review_service.exchange.errors import ExchangeError
from review_service.exchange.pinyin import pinyin_of
from review_service.exchange.pool import (
    Eligibility,
    ExpertRow,
    is_senior,
    pool_template,
    read_pool,
    write_pool,
)
from tests.exchange.build import HEADERS, identity, person, xlsx

ROW = ExpertRow(
    number="E00007", name="单建国", document=identity(7), employer="某技师学院", stratum="技能培训",
    province="内蒙古", pinyin="shan jianguo", sex="男", credit_code="91110000600037341L",
    title="教授", occupations="焊工；铣工", phone="010-12345678", email="a@example.com",
    avoid_units="甲厂；乙厂", avoid_people="张三（丙厂）",
    affiliations="丁厂/顾问/2024-06；戊厂/职工",
    born=1970, in_use=False,
)  # fmt: skip


def _codes(rows: list[list[object]], **also: object) -> list[tuple[str, str]]:
    file = read_pool(xlsx(rows), "a.xlsx", **also)  # type: ignore[arg-type]
    for issue in (*file.issues, *file.notices):
        assert "{" not in issue.sentence("zh") + issue.sentence("en")
    return [(one.code, one.cell) for one in file.issues]


def test_round_trip() -> None:
    """A pool written to .xlsx reads back equal, every field of it."""
    rows = (ROW, dataclasses.replace(ROW, number="E00008", document="PASS12345", born=1966))
    file = read_pool(write_pool(rows), "a.xlsx")
    assert file.issues == ()
    assert file.rows == rows


TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_any_text_survives(texts: list[tuple[str, str]]) -> None:
    """Whatever can be read into a pool is written and read back unchanged."""
    rows = [person(i, 工作单位=a or "x", 专业类别=b or "y") for i, (a, b) in enumerate(texts)]
    first = read_pool(xlsx([HEADERS, *rows]), "a.xlsx")
    again = read_pool(write_pool(first.rows), "b.xlsx") if first.rows else first
    assert again.rows == first.rows


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"])
def test_nothing_is_exported_as_a_formula(text: str) -> None:
    """A text that looks like a formula stays text in the file."""
    data = write_pool([dataclasses.replace(ROW, employer=text.strip())])
    cell = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["F2"]
    assert (cell.data_type, cell.value) == ("s", text.strip())
    assert read_pool(data, "a.xlsx").rows[0].employer == text.strip()


def test_all_errors_at_once_with_their_cells() -> None:
    """Every fault of every row is reported with its cell; nothing stops at the first."""
    bad = identity(1)[:-1] + ("0" if identity(1)[-1] != "0" else "1")
    rows = [
        HEADERS,
        person(1, 姓名="", 证件号码=bad),
        person(2, 证件号码=identity(5)[:-1], 省份="江苏路"),
        person(3, 姓名="张三\ud83d", 专业类别=""),
        person(4, 姓名="王😀"),
    ]
    rows[3][0] = "张三\x07"
    assert _codes(rows) == [
        ("required", "A2"), ("document-checksum", "B2"), ("document-length", "B3"),
        ("choice", "E3"), ("character", "A4"), ("required", "D4"), ("character", "A5"),
    ]  # fmt: skip


def test_lone_surrogate_in_a_workbook_is_named() -> None:
    """Half of a surrogate pair, as some programs escape it, is a fault of its cell."""
    file = read_pool(xlsx([HEADERS, person(1, 姓名="张_xD83D_三")]), "a.xlsx")
    assert [(one.code, one.cell) for one in file.issues] == [("character", "A2")]
    for issue in file.issues:
        issue.sentence("zh").encode()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (110101197001150012, "number-destroyed"),
        ("1.10101E+17", "number-destroyed"),
        ("11010119700115001", "document-length"),
        ("1101011970011500AB", "document-other"),
        (identity(3, "19700230"), "document-date"),
        ("A1", "document-other"),
        (True, "not-text"),
    ],
)
def test_document_numbers(value: object, code: str) -> None:
    """Destroyed, short, impossible and odd document numbers each have their own message."""
    found = _codes([HEADERS, person(1, 证件号码=value)])
    assert (code, "B2") in found or (
        code == "document-other" and found == [("document-format", "B2")]
    )


def test_full_width_and_blanks_are_tidied() -> None:
    """Width, case and blanks of numbers don't matter; equal people are found through them."""
    number = identity(1)
    wide = number.translate({ord("0") + i: 0xFF10 + i for i in range(10)})
    file = read_pool(xlsx([HEADERS, person(1, 证件号码=f" {wide[:6]} {wide[6:]}")]), "a.xlsx")
    assert file.rows[0].document == number


def test_duplicates() -> None:
    """The same document number is a fault, the same name and employer something to look at."""
    rows = [HEADERS, person(1), person(1, 工作单位="别处"), person(2, 工作单位="某学院1")]
    file = read_pool(xlsx(rows), "a.xlsx")
    assert [(one.code, one.cell, one.facts) for one in file.issues] == [
        ("duplicate-document", "B3", {"other": 2})
    ]
    assert [(one.code, one.row) for one in file.notices] == [("duplicate-person", 4)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_encodings(encoding: str) -> None:
    """A CSV reads alike in UTF-8 (with or without mark), GB18030 and Excel's Unicode text."""
    text = "\r\n".join(",".join(map(str, row)) for row in (HEADERS, person(1, 姓名="㐂𠮷龍")))
    file = read_pool(text.encode(encoding), "a.csv")
    assert (file.issues, file.rows[0].name) == ((), "㐂𠮷龍")


def test_columns_are_found_mapped_and_asked_for() -> None:
    """Other headers are known, others can be mapped by header or letter; missing ones are named."""
    titled = [
        ["专家库（2026年）"],
        [],
        ["专家姓名*", "身份证号", "单位", "类别", "地区", "备注"],
        person(1),
    ]
    file = read_pool(xlsx(titled), "a.xlsx")
    assert len(file.rows) == 1
    assert [one.code for one in file.notices] == ["unknown-columns"]
    odd = xlsx([["甲", "乙", "丙", "丁", "戊"], person(1)])
    with pytest.raises(ExchangeError, match="lacks"):
        read_pool(odd, "a.xlsx")
    mapping = {"name": "甲", "document": "乙", "employer": "C", "stratum": "D", "province": "戊"}
    assert len(read_pool(odd, "a.xlsx", mapping).rows) == 1
    with pytest.raises(ExchangeError) as caught:
        read_pool(odd, "a.xlsx", mapping | {"name": "癸"})
    assert caught.value.code == "mapping"


def test_sheets() -> None:
    """The sheet with the headers is found, others are said; a sheet that isn't there is named."""
    data = xlsx([["别的"]], sheet="封面", 名单=[HEADERS, person(1)])
    file = read_pool(data, "a.xlsx")
    assert file.sheet == "名单"
    assert file.notices[0].code == "other-sheets"
    with pytest.raises(ExchangeError) as caught:
        read_pool(data, "a.xlsx", sheet="没有")
    assert caught.value.facts["sheets"] == ["封面", "名单"]


def test_merged_cells_and_twin_headers_stop_the_sheet() -> None:
    """A merged cell among the data, and a header that stands twice, are faults of the sheet."""
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheet = book.add_worksheet("甲")
        for row, values in enumerate([HEADERS, person(1), person(2)]):
            for column, value in enumerate(values):
                sheet.write_string(row, column, str(value))
        sheet.merge_range("C2:C3", "某厂")
    file = read_pool(stream.getvalue(), "a.xlsx")
    assert [(one.code, one.facts) for one in file.issues] == [("merged-cells", {"range": "C2:C3"})]
    assert _codes([[*HEADERS, "姓名"], [*person(1), "x"]])[0] == ("header-twice", "A1")


def test_birth_sex_and_other_documents() -> None:
    """Birth year and sex follow from an identity card; other documents need the year."""
    headers = [*HEADERS, "性别", "出生年份"]
    other = [*person(2, 证件号码="K1234567"), "女", ""]
    assert _codes([headers, [*person(1), "女", 1971], other]) == [
        ("birth-differs", "G2"), ("sex-differs", "F2"), ("birth-needed", "G3"),
    ]  # fmt: skip


def test_eligibility() -> None:
    """With the round's terms, experts in use must be senior, not too old, and not staff."""
    headers = [*HEADERS, "职称", "在用"]
    rules = Eligibility(2026, organisers=("某部职业能力司",))
    rows = [
        headers,
        [*person(1), "讲师", "是"],
        [*person(2, 证件号码=identity(9, "19500101")), "教授", "是"],
        [*person(3, 工作单位="某部职业能力司"), "高级工程师", "是"],
        [*person(4), "讲师", "否"],
    ]
    assert _codes(rows, eligibility=rules) == [
        ("not-senior", "F2"), ("too-old", "B3"), ("organiser-staff", "C4"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "senior"),
    [("高级工程师", True), ("副教授", True), ("高级技师", True), ("高级工", False),
     ("助理研究员", False), ("讲师", False), ("高级实习指导教师", True), ("", False)],
)  # fmt: skip
def test_senior_titles(title: str, senior: bool) -> None:
    """Senior grades are told from those that only sound alike."""
    assert is_senior(title) is senior


def test_surnames_sound_as_surnames() -> None:
    """Surnames with a rarer reading get it."""
    assert [pinyin_of(one) for one in ("单建国", "曾伟", "尉迟恭", "王重阳")] == [
        "shan jianguo", "zeng wei", "yuchi gong", "wang chongyang",
    ]  # fmt: skip


def test_template_reads_as_empty() -> None:
    """The template is a table without rows, and says so."""
    file = read_pool(pool_template(), "a.xlsx")
    assert [one.code for one in file.issues] == ["no-rows"]
    assert file.notices == ()


def test_personal_numbers_are_masked_in_messages() -> None:
    """A message about a document number doesn't repeat it."""
    issue = read_pool(xlsx([HEADERS, person(1, 证件号码="11010119700115001")]), "a.xlsx").issues[0]
    assert "19700115" not in str(issue) + issue.value


def test_progress_is_told() -> None:
    """A long read tells how far it is, up to the end."""
    seen: list[tuple[int, int]] = []
    rows = [HEADERS, *([*person(1)] for _ in range(2500))]
    read_pool(xlsx(rows), "a.xlsx", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1000, 2500), (2000, 2500), (2500, 2500)]
