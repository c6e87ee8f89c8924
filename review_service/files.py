"""Files that appear whole or not at all, and stay after a power cut."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(new: Path, path: Path) -> None:
    """Give the finished file `new` the name `path` unless that exists; `new` is gone after it."""
    with new.open("rb") as file:
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):  # another process was first: its file stands
        os.link(new, path)
    new.unlink()
    sync_folder(path.parent)


def write_secret(path: Path, text: str) -> None:
    """Write a new file of mode 0600 unless there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    publish(new, path)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a new file of mode 0600 that gets its name at the end; FileExistsError where it has one.

    Whatever fails leaves nothing behind.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there already; nothing was overwritten")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(path.parent)
