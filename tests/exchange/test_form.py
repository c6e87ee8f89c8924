from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from review_service.exchange import form
from review_service.exchange.dossiers import read_dossiers, write_dossiers
from review_service.exchange.errors import BadValueError, ExchangeError
from review_service.exchange.form_docx import FormData, blank_form, write_form
from review_service.exchange.form_layout import MAIN, SUPPLEMENT, WIDTH
from review_service.exchange.form_reading import FormFile, read_form
from tests.exchange import old_excel
from tests.exchange.build import repacked, xlsx

SAMPLES = Path(__file__).parent.parent.parent / "samples"
ROWS = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx").rows


def _data(index: int = 0, **changes: Any) -> FormData:
    row = ROWS[index]
    data = FormData(
        row.unit, row.credit_code, row.category, str(row.application["category_other"]),
        row.application,
    )  # fmt: skip
    return dataclasses.replace(data, **changes)


def _codes(file: FormFile) -> list[tuple[str, str]]:
    for issue in (*file.issues, *file.notices):
        assert "{" not in issue.sentence("zh") + issue.sentence("en")
    return [(one.code, one.field) for one in file.issues]


def _edited(data: bytes, *changes: tuple[str, str]) -> FormFile:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("word/document.xml").decode()
    for old, new in changes:
        assert re.search(old, text, re.DOTALL), old
        text = re.sub(old, new, text, count=1, flags=re.DOTALL)
    return read_form(repacked(data, {"word/document.xml": text.encode()}), "form.docx")


def test_form_round_trip() -> None:
    """Forms of real size written to .docx read back equal, with the gates' figures, no report."""
    for index in (0, 17, 63, len(ROWS) - 1):
        file = read_form(write_form(_data(index)), "form.docx")
        assert (file.issues, file.notices) == ((), ())
        assert file.data == _data(index)
        assert file.indicators == ROWS[index].indicators


def test_workbook_round_trip() -> None:
    """All sample dossiers written to .xlsx read back equal."""
    file = read_dossiers(write_dossiers(ROWS), "again.xlsx")
    assert (file.issues, file.rows) == ((), ROWS)


TEXT = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], exclude_characters="；;"),
    max_size=40,
)


@given(TEXT, TEXT, st.integers(0, 9_999_999), st.decimals(0, 100, places=2))
@settings(max_examples=25, derandomize=True, deadline=None)
def test_any_content_survives_word(text: str, line: str, count: int, share: object) -> None:
    """Whatever text and figures a field takes, Word's file gives them back."""
    record: dict[str, Any] = {}
    for one in form.FIELDS:
        form.put(record, one.path, one.empty)
    form.put(record, "address", form.BY_PATH["address"].parse(text) if text.strip() else "")
    body = form.BY_PATH["sections.3.text"].parse(f"甲\n{line}\n乙")
    form.put(record, "sections.3.text", body)
    form.put(record, "premises.equipment_count", count)
    form.put(record, "declared.pass_rate", form.BY_PATH["declared.pass_rate"].parse(str(share)))
    record["category_other"] = ""
    data = FormData("某单位", "", "技工院校", "", record)
    assert read_form(write_form(data), "form.docx").data == data


def test_blank_form_says_what_is_missing() -> None:
    """A blank form reads as empty: only what is required is missing, prompts are no content."""
    file = read_form(blank_form(), "form.docx")
    assert {code for code, _ in _codes(file)} == {"form-checkbox", "required"}
    assert file.indicators == {}
    assert all(form.get(file.data.application, one.path) == one.empty for one in form.FIELDS)


def test_layout_is_the_forms() -> None:
    """Every field of the form stands in it once, and every row of the table is full."""
    for row in MAIN:
        assert sum(cell.span for cell in row) == WIDTH
    with zipfile.ZipFile(io.BytesIO(blank_form())) as archive:
        tags = re.findall(r'<w:tag w:val="([^"]+)"', archive.read("word/document.xml").decode())
    plain = [tag.split("#")[0].split("=")[0] for tag in tags]
    assert set(plain) >= {one.path for one in form.FIELDS} | {path for _, path in SUPPLEMENT}
    assert len(set(tags)) == len(tags)
    assert len(Document(io.BytesIO(blank_form())).tables) == 10


def test_rows_stay_whole_on_paper() -> None:
    """No row of figures is parted by a page's end; a section, longer than a page, may be."""
    tables = Document(io.BytesIO(write_form(_data()))).tables
    split = [
        {bool(row._tr.xpath("./w:trPr/w:cantSplit")) for row in table.rows} for table in tables
    ]
    assert split == [{True}, *[{False}] * 8, {True}]


def test_boxes() -> None:
    """Two ticked boxes, or none, of one question are reported; a sign typed by hand counts."""
    data = write_form(_data())
    chosen = re.escape(_data().category)
    other = next(one for one in form.CATEGORIES if one != _data().category)
    box = r'(<w:tag w:val="category=%s"/>.*?<w:t xml:space="preserve">)[☐☒]'
    two = _edited(data, (box % re.escape(other), r"\1√"))
    assert _codes(two) == [("form-checkbox", "category")]
    assert two.issues[0].facts["count"] == 2
    none = _edited(data, (box % chosen, r"\1☐"))
    assert ("form-checkbox", "category") in _codes(none)


