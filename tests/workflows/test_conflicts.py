from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select

from review_service.exchange.affiliations import parse_affiliations
from review_service.exchange.conflicts import read_conflicts, write_conflicts
from review_service.exchange.recusals import RecusalRow
from review_service.tables import Conflict, Dossier, Expert, LogEvent, RecusalRequest
from review_service.workflows import batches, conflicts, requests
from review_service.workflows.base import Work, WorkflowError, pk
from review_service.workflows.conflict_rules import Person, Terms, Unit, parse_items, search
from review_service.workflows.conflict_views import (
    exclusion_rates,
    explain_pair,
    export_rows,
    shown,
)
from review_service.workflows.names import core, normal, parse_item
from review_service.workflows.rule_texts import RULES
from tests.workflows.conftest import STAFF

if TYPE_CHECKING:
    from review_service.tables import Round
    from review_service.workflows.base import Office

A, B, C = "91110000600037341L", "911101080000000017", "91110108000000002X"
UNIT: dict[str, Any] = {
    "id": 1, "number": "D1", "name": "南京云衡精密机械有限公司", "credit_code": A,
    "province": "江苏", "prefecture": "南京市", "head": "张建国",
    "related": parse_items(f"江苏启岳控股集团有限公司；华澜集团（{B}）"),
    "prepared": parse_items("李明（某学院）；赵六；云衡咨询有限公司"),
}  # fmt: skip
PERSON: dict[str, Any] = {
    "id": 7, "number": "E7", "name": "王一", "employer": "某大学", "credit_code": "",
    "province": "江苏",
}  # fmt: skip
TERMS = Terms(since="2023-08")


def _found(
    terms: Terms = TERMS, unit: dict[str, Any] | None = None, **person: Any
) -> list[tuple[str, str]]:
    rows = search([Person(**PERSON | person)], [Unit(**UNIT | (unit or {}))], terms)
    for one in rows:
        assert one.rule in RULES
        assert one.evidence
    return [(one.rule, one.status) for one in rows]


@pytest.mark.parametrize(
    ("person", "rule", "status"),
    [
        ({"employer": "别名", "credit_code": A}, "same-employer-code", "confirmed"),
        ({"employer": "南京云衡精密机械有限公司"}, "same-employer-name", "confirmed"),
        ({"employer": "南京雲衡精密機械有限公司"}, "same-employer-name", "confirmed"),
        ({"employer": "南京云衡　精密机械（有限公司）"}, "same-employer-name", "confirmed"),
        ({"employer": UNIT["name"], "credit_code": C}, "same-employer-name", "suspected"),
        ({"employer": "南京云衡精密机械股份有限公司"}, "similar-employer-name", "suspected"),
        ({"employer": "南京云衡精密机戒有限公司"}, "similar-employer-name", "suspected"),
        ({"employer": "南京云衡精密机械有限公司培训部"}, "similar-employer-name", "suspected"),
        ({"employer": "江苏启岳控股集团有限公司"}, "related-unit", "confirmed"),
        ({"employer": "别名", "credit_code": B}, "related-unit", "confirmed"),
        ({"affiliations": tuple(parse_affiliations(f"{UNIT['name']}/职工/2023-08"))}, "employed",
         "confirmed"),
        ({"affiliations": tuple(parse_affiliations(f"{UNIT['name']}/董事"))}, "employed",
         "confirmed"),
        ({"affiliations": tuple(parse_affiliations(f"{UNIT['name']}/顾问"))}, "adviser",
         "confirmed"),
        ({"avoid_units": parse_items("南京云衡精密机械有限公司")}, "avoid-unit", "confirmed"),
        ({"avoid_units": parse_items(f"某单位 {A}")}, "avoid-unit", "confirmed"),
        ({"avoid_units": parse_items("云衡精密")}, "avoid-unit", "suspected"),
        ({"avoid_people": parse_items("张建国（南京云衡精密机械有限公司）")}, "avoid-person",
         "confirmed"),
        ({"avoid_people": parse_items("张建国")}, "avoid-person", "suspected"),
        ({"name": "李明", "employer": "某学院"}, "prepared", "confirmed"),
        ({"name": "赵六"}, "prepared", "suspected"),
        ({"employer": "云衡咨询有限公司"}, "prepared", "confirmed"),
    ],
)  # fmt: skip
def test_each_rule_finds_its_case(person: dict[str, Any], rule: str, status: str) -> None:
    """Each rule finds its case, with the status it should have, and nothing else fires."""
    assert _found(**person) == [(rule, status)]


