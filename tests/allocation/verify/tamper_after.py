# ruff: noqa: D103 - a function's name says what it tampers with
"""Tampering with what follows: replacements, numbers, history, identities (lines 9 to 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.allocation.verify import making
from tests.allocation.verify.cases import Files, case, edited, honest, swapped

if TYPE_CHECKING:
    from tests.allocation.verify.making import Office


@case(9)
def replacement_skipped() -> Office:
    office = honest()
    del office.events[office.find("seat.replaced")]
    office.renumber()
    return office


@case(9)
def replacement_chosen() -> Office:
    office = honest()
    body = office.events[office.find("seat.replaced", 2)]["body"]
    body["skipped"].append({"expert": body["expert"], "reason": "unavailable"})
    at = office.result["order"].index(body["expert"])
    body["expert"] = office.result["order"][at + 1]
    return office


@case(9)
def skip_reason_rewritten() -> Office:
    office = honest()
    body = office.events[office.find("seat.replaced")]["body"]
    body["skipped"][0]["reason"] = (
        "unavailable" if body["skipped"][0]["reason"] == "seated" else "seated"
    )
    return office


@case(9)
def list_called_exhausted() -> Office:
    office = honest()
    office.events[office.find("seat.replaced", 2)]["body"]["expert"] = None
    return office


@case(9)
def unseated_expert_vacates() -> Office:
    office = honest()
    office.events[office.find("seat.vacated")]["body"]["expert"] = office.result["order"][-1]
    return office


@case(9)
def stranger_accepts() -> Office:
    office = honest()
    office.events[office.find("seat.accepted")]["body"]["expert"] = office.result["order"][-1]
    return office


@case(9)
def replaced_without_vacancy() -> Office:
    office = honest()
    office.add("seat.replaced", dict(office.events[office.find("seat.replaced")]["body"]))
    return office


@case(9)
def last_vacancy_unanswered() -> Office:
    office = honest()
    office.events.pop()
    return office


@case(9)
def unavailable_mark_hidden() -> Office:
    office = honest()
    body = office.events[office.find("expert.unavailable")]["body"]
    body["expert"] = office.result["order"][-1]
    return office


@case(9)
def balanced_replacement_chosen() -> Office:
    office = honest(making.balanced_office)
    body = office.events[office.find("seat.replaced")]["body"]
    body["skipped"].append({"expert": body["expert"], "reason": "unavailable"})
    names = {one["id"] for one in office.snapshot["experts"]}
    body["expert"] = min(names - {one["expert"] for one in body["skipped"]})
    return office


@case(10)
def void_hidden() -> Office:
    office = honest()
    del office.events[office.find("draw.voided")]
    del office.events[office.find("draw.locked")]
    office.events = [one for one in office.events if one["type"] != "checkpoint.signed"]
    office.renumber()
    return office


@case(10)
def number_skipped() -> Office:
    office = honest(making.short_office)
    office.void(3, [0])
    return office


@case(10)
def voided_after_completion() -> Office:
    office = honest(making.short_office)
    body = {"draw_id": office.draw_id, "reason": "unwelcome", "missing": [0]}
    office.add("draw.voided", body)
    return office


@case(10)
def completed_after_void() -> Office:
    office = honest()
    body = dict(
        office.events[office.find("draw.completed")]["body"], draw_id=f"{making.ROUND}/draw/1"
    )
    office.add("draw.completed", body)
    return office


@case(10)
def voided_for_a_source_revealed() -> Office:
    office = honest(making.short_office)
    office.void(2, [0])
    end = office.events.pop()
    draw_id = end["body"]["draw_id"]
    office.add(
        "draw.revealed",
        {"draw_id": draw_id, "index": 0, "source": {"kind": "public", "key": "1./"}},
    )
    office.add("draw.voided", end["body"])
    return office


@case(10)
def draw_never_locked_completed() -> Office:
    office = honest(making.short_office)
    body = dict(office.events[office.find("draw.completed")]["body"], draw_id="other/draw/1")
    office.add("draw.completed", body)
    return office


@case(10)
def other_round_skips_a_number() -> Office:
    office = honest(making.short_office)
    body = {"draw_id": "other/draw/2", "snapshot": "00" * 32, "method": "lottery"}
    office.add("draw.locked", body)
    return office


@case(11)
def log_rewritten() -> tuple[Office, str]:
    office = honest(making.short_office)
    note = office.note(6)
    office.events[2]["actor"]["id"] = "s2"
    return office, note


@case(11)
def log_shortened() -> tuple[Office, str]:
    office = honest()
    note = office.note()
    del office.events[-2:]
    return office, note


@case(11)
def earlier_checkpoint_of_another_log() -> tuple[Office, str]:
    other = making.key("other.example/log", 1, 9)
    return honest(), making.notes.sign_checkpoint(other.name, 3, bytes(32), other)


@case(11)
def earlier_checkpoint_forged() -> tuple[Office, str]:
    office = honest()
    return office, office.note(5).replace("\n5\n", "\n6\n")


@case(12)
def identity_swapped() -> Files:
    def change(people: dict[str, Any]) -> None:
        one, two = people["experts"][:2]
        one["id"], two["id"] = two["id"], one["id"]
        swapped(people["experts"], 0, 1)

    return edited(honest().files(), "identities.json", change)


@case(12)
def name_altered() -> Files:
    return edited(
        honest().files(), "identities.json", lambda one: one["experts"][3].update(name="另一人")
    )


@case(12)
def identity_left_out() -> Files:
    return edited(honest().files(), "identities.json", lambda one: one["experts"].pop())


@case(12)
def identities_of_another_draw() -> Files:
    return edited(
        honest().files(), "identities.json", lambda one: one.update(draw_id="2026-bases/draw/1")
    )
