from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import draw as drawing
from allocation import lottery
from allocation.canonical import canonical
from allocation.deal import certain_conflicts, deal
from allocation.errors import DrawError, RecordError, SourceError
from allocation.hashing import Seeded, h
from allocation.seating import conflict_pairs, conflicting
from allocation.snapshot import Snapshot
from tests.allocation import cases, story

if TYPE_CHECKING:
    import random

SEEDS = st.binary(min_size=32, max_size=32)
QUICK = settings(derandomize=True, max_examples=60, deadline=None)


def drawn(record: dict[str, Any], seed: bytes) -> dict[str, Any] | None:
    """Return the lottery's result; None where the walks end with seats open."""
    try:
        return lottery.draw(Snapshot.from_record(record), seed)
    except DrawError as error:
        if not error.facts["open"]:
            raise
        return None


@pytest.fixture(autouse=True)
def _few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lottery, "ATTEMPTS", 5)  # random rounds often have no legal draw


@QUICK
@given(cases.rounds(), SEEDS)
def test_every_seat_is_filled_lawfully_or_the_draw_refuses(
    record: dict[str, Any], seed: bytes
) -> None:
    """Nobody in conflict, over a limit, in another stratum or twice sits; no seat is open."""
    snapshot, result = Snapshot.from_record(record), drawn(record, seed)
    assume(result is not None)
    assert result is not None
    experts = {one.id: one for one in snapshot.experts}
    seats = [(seat["panel"], experts[seat["expert"]]) for seat in result["seats"]]
    assert all(experts[s["expert"]].stratum == s["stratum"] for s in result["seats"])
    assert len({expert.id for _, expert in seats}) == len(seats)
    filled = sorted((seat["panel"], seat["stratum"]) for seat in result["seats"])
    wanted = [(p.id, s) for p in snapshot.panels for s, n in p.seats.items() for _ in range(n)]
    assert filled == sorted(wanted)
    assert not cases.broken_rules(snapshot, result["panels"], seats)
    dealt = sorted(dossier for held in result["panels"].values() for dossier in held)
    assert dealt == [one.id for one in snapshot.dossiers]


@QUICK
@given(cases.rounds(), SEEDS)
def test_passed_over_with_the_first_reason(record: dict[str, Any], seed: bytes) -> None:
    """Those passed over are all the unseated before the last seated one, with a true reason."""
    snapshot, result = Snapshot.from_record(record), drawn(record, seed)
    assume(result is not None)
    assert result is not None
    seated = {seat["expert"]: seat for seat in result["seats"]}
    last = max(result["order"].index(name) for name in seated)
    walked = result["order"][: last + 1]
    assert [p["expert"] for p in result["passed"]] == [n for n in walked if n not in seated]
    barred = conflicting(conflict_pairs(snapshot), result["panels"])
    experts = {one.id: one for one in snapshot.experts}
    for one in result["passed"]:
        before = walked[: walked.index(one["expert"])]
        stratum = experts[one["expert"]].stratum
        left = [
            panel.id
            for panel in snapshot.panels
            if panel.seats.get(stratum, 0)
            > sum(
                (seated[n]["panel"], seated[n]["stratum"]) == (panel.id, stratum)
                for n in before
                if n in seated
            )
        ]
        free = [panel for panel in left if panel not in barred.get(one["expert"], ())]
        reason = "limit" if free else "conflict" if left else "seats-full"
        assert one["reason"] == reason


@QUICK
@given(cases.rounds(), SEEDS, st.data())
def test_removing_an_unseated_expert_moves_nobody(
    record: dict[str, Any], seed: bytes, data: st.DataObject
) -> None:
    """Without an expert who wasn't seated, order, seats and other reasons stay as they are.

    Under one attempt: where the first walk failed, one expert less may let it succeed.
    """
    result = drawn(record, seed)
    assume(result is not None and result["attempt"] == 0)
    assert result is not None
    seated = {seat["expert"] for seat in result["seats"]}
    idle = [name for name in result["order"] if name not in seated]
    assume(idle)
    gone = data.draw(st.sampled_from(idle))
    fewer = record | {
        "experts": [one for one in record["experts"] if one["id"] != gone],
        "conflicts": [one for one in record["conflicts"] if one["expert"] != gone],
    }
    assert drawn(fewer, seed) == result | {
        "order": [name for name in result["order"] if name != gone],
        "passed": [one for one in result["passed"] if one["expert"] != gone],
    }


