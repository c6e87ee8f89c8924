"""Records: values whose bytes, and so whose digests, repeat on every machine.

A record holds objects with ASCII keys, arrays, NFC text, booleans, null and integers
|n| < 2^53; a fraction of a number travels as decimal text such as `"12.50"`, since the bytes of a
float are an agreement between languages that a record should not need. The bytes are RFC 8785
(JCS), the same form as that of the draw protocol, so that a record can enter its log.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError

if TYPE_CHECKING:
    from decimal import Decimal

LIMIT = 2**53


def canonical(record: Any) -> bytes:
    """Return the canonical UTF-8 bytes of a record.

    ScoringError "record" names the path of a value that can't stand in one: a float, a large
    integer, text not in NFC, a key that is not ASCII.
    """
    _check(record, "$")
    return _bytes(record)


def digest(record: Any) -> str:
    """Return the SHA-256 of a record's canonical bytes, lower-case hex."""
    return hashlib.sha256(canonical(record)).hexdigest()


def digest_json(value: Any) -> str:
    """Return the SHA-256 of a JSON value that may hold floats (a fit), lower-case hex.

    Floats are written in their shortest form that reads back to the same number.
    """
    return hashlib.sha256(_bytes(value)).hexdigest()


def plain(number: Decimal) -> int | str:
    """Return a decimal as a record holds it: an integer, or text without an exponent."""
    if number == number.to_integral_value():
        return int(number)
    return f"{number.normalize():f}"


def _bytes(value: Any) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _check(value: Any, path: str) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if not _is_plain_text(value):
            raise ScoringError("record", f"{path}: the text is not NFC Unicode", path=path)
    elif isinstance(value, int):
        if not -LIMIT < value < LIMIT:
            raise ScoringError("record", f"{path}: {value} is not within 2^53", path=path)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check(item, f"{path}[{position}]")
    elif isinstance(value, dict):
        _check_object(value, path)
    else:
        kind = type(value).__name__
        raise ScoringError("record", f"{path}: a record can't hold a {kind}", path=path, kind=kind)


def _check_object(value: dict[Any, Any], path: str) -> None:
    for key, item in value.items():
        if not (isinstance(key, str) and key.isascii()):
            raise ScoringError("record", f"{path}: the key {key!r} is not ASCII", path=path)
        _check(item, f"{path}.{key}")


def _is_plain_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return unicodedata.is_normalized("NFC", value)
