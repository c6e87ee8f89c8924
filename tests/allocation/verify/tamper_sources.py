# ruff: noqa: D103 - a function's name says what it tampers with
"""Tampering with the lock, the sources and the seed (lines 4 to 6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from allocation import lottery
from allocation.canonical import canonical
from allocation.hashing import h
from allocation.snapshot import Snapshot
from tests.allocation.verify import making
from tests.allocation.verify.cases import Files, case, edited, honest, swapped
from tests.allocation.verify.making import Office

if TYPE_CHECKING:
    from collections.abc import Callable


@case(4)
def conflict_list_changed() -> Files:
    return edited(honest().files(), "snapshot.json", lambda one: one["conflicts"].pop())


def _seats_changed(record: dict[str, Any]) -> None:
    record["panels"][0]["seats"]["skill"] -= 1


@case(4)
def seats_changed() -> Files:
    return edited(honest().files(), "snapshot.json", _seats_changed)


@case(4)
def expert_removed_after_lock() -> Files:
    files = honest().files()
    name = json.loads(files["result.json"])["order"][-1]

    def drop(record: dict[str, Any]) -> None:
        record["experts"] = [one for one in record["experts"] if one["id"] != name]
        record["conflicts"] = [one for one in record["conflicts"] if one["expert"] != name]

    return edited(files, "snapshot.json", drop)


@case(4)
def locked_after_reveal() -> Office:
    office = honest(making.short_office)
    lock = office.events.pop(office.find("draw.locked"))
    office.events.insert(office.find("draw.revealed") + 1, lock)
    times = sorted(event["time"] for event in office.events)
    for event, time in zip(office.events, times, strict=True):
        event["time"] = time
    office.renumber()
    return office


@case(4)
def locked_twice() -> Office:
    office = honest(making.short_office)
    office.add("draw.locked", dict(office.events[office.find("draw.locked")]["body"]))
    return office


@case(4)
def never_locked() -> Office:
    office = honest(making.short_office)
    office.events[office.find("draw.locked")]["type"] = "draw.looked"
    return office


@case(4)
def commitment_exchanged_at_lock() -> Office:
    office = honest(making.short_office)
    office.events[office.find("commitment.given")]["body"]["commitment"] = "00" * 32
    return office


@case(4)
def method_exchanged() -> Office:
    office = honest(making.short_office)
    office.events[office.find("draw.locked")]["body"]["method"] = "balanced"
    return office


@case(5)
def secret_swapped() -> Files:
    files = honest().files()
    return edited(files, "sources.json", lambda one: one[0].update(secret="ab" * 32))


@case(5)
def secrets_in_another_order() -> Files:
    return edited(honest().files(), "sources.json", lambda one: swapped(one, 0, 1))


@case(5)
def source_left_out() -> Files:
    return edited(honest().files(), "sources.json", lambda one: one.pop())


def _forced(change: Callable[[dict[str, Any]], None], entries: Any = None) -> Office:
    """Return an office that draws although the drawing side refuses: by the core of the lottery."""
    office = Office()
    office.open()
    record, office.identities = making.lottery_record()
    change(record)
    office.lock(record)
    office.sources = [making.opening(record, source) for source in record["sources"]]
    if entries:
        entries(office.sources)
    for index, entry in enumerate(office.sources):
        office.add("draw.revealed", {"draw_id": office.draw_id, "index": index, "source": entry})
    digest = h("snapshot", canonical(record))
    values = [making.value(entry) for entry in office.sources]
    seed = h("seed", digest, *values)
    head = {"protocol": "review-draw/v1", "draw_id": office.draw_id, "snapshot": digest.hex()}
    office.result = {**head, "seed": seed.hex(), **lottery.draw(Snapshot.from_record(record), seed)}
    office.close()
    return office


@case(5)
def beacon_round_before_lock() -> Office:
    late = "2026-09-18T00:00:00Z"
    return _forced(lambda record: record.update(locked_at=late))


@case(5)
def beacon_of_another_chain() -> Office:
    return _forced(lambda record: record["sources"][3].update(chain="ab" * 32))


@case(5)
def beacon_round_exchanged() -> Office:
    return _forced(lambda _: None, lambda entries: entries[3].update(round=1000))


@case(5)
def beacon_signature_cut() -> Office:
    return _forced(lambda _: None, lambda entries: entries[3].update(signature="ab"))


@case(5)
def public_event_already_held() -> Office:
    return _forced(lambda record: record["sources"][2].update(date="2026-09-17"))


@case(5)
def public_event_begun_in_china() -> Office:
    def change(record: dict[str, Any]) -> None:
        record["sources"].pop()
        record["sources"][2]["date"] = "2026-09-18"
        record["locked_at"] = "2026-09-17T16:00:00Z"  # midnight in China

    return _forced(change)


@case(5)
def public_numbers_unsorted() -> Office:
    return _forced(lambda _: None, lambda entries: entries[2].update(key="9.2.15.22.31./7./"))


@case(5)
def secret_of_another_draw() -> Office:
    return _forced(lambda record: record["sources"][0].update(commitment="cd" * 32))


@case(5)
def log_revealed_another_value() -> Office:
    office = honest(making.short_office)
    office.events[office.find("draw.revealed", 2)]["body"]["source"] = {
        "kind": "public",
        "key": "1./",
    }
    return office


@case(5)
def revealed_twice() -> Office:
    office = honest(making.short_office)
    event = office.events[office.find("draw.revealed", 1)]
    event["body"]["index"] = 0
    return office


@case(6)
def seed_chosen() -> Office:
    return making.short_office(lambda result: result.update(seed="11" * 32))


@case(6)
def seed_in_the_log_differs() -> Office:
    office = honest(making.short_office)
    office.events[office.find("draw.completed")]["body"]["seed"] = "11" * 32
    return office
