"""Text as people type it: encodings of files, and the cleaning of a cell's characters."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

from charset_normalizer import from_bytes

from review_service.exchange.errors import BadValueError, ExchangeError

# Characters that don't show; pasted from web pages, they only make equal names differ.
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_PLAIN: Final = re.compile("[ -~\u3001-\u301f\u4e00-\u9fff\uff01-\uff5e·—–…“”‘’℃①-⑳]*")
_SPACES: Final = re.compile(r"\s+")
_PICTURES: Final = (
    (0x1F000, 0x1FAFF),  # emoji and game symbols
    (0xFE00, 0xFE0F),  # how to show the sign before
    (0xE0000, 0xE0FFF),  # tags
    (0x20E3, 0x20E3),
)


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding: by its mark, else strict UTF-8, else GB18030.

    A text that fits neither raises ExchangeError "encoding" with the likeliest guess.
    """
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16"), "UTF-16"
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise ExchangeError("encoding", guess=_guess(data)) from error
    # Nearly any bytes decode as GB18030; real Chinese text doesn't land in its private corners.
    odd = sum(
        unicodedata.category(one) in {"Co", "Cn", "Cc"} and one not in "\r\n\t" for one in text
    )
    if odd * 100 > len(text):
        raise ExchangeError("encoding", guess=_guess(data))
    return text, "GB18030"


def _guess(data: bytes) -> str:
    best = from_bytes(data[:100_000]).best()
    return best.encoding if best is not None else "?"


def clean(text: str, *, lines: bool = False) -> str:
    """Return the text in NFC without invisible characters and outer blanks.

    Inner runs of blanks become one space; with `lines`, line breaks stay. A character that can't
    stand in a record (a control, half of a surrogate pair, private use, a picture) raises
    BadValueError "character" with its code point and place.
    """
    if _PLAIN.fullmatch(text):
        return _SPACES.sub(" ", text.strip()) if " " in text else text
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    for place, one in enumerate(text, 1):
        if _forbidden(one):
            raise BadValueError("character", character=f"U+{ord(one):04X}", place=place)
    if lines:
        return "\n".join(_SPACES.sub(" ", line.rstrip()) for line in text.strip().splitlines())
    return _SPACES.sub(" ", text.strip())


def _forbidden(one: str) -> bool:
    kind = unicodedata.category(one)
    if kind == "Cc":
        return one not in "\t\n\r\x0b\x0c\x1c\x1d\x1e\x85"
    if kind in {"Cs", "Co"}:
        return True
    code = ord(one)
    if code == 0xFFFD or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return True
    return any(low <= code <= high for low, high in _PICTURES)


def narrow(text: str) -> str:
    """Return a number or code in half width, capitals, without blanks and invisible signs."""
    if text.isalnum() and text.isascii():
        return text.upper()
    return _SPACES.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))).upper()
