"""LP, H, M and `below`: the only hashes and the only randomness of a draw (protocol section 1).

Each argument is length-prefixed, so no two different lists of arguments share bytes:

    >>> lp(b"ab").hex()
    '00000000000000026162'
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from allocation import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterable

_CEILING = 1 << 256


def lp(data: bytes) -> bytes:
    """Return the 8-byte big-endian length of `data`, then `data`."""
    return len(data).to_bytes(8, "big") + data


def u64(number: int) -> bytes:
    """Return `number` as 8 bytes, big-endian."""
    return number.to_bytes(8, "big")


def tag(name: str) -> bytes:
    """Return the domain tag `review-draw/v1/<name>`."""
    return f"{PROTOCOL}/{name}".encode()


def h(name: str, *parts: bytes) -> bytes:
    """Return H(tag, parts…): 32 bytes of SHA-256 over the length-prefixed tag and parts."""
    return sha256(b"".join(map(lp, (tag(name), *parts)))).digest()


class Seeded:
    """The numbers of one seed (32 bytes) and one attempt."""

    def __init__(self, seed: bytes, attempt: int = 0) -> None:
        if len(seed) != 32:
            raise ValueError(f"a seed has 32 bytes, not {len(seed)}")
        # HMAC-SHA256 (RFC 2104) as two started hashes to copy: the key's blocks are hashed once.
        block = seed.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))
        self._attempt = u64(attempt)

    def number(self, name: str, *parts: bytes) -> int:
        """Return M(seed, tag, parts…), an integer below 2^256."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(b"".join(map(lp, (tag(name), *parts))))
        outer.update(inner.digest())
        return int.from_bytes(outer.digest(), "big")

    def attempt_number(self, name: str, *parts: bytes) -> int:
        """Return M(seed, tag, u64(attempt), parts…)."""
        return self.number(name, self._attempt, *parts)

    def ranked(self, name: str, ids: Iterable[str]) -> list[str]:
        """Return `ids` by M(seed, tag, u64(attempt), id), then id."""
        started = self._inner.copy()
        started.update(lp(tag(name)) + lp(self._attempt))
        keyed = []
        for one in ids:
            inner, outer = started.copy(), self._outer.copy()
            inner.update(lp(one.encode()))
            outer.update(inner.digest())
            keyed.append((outer.digest(), one))  # big-endian bytes sort as the integers do
        return [one for _, one in sorted(keyed)]

    def below(self, n: int, label: bytes) -> int:
        """Return an exactly uniform integer in [0, n), by rejection; ValueError for n < 1."""
        if n < 1:
            raise ValueError(f"below({n}): nothing to choose from")
        top = n * (_CEILING // n)
        counter = 0
        while (v := self.attempt_number("choice", label, u64(counter))) >= top:
            counter += 1
        return v % n
