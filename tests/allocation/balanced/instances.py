"""Snapshots of balanced draws for the tests, made from fixed seeds."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any


def record(
    experts: list[dict[str, Any]],
    panels: list[dict[str, Any]],
    conflicts: list[tuple[str, str]] = [],  # noqa: B006 - never changed
    limits: list[tuple[str, str, int]] = [],  # noqa: B006 - never changed
    pair_cap: tuple[int, int] = (1, 1),
) -> dict[str, Any]:
    """A balanced snapshot without a plan; experts and panels name only what matters."""
    plain_expert = {"stratum": "S", "employer": "", "province": "", "capacity": 1}
    plain_panel = {"class": "c", "seats": {"S": 1}, "deal": False}
    full_panels = [plain_panel | {"dossiers": ["D" + one["id"]]} | one for one in panels]
    dossiers = [name for panel in full_panels for name in panel["dossiers"]]
    return {
        "protocol": "review-draw/v1",
        "draw_id": "round/draw/1",
        "method": "balanced",
        "experts": [
            plain_expert | {"identity": sha256(one["id"].encode()).hexdigest()} | one
            for one in sorted(experts, key=lambda one: one["id"])
        ],
        "panels": sorted(full_panels, key=lambda one: one["id"]),
        "dossiers": [{"id": one, "class": "c", "province": ""} for one in sorted(dossiers)],
        "conflicts": [
            {"expert": expert, "dossier": dossier, "rule": "employer"}
            for expert, dossier in sorted(conflicts)
        ],
        "limits": [{"field": f, "scope": s, "max": m} for f, s, m in limits],
        "pair_cap": list(pair_cap),
        "plan": [],
        "sources": [{"kind": "public", "name": "lottery", "date": "2026-03-01"}],
        "locked_at": "2026-01-01T00:00:00Z",
    }


def rounds(seed: int, *, limited: bool = False, largest: int = 14) -> dict[str, Any]:
    """A random small round: strata, conflicts, capacities, a cap; with nested limits on demand."""
    rng = random.Random(seed)
    strata = [f"S{at}" for at in range(rng.randint(1, 2))]
    employers, provinces = (rng.randint(1, 3), rng.randint(1, 3)) if limited else (0, 0)
    experts = []
    for at in range(rng.randint(4, largest)):
        province = f"P{rng.randrange(provinces)}" if provinces else ""
        employer = f"{province}U{rng.randrange(employers)}" if employers else ""
        experts.append({
            "id": f"E{at:02}", "stratum": rng.choice(strata), "employer": employer,
            "province": province, "capacity": rng.randint(1, 4),
        })  # fmt: skip
    panels = [
        {"id": f"P{at:02}", "seats": {name: rng.randint(1, 2) for name in strata}}
        for at in range(rng.randint(1, 5))
    ]
    density = rng.random() * 0.4
    conflicts = [
        (expert["id"], "D" + panel["id"])
        for expert in experts
        for panel in panels
        if rng.random() < density
    ]
    limits = [
        (field, scope, rng.randint(2, 8))
        for field in ("employer", "province")
        for scope in ("draw", "cell")
        if limited and rng.random() < 0.6
    ]
    return record(experts, panels, conflicts, limits, rng.choice([(1, 2), (1, 1), (2, 3)]))