@pytest.mark.parametrize(
    "person",
    [
        {},
        {"employer": "南通云衡精密机械有限公司"},  # a sister of another place
        {"employer": "南京云衡精密机戒有限公司", "credit_code": C},  # another legal person
        {"affiliations": tuple(parse_affiliations(f"{UNIT['name']}/职工/2023-07"))},  # too long ago
        {"name": "李明", "employer": "别的学院"},  # a namesake
        {"avoid_people": parse_items("张建国（别的公司）")},
        {"avoid_units": parse_items("机械")},  # too short to mean a unit
        {"name": "张建国"},
    ],
)
def test_rules_leave_others_alone(person: dict[str, Any]) -> None:
    """Near misses are no findings: another place, another legal person, a tie long over."""
    assert _found(**person) == []


def test_round_decides_about_provinces_and_prefectures() -> None:
    """Province and prefecture exclude only where the round says so."""
    assert _found(Terms("2023-08", same_province=True)) == [("same-province", "confirmed")]
    city = Terms("2023-08", same_prefecture=True)
    assert _found(city, employer="南京某大学") == [("same-prefecture", "confirmed")]
    assert _found(city, employer="南京某大学", province="安徽") == []


def test_names_are_compared_as_clerks_would() -> None:
    """Width, script, case, signs and legal forms don't separate names; words do."""
    assert normal("ＡＢＣ　（集團）有限公司") == normal("abc(集团)有限公司")
    assert core("启岳控股集团有限责任公司") == core("启岳控股集团股份有限公司")
    assert core("启岳控股集团有限公司") != core("启岳控股有限公司")
    assert parse_item("华澜集团（91110000600037341L）") == ("华澜集团", "", A)
    assert parse_item("张三（丙厂）") == ("张三", "丙厂", "")


# ---- in the database -----------------------------------------------------------------------


def _set(office: Office, table: type[Any], number: str, **values: Any) -> int:
    def change(work: Work) -> int:
        row = work.session.exec(select(table).where(table.number == number)).one()
        for name, value in values.items():
            setattr(row, name, value)
        work.session.add(row)
        return pk(row)

    return office.do(STAFF, change)


def _stored(office: Office) -> dict[tuple[str, str, str], str]:
    with office.store.reading() as session:
        query = (
            select(Expert.number, Dossier.number, Conflict.rule, Conflict.status)
            .join(Conflict, col(Conflict.expert_id) == col(Expert.id))
            .join(Dossier, col(Dossier.id) == col(Conflict.dossier_id))
        )
        return {(e, d, r): s for e, d, r, s in session.exec(query)}


def test_search_settles_and_repeats(office: Office, round_row: Round) -> None:
    """A second search changes nothing; what no longer holds goes, and the batches tell it."""
    _set(office, Expert, "X001", employer="申报单位3", credit_code="")
    _set(office, Expert, "X002", avoid_units="申报单位5")
    first = office.do(STAFF, conflicts.find_conflicts, pk(round_row))
    assert (first["new"], first["confirmed"]) == (2, 2)
    again = office.do(STAFF, conflicts.find_conflicts, pk(round_row))
    assert (again["new"], again["unchanged"], again["removed"]) == (0, 2, 0)
    _set(office, Expert, "X001", employer="别的单位")
    third = office.do(STAFF, conflicts.find_conflicts, pk(round_row))
    assert (third["removed"], third["confirmed"]) == (1, 1)
    with office.store.reading() as session:
        all_batches = batches.batches(session, "conflicts", pk(round_row))
        changes = batches.changes_between(session, all_batches[0], all_batches[-1])
    assert [(one.subject, one.kind) for one in changes] == [
        ("X001/S03/same-employer-name", "removed")
    ]


def test_decisions_outlive_searches(office: Office, round_row: Round) -> None:
    """A suspected pair is confirmed or dismissed with a reason, and no search undoes it."""
    _set(office, Expert, "X001", avoid_people="王某")
    _set(office, Dossier, "S04", application={"legal": {"name": "王某"}})
    assert office.do(STAFF, conflicts.find_conflicts, pk(round_row))["suspected"] == 1
    with office.store.reading() as session:
        found = session.exec(select(Conflict)).one()
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, conflicts.decide_suspected, pk(found), confirm=True, reason=" ")
    office.do(STAFF, conflicts.decide_suspected, pk(found), confirm=False, reason="同名不同人")
    assert office.do(STAFF, conflicts.find_conflicts, pk(round_row))["dismissed"] == 1
    office.do(STAFF, conflicts.decide_suspected, pk(found), confirm=True, reason="补充核实")
    assert _stored(office) == {("X001", "S04", "avoid-person"): "confirmed"}


