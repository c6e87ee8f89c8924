"""Computations that the tests' jobs run in a process of their own."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable


def double(given: dict[str, Any], progress: Callable[[int], None]) -> int:
    """Twice the number."""
    progress(50)
    return 2 * int(given["number"])


def die(_given: dict[str, Any], _progress: Callable[[int], None]) -> None:
    """End without an answer, as a process that is killed."""
    os._exit(9)


def refuse(_given: dict[str, Any], _progress: Callable[[int], None]) -> None:
    """Refuse with a code and facts."""
    raise WorkflowError("too-few", count=1)


def sleep(given: dict[str, Any], progress: Callable[[int], None]) -> int:
    """Take its time, telling that it lives."""
    for tenth in range(100):
        progress(tenth)
        time.sleep(float(given["number"]) / 100)
    return 1


def append_events(url: str, key_file: str, name: str, count: int) -> None:
    """Append `count` events to the log of a store, one transaction each."""
    from pathlib import Path

    from review_service.keys import load_keys
    from review_service.storage import Store
    from review_service.workflows import log
    from review_service.workflows.base import Actor, Office, Tools

    keys = load_keys(Path(key_file), "review.test")
    store = Store(url)
    office = Office(store, Tools(lambda: datetime.now(UTC), os.urandom, keys))
    for number in range(count):
        office.do(Actor("staff", name), log.append, "note.kept", {"by": name, "number": number})
    store.close()
