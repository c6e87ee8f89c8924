"""The list equals exhaustive search, names what is open, and gives everyone a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.candidates import Candidate
from scoring.errors import ScoringError
from scoring.gates import check_gates
from scoring.records import canonical
from scoring.rubric import load_rubric
from scoring.rules import Rules, Zone
from scoring.selection import Selection, select
from scoring.settlement import Order, Settlement, Verdict
from tests.scoring.selection_helpers import Dossier, best_lists, candidates_of, fit_of, rounds, zone

if TYPE_CHECKING:
    import random

ROUND = [Dossier(f"d{number}", "", "", number) for number in range(1, 6)]


def chosen(dossiers: list[Dossier], rules: Rules, settled: Settlement | None = None) -> Selection:
    """Return the list of a small round."""
    return select(fit_of(dossiers, rules.total), rules, candidates_of(dossiers), settled)


def reasons_of(selection: Selection) -> dict[str, list[dict[str, Any]]]:
    """Return each dossier's reasons."""
    return {entry["id"]: entry["reasons"] for entry in selection.record()["dossiers"]}


def walk(lists: list[frozenset[str]], order: list[str]) -> frozenset[str]:
    """Return the list that an order picks: each id stays where some best list still has it."""
    for name in order:
        lists = [one for one in lists if name in one] or lists
    assert len(set(lists)) == 1
    return lists[0]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(rounds(), st.randoms(use_true_random=False))
def test_without_a_zone_the_list_is_the_best_and_a_tie_names_its_ids(
    case: tuple[list[Dossier], Rules], shuffle: random.Random
) -> None:
    """The open ids are those in some best lists and not in others; an order picks one of them."""
    dossiers, rules = case
    lists = best_lists(dossiers, rules)
    always, ever = frozenset.intersection(*lists), frozenset.union(*lists)
    first = chosen(dossiers, rules)
    assert frozenset(first.taken) == always
    if first.final:
        assert ever == always
        return
    assert first.open is not None
    assert (first.open.matter, first.open.how) == ("tie", "draw")
    assert set(first.open.ids) == ever - always
    assert {len(one & (ever - always)) for one in lists} == {first.open.take}
    order = list(first.open.ids)
    shuffle.shuffle(order)
    last = chosen(dossiers, rules, Settlement(orders=(Order("r/draw/2", tuple(order)),)))
    assert last.final
    assert frozenset(last.taken) == walk(lists, order)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(rounds("draw"), st.randoms(use_true_random=False))
def test_a_zone_settled_by_a_draw(
    case: tuple[list[Dossier], Rules], shuffle: random.Random
) -> None:
    """One draw settles zone and ties alike, within the best lists."""
    dossiers, rules = case
    lists = best_lists(dossiers, rules)
    first = chosen(dossiers, rules)
    assert frozenset(first.taken) == frozenset.intersection(*lists)
    if first.open is None:
        return
    order = list(first.open.ids)
    shuffle.shuffle(order)
    last = chosen(dossiers, rules, Settlement(orders=(Order("r/draw/2", tuple(order)),)))
    assert last.final
    assert frozenset(last.taken) == walk(lists, order)
    assert all(reasons_of(last)[name][0]["code"] == "draw" for name in order)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(rounds("panel"), st.data())
def test_a_zone_settled_by_a_panel(case: tuple[list[Dossier], Rules], data: st.DataObject) -> None:
    """Ties outside the zone are drawn first; then any best list is the panel's to choose."""
    dossiers, rules = case
    lists = best_lists(dossiers, rules)
    selection = chosen(dossiers, rules)
    orders: tuple[Order, ...] = ()
    if selection.open is not None and selection.open.matter == "tie":
        order = list(selection.open.ids)
        in_zone = {dossier.id for dossier in dossiers if dossier.place == "zone"}
        assert not in_zone.intersection(order)
        orders = (Order("r/draw/2", tuple(order)),)
        for name in order:
            lists = [one for one in lists if name in one] or lists
        selection = chosen(dossiers, rules, Settlement(orders=orders))
    if selection.open is None:
        assert frozenset(selection.taken) in lists
        return
    assert (selection.open.matter, selection.open.how) == ("zone", "panel")
    wanted = data.draw(st.sampled_from(sorted(map(sorted, lists))))
    panel = tuple(Verdict(name, name in wanted, "seen") for name in selection.open.ids)
    last = chosen(dossiers, rules, Settlement(orders=orders, panel=panel))
    assert last.final
    assert sorted(last.taken) == wanted


