from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from allocation import lock as locking
from allocation.errors import AllocationError, LockError, RecordError
from allocation.feasible import shortage
from allocation.lock import lock
from allocation.seating import conflict_pairs, conflicting
from allocation.snapshot import Snapshot
from tests.allocation import cases, story

NOW = datetime(2023, 8, 23, 8, tzinfo=UTC)
FLOWS = [("employer", "draw"), ("province", "cell")]  # one limit a side: a flow decides exactly


def _short(record: dict[str, Any]) -> tuple[Snapshot, Any]:
    snapshot = Snapshot.from_record(record)
    fixed = {panel.id: panel.dossiers for panel in snapshot.panels}
    return snapshot, shortage(snapshot, conflicting(conflict_pairs(snapshot), fixed))


@settings(derandomize=True, max_examples=150, deadline=None)
@given(cases.rounds(most=8, dealt=False, limits=FLOWS))
def test_refuses_exactly_what_no_choice_can_fill(record: dict[str, Any]) -> None:
    """With one limit a side, the flow refuses where trying all choices finds none, else not."""
    snapshot, found = _short(record)
    assert (found is None) == cases.seatable(snapshot)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(cases.rounds(most=8, dealt=False))
def test_never_refuses_what_some_choice_fills(record: dict[str, Any]) -> None:
    """Whatever the limits, a refusal means that no choice at all fills the seats."""
    snapshot, found = _short(record)
    assert found is None or not cases.seatable(snapshot)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(cases.rounds(most=6, dealt=False, limits=FLOWS))
def test_a_refusal_is_a_hall_violation(record: dict[str, Any]) -> None:
    """The named cells alone already can't be filled, and the counts told are theirs."""
    snapshot, found = _short(record)
    if found is None:
        return
    named = {cell: seats for cell in found.cells for seats in [_seats(snapshot, cell)]}
    strata = {cell.stratum for cell in found.cells}
    assert found.needed == sum(named.values()) > found.seatable
    listed = [one for one in snapshot.experts if one.stratum in strata]
    fixed = {panel.id: panel.dossiers for panel in snapshot.panels}
    barred = conflicting(conflict_pairs(snapshot), fixed)
    eligible = [
        one
        for one in listed
        if any(c.stratum == one.stratum and c.panel not in barred.get(one.id, ()) for c in named)
    ]
    assert (found.listed, found.eligible) == (len(listed), len(eligible))
    panels = [
        panel | {"seats": seats}
        for panel in record["panels"]
        if (seats := {s: n for s, n in panel["seats"].items() if (panel["id"], s) in named})
    ]
    kept = {dossier for panel in panels for dossier in panel["dossiers"]}
    alone = record | {
        "panels": panels,
        "dossiers": [one for one in record["dossiers"] if one["id"] in kept],
        "conflicts": [one for one in record["conflicts"] if one["dossier"] in kept],
    }
    assert not cases.seatable(Snapshot.from_record(alone))


def _seats(snapshot: Snapshot, cell: Any) -> int:
    return next(p.seats[cell.stratum] for p in snapshot.panels if p.id == cell.panel)


