"""Dealing dossiers to panels by the seed (protocol section 4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from allocation.hashing import lp
from allocation.seating import conflict_pairs, conflicting

if TYPE_CHECKING:
    from allocation.hashing import Seeded
    from allocation.snapshot import Snapshot


def deal(snapshot: Snapshot, seeded: Seeded) -> dict[str, list[str]]:
    """Return panel id → its dossiers: those fixed by hand first, then those dealt, in order."""
    panels = {panel.id: list(panel.dossiers) for panel in snapshot.panels}
    held = {dossier for held in panels.values() for dossier in held}
    for class_ in sorted({panel.class_ for panel in snapshot.panels if panel.deal}):
        takers = [p.id for p in snapshot.panels if p.deal and p.class_ == class_]
        waiting = sorted(
            (one for one in snapshot.dossiers if one.class_ == class_ and one.id not in held),
            key=lambda one: (one.province, seeded.attempt_number("deal", one.id.encode()), one.id),
        )
        start = seeded.below(len(takers), lp(b"deal") + lp(class_.encode()))
        for i, dossier in enumerate(waiting):
            panels[takers[(start + i) % len(takers)]].append(dossier.id)
    return panels


def certain_conflicts(snapshot: Snapshot) -> dict[str, set[str]]:
    """Return expert → panels that will hold a dossier in conflict with the expert in every deal.

    These are the panels that hold one by hand, and all panels that share a class's deal where
    even the smallest share of some province's dossiers is larger than what the expert may see:
    the m dossiers of a province are dealt one after another, so of p panels each gets at least
    ⌊m / p⌋ of them.
    """
    fixed = {panel.id: panel.dossiers for panel in snapshot.panels}
    certain = conflicting(conflict_pairs(snapshot), fixed)
    held = {dossier for dossiers in fixed.values() for dossier in dossiers}
    waiting = {
        one.id: (one.class_, one.province) for one in snapshot.dossiers if one.id not in held
    }
    takers = defaultdict(set)
    for panel in snapshot.panels:
        if panel.deal:
            takers[panel.class_].add(panel.id)
    total = Counter(waiting.values())
    barred = Counter(
        (expert, waiting[dossier])
        for expert, dossier in set(conflict_pairs(snapshot))
        if dossier in waiting
    )
    for (expert, province), conflicts in barred.items():
        panels = takers[province[0]]
        if total[province] // len(panels) > total[province] - conflicts:
            certain[expert] |= panels
    return certain