@settings(max_examples=120, deadline=None, derandomize=True)
@given(rounds("panel"), st.sampled_from([57, 58]), st.data())
def test_a_pass_line_and_seats_settled_one_after_the_other(
    case: tuple[list[Dossier], Rules], line: int, data: st.DataObject
) -> None:
    """Verdicts at the line, then a draw, then verdicts on the zone end in a best list.

    Estimates of 59 to 56 with SE 2: against 57 the first is above, against 58 the last is below,
    the others are open at bounds of 0.2 and 0.8.
    """
    dossiers, rules = case
    wide = Zone(Decimal("0.2"), Decimal("0.8"), "panel")
    rules = replace(rules, line=Decimal(line), zone=wide)
    near = {2, 3, 4} if line == 57 else {1, 2, 3}
    left = [dossier for dossier in dossiers if dossier.rank in near or dossier.rank < min(near)]
    settled = Settlement()
    selection = chosen(dossiers, rules, settled)
    expected = tuple(dossier.id for dossier in left if dossier.rank in near)
    assert (selection.open is not None and selection.open.matter == "line") == bool(expected)
    if expected and selection.open is not None:
        assert selection.open.ids == expected
        verdicts = tuple(Verdict(name, data.draw(st.booleans()), "seen") for name in expected)
        refused = {verdict.dossier for verdict in verdicts if not verdict.taken}
        left = [dossier for dossier in left if dossier.id not in refused]
        settled = replace(settled, line=verdicts)
        selection = chosen(dossiers, rules, settled)
    lists = best_lists(left, rules)
    if selection.open is not None and selection.open.how == "draw":
        settled = replace(settled, orders=(Order("r/draw/2", selection.open.ids),))
        for name in selection.open.ids:
            lists = [one for one in lists if name in one] or lists
        selection = chosen(dossiers, rules, settled)
    if selection.open is not None:
        wanted = data.draw(st.sampled_from(sorted(map(sorted, lists))))
        panel = tuple(Verdict(name, name in wanted, "seen") for name in selection.open.ids)
        selection = chosen(dossiers, rules, replace(settled, panel=panel))
    assert selection.final
    assert frozenset(selection.taken) in lists


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rounds("extra-reviews"))
def test_extra_reviews_come_first_and_then_the_ranks_decide(
    case: tuple[list[Dossier], Rules],
) -> None:
    """An undecided zone asks for reviews; with them the same ranks decide as without a zone."""
    dossiers, rules = case
    first = chosen(dossiers, rules)
    after = chosen(dossiers, rules, Settlement(extra_reviews="r/draw/3"))
    plain = chosen(dossiers, Rules(**{**vars(rules), "zone": None}))
    assert (after.taken, after.open) == (plain.taken, plain.open)
    if first.open is not None and first.open.matter == "zone":
        assert first.open.how == "extra-reviews"
        assert {d.place for d in dossiers if d.id in first.open.ids} == {"zone"}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(rounds("panel"), st.randoms(use_true_random=False))
def test_bytes_repeat_for_any_order_of_rows(
    case: tuple[list[Dossier], Rules], shuffle: random.Random
) -> None:
    """Shuffled candidates give the same bytes and digest, and the record is canonical."""
    dossiers, rules = case
    fit = fit_of(dossiers, rules.total)
    one = select(fit, rules, candidates_of(dossiers))
    mixed = list(dossiers)
    shuffle.shuffle(mixed)
    other = select(json.loads(json.dumps(fit)), rules, candidates_of(mixed))
    assert one.canonical() == other.canonical() == canonical(one.record())
    assert one.digest() == other.digest()
    statuses = {entry["status"] for entry in one.record()["dossiers"]}
    assert statuses <= ({"in", "out"} if one.final else {"in", "out", "open"})
    assert all(entry["reasons"] for entry in one.record()["dossiers"])


