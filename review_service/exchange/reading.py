"""A table read by named columns: headers found and matched, all errors of all rows at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from review_service.exchange.columns import HELP_SHEET, Column, Progress, Record, TableFile, key
from review_service.exchange.errors import BadValueError, ExchangeError, Issue
from review_service.exchange.grids import Grid, column_number, letters, read_book
from review_service.exchange.values import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEADER_DEPTH: Final = 15  # titles and notes may stand above the headers
_KNOWN_LIMIT: Final = 2000
_BRACKETS: Final = re.compile(r"[(（【\[].*?[)）】\]]")


def read_table(
    data: bytes,
    filename: str,
    columns: Sequence[Column],
    *,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    progress: Progress | None = None,
) -> TableFile:
    """Read the sheet that has the columns (or the named one).

    `mapping` gives field → header or column letters where the headers are not the usual ones.
    ExchangeError refuses the file; everything else comes back as issues with their cells.
    """
    book = read_book(data, filename)
    grid, top, found = _choose(book.grids, columns, mapping or {}, sheet)
    headers = tuple(_header(one) for one in grid.rows[top]) if top < len(grid.rows) else ()
    notices = []
    others = [g.name for g in book.grids if g.name not in {grid.name, HELP_SHEET} and g.rows]
    if others:
        notices.append(Issue("other-sheets", grid.name, facts={"sheets": others}))
    if book.encoding and book.encoding != "UTF-8":
        notices.append(Issue("encoding-read", grid.name, facts={"encoding": book.encoding}))
    unknown = [h for i, h in enumerate(headers) if h and i not in found.values()]
    if unknown:
        facts = {"headers": unknown}
        notices.append(Issue("unknown-columns", grid.name, row=top + 1, facts=facts))
    reader = _Reader(grid, top, columns, found, headers)
    issues = reader.structure(mapping or {})
    records = [] if issues else reader.records(progress)
    if not records and not reader.issues and not issues:
        issues.append(Issue("no-rows", grid.name, row=top + 1))
    return TableFile(
        grid.name,
        tuple(records),
        (*issues, *reader.issues),
        (*notices, *reader.notices),
        {name: headers[column] for name, column in found.items()},
        headers,
        {name: letters(column) for name, column in found.items()},
    )


def _header(raw: Any) -> str:
    return re.sub(r"\s+", " ", as_text(raw)).strip()


def _choose(
    grids: Sequence[Grid], columns: Sequence[Column], mapping: Mapping[str, str], sheet: str | None
) -> tuple[Grid, int, dict[str, int]]:
    """Return the grid, the row of its headers and field → column, by the most fields found."""
    names = [grid.name for grid in grids]
    if sheet is not None and sheet not in names:
        raise ExchangeError("no-sheet", sheet=sheet, sheets=names)
    _check_mapping(columns, mapping)
    best: tuple[int, Grid, int, dict[str, int]] | None = None
    open_to = [g for g in grids if (g.name == sheet if sheet else _readable(g))]
    for grid in open_to:
        for top, row in enumerate(grid.rows[:HEADER_DEPTH]):
            found = _match([_header(one) for one in row], columns, mapping)
            if best is None or len(found) > best[0]:
                best = (len(found), grid, top, found)
    if best is None:
        raise ExchangeError("no-matching-sheet", sheet=names[0] if names else "", sheets=names,
                            missing=[one.header for one in columns if one.required])  # fmt: skip
    _, grid, top, found = best
    for name, column in mapping.items():
        if name not in found:
            header = next(one.header for one in columns if one.name == name)
            raise ExchangeError("mapping", field=header, column=column)
    missing = [one.header for one in columns if one.required and one.name not in found]
    if missing:
        raise ExchangeError("no-matching-sheet", sheet=grid.name, sheets=names, missing=missing)
    return grid, top, found


def _readable(grid: Grid) -> bool:
    return grid.visible and grid.name != HELP_SHEET


def _check_mapping(columns: Sequence[Column], mapping: Mapping[str, str]) -> None:
    known = {one.name for one in columns}
    for name, column in mapping.items():
        if name not in known:
            raise ExchangeError("mapping", field=name, column=column)


def _match(row: list[str], columns: Sequence[Column], mapping: Mapping[str, str]) -> dict[str, int]:
    keys = [key(one) for one in row]
    bare = [key(_BRACKETS.sub("", one)) for one in row]
    found: dict[str, int] = {}
    for column in columns:
        wanted = mapping.get(column.name)
        if wanted is not None:
            place = keys.index(key(wanted)) if key(wanted) in keys else column_number(wanted)
            if place is not None and place < len(row) and row[place]:
                found[column.name] = place
            continue
        for names in (keys, bare):
            known = (key(one) for one in (column.header, *column.also, column.name))
            place = next((names.index(one) for one in known if one in names), None)
            if place is not None:
                break
        if place is not None and place not in found.values():
            found[column.name] = place
    return found


class _Reader:
    """Reads the rows below the headers of one grid."""

    def __init__(
        self, grid: Grid, top: int, columns: Sequence[Column], found: Mapping[str, int],
        headers: Sequence[str],
    ) -> None:  # fmt: skip
        self._grid, self._top, self._headers = grid, top, headers
        self._columns = [(one, found[one.name]) for one in columns if one.name in found]
        self._absent = {one.name: one.empty for one in columns if one.name not in found}
        self._known: dict[str, dict[str, Any]] = {one.name: {} for one in columns}
        self.issues: list[Issue] = []
        self.notices: list[Issue] = []

    def structure(self, mapping: Mapping[str, str]) -> list[Issue]:
        """Return what is wrong with the sheet itself: headers that stand twice, merged cells."""
        issues = []
        keys = [key(one) for one in self._headers]
        used = {place: column for column, place in self._columns}
        for place, column in used.items():
            twin = next(
                (i for i, one in enumerate(keys) if one == keys[place] and i != place), None
            )
            by_letters = column_number(mapping.get(column.name, "")) == place
            if twin is not None and not by_letters:
                facts = {"other": letters(twin)}
                issues.append(self._issue("header-twice", self._top, place, column, facts,
                                          self._headers[place]))  # fmt: skip
        for (first, left), (last, right) in self._grid.merged:
            if last >= self._top and any(left <= place <= right for place in used):
                cells = f"{letters(left)}{first + 1}:{letters(right)}{last + 1}"
                issues.append(
                    Issue("merged-cells", self._grid.name, first + 1, letters(left),
                          facts={"range": cells})
                )  # fmt: skip
        return issues

    def records(self, progress: Progress | None) -> list[Record]:
        """Return the rows without issues; the issues of the others are in `issues`."""
        rows = self._grid.rows
        total = len(rows) - self._top - 1
        kept = []
        for number in range(self._top + 1, len(rows)):
            if progress is not None and (number - self._top) % 1000 == 0:
                progress(number - self._top, total)
            row = rows[number]
            if not any(one != "" and (not isinstance(one, str) or one.strip()) for one in row):
                continue
            before = len(self.issues)
            values = self._values(number, row)
            if len(self.issues) == before:
                kept.append(Record(number + 1, values))
        if progress is not None:
            progress(total, total)
        return kept

    def _values(self, number: int, row: Sequence[Any]) -> dict[str, Any]:
        values = dict(self._absent)
        for column, place in self._columns:
            raw = row[place] if place < len(row) else ""
            at = (number, place)
            if at in self._grid.errors:
                facts = {"error": as_text(raw) or "#"}
                self.issues.append(self._issue("cell-error", number, place, column, facts, raw))
                continue
            formula = at in self._grid.formulas
            if raw == "" or (isinstance(raw, str) and not raw.strip()):
                values[column.name] = column.empty
                if formula:
                    self.issues.append(self._issue("formula-empty", number, place, column, {}, ""))
                elif column.required:
                    self.issues.append(self._issue("required", number, place, column, {}, ""))
                continue
            try:
                values[column.name] = self._parse(column, raw)
            except BadValueError as error:
                self.issues.append(self._issue(error.code, number, place, column, error.facts, raw))
                continue
            if formula:
                self.notices.append(self._issue("formula-value", number, place, column, {}, raw))
        return values

    def _parse(self, column: Column, raw: Any) -> Any:
        """Parse a cell; columns such as province or title repeat few values a thousand times."""
        if not isinstance(raw, str):
            return column.parse(raw)
        known = self._known[column.name]
        if raw in known:
            return known[raw]
        value = column.parse(raw)
        if len(known) < _KNOWN_LIMIT:
            known[raw] = value
        return value

    def _issue(
        self, code: str, row: int, place: int, column: Column, facts: Mapping[str, Any], raw: Any
    ) -> Issue:
        shown = as_text(raw)
        if column.mask and len(shown) > 4:
            shown = shown[:2] + "*" * (len(shown) - 4) + shown[-2:]
        header = self._headers[place] if place < len(self._headers) else column.header
        return Issue(code, self._grid.name, row + 1, letters(place), column.name, header,
                     _visible(shown[:60]), dict(facts))  # fmt: skip


def _visible(text: str) -> str:
    """Return a text that can be shown and encoded whatever stands in it."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
