from __future__ import annotations

import contextlib
import io
import random
import zipfile

import pytest
import xlsxwriter

from review_service.exchange.errors import ExchangeError
from review_service.exchange.form_docx import blank_form
from review_service.exchange.form_reading import read_form
from review_service.exchange.grids import read_book
from review_service.exchange.pool import read_pool
from review_service.workflows.attachments import media_of
from review_service.workflows.base import WorkflowError
from tests.exchange import old_excel
from tests.exchange.build import HEADERS, identity, ods, ods_row, person, repacked, xlsx

GOOD = xlsx([HEADERS, person()])


def _refusal(data: bytes, name: str = "pool.xlsx") -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        read_pool(data, name)
    for language in ("zh", "en"):
        assert "{" not in caught.value.sentence(language)
    return caught.value


def _declaring(part: str, size: int, whole: bytes = b"") -> bytes:
    """Return a workbook (or `whole`) whose directory declares another size for a part."""
    data = bytearray(repacked(whole or GOOD, {part: b"<a>" + b" " * 5000 + b"</a>"}))
    place = data.index(b"PK\x01\x02")
    while part.encode() not in data[place : place + 80]:
        place = data.index(b"PK\x01\x02", place + 4)
    data[place + 24 : place + 28] = size.to_bytes(4, "little")
    return bytes(data)


def _old(name: str) -> bytes:
    return old_excel.compound({name: b"x"})


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.xlsx", "empty-file"),
        (b"PK\x03\x04" + bytes(31_000_000), "a.xlsx", "too-large"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "a.xls", "not-a-table"),
        (b"%PDF-1.7 x", "a.xlsx", "not-a-table"),
        (b"\x00\x01\x02binary", "a.csv", "not-a-table"),
        (old_excel.workbook([HEADERS, person()]), "a.xlsx", "extension-differs"),
        (GOOD, "a.xls", "extension-differs"),
        (GOOD, "a.csv", "extension-differs"),
        ("姓名,证件号码".encode(), "a.xlsx", "extension-differs"),
        (GOOD, "a.xlsm", "macros"),
        (repacked(GOOD, {"xl/vbaProject.bin": b"x"}), "a.xlsx", "macros"),
        (repacked(GOOD, {"xl/macrosheets/sheet1.xml": b"<x/>"}), "a.xlsx", "macros"),
        (old_excel.workbook([HEADERS], macro_sheet=True), "a.xls", "macros"),
        (_old("EncryptedPackage"), "a.xlsx", "password-protected"),
        (old_excel.workbook([HEADERS], protected=True), "a.xls", "password-protected"),
        (old_excel.workbook_of_95([HEADERS]), "a.xls", "not-a-table"),
        (_old("WordDocument"), "a.xls", "not-a-table"),
        (_declaring("xl/styles.xml", 2_000_000_000), "a.xlsx", "zip-bomb"),
        (GOOD[:-200], "a.xlsx", "damaged"),
        (repacked(GOOD, {"xl/workbook.xml": b"<workbook"}), "a.xlsx", "damaged"),
        (repacked(GOOD, {"xl/styles.xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}), "a.xlsx",
         "entities"),
        (repacked(GOOD, {"xl/styles.xml": "<!DOCTYPE a>".encode("utf-16")}), "a.xlsx", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls", "damaged"),
        (b"\xff\xfe\x00\xd8\x00\xd8", "a.csv", "encoding"),
        (b"\x81\x20\xff\xff\xc0", "a.csv", "encoding"),
        ('姓名,证件号码\n"张三,1\n'.encode(), "a.csv", "csv-syntax"),
        (b"PK\x05\x06" + bytes(18), "a.xlsx", "not-a-table"),
        (xlsx([["部门", "电话"], ["甲", "1"]], sheet="通讯录"), "a.xlsx", "no-matching-sheet"),
    ],
)  # fmt: skip
def test_each_bad_file_has_its_refusal(data: bytes, name: str, code: str) -> None:
    """Every kind of unreadable file is refused with its own code and a complete sentence."""
    assert _refusal(data, name).code == code


def test_encrypted_zip_entries_are_a_password() -> None:
    """An .xlsx whose parts are encrypted is refused as password-protected."""
    flagged = bytearray(GOOD)
    place = flagged.index(b"PK\x01\x02")
    flagged[place + 8] |= 1
    assert _refusal(bytes(flagged)).code == "password-protected"


def test_a_word_file_that_unpacks_too_far_is_refused_before_it_is_unpacked() -> None:
    """A form or paper that declares 101 MB is refused by the declaration alone; a table is not."""
    heavy = _declaring("word/styles.xml", 101_000_000, blank_form())
    with pytest.raises(ExchangeError) as caught:
        read_form(heavy, "form.docx")
    assert caught.value.code == "zip-bomb"
    with pytest.raises(WorkflowError, match="attachment-kind") as refused:
        media_of(heavy, "paper.docx")
    assert refused.value.__cause__ is not None
    assert refused.value.__cause__.code == "zip-bomb"  # type: ignore[attr-defined]  # an ExchangeError
    with pytest.raises(ExchangeError) as caught:
        read_book(_declaring("xl/styles.xml", 101_000_000, GOOD), "a.xlsx")
    assert caught.value.code == "damaged"  # it was unpacked, and is not what it declares


@pytest.mark.parametrize("part", ["word/document.xml", "xl/workbook.xml", "content.xml"])
def test_a_small_file_of_millions_of_tags_is_refused_before_it_is_parsed(part: str) -> None:
    """Empty elements shrink a thousandfold in a file and grow twentyfold in a parser."""
    content = b"<a>" + b"<b/>" * 6_000_000 + b"</a>"
    if part.startswith("word"):
        data, name = repacked(blank_form(), {part: content}), "form.docx"
    elif part.startswith("xl"):
        data, name = repacked(GOOD, {part: content}), "a.xlsx"
    else:
        data, name = repacked(ods(""), {part: content}), "a.ods"
    with pytest.raises(ExchangeError) as caught:
        _ = read_form(data, name) if name == "form.docx" else read_book(data, name)
    assert caught.value.code == "too-many-tags"
    for language in ("zh", "en"):
        assert part in caught.value.sentence(language)


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "docProps/core.xml"])
def test_entities_of_a_word_file_are_refused(part: str) -> None:
    """A document type declaration in any part (XXE, entity bombs) refuses the form."""
    content = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    with pytest.raises(ExchangeError) as caught:
        read_form(repacked(blank_form(), {part: content}), "form.docx")
    assert caught.value.code == "entities"


