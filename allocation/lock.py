"""The lock: refuses a snapshot that can't be drawn, and says which seats and why (section 2).

Refused is what no draw could fill: too few experts without conflict for some seats (allocation/
feasible.py), limits of the whole draw and of each cell included. A panel that is dealt doesn't
know its dossiers yet: against it count those fixed by hand, and the experts whom every deal puts
in conflict with it (allocation/deal.py), so that a lock never refuses what some deal could fill.
What only a walk can tell is tried with invented seeds, and told as a warning.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocation.deal import certain_conflicts
from allocation.errors import LockError
from allocation.feasible import shortage
from allocation.lottery import rehearse
from allocation.snapshot import Snapshot
from allocation.sources import check_futures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from allocation.feasible import Shortage

Warnings = tuple[tuple[str, dict[str, Any]], ...]

REHEARSALS = 20
_HASHES = 20_000  # rehearse no longer than it takes to rank so many experts


@dataclass(frozen=True)
class Locked:
    """A snapshot that may be locked: its digest (32 bytes) and what should be known before."""

    digest: bytes
    warnings: Warnings


def lock(record: Mapping[str, Any], *, now: datetime) -> Locked:
    """Check a snapshot before it is locked at `now` (aware); RecordError, SourceError or LockError.

    Warnings are (code, facts): `only-commitments` {parties}; `thin-reserve` {stratum, seats,
    experts, reserve} where a stratum has fewer experts left over than seats; `walks-fail` {walks,
    filled} where walks with invented seeds ended with open seats; and those of a balanced plan.
    """
    snapshot = Snapshot.from_record(record)
    check_futures(snapshot, now)
    warnings: Warnings = ()
    if all(source["kind"] == "commitment" for source in snapshot.sources):
        warnings += (("only-commitments", {"parties": len(snapshot.sources)}),)
    if snapshot.method != "order" and not snapshot.panels:
        raise LockError("no-seats", "the snapshot has no panel, so there is nothing to draw")
    if snapshot.method == "lottery":
        warnings += _check_lottery(snapshot)
    elif snapshot.method == "balanced":
        from allocation import balanced  # numpy and scipy: only for those who draw by it

        warnings += balanced.check(snapshot)
    return Locked(snapshot.digest, warnings)


def _check_lottery(snapshot: Snapshot) -> Warnings:
    found = shortage(snapshot, certain_conflicts(snapshot))
    if found:
        raise _refusal(found)
    warnings = _thin_reserves(snapshot)
    walks = max(1, min(REHEARSALS, _HASHES // len(snapshot.experts)))
    filled = rehearse(snapshot, walks)
    if filled < walks:
        warnings += (("walks-fail", {"walks": walks, "filled": filled}),)
    return warnings


def _refusal(found: Shortage) -> LockError:
    by_stratum: dict[str, list[str]] = {}
    for cell in found.cells:
        by_stratum.setdefault(cell.stratum, []).append(cell.panel)
    where = " and ".join(
        f"stratum {stratum} of {'panel' if len(panels) == 1 else 'panels'} {', '.join(panels)}"
        for stratum, panels in sorted(by_stratum.items())
    )
    limited = (
        f", and the limits let {found.seatable} of them sit"
        if found.eligible > found.seatable
        else ""
    )
    return LockError(
        "too-few",
        f"{where}: {found.needed} seats to fill; of {found.listed} experts listed, "
        f"only {found.eligible} are eligible{limited}",
        stratum=", ".join(sorted(by_stratum)),
        panels=sorted({cell.panel for cell in found.cells}),
        cells=[{"panel": cell.panel, "stratum": cell.stratum} for cell in sorted(found.cells)],
        needed=found.needed,
        listed=found.listed,
        eligible=found.eligible,
        seatable=found.seatable,
    )


def _thin_reserves(snapshot: Snapshot) -> Warnings:
    experts = Counter(one.stratum for one in snapshot.experts)
    seats: Counter[str] = Counter()
    for panel in snapshot.panels:
        seats.update(panel.seats)
    return tuple(
        (
            "thin-reserve",
            {
                "stratum": stratum,
                "seats": needed,
                "experts": experts[stratum],
                "reserve": experts[stratum] - needed,
            },
        )
        for stratum, needed in sorted(seats.items())
        if experts[stratum] < 2 * needed
    )
