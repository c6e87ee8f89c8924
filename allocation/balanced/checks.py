"""The check of a plan, with integers only: every amount holds exactly, and no load can be bettered.

What it decides is decided again, from the protocol's page alone, by the one-file verifier.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.residuals import improvable
from allocation.errors import LockError

if TYPE_CHECKING:
    from allocation.balanced.chances import Chances, Totals
    from allocation.balanced.network import Bools, Network


def loads(net: Network, totals: Totals) -> list[Fraction]:
    """Return the expected number of seats of every expert, in order."""
    nodes = range(net.first_expert, net.first_limit)
    return [Fraction(totals.through[node], totals.whole[node]) for node in nodes]


def check_amounts(net: Network, chances: Chances, totals: Totals) -> None:
    """Raise LockError where the plan leaves a seat open or breaks a cap, a capacity or a limit."""
    through, whole, room, unit = totals.through, totals.whole, net.room.tolist(), net.unit
    for at, (panel, stratum) in enumerate(net.cells):
        node = net.first_cell + at
        if through[node] * unit != room[node] * whole[node]:
            has = Fraction(through[node], whole[node])
            raise LockError(
                "plan-cell",
                f"the plan gives {stratum} of panel {panel} {has} seats, not {room[node] // unit}",
                panel=panel,
                stratum=stratum,
                seats=room[node] // unit,
                has=[has.numerator, has.denominator],
            )
    for node in range(1, net.first_cell):
        if through[node] * unit > room[node] * whole[node]:
            raise _over(net, node, Fraction(through[node], whole[node]))
    for pair, top, bottom in zip(chances.pair, chances.num, chances.den, strict=True):
        if top * unit > net.pair_cap * bottom:
            expert, (panel, stratum) = _pair(net, pair)
            raise LockError(
                "plan-cap",
                f"the plan gives {expert} a chance of {top}/{bottom} for {stratum} of panel "
                f"{panel}: the pair cap is {net.pair_cap}/{unit}",
                expert=expert,
                panel=panel,
                stratum=stratum,
                chance=[top, bottom],
                pair_cap=[net.pair_cap, unit],
            )


def _pair(net: Network, pair: int) -> tuple[str, tuple[str, str]]:
    expert = net.experts[int(net.pair_expert[pair]) - net.first_expert]
    return expert, net.cells[int(net.pair_cell[pair]) - net.first_cell]


def _over(net: Network, node: int, has: Fraction) -> LockError:
    most = int(net.room[node]) // net.unit
    facts = {"has": [has.numerator, has.denominator], "max": most}
    if net.first_expert <= node < net.first_limit:
        expert = net.experts[node - net.first_expert]
        return LockError(
            "plan-capacity",
            f"the plan gives {expert} {has} seats, the capacity is {most}",
            expert=expert,
            **facts,
        )
    if node < net.first_expert:
        field, value = net.groups[node - 1]
        where = "the draw"
    else:
        cell, (field, value) = net.limits[node - net.first_limit]
        panel, stratum = net.cells[cell]
        facts |= {"panel": panel, "stratum": stratum}
        where = f"{stratum} of panel {panel}"
    return LockError(
        "plan-limit",
        f"the plan gives {field} {value} {has} seats in {where}, the limit is {most}",
        field=field,
        value=value,
        **facts,
    )


def check_leximin(net: Network, chances: Chances, totals: Totals) -> None:
    """Raise LockError where some expert's load could rise at the cost of larger ones only."""
    load = loads(net, totals)
    place = {value: at for at, value in enumerate(sorted(set(load)))}
    rank = np.array([place[value] for value in load], dtype=np.int64)
    better = improvable(net, rank, *slack(net, chances, totals))
    if len(better):
        first = int(better[0])
        raise LockError(
            "plan-unequal",
            f"the plan is not the most equal one: the chance of {net.experts[first]} "
            f"({load[first]} seats) could rise at the cost of experts with more",
            experts=[net.experts[at] for at in better.tolist()],
        )


def slack(net: Network, chances: Chances, totals: Totals) -> tuple[Bools, Bools]:
    """Return for every arc (outer, then inner) whether its flow can rise, and can fall."""
    through, whole, room, unit = totals.through, totals.whole, net.room.tolist(), net.unit
    nodes = [*range(1, net.first_limit), *range(net.first_limit, net.first_cell)]
    stem_up = np.array([through[v] * unit < room[v] * whole[v] for v in nodes], dtype=bool)
    stem_down = np.array([through[v] > 0 for v in nodes], dtype=bool)
    pair_up = np.ones(len(net.pair_expert), dtype=bool)
    pair_down = np.zeros(len(net.pair_expert), dtype=bool)
    at = np.array(chances.pair, dtype=np.int64)
    pair_down[at] = True
    pair_up[at] = [
        top * unit < net.pair_cap * bottom
        for top, bottom in zip(chances.num, chances.den, strict=True)
    ]
    outer = net.first_limit - 1
    return (
        np.concatenate([stem_up[:outer], pair_up, stem_up[outer:]]),
        np.concatenate([stem_down[:outer], pair_down, stem_down[outer:]]),
    )