def _round(experts: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    panel = {"class": "c", "deal": False, "seats": {"s": 2}}
    base = {
        "experts": experts,
        "panels": [panel | {"id": "P1", "dossiers": ["D1"]}, panel | {"id": "P2", "dossiers": []}],
        "dossiers": [{"id": "D1", "class": "c", "province": ""}],
        "conflicts": [],
        "limits": [],
    }
    return story.lottery(**(base | changes))


def test_says_which_seats_and_why() -> None:
    """Panel, stratum, seats, listed, eligible and seatable are in the sentence and the facts."""
    experts = [story.expert(n, "s", "", "") for n in range(1, 6)]
    conflicts = [{"expert": f"e0{n}", "dossier": "D1", "rule": "declared"} for n in (1, 2, 3, 4)]
    with pytest.raises(LockError) as caught:
        lock(_round(experts, conflicts=conflicts), now=NOW)
    assert str(caught.value) == (
        "stratum s of panel P1: 2 seats to fill; of 5 experts listed, only 1 are eligible"
    )
    assert caught.value.code == "too-few"
    assert caught.value.facts == {
        "stratum": "s", "panels": ["P1"], "cells": [{"panel": "P1", "stratum": "s"}],
        "needed": 2, "listed": 5, "eligible": 1, "seatable": 1,
    }  # fmt: skip


def test_says_that_a_limit_binds() -> None:
    """Enough are eligible, but from one employer: the sentence says that the limits let few sit."""
    experts = [story.expert(n, "s", "g1" if n > 2 else "", "") for n in range(1, 8)]
    limits = [{"field": "employer", "scope": "draw", "max": 1}]
    with pytest.raises(LockError, match="the limits let 3 of them sit") as caught:
        lock(_round(experts, limits=limits), now=NOW)
    assert caught.value.facts["panels"] == ["P1", "P2"]


def test_a_limit_over_two_strata_is_seen() -> None:
    """An employer with the only experts of two strata can't fill both under a limit of one."""
    experts = [story.expert(1, "s", "g1", ""), story.expert(2, "t", "g1", "")]
    panels = [{"id": "P1", "class": "c", "deal": False, "dossiers": ["D1"],
               "seats": {"s": 1, "t": 1}}]  # fmt: skip
    limits = [{"field": "employer", "scope": "draw", "max": 1}]
    with pytest.raises(LockError) as caught:
        lock(_round(experts, panels=panels, limits=limits), now=NOW)
    assert caught.value.facts["stratum"] == "s, t"
    assert caught.value.facts["cells"] == [
        {"panel": "P1", "stratum": "s"}, {"panel": "P1", "stratum": "t"},
    ]  # fmt: skip


def test_codes_that_look_like_cells_are_no_cells() -> None:
    """A panel named as a field and a stratum named as a code change nothing."""
    experts = [story.expert(n, "g1", "g1", "") for n in (1, 2, 3)]
    panel = {"class": "c", "deal": False, "dossiers": ["D1"], "seats": {"g1": 2}}
    record = _round(
        experts,
        panels=[panel | {"id": "employer"}],
        limits=[{"field": "employer", "scope": "draw", "max": 2}],
    )
    assert lock(record, now=NOW).digest
    with pytest.raises(LockError):
        lock(record | {"limits": [record["limits"][0] | {"max": 1}]}, now=NOW)


def test_every_deal_in_conflict_is_refused() -> None:
    """Where each panel must get a dossier of the experts' own province, nobody can sit."""
    panel = {"class": "c", "deal": True, "dossiers": [], "seats": {"s": 1}}
    record = _round(
        [story.expert(n, "s", "", "v1") for n in range(1, 6)],
        panels=[panel | {"id": "P1"}, panel | {"id": "P2"}],
        dossiers=[{"id": f"D{n}", "class": "c", "province": "v1"} for n in (1, 2)],
        conflicts=[
            {"expert": f"e0{n}", "dossier": f"D{d}", "rule": "province"}
            for n in range(1, 6) for d in (1, 2)
        ],
    )  # fmt: skip
    with pytest.raises(LockError, match="only 0 are eligible"):
        lock(record, now=NOW)


def test_warnings() -> None:
    """Only commitments, a reserve smaller than the seats, and walks that get stuck are told."""
    parties = story.committed("2023-bases/draw/1", "inspection", "ministry")
    experts = [story.expert(n, "s", "", "") for n in range(1, 6)]
    codes = dict(lock(_round(experts, sources=parties), now=NOW).warnings)
    assert codes == {
        "only-commitments": {"parties": 2},
        "thin-reserve": {"stratum": "s", "seats": 4, "experts": 5, "reserve": 1},
    }
    stuck = [{"expert": f"e0{n}", "dossier": "D1", "rule": "declared"} for n in (1, 2, 3)]
    warned = dict(lock(_round(experts, conflicts=stuck), now=NOW).warnings)
    assert 0 < warned["walks-fail"]["filled"] < warned["walks-fail"]["walks"] == 20
    plenty = [story.expert(n, "s", "", "") for n in range(1, 9)]
    assert lock(_round(plenty), now=NOW).warnings == ()


def test_hundreds_of_thousands_are_rehearsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer the list, the fewer the rehearsals."""
    asked = []
    monkeypatch.setattr(locking, "rehearse", lambda _, walks: asked.append(walks) or walks)
    monkeypatch.setattr(locking, "_HASHES", 16)
    lock(_round([story.expert(n, "s", "", "") for n in range(1, 9)]), now=NOW)
    lock(_round([story.expert(n, "s", "", "") for n in range(1, 21)]), now=NOW)
    assert asked == [2, 1]


def test_nothing_to_draw() -> None:
    """A snapshot without panels, or without experts, is refused."""
    with pytest.raises(LockError) as caught:
        lock(_round([], panels=[], dossiers=[]), now=NOW)
    assert caught.value.code == "no-seats"
    with pytest.raises(LockError, match="of 0 experts listed"):
        lock(_round([]), now=NOW)


def test_an_order_needs_no_experts() -> None:
    """A tie is locked by its entries and sources alone."""
    assert lock(story.order(), now=NOW).warnings == ()


def _first(rows: str, **changes: Any) -> dict[str, Any]:
    record = story.lottery()
    record[rows][0] = {**record[rows][0], **changes}
    return record


def _doubled(name: str) -> dict[str, Any]:
    record = story.lottery()
    return record | {name: [record[name][0], *record[name]]}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (_doubled("experts"), "e01 is duplicate"),
    (_doubled("panels"), "A1 is duplicate"),
    (_doubled("dossiers"), "D01 is duplicate"),
    (_doubled("conflicts"), "duplicate"),
    (_doubled("limits"), "two in one scope"),
    (_doubled("sources"), "a party appears twice"),
    (story.lottery(experts=story.lottery()["experts"][::-1]), "unsorted"),
    (_first("conflicts", expert="e00"), "e00"),
    (_first("conflicts", dossier="D99"), "D99"),
    (_first("panels", dossiers=["D99"]), "no dossier D99"),
    (_first("panels", dossiers=["D06"]), "D06 is held twice"),
    (_first("dossiers", **{"class": "other"}), "no panel takes dossier D01"),
    (_first("panels", seats={"clinical": 1.5}), "float"),
    (_first("panels", seats={"clinical": 0}), "at least 1"),
    (_first("panels", seats={"clinical": True}), "at least 1"),
    (_first("panels", seats={}), "strata with their seats"),
    (_first("panels", seats={"临床": 1}), "not ASCII"),
    (_first("experts", capacity=2), "1 in a lottery"),
    (_first("experts", employer="e\u0301"), "NFC"),
    (_first("experts", employer="a\nb"), "control"),
    (_first("experts", id=""), "isn't empty"),
    (_first("experts", identity="00"), "32 bytes"),
    (_first("experts", name="x"), "name is unknown"),
    (_first("limits", scope="world"), "draw or panel or cell"),
    (_first("sources", commitment="xyz"), "32 bytes"),
    (story.lottery(sources=[]), "at least one source"),
    (story.lottery(sources=[{"kind": "drand", "chain": story.sources.CHAIN, "round": 1}],
        locked_at="2023-08-24T08:00:00Z"),
     "not in the future"),
    (story.lottery(sources=[{"kind": "drand", "chain": story.sources.CHAIN, "round": 2**52}]),
     "there is no round"),
    (story.lottery(sources=[{"kind": "public", "name": "x", "date": "2023-8-24"}]), "date like"),
    (story.lottery(draw_id="r/draw/01"), "draw_id"),
    (story.lottery(draw_id="r/draw/١"), "draw_id"),
    (story.lottery(locked_at="2023-08-23 08:00:00"), "time like"),
    (story.lottery(protocol="review-draw/v2"), "not review-draw/v1"),
    (story.lottery(extra=1), "extra is unknown"),
    ({k: v for k, v in story.lottery().items() if k != "limits"}, "limits is missing"),
    (story.order(entries=["b", "a"]), "unsorted"),
    (story.order(entries=["a", "a"]), "duplicate"),
    (story.order(take=9), "9 of 6 entries"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(REFUSED)), ids=lambda at: REFUSED[at][1])
def test_refused_records(case: int) -> None:
    """Duplicates, unknown ids, fractions, texts not in NFC, past beacons: each is named."""
    record, words = REFUSED[case]
    with pytest.raises(AllocationError, match=words):
        lock(record, now=NOW)


@pytest.mark.parametrize("record", [None, [], "x", {}, {"protocol": "review-draw/v1"}])
def test_things_that_are_no_snapshot(record: Any) -> None:
    """Another JSON value is refused, never crashed on."""
    with pytest.raises(RecordError):
        lock(record, now=NOW)
