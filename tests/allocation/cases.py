"""Random small rounds for Hypothesis, and slow, obvious ways to find what the package computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.allocation import story

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.snapshot import Expert, Snapshot

SOURCE = {"kind": "public", "name": "numbers", "date": "2030-01-01"}
LIMITS = [
    (field, scope) for field in ("employer", "province") for scope in ("draw", "panel", "cell")
]


@st.composite
def rounds(
    draw: st.DrawFn, *, most: int = 14, dealt: bool = True, limits: Sequence[Any] = LIMITS
) -> dict[str, Any]:
    """Return a snapshot of at most `most` experts, three panels and two strata."""
    count = draw(st.integers(1, most))
    pick = lambda values: draw(st.sampled_from(values))  # noqa: E731 - names a habit of this function
    experts = [
        story.expert(n, pick("st"), pick(["", "g1", "g2", "g3"]), pick(["", "v1", "v2"]))
        for n in range(1, count + 1)
    ]
    dossiers = [
        {"id": f"D{n}", "class": pick("kl"), "province": pick(["v1", "v2"])}
        for n in range(1, draw(st.integers(0, 6)) + 1)
    ]
    panels = [
        {
            "id": f"P{n}",
            "class": pick("kl"),
            "seats": draw(st.dictionaries(st.sampled_from("st"), st.integers(1, 2), min_size=1)),
            "deal": dealt and draw(st.booleans()),
            "dossiers": [],
        }
        for n in range(1, draw(st.integers(1, 3)) + 1)
    ]
    takers = {panel["class"] for panel in panels if panel["deal"]}
    for one in dossiers:
        if one["class"] not in takers or draw(st.booleans()):
            pick(panels)["dossiers"].append(one["id"])
    pairs = [(expert["id"], one["id"]) for expert in experts for one in dossiers]
    barred = (
        sorted(draw(st.sets(st.sampled_from(pairs), max_size=len(pairs) // 3))) if pairs else []
    )
    chosen = draw(st.lists(st.sampled_from(limits), unique=True, max_size=2)) if limits else []
    return story.lottery(
        experts=experts,
        panels=panels,
        dossiers=dossiers,
        conflicts=[{"expert": e, "dossier": d, "rule": "declared"} for e, d in barred],
        limits=[
            {"field": field, "scope": scope, "max": draw(st.integers(1, 2))}
            for field, scope in chosen
        ],
        sources=[SOURCE],
    )


def broken_rules(
    snapshot: Snapshot, panels: dict[str, list[str]], seats: Sequence[tuple[str, Expert]]
) -> list[str]:
    """Return the rules that seats (panel, expert) break, counted one by one."""
    found = []
    pairs = {(one.expert, one.dossier) for one in snapshot.conflicts}
    for panel, expert in seats:
        found += [f"conflict {expert.id}" for d in panels[panel] if (expert.id, d) in pairs]
    for limit in snapshot.limits:
        held: dict[Any, int] = {}
        for panel, expert in seats:
            value = getattr(expert, limit.field)
            scope = {"draw": (), "panel": (panel,), "cell": (panel, expert.stratum)}[limit.scope]
            if value:
                held[value, scope] = held.get((value, scope), 0) + 1
        found += [f"{limit.field} {limit.scope}" for n in held.values() if n > limit.max]
    return found


def seatable(snapshot: Snapshot) -> bool:
    """Whether some choice of experts fills every seat lawfully, by trying all (fixed dossiers)."""
    panels = {panel.id: list(panel.dossiers) for panel in snapshot.panels}
    wanted = [
        (panel.id, stratum)
        for panel in snapshot.panels
        for stratum, count in panel.seats.items()
        for _ in range(count)
    ]

    def fill(seats: list[tuple[str, Expert]]) -> bool:
        if len(seats) == len(wanted):
            return True
        panel, stratum = wanted[len(seats)]
        taken = {expert.id for _, expert in seats}
        return any(
            fill([*seats, (panel, one)])
            for one in snapshot.experts
            if one.stratum == stratum
            and one.id not in taken
            and not broken_rules(snapshot, panels, [*seats, (panel, one)])
        )

    return fill([])
