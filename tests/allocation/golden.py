"""What the files of tests/vectors/draw/ hold; `python -m tests.allocation.golden` writes them anew.

The files are the promise (old vectors stay valid for ever); this only saves typing.
"""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from allocation import draw as drawing
from allocation import merkle
from allocation import replacement as replacing
from allocation.bundle import write_bundle
from allocation.canonical import canonical
from allocation.checkpoint import parse_vkey
from allocation.deal import deal
from allocation.hashing import Seeded, h, lp, u64
from allocation.snapshot import Snapshot
from allocation.sources import derive_seed, open_sources
from tests.allocation import story

FOLDER = Path(__file__).parents[1] / "vectors" / "draw"
SEED = story.octets("seed")


def _bytes() -> dict[str, Any]:
    values = [
        {"b": [1, True, None, -5], "a": '评审 "quoted" \\ / \n\u0001\u007f', "aa": {}},
        [2**53 - 1, 1 - 2**53, 0, False],
        {"Z": "z", "a": "é", "A10": "", "A9": "𠮷"},
    ]
    refused = ['{"a":1.0}', "[9007199254740992]", '{"a":1,"a":1}', '{"b":1,"a":2}', '{"é":1}',
               '["e\u0301"]', '["\\ud800"]', '{"a": 1}', "[1e2]", "[-0]", '["\\u0041"]', "[01]",
               "", "[1]\n"]  # fmt: skip
    numbers = [
        {"attempt": attempt, "tag": tag, "parts": parts,
         "number": f"{Seeded(SEED, attempt).attempt_number(tag, *map(str.encode, parts)):064x}"}
        for attempt, tag, parts in ((0, "order", ["e01"]), (1, "order", ["e01"]),
                                    (0, "deal", ["D01"]), (7, "order", ["专家"]))
    ]  # fmt: skip
    below = [
        {"attempt": attempt, "n": str(n), "label": label.hex(),
         "value": str(Seeded(SEED, attempt).below(n, label))}
        for attempt, n, label in (
            (0, 1, b"one"), (0, 7, lp(b"seat") + lp(b"e01")), (3, 10, lp(b"deal") + lp(b"class")),
            (0, 2**255 + 1, lp(b"cycle") + lp(u64(0))), (0, 2**255 + 1, lp(b"cycle") + lp(u64(5))),
        )
    ]  # fmt: skip
    return {
        "desc": "Section 1. canonical: value and its canonical bytes; refused: texts that are no "
        "canonical record; hash: H(tag, parts) with UTF-8 parts; number: M(seed, tag, "
        "u64(attempt), parts) in hex; below: n and values as decimal text (several "
        "rejections in the cases of 2^255 + 1).",
        "seed": SEED.hex(),
        "canonical": [{"value": value, "hex": canonical(value).hex()} for value in values],
        "refused": refused,
        "lp": [{"hex": data.hex(), "lp": lp(data).hex()} for data in (b"", b"ab", bytes(300))],
        "hash": [
            {"tag": tag, "parts": parts, "hash": h(tag, *map(str.encode, parts)).hex()}
            for tag, parts in (("seed", []), ("snapshot", [""]), ("snapshot", ["a", "bc"]),
                               ("snapshot", ["ab", "c"]), ("identity", ["盐", "姓名", "号码"]))
        ],
        "number": numbers,
        "below": below,
    }  # fmt: skip


def _drawn(desc: str, record: dict[str, Any], given: list[dict[str, Any]]) -> dict[str, Any]:
    snapshot = Snapshot.from_record(record)
    values = open_sources(snapshot, given)
    result = drawing.draw(record, given)
    return {
        "desc": desc,
        "snapshot": record,
        "digest": snapshot.digest.hex(),
        "sources": given,
        "values": [value.hex() for value in values],
        "seed": derive_seed(snapshot.digest, values).hex(),
        "result": result,
        "result_digest": h("result", canonical(result)).hex(),
    }


