"""The rubric of 2022, its validation and its exact totals."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ScoringError
from scoring.records import canonical
from scoring.rubric import Rubric, load_rubric, shown

RUBRIC = load_rubric("skills-base-2022")
ALL_SEVEN = dict.fromkeys(RUBRIC.criteria, 7)


def test_seven_chapters_cover_every_article() -> None:
    """The standard of 2022 has seven scored chapters, each article keyed, weights of 100."""
    articles = {number for item in RUBRIC.criteria.values() for number in item.articles}
    assert articles == set(range(1, 25))
    assert [chapter.number for chapter in RUBRIC.chapters] == [1, 2, 3, 4, 5, 6, 7]
    assert sum(item.weight for item in RUBRIC.criteria.values()) == 100


def test_articles_stand_in_their_own_chapter() -> None:
    """No criterion judges an article of another chapter of the notice."""
    bounds = {1: (1, 3), 2: (4, 7), 3: (8, 11), 4: (12, 14), 5: (15, 18), 6: (19, 21), 7: (22, 24)}
    for chapter in RUBRIC.chapters:
        low, high = bounds[chapter.number]
        keyed = {number for item in chapter.criteria for number in item.articles}
        assert keyed == set(range(low, high + 1))


def test_every_criterion_has_five_anchors_in_both_languages() -> None:
    """A reviewer finds at least five described levels per criterion, in Chinese and English."""
    for item in RUBRIC.criteria.values():
        assert len(item.anchors) >= 5
        assert all(zh.strip() and en.strip() for zh, en in item.anchors.values())
        assert min(item.anchors) == 0
        assert max(item.anchors) == 10


def test_gates_are_those_of_the_notice() -> None:
    """The eight numeric conditions stand with their article and threshold."""
    gates = {gate.indicator: (gate.articles, int(gate.threshold)) for gate in RUBRIC.gates}
    assert gates == {
        "trained_per_year": ((4,), 2000),
        "senior_share": ((4,), 20),
        "capacity_per_year": ((9,), 2000),
        "equipped_occupations": ((10,), 3),
        "equipment_value": ((10,), 2000),
        "experts_per_occupation": ((12,), 3),
        "pass_rate": ((21,), 90),
        "satisfaction": ((21,), 90),
    }


def test_record_round_trip_keeps_bytes_and_digest() -> None:
    """A rubric written and read again, also through JSON, has the same bytes and digest."""
    again = Rubric.from_record(json.loads(json.dumps(RUBRIC.record())))
    assert again == RUBRIC
    assert canonical(again.record()) == canonical(RUBRIC.record())
    assert again.digest() == RUBRIC.digest()


def test_json_gives_the_rubric_back_or_says_where_it_breaks() -> None:
    """A stored rubric reads back from its text, as str or bytes; a broken one is named."""
    text = json.dumps(RUBRIC.record(), ensure_ascii=False)
    assert Rubric.from_json(text) == Rubric.from_json(text.encode()) == RUBRIC
    for broken in ("{", b"\xff", "[" * 100_000, "[]"):
        with pytest.raises(ScoringError) as caught:
            Rubric.from_json(broken)
        assert caught.value.code == "rubric"


def test_a_draft_may_have_gaps_but_no_strangers() -> None:
    """`check` lets a draft pass and refuses an unknown criterion; `missing` names the gaps."""
    RUBRIC.check({"volume": None, "platform": 3})
    assert RUBRIC.missing({**ALL_SEVEN, "volume": None}) == ["volume"]
    assert RUBRIC.missing({}) == list(RUBRIC.criteria)
    assert RUBRIC.missing(ALL_SEVEN) == []
    with pytest.raises(ScoringError) as caught:
        RUBRIC.check({"nothing": 3})
    assert (caught.value.code, caught.value.facts["criterion"]) == ("level", "nothing")


def test_digest_moves_with_any_word() -> None:
    """A changed anchor text changes the digest that a round has frozen."""
    record = RUBRIC.record()
    record["chapters"][0]["criteria"][0]["anchors"]["6"][1] += "."
    assert Rubric.from_record(record).digest() != RUBRIC.digest()


def test_even_levels_give_that_share() -> None:
    """Seven of ten everywhere is 70.00 in each chapter and in total."""
    score = RUBRIC.total(ALL_SEVEN)
    assert score.total == 70
    assert set(score.chapters.values()) == {Fraction(70)}
    assert shown(score.total) == "70.00"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_total_is_the_weighted_mean_and_monotone(data: st.DataObject) -> None:
    """Totals equal the plain weighted sum, and raising one level never lowers a total."""
    items = {key: data.draw(st.integers(0, 10), key) for key in RUBRIC.criteria}
    total = RUBRIC.total(items).total
    expected = sum(Fraction(RUBRIC.criteria[k].weight) * v / 10 for k, v in items.items())
    assert total == expected
    key = data.draw(st.sampled_from(sorted(items)))
    raised = RUBRIC.total({**items, key: min(10, items[key] + 1)}).total
    assert raised is not None
    assert raised >= expected


def test_missing_is_missing_never_zero() -> None:
    """Without one required level there is no total; complete chapters keep theirs."""
    score = RUBRIC.total({**ALL_SEVEN, "volume": None})
    assert score.total is None
    assert score.missing == ("volume",)
    assert score.chapters["II"] is None
    assert score.chapters["III"] == 70
    assert RUBRIC.total({}).chapters == dict.fromkeys(score.chapters)


def changed(path: list[str | int], value: Any) -> dict[str, Any]:
    """Return the record with one field changed, or deleted for None."""
    record = copy.deepcopy(RUBRIC.record())
    part: Any = record
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return record


def test_optional_criterion_left_out_shares_its_weight() -> None:
    """Leaving an optional criterion open gives the total of the others, not a zero."""
    rubric = Rubric.from_record(changed(["chapters", 1, "criteria", 4, "optional"], True))
    assert rubric.total({**ALL_SEVEN, "international": None}).total == 70
    low = rubric.total({**ALL_SEVEN, "international": 0}).total
    assert low == Fraction(686, 10)


def test_bonus_and_deduction_are_cut_to_the_scale() -> None:
    """A bonus adds, a deduction takes points, and a total stays within 0 and 100."""
    entries = [
        {"id": i, "kind": k, "articles": [13], "title_zh": "项", "title_en": "item", "maximum": 5}
        for i, k in (("award", "bonus"), ("late", "deduction"))
    ]
    rubric = Rubric.from_record(changed(["adjustments"], entries))
    assert rubric.total(ALL_SEVEN, {"award": Decimal("2.5"), "late": 1}).total == Fraction(143, 2)
    assert rubric.total(dict.fromkeys(ALL_SEVEN, 10), {"award": 5}).total == 100
    assert rubric.total(ALL_SEVEN, {"award": None}).total == 70
    with pytest.raises(ScoringError, match="award: 6 is not from 0 to 5"):
        rubric.total(ALL_SEVEN, {"award": 6})


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["id"], None, "id"),
        (["version"], "1", "version"),
        (["format"], "rubric/v2", "format"),
        (["surprise"], 1, "surprise"),
        (["chapters", 2, "title_en"], " ", "chapters[2].title_en"),
        (["chapters", 2, "weight"], 19, "chapters[2].criteria"),
        (["chapters", 0, "criteria", 1, "weight"], 2.5, "chapters[0].criteria[1].weight"),
        (["chapters", 0, "criteria", 1, "articles"], [], "chapters[0].criteria[1].articles"),
        (["chapters", 0, "criteria", 1, "id"], "platform", "chapters.criteria"),
        (
            ["chapters", 0, "criteria", 0, "anchors", "10"],
            None,
            "chapters[0].criteria[0].anchors.10",
        ),
        (
            ["chapters", 0, "criteria", 0, "anchors", "3"],
            ["一"],
            "chapters[0].criteria[0].anchors.3",
        ),
        (["chapters", 0, "criteria", 0, "anchors", "3"], None, "chapters[0].criteria[0].anchors"),
        (["chapters", 0, "number"], 2, "chapters"),
        (["gates", 0, "threshold"], "many", "gates[0].threshold"),
        (["gates", 1, "id"], "trained-per-year", "gates"),
        (["scale", "step"], 3, "scale.step"),
        (["chapters"], None, "chapters"),
    ],
)
def test_a_wrong_field_is_named(path: list[str | int], value: Any, field: str) -> None:
    """A rubric that isn't of the format is refused with the path of the wrong field."""
    with pytest.raises(ScoringError) as caught:
        Rubric.from_record(changed(path, value))
    assert caught.value.code == "rubric"
    assert caught.value.facts["field"] == field


