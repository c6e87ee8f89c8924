"""Sheets of an .xlsx looked at before calamine opens them: extent, formulas and errors.

A sheet with one cell in XFD1048576 would make a reader that keeps dense grids ask for a terabyte;
so extents are measured first, from the cells that hold something (not from `dimension`, which
may say anything).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from review_service.exchange.errors import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from review_service.exchange.archives import Archive

_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT_REL = "{http://purl.oclc.org/ooxml/officeDocument/relationships}"
# A cell that isn't closed at once, and whether its first child is a formula.
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s>])([^>]*[^/>])?>(\s*<(?:\w+:)?f[\s/>])?")
_ERROR = re.compile(rb"""\bt\s*=\s*["']e["']""")
_ADDRESS = re.compile(rb"""\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["'](\d{1,7})["']""")

Cells = frozenset[tuple[int, int]]
Seen = tuple[str, int, int, Cells, Cells]


def _parse(archive: Archive, name: str) -> ET.Element:
    try:
        return ET.fromstring(archive.part(name))  # noqa: S314 - archives refuses every DOCTYPE
    except ET.ParseError as error:
        raise ExchangeError("damaged", part=name) from error


def scan_sheets(archive: Archive) -> Iterator[Seen]:
    """Yield name, rows, columns, formula and error cells (counted from 0) of each worksheet."""
    targets = {
        one.get("Id"): one.get("Target") or ""
        for one in _parse(archive, "xl/_rels/workbook.xml.rels")
    }
    for sheet in _parse(archive, "xl/workbook.xml").iterfind(".//{*}sheet"):
        target = targets.get(sheet.get(f"{_REL}id") or sheet.get(f"{_STRICT_REL}id"), "")
        path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
        content = archive.part(path)
        if b"<" in content and not path.startswith("xl/chartsheets"):
            yield _scan(sheet.get("name") or "", content)


def _scan(name: str, content: bytes) -> Seen:
    rows, columns, unplaced = 0, 0, 0
    formulas, errors = set(), set()
    widths: dict[bytes, int] = {}
    for attributes, formula in _CELL.findall(content):
        found = _ADDRESS.search(attributes)
        if found is None:
            unplaced += 1
            continue
        column = widths.get(found[1])
        if column is None:
            column = widths[found[1]] = _column(found[1])
        row = int(found[2])
        rows, columns = max(rows, row), max(columns, column)
        if formula:
            formulas.add((row - 1, column - 1))
        if b"e" in attributes and _ERROR.search(attributes):
            errors.add((row - 1, column - 1))
    if unplaced:  # cells may leave their address out and stand one after another
        last = max((int(one) for one in _ROW.findall(content)), default=0)
        rows = max(rows, last, content.count(b"<row"))
        columns = max(columns, min(unplaced, _most_in_a_row(content)))
    return name, rows, columns, frozenset(formulas), frozenset(errors)


def _most_in_a_row(content: bytes) -> int:
    return max((len(_CELL.findall(part)) for part in content.split(b"</row>")), default=0)


def _column(text: bytes) -> int:
    number = 0
    for letter in text:
        number = number * 26 + letter - 64
    return number