def test_cover_and_table_name_the_same_unit() -> None:
    """The name on the cover, where the seal goes, must be the name in the table."""
    tag = r'(<w:tag w:val="unit#cover"/>.*?<w:t xml:space="preserve">)[^<]+'
    file = _edited(write_form(_data()), (tag, r"\1别的单位"))
    assert _codes(file) == [("unit-differs", "unit#cover")]


def test_wrong_values_are_named_by_their_label() -> None:
    """A figure that is none, a section that is too long, and more senior than all are reported."""
    record = dict(_data().application)
    record["sections"] = dict(record["sections"]) | {"2": {"text": "字" * 3001, "pages": ""}}
    record["volumes"] = dict(record["volumes"]) | {"2020": {"total": 100, "senior": 101}}
    data = write_form(_data(application=record))
    tag = r'(<w:tag w:val="premises.area"/>.*?<w:t xml:space="preserve">)[^<]+'
    file = _edited(data, (tag, r"\1很大"))
    assert sorted(_codes(file)) == [
        ("number", "premises.area"),
        ("part-above-whole", "volumes.2020.senior"),
        ("too-long", "sections.2.text"),
    ]
    assert {one.header for one in file.issues} >= {"2.工作基础"}


def test_pictures_and_tracked_changes_are_told() -> None:
    """A picture in a section is said to be passed over; a change nobody accepted is a fault."""
    tag = r'(<w:tag w:val="sections.1.text"/>.*?<w:p[^>]*>)'
    picture = _edited(write_form(_data()), (tag, r"\1<w:r><w:drawing/></w:r>"))
    assert [(one.code, one.field) for one in picture.notices] == [
        ("form-picture", "sections.1.text")
    ]
    tracked = _edited(
        write_form(_data()), (tag, r'\1<w:ins w:id="1"><w:r><w:t>新</w:t></w:r></w:ins>')
    )
    assert _codes(tracked) == [("form-tracked", "sections.1.text")]


def test_fields_without_their_controls_are_found_by_label() -> None:
    """Where a control was lost the cell beside a unique label is read; the rest is reported."""
    data = write_form(_data())
    for path in ("address", "sections.4.text"):
        lost = (rf'<w:tag w:val="{path}"/>', '<w:tag w:val="lost"/>')
        file = _edited(data, lost)
        assert _codes(file) == []
        assert form.get(file.data.application, path) == form.get(_data().application, path)
        assert [one.code for one in file.notices] == ["form-extra"]
    file = _edited(data, ('<w:tag w:val="teachers.technician"/>', '<w:tag w:val="lost"/>'))
    assert ("form-part-missing", "teachers.technician") in _codes(file)


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"%PDF-1.7", "a.docx", "not-a-form"),
        (xlsx([["x"]]), "a.xlsx", "not-a-form"),
        (xlsx([["x"]]), "a.docx", "extension-differs"),
        (repacked(blank_form(), {"word/vbaProject.bin": b"x"}), "a.docx", "macros"),
        (repacked(blank_form(), {"word/document.xml": b"<a"}), "a.docx", "damaged"),
        (repacked(blank_form(), {"word/document.xml": b"<!DOCTYPE a><a/>"}), "a.docx", "entities"),
        (old_excel.compound({"EncryptedPackage": b"x"}), "a.docx", "password-protected"),
        (old_excel.compound({"WordDocument": b"x"}), "a.doc", "not-a-form"),
        (b"<html><p>x", "a.docx", "not-a-form"),
        (b"PK\x03\x04" + bytes(31_000_000), "a.docx", "too-large"),
        (blank_form()[:-300], "a.docx", "damaged"),
    ],
)
def test_what_is_no_form_is_refused(data: bytes, name: str, code: str) -> None:
    """Anything but a clean .docx is refused with its own message."""
    with pytest.raises(ExchangeError) as caught:
        read_form(data, name)
    assert caught.value.code == code


def test_characters_are_counted_as_a_person_would() -> None:
    """Blanks and line breaks don't count, signs do, a rare character is one."""
    assert form.characters("国 家\n技，能𠮷") == 6
    parse = form.BY_PATH["sections.1.text"].parse
    assert len(parse("字" * 3000 + "\n " * 50 + "")) == 3000
    with pytest.raises(BadValueError) as caught:
        parse("字" * 3001)
    assert caught.value.facts == {"length": 3001, "limit": 3000}


def test_shares_are_cut_never_rounded_up() -> None:
    """A share just below a gate stays below it, and volumes are those of the latest year given."""
    record: dict[str, Any] = {"volumes": {"2021": {"total": 100_000, "senior": 19_999}}}
    assert form.indicators(record) == {"trained_per_year": 100_000, "senior_share": "19.99"}
    record = {"volumes": {"2020": {"total": 0, "senior": 0}, "2021": {"total": None}}}
    assert form.indicators(record) == {"trained_per_year": 0}
