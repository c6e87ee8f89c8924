"""Columns of a large CSV by array operations: no Python object a cell.

Only for the plain kind of file that programs write: UTF-8, no quotes, every line with the same
number of commas. For anything else `split` returns None, and the csv module reads the file, which
also finds the line and the words for what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from scoring.arrays import Integers

NEWLINE, RETURN, COMMA, QUOTE = b'\n\r,"'
MARK = b"\xef\xbb\xbf"
WIDEST = 64  # bytes of a cell; a wider one is read the slow way
WORD = 8


@dataclass(frozen=True, eq=False)
class Cells:
    """A split file: `begin` and `end` (rows, columns) are byte places in `data`."""

    header: list[str]
    data: NDArray[np.uint8]
    begin: Integers
    end: Integers

    def bytes_of(self, column: int) -> NDArray[np.bytes_] | None:
        """Return a column as fixed-width bytes (rows,), padded with zeros; None if too wide."""
        begin, length = self.begin[:, column], self.end[:, column] - self.begin[:, column]
        width = -(-max(int(length.max()), 1) // WORD) * WORD
        if width > WIDEST:
            return None
        out = np.zeros((len(begin), width), np.uint8)
        for place in range(width):
            inside = np.flatnonzero(length > place)
            out[inside, place] = self.data[begin[inside] + place]
        cells: NDArray[np.bytes_] = out.view(f"S{width}")[:, 0]
        return cells


def split(path: Path) -> Cells | None:
    """Return the cells of a plain CSV with a header, or None where it isn't plain."""
    raw = path.read_bytes().removeprefix(MARK)
    if QUOTE in raw or b"\0" in raw or not _is_utf8(raw):
        return None
    if not raw.endswith(b"\n"):
        raw += b"\n"
    data = np.frombuffer(raw, np.uint8)
    ends = np.flatnonzero(data == NEWLINE)
    commas = np.flatnonzero(data == COMMA)
    inner, rest = divmod(len(commas), len(ends))
    if rest or len(ends) < 2:
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    table = commas.reshape(len(ends), inner)
    if inner and ((table[:, 0] < starts) | (table[:, -1] > ends)).any():
        return None
    returns = data[ends - 1] == RETURN
    if (ends == starts).any() or (returns.any() and not returns.all()):
        return None
    if np.count_nonzero(data == RETURN) != np.count_nonzero(returns):
        return None
    begin = np.concatenate((starts[:, None], table + 1), axis=1)
    end = np.concatenate((table, (ends - returns)[:, None]), axis=1)
    header = [raw[a:b].decode() for a, b in zip(begin[0], end[0], strict=True)]
    return Cells(header, data, begin[1:], end[1:])


def _is_utf8(raw: bytes) -> bool:
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def codes(cells: NDArray[np.bytes_]) -> tuple[tuple[str, ...], Integers]:
    """Return the distinct cells as text in code point order, and each row's place among them.

    Cells are compared as big-endian words of eight bytes: the order of UTF-8 bytes is that of
    code points.
    """
    words = cells.view(">u8").reshape(len(cells), -1).astype(np.uint64)
    order = np.lexsort(words.T[::-1]) if words.shape[1] > 1 else np.argsort(words[:, 0])
    ordered = words[order]
    new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    code = np.empty(len(cells), np.int64)
    code[order] = np.cumsum(new) - 1
    return tuple(cell.decode() for cell in cells[order[new]].tolist()), code


def numbers(cells: NDArray[np.bytes_]) -> NDArray[np.float64] | None:
    """Return finite numbers, or None where a cell is anything else (missing included)."""
    try:
        values = cells.astype(np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None
