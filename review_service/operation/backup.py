"""Back up a running service into one file, and restore it onto an empty store, verified.

The file is a zip: `manifest.json`, `tables/<name>.jsonl` (operation/copying.py) of one moment of
the store, and `files/…` of the data folder. With age recipients the whole file is encrypted and
holds the keys and secrets too; without, they stay out of it and the file holds personal data in
the open (mode 0600).
"""

from __future__ import annotations

import json
import os
import threading
import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyrage

from review_service.files import whole_file
from review_service.operation import copying
from review_service.operation.verifying import verify_log
from review_service.workflows import log
from review_service.workflows.base import SYSTEM, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from review_service.settings import Settings
    from review_service.workflows.base import Office

FORMAT = "review-backup/v1"
AGE_MAGIC = b"age-encryption.org/v1"
_SECRET = (".key", ".secret", ".retired", ".next", ".token")
_DATABASE = (".db", ".db-wal", ".db-shm", ".migrating")


def make_backup(
    office: Office, settings: Settings, path: Path, recipients: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the backup `path` while the service runs, and return its manifest.

    A checkpoint is signed first, so that what is restored can be compared with it. FileExistsError
    where there is such a file; nothing is left of a backup that fails.
    """
    keys = [pyrage.x25519.Recipient.from_str(text) for text in recipients]
    try:
        office.do(SYSTEM, log.sign_checkpoint)
    except WorkflowError as error:
        if error.code != "key-lost":  # then the backup is needed more than ever
            raise
    with whole_file(path) as file:
        if not keys:
            return _write(office, settings, file, secrets=False)
        return _encrypted(office, settings, file, keys)


def _encrypted(
    office: Office, settings: Settings, file: BinaryIO, recipients: list[Any]
) -> dict[str, Any]:
    """Write through a pipe into the encryption, so that no plain byte touches the disk."""
    reading, writing = os.pipe()
    found: list[dict[str, Any] | BaseException] = []

    def produce() -> None:
        try:
            with os.fdopen(writing, "wb") as pipe:
                found.append(_write(office, settings, pipe, secrets=True))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            found.append(error)

    thread = threading.Thread(target=produce, name="backup")
    thread.start()
    try:
        with os.fdopen(reading, "rb") as pipe:
            pyrage.encrypt_io(pipe, file, recipients)
    finally:
        thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _write(office: Office, settings: Settings, file: BinaryIO, *, secrets: bool) -> dict[str, Any]:
    manifest: dict[str, Any] = {"format": FORMAT, "tables": {}, "files": {}}
    with (
        office.store.snapshot() as session,
        zipfile.ZipFile(cast("Any", file), "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        report = verify_log(session)
        newest = log.newest_checkpoint(session)
        manifest |= {
            "made_at": log.stamp(office.tools.clock()),
            "revision": office.store.revision(),
            "origin": office.tools.keys.origin,
            "log": report.record(),
            "checkpoint": newest.note if newest else None,
            "secrets": secrets,
        }
        connection = session.connection()
        for table in copying.tables(connection):
            tally = copying.Tally()
            with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as entry:
                for line in tally.see(copying.lines(connection, table)):
                    entry.write(line)
            manifest["tables"][table.name] = tally.record()
        for name, source in _data_files(settings, secrets=secrets):
            content = source.read_bytes()
            archive.writestr(f"files/{name}", content)
            manifest["files"][name] = sha256(content).hexdigest()
        archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))
    return manifest


def _data_files(settings: Settings, *, secrets: bool) -> Iterator[tuple[str, Path]]:
    for path in sorted(settings.data.rglob("*")):
        relative = path.relative_to(settings.data)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or not path.is_file() or path.name.endswith(_DATABASE):
            continue
        if path.suffix in _SECRET and not secrets:
            continue
        if path.is_relative_to(settings.uploads):
            continue
        yield relative.as_posix(), path


def read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return the manifest of a backup; WorkflowError for a file that is none."""
    try:
        manifest = json.loads(archive.read("manifest.json"))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise WorkflowError("backup-unreadable", detail=str(error)) from None
    if manifest.get("format") != FORMAT:
        raise WorkflowError("backup-format", found=manifest.get("format"), needed=FORMAT)
    return cast("dict[str, Any]", manifest)
