from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import merkle
from allocation.errors import LogError

VECTORS = Path(__file__).parents[1] / "vectors"


def cases(name: str) -> list[Any]:
    """Return the shared cases of a kind of proof."""
    return json.loads((VECTORS / f"merkle_{name}.json").read_text())["cases"]  # type: ignore[no-any-return]


def proof_of(case: dict[str, Any]) -> list[bytes]:
    """Return the proof of a case."""
    return [b64decode(node) for node in case["proof"] or ()]


@pytest.mark.parametrize("case", cases("inclusion"), ids=lambda case: case["file"])
def test_shared_inclusion_proofs(case: dict[str, Any]) -> None:
    """Every shared inclusion proof holds or fails as its case says."""
    arguments = (
        case["leafIdx"], case["treeSize"], b64decode(case["leafHash"]), proof_of(case),
        b64decode(case["root"]),
    )  # fmt: skip
    if case["wantErr"]:
        with pytest.raises(LogError):
            merkle.verify_inclusion(*arguments)
    else:
        merkle.verify_inclusion(*arguments)


@pytest.mark.parametrize("case", cases("consistency"), ids=lambda case: case["file"])
def test_shared_consistency_proofs(case: dict[str, Any]) -> None:
    """Every shared consistency proof holds or fails as its case says."""
    arguments = (
        case["size1"], case["size2"], b64decode(case["root1"]), b64decode(case["root2"]),
        proof_of(case),
    )  # fmt: skip
    if case["wantErr"]:
        with pytest.raises(LogError):
            merkle.verify_consistency(*arguments)
    else:
        merkle.verify_consistency(*arguments)


def plain_root(leaves: list[bytes]) -> bytes:
    """Return MTH of RFC 6962 section 2.1, by its recursive definition."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return sha256(b"\1" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


def grown(size: int) -> tuple[merkle.Tree, list[bytes]]:
    """Return a tree of numbered entries."""
    tree, leaves = merkle.Tree(), [f"event {n}".encode() for n in range(size)]
    for leaf in leaves:
        tree.add(leaf)
    return tree, leaves


def test_roots_follow_the_definition() -> None:
    """The root of every size up to 40 is that of the recursive definition."""
    tree, leaves = grown(40)
    for size in range(41):
        assert merkle.root(tree.get, size) == plain_root(leaves[:size])


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.data())
def test_own_proofs_hold_and_only_for_what_they_prove(data: st.DataObject) -> None:
    """Inclusion and consistency proofs hold; for another leaf, size or root they fail."""
    size = data.draw(st.integers(1, 70))
    tree, leaves = grown(size)
    root = merkle.root(tree.get, size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(tree.get, index, size)
    merkle.verify_inclusion(index, size, merkle.leaf_hash(leaves[index]), proof, root)
    with pytest.raises(LogError):
        merkle.verify_inclusion(index, size, merkle.leaf_hash(b"other"), proof, root)
    old = data.draw(st.integers(1, size))
    steps = merkle.consistency_proof(tree.get, old, size)
    merkle.verify_consistency(old, size, merkle.root(tree.get, old), root, steps)
    with pytest.raises(LogError):
        merkle.verify_consistency(old, size, sha256(b"other").digest(), root, steps)


def test_appending_stores_what_it_completes_and_reads_a_logarithm() -> None:
    """An append reads at most one stored node a level, whatever the size."""
    tree, _ = grown(1023)
    read: list[tuple[int, int]] = []

    def get(level: int, position: int) -> bytes:
        read.append((level, position))
        return tree.get(level, position)

    merkle.append(get, 1023, merkle.leaf_hash(b"last"))
    assert len(read) == 10
    read.clear()
    merkle.inclusion_proof(get, 0, 1023)
    merkle.consistency_proof(get, 700, 1023)
    assert len(read) < 60


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_proofs_out_of_range(index: int, size: int) -> None:
    """There is no proof for a leaf that isn't there."""
    tree, _ = grown(3)
    with pytest.raises(LogError):
        merkle.inclusion_proof(tree.get, index, size)
    with pytest.raises(LogError):
        merkle.consistency_proof(tree.get, size + 1, size)
