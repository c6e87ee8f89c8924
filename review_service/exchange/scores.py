"""Scoring away from the net: an expert's dossiers as a workbook, filled in and brought back.

Each row carries the version of the review that it was written from, and the digest of the rubric:
a row that is older than what was saved online since is refused when it is saved, and levels never
meet another rubric's criteria.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from review_service.exchange import values as v
from review_service.exchange.columns import Column, ImportFile
from review_service.exchange.errors import BadValueError, Issue
from review_service.exchange.reading import read_table
from review_service.exchange.workbooks import Workbook

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from scoring.rubric import Rubric, Scale

SHEET: Final = "评分表"
NOTE_LIMIT: Final = 2000
_DIGEST_SHOWN: Final = 16


@dataclass(frozen=True)
class ScoreRow:
    """An expert's levels and notes for one dossier; criteria that have none are absent.

    `version` is the version of the review online that the row starts from (0: none yet).
    """

    dossier: str
    version: int
    levels: Mapping[str, int]
    notes: Mapping[str, str]
    unit: str = dataclasses.field(default="", compare=False)
    row: int = dataclasses.field(default=0, compare=False)


ScoreFile = ImportFile[ScoreRow]


def _level(scale: Scale) -> v.Parser:
    allowed = set(scale.levels())

    def parse(raw: Any) -> int:
        number = v.exact(raw)
        if number is None or number not in allowed:
            raise BadValueError("score-scale", low=scale.low, high=scale.high, step=scale.step)
        return int(number)

    return parse


def columns_of(rubric: Rubric) -> tuple[Column, ...]:
    """Return the columns of a rubric's sheet: the dossier, its version, a level and note each."""
    columns = [
        Column("dossier", "材料编号", v.text(40), required=True, help_zh="请勿修改"),
        Column("unit", "申报单位", v.text(120), width=30, help_zh="请勿修改"),
        Column("version", "版本", v.whole(0, 1_000_000), required=True, numeric=True, width=6,
               help_zh="请勿修改", help_en="leave as it is"),
        Column("rubric", "评审标准", v.text(64), required=True, width=18, help_zh="请勿修改",
               help_en="leave as it is"),
    ]  # fmt: skip
    for one in rubric.criteria.values():
        anchors = "；".join(f"{level}分：{text.zh}" for level, text in sorted(one.anchors.items()))
        columns += [
            Column(one.id, f"{one.title_zh}〔{one.id}〕", _level(rubric.scale), empty=None,
                   numeric=True, width=12, help_zh=f"{one.guidance_zh}{anchors}",
                   help_en=one.guidance_en),
            Column(f"note.{one.id}", f"{one.title_zh}意见〔{one.id}〕",
                   v.text(NOTE_LIMIT, lines=True), width=24),
        ]  # fmt: skip
    return tuple(columns)


def write_scores(rows: Sequence[ScoreRow], rubric: Rubric) -> bytes:
    """Return an .xlsx for one expert, with a page of guidance; levels given so far stand in it."""
    columns = columns_of(rubric)
    digest = rubric.digest()[:_DIGEST_SHOWN]
    book = Workbook()
    book.add(
        SHEET,
        columns,
        [
            {"dossier": row.dossier, "unit": row.unit, "version": row.version, "rubric": digest}
            | dict(row.levels)
            | {f"note.{name}": text for name, text in row.notes.items()}
            for row in rows
        ],
    )
    book.help(columns)
    return book.close()


def read_scores(data: bytes, filename: str, rubric: Rubric, assigned: Collection[str]) -> ScoreFile:
    """Read a filled sheet; `assigned` are the numbers of the expert's dossiers.

    A level that isn't there is a notice (missing is missing, never zero); a dossier of somebody
    else, one that stands twice, another rubric and a level off the scale are issues.
    """
    table = read_table(data, filename, columns_of(rubric))
    expected = rubric.digest()[:_DIGEST_SHOWN]
    criteria = rubric.criteria.values()
    rows: list[ScoreRow] = []
    issues: list[Issue] = []
    notices: list[Issue] = []
    seen: dict[str, int] = {}
    for record in table.records:
        found, dossier, at = record.values, record.values["dossier"], record.row
        before = len(issues)
        if found["rubric"] != expected:
            facts = {"found": found["rubric"], "expected": expected}
            issues.append(table.issue("other-rubric", at, "rubric", found["rubric"], **facts))
        if dossier not in assigned:
            issues.append(table.issue("not-assigned", at, "dossier", dossier))
        if (other := seen.setdefault(dossier, at)) != at:
            issues.append(table.issue("duplicate-review", at, "dossier", dossier, other=other))
        if len(issues) > before:
            continue
        notices += [
            table.issue("score-missing", at, one.id)
            for one in criteria
            if found[one.id] is None and not one.optional
        ]
        rows.append(
            ScoreRow(
                dossier,
                found["version"],
                {one.id: found[one.id] for one in criteria if found[one.id] is not None},
                {one.id: found[f"note.{one.id}"] for one in criteria if found[f"note.{one.id}"]},
                found["unit"],
                at,
            )
        )
    return table.filled(data, rows, issues, notices)
