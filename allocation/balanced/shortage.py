"""Why seats can't be filled, told from the minimum cut: which cells, how many, what would do.

A cut names cells that together get less than they need: from experts whose whole capacity goes
there, from limits that are full, and from experts outside, each up to the pair cap. As a function
of the pair cap what they get is a line, so that the smallest cap that fills every seat is found
by Newton steps on violated cuts (Radzik, "Fractional combinatorial optimization", 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from allocation.balanced.flows import max_flow, reachable, residual
from allocation.errors import LockError

if TYPE_CHECKING:
    from allocation.balanced.network import Bools, Ints, Network


@dataclass(frozen=True)
class _Cut:
    """Cells that need `needed` seats and get at most `fixed` + cap × `pairs`."""

    cells: Ints  # numbers
    needed: int
    fixed: int
    pairs: int
    full: Ints  # nodes (experts, groups, limits) whose whole room is used


def explain(net: Network) -> LockError:
    """Return the refusal of a network whose seats can't be filled."""
    one = _violated(net.with_pair_cap(1, 1))
    if one is not None:
        return _error(net, one, Fraction(1), None)
    cut = first = _violated(net)
    cap = Fraction(net.pair_cap, net.unit)
    while cut is not None:
        cap = Fraction(cut.needed - cut.fixed, cut.pairs)
        cut = _violated(net.with_pair_cap(cap.numerator, cap.denominator))
    if first is None:
        raise ValueError("every seat can be filled")
    return _error(net, first, Fraction(net.pair_cap, net.unit), cap)


def _violated(net: Network) -> _Cut | None:
    """Return a minimum cut that leaves seats open, or None where all are filled."""
    cells = np.arange(net.first_cell, net.size)
    sink = net.size
    tail = np.concatenate([net.outer[0], net.inner[0], cells])
    head = np.concatenate([net.outer[1], net.inner[1], np.full(len(cells), sink)])
    cap = np.concatenate([net.outer[2], net.inner[2], net.room[cells]])
    flow = max_flow(net.size + 1, (tail, head, cap), 0, sink)
    short = cells[flow[-len(cells) :] < net.room[cells]] if len(cells) else cells
    if len(short) == 0:
        return None
    # The smallest set that explains the first short cell: whatever could still reach it.
    forward = residual(tail, head, flow < cap, flow > 0)
    side = reachable(net.size + 1, (forward[1], forward[0]), int(short[0]))
    return _read_cut(net, side)


def _read_cut(net: Network, side: Bools) -> _Cut:
    inside = np.flatnonzero(side[net.first_cell : net.size])
    outer_tail, outer_head, _ = net.outer
    tail, head, _ = net.inner
    pairs = len(net.pair_expert)
    crossing = ~side[tail] & side[head]
    stems = np.concatenate(
        [outer_head[~side[outer_tail] & side[outer_head]], tail[pairs:][crossing[pairs:]]]
    )
    return _Cut(
        cells=inside,
        needed=int(net.room[net.first_cell + inside].sum()) // net.unit,
        fixed=int(net.room[stems].sum()) // net.unit,
        pairs=int(np.count_nonzero(crossing[:pairs])),
        full=stems,
    )


def _error(net: Network, cut: _Cut, cap: Fraction, would_do: Fraction | None) -> LockError:
    cells = [net.cells[at] for at in cut.cells.tolist()]
    of_cells = np.isin(net.pair_cell, net.first_cell + cut.cells)
    eligible = np.unique(net.pair_expert[of_cells]) - net.first_expert
    seatable = cut.fixed + cap * cut.pairs
    facts: dict[str, Any] = {
        "cells": [list(cell) for cell in cells],
        "needed": cut.needed,
        "eligible": [net.experts[at] for at in eligible.tolist()],
        "seatable": [seatable.numerator, seatable.denominator],
        "pair_cap": [net.pair_cap, net.unit],
        "would_do": [would_do.numerator, would_do.denominator] if would_do else None,
        **_full(net, cut.full),
    }
    shown = ", ".join(f"{stratum} of panel {panel}" for panel, stratum in cells[:5])
    if len(cells) > 5:
        shown += f" and {len(cells) - 5} more"
    who = ", ".join(facts["eligible"][:5]) + (", …" if len(eligible) > 5 else "")
    named = f" ({who})" if who else ""
    remedy = (
        f"the pair cap is {cap}; {would_do} would do"
        if would_do
        else "no pair cap would do: add experts, raise capacities or limits, or take seats away"
    )
    return LockError(
        "too-few",
        f"{cut.needed} seats of {shown} can't be filled: {len(eligible)} eligible experts{named} "
        f"can take {seatable} of them{_words(facts)}; {remedy}",
        **facts,
    )


def _full(net: Network, nodes: Ints) -> dict[str, Any]:
    """Return the experts, groups and limits of cells whose whole room is used up by the cells."""
    listed = nodes.tolist()
    room = {node: int(net.room[node]) // net.unit for node in listed}
    experts = [v for v in listed if net.first_expert <= v < net.first_limit]
    groups = [v for v in listed if v < net.first_expert]
    limits = [v for v in listed if v >= net.first_limit]
    return {
        "full_experts": [net.experts[v - net.first_expert] for v in experts],
        "full_groups": [[*net.groups[v - 1], room[v]] for v in groups],
        "full_limits": [
            [*net.cells[cell], *value, room[v]]
            for v in limits
            for cell, value in [net.limits[v - net.first_limit]]
        ],
    }


def _words(facts: dict[str, Any]) -> str:
    said = []
    if facts["full_experts"]:
        said.append(f"{len(facts['full_experts'])} experts at full capacity")
    said += [
        f"at most {most} of {field} {value} in the draw"
        for field, value, most in facts["full_groups"][:3]
    ]
    said += [
        f"at most {most} of {field} {value} in {stratum} of panel {panel}"
        for panel, stratum, field, value, most in facts["full_limits"][:3]
    ]
    return f" ({', '.join(said)})" if said else ""
