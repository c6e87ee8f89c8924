"""Rounds of the balanced method, made from fixed seeds.

Experts and dossiers come from 31 provinces; nobody reviews a dossier of the own province.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

GIB = 1 << 30


def snapshot(
    experts: int, panels: int, strata: int, each: int, capacity: int, *, shared: bool, held: int = 1
) -> dict[str, Any]:
    """A round; `shared`: every panel has seats in every stratum, else in one of them."""
    rng = random.Random(f"{experts} {panels} {strata}")
    names = [f"S{at:03}" for at in range(strata)]
    people: list[dict[str, Any]] = [
        {
            "id": f"E{at:06}", "stratum": names[at % strata], "employer": f"U{rng.randrange(2000)}",
            "province": f"P{rng.randrange(31):02}", "capacity": capacity, "identity": "00" * 32,
        }
        for at in range(experts)
    ]  # fmt: skip
    boards: list[dict[str, Any]] = []
    dossiers: list[dict[str, str]] = []
    for at in range(panels):
        own = [f"D{at:06}-{part}" for part in range(held)]
        dossiers += [
            {"id": name, "class": "c", "province": f"P{rng.randrange(31):02}"} for name in own
        ]
        cells = names if shared else [names[at % strata]]
        boards.append({
            "id": f"P{at:06}", "class": "c", "seats": dict.fromkeys(cells, each), "dossiers": own,
            "deal": False,
        })  # fmt: skip
    home: dict[tuple[str, str], list[str]] = defaultdict(list)
    province = {one["id"]: one["province"] for one in dossiers}
    for board in boards:
        for name in board["seats"]:
            for dossier in board["dossiers"]:
                home[name, province[dossier]].append(dossier)
    conflicts = [
        {"expert": one["id"], "dossier": dossier, "rule": "province"}
        for one in people
        for dossier in sorted(home[one["stratum"], one["province"]])
    ]
    return {
        "protocol": "review-draw/v1", "draw_id": "bench/draw/1", "method": "balanced",
        "experts": people, "panels": boards, "dossiers": dossiers, "conflicts": conflicts,
        "limits": [], "pair_cap": [1, 2], "plan": [],
        "sources": [{"kind": "public", "name": "lottery", "date": "2026-03-01"}],
        "locked_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def home_conflicts(record: dict[str, Any]) -> list[dict[str, str]]:
    """Return the conflicts of a round in which a panel has seats of one stratum alone."""
    stratum = {d: next(iter(p["seats"])) for p in record["panels"] for d in p["dossiers"]}
    home: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in record["dossiers"]:
        home[stratum[one["id"]], one["province"]].append(one["id"])
    return [
        {"expert": one["id"], "dossier": dossier, "rule": "province"}
        for one in record["experts"]
        for dossier in home[one["stratum"], one["province"]]
    ]
