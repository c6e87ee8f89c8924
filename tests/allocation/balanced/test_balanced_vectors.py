from __future__ import annotations

import json
from pathlib import Path

import pytest

from allocation import balanced
from allocation.errors import AllocationError
from allocation.snapshot import Snapshot
from tests.allocation.balanced.reference import draw

VECTORS = Path(__file__).parents[2] / "vectors" / "balanced"
DRAWN = ["dossiers", "nested", "same-set", "even"]
REFUSED = json.loads((VECTORS / "refused.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("name", DRAWN)
def test_published_draws_recompute(name: str) -> None:
    """Digest, check and seats of every golden snapshot stay what they are."""
    vector = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    snapshot = Snapshot.from_record(vector["snapshot"])
    assert snapshot.digest.hex() == vector["digest"]
    balanced.check(snapshot)
    for one in vector["draws"]:
        seed = bytes.fromhex(one["seed"])
        assert balanced.draw(snapshot, seed)["seats"] == one["seats"]
        steps: list[dict] = []
        assert draw(vector["snapshot"], seed, steps) == one["seats"]
        assert steps[:4] == one["first_steps"]
        assert len(steps) == one["steps"]


@pytest.mark.parametrize("case", REFUSED, ids=[case["desc"] for case in REFUSED])
def test_published_bad_plans_are_refused(case: dict) -> None:
    """Every golden bad plan is refused for its reason."""
    with pytest.raises(AllocationError) as caught:
        balanced.check(Snapshot.from_record(case["snapshot"]))
    assert caught.value.code == case["code"]
