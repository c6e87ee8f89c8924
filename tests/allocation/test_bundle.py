from __future__ import annotations

import dataclasses
import io
import os
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from allocation.bundle import NAMES, PUBLIC, Bundle, read_bundle, write_bundle
from allocation.errors import BundleError
from tests.allocation import story

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOLD = story.tell()
BUNDLE = TOLD.bundle()


def zipped(files: Mapping[str, bytes] | list[tuple[str, bytes]], **options: Any) -> io.BytesIO:
    """Return a zip of files, in this order."""
    file = io.BytesIO()
    pairs = list(files) if isinstance(files, list) else list(files.items())
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, data in pairs:
            archive.writestr(name, data)
    file.seek(0)
    return file


@pytest.mark.parametrize("inspector", [False, True])
def test_round_trip(tmp_path: Path, *, inspector: bool) -> None:
    """Zip in memory, zip file and folder all read back to the bundle that was written."""
    bundle, file = TOLD.bundle(inspector=inspector), io.BytesIO()
    write_bundle(file, bundle)
    for target in (tmp_path / "b.zip", tmp_path / "folder"):
        write_bundle(target, bundle)
        assert read_bundle(target) == bundle
        assert read_bundle(str(target)) == bundle
    assert read_bundle(file) == bundle
    assert (tmp_path / "b.zip").read_bytes() == file.getvalue()
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == sorted(NAMES if inspector else PUBLIC)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "folder"]


def test_the_public_form_has_no_names() -> None:
    """Neither names nor salts nor document numbers are in any file of the public form."""
    everything = b"".join(BUNDLE.files().values())
    for number in range(1, 25):
        name, document, salt = story.person(number)
        for private in (name, document, salt.hex()):
            assert private.encode() not in everything
    assert "专家01".encode() in b"".join(TOLD.bundle(inspector=True).files().values())


def test_same_bundle_same_bytes() -> None:
    """Two zips of one bundle are equal byte by byte: sorted names, fixed times, no compression."""
    one, two = io.BytesIO(), io.BytesIO()
    write_bundle(one, BUNDLE)
    write_bundle(two, Bundle.from_files(dict(reversed(BUNDLE.files().items()))))
    assert one.getvalue() == two.getvalue()
    with zipfile.ZipFile(one) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(PUBLIC)
    assert {(entry.date_time, entry.compress_type) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)
    }


def test_a_deflated_zip_reads_too() -> None:
    """A bundle that someone packed again with compression has the same content."""
    packed = zipped(BUNDLE.files(), compression=zipfile.ZIP_DEFLATED)
    assert read_bundle(packed) == BUNDLE


@pytest.mark.parametrize("name", PUBLIC)
def test_a_missing_file_is_named(name: str) -> None:
    """A bundle without one of its files is refused by that name."""
    files = {other: data for other, data in BUNDLE.files().items() if other != name}
    with pytest.raises(BundleError, match=name) as caught:
        read_bundle(zipped(files))
    assert caught.value.code == "missing-file"


@pytest.mark.parametrize(
    "name",
    ["../result.json", "/etc/passwd", "a/result.json", "result.json/", "RESULT.JSON", "..",
     "C:\\result.json", "more.txt", ".hidden"],
)  # fmt: skip
def test_no_name_leads_anywhere(name: str) -> None:
    """Paths, other spellings and extra files are refused before anything is unpacked."""
    with pytest.raises(BundleError) as caught:
        read_bundle(zipped([*BUNDLE.files().items(), (name, b"x")]))
    assert caught.value.code in {"unknown-file", "duplicate-file", "zip"}


def test_a_zero_byte_cuts_no_name_short() -> None:
    """A name that ends early for readers in C is another name."""
    packed = zipped({**BUNDLE.files(), "result.json_.txt": b"x"}).getvalue()
    packed = packed.replace(b"result.json_.txt", b"result.json\0.txt")
    with pytest.raises(BundleError) as caught:
        read_bundle(io.BytesIO(packed))
    assert caught.value.code == "unknown-file"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused() -> None:
    """Two files of one name could show two readers two contents."""
    with pytest.raises(BundleError, match="is in the bundle twice"):
        read_bundle(zipped([*BUNDLE.files().items(), ("result.json", b"{}")]))


