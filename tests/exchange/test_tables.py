from __future__ import annotations

import dataclasses
import datetime as dt
import io
import re
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from review_service.exchange import errors, messages
from review_service.exchange import values as v
from review_service.exchange.affiliations import affiliations
from review_service.exchange.columns import Column
from review_service.exchange.conflicts import ConflictRow, write_conflicts
from review_service.exchange.documents_tables import listed_table, seated_table
from review_service.exchange.dossiers import read_dossiers, write_dossiers
from review_service.exchange.errors import BadValueError
from review_service.exchange.grids import column_number, letters
from review_service.exchange.reading import read_table
from review_service.exchange.recusals import (
    RecusalRow,
    read_recusals,
    recusals_template,
    write_recusals,
)
from review_service.exchange.scores import ScoreRow, write_scores
from review_service.exchange.texts import clean, decode
from review_service.exchange.workbooks import write_table
from scoring.rubric import load_rubric
from tests.exchange.build import xlsx

SAMPLES = Path(__file__).parent.parent.parent / "samples"
DOSSIERS = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx").rows
FIGURES = (Column("name", "名称", v.text(40)), Column("figure", "数", v.decimal(-(10**9), 10**9),
                                                     numeric=True))  # fmt: skip


@given(st.decimals(-(10**6), 10**6, places=2))
@settings(max_examples=50, derandomize=True, deadline=None)
def test_negative_numbers_survive(number: Decimal) -> None:
    """A number, with its sign, stays a number in the file and comes back exactly."""
    data = write_table("甲", FIGURES, [{"name": "-1", "figure": number}])
    cell = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["B2"]
    assert cell.data_type == "n"
    record = read_table(data, "a.xlsx", FIGURES).records[0]
    assert record.values == {"name": "-1", "figure": number}


def _every_export(text: str) -> dict[str, bytes]:
    """Return each kind of workbook that the service hands out, with a text in its free fields."""
    conflict = ConflictRow(
        "E1", text, text, "D1", text, text, text, text, "confirmed", text, "", ""
    )
    recusal = RecusalRow("E1", text, "kin", text, "staff", text)
    dossier = dataclasses.replace(DOSSIERS[0], unit=text, prefecture=text)
    score = ScoreRow("D1", 1, {}, {}, text)
    rubric = load_rubric("skills-base-2022")
    return {
        "conflicts": write_conflicts([conflict]),
        "recusals": write_recusals([recusal]),
        "dossiers": write_dossiers([dossier]),
        "scores": write_scores([score], rubric),
        "listed": listed_table([{"number": -1, "unit": text, "note": text}]),
        "seated": seated_table([{"name": text, "employer": text, "title": text}]),
    }


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_no_export_holds_a_formula(text: str) -> None:
    """In every workbook that is handed out a text that looks like a formula is text, unchanged."""
    for kind, data in _every_export(text).items():
        book = openpyxl.load_workbook(io.BytesIO(data))
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
        assert not [cell.coordinate for cell in cells if cell.data_type == "f"], kind
        assert text in {cell.value for cell in cells if cell.data_type == "s"}, kind
        if kind == "listed":
            assert -1 in {cell.value for cell in cells if cell.data_type == "n"}


def test_same_content_same_bytes() -> None:
    """Writing a table twice gives the same file."""
    assert write_dossiers(DOSSIERS[:3]) == write_dossiers(DOSSIERS[:3])


@pytest.mark.parametrize("system", [False, True])
def test_dates_of_both_systems(system: bool) -> None:
    """Dates count from 1900 or 1904 as the workbook says; a bare number is refused with both."""
    column = (Column("on", "日期", v.date), Column("x", "甲", v.text(9)))
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"date_1904": system}) as book:
        sheet = book.add_worksheet()
        form = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["日期", "甲"])
        sheet.write_datetime(1, 0, dt.datetime(2022, 11, 30), form)  # noqa: DTZ001 - as Excel has it
        sheet.write_number(2, 0, 44895)
        sheet.write_string(3, 0, "2022年11月30日")
        sheet.write_string(4, 0, "2022/2/30")
    table = read_table(stream.getvalue(), "a.xlsx", column)
    assert [one.values["on"] for one in table.records] == ["2022-11-30", "2022-11-30"]
    assert [(one.code, one.cell) for one in table.issues] == [
        ("date-as-number", "A3"),
        ("date", "A5"),
    ]
    assert table.issues[0].facts == {"as_1900": "2022-11-30", "as_1904": "2026-12-01"}


