"""The bundle of a draw: all that anyone needs to verify it, as one zip or folder (section 8).

The same bundle always gives the same bytes: names sorted, times fixed, entries stored without
compression (deflate's output is promised by no library across versions). Reading trusts nothing:
only the names of the protocol, each once, within a limit on the bytes that come out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from allocation.bundle_readme import README
from allocation.canonical import canonical, parse
from allocation.errors import BundleError, RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PUBLIC = (
    "README.txt", "checkpoint.txt", "events.jsonl", "keys.txt", "result.json", "snapshot.json",
    "sources.json",
)  # fmt: skip
INSPECTOR = "identities.json"
NAMES = tuple(sorted((*PUBLIC, INSPECTOR)))
MOST_BYTES = 1 << 30
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError
)  # fmt: skip
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say; the log holds the real times


@dataclass(frozen=True)
class Bundle:
    """The content of a bundle.

    `snapshot`, `sources` and `result` are records; `events` the canonical bytes of each event of
    the log from its first up to the checkpoint, without the line end; `checkpoint` the signed
    note; `keys` the verifier keys (vkeys): the log's in order of rotation, then the witnesses'.
    `identities` makes it the inspector's form: salts and names, which the public form never has.
    """

    snapshot: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any]
    events: Sequence[bytes]
    checkpoint: str
    keys: Sequence[str]
    identities: Mapping[str, Any] | None = None

    def files(self) -> dict[str, bytes]:
        """Return name → bytes of every file, sorted by name."""
        files = {
            "README.txt": README.encode(),
            "checkpoint.txt": self.checkpoint.encode(),
            "events.jsonl": b"".join(event + b"\n" for event in self.events),
            "keys.txt": "".join(f"{key}\n" for key in self.keys).encode(),
            "result.json": canonical(self.result),
            "snapshot.json": canonical(self.snapshot),
            "sources.json": canonical(list(self.sources)),
        }
        if self.identities is not None:
            files[INSPECTOR] = canonical(self.identities)
        return dict(sorted(files.items()))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Bundle:
        """Return the bundle of its files; BundleError for a missing, unknown or malformed one."""
        for name in files:
            if name not in NAMES:
                raise BundleError("unknown-file", f"{name!r} is no file of a bundle", name=name)
        for name in PUBLIC:
            if name not in files:
                raise BundleError("missing-file", f"the bundle has no {name}", name=name)
        identities = _record(files, INSPECTOR, dict) if INSPECTOR in files else None
        return cls(
            _record(files, "snapshot.json", dict),
            _record(files, "sources.json", list),
            _record(files, "result.json", dict),
            tuple(_lines(files, "events.jsonl")),
            _text(files, "checkpoint.txt"),
            tuple(line.decode() for line in _lines(files, "keys.txt")),
            identities,
        )


def _record(files: Mapping[str, bytes], name: str, kind: type) -> Any:
    try:
        value = parse(files[name])
    except RecordError as error:
        raise BundleError(error.code, f"{name}: {error}", name=name) from None
    if not isinstance(value, kind):
        raise BundleError("type", f"{name} holds another kind of record", name=name)
    return value


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return files[name].decode()
    except UnicodeDecodeError:
        raise BundleError("utf-8", f"{name} is not UTF-8 text", name=name) from None


def _lines(files: Mapping[str, bytes], name: str) -> list[bytes]:
    _text(files, name)
    lines = files[name].split(b"\n")
    if lines.pop() or not all(lines):
        raise BundleError("lines", f"{name}: each line ends with one LF, none is empty", name=name)
    return lines


def write_bundle(target: str | Path | BinaryIO, bundle: Bundle) -> None:
    """Write a bundle: a zip into an open binary file or a path ending in `.zip`, else a folder.

    A path appears whole or not at all. BundleError where the folder exists and isn't empty.
    """
    if not isinstance(target, str | Path):
        _write_zip(target, bundle.files())
        return
    path = Path(target)
    if path.suffix.lower() != ".zip":
        _write_folder(path, bundle.files())
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        try:
            _write_zip(new, bundle.files())
        except BaseException:
            Path(new.name).unlink()
            raise
    _publish(Path(new.name), path, 0o644)


def _write_zip(file: Any, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same on every system
            archive.writestr(entry, data, zipfile.ZIP_STORED)


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BundleError("not-empty", f"{path} is there already and is no empty folder")
    new = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        for name, data in files.items():
            (new / name).write_bytes(data)
    except BaseException:
        shutil.rmtree(new)
        raise
    _publish(new, path, 0o755)


def _publish(new: Path, path: Path, mode: int) -> None:
    """Give a finished temporary file or folder its name and the mode a plain one would have."""
    umask = os.umask(0)
    os.umask(umask)
    new.chmod(mode & ~umask)
    new.replace(path)


def read_bundle(source: str | Path | BinaryIO, *, most: int = MOST_BYTES) -> Bundle:
    """Return the bundle of a zip (path or open binary file) or of a folder.

    `most` limits the bytes of all its files together. BundleError names what is wrong; the
    signatures and the draw itself are for the verifier to check.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        return Bundle.from_files(_read_folder(Path(source), most))
    try:
        with zipfile.ZipFile(source) as archive:
            return Bundle.from_files(_read_zip(archive, most))
    except FileNotFoundError:
        raise BundleError("no-file", f"there is no {source}") from None
    except _UNREADABLE as error:
        raise BundleError("zip", f"not a readable zip: {error}") from None


def _read_folder(path: Path, most: int) -> dict[str, bytes]:
    entries = sorted(path.iterdir())
    _check_names([entry.name for entry in entries])
    for entry in entries:
        if entry.is_symlink() or not entry.is_file():
            raise BundleError("not-a-file", f"{entry.name} is no plain file", name=entry.name)
    sizes = {entry.name: entry.stat().st_size for entry in entries}
    return _read(sizes, lambda name: (path / name).read_bytes(), most)


def _read_zip(archive: zipfile.ZipFile, most: int) -> dict[str, bytes]:
    entries = archive.infolist()
    _check_names([entry.orig_filename for entry in entries])
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise BundleError("encrypted", f"{entry.filename} is encrypted", name=entry.filename)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(
                "compression", f"{entry.filename} is neither stored nor deflated",
                name=entry.filename,
            )  # fmt: skip
    sizes = {entry.filename: entry.file_size for entry in entries}
    return _read(sizes, archive.read, most)


def _check_names(names: Sequence[str]) -> None:
    """Only the protocol's own names, each once: no folders, no paths, nothing hidden beside."""
    seen: set[str] = set()
    for name in names:
        if name not in NAMES:
            raise BundleError("unknown-file", f"{name!r} is no file of a bundle", name=name)
        if name in seen:
            raise BundleError("duplicate-file", f"{name} is in the bundle twice", name=name)
        seen.add(name)


def _read(sizes: Mapping[str, int], load: Callable[[str], bytes], most: int) -> dict[str, bytes]:
    """Load files whose sizes together are within `most`, and hold them to those sizes.

    The sizes a zip declares bind: zipfile stops at them, and a checksum catches a liar.
    """
    if sum(sizes.values()) > most:
        raise BundleError(
            "too-large", f"the files hold {sum(sizes.values())} bytes, at most {most} are read",
            size=sum(sizes.values()), most=most,
        )  # fmt: skip
    return {name: load(name) for name in sizes}
