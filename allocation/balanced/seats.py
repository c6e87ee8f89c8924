"""From a plan and a seed to seats: names and ranks of arcs, and the rounding (section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.balanced.rounding import Arcs, settle
from allocation.errors import DrawError
from allocation.hashing import Seeded, lp, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from allocation.balanced.chances import Chances, Totals
    from allocation.balanced.network import Network


def names(net: Network, nodes: Iterable[int]) -> dict[int, bytes]:
    """Return the names of some nodes: LP(kind) ‖ LP(id)."""
    return {node: _named(net, node) for node in nodes}


def _named(net: Network, node: int) -> bytes:
    if node == 0:
        return _name(b"source", b"")
    if node < net.first_expert:
        return _name(b"group", _texts(*net.groups[node - 1]))
    if node < net.first_limit:
        return _name(b"expert", net.experts[node - net.first_expert].encode())
    if node < net.first_cell:
        cell, value = net.limits[node - net.first_limit]
        return _name(b"limit", _texts(*net.cells[cell]) + _texts(*value))
    return _name(b"cell", _texts(*net.cells[node - net.first_cell]))


def _texts(*texts: str) -> bytes:
    return b"".join(lp(text.encode()) for text in texts)


def _name(kind: bytes, identity: bytes) -> bytes:
    return lp(kind) + lp(identity)


def fractional(net: Network, chances: Chances, totals: Totals) -> tuple[Arcs, list[int]]:
    """Return the arcs whose flow is no integer, and for each of them its place in `chances`.

    The place is -1 for arcs that are no pairs.
    """
    through, whole = totals.through, totals.whole
    ends: list[tuple[int, int]] = []
    part: list[int] = []
    over: list[int] = []
    place: list[int] = []
    for node, inner in enumerate(net.stem.tolist()):
        rest = through[node] % whole[node]
        if rest:
            outwards = node < net.first_limit
            ends.append((inner, node) if outwards else (node, inner))
            part.append(rest)
            over.append(whole[node])
            place.append(-1)
    experts = net.pair_expert[chances.pair].tolist()
    entries = net.pair_entry[chances.pair].tolist()
    for at, (expert, entry) in enumerate(zip(experts, entries, strict=True)):
        if chances.den[at] > 1:
            ends.append((expert, entry))
            part.append(totals.part[at])
            over.append(whole[expert])
            place.append(at)
    return Arcs(net.size, ends, part, over), place


class _Ranking(Seeded):
    """The numbers of many arcs under one seed."""

    def arcs(self, arcs: Arcs, names: Mapping[int, bytes]) -> list[int]:
        """Return the arcs by rising M(seed, "arc", tail name, head name)."""
        # What all have in common is hashed once; a name's length is put before it once.
        started = self._inner.copy()
        started.update(lp(tag("arc")))
        part = {node: lp(one) for node, one in names.items()}
        number = []
        for tail, head in zip(arcs.tail, arcs.head, strict=True):
            inner, outer = started.copy(), self._outer.copy()
            inner.update(part[tail] + part[head])
            outer.update(inner.digest())
            number.append(outer.digest())  # big-endian bytes sort as the integers do
        return sorted(range(len(number)), key=number.__getitem__)


def draw_seats(net: Network, chances: Chances, totals: Totals, seed: bytes) -> list[dict[str, str]]:
    """Return the seats {"panel", "stratum", "expert"}, sorted by the three."""
    arcs, place = fractional(net, chances, totals)
    seeded = _Ranking(seed)
    named = names(net, {*arcs.tail, *arcs.head})
    rounded = settle(arcs, seeded.arcs(arcs, named), seeded)
    taken = [at for at, bottom in enumerate(chances.den) if bottom == 1]
    taken += [at for at, one in zip(place, rounded, strict=True) if one and at >= 0]
    seats = []
    filled = [0] * len(net.cells)
    for at in taken:
        cell = int(net.pair_cell[chances.pair[at]]) - net.first_cell
        filled[cell] += 1
        panel, stratum = net.cells[cell]
        expert = net.experts[int(net.pair_expert[chances.pair[at]]) - net.first_expert]
        seats.append({"panel": panel, "stratum": stratum, "expert": expert})
    wanted = (net.room[net.first_cell :] // net.unit).tolist()
    if filled != wanted:
        raise DrawError("not-a-flow", "the plan's chances don't fill every seat exactly")
    return sorted(seats, key=lambda seat: (seat["panel"], seat["stratum"], seat["expert"]))