def test_gates_and_minima_bar_whatever_the_rank() -> None:
    """The best dossier is out with the number that failed, the second with its chapter."""
    rubric = load_rubric("skills-base-2022")
    exact = {gate.indicator: gate.threshold for gate in rubric.gates}
    figures: dict[str, Decimal | int | None] = {**exact, "pass_rate": Decimal("89.9")}
    gaps: dict[str, Decimal | int | None] = {**exact, "pass_rate": None}
    good = check_gates(rubric, dict(exact))
    people = [
        Candidate("d1", gates=check_gates(rubric, figures), chapters={"II": 80}),
        Candidate("d2", gates=good, chapters={"II": Decimal("59.99")}),
        Candidate("d3", gates=good, chapters={"II": None}),
        Candidate("d4", gates=check_gates(rubric, gaps), chapters={"II": 60}),
        Candidate("d5", gates=good, chapters={"II": 60}),
    ]
    rules = Rules(total=3, chapters={"II": Decimal(60)})
    selection = select(fit_of(ROUND), rules, [*people, Candidate("d9", chapters={"II": 60})])
    why = reasons_of(selection)
    assert selection.taken == ("d5",)
    assert selection.record()["vacant"] == 2
    assert (why["d1"][0]["code"], why["d1"][0]["value"], why["d1"][0]["short"]) == (
        "gate",
        "89.9",
        "0.1",
    )
    assert why["d2"] == [{"code": "chapter", "chapter": "II", "score": "59.99", "least": 60}]
    assert why["d3"] == [{"code": "chapter-missing", "chapter": "II", "least": 60}]
    assert why["d4"][0]["code"] == "gate-missing"
    assert why["d9"] == [{"code": "unrated"}]
    assert selection.record()["ranked_outside"] == ["d1", "d2", "d3", "d4"]


def test_reasons_tell_quota_from_rank() -> None:
    """Out by the province, in by a freed seat, in by a category's minimum, out for it."""
    dossiers = [
        Dossier("a", "11", "firm", 1),
        Dossier("b", "11", "firm", 2),
        Dossier("c", "11", "firm", 5),
        Dossier("e", "15", "firm", 4),
        Dossier("f", "15", "firm", 6),
        Dossier("g", "22", "school", 9),
        Dossier("h", "23", "firm", 12),
    ]
    rules = Rules(total=4, province_most=1, category_least={"school": 1})
    why = reasons_of(chosen(dossiers, rules))
    codes = {name: reasons[0]["code"] for name, reasons in why.items()}
    assert codes == {
        "a": "rank",
        "b": "province",
        "c": "province",
        "e": "rank",
        "f": "province",
        "g": "freed",
        "h": "freed",
    }
    rules = Rules(total=3, category_least={"school": 1})
    codes = {name: r[0]["code"] for name, r in reasons_of(chosen(dossiers, rules)).items()}
    assert (codes["g"], codes["e"], codes["c"]) == ("category", "category", "rank")
    assert reasons_of(chosen(dossiers, rules))["g"][0]["least"] == 1


def test_a_minimum_out_of_reach_is_told() -> None:
    """A category without enough dossiers is reported, and the seats go by rank."""
    selection = chosen(ROUND, Rules(total=2, category_least={"school": 1}))
    assert selection.taken == ("d1", "d2")
    assert selection.record()["short"] == [{"category": "school", "lacks": 1}]


