"""Method `balanced`: exact equal chances, published before the seed (protocol section 6).

`plan` adds the chances to a snapshot, `check` is the lock's check of them, `draw` turns them into
seats with the seed, `report` says what a plan means for the round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.balanced import chances as _chances
from allocation.balanced import checks, grouped, levels, seats, shortage
from allocation.balanced.network import Network, build
from allocation.balanced.spread import spread
from allocation.errors import LockError
from allocation.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["check", "draw", "plan"]


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
    tell("levels")
    try:
        exact = grouped.level_by_level(net) if net.groups else levels.decompose(net)
    except levels.Infeasible:
        raise shortage.explain(net) from None
    tell("evening")
    num, den = spread(net, exact)
    return {**record, "plan": _chances.write(net, num, den)}


def check(snapshot: Snapshot) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Check the plan of a snapshot that is to be locked; return what should be known before.

    Raises RecordError where the plan has another form, and LockError where it breaks a rule, is
    not leximin-optimal, or is missing.
    """
    net, found, totals = _read(snapshot)
    checks.check_leximin(net, found, totals)
    return ()


def draw(snapshot: Snapshot, seed: bytes) -> dict[str, Any]:
    """Return {"seats": [{"panel", "stratum", "expert"}]}, sorted, for a 32-byte seed.

    Raises RecordError or LockError where the plan is not one that fills every seat within its
    rules; whether it is the most equal one was decided at the lock (`check`).
    """
    net, found, totals = _read(snapshot)
    return {"seats": seats.draw_seats(net, found, totals, seed)}


def _read(snapshot: Snapshot) -> tuple[Network, _chances.Chances, _chances.Totals]:
    """Return the network, its chances and totals, every amount checked exactly."""
    _refuse_other_methods(snapshot)
    net = build(snapshot)
    if not snapshot.record["plan"]:
        raise LockError("no-plan", "the snapshot has no plan yet: compute it first (plan)")
    found = _chances.read(net, snapshot.record["plan"])
    totals = _chances.add_up(net, found)
    checks.check_amounts(net, found, totals)
    return net, found, totals


def _refuse_other_methods(snapshot: Snapshot) -> None:
    if snapshot.method != "balanced":
        raise LockError("method", f"method {snapshot.method} has no plan", method=snapshot.method)
