from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.errors import SourceError
from allocation.snapshot import Snapshot
from allocation.sources import (
    CHAIN,
    beacon_time,
    check_futures,
    check_key_string,
    check_source,
    commitment,
    first_round_after,
    open_sources,
    verify_beacon,
)
from tests.allocation import story

BEACONS = json.loads((Path(__file__).parents[1] / "vectors/drand_quicknet.json").read_text())


@pytest.mark.parametrize("case", BEACONS["rounds"], ids=lambda case: str(case["round"]))
def test_real_beacon_rounds(case: dict[str, Any]) -> None:
    """Real quicknet rounds verify and give their published randomness."""
    assert BEACONS["chain"]["chain_hash"] == CHAIN
    randomness = verify_beacon(case["round"], bytes.fromhex(case["signature"]))
    assert randomness.hex() == case["randomness"]


@pytest.mark.parametrize("flip", [0, 1, 5, 47])
def test_another_signature_fails(flip: int) -> None:
    """A signature with one bit changed, or of another round, fails."""
    case = BEACONS["rounds"][0]
    signature = bytearray.fromhex(case["signature"])
    with pytest.raises(SourceError):
        verify_beacon(case["round"] + 1, bytes(signature))
    signature[flip] ^= 1
    with pytest.raises(SourceError):
        verify_beacon(case["round"], bytes(signature))


@pytest.mark.parametrize("signature", [b"", bytes(47), bytes(49), bytes([0xC0]) + bytes(47)])
def test_no_signature_at_all(signature: bytes) -> None:
    """Bytes of another length and the point at infinity are refused, not crashed on."""
    with pytest.raises(SourceError):
        verify_beacon(1000, signature)


@pytest.mark.parametrize("number", [0, -1, 2**53, 2**64])
def test_rounds_that_do_not_exist(number: int) -> None:
    """A round before the first or centuries away is refused."""
    with pytest.raises(SourceError):
        verify_beacon(number, bytes(48))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(1692803367, 2 * 10**9), st.integers(0, 999_999))
def test_first_round_after(second: int, micro: int) -> None:
    """The first round after a moment is later than it, and the one before is not."""
    moment = datetime.fromtimestamp(second, UTC) + timedelta(microseconds=micro)
    number = first_round_after(moment)
    assert beacon_time(number) > moment
    assert number == 1 or beacon_time(number - 1) <= moment


def test_a_commitment_opens_for_its_draw_and_party_alone() -> None:
    """Another draw, party or secret gives another commitment; a secret has 32 bytes."""
    one = commitment("r/draw/1", "ministry", bytes(32))
    assert one != commitment("r/draw/2", "ministry", bytes(32))
    assert one != commitment("r/draw/1", "inspection", bytes(32))
    assert one != commitment("r/draw/1", "ministry", bytes(31) + b"\1")
    with pytest.raises(SourceError):
        commitment("r/draw/1", "ministry", bytes(31))


def _wrong() -> list[Any]:
    inspection, ministry, beacon = story.entries()
    return [
        (0, ministry),
        (0, inspection | {"secret": "00" * 32}),
        (0, inspection | {"secret": "00"}),
        (0, inspection | {"secret": inspection["secret"].upper()}),
        (0, inspection | {"secret": 5}),
        (0, inspection | {"party": "ministry"}),
        (0, inspection | {"more": 1}),
        (0, beacon),
        (2, beacon | {"round": 1001}),
        (2, beacon | {"round": True}),
        (2, beacon | {"signature": "00" * 48}),
        (2, inspection),
        (2, None),
        (2, []),
        (3, beacon),
        (-1, beacon),
    ]


@pytest.mark.parametrize("case", range(len(_wrong())))
def test_entries_that_do_not_open(case: int) -> None:
    """Whatever isn't the one value that was fixed at the lock is refused."""
    index, entry = _wrong()[case]
    with pytest.raises(SourceError):
        check_source(Snapshot.from_record(story.lottery()), index, entry)


def test_entries_that_open() -> None:
    """The true entries give secrets, randomness and key string, in their order."""
    values = open_sources(Snapshot.from_record(story.lottery()), story.entries())
    assert values[0] == story.secret_of("2023-bases/draw/1", "inspection")
    assert values[2].hex() == BEACONS["rounds"][0]["randomness"]
    public = open_sources(Snapshot.from_record(story.order()), story.order_entries())
    assert public[1] == b"1.8.10.16.24.31./12./"


@pytest.mark.parametrize(
    "key", ["0./", "9319./2.5.8.10.12./", "7.7./", f"{'9' * 30}.1{'0' * 30}./", "1.10./"]
)
def test_key_strings(key: str) -> None:
    """Sorted numbers of any size make a key."""
    check_key_string(key)


def test_numbers_of_any_length_are_compared_without_crashing() -> None:
    """Numbers beyond what Python converts from text still sort."""
    check_key_string(f"2.1{'0' * 6000}./")
    with pytest.raises(SourceError):
        check_key_string(f"1{'0' * 6000}.2./")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_beacon_round_must_be_later_than_the_lock() -> None:
    """Not at the lock, not before it, and neither clock nor snapshot can lie about it alone."""
    snapshot = Snapshot.from_record(story.lottery())
    check_futures(snapshot, _at("2023-08-23T15:59:23Z"))
    with pytest.raises(SourceError) as caught:
        check_futures(snapshot, _at("2023-08-23T15:59:24Z"))
    assert caught.value.facts == {"round": 1000}
    late = Snapshot.from_record(story.lottery(locked_at="2023-08-23T15:59:24Z"))
    with pytest.raises(SourceError):
        check_futures(late, _at("2023-08-23T08:00:00Z"))


def test_a_public_event_must_be_on_a_later_day_in_china() -> None:
    """Once its day has begun in China it may have been held."""
    snapshot = Snapshot.from_record(story.order())
    check_futures(snapshot, _at("2023-08-23T15:59:59Z"))
    with pytest.raises(SourceError):
        check_futures(snapshot, _at("2023-08-23T16:00:00Z"))


def test_another_chain_is_refused() -> None:
    """Only quicknet's key is known, so no other chain can be locked or opened."""
    chain = [{"kind": "drand", "chain": "00" * 32, "round": 1000}]
    snapshot = Snapshot.from_record(story.lottery(sources=chain))
    with pytest.raises(SourceError):
        check_futures(snapshot, _at("2023-08-23T08:00:00Z"))
    with pytest.raises(SourceError):
        open_sources(snapshot, [story.BEACON])
