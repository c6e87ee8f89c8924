"""The log's Merkle tree: RFC 6962 section 2.1, kept as the hashes of its complete subtrees.

The node (level, position) covers the leaves [position·2^level, (position + 1)·2^level). Appending,
the root and both kinds of proof read O(log n) stored nodes through `get(level, position)`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from allocation.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Get = Callable[[int, int], bytes]

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def append(get: Get, size: int, leaf: bytes) -> list[tuple[int, int, bytes]]:
    """Return the nodes (level, position, hash) that the leaf number `size` completes."""
    made = [(0, size, leaf)]
    level, position = 0, size
    while position & 1:
        leaf = node_hash(get(level, position - 1), leaf)
        level, position = level + 1, position >> 1
        made.append((level, position, leaf))
    return made


def _range_hash(get: Get, start: int, end: int) -> bytes:
    """Return the hash of the leaves [start, end); start is a multiple of the largest part."""
    level = (end - start).bit_length() - 1
    if end - start == 1 << level:  # one complete subtree, as most parts of a proof are
        return get(level, start >> level)
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(get(level, start >> level))
        start += 1 << level
    digest = parts.pop()
    while parts:
        digest = node_hash(parts.pop(), digest)
    return digest


def root(get: Get, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return _range_hash(get, 0, size) if size else EMPTY_ROOT


def inclusion_proof(get: Get, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]) of RFC 6962 section 2.1.1; LogError unless 0 ≤ index < size."""
    if not 0 <= index < size:
        raise LogError(
            "proof-range", f"no leaf {index} in a tree of {size}", index=index, size=size
        )
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < middle:
            path.append(_range_hash(get, middle, end))
            end = middle
        else:
            path.append(_range_hash(get, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(get: Get, old: int, new: int) -> list[bytes]:
    """Return PROOF(old, D[new]) of RFC 6962 section 2.1.2; LogError unless 0 < old ≤ new."""
    if not 0 < old <= new:
        raise LogError("proof-range", f"no proof from {old} to {new}", old=old, new=new)
    start, end, path, whole = 0, new, [], True
    while old != end:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if old <= middle:
            path.append(_range_hash(get, middle, end))
            end = middle
        else:
            path.append(_range_hash(get, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(_range_hash(get, start, end))
    return path[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes
) -> None:
    """Raise LogError unless `proof` leads from the leaf hash to the root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise LogError(
            "proof-range", f"no leaf {index} in a tree of {size}", index=index, size=size
        )
    node, last, digest = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise LogError("proof-length", "the inclusion proof is too long")
        if node & 1 or node == last:
            digest = node_hash(step, digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = node_hash(digest, step)
        node, last = node >> 1, last >> 1
    if last or digest != expected:
        raise LogError("proof", "the inclusion proof does not lead to the root")


def verify_consistency(  # noqa: C901 - the steps of RFC 9162 2.1.4.2, one by one
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise LogError unless the tree of `new` leaves extends that of `old` (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= new:
        raise LogError("proof-range", f"no proof from {old} to {new}", old=old, new=new)
    if old in (0, new):
        if proof or (old == new and old_root != new_root) or (old == 0 and old_root != EMPTY_ROOT):
            raise LogError("proof", "the consistency proof does not hold")
        return
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise LogError("proof-length", "the consistency proof is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise LogError("proof-length", "the consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, step)
        node, last = node >> 1, last >> 1
    if last or first != old_root or second != new_root:
        raise LogError("proof", "the consistency proof does not hold")


class Tree:
    """A tree in memory, for files and tests: each level's hashes in one string of bytes."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = []
        self.size = 0

    def get(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree."""
        return bytes(self._levels[level][32 * position : 32 * position + 32])

    def add(self, data: bytes) -> None:
        """Append an entry."""
        for level, _, digest in append(self.get, self.size, leaf_hash(data)):
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += digest
        self.size += 1
