"""Sheets of an .xlsx looked at before calamine opens them: extent, formulas and errors.

A sheet with one cell in XFD1048576 would make a reader that keeps dense grids ask for a terabyte;
so extents are measured first, from the cells that hold something (not from `dimension`, which
may say anything).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from review_service.exchange.archives import Archive

_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_STRICT_REL = "{http://purl.oclc.org/ooxml/officeDocument/relationships}"
# A cell that isn't closed at once: its address, if given, and whether a formula comes first.
_CELL = re.compile(
    rb"""<(?:\w+:)?c(?=[\s>])(?:[^>]*?\sr\s*=\s*["']([A-Z]{1,3})(\d{1,7})["'])?"""
    rb"""[^>]*(?<!/)>(\s*<(?:\w+:)?f[\s/>])?"""
)
_ERROR = re.compile(
    rb"""<(?:\w+:)?c\s(?=[^>]*\bt\s*=\s*["']e["'])[^>]*?\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']"""
)
_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["'](\d{1,7})["']""")

Cells = frozenset[tuple[int, int]]
Seen = tuple[str, int, int, Cells, Cells]


def scan_sheets(archive: Archive) -> Iterator[Seen]:
    """Yield name, rows, columns, formula and error cells (counted from 0) of each worksheet."""
    targets = {
        one.get("Id"): one.get("Target") or "" for one in archive.xml("xl/_rels/workbook.xml.rels")
    }
    for sheet in archive.xml("xl/workbook.xml").iterfind(".//{*}sheet"):
        target = targets.get(sheet.get(f"{_REL}id") or sheet.get(f"{_STRICT_REL}id"), "")
        path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
        content = archive.part(path)
        if b"<" in content and not path.startswith("xl/chartsheets"):
            yield _scan(sheet.get("name") or "", content)


def _scan(name: str, content: bytes) -> Seen:
    cells = _CELL.findall(content)
    columns = max((_column(one) for one in {letters for letters, _, _ in cells}), default=0)
    rows = max((int(one or 0) for one in {row for _, row, _ in cells}), default=0)
    formulas = frozenset(
        (int(row) - 1, _column(letters) - 1) for letters, row, formula in cells if formula and row
    )
    errors = frozenset(
        (int(row) - 1, _column(letters) - 1) for letters, row in _ERROR.findall(content)
    )
    unplaced = sum(1 for letters, _, _ in cells if not letters)
    if unplaced:  # cells may leave their address out and stand one after another
        last = max((int(one) for one in _ROW.findall(content)), default=0)
        rows = max(rows, last, content.count(b"<row"))
        columns = max(columns, min(unplaced, _most_in_a_row(content)))
    return name, rows, columns, formulas, errors


def _most_in_a_row(content: bytes) -> int:
    return max((len(_CELL.findall(part)) for part in content.split(b"</row>")), default=0)


def _column(text: bytes) -> int:
    number = 0
    for letter in text:
        number = number * 26 + letter - 64
    return number
