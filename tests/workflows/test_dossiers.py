from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from review_service.exchange.dossiers import DossierRow
from review_service.tables import Dossier
from review_service.workflows import dossiers, rounds
from review_service.workflows.base import WorkflowError, pk
from tests.workflows.conftest import STAFF

if TYPE_CHECKING:
    from review_service.workflows.base import Office


def _row(number: int, /, **changes: object) -> DossierRow:
    row = DossierRow(
        number=f"D{number:02d}", unit=f"单位{number}", credit_code=f"C{number:017d}",
        category="技工院校", sector="装备制造", province="江苏", prefecture=f"市{number // 3}",
        rank=number, calibration=False, application={"legal": {"name": "王一"}},
        indicators={"trained_per_year": 2000, "pass_rate": "89.9"}, row=number + 1,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)  # type: ignore[arg-type]


@pytest.fixture
def draft(office: Office) -> int:
    """An empty draft round."""
    return pk(office.do(STAFF, rounds.create_round, "r2", "一轮", "skills-base-2022"))


def _bring(office: Office, draft: int, rows: list[DossierRow]) -> dict[str, int]:
    return office.do(STAFF, dossiers.import_dossiers, draft, rows, source="d.xlsx", digest="00")


def _stored(office: Office, draft: int) -> dict[str, Dossier]:
    with office.store.reading() as session:
        query = select(Dossier).where(Dossier.round_id == draft).order_by(col(Dossier.number))
        return {one.number: one for one in session.exec(query)}


def test_import_and_correct(office: Office, draft: int) -> None:
    """Dossiers come in, can be corrected while received, and two may swap their ranks."""
    assert _bring(office, draft, [_row(1), _row(2)])["new"] == 2
    counts = _bring(office, draft, [_row(1, rank=2), _row(2, rank=1), _row(3)])
    assert counts == {"new": 1, "updated": 2, "unchanged": 0}
    assert [one.rank for one in _stored(office, draft).values()] == [2, 1, 3]
    assert _bring(office, draft, [_row(1, rank=2)])["unchanged"] == 1


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([_row(i, prefecture="") for i in range(1, 7)], "province-quota"),
        ([_row(i, prefecture="南京市") for i in range(1, 5)], "prefecture-quota"),
        ([_row(1), _row(2, rank=1)], "rank-taken"),
    ],
)
def test_quotas_are_hard(office: Office, draft: int, rows: list[DossierRow], code: str) -> None:
    """Over a quota or with a rank twice nothing comes in at all, also over two files."""
    with pytest.raises(WorkflowError, match=code):
        _bring(office, draft, rows)
    _bring(office, draft, rows[:1])
    with pytest.raises(WorkflowError, match=code):
        _bring(office, draft, rows[1:])
    assert len(_stored(office, draft)) == 1


def test_admitted_content_is_settled(office: Office, draft: int) -> None:
    """An admitted dossier can't be replaced by an import, nor admitted twice."""
    _bring(office, draft, [_row(1), _row(2)])
    assert office.do(STAFF, dossiers.admit_received, draft) == 2
    one = pk(_stored(office, draft)["D01"])
    with pytest.raises(WorkflowError, match="dossier-status"):
        office.do(STAFF, dossiers.admit_dossier, one)
    with pytest.raises(WorkflowError, match="dossiers-settled"):
        _bring(office, draft, [_row(1, unit="别的"), _row(3)])
    assert _bring(office, draft, [_row(1), _row(3)]) == {"new": 1, "updated": 0, "unchanged": 1}
    office.do(STAFF, dossiers.withdraw_dossier, one, reason="单位撤回")
    assert _stored(office, draft)["D01"].status == "withdrawn"


def test_calibration_stands_outside(office: Office, draft: int) -> None:
    """Calibration dossiers don't count in quotas and are never admitted."""
    rows = [_row(i, prefecture="") for i in range(1, 6)]
    rows.append(_row(6, province="", prefecture="", rank=1, calibration=True))
    _bring(office, draft, rows)
    assert office.do(STAFF, dossiers.admit_received, draft) == 5
    assert _stored(office, draft)["D06"].status == "calibration"


def test_a_form_takes_the_place_of_the_application(office: Office, draft: int) -> None:
    """A Word form without issues fills its own unit's dossier while that is received."""
    from review_service.exchange.form_docx import blank_form, write_form
    from review_service.exchange.form_reading import read_form
    from tests.exchange.test_form import _data

    data = _data(5)
    _bring(office, draft, [_row(1, unit=data.unit), _row(2)])
    rows = _stored(office, draft)
    form = read_form(write_form(data), "form.docx")
    for number, file, code in (
        ("D01", read_form(blank_form(), "form.docx"), "form-issues"),
        ("D02", form, "form-unit"),
    ):
        with pytest.raises(WorkflowError, match=code):
            office.do(STAFF, dossiers.take_form, pk(rows[number]), file)
    office.do(STAFF, dossiers.take_form, pk(rows["D01"]), form)
    stored = _stored(office, draft)["D01"]
    assert (stored.application, stored.indicators) == (data.application, form.indicators)
    office.do(STAFF, dossiers.admit_dossier, pk(stored))
    with pytest.raises(WorkflowError, match="dossier-status"):
        office.do(STAFF, dossiers.take_form, pk(stored), form)


def test_gates_are_exact(office: Office, draft: int) -> None:
    """Figures reach the gates as they were given: 89.9 % is below 90 %, missing is missing."""
    _bring(office, draft, [_row(1)])
    with office.store.reading() as session:
        dossier = session.exec(select(Dossier).where(Dossier.round_id == draft)).one()
        from review_service.tables import Round

        gates = dossiers.gates_of(session.get_one(Round, draft), dossier)
    assert {one.gate.id: one.status for one in gates if not one.missing} == {
        "trained-per-year": "passed", "pass-rate": "failed",
    }  # fmt: skip
