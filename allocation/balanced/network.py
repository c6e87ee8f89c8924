"""The network of a balanced draw, as arrays (protocol section 6).

Nodes are numbered: 0 the hub (source and sink are one), then groups, experts, limits and cells.
Every node but the hub has one *stem*: the arc from the hub's side into a group or an expert, and
the arc towards the hub out of a limit or a cell. The other arcs are the *pairs*, from an expert
into the innermost limit of a cell, or the cell itself. A flow is thus known from its pairs.
All amounts are integers in units of 1/`unit`, `unit` being the pair cap's denominator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from allocation.balanced.groups import FIELDS, chains, most, refuse_crossing_panels
from allocation.errors import LockError, RecordError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from allocation.balanced.groups import Value
    from allocation.snapshot import Snapshot

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Amounts = NDArray[Any]  # int64, or Python integers where 64 bits may not do

Cell = tuple[str, str]
"""(panel id, stratum)."""


@dataclass(frozen=True)
class Network:
    """Nodes, stems and pairs; `stem[v]` is the stem's other end and `room[v]` its capacity."""

    experts: tuple[str, ...]
    groups: tuple[Value, ...]
    limits: tuple[tuple[int, Value], ...]  # (number of the cell, value)
    cells: tuple[Cell, ...]
    stem: Ints
    room: Ints
    pair_expert: Ints  # nodes
    pair_entry: Ints
    pair_cell: Ints
    pair_cap: int
    unit: int

    @cached_property
    def first_expert(self) -> int:
        """The node of the first expert."""
        return 1 + len(self.groups)

    @cached_property
    def first_limit(self) -> int:
        """The node of the first limit."""
        return self.first_expert + len(self.experts)

    @cached_property
    def first_cell(self) -> int:
        """The node of the first cell."""
        return self.first_limit + len(self.limits)

    @cached_property
    def size(self) -> int:
        """How many nodes there are, the hub included."""
        return self.first_cell + len(self.cells)

    @cached_property
    def inner(self) -> tuple[Ints, Ints, Ints]:
        """Tail, head and capacity of the pairs, then of the stems of limits."""
        limits = np.arange(self.first_limit, self.first_cell)
        caps = np.full(len(self.pair_expert), self.pair_cap, dtype=np.int64)
        return (
            np.concatenate([self.pair_expert, limits]),
            np.concatenate([self.pair_entry, self.stem[limits]]),
            np.concatenate([caps, self.room[limits]]),
        )

    @cached_property
    def outer(self) -> tuple[Ints, Ints, Ints]:
        """Tail, head and capacity of the stems of groups, then of experts."""
        nodes = np.arange(1, self.first_limit)
        return self.stem[nodes], nodes, self.room[nodes]

    def with_pair_cap(self, numerator: int, denominator: int) -> Network:
        """Return the same network under another pair cap."""
        room = self.room // self.unit * denominator
        return Network(
            self.experts, self.groups, self.limits, self.cells, self.stem, room,
            self.pair_expert, self.pair_entry, self.pair_cell, numerator, denominator,
        )  # fmt: skip


def pair_cap(record: Any) -> tuple[int, int]:
    """Return the snapshot's pair cap in lowest terms; RecordError where it isn't in (0, 1]."""
    cap = record.get("pair_cap")
    good = isinstance(cap, list | tuple) and len(cap) == 2
    if not good or any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in cap):
        raise RecordError(
            "pair-cap", "$.pair_cap: [numerator, denominator] is needed", path="$.pair_cap"
        )
    if cap[0] > cap[1]:
        raise RecordError("pair-cap", "$.pair_cap: at most 1", path="$.pair_cap")
    common = gcd(*cap)
    return cap[0] // common, cap[1] // common


