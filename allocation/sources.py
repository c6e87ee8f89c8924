"""The sources of randomness and the seed (protocol section 3)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from py_arkworks_bls12381 import GT, G1Point, G2Point

from allocation.errors import SourceError
from allocation.fields import parse_time
from allocation.hashing import h

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from allocation.snapshot import Snapshot

# drand quicknet: scheme bls-unchained-g1-rfc9380, parameters as its chain publishes them.
CHAIN = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
GENESIS, PERIOD = 1692803367, 3
_PUBLIC_KEY = bytes.fromhex(
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)
_CHINA = timezone(timedelta(hours=8))
_DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def commitment(draw_id: str, party: str, secret: bytes) -> bytes:
    """Return H("commitment", draw_id, party, secret); SourceError unless the secret is 32 bytes."""
    if len(secret) != 32:
        raise SourceError("secret-size", "a secret is 32 bytes", party=party, size=len(secret))
    return h("commitment", draw_id.encode(), party.encode(), secret)


def beacon_time(round_number: int) -> datetime:
    """Return when a quicknet round is published, in UTC; SourceError beyond rounds 1 to 10^10."""
    if not 1 <= round_number <= 10**10:  # some 950 years
        raise SourceError("beacon-round", f"there is no round {round_number}", round=round_number)
    return datetime.fromtimestamp(GENESIS, UTC) + timedelta(seconds=PERIOD * (round_number - 1))


def first_round_after(moment: datetime) -> int:
    """Return the first quicknet round published later than `moment`."""
    seconds = int(moment.timestamp()) - GENESIS
    return max(1, seconds // PERIOD + 2)


def verify_beacon(round_number: int, signature: bytes) -> bytes:
    """Return the 32-byte randomness of a quicknet round after checking its BLS signature.

    `signature` is the compressed point of 48 bytes. SourceError where it is malformed or fails.
    """
    beacon_time(round_number)
    message = sha256(round_number.to_bytes(8, "big")).digest()
    try:
        point = G1Point.from_compressed_bytes(signature)
        hashed = G1Point.hash_to_curve(message, _DST)
        key = G2Point.from_compressed_bytes(_PUBLIC_KEY)
        holds = GT.pairing_check([point, -hashed], [G2Point(), key])
    except (ValueError, TypeError, OverflowError) as error:
        raise SourceError(
            "beacon-form", f"round {round_number}: {error}", round=round_number
        ) from None
    if not holds:
        raise SourceError(
            "beacon", f"the signature of round {round_number} fails", round=round_number
        )
    return sha256(signature).digest()


def check_key_string(key: str) -> None:
    """Raise SourceError unless `key` is an RFC 3797 section 4 key string.

    Groups end with `/`; the numbers of a group are sorted, without leading zeros, each ends with a
    point. `9319./2.5.8.10.12./` is one.
    """
    if not re.fullmatch(r"(?:(?:(?:0|[1-9][0-9]*)\.)+/)+", key, re.ASCII):
        raise SourceError(
            "key-form", "a key is sorted numbers, each ending with “.”, groups with “/”"
        )
    for group in key.split("/")[:-1]:
        # Without leading zeros, numbers of any size compare by length, then as text.
        numbers = [(len(one), one) for one in group.split(".")[:-1]]
        if numbers != sorted(numbers):
            raise SourceError("key-order", f"the numbers {group} are not sorted", group=group)


def check_source(snapshot: Snapshot, index: int, entry: Mapping[str, Any]) -> bytes:
    """Return the value of a revealed entry of sources.json; SourceError where it doesn't open."""
    if not 0 <= index < len(snapshot.sources):
        raise SourceError("source-index", f"there is no source {index}", index=index)
    source = snapshot.sources[index]
    kind = source["kind"]
    shape = {
        "commitment": {"kind", "party", "secret"},
        "drand": {"kind", "round", "signature"},
        "public": {"kind", "key"},
    }[kind]
    if not isinstance(entry, dict) or entry.get("kind") != kind or set(entry) != shape:
        raise SourceError("source-form", f"source {index} needs {sorted(shape)}", index=index)
    if kind == "commitment":
        secret = _hex(entry["secret"], index)
        party = source["party"]
        opens = commitment(snapshot.draw_id, party, secret).hex() == source["commitment"]
        if entry["party"] != party or not opens:
            raise SourceError(
                "commitment", f"the secret of {party} is not the one committed to", party=party
            )
        return secret
    if kind == "drand":
        if source["chain"] != CHAIN:
            raise SourceError("chain", "only drand quicknet is known", chain=source["chain"])
        if type(entry["round"]) is not int or entry["round"] != source["round"]:
            raise SourceError("round", f"round {source['round']} was locked", round=source["round"])
        return verify_beacon(source["round"], _hex(entry["signature"], index))
    key = entry["key"]
    if not isinstance(key, str):
        raise SourceError("key-form", "a key is text")
    check_key_string(key)
    return key.encode()


def _hex(text: Any, index: int) -> bytes:
    if not isinstance(text, str) or not re.fullmatch(r"(?:[0-9a-f]{2})+", text, re.ASCII):
        raise SourceError("hex", f"source {index}: lower-case hex is needed", index=index)
    return bytes.fromhex(text)


def check_futures(snapshot: Snapshot, now: datetime) -> None:
    """Raise SourceError unless every beacon round and public event lies after the lock.

    A public event's day is one in China (UTC+8) and must not have begun there at the lock.
    """
    lock = max(now, parse_time(snapshot.locked_at))
    day = lock.astimezone(_CHINA).date()
    for source in snapshot.sources:
        if source["kind"] == "drand":
            if source["chain"] != CHAIN:
                raise SourceError("chain", "only drand quicknet is known", chain=source["chain"])
            if beacon_time(source["round"]) <= lock:
                raise SourceError(
                    "beacon-past",
                    f"round {source['round']} is not in the future",
                    round=source["round"],
                )
        elif source["kind"] == "public" and date.fromisoformat(source["date"]) <= day:
            raise SourceError(
                "event-past", f"{source['name']} is not in the future", name=source["name"]
            )


def open_sources(snapshot: Snapshot, entries: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Return the values of all sources in order; SourceError naming the first that fails."""
    if not isinstance(entries, list | tuple):
        raise SourceError("source-form", "the sources are a list")
    if len(entries) != len(snapshot.sources):
        raise SourceError(
            "source-count",
            f"{len(snapshot.sources)} sources were locked, {len(entries)} given",
            locked=len(snapshot.sources),
            given=len(entries),
        )
    return [check_source(snapshot, index, entry) for index, entry in enumerate(entries)]


def derive_seed(digest: bytes, values: Sequence[bytes]) -> bytes:
    """Return H("seed", snapshot digest, value_1, …, value_n): the 32-byte seed."""
    return h("seed", digest, *values)
