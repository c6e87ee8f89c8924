"""What a file really is, whatever its name says; and the refusal of what is not read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from review_service.exchange import ole
from review_service.exchange.archives import UNPACKED_LIMIT, Archive, has_macros, open_archive
from review_service.exchange.errors import ExchangeError

SIZE_LIMIT: Final = 30_000_000  # bytes of an upload; 20,000 experts take about 3 MB

_KNOWN: Final = (
    (b"%PDF", "PDF"),
    (b"{\\rtf", "RTF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"\x1f\x8b", "gzip"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"MZ", "a program"),
)
_BOMS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NAMES: Final = {
    ".xlsx": "xlsx", ".xls": "xls", ".ods": "ods", ".csv": "csv", ".txt": "csv", ".docx": "docx",
}  # fmt: skip


@dataclass(frozen=True)
class Content:
    """A file that passed: `kind` is xlsx, xls, ods, csv or docx; the container where it has one."""

    kind: str
    data: bytes
    archive: Archive | None = None
    workbook: bytes = b""


def identify(
    data: bytes, filename: str, *, limit: int = SIZE_LIMIT, unpacked: int = UNPACKED_LIMIT
) -> Content:
    """Return what the bytes are; ExchangeError for anything but a clean table or Word form.

    At most `limit` bytes are looked at, which unpack to at most `unpacked` bytes.
    `filename` serves to catch a file whose name promises something else; its folder is ignored.
    """
    if not data:
        raise ExchangeError("empty-file")
    if len(data) > limit:
        raise ExchangeError("too-large", size=len(data), limit=limit)
    found = _look(data, unpacked)
    said = PurePath(filename.replace("\\", "/")).suffix.lower()
    if said in {".xlsm", ".xlsb", ".xltm", ".docm"}:
        raise ExchangeError("macros")
    if said in _NAMES and _NAMES[said] != found.kind:
        raise ExchangeError("extension-differs", said=said, found=f".{found.kind}")
    return found


def _look(data: bytes, unpacked: int) -> Content:
    if data.startswith(b"PK"):
        return _container(data, unpacked)
    if data.startswith(ole.MAGIC):
        return _old(data)
    for start, name in _KNOWN:
        if data.startswith(start):
            raise ExchangeError("not-a-table", found=name)
    if data.startswith(_BOMS):
        return Content("csv", data)
    head = data[:4096].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head or b"<table" in head:
        raise ExchangeError("not-a-table", found="HTML")
    if head.startswith(b"<?xml"):
        raise ExchangeError("not-a-table", found="XML")
    if b"\0" in data:
        raise ExchangeError("not-a-table", found="binary data")
    return Content("csv", data)


def _container(data: bytes, unpacked: int) -> Content:
    archive = open_archive(data, unpacked)
    parts = archive.parts
    if has_macros(archive):
        raise ExchangeError("macros")
    if "xl/workbook.xml" in parts:
        return Content("xlsx", data, archive)
    if "word/document.xml" in parts:
        return Content("docx", data, archive)
    kind = parts.get("mimetype", b"").decode("ascii", "replace")
    if "opendocument" in kind and b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        raise ExchangeError("password-protected")
    if kind == "application/vnd.oasis.opendocument.spreadsheet":
        return Content("ods", data, archive)
    found = "Excel .xlsb" if "xl/workbook.bin" in parts else kind[:60] or "ZIP"
    raise ExchangeError("not-a-table", found=found)


def _old(data: bytes) -> Content:
    streams = ole.streams(data)
    if "EncryptedPackage" in streams:
        raise ExchangeError("password-protected")
    book = streams.get("Workbook") or streams.get("Book")
    if book is None:
        found = "Word .doc" if "WordDocument" in streams else "an Office compound file"
        raise ExchangeError("not-a-table", found=found)
    if any("_VBA_PROJECT" in name or name == "VBA" for name in streams):
        raise ExchangeError("macros")
    return Content("xls", data, workbook=book)