def test_a_zip_bomb_is_refused_unopened() -> None:
    """Sizes are added up before a byte is unpacked, and a declared size binds."""
    files = BUNDLE.files() | {"events.jsonl": b"\n" * 5_000_000}
    packed = zipped(files, compression=zipfile.ZIP_DEFLATED)
    assert len(packed.getvalue()) < 100_000
    with pytest.raises(BundleError) as caught:
        read_bundle(packed, most=1_000_000)
    assert caught.value.code == "too-large"
    data = bytearray(packed.getvalue())
    at = data.index(b"PK\x01\x02")
    while data[at + 46 : at + 46 + 12] != b"events.jsonl":
        at = data.index(b"PK\x01\x02", at + 1)
    data[at + 24 : at + 28] = struct.pack("<L", 100)  # the directory lies about the size
    with pytest.raises(BundleError) as caught:
        read_bundle(io.BytesIO(bytes(data)), most=1_000_000)
    assert caught.value.code == "zip"


def test_other_compressions_and_encryption_are_refused() -> None:
    """Only stored and deflated entries are read, and none that needs a password."""
    with pytest.raises(BundleError) as caught:
        read_bundle(zipped(BUNDLE.files(), compression=zipfile.ZIP_BZIP2))
    assert caught.value.code == "compression"
    data = bytearray(zipped(BUNDLE.files()).getvalue())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BundleError) as caught:
        read_bundle(io.BytesIO(bytes(data)))
    assert caught.value.code == "encrypted"


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + bytes(18)])
def test_things_that_are_no_bundle(data: bytes) -> None:
    """Other bytes are refused with a sentence."""
    with pytest.raises(BundleError):
        read_bundle(io.BytesIO(data))


def test_a_damaged_zip_is_refused() -> None:
    """Whatever byte of the entries is cut or changed, reading ends in BundleError or the same data.

    Bytes of headers that don't bear on the content are for the verifier to refuse.
    """
    whole = zipped(BUNDLE.files(), compression=zipfile.ZIP_DEFLATED).getvalue()
    for at in range(0, len(whole), 97):
        data = bytearray(whole)
        data[at] ^= 0xFF
        try:
            assert read_bundle(io.BytesIO(bytes(data))) == BUNDLE
        except BundleError:
            continue
    with pytest.raises(BundleError):
        read_bundle(io.BytesIO(whole[: len(whole) // 2]))


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("snapshot.json", b"{", "not-json"),
        ("snapshot.json", b'{"b":1, "a":1}', "not-canonical"),
        ("result.json", b'{"a":1.5}', "number"),
        ("sources.json", b"{}", "type"),
        ("identities.json", b"[]", "type"),
        ("checkpoint.txt", b"\xff", "utf-8"),
        ("keys.txt", b"a\n\nb\n", "lines"),
        ("events.jsonl", b"{}", "lines"),
        ("events.jsonl", b"\xff\n", "utf-8"),
    ],
)
def test_malformed_files_are_named(name: str, data: bytes, code: str) -> None:
    """A file of another form is refused by its name and what is wrong with it."""
    with pytest.raises(BundleError, match=name) as caught:
        read_bundle(zipped(BUNDLE.files() | {name: data}))
    assert caught.value.code == code


def test_folders(tmp_path: Path) -> None:
    """A folder must be new or empty to be written, and hold plain files to be read."""
    folder = tmp_path / "bundle"
    write_bundle(folder, BUNDLE)
    with pytest.raises(BundleError, match="empty"):
        write_bundle(folder, BUNDLE)
    with pytest.raises(BundleError) as caught:
        read_bundle(folder, most=1000)
    assert caught.value.code == "too-large"
    (folder / "result.json").unlink()
    (folder / "result.json").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="plain file"):
        read_bundle(folder)
    (folder / "result.json").unlink()
    with pytest.raises(BundleError, match=r"no result\.json"):
        read_bundle(folder)
    (folder / "notes.txt").write_text("x")
    with pytest.raises(BundleError, match=r"notes\.txt"):
        read_bundle(folder)
    with pytest.raises(BundleError, match="there is no"):
        read_bundle(tmp_path / "absent.zip")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """A bundle that can't be written leaves neither half a file nor a temporary one."""
    broken = dataclasses.replace(BUNDLE, result={"a": 1.5})
    for name in ("b.zip", "folder"):
        with pytest.raises(Exception, match="float"):
            write_bundle(tmp_path / name, broken)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_modes_follow_the_umask(tmp_path: Path) -> None:
    """A bundle is for others to read, as far as the process's umask lets them."""
    old = os.umask(0o022)
    try:
        write_bundle(tmp_path / "b.zip", BUNDLE)
        write_bundle(tmp_path / "folder", BUNDLE)
    finally:
        os.umask(old)
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755
