"""What a plan means for the round, before it is locked: chances, their spread, the review graph."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from allocation.balanced import causes, checks
from allocation.balanced.flows import weak_components

if TYPE_CHECKING:
    from allocation.balanced.chances import Chances, Totals
    from allocation.balanced.network import Network
    from allocation.snapshot import Snapshot


def pair(value: Fraction) -> list[int]:
    """Return a fraction as a record holds it: [numerator, denominator]."""
    return [value.numerator, value.denominator]


def describe(
    snapshot: Snapshot, net: Network, chances: Chances, totals: Totals, explained: int
) -> dict[str, Any]:
    """Return the report, without the standard error; `explained` low chances get their causes."""
    loads = checks.loads(net, totals)
    strata = [one.stratum for one in snapshot.experts]
    return {
        "experts": [
            {"id": name, "stratum": stratum, "chance": pair(load)}
            for name, stratum, load in zip(net.experts, strata, loads, strict=True)
        ],
        "spread": _spread(strata, loads),
        "highest_pair": _highest(net, chances),
        "components": components(snapshot, net, chances),
        "low": _low(snapshot, net, loads, checks.slack(net, chances, totals), explained),
    }


def _spread(strata: list[str], loads: list[Fraction]) -> list[dict[str, Any]]:
    """Return for every stratum its lowest, mean and highest load and how many have which."""
    found: dict[str, list[Fraction]] = defaultdict(list)
    for stratum, load in zip(strata, loads, strict=True):
        found[stratum].append(load)
    return [
        {
            "stratum": stratum,
            "experts": len(held),
            "lowest": pair(min(held)),
            "mean": pair(sum(held, Fraction(0)) / len(held)),
            "highest": pair(max(held)),
            "levels": [{"chance": pair(v), "experts": n} for v, n in sorted(Counter(held).items())],
        }
        for stratum, held in sorted(found.items())
    ]


def _highest(net: Network, chances: Chances) -> dict[str, Any]:
    """Return the pair with the highest chance, the first of them where there are several."""
    values = map(Fraction, chances.num, chances.den)
    at, value = max(enumerate(values), key=lambda one: (one[1], -one[0]))
    panel, stratum = net.cells[int(net.pair_cell[chances.pair[at]]) - net.first_cell]
    expert = net.experts[int(net.pair_expert[chances.pair[at]]) - net.first_expert]
    return {"chance": pair(value), "expert": expert, "panel": panel, "stratum": stratum}


def components(snapshot: Snapshot, net: Network, chances: Chances) -> list[dict[str, Any]]:
    """Return the components of the expected review graph, the largest first.

    Experts and panels (their dossiers) are joined by every positive chance. Qualities in
    different components are compared through the random dealing alone. An expert without a
    chance stands in none.
    """
    panel_at = {panel.id: at for at, panel in enumerate(snapshot.panels)}
    of_cell = np.array([panel_at[panel] for panel, _ in net.cells], dtype=np.int64)
    experts = net.pair_expert[chances.pair] - net.first_expert
    panels = of_cell[net.pair_cell[chances.pair] - net.first_cell] + len(net.experts)
    size = len(net.experts) + len(panel_at)
    label = weak_components(size, (experts, panels)).tolist()
    members: dict[int, list[str]] = defaultdict(list)
    for panel, at in panel_at.items():
        members[label[len(net.experts) + at]].append(panel)
    drawn = Counter(label[at] for at in set(experts.tolist()))
    dossiers = {panel.id: len(panel.dossiers) for panel in snapshot.panels}
    found = [
        {
            "panels": held,
            "dossiers": sum(dossiers[panel] for panel in held),
            "experts": drawn[which],
        }
        for which, held in members.items()
    ]
    return sorted(found, key=lambda one: (-len(one["panels"]), one["panels"]))


def _low(
    snapshot: Snapshot, net: Network, loads: list[Fraction], slack: Any, explained: int
) -> dict[str, Any]:
    """Return who stands below the mean of the stratum, the lowest first, and why."""
    total: dict[str, Fraction] = defaultdict(Fraction)
    count: Counter[str] = Counter()
    for one, load in zip(snapshot.experts, loads, strict=True):
        total[one.stratum] += load
        count[one.stratum] += 1
    means = [total[one.stratum] / count[one.stratum] for one in snapshot.experts]
    names = causes.low(net.experts, loads, means)
    of = causes.Causes(snapshot, net, loads, slack)
    load_of = dict(zip(net.experts, loads, strict=True))
    mean_of = dict(zip(net.experts, means, strict=True))
    return {
        "experts": len(names),
        "explained": [
            {"id": name, "chance": pair(load_of[name]), "mean": pair(mean_of[name]), **of.of(name)}
            for name in names[:explained]
        ],
    }
