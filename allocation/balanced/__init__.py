"""Method `balanced`: exact equal chances, published before the seed (protocol section 6).

`plan` adds the chances to a snapshot, `check` is the lock's check of them, `draw` turns them into
seats with the seed, `report` says what a plan means for the round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.balanced import (
    chances,
    checks,
    describe,
    grouped,
    levels,
    sampling,
    seats,
    shortage,
    spread,
)
from allocation.balanced.network import Network, build
from allocation.balanced.wording import lines
from allocation.errors import LockError
from allocation.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["check", "draw", "lines", "plan", "report"]


def plan(
    record: Mapping[str, Any], progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Return the snapshot record with its `plan`; an earlier plan is replaced.

    `progress` is called with the name of each stage before it starts: network, levels, evening.
    Raises RecordError for a record of another form, LockError where a limit can't be kept exactly
    or the seats can't be filled (the facts name the cells and what would do).
    """
    tell = progress or (lambda _: None)
    tell("network")
    snapshot = Snapshot.from_record({**record, "plan": []})
    _refuse_other_methods(snapshot)
    net = build(snapshot)
    few = sampling.sample(net)
    tell("levels")
    try:
        found = grouped.level_by_level if net.groups else levels.decompose
        exact = found(net, few)
    except levels.Infeasible:
        raise shortage.explain(net) from None
    tell("evening")
    num, den = spread.spread(net, exact, few)
    return {**record, "plan": chances.write(net, num, den)}


def check(snapshot: Snapshot) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Check the plan of a snapshot that is to be locked; return what should be known before.

    Raises RecordError where the plan has another form, and LockError where it breaks a rule, is
    not leximin-optimal, or is missing.
    """
    net, found, totals = _read(snapshot)
    checks.check_leximin(net, found, totals)
    parts = describe.components(snapshot, net, found)
    warnings: list[tuple[str, dict[str, Any]]] = []
    if len(parts) > 1:
        warnings.append(("review-graph", {"components": len(parts)}))
    certain = sum(bottom == 1 for bottom in found.den)
    if certain:
        warnings.append(("certain-pairs", {"pairs": certain}))
    return tuple(warnings)


def report(
    snapshot: Snapshot, *, standard_error: float | None = None, explained: int = 100
) -> dict[str, Any]:
    """Return what the plan means, for the page and the command before the lock.

    `experts` (id, stratum, chance: the expected number of seats as [numerator, denominator]),
    `spread` (by stratum: lowest, mean, highest, how many have which), `highest_pair`,
    `components` of the expected review graph, `low` (experts below their stratum's mean, the
    lowest `explained` of them with the conflicts whose lifting alone would raise their chance),
    and `standard_error` of a difference between two dossiers, in points: a value that the caller
    takes from the statistics, since draws don't know them; null where none is given.
    Raises RecordError or LockError where the plan breaks a rule.
    """
    net, found, totals = _read(snapshot)
    described = describe.describe(snapshot, net, found, totals, explained)
    return described | {"standard_error": standard_error}


def draw(snapshot: Snapshot, seed: bytes) -> dict[str, Any]:
    """Return {"seats": [{"panel", "stratum", "expert"}]}, sorted, for a 32-byte seed.

    Raises RecordError or LockError where the plan is not one that fills every seat within its
    rules; whether it is the most equal one was decided at the lock (`check`).
    """
    net, found, totals = _read(snapshot)
    return {"seats": seats.draw_seats(net, found, totals, seed)}


def _read(snapshot: Snapshot) -> tuple[Network, chances.Chances, chances.Totals]:
    """Return the network, its chances and totals, every amount checked exactly."""
    _refuse_other_methods(snapshot)
    net = build(snapshot)
    if not snapshot.record["plan"]:
        raise LockError("no-plan", "the snapshot has no plan yet: compute it first (plan)")
    found = chances.read(net, snapshot.record["plan"])
    totals = chances.add_up(net, found)
    checks.check_amounts(net, found, totals)
    return net, found, totals


def _refuse_other_methods(snapshot: Snapshot) -> None:
    if snapshot.method != "balanced":
        raise LockError("method", f"method {snapshot.method} has no plan", method=snapshot.method)
