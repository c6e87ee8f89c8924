from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import lottery
from allocation.errors import AllocationError, DrawError
from allocation.replacement import Seating, next_replacement, replace
from allocation.snapshot import Snapshot
from tests.allocation import cases, golden, story

if TYPE_CHECKING:
    from collections.abc import Mapping

QUICK = settings(derandomize=True, max_examples=40, deadline=None)


@pytest.fixture(autouse=True)
def _few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lottery, "ATTEMPTS", 5)  # random rounds often have no legal draw


def drawn(record: dict[str, Any], seed: bytes) -> tuple[Snapshot, dict[str, Any]]:
    """Return snapshot and result; the example is dropped where no walk succeeds."""
    snapshot = Snapshot.from_record(record)
    head = {"snapshot": snapshot.digest.hex(), "seed": seed.hex()}
    try:
        return snapshot, head | lottery.draw(snapshot, seed)
    except DrawError:
        assume(False)
        raise


@QUICK
@given(cases.rounds(), st.binary(min_size=32, max_size=32), st.data())
def test_a_replacement_touches_no_other_seat(
    record: dict[str, Any], seed: bytes, data: st.DataObject
) -> None:
    """Seat after seat is vacated: all others stay, and the rules hold for those who sit."""
    snapshot, result = drawn(record, seed)
    seating = Seating(snapshot, result)
    experts = {one.id: one for one in snapshot.experts}
    for _ in range(3):
        assume(seating.seats)
        before = set(seating.seats)
        place = data.draw(st.sampled_from(sorted(before)))
        found = seating.vacate(*place)
        added = {(*place[:2], found["expert"], None)} if found["expert"] else set()
        assert seating.seats == before - {place} | added
        assert len({seat[2] for seat in seating.seats}) == len(seating.seats)
        seats = [(panel, experts[name]) for panel, _, name, _ in seating.seats]
        assert not cases.broken_rules(snapshot, result["panels"], seats)
        for panel, stratum, name, _ in seating.seats:
            assert experts[name].stratum == stratum, panel
        skipped = [one["expert"] for one in found["skipped"]]
        walked = [*skipped, *([found["expert"]] if found["expert"] else [])]
        assert walked == result["order"][: len(walked)]
        assert found["expert"] or skipped == result["order"]


def seat(told: Mapping[str, Any], panel: str, at: int = 0) -> dict[str, str]:
    """Return a seat of a panel."""
    found: list[dict[str, str]] = [one for one in told["seats"] if one["panel"] == panel]
    return found[at]


@pytest.fixture(name="told", scope="module")
def _told() -> tuple[Snapshot, dict[str, Any]]:
    told = story.tell()
    return Snapshot.from_record(told.snapshot), told.result