def test_pass_line_alone_lists_all_above_it() -> None:
    """Estimates of 59, 58, 57 ... against a line of 57: who is at the line is above it."""
    selection = chosen(ROUND, Rules(line=Decimal(57)))
    assert selection.taken == ("d1", "d2", "d3")
    assert reasons_of(selection)["d1"] == [{"code": "line"}]
    assert reasons_of(selection)["d4"] == [{"code": "line", "estimate": 56, "line": 57}]


def test_a_panel_judges_who_is_near_the_pass_line() -> None:
    """Between the bounds the panel decides each by itself, with a reason that the list shows."""
    rules = Rules(line=Decimal(57), zone=zone("panel"))
    first = chosen(ROUND, rules)
    assert first.open is not None
    # Estimates 59 to 55 with SE 2: chances .84, .69, .5, .31, .16, all between .1 and .9.
    assert (first.open.matter, first.open.take) == ("line", None)
    assert first.open.ids == ("d1", "d2", "d3", "d4", "d5")
    assert first.taken == ()
    verdicts = tuple(Verdict(f"d{n}", n in {1, 4}, f"because {n}") for n in range(1, 6))
    last = chosen(ROUND, rules, Settlement(line=verdicts))
    assert last.taken == ("d1", "d4")
    assert reasons_of(last)["d2"] == [{"code": "line-panel", "reason": "because 2"}]
    assert {"code": "line-panel", "reason": "because 4"} in reasons_of(last)["d4"]
    with pytest.raises(ScoringError, match="missing d5; not open none") as caught:
        chosen(ROUND, rules, Settlement(line=verdicts[:4]))
    assert caught.value.facts["missing"] == ["d5"]


def test_the_interval_decides_how_sure_the_pass_line_is() -> None:
    """A fit's 95 % interval, where it has one, gives the chance to lie above the line."""
    fit = fit_of(ROUND)
    for entry in fit["dossiers"]:
        middle = 60 + entry["effect"]
        entry |= {
            "estimate_low": middle - 1.959963984540054,
            "estimate_high": middle + 1.959963984540054,
        }
    record = select(fit, Rules(line=Decimal(57)), candidates_of(ROUND)).record()
    assert [entry["p_line"] for entry in record["dossiers"]] == [
        "0.9772",
        "0.8413",
        "0.5",
        "0.1587",
        "0.0228",
    ]


def test_extra_reviews_at_the_pass_line() -> None:
    """Near the line, reviews are asked for; once they are in, the estimate decides."""
    rules = Rules(line=Decimal(57), zone=zone("extra-reviews"))
    first = chosen(ROUND, rules)
    assert first.open is not None
    assert (first.open.matter, first.open.how) == ("line", "extra-reviews")
    last = chosen(ROUND, rules, Settlement(extra_reviews="r/draw/4"))
    assert last.final
    assert last.taken == ("d1", "d2", "d3")


def test_what_an_open_line_leaves_certain_is_shown() -> None:
    """Far from the line nothing is open: 70 is in, 40 is out, whatever the panel says."""
    dossiers = [Dossier("high", "", "", -10), *ROUND[2:3], Dossier("low", "", "", 20)]
    selection = chosen(dossiers, Rules(total=2, line=Decimal(57), zone=zone("panel")))
    statuses = {entry["id"]: entry["status"] for entry in selection.record()["dossiers"]}
    assert statuses == {"high": "in", "d3": "open", "low": "out"}


ZONED = [Dossier(f"d{n}", "", "", n, "in" if n == 1 else "zone") for n in range(1, 6)]


@pytest.mark.parametrize(
    ("settle", "settled", "message"),
    [
        ("panel", Settlement(panel=(Verdict("d1", taken=True, reason="x"),)), "not open d1"),
        (
            "panel",
            Settlement(panel=tuple(Verdict(f"d{n}", taken=True, reason="x") for n in range(2, 6))),
            "takes 4 dossiers for 2 seats",
        ),
        (None, Settlement(extra_reviews="x"), "the rules have none"),
        (
            None,
            Settlement(panel=(Verdict("d1", taken=True, reason="x"),)),
            "leaves no seat open",
        ),
        (None, Settlement(line=(Verdict("d1", taken=True, reason="x"),)), "at the pass line"),
    ],
)
def test_a_settlement_of_something_else_is_refused(
    settle: str | None, settled: Settlement, message: str
) -> None:
    """Verdicts about other dossiers than the open ones are errors, never dropped."""
    rules = Rules(total=3, zone=None if settle is None else zone(settle))
    with pytest.raises(ScoringError, match=message) as caught:
        chosen(ZONED, rules, settled)
    assert caught.value.code == "settlement"


