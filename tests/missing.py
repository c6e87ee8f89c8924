"""What a machine can't give the tests: said loudly, and never passed over where CI runs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

MARK = "NOT RUN"


def missing(why: str) -> NoReturn:
    """Leave a test out because of the machine, with the reason; where CI is set, fail it."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(f"{MARK}: {why}")