def test_lying_size_is_damage() -> None:
    """A part that declares a smaller size than it has never gets past the checksum."""
    assert _refusal(_declaring("xl/styles.xml", 100)).code == "damaged"


@pytest.mark.parametrize(
    "cells",
    [
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b"<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
        b'<row r="1048576"><c><v>1</v></c></row>',
        b'<x:row r="1048576"><x:c r="A1048576"><x:v>1</x:v></x:c></x:row>',
    ],
)
def test_one_far_cell_is_measured_not_opened(cells: bytes) -> None:
    """A cell at the far corner is refused before a reader makes room for 17 billion cells."""
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    data = repacked(GOOD, {"xl/worksheets/sheet1.xml": sheet + cells + b"</sheetData></worksheet>"})
    assert _refusal(data).code == "too-many-cells"


def test_ods_repeats_are_measured() -> None:
    """A cell that says it stands a billion times is refused; empty repeats are nothing."""
    cell = (
        '<table:table-cell office:value-type="string" table:number-columns-repeated="1000000000">'
    )
    wide = f"<table:table-row>{cell}<text:p>x</text:p></table:table-cell></table:table-row>"
    assert _refusal(ods(wide), "a.ods").code == "too-many-cells"
    repeat = 'table:number-rows-repeated="1048000"'
    empty = f"<table:table-row {repeat}><table:table-cell/></table:table-row>"
    rows = ods_row(*HEADERS) + ods_row(*person()) + empty
    assert len(read_pool(ods(rows), "a.ods").rows) == 1


