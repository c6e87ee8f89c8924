from __future__ import annotations

from fractions import Fraction

import pytest

from allocation import balanced
from allocation.errors import LockError
from allocation.snapshot import Snapshot
from tests.allocation.balanced.instances import record, rounds


def planned(*args: object, **named: object) -> Snapshot:
    """The planned snapshot of a record of instances.py."""
    return Snapshot.from_record(balanced.plan(record(*args, **named)))


def test_report_states_chances_spread_pairs_and_components() -> None:
    """The report's figures of a round of two disciplines are those worked out by hand."""
    experts = [{"id": f"E{at}", "stratum": "ST"[at > 3]} for at in range(7)]
    panels = [{"id": "A", "seats": {"S": 2}}, {"id": "B", "seats": {"T": 1}}]
    found = balanced.report(planned(experts, panels), standard_error=0.5)
    assert found["experts"][0] == {"id": "E0", "stratum": "S", "chance": [1, 2]}
    assert found["spread"][1] == {
        "stratum": "T", "experts": 3, "lowest": [1, 3], "mean": [1, 3], "highest": [1, 3],
        "levels": [{"chance": [1, 3], "experts": 3}],
    }  # fmt: skip
    assert found["highest_pair"] == {
        "chance": [1, 2], "expert": "E0", "panel": "A", "stratum": "S",
    }  # fmt: skip
    assert found["components"] == [
        {"panels": ["A"], "dossiers": 1, "experts": 4},
        {"panels": ["B"], "dossiers": 1, "experts": 3},
    ]
    assert found["low"] == {"experts": 0, "explained": []}
    assert found["standard_error"] == 0.5


def test_lock_warns_of_a_split_graph_and_of_certain_pairs() -> None:
    """Two components and a pair of chance 1 are said before the lock."""
    experts = [{"id": "E0", "stratum": "S"}, {"id": "E1", "stratum": "T"}]
    panels = [{"id": "A", "seats": {"S": 1}}, {"id": "B", "seats": {"T": 1}}]
    assert balanced.check(planned(experts, panels)) == (
        ("review-graph", {"components": 2}),
        ("certain-pairs", {"pairs": 2}),
    )


def test_causes_are_the_conflicts_whose_lifting_raises_the_chance() -> None:
    """On 120 random rounds an explained conflict is a cause exactly where re-planning says so."""
    causes = harmless = 0
    for seed in range(120):
        try:
            found = Snapshot.from_record(balanced.plan(rounds(seed, limited=seed % 2 == 1)))
        except LockError:
            continue
        report = balanced.report(found)
        before = {one["id"]: Fraction(*one["chance"]) for one in report["experts"]}
        for one in report["low"]["explained"]:
            told = {cause["dossier"] for cause in one["conflicts"]}
            for conflict in found.conflicts:
                if conflict.expert != one["id"]:
                    continue
                lifted = [
                    other
                    for other in found.record["conflicts"]
                    if (other["expert"], other["dossier"]) != (conflict.expert, conflict.dossier)
                ]
                again = balanced.plan({**found.record, "conflicts": lifted})
                after = balanced.report(Snapshot.from_record(again))["experts"]
                chance = next(Fraction(*e["chance"]) for e in after if e["id"] == one["id"])
                assert (chance > before[one["id"]]) == (conflict.dossier in told), seed
                causes += conflict.dossier in told
                harmless += conflict.dossier not in told
    assert causes > 20
    assert harmless > 5


def test_a_full_capacity_and_a_full_limit_are_told() -> None:
    """A chance that is low because of a capacity or a limit names it instead of conflicts."""
    experts = [{"id": "E0", "capacity": 1}] + [{"id": f"E{at}", "capacity": 4} for at in (1, 2)]
    panels = [{"id": f"P{at}", "seats": {"S": 2}} for at in range(4)]
    found = balanced.report(planned(experts, panels))["low"]["explained"]
    assert [(one["id"], one["full"]) for one in found] == [("E0", "capacity")]
    experts = [{"id": f"E{at}", "capacity": 4, "employer": "U" * (at < 2)} for at in range(4)]
    limited = planned(experts, panels, limits=[("employer", "draw", 2)])
    found = balanced.report(limited)["low"]["explained"]
    assert [(one["id"], one["full"]) for one in found] == [("E0", "limit"), ("E1", "limit")]


def test_a_report_needs_a_plan() -> None:
    """Without a plan there is nothing to report, and that is what is said."""
    with pytest.raises(LockError) as caught:
        balanced.report(Snapshot.from_record(record([{"id": "E"}], [{"id": "P"}])))
    assert caught.value.code == "no-plan"
