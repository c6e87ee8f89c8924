from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from allocation import draw as drawing
from allocation import merkle
from allocation.bundle import Bundle, read_bundle, write_bundle
from allocation.bundle_readme import README
from allocation.canonical import canonical
from allocation.checkpoint import open_note
from allocation.deal import deal
from allocation.hashing import Seeded, h
from allocation.keys import LogKeys
from allocation.replacement import next_replacement, replace
from allocation.snapshot import Snapshot
from allocation.sources import check_source, derive_seed, open_sources
from tests.allocation import golden

FOLDER = Path(__file__).parents[1] / "vectors" / "draw"


def load(name: str) -> Any:
    """Return a file of vectors."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_the_files_are_what_the_story_gives() -> None:
    """The published vectors are reproduced from their story, all of them and no others."""
    made = golden.vectors()
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(made)
    for name, content in made.items():
        assert load(name) == content, name
        assert content["desc"]


@pytest.mark.parametrize("name", ["lottery", "restart", "order"])
def test_draws(name: str) -> None:
    """Digest, opened sources, seed and result of the published draws."""
    case = load(name)
    snapshot = Snapshot.from_record(case["snapshot"])
    assert snapshot.digest.hex() == case["digest"]
    values = open_sources(snapshot, case["sources"])
    assert [value.hex() for value in values] == case["values"]
    assert derive_seed(snapshot.digest, values).hex() == case["seed"]
    result = drawing.draw(case["snapshot"], case["sources"])
    assert result == case["result"]
    assert h("result", canonical(result)).hex() == case["result_digest"]


def test_deals() -> None:
    """The published deals, attempt by attempt; sizes in a class differ by one at most."""
    case = load("deal")
    record = golden.story.lottery(panels=case["panels"], dossiers=case["dossiers"], conflicts=[])
    for attempt, hands in enumerate(case["hands"]):
        seeded = Seeded(bytes.fromhex(case["seed"]), attempt)
        assert deal(Snapshot.from_record(record), seeded) == hands
        for class_ in "KL":
            dealt = [len(hands[f"{class_}{n}"]) - (n == 1) for n in (1, 3, 4)]
            assert max(dealt) - min(dealt) <= 1
            assert hands[f"{class_}2"] == []


@pytest.mark.parametrize("name", ["replacement", "replacement_balanced"])
def test_replacements(name: str) -> None:
    """Every published seat.replaced follows from the events before it."""
    case = load(name)
    snapshot = Snapshot.from_record(case["snapshot"])
    replaced = [at for at, one in enumerate(case["events"]) if one["type"] == "seat.replaced"]
    assert replaced
    for at in replaced:
        body = dict(case["events"][at]["body"])
        assert body.pop("draw_id") == snapshot.draw_id
        assert next_replacement(snapshot, case["result"], case["events"][:at]) == body


def test_the_replace_command() -> None:
    """What `replace` makes of a published result and two vacancies."""
    case = load("replacement")
    command = case["command"]
    snapshot = Snapshot.from_record(case["snapshot"])
    assert replace(snapshot, case["result"], command["vacate"]) == command["result"]


def test_a_voided_draw() -> None:
    """The void names what wasn't revealed; what was revealed opens."""
    case = load("void")
    snapshot = Snapshot.from_record(case["snapshot"])
    events = {event["type"]: event["body"] for event in case["events"]}
    assert events["draw.locked"]["snapshot"] == snapshot.digest.hex()
    revealed = events["draw.revealed"]
    assert check_source(snapshot, revealed["index"], revealed["source"])
    assert events["draw.voided"]["missing"] == [1, 2]


def test_the_log() -> None:
    """Leaves, roots of every size, proofs and checkpoints of the published log."""
    case = load("log")
    tree = merkle.Tree()
    assert merkle.root(tree.get, 0).hex() == case["roots"][0]
    for size, line in enumerate(case["events"], 1):
        tree.add(line.encode())
        assert tree.get(0, size - 1).hex() == case["leaves"][size - 1]
        assert merkle.root(tree.get, size).hex() == case["roots"][size]
    for one in case["inclusion"]:
        leaf, root = case["leaves"][one["index"]], case["roots"][one["size"]]
        proof = [bytes.fromhex(node) for node in one["proof"]]
        assert merkle.inclusion_proof(tree.get, one["index"], one["size"]) == proof
        merkle.verify_inclusion(
            one["index"], one["size"], bytes.fromhex(leaf), proof, bytes.fromhex(root)
        )
    for one in case["consistency"]:
        old, new = (bytes.fromhex(case["roots"][one[name]]) for name in ("old", "new"))
        proof = [bytes.fromhex(node) for node in one["proof"]]
        assert merkle.consistency_proof(tree.get, one["old"], one["new"]) == proof
        merkle.verify_consistency(one["old"], one["new"], old, new, proof)


def test_the_checkpoints() -> None:
    """Both published checkpoints open under the log's keys, each under the key of its size."""
    case = load("log")
    keys = LogKeys.from_events(json.loads(line) for line in case["events"])
    assert list(keys.vkeys()) == [one["vkey"] for one in case["keys"]]
    for note, at in zip(case["checkpoints"], (0, 1), strict=True):
        opened = keys.open(note)
        assert str(opened.signer) == case["keys"][at]["vkey"]
        assert opened.root.hex() == case["roots"][opened.size]
        assert [key.name for key, _ in opened.cosigners] == ["inspector.example"]
        assert opened == open_note(note, keys.vkeys())


def test_the_bundle() -> None:
    """The published bundle reads, and is written again byte by byte."""
    case = load("bundle")
    files = {name: text.encode() for name, text in case["files"].items()}
    files["README.txt"] = README.encode()
    assert sha256(README.encode()).hexdigest() == case["readme_sha256"]
    bundle, file = Bundle.from_files(files), io.BytesIO()
    write_bundle(file, bundle)
    assert sha256(file.getvalue()).hexdigest() == case["zip_sha256"]
    assert read_bundle(io.BytesIO(file.getvalue())) == bundle
