"""The application form as .docx, blank or filled, in the layout of annex 2.

Every field is a content control whose tag is the field's path: people type into it in Word, and
`form_reading` finds it again wherever the text around it has moved.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape, quoteattr  # nosec B406 - these write, they parse nothing

from docx import Document
from docx.oxml import parse_xml
from docx.shared import Cm, Pt

from review_service.exchange import form
from review_service.exchange.form_layout import (
    COVER,
    HINTS,
    MAIN,
    SUPPLEMENT,
    TITLE,
    WIDTH,
    Below,
    Cell,
    Fill,
    Label,
    section_title,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_W: Final = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
)
PROMPT: Final = "点击填写"
_TEXT_WIDTH: Final = 9360  # twentieths of a point between the margins
_SMALL: Final = '<w:rPr><w:sz w:val="18"/></w:rPr>'
_KEEP: Final = "<w:pPr><w:keepNext/></w:pPr>"  # of a paragraph, with what follows
# Between a cell's line and its text.
_AIR: Final = '<w:tblCellMar><w:top w:w="57" w:type="dxa"/></w:tblCellMar>'
_OCCUPATION_ROWS: Final = 3


@dataclass(frozen=True)
class FormData:
    """A filled form: what a dossier keeps in columns, and the form's record."""

    unit: str = ""
    credit_code: str = ""
    category: str = ""
    category_other: str = ""
    application: Mapping[str, Any] = field(default_factory=dict)

    def value(self, path: str) -> Any:
        """Return what stands at a path of the layout."""
        if path == "unit#cover":
            return self.unit
        if path in {"unit", "credit_code", "category", "category_other"}:
            return getattr(self, path)
        return form.get(self.application, path)


def blank_form() -> bytes:
    """Return the empty form."""
    return write_form(FormData())


