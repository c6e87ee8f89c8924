"""A tiny writer of .xls (BIFF8 in a compound file), as real files of that kind are binary."""

from __future__ import annotations

import struct

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(streams: dict[str, bytes]) -> bytes:
    """Return a compound file with these streams (each padded to 4,096 bytes at least)."""
    sectors: list[bytes] = []
    table: list[int] = []
    entries = [("Root Entry", 5, _END, 0)]
    for name, content in streams.items():
        padded = content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0")
        start, count = len(sectors), len(padded) // 512
        sectors += [padded[i : i + 512] for i in range(0, len(padded), 512)]
        table += [*range(start + 1, start + count), _END]
        entries.append((name, 2, start, len(padded)))
    directory = b"".join(_entry(*one, index == 0) for index, one in enumerate(entries))
    directory = directory.ljust(-(-len(directory) // 512) * 512, b"\0")
    directory_start = len(sectors)
    sectors += [directory[i : i + 512] for i in range(0, len(directory), 512)]
    table += [*range(directory_start + 1, len(sectors)), _END]
    fat_count = -(-(len(table) + 1) // 127)
    fat_start = len(sectors)
    table += [_FAT] * fat_count
    table += [_FREE] * (fat_count * 128 - len(table))
    fat = struct.pack(f"<{len(table)}I", *table)
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, fat_count,
                          directory_start, 0, 4096, _END, 0, _END, 0)  # fmt: skip
    listed = [fat_start + i if i < fat_count else _FREE for i in range(109)]
    return header + struct.pack("<109I", *listed) + b"".join(sectors) + fat


def _entry(name: str, kind: int, start: int, size: int, root: bool) -> bytes:
    raw = (name + "\0").encode("utf-16-le")
    child = 1 if root else _FREE
    return (
        raw.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IIQ", start, size, 0)[:12]
    )


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _bof(kind: int, version: int = 0x0600) -> bytes:
    return _record(0x809, struct.pack("<HHHHII", version, kind, 0x0DBB, 1996, 0, 0x06))


def workbook_of_95(rows: list[list[str]]) -> bytes:
    """Return an .xls as Excel 95 wrote them: texts and the sheet's name in code page 936."""
    cells = b""
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            raw = value.encode("gbk")
            cells += _record(0x204, struct.pack("<HHHH", row, column, 0, len(raw)) + raw)
    sheet = _bof(0x10, 0x0500) + cells + _record(0x0A, b"")
    name = "甲".encode("gbk")
    head = _bof(0x05, 0x0500) + _record(0x42, struct.pack("<H", 936))
    start = len(head) + 4 + 7 + len(name) + 4
    bound = struct.pack("<IBBB", start, 0, 0, len(name)) + name
    return compound({"Book": head + _record(0x85, bound) + _record(0x0A, b"") + sheet})


def workbook(
    rows: list[list[str | float]],
    *,
    protected: bool = False,
    macro_sheet: bool = False,
    formula: tuple[int, int] | None = None,
) -> bytes:
    """Return an .xls with one sheet; `formula` adds a cell with `=1+1` and its stored result 2."""
    cells = b""
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if isinstance(value, str):
                raw = value.encode("utf-16-le")
                body = struct.pack("<HHHHB", row, column, 0, len(value), 1) + raw
                cells += _record(0x204, body)
            else:
                cells += _record(0x203, struct.pack("<HHHd", row, column, 0, value))
    if formula:
        tokens = bytes((0x1E, 1, 0, 0x1E, 1, 0, 0x03))
        body = struct.pack("<HHHdHIH", *formula, 0, 2.0, 0, 0, len(tokens)) + tokens
        cells += _record(0x06, body)
    sheet = _bof(0x10) + cells + _record(0x0A, b"")
    name = "甲".encode("utf-16-le")
    guard = _record(0x2F, bytes(6)) if protected else b""
    head = _bof(0x05) + guard + _record(0x42, struct.pack("<H", 1200))
    bound_size = 4 + 8 + len(name)
    start = len(head) + bound_size + 4
    bound = struct.pack("<IBBBB", start, 0, 1 if macro_sheet else 0, 1, 1) + name
    return compound({"Workbook": head + _record(0x85, bound) + _record(0x0A, b"") + sheet})
