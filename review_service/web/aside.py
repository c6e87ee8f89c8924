"""Files that were brought for a preview and wait to be confirmed, in the data folder's `uploads`.

They stand there as they came, with document numbers and telephones in the open: what nobody
confirmed within a day is removed, and backups leave the folder out.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 24 * 3600  # seconds


def folder(part: str = "") -> Path:
    """Return the folder, or one `part` of it, after what was left lying in it was removed."""
    place: Path = current_app.extensions["settings"].uploads / part
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    forget(place)
    return place


def forget(place: Path) -> None:
    """Remove what has lain below a folder for longer than is kept."""
    limit = time.time() - KEPT  # files bear the system's time
    for path in place.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process may be quicker
            if path.is_file() and path.stat().st_mtime < limit:
                path.unlink()
