"""Old Office files (.xls, and the shell round an encrypted .xlsx): what they hold, nothing run.

The compound file's directory and streams after [MS-CFB], the few BIFF8 records after [MS-XLS].
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from review_service.exchange.errors import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC: Final = bytes.fromhex("D0CF11E0A1B11AE1")
_END = 0xFFFFFFF8  # sector numbers from here on are markers, not sectors

_BOF, _FILEPASS, _BOUNDSHEET, _FORMULA = 0x809, 0x2F, 0x85, 0x06
_BOOLERR = 0x205
_BIFF8 = 0x600
# Cells with content; the blank ones (0x201, 0xBE) only carry a format.
_CELLS = {0x203, 0xFD, 0x27E, 0x204, _BOOLERR, _FORMULA}
_MULRK = 0xBD


def _sectors(data: bytes, size: int, first: int, table: list[int]) -> Iterator[bytes]:
    """Yield the sectors of a chain; a chain that loops or leaves the file is damaged."""
    seen = 0
    while first < _END:
        start = (first + 1) * size
        if start >= len(data) or first >= len(table) or seen > len(table):
            raise ExchangeError("damaged", part=f"sector {first}")
        yield data[start : start + size]
        first, seen = table[first], seen + 1


def streams(data: bytes) -> dict[str, bytes]:
    """Return the streams of a compound file by name (storages appear with empty bytes)."""
    try:
        return _streams(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ExchangeError("damaged", part="compound file") from error


def _allocation_table(data: bytes, size: int) -> list[int]:
    """Return sector → next sector, gathered from the sectors that the header and DIFAT list."""
    listed = list(struct.unpack_from("<109I", data, 76))
    more = struct.unpack_from("<I", data, 68)[0]
    per_sector = size // 4
    for _ in range(len(data) // size):
        if more >= _END:
            break
        entries = struct.unpack_from(f"<{per_sector}I", data, (more + 1) * size)
        listed += entries[:-1]
        more = entries[-1]
    table: list[int] = []
    for sector in listed:
        if sector < _END:
            table += struct.unpack_from(f"<{per_sector}I", data, (sector + 1) * size)
    return table


def _streams(data: bytes) -> dict[str, bytes]:
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    mini_size = 1 << struct.unpack_from("<H", data, 32)[0]
    directory, mini_limit, mini_table = struct.unpack_from("<I4xII", data, 48)
    if not 128 <= size <= 4096 or not 16 <= mini_size <= size:
        raise ExchangeError("damaged", part="compound file")
    table = _allocation_table(data, size)
    entries_bytes = b"".join(_sectors(data, size, directory, table))
    mini_map_bytes = b"".join(_sectors(data, size, mini_table, table))
    mini_map = list(struct.unpack(f"<{len(mini_map_bytes) // 4}I", mini_map_bytes))
    found: dict[str, bytes] = {}
    mini_stream = b""
    for offset in range(0, len(entries_bytes), 128):
        entry = entries_bytes[offset : offset + 128]
        length, kind = struct.unpack_from("<HB", entry, 64)
        start, total = struct.unpack_from("<II", entry, 116)
        name = entry[: max(0, length - 2)].decode("utf-16-le")
        if kind == 5:  # the root holds the mini stream
            mini_stream = b"".join(_sectors(data, size, start, table))
        elif kind == 1:
            found[name] = b""
        elif kind == 2 and total < mini_limit:
            padded = bytes(mini_size) + mini_stream  # chains count from sector 0 of the stream
            found[name] = b"".join(_sectors(padded, mini_size, start, mini_map))[:total]
        elif kind == 2:
            found[name] = b"".join(_sectors(data, size, start, table))[:total]
    return found


@dataclass
class OldSheet:
    """A sheet of an .xls: its extent with content, its cells with formulas and errors."""

    name: str
    rows: int = 0
    columns: int = 0
    formulas: set[tuple[int, int]] = field(default_factory=set)
    errors: set[tuple[int, int]] = field(default_factory=set)

    def see(self, kind: int, body: bytes) -> None:
        """Note a record that holds a cell (or, for MULRK, a run of cells)."""
        row, column = struct.unpack_from("<HH", body)
        last = struct.unpack_from("<H", body, len(body) - 2)[0] if kind == _MULRK else column
        self.rows = max(self.rows, row + 1)
        self.columns = max(self.columns, last + 1)
        if kind == _FORMULA:
            self.formulas.add((row, column))
            if body[6] == 2 and body[12:14] == b"\xff\xff":
                self.errors.add((row, column))
        elif kind == _BOOLERR and body[7]:
            self.errors.add((row, column))


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    while offset + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, offset)
        yield offset, kind, stream[offset + 4 : offset + 4 + size]
        offset += 4 + size


def _sheet_name(body: bytes) -> str:
    length, wide = body[6], body[7] & 1
    raw = body[8 : 8 + length * (2 if wide else 1)]
    return raw.decode("utf-16-le" if wide else "latin-1")


def scan_workbook(stream: bytes) -> list[OldSheet]:
    """Return the sheets of a Workbook stream; refuses encrypted books and those with macros."""
    sheets: dict[int, OldSheet] = {}
    current: OldSheet | None = None
    try:
        for offset, kind, body in _records(stream):
            if kind == _FILEPASS:
                raise ExchangeError("password-protected")
            if kind == _BOUNDSHEET:
                position, _state, sort = struct.unpack_from("<IBB", body)
                if sort in {1, 6}:  # Excel 4 macro sheet, VBA module
                    raise ExchangeError("macros")
                sheets[position] = OldSheet(_sheet_name(body))
            elif kind == _BOF:
                if struct.unpack_from("<H", body)[0] < _BIFF8:
                    # Texts are bytes of a code page that readers get wrong.
                    raise ExchangeError("not-a-table", found="Excel 95 .xls")
                current = sheets.get(offset, current)
            elif current is not None and (kind in _CELLS or kind == _MULRK):
                current.see(kind, body)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ExchangeError("damaged", part="Workbook") from error
    return list(sheets.values())