@pytest.mark.parametrize("level", [-1, 11, True, 7.0, "7", Decimal("6.5"), Decimal("NaN")])
def test_a_level_off_the_scale_is_refused(level: Any) -> None:
    """A level that the scale lacks is an error that names the criterion."""
    with pytest.raises(ScoringError) as caught:
        RUBRIC.total({**ALL_SEVEN, "volume": level})
    assert caught.value.facts["criterion"] == "volume"


def test_unknown_names_are_refused() -> None:
    """A criterion, an adjustment or a rubric that isn't there is an error, not an omission."""
    with pytest.raises(ScoringError, match="no such criterion"):
        RUBRIC.total({"nothing": 1})
    with pytest.raises(ScoringError, match="no such adjustment"):
        RUBRIC.total(ALL_SEVEN, {"nothing": 1})
    with pytest.raises(ScoringError, match="no such rubric"):
        load_rubric("nothing")


def test_two_decimals_round_halves_away_from_zero() -> None:
    """Shown scores have two decimals, rounded as a reader does on paper."""
    assert shown(Fraction(1, 200)) == "0.01"
    assert shown(Fraction(-1, 200)) == "-0.01"
    assert shown(Fraction(-1, 1000)) == "0.00"
    assert shown(Fraction(200, 3)) == "66.67"
    assert shown(None) == ""