@pytest.mark.parametrize(
    ("parse", "raw", "value"),
    [
        (v.phone, "１３８ 0013-8000", "13800138000"),
        (v.phone, "+86 13800138000", "13800138000"),
        (v.phone, 13800138000.0, "13800138000"),
        (v.phone, "（010）62345678", "010-62345678"),
        (v.phone, "0471-1234567-801", "0471-1234567-801"),
        (v.credit_code, "9111 0000 6000 37341l", "91110000600037341L"),
        (v.whole(0, 10_000), "2,000", 2000),
        (v.decimal(0, 100), "92.5%", Decimal("92.5")),
        (v.decimal(0, 100), 92.3, Decimal("92.3")),
        (v.decimal(-10, 10), "−3.5", Decimal("-3.5")),
        (v.month, "2024.6", "2024-06"),
        (v.month, "2024年6月", "2024-06"),
        (v.items(20), "焊工、铣工；焊工\n 车工", "焊工；铣工；车工"),
        (v.yes_no, "停用", False),
        (v.person, "张 三", "张三"),
        (v.person, "买买提•艾力", "买买提·艾力"),
        (v.person, "𠮷龍", "𠮷龍"),
        (affiliations, "甲大学／顾问／2024.6； 乙厂/职工/至今", "甲大学/顾问/2024-06；乙厂/职工"),
        (v.text(9), 12.0, "12"),
    ],
)  # fmt: skip
def test_values_as_people_type_them(parse: v.Parser, raw: object, value: object) -> None:
    """Numbers, dates, lists and names in the ways people type them give one plain value."""
    assert parse(raw) == value


@pytest.mark.parametrize(
    ("parse", "raw", "code"),
    [
        (v.phone, "12345", "phone"),
        (v.phone, "1380013800", "phone"),
        (v.credit_code, "91110000600037341M", "credit-code"),
        (v.credit_code, "9111000060003734", "credit-code"),
        (v.credit_code, "A1110000600037341L", "credit-code"),
        (v.credit_code, 911100006000373412, "number-destroyed"),
        (v.email, "a@b", "email"),
        (v.email, "a b@example.com", "email"),
        (v.whole(0, 9), 2.5, "integer"),
        (v.whole(0, 9), True, "integer"),
        (v.decimal(0, 100), "101", "number"),
        (v.decimal(0, 100), "nan", "number"),
        (v.decimal(0, 100), float("nan"), "number"),
        (v.decimal(0, 100), 1.234567, "number"),
        (v.date, "昨天", "date"),
        (v.date, 2022, "date"),
        (v.text(3), "四个字啊", "too-long"),
        (v.text(9), "甲\x07", "character"),
        (v.text(9), "\ue000", "character"),
        (v.text(9), "甲\ufffd", "character"),
        (v.person, "张3", "character"),
        (v.person, dt.date(2022, 1, 1), "not-text"),
        (affiliations, "甲大学", "affiliation"),
        (affiliations, "甲大学/校友/2024-06", "affiliation"),
        (affiliations, "甲大学/顾问/2024-13", "date"),
        (v.items(3), "一二三四", "item"),
    ],
)
def test_values_that_cant_be_taken(parse: v.Parser, raw: object, code: str) -> None:
    """What can't be taken has a code with facts enough for both sentences."""
    with pytest.raises(BadValueError) as caught:
        parse(raw)
    assert caught.value.code == code
    facts = {**caught.value.facts, "value": "x"}
    assert "{" not in messages.sentence(code, facts, "zh") + messages.sentence(code, facts, "en")


def test_invisible_characters_are_dropped() -> None:
    """Signs that don't show, pasted from web pages, don't make equal names differ."""
    assert clean("\ufeff王\u200b 一\u00a0\u3000 二 ") == "王 一 二"
    assert clean("甲\r\n\r\n  乙  丙\n", lines=True) == "甲\n\n 乙 丙"


