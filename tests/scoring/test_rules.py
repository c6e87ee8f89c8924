"""The rules file: what it means, what it refuses, and that its digest pins it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from scoring.candidates import needs_facts, read_candidates
from scoring.errors import ScoringError
from scoring.rubric import load_rubric
from scoring.rules import Rules

if TYPE_CHECKING:
    from pathlib import Path

FULL = """\
format = "selection-rules/v1"
total = 31
line = "60.5"
decimals = 1
rubric = "skills-base-2022"
dossiers = "facts.csv"
[chapters]
II = 60
VII = 55.5
[province]
most = 5
only = [{ code = "11", most = 3 }]
[[category]]
code = "school"
least = 4
[zone]
low = 0.10
high = "0.90"
settle = "panel"
"""


def test_every_field_is_read() -> None:
    """The full example gives these rules, exactly."""
    rules = Rules.from_toml(FULL)
    assert (rules.total, rules.line, rules.decimals) == (31, Decimal("60.5"), 1)
    assert rules.chapters == {"II": 60, "VII": Decimal("55.5")}
    assert [rules.most(name) for name in ("11", "15", "")] == [3, 5, None]
    assert rules.category_least == {"school": 4}
    assert rules.zone is not None
    assert (rules.zone.low, rules.zone.high) == (Decimal("0.1"), Decimal("0.9"))
    assert needs_facts(rules)
    assert not needs_facts(Rules(total=3))


def test_record_round_trip_and_digest() -> None:
    """Rules read back from their record are the same; where the facts lie is no rule."""
    rules = Rules.from_toml(FULL)
    again = Rules.from_record(rules.record())
    assert again.digest() == rules.digest()
    assert again.record() == rules.record()
    elsewhere = Rules.from_toml(FULL.replace("facts.csv", "other.csv"))
    assert elsewhere.digest() == rules.digest()
    assert Rules.from_toml(FULL.replace("31", "30")).digest() != rules.digest()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("selection-rules/v1", "selection-rules/v2", "format"),
        ("total = 31", "total = 0", "total"),
        ("total = 31", "total = 3.5", "total"),
        ("decimals = 1", "decimals = 7", "decimals"),
        ("II = 60", "II = 101", "chapters.II"),
        ("most = 5", "most = -1", "province.most"),
        ('code = "11", most', 'code = "11", least', "province.only[0].most"),
        ('[[category]]\ncode = "school"', "[[category]]", "category[0].code"),
        ("least = 4", "least = 32", "category"),
        ("low = 0.10", "low = 0.95", "zone.low"),
        ('settle = "panel"', 'settle = "vote"', "zone.settle"),
        ('settle = "panel"', 'settle = "panel"\nmore = 1', "zone.more"),
        ("format =", "form =", "format"),
    ],
)
def test_a_wrong_rule_is_named(old: str, new: str, field: str) -> None:
    """A rule that can't be is refused with its path."""
    assert old in FULL
    with pytest.raises(ScoringError) as caught:
        Rules.from_toml(FULL.replace(old, new, 1))
    assert caught.value.facts["field"] == field


def test_a_list_needs_seats_or_a_line_and_a_draw_needs_seats() -> None:
    """Neither total nor line, or a draw under a pass line alone, is refused."""
    head: dict[str, Any] = {"format": "selection-rules/v1"}
    with pytest.raises(ScoringError, match="need a total, a pass line, or both"):
        Rules.from_record(head)
    zone = {"low": "0.1", "high": "0.9", "settle": "draw"}
    with pytest.raises(ScoringError, match="a draw needs a total"):
        Rules.from_record({**head, "line": "60", "zone": zone})
    with pytest.raises(ScoringError, match="file"):
        Rules.from_toml("format = ")


def test_facts_are_read_with_gates_and_gaps(tmp_path: Path) -> None:
    """A BOM, columns in any order, an empty cell: the figures reach their gates exactly."""
    rubric = load_rubric("skills-base-2022")
    indicators = [gate.indicator for gate in rubric.gates]
    values = [str(gate.threshold) for gate in rubric.gates]
    values[indicators.index("pass_rate")] = ""
    values[indicators.index("satisfaction")] = "89.99"
    header = [*indicators, "note", "province", "dossier", "category", "chapter.II", "chapter.VII"]
    row = [*values, "一，二", "11", " d1 ", "school", "60", ""]
    path = tmp_path / "facts.csv"
    path.write_text(
        ",".join(header) + "\n" + ",".join(f'"{cell}"' for cell in row) + "\n", "utf-8-sig"
    )
    (candidate,) = read_candidates(path, Rules.from_toml(FULL), rubric)
    assert (candidate.id, candidate.province, candidate.category) == ("d1", "11", "school")
    statuses = {gate.gate.indicator: gate.status for gate in candidate.gates}
    assert statuses.pop("pass_rate") == "missing"
    assert statuses.pop("satisfaction") == "failed"
    assert set(statuses.values()) == {"passed"}
    assert candidate.chapters == {"II": 60, "VII": None}


def test_a_minimum_of_a_strange_chapter_is_refused(tmp_path: Path) -> None:
    """A minimum for a chapter that the rubric lacks would bar everyone; it is an error."""
    rules = Rules(total=1, chapters={"IX": Decimal(1)})
    with pytest.raises(ScoringError, match=r"chapters\.IX: the rubric has no such chapter"):
        read_candidates(tmp_path / "x.csv", rules, load_rubric("skills-base-2022"))
