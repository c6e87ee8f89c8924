"""Official papers as .docx: the typography of GB/T 9704-2012 on A4, and lines to sign on.

Text is set in 仿宋, titles in 小标宋, heads in 黑体. The fonts are named, none is shipped: the font
table names free ones after each, so that a machine without them knows what to take instead.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr  # nosec B406 - it writes, it parses nothing
from zoneinfo import ZoneInfo

import segno
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from docx.table import _Cell
    from docx.text.paragraph import Paragraph

BEIJING = ZoneInfo("Asia/Shanghai")
TITLE: Final = "方正小标宋简体"
BODY: Final = "仿宋_GB2312"
HEAD: Final = "黑体"
LATIN: Final = "Times New Roman"
# What stands in for a font that a machine lacks, in order.
STACKS: Final = {
    TITLE: ("FZXiaoBiaoSong-B05S", "Source Han Serif SC", "Noto Serif CJK SC", "宋体", "SimSun"),
    BODY: ("仿宋", "FangSong", "STFangsong", "Noto Serif CJK SC", "宋体"),
    HEAD: ("SimHei", "Source Han Sans SC", "Noto Sans CJK SC"),
    LATIN: ("Liberation Serif", "Tinos"),
}
_W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
WIDTH: Final = 15.6  # centimetres of text, 28 mm left and 26 mm right of it
_CONTROLS: Final = dict.fromkeys(set(range(32)) - {9, 10})  # XML can't hold them


def chinese_date(moment: datetime | date) -> str:
    """Return a day as papers write it, in Beijing: 2025年3月1日."""
    day = moment.astimezone(BEIJING) if hasattr(moment, "astimezone") else moment
    return f"{day.year}年{day.month}月{day.day}日"


def chinese_time(moment: datetime) -> str:
    """Return a moment as papers write it, in Beijing: 2025年3月1日14时05分."""
    local = moment.astimezone(BEIJING)
    return f"{chinese_date(moment)}{local.hour}时{local.minute:02}分"


class Paper:
    """A paper from top to bottom; `save` gives its bytes. Sizes are points: 三号 16, 小四 12."""

    def __init__(self, title: str, made: datetime, *, landscape: bool = False) -> None:
        self._document = Document()
        self._styles: dict[str, str] = {}
        self._page(landscape=landscape)
        self.width = 22.5 if landscape else WIDTH
        style = self._document.styles["Normal"]
        style.font.name, style.font.size = LATIN, Pt(16)
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), BODY)
        language = OxmlElement("w:lang")
        language.set(qn("w:val"), "en-US")
        language.set(qn("w:eastAsia"), "zh-CN")  # else a machine may take Japanese glyphs
        style.element.rPr.append(language)
        properties = self._document.core_properties
        properties.title, properties.author, properties.comments = title, "", ""
        properties.created = properties.modified = made.replace(tzinfo=None)
        self._fonts()
        self._number()
        self.line(title, size=22, font=TITLE, centred=True, spacing=34)
        self.line("", spacing=14)

    def _page(self, *, landscape: bool) -> None:
        section = self._document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.top_margin, section.bottom_margin = Cm(3.7), Cm(3.5)
        section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
        if landscape:
            section.page_width, section.page_height = Cm(29.7), Cm(21)
            section.left_margin, section.right_margin = Cm(3.7), Cm(3.5)
            section.top_margin, section.bottom_margin = Cm(2.6), Cm(2.8)

    def line(
        self,
        text: str,
        *,
        size: float = 16,
        font: str = BODY,
        centred: bool = False,
        indent: bool = False,
        right: bool = False,
        spacing: float = 28,
    ) -> Paragraph:
        """Add a paragraph; `indent` moves its first line in by two characters."""
        paragraph = self._document.add_paragraph()
        self._write(paragraph, text, size, font)
        form = paragraph.paragraph_format
        form.space_before = form.space_after = Pt(0)
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(spacing)
        if centred:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if right:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        if indent:
            form.first_line_indent = Pt(2 * size)
        return paragraph

    def text(self, text: str) -> None:
        """Add a paragraph of running text."""
        self.line(text, indent=True)

    def head(self, text: str) -> None:
        """Add a head, which stays with what follows."""
        self.line(text, font=HEAD).paragraph_format.keep_with_next = True

    def facts(self, rows: Sequence[tuple[str, str]], *, first: float = 3.8) -> None:
        """Add a table of names and values."""
        self.table(("项目", "内容"), rows, (first, self.width - first))

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
        *,
        size: float = 12,
        right: Sequence[int] = (),
    ) -> None:
        """Add a table; its head repeats on every page, `right` columns hold figures.

        `widths` are centimetres; rows are never parted by a page's end.
        """
        table = self._document.add_table(rows=1, cols=len(heads), style="Table Grid")
        table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Cm(width)
        for cell, text, width in zip(table.rows[0].cells, heads, widths, strict=True):
            cell.width = Cm(width)
            self._cell(cell, text, size, HEAD).alignment = WD_ALIGN_PARAGRAPH.CENTER
        self._mark(table.rows[0]._tr, "w:tblHeader")  # noqa: SLF001 - no public way to say so
        for values in rows:
            row = table.add_row()
            self._mark(row._tr, "w:cantSplit")  # noqa: SLF001 - as above
            for place, (cell, text) in enumerate(zip(row.cells, values, strict=True)):
                paragraph = self._cell(cell, text, size, BODY)
                if place in right:
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self.line("", spacing=14)

    def qr(self, text: str, *, centimetres: float = 4.2) -> None:
        """Add a QR code as a picture."""
        picture = io.BytesIO()
        segno.make(text, error="m", micro=False).save(picture, kind="png", scale=6, border=2)
        picture.seek(0)
        paragraph = self._document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        run = paragraph.add_run()
        shape = run.add_picture(picture, width=Cm(centimetres))
        shape._inline.docPr.set("descr", "检查点二维码")  # noqa: SLF001 - for screen readers

    def small(self, text: str) -> None:
        """Add small print, line by line as given."""
        for one in text.splitlines() or [""]:
            self.line(one, size=9, spacing=13)

    def signatures(self, parties: Sequence[str]) -> None:
        """Add a line to sign on, and a date, for each party; they stay on one page."""
        self.line("", spacing=14)
        for party in parties:
            form = self.line(
                f"{party}（签字）：____________________　　　　年　　月　　日", size=14, spacing=36
            ).paragraph_format
            form.keep_together = form.keep_with_next = True

    def close(self, office: str, moment: datetime | date) -> None:
        """Add who issues the paper, and when, at the right."""
        self.line("", spacing=28)
        self.line(f"{office}　　", right=True)
        self.line(f"{chinese_date(moment)}　　", right=True)

    def save(self) -> bytes:
        """Return the paper's bytes."""
        stream = io.BytesIO()
        self._document.save(stream)
        return stream.getvalue()

    def _cell(self, cell: _Cell, text: str, size: float, font: str) -> Paragraph:
        """Fill a cell; its look is a style's, which is much quicker than each run's own."""
        paragraph: Paragraph = cell.paragraphs[0]
        paragraph._p.style = self._style(size, font)  # noqa: SLF001 - by name it is looked up anew
        paragraph.add_run(text.translate(_CONTROLS))
        return paragraph

    def _style(self, size: float, font: str) -> str:
        """Return the id of the style of cells in a font, made once."""
        name = f"Cell {font} {size:g}"
        if name not in self._styles:
            style = self._document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.font.name, style.font.size = LATIN, Pt(size)
            style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
            form = style.paragraph_format
            form.space_before = form.space_after = Pt(2)
            form.line_spacing = 1.0
            self._styles[name] = style.style_id
        return self._styles[name]

    @staticmethod
    def _write(paragraph: Paragraph, text: str, size: float, font: str) -> None:
        run = paragraph.add_run(text.translate(_CONTROLS))
        run.font.size, run.font.name = Pt(size), LATIN
        run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)  # noqa: SLF001 - python-docx has no East Asian font

    @staticmethod
    def _mark(row: object, name: str) -> None:
        row.get_or_add_trPr().append(OxmlElement(name))  # type: ignore[attr-defined]  # an element

    def _number(self) -> None:
        """Number the pages at the foot: — 1 —."""
        paragraph = self._document.sections[0].footer.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        self._write(paragraph, "— ", 14, "宋体")
        run = paragraph.add_run()
        run.font.size = Pt(14)
        for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
            element = OxmlElement("w:fldChar" if kind else "w:instrText")
            if kind:
                element.set(qn("w:fldCharType"), kind)
            else:
                element.text = text
            run._element.append(element)  # noqa: SLF001 - python-docx has no fields
        self._write(paragraph, " —", 14, "宋体")

    def _fonts(self) -> None:
        """Write the font table: every font with what may stand in for it."""
        fonts = "".join(
            f"<w:font w:name={quoteattr(name)}><w:altName w:val={quoteattr(','.join(others))}/>"
            '<w:charset w:val="86"/><w:family w:val="roman"/></w:font>'
            for name, others in STACKS.items()
        )
        table = f'<?xml version="1.0" encoding="UTF-8"?><w:fonts xmlns:w="{_W}">{fonts}</w:fonts>'
        part = self._document.part.part_related_by(RELATIONSHIP_TYPE.FONT_TABLE)
        part._blob = table.encode()  # noqa: SLF001 - python-docx keeps this part as it came