def test_declarations_and_requests(office: Office, round_row: Round) -> None:
    """Experts and staff exclude by declaring; a unit's request waits for a reasoned decision."""
    rows = [
        RecusalRow("X001", "S01", "kin", "配偶任职", "expert", "专家1"),
        RecusalRow("D00000002", "申报单位2", "associate", "师生", "staff"),
        RecusalRow("X003", "S03", "other-interest", "曾有纠纷", "unit"),
    ]
    counts = office.do(STAFF, conflicts.import_recusals, pk(round_row), rows)
    assert (counts["declared"], counts["requested"], counts["confirmed"]) == (2, 1, 2)
    assert office.do(STAFF, conflicts.find_conflicts, pk(round_row))["confirmed"] == 2
    with office.store.reading() as session:
        request = session.exec(select(RecusalRequest)).one()
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, requests.decide_request, pk(request), accept=True, reason="")
    office.do(STAFF, requests.decide_request, pk(request), accept=True, reason="情况属实")
    with pytest.raises(WorkflowError, match="already-decided"):
        office.do(STAFF, requests.decide_request, pk(request), accept=False, reason="再议")
    office.do(STAFF, conflicts.find_conflicts, pk(round_row))
    assert _stored(office)["X003", "S03", "unit-request"] == "confirmed"
    with office.store.reading() as session:
        seen = shown(session, pk(round_row), names=True)
        rates = exclusion_rates(session, pk(round_row), seen)
        pair = explain_pair(session, seen, request.expert_id, request.dossier_id)
    assert [(one.dossier, one.asked, one.accepted, one.excluded) for one in rates.requesters] == [
        ("S03", 1, 1, 1)
    ]
    assert rates.requesters[0].share == pytest.approx(1 / 48)
    assert {one.number: one.by_own_word for one in rates.experts} == {
        "X001": 1,
        "X002": 0,
        "X003": 0,
    }
    assert [one.rule for one in pair] == ["unit-request"]


def test_unresolved_declarations_change_nothing(office: Office, round_row: Round) -> None:
    """All that names nobody is listed at once, and nothing of the file is taken."""
    rows = [
        RecusalRow("X001", "S01", "kin", "配偶任职", "expert", row=2),
        RecusalRow("X999", "S99", "kin", "配偶任职", "expert", row=3),
        RecusalRow("X002", "S02", "kin", "配偶任职", "expert", "别人", row=4),
    ]
    with pytest.raises(WorkflowError) as caught:
        office.do(STAFF, conflicts.import_recusals, pk(round_row), rows)
    assert [(one["row"], one["code"]) for one in caught.value.facts["issues"]] == [
        (3, "unknown-expert"), (3, "unknown-dossier"), (4, "expert-name-differs"),
    ]  # fmt: skip
    assert _stored(office) == {}


def test_log_tells_counts_and_seals_the_rest(office: Office, round_row: Round) -> None:
    """No name, pool number or evidence of a conflict stands openly in the log."""
    expert = _set(office, Expert, "X001", phone="")
    dossier = _set(office, Dossier, "S01", sector="metal")
    office.do(
        STAFF, conflicts.declare_conflict_pair, pk(round_row), expert, dossier, "kin", "配偶任职",
        "staff",
    )  # fmt: skip
    office.do(STAFF, requests.request_recusal, pk(round_row), expert, dossier, "曾有纠纷")
    with office.store.reading() as session:
        texts = session.exec(
            select(LogEvent.event).where(
                col(LogEvent.type).in_(("conflict.found", "recusal.requested"))
            )
        ).all()
    assert len(texts) == 2
    for text in texts:
        assert not any(secret in text for secret in ("X001", "专家1", "配偶", "纠纷", "S01"))
        assert len(json.loads(text)["body"]["sealed"]) == 64


def test_export_reads_back(office: Office, round_row: Round) -> None:
    """The exported list of conflicts reads back equal, in both languages."""
    _set(office, Expert, "X002", avoid_units="申报单位5", name="=1+1")
    office.do(STAFF, conflicts.find_conflicts, pk(round_row))
    for language in ("zh", "en"):
        with office.store.reading() as session:
            seen = shown(session, pk(round_row), names=True)
            rows = export_rows(session, seen, language)
        assert len(rows) == 1
        again, table = read_conflicts(write_conflicts(rows), "c.xlsx")
        assert (list(again), table.issues) == (rows, ())


def test_rule_must_be_known_and_dossier_of_the_round(office: Office, round_row: Round) -> None:
    """A declaration names a known rule, says something, and is about a dossier of this round."""
    expert = _set(office, Expert, "X001", phone="")
    dossier = _set(office, Dossier, "S01", sector="metal")
    declare = conflicts.declare_conflict_pair
    for args, code in (
        ((pk(round_row), expert, dossier, "nonsense", "x", "staff"), "rule-unknown"),
        ((pk(round_row), expert, dossier, "kin", " ", "staff"), "reason-needed"),
        ((pk(round_row), 999_999, dossier, "kin", "x", "staff"), "not-found"),
    ):
        with pytest.raises(WorkflowError, match=code):
            office.do(STAFF, declare, *args)
