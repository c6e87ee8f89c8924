"""Tables written as .xlsx: all that users typed is text, numbers are numbers, never a formula.

Files are the same bytes for the same content: the creation date is fixed, the zip's times too.
"""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import xlsxwriter

from review_service.exchange.columns import HELP_SHEET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from review_service.exchange.columns import Column

_CREATED: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - XlsxWriter wants it without a zone
_TEMPLATE_ROWS: Final = 1000


class Workbook:
    """An .xlsx in memory with our formats; `close` gives its bytes."""

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                   "strings_to_numbers": False}  # fmt: skip
        self._book = xlsxwriter.Workbook(self._stream, options)
        self._book.set_properties({"created": _CREATED})
        self._head = self._book.add_format(
            {"bold": True, "bg_color": "#DCE6F1", "border": 1, "text_wrap": True, "valign": "top"}
        )
        self._text = self._book.add_format({"num_format": "@", "valign": "top"})
        self._number = self._book.add_format({"num_format": "General", "valign": "top"})

    def add(
        self, name: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Add a sheet of headers and rows; a field that is absent stays empty."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        # On paper: A4 across, all columns on one page's width, the heads on every page.
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        for place, column in enumerate(columns):
            sheet.set_column(
                place, place, column.width, self._number if column.numeric else self._text
            )
            sheet.write_string(0, place, f"{column.header}{'*' if column.required else ''}",
                               self._head)  # fmt: skip
            if column.choices:
                last = max(len(rows), _TEMPLATE_ROWS)
                sheet.data_validation(
                    1, place, last, place, {"validate": "list", "source": list(column.choices)}
                )
        for number, row in enumerate(rows, 1):
            for place, column in enumerate(columns):
                self._write(sheet, number, place, row.get(column.name))
        sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)

    def help(self, columns: Sequence[Column]) -> None:
        """Add the page that says what each column takes; the readers pass it over."""
        sheet = self._book.add_worksheet(HELP_SHEET)
        sheet.set_column(0, 0, 24, self._text)
        sheet.set_column(1, 3, 44, self._text)
        for place, header in enumerate(("列", "是否必填", "说明", "Explanation")):
            sheet.write_string(0, place, header, self._head)
        for number, column in enumerate(columns, 1):
            choices = f"可选：{'、'.join(column.choices)}" if column.choices else ""
            needed = "必填 required" if column.required else "选填 optional"
            zh = "；".join(part for part in (column.help_zh, choices) if part)
            for place, shown in enumerate((column.header, needed, zh, column.help_en)):
                sheet.write_string(number, place, shown, self._text)

    def close(self) -> bytes:
        """Finish and return the bytes."""
        self._book.close()
        return self._stream.getvalue()

    def _write(self, sheet: Any, row: int, place: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            sheet.write_string(row, place, "是" if value else "否", self._text)
        elif isinstance(value, int | float | Decimal):
            sheet.write_number(row, place, value, self._number)
        else:
            sheet.write_string(row, place, str(value), self._text)


def write_table(name: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return an .xlsx with one sheet of rows."""
    book = Workbook()
    book.add(name, columns, rows)
    return book.close()


def template(name: str, columns: Sequence[Column]) -> bytes:
    """Return an .xlsx to fill in: headers, formats, choices, and a page of explanations."""
    book = Workbook()
    book.add(name, columns)
    book.help(columns)
    return book.close()
