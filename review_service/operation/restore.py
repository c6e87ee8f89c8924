"""Restore a backup onto an empty store: every digest is checked, and the log is verified."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pyrage
from alembic.util import CommandError
from sqlmodel import Session

from review_service.crypto import parse_keys
from review_service.operation import copying
from review_service.operation.backup import AGE_MAGIC, read_manifest
from review_service.operation.verifying import LogReport, verify_log
from review_service.workflows import log
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from review_service.settings import Settings
    from review_service.storage import Store


def restore_backup(
    store: Store, settings: Settings, path: Path, identities: Sequence[str] = ()
) -> LogReport:
    """Fill the empty `store` and the data folder from a backup; all of it or nothing.

    `identities` are age secret keys (AGE-SECRET-KEY-1…) for an encrypted backup. WorkflowError
    where the store holds rows, a file of the folder would change, or anything differs from the
    manifest; LogError where the log doesn't verify; ColumnKeyError where neither the backup nor
    the folder has the keys of the sealed columns. The store stays at the backup's revision.
    """
    with _plain(path, settings, identities) as archive:
        manifest = read_manifest(archive)
        _check_files(archive, manifest, settings)
        name = settings.column_key_file.name
        if name in manifest["files"]:  # to verify the log, its sealed part is opened
            store.use_keys(parse_keys(archive.read(f"files/{name}"), name))
        try:
            store.migrate(manifest["revision"])
        except CommandError:
            raise WorkflowError("backup-newer", revision=manifest["revision"]) from None
        with store.engine.begin() as connection:
            copying.require_empty(connection)
            report = _fill(connection, archive, manifest)
        _write_files(archive, manifest, settings)
    return report


@contextlib.contextmanager
def _plain(path: Path, settings: Settings, identities: Sequence[str]) -> Iterator[zipfile.ZipFile]:
    """Open the zip; an encrypted one by way of a nameless file that vanishes with the process."""
    with path.open("rb") as source, contextlib.ExitStack() as stack:
        encrypted = source.read(len(AGE_MAGIC)) == AGE_MAGIC
        source.seek(0)
        file: Any = source
        if encrypted:
            if not identities:
                raise WorkflowError("backup-encrypted", path=str(path))
            settings.data.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(tempfile.TemporaryFile(dir=settings.data))
            keys = [pyrage.x25519.Identity.from_str(text) for text in identities]
            try:
                pyrage.decrypt_io(source, file, keys)
            except pyrage.DecryptError as error:
                raise WorkflowError("backup-decrypt", detail=str(error)) from None
            file.seek(0)
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
        except zipfile.BadZipFile as error:
            raise WorkflowError("backup-unreadable", detail=str(error)) from None
        yield archive


def _fill(connection: Any, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> LogReport:
    tables = copying.tables(connection)
    said = manifest["tables"]
    if {table.name for table in tables} != set(said):
        other = sorted({table.name for table in tables} ^ set(said))
        raise WorkflowError("backup-tables", tables=other)
    for table in tables:
        tally = copying.Tally()
        with archive.open(f"tables/{table.name}.jsonl") as entry:
            copying.insert(connection, table, tally.see(entry))
        if tally.record() != said[table.name]:
            raise WorkflowError("backup-damaged", part=f"tables/{table.name}.jsonl")
    if copying.counts(connection) != said:
        raise WorkflowError("copy-differs", tables=sorted(said))
    with Session(connection) as session:
        report = verify_log(session)
        newest = log.newest_checkpoint(session)
    if report.record() != manifest["log"] or (newest and newest.note) != manifest["checkpoint"]:
        raise WorkflowError("log-differs", before=manifest["log"]["root"], after=report.root)
    return report


def _check_files(archive: zipfile.ZipFile, manifest: dict[str, Any], settings: Settings) -> None:
    """Refuse damaged files, names that lead out of the folder, and changes of what is there."""
    for name, digest in manifest["files"].items():
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise WorkflowError("backup-path", name=name)
        if sha256(archive.read(f"files/{name}")).hexdigest() != digest:
            raise WorkflowError("backup-damaged", part=f"files/{name}")
        target = settings.data / name
        if target.exists() and sha256(target.read_bytes()).hexdigest() != digest:
            raise WorkflowError("file-exists", name=name)


def _write_files(archive: zipfile.ZipFile, manifest: dict[str, Any], settings: Settings) -> None:
    for name in manifest["files"]:
        target = settings.data / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(archive.read(f"files/{name}"))
                file.flush()
                os.fsync(file.fileno())
