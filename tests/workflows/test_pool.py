from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from review_service.exchange.pool import ExpertRow
from review_service.tables import Expert, LogEvent
from review_service.workflows import batches, pool
from review_service.workflows.base import WorkflowError, pk
from tests.exchange.build import identity
from tests.workflows.conftest import STAFF

if TYPE_CHECKING:
    from review_service.workflows.base import Office


def _row(number: int, /, **changes: object) -> ExpertRow:
    row = ExpertRow(
        number="", name=f"王{'一二三四五六七八九'[number % 9]}", document=identity(number * 2 + 1),
        employer=f"某学院{number}", stratum="技能培训", province="江苏", avoid_units="甲厂",
        sex="男", born=1970, row=number + 2,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)  # type: ignore[arg-type]


def _bring(office: Office, rows: list[ExpertRow], **also: object) -> dict[str, int]:
    return office.do(STAFF, pool.import_experts, rows, source="a.xlsx", digest="00", **also)  # type: ignore[arg-type]


def _experts(office: Office) -> list[Expert]:
    with office.store.reading() as session:
        return list(session.exec(select(Expert).order_by(col(Expert.number))))


def test_import_adds_updates_and_leaves(office: Office) -> None:
    """Newcomers get numbers and a sound, known people change, equal rows do nothing."""
    assert _bring(office, [_row(i) for i in range(5)]) == {"new": 5, "updated": 0, "unchanged": 0}
    assert [one.number for one in _experts(office)] == [f"E{i:05d}" for i in range(1, 6)]
    assert _experts(office)[0].pinyin == "wang yi"
    rows = [_row(0), _row(1, employer="别的学院"), _row(7, number="E00040"), _row(8)]
    assert _bring(office, rows) == {"new": 2, "updated": 1, "unchanged": 1}
    assert _experts(office)[1].employer == "别的学院"
    assert [one.number for one in _experts(office)][-2:] == ["E00040", "E00041"]


def test_empty_values_wipe_only_what_the_file_has(office: Office) -> None:
    """A file without a column never wipes it; a file with the column may empty it."""
    _bring(office, [_row(0)])
    _bring(office, [_row(0, avoid_units="")])
    assert _experts(office)[0].avoid_units == "甲厂"
    _bring(office, [_row(0, avoid_units="")], fields={"name", "document", "avoid_units"})
    assert _experts(office)[0].avoid_units == ""
    _bring(office, [_row(0, in_use=False)])
    _bring(office, [_row(0)], fields={"name"})
    assert _experts(office)[0].in_use is False


def test_clash_changes_nothing(office: Office) -> None:
    """A number that is somebody else's stops the whole import, newcomers included."""
    _bring(office, [_row(0), _row(1)])
    before = [one.model_dump() for one in _experts(office)]
    for clash in (_row(0, number="E00002"), _row(0, number="E00009"), _row(5, number="E00001")):
        with pytest.raises(WorkflowError, match="pool-clash"):
            _bring(office, [_row(6), clash])
    assert [one.model_dump() for one in _experts(office)] == before


def test_preview_says_what_an_import_would_do(office: Office) -> None:
    """The comparison names newcomers, changed fields with both values, and who is left out."""
    _bring(office, [_row(0), _row(1), _row(2)])
    with office.store.reading() as session:
        diff = pool.compare_pool(session, [_row(0), _row(1, title="教授"), _row(4)])
    assert diff.counts() == {
        "new": 1, "updated": 1, "unchanged": 1, "absent": 1, "clashes": 0, "namesakes": 0,
    }  # fmt: skip
    assert diff.updated[0][1] == {"title": ("", "教授")}
    assert diff.absent == ("E00003",)


def test_log_holds_counts_and_no_names(office: Office) -> None:
    """The event of an import has the file's digest, counts, and a sealed digest of the changes."""
    _bring(office, [_row(0)])
    with office.store.reading() as session:
        event = session.exec(select(LogEvent).order_by(col(LogEvent.seq).desc())).first()
    assert event is not None
    body = json.loads(event.event)["body"]
    assert {k: body[k] for k in ("digest", "new")} == {"digest": "00", "new": 1}
    assert len(body["sealed"]) == 64
    assert "王" not in event.event
    assert identity(1) not in event.event + (event.private or "")


def test_hand_changes_are_checked_and_kept(office: Office) -> None:
    """A change by hand is checked like a cell, needs a reason, and retiring is such a change."""
    _bring(office, [_row(0), _row(1)])
    first = pk(_experts(office)[0])
    for changes, code in (
        ({"phone": "12"}, "expert-field"),
        ({"name": ""}, "expert-field"),
        ({"number": "E9"}, "expert-field"),
        ({"document": identity(3)}, "document-taken"),
    ):
        with pytest.raises(WorkflowError, match=code):
            office.do(STAFF, pool.update_expert, first, changes, reason="改")
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, pool.retire_expert, first, reason=" ")
    office.do(
        STAFF, pool.update_expert, first, {"name": "单一", "phone": "138 0013 8000"}, reason="改"
    )
    office.do(STAFF, pool.retire_expert, first, reason="退休")
    expert = _experts(office)[0]
    assert (expert.pinyin, expert.phone, expert.in_use) == ("shan yi", "13800138000", False)


def test_what_changed_between_two_imports(office: Office) -> None:
    """Net changes between two batches: what came, went, changed; not what was changed back."""
    _bring(office, [_row(i) for i in range(4)])
    _bring(office, [_row(0, employer="甲"), _row(1, employer="乙"), _row(5)])
    _bring(office, [_row(0), _row(1, employer="丙"), _row(2, in_use=False)])
    with office.store.reading() as session:
        first, _, last = batches.batches(session, "pool")
        changes = batches.changes_between(session, first, last)
    assert [(one.subject, one.kind) for one in changes] == [
        ("E00005", "new"), ("E00003", "retired"), ("E00002", "updated"),
    ]  # fmt: skip
    assert changes[2].fields == {"employer": ("某学院1", "丙")}


def test_mappings_are_remembered_for_the_same_headers(office: Office) -> None:
    """Columns matched by hand are proposed for a file with the same headers in any order."""
    office.do(STAFF, batches.remember_mapping, "pool", ["甲", "乙"], {"name": "甲"})
    office.do(STAFF, batches.remember_mapping, "pool", ["乙", "甲"], {"name": "乙"})
    with office.store.reading() as session:
        assert batches.remembered_mapping(session, "pool", ["甲", "乙"]) == {"name": "乙"}
        assert batches.remembered_mapping(session, "pool", ["甲"]) == {}


def test_those_left_out_retire_together(office: Office) -> None:
    """A new list's absent people can be retired at once, with one reason and one event."""
    _bring(office, [_row(i) for i in range(4)])
    with office.store.reading() as session:
        absent = pool.compare_pool(session, [_row(0)]).absent
    assert office.do(STAFF, pool.retire_left_out, absent, reason="新一届名单") == 3
    assert [one.number for one in _experts(office) if one.in_use] == ["E00001"]
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, pool.retire_left_out, absent, reason="")


def test_newcomers_who_may_be_known_are_pointed_out(office: Office) -> None:
    """The same name and employer under another document may be the same person twice."""
    _bring(office, [_row(0)])
    twin = _row(9, employer="某学院0", name="王一")
    with office.store.reading() as session:
        diff = pool.compare_pool(session, [twin])
    assert [(row.document, number) for row, number in diff.namesakes] == [(twin.document, "E00001")]