def test_encodings_are_told_apart() -> None:
    """GB18030 is read where UTF-8 can't be; bytes of neither are refused with a guess."""
    assert decode("表格".encode("gb18030")) == ("表格", "GB18030")
    assert decode("表格".encode("utf-8-sig")) == ("表格", "UTF-8")
    with pytest.raises(errors.ExchangeError, match="encoding"):
        decode(bytes(range(128, 256)) * 4)


def test_column_letters() -> None:
    """Column numbers and letters are each other's inverse."""
    for number in (0, 25, 26, 51, 701, 702, 16383):
        assert column_number(letters(number)) == number
    assert (letters(16383), column_number("姓名"), column_number("")) == ("XFD", None, None)


def test_recusals_round_trip_and_faults() -> None:
    """Declarations read back equal; one twice and an unknown reason are named."""
    rows = (
        RecusalRow("E00001", "D1", "kin", "配偶任职", "expert", "张三"),
        RecusalRow("E00001", "D1", "other-interest", "合同", "unit"),
    )
    assert read_recusals(write_recusals(rows), "r.xlsx").rows == rows
    twice = read_recusals(write_recusals((*rows, rows[0])), "r.xlsx")
    assert [(one.code, one.cell) for one in twice.issues] == [("duplicate-number", "C4")]
    assert read_recusals(recusals_template(), "r.xlsx").issues[0].code == "no-rows"


def _dossiers(*changes: tuple[int, str, object]) -> list[tuple[str, str]]:
    """Return the issues of the first five sample dossiers with cells (row, header) changed."""
    book = openpyxl.load_workbook(io.BytesIO(write_dossiers(DOSSIERS[:5])))
    rows = [["" if one is None else one for one in row] for row in book.worksheets[0].values]
    headers = [str(one).rstrip("*") for one in rows[0]]
    for row, header, value in changes:
        rows[row][headers.index(header)] = value
    file = read_dossiers(xlsx(rows), "d.xlsx")
    for issue in file.issues:
        assert "{" not in issue.sentence("zh") + issue.sentence("en")
    return [(one.code, one.field) for one in file.issues]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ((), []),
        (((1, "省内排序", 2),), [("rank-twice", "rank")]),
        (((5, "省内排序", 7),), [("rank-above-quota", "rank")]),
        (((2, "地市", "海淀区"), (3, "地市", "海淀区")), [("prefecture-quota", "prefecture")]),
        (((2, "材料编号", "1101"),), [("duplicate-number", "number")]),
        (((2, "省份", ""),), [("required", "province")]),
        (((2, "统一社会信用代码", "9111"),), [("credit-code", "credit_code")]),
        (((1, "2021年高级工及以上数量", 99999),), [
            ("part-above-whole", "volumes.2021.senior")]),
        (((3, "省内排序", 5), (5, "省内排序", 4), (4, "省份", "天津")), [("rank-gap", "rank")] * 4),
    ],
)  # fmt: skip
def test_dossier_faults(
    changes: tuple[tuple[int, str, object], ...], found: list[tuple[str, str]]
) -> None:
    """Ranks, quotas, twins and figures that contradict are named with their cells."""
    assert sorted(_dossiers(*changes)) == sorted(found)


def test_gates_are_told_not_enforced() -> None:
    """With the rubric, the four planted dossiers below a gate are notices with their article."""
    data = (SAMPLES / "dossiers.xlsx").read_bytes()
    file = read_dossiers(data, "d.xlsx", rubric=load_rubric("skills-base-2022"))
    told = [one for one in file.notices if one.code == "gate-failed"]
    assert [one.facts["article"] for one in told] == ["第4条", "第4条", "第10条", "第21条"]
    assert told[0].sentence("zh") == "不满足第4条的数值条件：1860人次，应不低于 2000人次。"


def test_every_message_has_both_languages_and_a_use() -> None:
    """Both sentences of a code use the same facts or fewer, and each code is raised somewhere."""
    package = Path(messages.__file__).parent
    code = "".join(
        one.read_text(encoding="utf-8")
        for folder in (package, package.parent / "workflows")
        for one in folder.glob("*.py")
        if one.name != "messages.py"
    )
    for name, (zh, en) in messages.MESSAGES.items():
        fields = [set(re.findall(r"{(\w+)}", text)) for text in (zh, en)]
        loose = {"expected_zh", "expected"}
        assert fields[0] - loose == fields[1] - loose, name
        assert f'"{name}"' in code, name
