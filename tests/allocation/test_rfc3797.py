from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from allocation.errors import DrawError, SourceError
from allocation.rfc3797 import positions

CASES = json.loads((Path(__file__).parents[1] / "vectors/rfc3797.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_past_public_draws_replay(case: dict[str, Any]) -> None:
    """The example of RFC 3797 and the NomCom draws of 2012 and 2022 come out as published."""
    expected = case["expected_positions_1_based"]
    assert positions(case["n"], len(expected), case["key"]) == expected


def test_all_entries_can_be_ordered() -> None:
    """Selecting everybody gives a permutation."""
    assert sorted(positions(50, 50, "1.2./")) == list(range(1, 51))


@pytest.mark.parametrize(("entries", "count"), [(5, 0), (5, 6), (65_536, 1), (0, 0)])
def test_impossible_selections(entries: int, count: int) -> None:
    """More than there are, nobody, or more than the RFC numbers, is refused."""
    with pytest.raises(DrawError):
        positions(entries, count, "1./")


@pytest.mark.parametrize("key", ["", "1", "1.", "01./", "2.1./", "1./x", "1.//", "１./", "1./\n"])
def test_malformed_keys(key: str) -> None:
    """A key that another reader could write differently is refused."""
    with pytest.raises(SourceError):
        positions(5, 1, key)
