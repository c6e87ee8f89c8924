"""Zip containers looked at before anything opens them: size, encryption, macros, entities."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring  # nosec B405 - see Archive.xml

from review_service.exchange.errors import ExchangeError

UNPACKED_LIMIT: Final = 400_000_000  # a pool of 20,000 experts unpacks to about 20 MB
WORD_LIMIT: Final = 100_000_000  # pictures hardly shrink: 30 MB of Word unpack to little more
ENTRIES_LIMIT: Final = 5_000
# A parsed element takes some 90 bytes, and `<a/>` four: 75 kB of a file could take gigabytes. A
# filled form has about 10,000 tags, a sheet of 20,000 experts in an .ods two million.
TAGS_LIMIT: Final = 500_000
_XML = (".xml", ".rels")


@dataclass(frozen=True)
class Archive:
    """The parts of a checked container, all unpacked, by name."""

    parts: dict[str, bytes]

    def part(self, name: str) -> bytes:
        """Return a part; ExchangeError "damaged" where it isn't there."""
        if name not in self.parts:
            raise ExchangeError("damaged", part=name)
        return self.parts[name]

    def xml(self, name: str, *, tags: int = TAGS_LIMIT) -> Element:
        """Return a part of at most so many tags parsed; ExchangeError "too-many-tags" for more.

        `open_archive` has refused every DOCTYPE, so no entity expands.
        """
        content = self.part(name)
        if content.count(b"<") > tags:
            raise ExchangeError("too-many-tags", part=name, limit=tags)
        try:
            return fromstring(content)  # noqa: S314  # nosec B314 - see above
        except ParseError as error:
            raise ExchangeError("damaged", part=name) from error


def open_archive(data: bytes, limit: int = UNPACKED_LIMIT) -> Archive:
    """Unpack a zip container of at most `limit` bytes unpacked; nothing is written anywhere.

    The declared sizes are summed before the first byte is unpacked; the real ones can't exceed
    them, since a part that doesn't match its declared size and checksum is "damaged".
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            entries = container.infolist()
            _check_entries(entries, limit)
            parts = {one.filename: container.read(one) for one in entries if not one.is_dir()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise ExchangeError("damaged", part=str(error)[:80]) from error
    for name, content in parts.items():
        if name.lower().endswith(_XML):
            _check_xml(name, content)
    return Archive(parts)


def _check_entries(entries: list[zipfile.ZipInfo], limit: int) -> None:
    total = sum(one.file_size for one in entries)
    if total > limit:
        raise ExchangeError("zip-bomb", size=total, limit=limit)
    if len(entries) > ENTRIES_LIMIT:
        raise ExchangeError("damaged", part=f"{len(entries)} parts")
    if any(one.flag_bits & 1 for one in entries):
        raise ExchangeError("password-protected")
    # Readers differ in which of two equal names they take; such a file is made, not saved.
    if len({one.filename for one in entries}) < len(entries):
        raise ExchangeError("damaged", part="a part stands twice")


def _check_xml(name: str, content: bytes) -> None:
    """Refuse document type declarations (entity bombs), also where UTF-16 would hide them."""
    if b"\0" in content:
        raise ExchangeError("damaged", part=name)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ExchangeError("entities", part=name)


def has_macros(archive: Archive) -> bool:
    """Whether the container carries VBA or Excel 4 macros."""
    names = [name.lower() for name in archive.parts]
    if any(
        name.endswith("vbaproject.bin") or "macrosheets/" in name or name.startswith("basic/")
        for name in names
    ):
        return True
    return b"macroenabled" in archive.parts.get("[Content_Types].xml", b"").lower()
