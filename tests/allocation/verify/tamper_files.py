# ruff: noqa: D103 - a function's name says what it tampers with
"""Tampering with files: missing, added, not canonical, hostile (line 1)."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from tests.allocation.verify.cases import Files, case, edited, honest
from tests.allocation.verify.making import zipped


@case(1)
def readme_rewritten() -> Files:
    files = honest().files()
    return files | {"README.txt": files["README.txt"].replace(b"PASS", b"GOOD", 1)}


@case(1)
def file_missing() -> Files:
    files = honest().files()
    del files["result.json"]
    return files


@case(1)
def file_added() -> Files:
    return honest().files() | {"verify.py": b"print('PASS')\n"}


@case(1)
def file_outside() -> Files:
    return honest().files() | {"../keys.txt": b""}


@case(1)
def file_twice() -> bytes:
    files = honest().files()
    return zipped(files, sorted([*files, "result.json"]))


@case(1)
def zip_cut_short() -> bytes:
    return zipped(honest().files())[:-40]


@case(1)
def zip_packed_again() -> bytes:
    files = honest().files()
    data = bytearray(zipped(files))
    at = data.rindex(b"PK\x01\x02")
    data[at + 12] ^= 1  # its time
    return bytes(data)


def deflated(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@case(1)
def zip_bomb() -> bytes:
    return deflated(honest().files() | {"keys.txt": bytes(1 << 26)})


@case(1)
def zip_lies_about_size() -> bytes:
    data = bytearray(deflated(honest().files()))
    for lead, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.index(lead) + offset
        size = int.from_bytes(data[at : at + 4], "little")
        data[at : at + 4] = (size - 1).to_bytes(4, "little")
    return bytes(data)


@case(1)
def white_space() -> Files:
    files = honest().files()
    return files | {
        "snapshot.json": files["snapshot.json"].replace(b'"capacity":1', b'"capacity": 1', 1)
    }


@case(1)
def float_for_integer() -> Files:
    files = honest().files()
    return files | {
        "snapshot.json": files["snapshot.json"].replace(b'"capacity":1', b'"capacity":1.0', 1)
    }


@case(1)
def not_a_number() -> Files:
    files = honest().files()
    return files | {
        "snapshot.json": files["snapshot.json"].replace(b'"capacity":1', b'"capacity":NaN', 1)
    }


@case(1)
def huge_integer() -> Files:
    files = honest().files()
    huge = b'"attempt":' + b"9" * 100_000
    return files | {"result.json": files["result.json"].replace(b'"attempt":0', huge, 1)}


@case(1)
def duplicate_key() -> Files:
    files = honest().files()
    twice = files["result.json"].replace(b'"attempt":0', b'"attempt":1,"attempt":0', 1)
    return files | {"result.json": twice}


@case(1)
def deep_nesting() -> Files:
    return honest().files() | {"sources.json": b"[" * 100_000 + b"]" * 100_000}


@case(1)
def nesting_just_too_deep() -> Files:
    return honest().files() | {"sources.json": b"[" * 65 + b"]" * 65}


@case(1)
def text_not_nfc() -> Files:
    files = honest().files()
    name = "专家0".encode()
    return files | {
        "identities.json": files["identities.json"].replace(name, "e\u0301".encode(), 1)
    }


@case(1)
def not_utf8() -> Files:
    files = honest().files()
    return files | {
        "identities.json": files["identities.json"].replace("专".encode(), b"\xff\xfe\xfd", 1)
    }


@case(1)
def lone_surrogate() -> Files:
    files = honest().files()
    return files | {
        "identities.json": files["identities.json"].replace("专家0".encode(), b"\\ud800", 1)
    }


@case(1)
def wrong_types() -> Files:
    return edited(honest().files(), "snapshot.json", lambda one: one.update(experts={"id": []}))


@case(1)
def null_for_record() -> Files:
    return honest().files() | {"result.json": b"null"}


@case(1)
def unknown_field() -> Files:
    return edited(honest().files(), "snapshot.json", lambda one: one["experts"][0].update(weight=2))


@case(1)
def expert_twice() -> Files:
    def twice(record: dict[str, Any]) -> None:
        record["experts"].insert(0, dict(record["experts"][0]))

    return edited(honest().files(), "snapshot.json", twice)


@case(1)
def protocol_of_another_version() -> Files:
    return edited(
        honest().files(), "result.json", lambda one: one.update(protocol="review-draw/v2")
    )


@case(1)
def zero_seats() -> Files:
    return edited(
        honest().files(), "snapshot.json", lambda one: one["panels"][0]["seats"].update(skill=0)
    )


@case(1)
def limit_twice() -> Files:
    def change(record: dict[str, Any]) -> None:
        record["limits"].append(dict(record["limits"][0], max=9))

    return edited(honest().files(), "snapshot.json", change)