def events(*bodies: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events of the story's draw."""
    return [
        {"type": kind, "body": {"draw_id": "2023-bases/draw/2", **body}} for kind, body in bodies
    ]


def test_a_stand_in_takes_one_dossier_alone(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """Only conflicts with that dossier count; the leaver keeps the seat and its place in limits."""
    snapshot, result = told
    seating = Seating(snapshot, result)
    leaving = seat(result, "B1")
    found = seating.vacate("B1", "management", leaving["expert"], "D06")
    assert ("B1", "management", leaving["expert"], None) in seating.seats
    assert ("B1", "management", found["expert"], "D06") in seating.seats
    reasons = {one["expert"]: one["reason"] for one in found["skipped"]}
    assert reasons[leaving["expert"]] == "seated"
    assert reasons["e07"] == "conflict"  # with D06, the dossier in question


def test_a_conflict_with_another_dossier_does_not_bar_a_stand_in(
    told: tuple[Snapshot, dict[str, Any]],
) -> None:
    """e07 has a conflict with D06: as a stand-in for D07 there is no conflict."""
    snapshot, result = told
    found = Seating(snapshot, result).vacate(
        "B1", "management", seat(result, "B1")["expert"], "D07"
    )
    reasons = {one["expert"]: one["reason"] for one in found["skipped"]}
    assert reasons.get("e07") != "conflict"


def test_a_stand_in_may_leave_too(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """The part seat is vacated like any seat; who sat once is never asked again."""
    snapshot, result = told
    seating = Seating(snapshot, result)
    first = seating.vacate("B1", "management", seat(result, "B1")["expert"], "D07")["expert"]
    second = seating.vacate("B1", "management", first, "D07")["expert"]
    assert second not in {None, first}
    parts = {place for place in seating.seats if place[3] == "D07"}
    assert parts == {("B1", "management", second, "D07")}


def test_a_list_comes_to_its_end(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """Where nobody is left the seat stays empty and everyone has a reason."""
    snapshot, result = told
    everyone = [("expert.unavailable", {"expert": one.id}) for one in snapshot.experts]
    leaving = {**seat(result, "A1"), "dossier": None}
    found = next_replacement(snapshot, result, events(*everyone, ("seat.vacated", leaving)))
    assert found["expert"] is None
    assert [one["expert"] for one in found["skipped"]] == result["order"]
    assert {one["reason"] for one in found["skipped"]} == {"seated", "unavailable"}


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (("A1", "clinical", "e99", None), "no-seat"),
        (("Z9", "clinical", "e01", None), "no-seat"),
        (("B1", "management", "seated", "D01"), "no-dossier"),
    ],
)
def test_seats_that_are_not_there(
    told: tuple[Snapshot, dict[str, Any]], place: tuple[Any, ...], code: str
) -> None:
    """A seat of nobody, or a dossier of another panel, can't be vacated."""
    snapshot, result = told
    panel, stratum, expert, dossier = place
    expert = seat(result, "B1")["expert"] if expert == "seated" else expert
    with pytest.raises(DrawError) as caught:
        Seating(snapshot, result).vacate(panel, stratum, expert, dossier)
    assert caught.value.code == code


def test_nobody_gives_up_a_dossier_twice(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """The second time would put a second stand-in beside the first."""
    snapshot, result = told
    seating = Seating(snapshot, result)
    place = ("B1", "management", seat(result, "B1")["expert"], "D07")
    seating.vacate(*place)
    with pytest.raises(DrawError, match="gave up D07 before"):
        seating.vacate(*place)


def test_a_history_that_was_altered_is_refused(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """A logged replacement that the list doesn't give stops everything after it."""
    snapshot, result = told
    leaving = {**seat(result, "A1"), "dossier": None}
    found = next_replacement(snapshot, result, events(("seat.vacated", leaving)))
    good = events(("seat.vacated", leaving), ("seat.replaced", found))
    assert next_replacement(snapshot, result, good) == found
    bad = events(("seat.vacated", leaving), ("seat.replaced", found | {"skipped": []}))
    with pytest.raises(DrawError, match="isn't what the list gives"):
        next_replacement(snapshot, result, bad)
    with pytest.raises(DrawError, match="isn't what the list gives"):
        next_replacement(snapshot, result, events(("seat.replaced", found)))
    with pytest.raises(DrawError, match="no seat was vacated"):
        next_replacement(snapshot, result, [])


def test_the_command_goes_on_where_it_stopped(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """Two calls give what one call gives, also where something became known in between."""
    snapshot, result = told
    one, two = seat(result, "A1"), seat(result, "B1")
    both = replace(snapshot, result, [one, two])
    assert replace(snapshot, replace(snapshot, result, [one]), [two]) == both
    first = both["replacements"][0]["expert"]
    later = replace(
        snapshot, replace(snapshot, result, [one]), [one | {"expert": first}],
        unavailable=[result["order"][-1]], conflicts=[{"expert": "e01", "dossier": "D01"}],
    )  # fmt: skip
    again = replace(snapshot, later, [two])
    assert [one["vacated"] for one in again["replacements"]] == [
        one["expert"], first, two["expert"],
    ]  # fmt: skip
    assert len(again["seats"]) == len(result["seats"])


def test_results_that_do_not_belong(told: tuple[Snapshot, dict[str, Any]]) -> None:
    """A result of another snapshot, another list, unknown experts or another shape is refused."""
    snapshot, result = told
    wrong: list[Any] = [
        result | {"snapshot": "00" * 32},
        result | {"order": result["order"][1:]},
        result | {"seats": [{"panel": "A1", "stratum": "clinical", "expert": "e99"}]},
        result | {"panels": {}},
        {name: value for name, value in result.items() if name != "seed"},
        result | {"replacements": [{}]},
        result | {"replacements": 5},
        [],
    ]
    for one in wrong:
        with pytest.raises(AllocationError):
            replace(snapshot, one, [seat(result, "A1")])
    with pytest.raises(AllocationError):
        replace(snapshot, result, [{"panel": "A1"}])
    taken = replace(snapshot, result, [seat(result, "A1")])
    with pytest.raises(DrawError):
        replace(snapshot, taken | {"seats": result["seats"]}, [])
    with pytest.raises(DrawError):
        tie = Snapshot.from_record(story.order())
        Seating(tie, {"snapshot": tie.digest.hex(), "seats": []})


def test_loads_in_a_balanced_draw() -> None:
    """Nobody sits twice on a panel or above capacity, and limits count loads."""
    record, result = golden.balanced()
    snapshot = Snapshot.from_record(record)
    seating = Seating(snapshot, result)
    assert seating.vacate("P4", "s", "e06", None)["expert"] not in {"e05", "e06"}
    loads: dict[str, int] = {}
    for panel, stratum, expert, _ in seating.seats:
        loads[expert] = loads.get(expert, 0) + 1
        assert stratum == "s", panel
    assert max(loads.values()) <= 2
    found = seating.vacate("P3", "s", "e04", None)
    reasons = {one["expert"]: one["reason"] for one in found["skipped"]}
    assert reasons.get("e01", "capacity") == "capacity"
