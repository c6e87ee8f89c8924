r"""Canonical bytes of records: RFC 8785 (JCS), restricted as in docs/draw-protocol.md section 1.

A record is built from objects with ASCII keys, arrays, NFC strings, booleans, null and
integers |n| < 2^53. For these values JCS is what `json.dumps` gives with sorted keys, no white
space and no ASCII escaping: ASCII keys sort alike by code point and by UTF-16 unit (RFC 8785
section 3.2.3), and both escape only `"`, `\\` and the controls below U+0020 (section 3.2.2.2).

    >>> canonical({"b": [1, True, None], "a": "评审"})
    b'{"a":"\xe8\xaf\x84\xe5\xae\xa1","b":[1,true,null]}'
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, NoReturn

from allocation.errors import RecordError

LIMIT = 2**53
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical(value: Any) -> bytes:
    """Return the canonical UTF-8 bytes of a record.

    Raises RecordError naming the path (such as `$.experts[3].id`) of a value that can't stand
    in a record: a float, a large integer, text not in NFC, a lone surrogate, a non-ASCII key.
    """
    try:
        if not _plain(value):
            _check(value, "$")
        text = _ENCODER.encode(value)
    except RecursionError:
        raise RecordError("depth", "the record is nested too deeply") from None
    if text.isascii():
        return text.encode()
    if not unicodedata.is_normalized("NFC", text) or _SURROGATE.search(text):
        _check(value, "$")
    return text.encode()


def parse(data: bytes) -> Any:
    """Return the value of canonical bytes; RecordError for anything that isn't canonical.

    Duplicate keys, floats, white space, another key order or another escape all change the
    bytes of the round trip and are refused by it.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise RecordError("not-json", f"not a JSON record: {error}") from None
    if canonical(value) != data:
        raise RecordError("not-canonical", "the bytes are not in canonical form (RFC 8785)")
    return value


def read(data: bytes) -> Any:
    """Return the record of a JSON text that people may have laid out: white space, any key order.

    RecordError for what can't be a record, an object that names a key twice included.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_float=_no_float,
            parse_constant=_no_float,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        raise RecordError("not-json", f"not a JSON record: {error}") from None
    canonical(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecordError("duplicate-key", f"an object names {twice!r} twice", key=twice)
    return found


def _plain(value: Any) -> bool:
    """Whether a record passes the checks but for its texts: the quick way for large records.

    Texts are looked at all together in `canonical`: every part of a text in NFC is in NFC, so the
    record's text can be in NFC only where each of its texts is. Where this or that fails, `_check`
    decides, and names the path.
    """
    stack, known = [value], set[str]()
    while stack:
        one = stack.pop()
        kind = type(one)
        if kind is dict:
            if not one.keys() <= known:
                for key in one:
                    if type(key) is not str or not key.isascii():
                        return False
                known.update(one)
            stack += [inner for inner in one.values() if type(inner) is not str]
        elif kind is list:
            stack += [inner for inner in one if type(inner) is not str]
        elif kind is int:
            if not -LIMIT < one < LIMIT:
                return False
        elif one is not None and kind not in (str, bool):
            return False
    return True


def _no_float(text: str) -> NoReturn:
    raise RecordError("number", f"{text} is not an integer; a record holds no floats", text=text)


def _check(value: Any, path: str) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int):
        if not -LIMIT < value < LIMIT:
            raise RecordError("number", f"{path}: {value} is not within 2^53", path=path)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check(item, f"{path}[{position}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise RecordError("key", f"{path}: the key {key!r} is not ASCII text", path=path)
            _check(item, f"{path}.{key}")
    else:
        kind = type(value).__name__
        raise RecordError("type", f"{path}: a record can't hold a {kind}", path=path, kind=kind)


def _check_text(value: str, path: str) -> None:
    if value.isascii():
        return
    if _SURROGATE.search(value):
        raise RecordError("surrogate", f"{path}: a lone surrogate is no text", path=path)
    if not unicodedata.is_normalized("NFC", value):
        raise RecordError("nfc", f"{path}: the text is not in Unicode form NFC", path=path)
