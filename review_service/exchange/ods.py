"""Sheets of an .ods looked at before calamine opens them: extent, formulas and errors.

OpenDocument writes equal neighbours once with a count; a count may claim a billion cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from review_service.exchange.errors import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element  # nosec B405 - a type alone

    from review_service.exchange.archives import Archive

_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_CELLS: Final = {f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"}

_ERROR_TYPE: Final = (
    "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
)

TAGS_LIMIT: Final = 5_000_000  # a pool of 20,000 experts has about two million

Cells = frozenset[tuple[int, int]]
Range = tuple[tuple[int, int], tuple[int, int]]
Seen = tuple[str, int, int, Cells, Cells, tuple[Range, ...]]


def scan_sheets(archive: Archive) -> Iterator[Seen]:
    """Yield name, rows, columns, formula and error cells, merged ranges (from 0) of each sheet."""
    try:
        for table in archive.xml("content.xml", tags=TAGS_LIMIT).iter(f"{_TABLE}table"):
            yield _scan(table)
    except ValueError as error:
        raise ExchangeError("damaged", part="content.xml") from error


def _scan(table: Element) -> Seen:
    rows, columns = 0, 0
    formulas, errors, merged = set(), set(), []
    row_number = 0
    for row in table.iter(f"{_TABLE}table-row"):
        repeated = int(row.get(f"{_TABLE}number-rows-repeated", "1"))
        column = 0
        for cell in row:
            if cell.tag not in _CELLS:
                continue
            wide = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            if f"{_OFFICE}value-type" in cell.attrib or len(cell):
                rows = max(rows, row_number + repeated)
                columns = max(columns, column + wide)
            if f"{_TABLE}formula" in cell.attrib:
                formulas.add((row_number, column))
            if cell.get(_ERROR_TYPE) == "error":
                errors.add((row_number, column))
            tall, broad = (
                int(cell.get(f"{_TABLE}number-{side}-spanned", "1")) for side in ("rows", "columns")
            )
            if tall > 1 or broad > 1:
                last = (row_number + tall - 1, column + broad - 1)
                merged.append(((row_number, column), last))
            column += wide
        row_number += repeated
    name = table.get(f"{_TABLE}name") or ""
    return name, rows, columns, frozenset(formulas), frozenset(errors), tuple(merged)