def write_form(data: FormData) -> bytes:
    """Return the form filled with `data`; `form_reading.read_form` reads it back equal."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Times New Roman", Pt(11)
    style.paragraph_format.space_after = Pt(3)
    style.element.rPr.rFonts.set(
        "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}eastAsia", "宋体"
    )
    body = document.element.body
    place = body.index(body.sectPr)
    for element in _parts(data):
        body.insert(place, parse_xml(element))
        place += 1
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _parts(data: FormData) -> list[str]:
    parts = [
        _paragraph(_run(TITLE, 44), centred=True),
        _paragraph(_run("申 报 书", 56), centred=True),
    ]
    for label, path, after in COVER:
        control = _control(path, label, _shown(path, data.value(path)))
        parts.append(_paragraph(_run(f"{label}：", 28) + control + _run(after, 28)))
    parts += [
        _paragraph("<w:r><w:br w:type='page'/></w:r>"),
        _table([_cells(row, data) for row in MAIN] + _occupation_rows(data)),
        _paragraph(""),
    ]
    for number, hint in enumerate(HINTS, 1):
        parts += [_section(number, hint, data), _paragraph("")]
    parts.append(_paragraph(_KEEP + _run("附：数值条件和回避信息", 28)))
    rows = [
        _tc(_paragraph(_run(label)), 3)
        + _tc(_paragraph(_control(path, label, _shown(path, data.value(path)))), 6)
        for label, path in SUPPLEMENT
    ]
    return [*parts, _table(rows)]


def _shown(path: str, value: Any) -> str:
    """Return a value as the form shows it."""
    if value is None:
        return ""
    if path == "evaluation.since" and value:
        return f"{value[:4]}年{int(value[5:7])}月"
    if path == "filled_on" and value:
        return f"{value[:4]}年{int(value[5:7])}月{int(value[8:10])}日"
    return str(value)


def _cells(row: tuple[Cell, ...], data: FormData) -> str:
    made = []
    heads = not any(isinstance(cell, Fill) for cell in row)
    keep = _KEEP if heads else ""  # on the page of the figures below
    for cell in row:
        if isinstance(cell, Below):
            made.append(_tc(_paragraph(keep), cell.span, merge="<w:vMerge/>"))
        elif isinstance(cell, Label):
            merge = '<w:vMerge w:val="restart"/>' if cell.tall else ""
            made.append(_tc(_paragraph(keep + _run(cell.text)), cell.span, merge=merge))
        else:
            made.append(_tc(_filled(cell, data), cell.span))
    return "".join(made)


def _filled(cell: Fill, data: FormData) -> str:
    value = data.value(cell.path)
    if cell.path == "category":
        boxes = [_box("category", one, value == one) for one in form.CATEGORIES]
        other = _control("category_other", "其他类别说明", data.category_other)
        return "".join(map(_paragraph, [*boxes[:-1], boxes[-1] + _run("：") + other]))
    if cell.path == "evaluation.qualified":
        shown = {"是": True, "否": False}
        return _paragraph("".join(_box(cell.path, one, value is yes) for one, yes in shown.items()))
    label = form.BY_PATH[cell.path].zh if cell.path in form.BY_PATH else cell.path
    return _paragraph(_control(cell.path, label, _shown(cell.path, value)))


def _occupation_rows(data: FormData) -> list[str]:
    named = [one for one in str(data.value("occupations") or "").split("；") if one]
    count = max(_OCCUPATION_ROWS, len(named))
    rows = []
    for number in range(1, count + 1):
        shown = named[number - 1] if number <= len(named) else ""
        label = f"职业（工种） {number}. "
        control = _control(f"occupations#{number}", label.strip(), shown)
        rows.append(
            _tc("<w:p/>", 1, merge="<w:vMerge/>")
            + _tc(_paragraph(_run(label) + control), WIDTH - 1)
        )
    return rows


def _section(number: int, hint: str, data: FormData) -> str:
    title = section_title(number)
    text = str(data.value(f"sections.{number}.text") or "")
    pages = str(data.value(f"sections.{number}.pages") or "")
    content = (
        _paragraph(_KEEP + _run(f"（{hint}；不超过{form.SECTION_LIMIT}字，可另附证明材料）", 18))
        + _block(f"sections.{number}.text", title, text)
        + _paragraph(
            _run("证明材料页码：")
            + _control(f"sections.{number}.pages", f"{title}证明材料页码", pages)
        )
    )
    # A section's text may be longer than a page, so its row goes over the page's end.
    return _table([_tc(_paragraph(_run(title)), 1) + _tc(content, WIDTH - 1)], whole=False)


# ---- WordprocessingML ------------------------------------------------------------------------


def _run(text: str, size: int = 0) -> str:
    """Return a run; `size` in half points."""
    look = f'<w:rPr><w:sz w:val="{size}"/></w:rPr>' if size else ""
    return f'<w:r>{look}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>' if text else ""


def _paragraph(content: str, *, centred: bool = False) -> str:
    look = '<w:pPr><w:spacing w:before="480" w:after="480"/><w:jc w:val="center"/></w:pPr>'
    return f"<w:p {_W}>{look if centred else ''}{content}</w:p>"


def _properties(tag: str, alias: str, kind: str, *, empty: bool) -> str:
    prompt = "<w:showingPlcHdr/>" if empty else ""
    return (
        f"<w:sdtPr><w:alias w:val={quoteattr(alias[:60])}/><w:tag w:val={quoteattr(tag)}/>"
        f"{prompt}{kind}</w:sdtPr>"
    )


def _control(tag: str, alias: str, text: str) -> str:
    """Return a control inside a line; line breaks of the text stay."""
    empty = not text
    lines = (text or PROMPT).split("\n")
    runs = "<w:r><w:br/></w:r>".join(map(_run, lines))
    kind = '<w:text w:multiLine="1"/>'
    properties = _properties(tag, alias, kind, empty=empty)
    return f"<w:sdt {_W}>{properties}<w:sdtContent>{runs}</w:sdtContent></w:sdt>"


def _block(tag: str, alias: str, text: str) -> str:
    """Return a control of whole paragraphs."""
    empty = not text
    lines = "".join(_paragraph(_run(line)) for line in (text or PROMPT).split("\n"))
    properties = _properties(tag, alias, "<w:richText/>", empty=empty)
    return f"<w:sdt {_W}>{properties}<w:sdtContent>{lines}</w:sdtContent></w:sdt>"


def _box(path: str, choice: str, ticked: bool) -> str:  # noqa: FBT001 - reads as a sentence
    """Return a box to click and its label."""
    kind = (
        f'<w14:checkbox><w14:checked w14:val="{int(ticked)}"/>'
        '<w14:checkedState w14:val="2612" w14:font="MS Gothic"/>'
        '<w14:uncheckedState w14:val="2610" w14:font="MS Gothic"/></w14:checkbox>'
    )
    properties = _properties(f"{path}={choice}", choice, kind, empty=False)
    mark = _run("☒" if ticked else "☐")
    return (
        f"<w:sdt {_W}>{properties}<w:sdtContent>{mark}</w:sdtContent></w:sdt>{_run(choice + ' ')}"
    )


def _tc(content: str, span: int = 1, *, merge: str = "") -> str:
    width = _TEXT_WIDTH * span // WIDTH
    return (
        f'<w:tc {_W}><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/><w:gridSpan w:val="{span}"/>'
        f"{merge}</w:tcPr>{content}</w:tc>"
    )


def _table(rows: list[str], *, whole: bool = True) -> str:
    """Return a table; rows that are `whole` are never parted by a page's end."""
    grid = f'<w:gridCol w:w="{_TEXT_WIDTH // WIDTH}"/>' * WIDTH
    lines = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    kept = "<w:trPr><w:cantSplit/></w:trPr>" if whole else ""
    body = "".join(f"<w:tr>{kept}{row}</w:tr>" for row in rows)
    return (
        f'<w:tbl {_W}><w:tblPr><w:tblW w:w="{_TEXT_WIDTH}" w:type="dxa"/>'
        f"<w:tblBorders>{lines}</w:tblBorders>{_AIR}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>"
        f"{body}</w:tbl>"
    )
