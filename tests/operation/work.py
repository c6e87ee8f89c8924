"""Computations that the tests' jobs run in a process of their own."""

from __future__ import annotations

import os
import time
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