def build(snapshot: Snapshot) -> Network:
    """Return the network of a snapshot; LockError where a limit or a panel can't be balanced."""
    numerator, unit = pair_cap(snapshot.record)
    _refuse_too_fine(snapshot, unit)
    dealt = [panel.id for panel in snapshot.panels if panel.deal]
    if dealt:
        raise LockError(
            "deal",
            f"panel {dealt[0]} is to be dealt by the seed; balanced needs every dossier fixed "
            "beforehand (by hand, or by an earlier draw)",
            panels=dealt,
        )
    refuse_crossing_panels(snapshot)
    cells = tuple(sorted((p.id, name) for p in snapshot.panels for name in p.seats))
    experts = snapshot.experts
    group_limits = most(snapshot, ("draw",))
    above = chains(experts, group_limits, "draw")
    groups = tuple(sorted({value for chain in above for value in chain}))
    first_expert = 1 + len(groups)
    pairs = _pairs(snapshot, cells)
    limits, entry, out = _limits(snapshot, pairs, first_expert + len(experts))
    first_cell = first_expert + len(experts) + len(limits)
    stem = np.zeros(first_cell + len(cells), dtype=np.int64)
    room = np.zeros(len(stem), dtype=np.int64)
    node = {value: 1 + number for number, value in enumerate(groups)}
    for number, (expert, chain) in enumerate(zip(experts, above, strict=True)):
        before = 0
        for value in chain:
            stem[node[value]] = before
            before = node[value]
        stem[first_expert + number] = before
        room[first_expert + number] = expert.capacity * unit
    for value, at in node.items():
        room[at] = group_limits[value[0]] * unit
    stem[first_cell - len(limits) : first_cell] = out
    cell_limits = most(snapshot, ("cell", "panel"))
    for number, (_, value) in enumerate(limits):
        room[first_cell - len(limits) + number] = cell_limits[value[0]] * unit
    seats = {panel.id: panel.seats for panel in snapshot.panels}
    room[first_cell:] = [seats[panel][stratum] * unit for panel, stratum in cells]
    return Network(
        tuple(one.id for one in experts), groups, limits, cells, stem, room,
        pairs[0] + first_expert, entry, pairs[1] + first_cell, numerator, unit,
    )  # fmt: skip


def _refuse_too_fine(snapshot: Snapshot, unit: int) -> None:
    """Refuse amounts that an equal share among all experts could bring beyond 62 bits."""
    seats = max((n for panel in snapshot.panels for n in panel.seats.values()), default=0)
    capacity = max((one.capacity for one in snapshot.experts), default=0)
    most = max([seats, capacity, *(limit.max for limit in snapshot.limits)])
    if most * unit * max(1, len(snapshot.experts)) >= 1 << 62:
        raise LockError(
            "too-fine",
            f"amounts up to {most} in units of 1/{unit} among {len(snapshot.experts)} experts are "
            "beyond 62 bits: use a pair cap of a smaller denominator, or partition the draw",
            bits=62,
        )


def _pairs(snapshot: Snapshot, cells: Sequence[Cell]) -> tuple[Ints, Ints]:
    """Return numbers of experts and cells of all pairs without conflict, sorted by expert, cell."""
    number = {cell: at for at, cell in enumerate(cells)}
    row_of = {one.id: at for at, one in enumerate(snapshot.experts)}
    where = {dossier: panel.id for panel in snapshot.panels for dossier in panel.dossiers}
    members: dict[str, list[int]] = {}
    for at, one in enumerate(snapshot.experts):
        members.setdefault(one.stratum, []).append(at)
    open_cells: dict[str, list[int]] = {}
    for at, (_, stratum) in enumerate(cells):
        open_cells.setdefault(stratum, []).append(at)
    barred: dict[str, tuple[list[int], list[int]]] = {}
    for conflict in snapshot.conflicts:
        row = row_of[conflict.expert]
        stratum = snapshot.experts[row].stratum
        cell = number.get((where.get(conflict.dossier, ""), stratum))
        if cell is not None:
            no_rows, no_cells = barred.setdefault(stratum, ([], []))
            no_rows.append(row)
            no_cells.append(cell)
    found_rows, found_cells = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for stratum, columns in open_cells.items():
        rows, cols = np.array(members.get(stratum, []), np.int64), np.array(columns, np.int64)
        free = np.ones((len(rows), len(cols)), dtype=bool)
        if stratum in barred:
            no_row, no_cell = (np.array(one, np.int64) for one in barred[stratum])
            free[np.searchsorted(rows, no_row), np.searchsorted(cols, no_cell)] = False
        row_at, column_at = np.nonzero(free)
        found_rows.append(rows[row_at])
        found_cells.append(cols[column_at])
    pair_rows, pair_cells = np.concatenate(found_rows), np.concatenate(found_cells)
    if len(open_cells) > 1:
        # An expert has one stratum, in which the cells already rise.
        order = np.argsort(pair_rows, kind="stable")
        pair_rows, pair_cells = pair_rows[order], pair_cells[order]
    return pair_rows, pair_cells


