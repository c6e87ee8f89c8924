from __future__ import annotations

import hmac
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.hashing import Seeded, h, lp, u64

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/draw/bytes.json").read_text(encoding="utf-8")
)
SEED = bytes.fromhex(VECTORS["seed"])


def _message(name: str, *parts: bytes) -> bytes:
    whole = b""
    for part in (f"review-draw/v1/{name}".encode(), *parts):
        whole += len(part).to_bytes(8, "big") + part
    return whole


@pytest.mark.parametrize("case", VECTORS["lp"], ids=lambda case: f"{len(case['hex']) // 2} bytes")
def test_golden_lengths(case: dict[str, str]) -> None:
    """LP is eight bytes of length, then the data."""
    assert lp(bytes.fromhex(case["hex"])).hex() == case["lp"]


@pytest.mark.parametrize("case", VECTORS["hash"], ids=lambda case: case["hash"][:8])
def test_golden_hashes(case: dict[str, Any]) -> None:
    """H is SHA-256 over length-prefixed tag and parts."""
    parts = [part.encode() for part in case["parts"]]
    assert h(case["tag"], *parts).hex() == case["hash"]
    assert sha256(_message(case["tag"], *parts)).hexdigest() == case["hash"]


@pytest.mark.parametrize("case", VECTORS["number"], ids=lambda case: case["number"][:8])
def test_golden_numbers(case: dict[str, Any]) -> None:
    """M is HMAC-SHA256 under the seed, read big-endian."""
    parts = [part.encode() for part in case["parts"]]
    number = Seeded(SEED, case["attempt"]).attempt_number(case["tag"], *parts)
    message = _message(case["tag"], case["attempt"].to_bytes(8, "big"), *parts)
    assert f"{number:064x}" == case["number"] == hmac.new(SEED, message, "sha256").hexdigest()


@pytest.mark.parametrize("case", VECTORS["below"], ids=lambda case: case["value"][:8])
def test_golden_choices(case: dict[str, Any]) -> None:
    """`below` takes the first number under the largest multiple of n, modulo n."""
    label, n, at = bytes.fromhex(case["label"]), int(case["n"]), case["attempt"]
    counter = 0
    while True:
        message = _message("choice", at.to_bytes(8, "big"), label, counter.to_bytes(8, "big"))
        value = int.from_bytes(hmac.digest(SEED, message, "sha256"), "big")
        if value < n * (2**256 // n):
            break
        counter += 1
    assert str(Seeded(SEED, at).below(n, label)) == case["value"] == str(value % n)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.sets(st.text(max_size=4), max_size=8), st.integers(0, 5))
def test_ranking_is_the_sorting_of_numbers(ids: set[str], attempt: int) -> None:
    """The fast ranking of many ids is the sorting by their numbers, one by one."""
    seeded = Seeded(SEED, attempt)
    one_by_one = sorted(ids, key=lambda x: (seeded.attempt_number("order", x.encode()), x))
    assert seeded.ranked("order", ids) == one_by_one


def test_no_two_lists_of_parts_share_a_hash() -> None:
    """Moving a byte over the border of two parts changes the hash."""
    assert h("x", b"ab", b"c") != h("x", b"a", b"bc") != h("x", b"abc") != h("x", b"abc", b"")


def test_below_is_uniform_where_rejection_matters() -> None:
    """Just above half the range, where plain modulo would favour small values, halves stay even."""
    n = 2**255 + 1
    halves = Counter(Seeded(SEED).below(n, u64(i)) < n // 2 for i in range(4000))
    assert abs(halves[True] - 2000) < 190  # six standard errors


def test_below_refuses_nothing_to_choose_from() -> None:
    """There is no value below zero or one less, and no seed of another size."""
    with pytest.raises(ValueError, match="nothing"):
        Seeded(SEED).below(0, b"")
    with pytest.raises(ValueError, match="32 bytes"):
        Seeded(b"short")
