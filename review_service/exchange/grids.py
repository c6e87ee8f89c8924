"""Tables as grids of values: .xlsx, .xls and .ods by calamine, .csv by the standard library.

Formulas are never evaluated: the result that the file stored is read, and its cell is noted.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum
from python_calamine import SheetVisibleEnum as Visible

from review_service.exchange import ods, ole, ooxml
from review_service.exchange.content import identify
from review_service.exchange.errors import ExchangeError
from review_service.exchange.texts import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from review_service.exchange.content import Content

ROWS_LIMIT: Final = 200_000
COLUMNS_LIMIT: Final = 400

# What a cell can hold. Empty cells are the empty string.
Raw = (
    str | float | int | bool | dt.date | dt.datetime | dt.time
    | dt.timedelta
)  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """A sheet. Row and column numbers count from 0 here; `rows[0][0]` is cell A1.

    `merged` holds the first and last cell of each merged range.
    """

    name: str
    rows: list[list[Raw]]
    visible: bool = True
    formulas: frozenset[tuple[int, int]] = frozenset()
    errors: frozenset[tuple[int, int]] = frozenset()
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()


@dataclass(frozen=True)
class Book:
    """The sheets of a file; for text, the encoding it was read in."""

    kind: str
    grids: tuple[Grid, ...]
    encoding: str = ""


@dataclass(frozen=True)
class Scan:
    """A sheet before it is opened: its extent, its cells with formulas and with errors."""

    name: str
    rows: int = 0
    columns: int = 0
    formulas: frozenset[tuple[int, int]] = frozenset()
    errors: frozenset[tuple[int, int]] = frozenset()
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()


def letters(column: int) -> str:
    """Return the letters of a column counted from 0: A, B, … Z, AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def column_number(text: str) -> int | None:
    """Return the column of letters, counted from 0; None where the text is no such address."""
    if not 1 <= len(text) <= 3 or not text.isascii() or not text.isalpha():
        return None
    number = 0
    for letter in text.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def read_book(data: bytes, filename: str) -> Book:
    """Read all sheets of a table; ExchangeError refuses the file as a whole."""
    content = identify(data, filename)
    if content.kind == "csv":
        return _read_text(data)
    if content.kind == "docx":
        raise ExchangeError("not-a-table", found="Word .docx")
    scans = _scan(content)
    for one in scans:
        if one.rows > ROWS_LIMIT or one.columns > COLUMNS_LIMIT:
            raise ExchangeError(
                "too-many-cells", sheet=one.name, rows=one.rows, columns=letters(one.columns - 1)
            )
    try:
        with CalamineWorkbook.from_object(io.BytesIO(data)) as book:
            return Book(content.kind, tuple(_grids(book, scans)))
    except PasswordError as error:
        raise ExchangeError("password-protected") from error
    except (CalamineError, OSError, ValueError) as error:
        raise ExchangeError("damaged", part=str(error)[:80]) from error
    except BaseException as error:
        # A Rust library that hits a slice's end panics; PyO3 raises that beside Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise ExchangeError("damaged", part=content.kind) from error


def _scan(content: Content) -> list[Scan]:
    if content.kind == "xls":
        return [
            Scan(one.name, one.rows, one.columns, frozenset(one.formulas), frozenset(one.errors))
            for one in ole.scan_workbook(content.workbook)
        ]
    if content.archive is None:
        raise ExchangeError("damaged", part=content.kind)
    scanner = ooxml.scan_sheets if content.kind == "xlsx" else ods.scan_sheets
    return [Scan(*one) for one in scanner(content.archive)]


def _grids(book: CalamineWorkbook, scans: list[Scan]) -> Iterable[Grid]:
    """Yield the sheets that were measured before; both lists are in the workbook's order."""
    named = {one.name: one for one in scans}
    aligned = len(scans) == len(book.sheets_metadata)
    for place, meta in enumerate(book.sheets_metadata):
        # Names of old workbooks depend on a code page; the place in the list does not.
        scan = named.get(meta.name) or (scans[place] if aligned else None)
        if meta.typ != SheetTypeEnum.WorkSheet or scan is None:
            continue
        sheet = book.get_sheet_by_name(meta.name)
        yield Grid(
            meta.name,
            [list(row) for row in sheet.to_python(skip_empty_area=False)],
            meta.visible == Visible.Visible,
            scan.formulas,
            scan.errors,
            tuple(sheet.merged_cell_ranges or ()) or scan.merged,
        )


def _read_text(data: bytes) -> Book:
    text, encoding = decode(data)
    head = text[:20_000].split("\n", 1)[0]
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[Raw]] = []
    try:
        for row in reader:
            rows.append(list(row))
            if len(rows) > ROWS_LIMIT or len(row) > COLUMNS_LIMIT:
                raise ExchangeError(
                    "too-many-cells", sheet="CSV", rows=len(rows), columns=letters(len(row) - 1)
                )
    except csv.Error as error:
        raise ExchangeError("csv-syntax", row=reader.line_num, detail=str(error)) from error
    return Book("csv", (Grid("CSV", rows),), encoding)
