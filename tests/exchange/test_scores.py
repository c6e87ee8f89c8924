from __future__ import annotations

import io

import openpyxl

from review_service.exchange.scores import ScoreRow, read_scores, write_scores
from scoring.rubric import load_rubric

RUBRIC = load_rubric("skills-base-2022")
FULL = dict.fromkeys(RUBRIC.criteria, 7)
ROWS = (
    ScoreRow("D1", 3, FULL, {"platform": "第12页\n有据"}, unit="=甲厂"),
    ScoreRow("D2", 0, {}, {}, unit="乙校"),
)


def _changed(column: int, value: object, row: int = 2) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(write_scores(ROWS, RUBRIC)))
    book.worksheets[0].cell(row, column).value = value
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_sheet_round_trip() -> None:
    """A sheet written for an expert reads back equal: levels, notes and versions."""
    file = read_scores(write_scores(ROWS, RUBRIC), "s.xlsx", RUBRIC, {"D1", "D2"})
    assert (file.issues, file.rows) == ((), ROWS)
    assert {(one.code, one.row) for one in file.notices} == {("score-missing", 3)}
    assert len(file.notices) == len(RUBRIC.criteria)


def test_missing_is_never_zero() -> None:
    """An emptied cell is a criterion without a level, said so, and not a zero."""
    file = read_scores(_changed(5, None), "s.xlsx", RUBRIC, {"D1", "D2"})
    assert file.issues == ()
    assert "platform" not in file.rows[0].levels
    assert len(file.rows[0].levels) == len(FULL) - 1


def test_each_fault_is_at_its_cell() -> None:
    """Off the scale, another rubric, somebody else's dossier, a dossier twice: each is named."""
    cases = [
        (_changed(5, 11), "score-scale", "E2"),
        (_changed(5, 7.5), "score-scale", "E2"),
        (_changed(5, "七"), "score-scale", "E2"),
        (_changed(4, "0" * 16), "other-rubric", "D2"),
        (_changed(1, "D9"), "not-assigned", "A2"),
        (_changed(1, "D1", row=3), "duplicate-review", "A3"),
        (_changed(3, None), "required", "C2"),
    ]
    for data, code, cell in cases:
        file = read_scores(data, "s.xlsx", RUBRIC, {"D1", "D2"})
        assert [(one.code, one.cell) for one in file.issues] == [(code, cell)]
        assert "{" not in file.issues[0].sentence("zh") + file.issues[0].sentence("en")
