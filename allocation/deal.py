"""Dealing dossiers to panels by the seed (protocol section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocation.hashing import lp

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
