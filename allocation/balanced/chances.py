"""A plan as it stands in a snapshot: exact chances, written, read and added up (section 6).

`plan` lists [expert, panel, stratum, numerator, denominator] for every pair with a positive
chance, in lowest terms, sorted by the first three. What flows through every node follows from
it; it is kept as an integer over the block's denominator, a block being a component of the
network's positive arcs without the hub, so that no sum ever needs a fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from allocation.balanced.flows import weak_components
from allocation.canonical import LIMIT
from allocation.errors import LockError, RecordError

if TYPE_CHECKING:
    from allocation.balanced.network import Amounts, Ints, Network

    Row = tuple[str, str, str, int, int]


ROW = (str, str, str, int, int)

FINEST_BITS = 1 << 13
"""A longer common denominator is refused, here and by the verifier: it would only cost time."""


@dataclass(frozen=True)
class Chances:
    """The positive chances: numbers of pairs of the network, rising, and lowest terms."""

    pair: list[int]
    num: list[int]
    den: list[int]


def write(net: Network, num: Amounts, den: Amounts) -> list[list[Any]]:
    """Return the `plan` of flows (integers over `den`, units included) on the network's pairs.

    Raises LockError where a chance needs a denominator that a record can't hold.
    """
    # Pairs are sorted by expert and cell, and both are numbered in the order of their ids.
    at = np.flatnonzero(num[: len(net.pair_expert)])
    common = np.gcd(num[at], den[at])
    if len(at) and int((den[at] // common).max()) >= LIMIT:
        raise LockError(
            "too-fine",
            "the most equal chances under the limits of scope draw need denominators beyond 2^53, "
            "the largest number of a record: raise or drop a limit that is full (groups of many "
            "different sizes are), or partition the draw",
            bits=53,
        )
    plan = []
    for expert, cell, top, bottom in zip(
        (net.pair_expert[at] - net.first_expert).tolist(),
        (net.pair_cell[at] - net.first_cell).tolist(),
        (num[at] // common).tolist(),
        (den[at] // common).tolist(),
        strict=True,
    ):
        panel, stratum = net.cells[cell]
        plan.append([net.experts[expert], panel, stratum, top, bottom])
    return plan


def read(net: Network, plan: Any) -> Chances:
    """Return the chances of a snapshot's `plan`.

    Raises RecordError where the list has another form, LockError ("plan-pair") where an entry
    gives a chance to a pair that the network doesn't have.
    """
    rows = _rows(plan)
    expert_at = {name: net.first_expert + at for at, name in enumerate(net.experts)}
    cell_at = {cell: net.first_cell + at for at, cell in enumerate(net.cells)}
    keys = np.array(
        [
            expert_at.get(row[0], 0) * net.size + cell_at.get((row[1], row[2]), 0) for row in rows
        ],
        dtype=np.int64,
    )  # fmt: skip
    known = net.pair_expert * net.size + net.pair_cell
    at = np.searchsorted(known, keys)
    found = np.zeros(len(keys), dtype=bool)
    inside = at < len(known)
    found[inside] = known[at[inside]] == keys[inside]
    if not found.all():
        expert, panel, stratum = rows[int(np.argmin(found))][:3]
        raise LockError(
            "plan-pair",
            f"the plan gives {expert} a chance for {stratum} of panel {panel}, where there is no "
            "such seat, another stratum, or a conflict",
            expert=expert,
            panel=panel,
            stratum=stratum,
        )
    return Chances(at.tolist(), [row[3] for row in rows], [row[4] for row in rows])


def _rows(plan: Any) -> list[Row]:
    if not isinstance(plan, list | tuple):
        raise RecordError("plan", "$.plan: a list of chances is needed", path="$.plan")
    rows: list[Row] = []
    before = ("", "", "")
    for number, row in enumerate(plan):
        # Types themselves, not their subclasses: a record has no others, and bool is an int.
        if type(row) not in (list, tuple) or tuple(map(type, row)) != ROW:
            raise RecordError(
                "plan",
                f"$.plan[{number}]: [expert, panel, stratum, numerator, denominator] is needed",
                path=f"$.plan[{number}]",
            )
        expert, panel, stratum, top, bottom = row
        if not 0 < top <= bottom or gcd(top, bottom) > 1:
            raise RecordError(
                "plan",
                f"$.plan[{number}]: {top}/{bottom} is not a chance above 0, at most 1, in lowest "
                "terms",
                path=f"$.plan[{number}]",
            )
        if (expert, panel, stratum) <= before:
            raise RecordError(
                "plan",
                f"$.plan[{number}]: not sorted by expert, panel, stratum, or twice",
                path=f"$.plan[{number}]",
            )
        before = (expert, panel, stratum)
        rows.append((expert, panel, stratum, top, bottom))
    return rows


@dataclass(frozen=True)
class Totals:
    """What flows through every node but the hub: `through[v]` / `whole[v]` seats."""

    through: list[int]
    whole: list[int]
    part: list[int]
    """The positive chances, each over the `whole` of its expert."""


def add_up(net: Network, chances: Chances) -> Totals:
    """Return the totals at the nodes, exactly."""
    pair = np.array(chances.pair, dtype=np.int64)
    experts, entries = net.pair_expert[pair], net.pair_entry[pair]
    label = _blocks(net, experts, entries)
    of_pair = label[experts].tolist()
    common = [1] * (int(label.max(initial=0)) + 1)
    for block, bottom in set(zip(of_pair, chances.den, strict=True)):
        common[block] = lcm(common[block], bottom)
        if common[block].bit_length() > FINEST_BITS:
            raise LockError(
                "too-fine",
                f"the chances of one block need a common denominator beyond {FINEST_BITS} bits: "
                "partition the draw",
                bits=FINEST_BITS,
            )
    part = [
        top * (common[block] // bottom)
        for block, top, bottom in zip(of_pair, chances.num, chances.den, strict=True)
    ]
    through = [0] * net.size
    for expert, entry, amount in zip(experts.tolist(), entries.tolist(), part, strict=True):
        through[expert] += amount
        through[entry] += amount
    stem = net.stem.tolist()
    for node in _inside_out(net, stem):
        through[stem[node]] += through[node]
    through[0] = 0
    return Totals(through, [common[block] for block in label.tolist()], part)


def _blocks(net: Network, experts: Ints, entries: Ints) -> Ints:
    """Return every node's component over the positive arcs, the hub left out."""
    used = np.zeros(net.size, dtype=bool)
    used[experts] = used[entries] = True
    for node in _inside_out(net, net.stem.tolist()):
        if used[node]:
            used[net.stem[node]] = True
    stems = np.flatnonzero(used & (net.stem > 0))
    stems = stems[stems < net.first_cell]
    return weak_components(
        net.size,
        (np.concatenate([experts, stems]), np.concatenate([entries, net.stem[stems]])),
    )


def _inside_out(net: Network, stem: list[int]) -> list[int]:
    """Return experts, groups and limits so that a node comes after all that flows into it.

    A chain has at most two links (employer, province): the inner ones come first.
    """
    groups = range(1, net.first_expert)
    limits = range(net.first_limit, net.first_cell)
    return [
        *range(net.first_expert, net.first_limit),
        *(node for node in groups if stem[node] > 0),
        *(node for node in limits if stem[node] < net.first_cell),
        *(node for node in limits if stem[node] >= net.first_cell),
    ]