def restarting() -> dict[str, Any]:
    """Return a snapshot in which a walk can end with an open seat."""
    panel = {"class": "c", "deal": False, "seats": {"s": 1}}
    return story.lottery(
        experts=[story.expert(n, "s", "", "") for n in (1, 2)],
        panels=[panel | {"id": "P1", "dossiers": ["D1"]}, panel | {"id": "P2", "dossiers": ["D2"]}],
        dossiers=[{"id": f"D{n}", "class": "c", "province": ""} for n in (1, 2)],
        conflicts=[{"expert": "e02", "dossier": "D2", "rule": "declared"}],
        limits=[],
        sources=[{"kind": "public", "name": "number of the day", "date": "2023-08-24"}],
    )


def _deal() -> dict[str, Any]:
    record = story.lottery(
        panels=[
            {"id": f"{class_}{n}", "class": class_, "seats": {"s": 1}, "deal": n != 2,
             "dossiers": [f"H{class_}{n}"] if n == 1 else []}
            for class_ in "KL" for n in range(1, 5)
        ],
        dossiers=sorted(
            [{"id": f"D{class_}{n:02}", "class": class_, "province": f"v{n % 3}"}
             for class_ in "KL" for n in range(11)]
            + [{"id": f"H{class_}1", "class": class_, "province": "v0"} for class_ in "KL"],
            key=lambda one: one["id"],
        ),
        conflicts=[],
    )  # fmt: skip
    snapshot = Snapshot.from_record(record)
    return {
        "desc": "Section 4. Two classes of eleven dossiers to deal; in each, panel 1 holds one by "
        "hand and panel 2 is not dealt to. hands: attempt by attempt under one seed.",
        "seed": SEED.hex(),
        "panels": record["panels"],
        "dossiers": record["dossiers"],
        "hands": [deal(snapshot, Seeded(SEED, attempt)) for attempt in range(4)],
    }


