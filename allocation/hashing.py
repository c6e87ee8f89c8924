"""LP, H, M and `below`: the only hashes and the only randomness of a draw (protocol section 1).

Each argument is length-prefixed, so no two different lists of arguments share bytes:

    >>> lp(b"ab").hex()
    '00000000000000026162'
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from allocation import PROTOCOL

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
        self._keyed = hmac.new(seed, digestmod=sha256)
        self._attempt = u64(attempt)

    def number(self, name: str, *parts: bytes) -> int:
        """Return M(seed, tag, parts…), an integer below 2^256."""
        keyed = self._keyed.copy()
        keyed.update(b"".join(map(lp, (tag(name), *parts))))
        return int.from_bytes(keyed.digest(), "big")

    def attempt_number(self, name: str, *parts: bytes) -> int:
        """Return M(seed, tag, u64(attempt), parts…)."""
        return self.number(name, self._attempt, *parts)

    def below(self, n: int, label: bytes) -> int:
        """Return an exactly uniform integer in [0, n), by rejection; ValueError for n < 1."""
        if n < 1:
            raise ValueError(f"below({n}): nothing to choose from")
        top = n * (_CEILING // n)
        counter = 0
        while (v := self.attempt_number("choice", label, u64(counter))) >= top:
            counter += 1
        return v % n