@pytest.mark.parametrize("settle", ["draw", None])
def test_an_order_over_other_ids_settles_nothing_and_is_named(settle: str | None) -> None:
    """A draw held for another list leaves this one as it was, and stands in its record."""
    rules = Rules(total=3, zone=None if settle is None else zone(settle))
    order = Order("r/draw/9", ("d2", "d3"))
    without, given = chosen(ZONED, rules), chosen(ZONED, rules, Settlement(orders=(order,)))
    assert (given.taken, given.open) == (without.taken, without.open)
    assert given.record()["unused_orders"] == ["r/draw/9"]
    assert without.record()["unused_orders"] == []


def test_a_panel_keeps_the_quotas() -> None:
    """Two of the same province don't fit a quota of one, even where the number is right."""
    dossiers = [Dossier(f"d{n}", "11" if n < 3 else "15", "", n, "zone") for n in range(1, 5)]
    rules = Rules(total=2, province_most=1, zone=zone("panel"))
    panel = tuple(Verdict(f"d{n}", taken=n < 3, reason="x") for n in range(1, 5))
    with pytest.raises(ScoringError, match="don't fit the quotas"):
        chosen(dossiers, rules, Settlement(panel=panel))


def test_a_settlement_reads_back_from_its_record() -> None:
    """Written and read again it is the same; a wrong field is named."""
    settled = Settlement(
        orders=(Order("r/draw/2", ("b", "a")),),
        panel=(Verdict("c", taken=False, reason="弱"),),
        extra_reviews="r/draw/3",
    )
    record = json.loads(json.dumps(settled.record()))
    assert Settlement.from_record(record) == settled
    assert Settlement.from_record(record).digest() == settled.digest()
    for path, value, field in (
        ("orders", [{"draw_id": "x", "order": ["a", "a"]}], "orders[0].order"),
        ("orders", [{"draw_id": "x", "order": []}], "orders[0].order"),
        ("panel", [{"dossier": "a", "taken": 1, "reason": "x"}], "panel[0].taken"),
        ("panel", [{"dossier": "a", "taken": True, "reason": " "}], "panel[0].reason"),
        ("panel", [{"dossier": "a", "taken": True, "reason": "x"}] * 2, "panel[1].dossier"),
        ("other", 1, "other"),
    ):
        with pytest.raises(ScoringError) as caught:
            Settlement.from_record({**record, path: value})
        assert caught.value.facts["field"] == field


def test_wrong_fits_are_named() -> None:
    """Chances for another K, missing figures and doubled candidates are errors with facts."""
    rules = Rules(total=2, zone=zone("panel"))
    with pytest.raises(ScoringError, match="chances are for 3 seats, the rules have 2"):
        select(fit_of(ROUND, top=3), rules, candidates_of(ROUND))
    for key in ("expected_rank", "effect", "p_top"):
        fit = fit_of(ROUND)
        del fit["dossiers"][1][key]
        with pytest.raises(ScoringError, match=f"dossiers d2: {key} is missing"):
            select(fit, rules, candidates_of(ROUND))
    with pytest.raises(ScoringError, match="d1: the dossier stands twice"):
        select(fit_of(ROUND), Rules(total=2), candidates_of([*ROUND, ROUND[0]]))
    fit = fit_of(ROUND)
    fit["dossiers"][0]["effect"] = float("nan")
    with pytest.raises(ScoringError, match="not finite"):
        select(fit, Rules(total=2), candidates_of(ROUND))