@QUICK
@given(cases.rounds(), SEEDS, st.randoms(use_true_random=False))
def test_order_of_input_never_matters(
    record: dict[str, Any], seed: bytes, chance: random.Random
) -> None:
    """Lists shuffled and sorted again, and keys in any order, give the same digest and draw."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = list(value.items())
            chance.shuffle(items)
            return {name: shuffled(inner) for name, inner in items}
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    again = shuffled(record)
    for name in ("experts", "panels", "dossiers"):
        chance.shuffle(again[name])
        again[name].sort(key=lambda one: one["id"])
    assert Snapshot.from_record(again).digest == Snapshot.from_record(record).digest
    assert canonical(drawn(again, seed)) == canonical(drawn(record, seed))


@QUICK
@given(cases.rounds(), SEEDS)
def test_a_certain_conflict_is_one_in_every_deal(record: dict[str, Any], seed: bytes) -> None:
    """Panels that the lock bars to an expert hold a dossier in conflict however it is dealt."""
    snapshot = Snapshot.from_record(record)
    barred = conflicting(conflict_pairs(snapshot), deal(snapshot, Seeded(seed)))
    for expert, panels in certain_conflicts(snapshot).items():
        assert panels <= barred.get(expert, set())


def test_own_province_with_a_dossier_for_each_panel_is_certain() -> None:
    """Three dossiers of a province over two panels: who is barred from all three sits nowhere."""
    panel = {"class": "c", "deal": True, "dossiers": [], "seats": {"s": 1}}
    record = story.lottery(
        experts=[story.expert(n, "s", "", "v1") for n in (1, 2, 3)],
        panels=[panel | {"id": "P1"}, panel | {"id": "P2"}],
        dossiers=[{"id": f"D{n}", "class": "c", "province": "v1"} for n in (1, 2, 3)],
        conflicts=[
            *({"expert": "e01", "dossier": f"D{n}", "rule": "province"} for n in (1, 2, 3)),
            *({"expert": "e02", "dossier": f"D{n}", "rule": "province"} for n in (1, 2)),
        ],
        limits=[],
    )
    assert certain_conflicts(Snapshot.from_record(record)) == {"e01": {"P1", "P2"}}


def test_an_order_takes_the_first_by_their_numbers() -> None:
    """A tie is broken by the same list, whole and sorted by number."""
    result = drawing.draw(story.order(), story.order_entries())
    seeded = Seeded(bytes.fromhex(result["seed"]))
    by_number = sorted(
        story.order()["entries"], key=lambda one: seeded.attempt_number("order", one.encode())
    )
    assert (result["order"], result["taken"]) == (by_number, by_number[:3])


def test_a_draw_without_end_is_an_error_that_names_the_open_seats() -> None:
    """Where no walk can succeed the draw says so after its attempts, with the seats left open."""
    record = story.lottery(
        experts=[story.expert(1, "s", "", "")],
        panels=[{"id": "P1", "class": "c", "deal": False, "dossiers": [], "seats": {"s": 2}}],
        dossiers=[],
        conflicts=[],
    )
    with pytest.raises(DrawError) as caught:
        drawing.draw(record, story.entries())
    assert caught.value.facts["open"] == [{"panel": "P1", "stratum": "s", "open": 1}]


_SCRIPT = """
import json, sys
from allocation.canonical import canonical
from allocation.draw import draw
from allocation.lock import lock
from datetime import datetime, UTC
case = json.load(sys.stdin)
now = datetime(2023, 8, 23, 8, tzinfo=UTC)
print(lock(case["snapshot"], now=now).warnings)
sys.stdout.flush()
sys.stdout.buffer.write(canonical(draw(case["snapshot"], case["sources"])))
"""


def test_same_bytes_whatever_the_hash_seed() -> None:
    """Under different PYTHONHASHSEEDs two fresh interpreters lock and draw the very same bytes."""
    case = json.dumps({"snapshot": story.lottery(), "sources": story.entries()})
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            input=case.encode(), capture_output=True, check=True,
            cwd=Path(__file__).parents[2], env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "4242")
    }  # fmt: skip
    assert len(outputs) == 1
    assert outputs.pop().endswith(canonical(drawing.draw(story.lottery(), story.entries())))


def test_rehearsals_know_nothing_of_the_draw() -> None:
    """The lock's invented seeds depend on the snapshot alone, and are none that a draw can have."""
    snapshot = Snapshot.from_record(story.lottery())
    assert lottery.rehearse(snapshot, 5) == 5
    assert h("rehearsal", snapshot.digest) != h("seed", snapshot.digest)


def test_a_draw_refuses_other_sources_and_records() -> None:
    """A missing source, one of another kind, or a malformed snapshot is refused by name."""
    with pytest.raises(SourceError, match="3 sources were locked, 2 given"):
        drawing.draw(story.lottery(), story.entries()[:2])
    with pytest.raises(SourceError):
        drawing.draw(story.lottery(), story.entries()[::-1])
    with pytest.raises(RecordError):
        drawing.draw(story.lottery(method="dice"), story.entries())
