# ruff: noqa: D103 - a function's name says what it tampers with
"""Tampering with the result, the plan and the seats (lines 7 and 8)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from allocation.canonical import canonical
from allocation.hashing import h
from tests.allocation.verify import making
from tests.allocation.verify.cases import Files, case, edited, honest, swapped
from tests.allocation.verify.making import Office

if TYPE_CHECKING:
    from collections.abc import Callable


@case(7)
def seats_exchanged() -> Office:
    def change(result: dict[str, Any]) -> None:
        one, two = (
            s for s in result["seats"] if s["stratum"] == "management" and s["panel"] != "P02"
        )
        one["expert"], two["expert"] = two["expert"], one["expert"]

    return making.short_office(change)


@case(7)
def reason_rewritten() -> Office:
    def change(result: dict[str, Any]) -> None:
        reasons = {"seats-full": "limit", "limit": "conflict", "conflict": "limit"}
        one = result["passed"][0]
        one["reason"] = reasons[one["reason"]]

    return making.short_office(change)


@case(7)
def order_rewritten() -> Office:
    return making.short_office(lambda result: swapped(result["order"], -1, -2))


@case(7)
def another_attempt_claimed() -> Office:
    def change(result: dict[str, Any]) -> None:
        result["attempt"] += 1

    return making.short_office(change)


@case(7)
def dossiers_dealt_by_hand() -> Office:
    def change(result: dict[str, Any]) -> None:
        one, two = result["panels"]["P00"], result["panels"]["P02"]
        one[-1], two[-1] = two[-1], one[-1]

    return making.short_office(change)


@case(7)
def result_exchanged() -> Files:
    return edited(honest().files(), "result.json", lambda one: swapped(one["passed"], 0, -1))


@case(7)
def digest_in_the_log_differs() -> Office:
    office = honest(making.short_office)
    office.events[office.find("draw.completed")]["body"]["result"] = "22" * 32
    return office


@case(7)
def never_completed() -> Office:
    office = honest(making.short_office)
    del office.events[office.find("draw.completed")]
    return office


@case(7)
def taken_out_of_turn() -> Office:
    office = honest(making.order_office)
    office.result["taken"] = sorted(office.result["order"])[:3]
    office.events.pop()
    office.close()
    return office


def _plan(change: Callable[[dict[str, Any]], None]) -> Office:
    """Return an office that locks a changed plan and seats by the honest one."""
    office = Office()
    office.open()
    record, office.identities = making.balanced_record(limits=())
    entries = [making.opening(record, source) for source in record["sources"]]
    honest_result = making.draw(record, entries)
    change(record)
    office.lock(record)
    office.reveal()
    digest = h("snapshot", canonical(record))
    seed = h("seed", digest, *map(making.value, entries)).hex()
    office.result = honest_result | {"snapshot": digest.hex(), "seed": seed}
    office.close()
    return office


@case(7)
def plan_unfair() -> Office:
    def change(record: dict[str, Any]) -> None:
        rows = record["plan"]
        one = rows[0]
        two = next(row for row in rows[1:] if row[1:3] == one[1:3])
        common = one[4] * two[4] * 100
        for row, step in ((one, 1), (two, -1)):
            chance = Fraction(row[3], row[4]) + Fraction(step, common)
            row[3:] = [chance.numerator, chance.denominator]

    return _plan(change)


@case(7)
def plan_over_the_pair_cap() -> Office:
    return _plan(lambda record: record.update(pair_cap=[1, 100]))


@case(7)
def balanced_seats_exchanged() -> Office:
    def change(result: dict[str, Any]) -> None:
        skill = [seat for seat in result["seats"] if seat["stratum"] == "skill"]
        one = skill[0]
        two = next(s for s in skill if s["panel"] != one["panel"])
        one["expert"], two["expert"] = two["expert"], one["expert"]

    office = Office()
    office.open()
    record, office.identities = making.balanced_record()
    office.lock(record)
    office.reveal()
    office.complete(change)
    return office


def _seated(
    choose: Callable[[dict[str, Any], dict[str, Any]], tuple[int, dict[str, str]]],
) -> Office:
    record, _ = making.lottery_record()

    def change(result: dict[str, Any]) -> None:
        at, seat = choose(record, result)
        result["seats"][at] |= seat

    return making.short_office(change)


def _someone(result: dict[str, Any], allowed: Callable[[str], bool]) -> str:
    sitting = {seat["expert"] for seat in result["seats"]}
    return next(name for name in result["order"] if name not in sitting and allowed(name))


@case(8)
def conflict_seated() -> Office:
    def choose(record: dict[str, Any], result: dict[str, Any]) -> tuple[int, dict[str, str]]:
        stratum = {one["id"]: one["stratum"] for one in record["experts"]}
        pairs = {(one["expert"], one["dossier"]) for one in record["conflicts"]}
        for at, seat in enumerate(result["seats"]):
            hand = result["panels"][seat["panel"]]
            for name in result["order"]:
                barred = any((name, dossier) in pairs for dossier in hand)
                if barred and stratum[name] == seat["stratum"]:
                    return at, {"expert": name}
        raise AssertionError

    return _seated(choose)


@case(8)
def stratum_wrong() -> Office:
    def choose(record: dict[str, Any], result: dict[str, Any]) -> tuple[int, dict[str, str]]:
        stratum = {one["id"]: one["stratum"] for one in record["experts"]}
        own = result["seats"][0]["stratum"]
        return 0, {"expert": _someone(result, lambda name: stratum[name] != own)}

    return _seated(choose)


@case(8)
def nobody_of_the_list_seated() -> Office:
    return _seated(lambda *_: (0, {"expert": "cousin"}))


@case(8)
def seat_added() -> Office:
    def change(result: dict[str, Any]) -> None:
        result["seats"].append(dict(result["seats"][-1], expert=result["order"][-1]))

    return making.short_office(change)


@case(8)
def limit_exceeded() -> Office:
    def choose(record: dict[str, Any], result: dict[str, Any]) -> tuple[int, dict[str, str]]:
        people = {one["id"]: one for one in record["experts"]}
        for at, seat in enumerate(result["seats"]):
            others = [s["expert"] for s in result["seats"] if s is not seat]
            taken = {people[name]["employer"] for name in others} - {""}
            for name in result["order"]:
                fits = people[name]["stratum"] == seat["stratum"] and name not in others
                if fits and people[name]["employer"] in taken:
                    return at, {"expert": name}
        raise AssertionError

    return _seated(choose)


@case(8)
def dossier_withheld() -> Office:
    return making.short_office(lambda result: result["panels"]["P00"].pop())


@case(1)
def plan_not_in_lowest_terms() -> Office:
    def change(record: dict[str, Any]) -> None:
        row = record["plan"][0]
        row[3:] = [2 * row[3], 2 * row[4]]

    return _plan(change)
