from __future__ import annotations

import json
from typing import Any

import pytest

from allocation import verify
from tests.allocation.verify.golden import FOLDER, HONEST, TAMPERED, statuses

ROWS: list[dict[str, Any]] = json.loads((FOLDER / "bundles.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
def test_golden_bundles_give_the_same_lines_for_ever(row: dict[str, Any]) -> None:
    """Every golden bundle gets the verdicts that it got when it was made."""
    assert statuses((FOLDER / row["file"]).read_bytes(), row.get("previous")) == row["lines"]


def test_golden_bundles_are_described_and_all_there() -> None:
    """Each has a description; honest ones fail nowhere, tampered ones somewhere."""
    names = {row["file"].removesuffix(".zip"): row for row in ROWS}
    assert names.keys() == HONEST.keys() | TAMPERED.keys() | {"lottery_public"}
    assert {path.stem for path in FOLDER.glob("*.zip")} == names.keys()
    for name, row in names.items():
        assert row["desc"]
        assert ("F" in row["lines"]) == (name in TAMPERED)


def test_altering_a_golden_bundle_is_found() -> None:
    """The comparison can fail: a golden bundle with one byte changed has other lines."""
    data = bytearray((FOLDER / "lottery.zip").read_bytes())
    data[60] ^= 1
    with pytest.raises(verify.Refused):
        verify.read_zip(bytes(data))