def balanced() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a snapshot with loads and a made-up result (its seats are not drawn by a plan)."""
    experts = [
        {**story.expert(n, "s" if n < 9 else "t", f"g{n % 4}", f"v{n % 3}"), "capacity": 2}
        for n in range(1, 11)
    ]
    record = story.lottery(
        method="balanced",
        experts=experts,
        panels=[
            {"id": f"P{n}", "class": "c", "deal": False, "dossiers": [f"D{n}"], "seats": {"s": 2}}
            for n in range(1, 5)
        ],
        dossiers=[{"id": f"D{n}", "class": "c", "province": ""} for n in range(1, 5)],
        conflicts=[{"expert": "e07", "dossier": "D1", "rule": "declared"}],
        limits=[
            {"field": "employer", "scope": "draw", "max": 3},
            {"field": "province", "scope": "cell", "max": 1},
        ],
        pair_cap=[1, 1],
        plan=[],
    )
    pairs = {"P1": (1, 2), "P2": (1, 3), "P3": (2, 4), "P4": (5, 6)}
    result = {
        "protocol": "review-draw/v1",
        "draw_id": record["draw_id"],
        "snapshot": Snapshot.from_record(record).digest.hex(),
        "seed": SEED.hex(),
        "seats": [
            {"panel": panel, "stratum": "s", "expert": f"e{n:02}"}
            for panel, numbers in pairs.items()
            for n in numbers
        ],
    }
    return record, result


def _balanced_replacement() -> dict[str, Any]:
    record, result = balanced()
    log = story.Log()
    log.add("expert.unavailable", draw_id=record["draw_id"], expert="e08")
    for panel, leaving in (("P4", "e06"), ("P1", "e01"), ("P1", "e02"), ("P3", "e02")):
        expert: str | None = leaving
        while expert is not None:  # until the list is exhausted
            seat = {"panel": panel, "stratum": "s", "expert": expert}
            expert = story.vacate(log, record, result, seat)["expert"]
    return {
        "desc": "Replacement in a balanced draw: order by M(seed, replacement, panel, expert), "
        "capacities and limits over loads, four seats until the list ends. The result is made "
        "up: no plan is checked here.",
        "snapshot": record,
        "result": result,
        "events": log.history(record["draw_id"]),
    }


def _replacement(told: story.Story) -> dict[str, Any]:
    kinds = {"conflict.declared", "expert.unavailable", "seat.accepted", "seat.vacated",
             "seat.replaced"}  # fmt: skip
    events = told.log.history(told.snapshot["draw_id"])
    seats = [
        {"panel": seat["panel"], "stratum": seat["stratum"], "expert": seat["expert"]}
        for seat in (told.result["seats"][0], told.result["seats"][3])
    ]
    return {
        "desc": "Replacement in a lottery, as logged: a whole seat, a stand-in for one dossier "
        "after a declared conflict, a whole seat with an expert marked unavailable. "
        "command: what `replace` makes of two vacancies.",
        "snapshot": told.snapshot,
        "result": told.result,
        "events": [event for event in events if event["type"] in kinds],
        "command": {
            "vacate": seats,
            "result": replacing.replace(Snapshot.from_record(told.snapshot), told.result, seats),
        },
    }


def _log(told: story.Story) -> dict[str, Any]:
    tree, size = told.log.tree, told.log.tree.size
    return {
        "desc": "Section 7. events: the canonical bytes of each event, as text; leaves and roots "
        "of every size; proofs; checkpoints, the early one signed by the first key and "
        "countersigned before the beacon's round, the last one signed by the key of the rotation.",
        "events": [line.decode() for line in told.log.lines],
        "leaves": [tree.get(0, at).hex() for at in range(size)],
        "roots": [merkle.root(tree.get, at).hex() for at in range(size + 1)],
        "inclusion": [
            {"index": index, "size": of,
             "proof": [node.hex() for node in merkle.inclusion_proof(tree.get, index, of)]}
            for index, of in ((0, 1), (0, size), (9, 10), (9, size), (size - 1, size))
        ],
        "consistency": [
            {"old": old, "new": new,
             "proof": [node.hex() for node in merkle.consistency_proof(tree.get, old, new)]}
            for old, new in ((10, size), (16, size), (size - 1, size), (1, 2), (7, 12))
        ],
        "keys": [
            {"vkey": vkey, "name": parse_vkey(vkey).name, "kind": parse_vkey(vkey).kind,
             "public": parse_vkey(vkey).public.hex()}
            for vkey in told.keys
        ],
        "checkpoints": [told.early, told.checkpoint],
    }  # fmt: skip


def _void(told: story.Story) -> dict[str, Any]:
    first = f"{story.ROUND}/draw/1"
    return {
        "desc": "A party doesn't reveal: the draw's events up to draw.voided. Its number stays; "
        "the next draw of the round has number 2.",
        "snapshot": story.lottery(1),
        "events": told.log.history(first),
    }


def _bundle(told: story.Story) -> dict[str, Any]:
    bundle, file = told.bundle(inspector=True), io.BytesIO()
    write_bundle(file, bundle)
    return {
        "desc": "Section 8. The files of a bundle in the inspector's form, as text (README.txt as "
        "its SHA-256), and the SHA-256 of the zip.",
        "readme_sha256": sha256(bundle.files()["README.txt"]).hexdigest(),
        "files": {
            name: data.decode() for name, data in bundle.files().items() if name != "README.txt"
        },
        "zip_sha256": sha256(file.getvalue()).hexdigest(),
    }


def vectors() -> dict[str, dict[str, Any]]:
    """Return file name → content."""
    told = story.tell()
    restart = next(
        given
        for given in ([{"kind": "public", "key": f"{n}./"}] for n in range(1000))
        if drawing.draw(restarting(), given)["attempt"] == 2
    )
    return {
        "bytes": _bytes(),
        "lottery": _drawn(
            "Sections 2 to 5: two commitments and drand quicknet round 1000, dealt panels and one "
            "fixed by hand, conflicts, limits.", story.lottery(), story.entries(),
        ),
        "restart": _drawn(
            "Section 5: the walks of attempts 0 and 1 end with a seat open, attempt 2 counts.",
            restarting(), restart,
        ),
        "order": _drawn(
            "Method order: three of six in a tie, on a commitment and a public lottery draw.",
            story.order(), story.order_entries(),
        ),
        "deal": _deal(),
        "replacement": _replacement(told),
        "replacement_balanced": _balanced_replacement(),
        "void": _void(told),
        "log": _log(told),
        "bundle": _bundle(told),
    }  # fmt: skip


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in vectors().items():
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