def _limits(
    snapshot: Snapshot, pairs: tuple[Ints, Ints], first: int
) -> tuple[tuple[tuple[int, Value], ...], Ints, Ints]:
    """Return the limits of cells, the node every pair enters by, and each limit's next node."""
    fields = most(snapshot, ("cell", "panel"))
    rows, columns = pairs
    if not fields:
        return (), columns + first, np.zeros(0, np.int64)
    known, of_expert = _numbered(snapshot, [field for field in FIELDS if field in fields])
    # A limit's key: (cell, value) as one number, in the order of both; -1 where there is no value.
    keys = [
        np.where(one[rows] >= 0, columns * len(known) + one[rows], np.int64(-1))
        for one in of_expert
    ]
    held = np.unique(np.concatenate([[-1], *keys]))[1:]
    first_cell = first + len(held)
    at = [np.searchsorted(held, key) for key in keys]
    has = [key >= 0 for key in keys]
    entry, out = columns + first_cell, held // len(known) + first_cell
    for node, some in zip(at, has, strict=True):
        entry[some] = node[some] + first
    if len(keys) == 2:
        both = has[0] & has[1]
        present = np.concatenate([node[some] for node, some in zip(at, has, strict=True)])
        single = np.bincount(present, minlength=len(held))
        inner, outer, crosses = _within(at[0][both], at[1][both], single)
        if crosses.any():
            cell = columns[both][crosses].min()
            chains([snapshot.experts[row] for row in rows[columns == cell]], fields, "cell")
        entry[both] = inner + first
        out[inner] = outer + first
    cell, value = (held // len(known)).tolist(), (held % len(known)).tolist()
    return tuple((c, known[v]) for c, v in zip(cell, value, strict=True)), entry, out


def _numbered(snapshot: Snapshot, fields: Sequence[str]) -> tuple[list[Value], list[Ints]]:
    """Return all values of some fields, sorted, and for each field its value's number by expert."""
    codes = {
        "province": [one.province for one in snapshot.experts],
        "employer": [one.employer for one in snapshot.experts],
    }
    known = sorted({(field, code) for field in fields for code in codes[field] if code})
    number = {value: at for at, value in enumerate(known)}
    return known, [
        np.array([number.get((field, code), -1) for code in codes[field]], np.int64)
        for field in fields
    ]


def _within(province: Ints, employer: Ints, single: Ints) -> tuple[Ints, Ints, Bools]:
    """Return the inner and the outer limit of every pair that has two, and whether they cross.

    `single` counts the pairs of each limit. As in `chains`, of equal sets the province is outer.
    """
    _, kind, count = np.unique(
        province * len(single) + employer, return_inverse=True, return_counts=True
    )
    count = count[kind]
    crosses = (count != single[province]) & (count != single[employer])
    turned = count < single[employer]
    return np.where(turned, province, employer), np.where(turned, employer, province), crosses