def test_formulas_are_read_not_run() -> None:
    """A formula's stored result is taken and said; one without a result or with an error isn't."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheet = book.add_worksheet("甲")
        for column, header in enumerate(HEADERS):
            sheet.write_string(0, column, header)
        for row in (1, 2, 3):
            for column, value in enumerate(person(row)):
                sheet.write_string(row, column, value)
        sheet.write_formula(1, 2, '=HYPERLINK("x")', value="某厂")
        sheet.write_formula(2, 2, "=A1", value="")
        sheet.write_formula(3, 2, "=1/0", value="#DIV/0!")
    file = read_pool(stream.getvalue(), "a.xlsx")
    assert [(one.code, one.cell) for one in file.issues] == [
        ("formula-empty", "C3"), ("cell-error", "C4"),
    ]  # fmt: skip
    assert [(one.code, one.cell) for one in file.notices] == [("formula-value", "C2")]
    assert file.rows[0].employer == "某厂"


def test_old_excel_is_read_with_its_formulas_noted() -> None:
    """An .xls reads like an .xlsx; its formula cells are noted from the binary records."""
    rows: list[list[str | float]] = [HEADERS, person(1), person(2)]
    file = read_pool(old_excel.workbook(rows), "a.xls")
    assert [row.employer for row in file.rows] == ["某学院1", "某学院2"]
    book = read_book(old_excel.workbook(rows, formula=(5, 2)), "a.xls")
    assert book.grids[0].formulas == {(5, 2)}
    assert book.grids[0].rows[5][2] == 2


def test_merged_cells_of_ods_are_seen() -> None:
    """Merged cells stop an .ods as they stop an .xlsx."""
    rows = ods_row(*HEADERS) + ods_row(*person(1))
    spanned = rows.replace("<table:table-cell ", '<table:table-cell table:number-rows-spanned="2" ')
    file = read_pool(ods(spanned), "a.ods")
    assert {one.code for one in file.issues} == {"merged-cells"}


def test_pictures_are_named_by_their_cell() -> None:
    """An emoji is a fault of its cell, told by its code point."""
    sheet = xlsx([HEADERS, person(1, 姓名="张😀三"), person(2)])
    file = read_pool(sheet, "a.xlsx")
    assert [one.cell for one in file.issues] == ["A2"]
    assert "U+" in file.issues[0].sentence("zh")


@pytest.mark.parametrize("size", [1, 4, 100, 1000])
def test_truncated_files_never_crash(size: int) -> None:
    """Any start of a real file is refused or read, never an exception of another kind."""
    for data, name in (
        (GOOD, "a.xlsx"),
        (old_excel.workbook([HEADERS, person()]), "a.xls"),
        (ods(ods_row(*HEADERS)), "a.ods"),
    ):
        with pytest.raises(ExchangeError):
            read_pool(data[:size], name)


def test_flipped_bytes_never_crash() -> None:
    """A byte changed anywhere in an .xls is refused or read, never an exception of another kind."""
    data = bytearray(old_excel.workbook([HEADERS, person(), [1.5, identity()]], formula=(4, 1)))
    for place in range(0, len(data), 37):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        with contextlib.suppress(ExchangeError):
            read_pool(bytes(changed), "a.xls")


def test_mutated_parts_never_crash() -> None:
    """Parts with bytes changed, cut, doubled or put in are refused or read, nothing else."""
    dice = random.Random(5)
    form, sheet = blank_form(), ods(ods_row(*HEADERS) + ods_row(*person(1)))
    targets = [
        (GOOD, "xl/worksheets/sheet1.xml", "a.xlsx"),
        (GOOD, "xl/workbook.xml", "a.xlsx"),
        (GOOD, "xl/sharedStrings.xml", "a.xlsx"),
        (GOOD, "xl/_rels/workbook.xml.rels", "a.xlsx"),
        (form, "word/document.xml", "a.docx"),
        (sheet, "content.xml", "a.ods"),
    ]
    for round_number in range(90):
        base, part, name = targets[round_number % len(targets)]
        with zipfile.ZipFile(io.BytesIO(base)) as archive:
            content = bytearray(archive.read(part))
        for _ in range(dice.choice((1, 1, 3))):
            place = dice.randrange(len(content))
            put = dice.choice(
                (b"", b"<", b"9" * 8, b"-1", b"\xff", bytes(content[place : place + 40]))
            )
            content[place : place + dice.randrange(3)] = put
        data = repacked(base, {part: bytes(content)})
        with contextlib.suppress(ExchangeError):
            read_form(data, name) if name == "a.docx" else read_pool(data, name)


def test_a_reader_that_panics_is_a_damaged_file() -> None:
    """A sheet that is said to begin beyond the file makes the Rust reader panic: damage."""
    data = bytearray(old_excel.workbook([HEADERS, person(1)]))
    place = data.index(b"\x85\x00\x0a\x00")  # the record that says where the sheet begins
    data[place + 4 : place + 8] = (0xF6000000).to_bytes(4, "little")
    assert _refusal(bytes(data), "a.xls").code == "damaged"
