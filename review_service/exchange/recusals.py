"""Declarations of recusal as a table: who keeps off which dossier, why, and who says so."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from review_service.exchange import values as v
from review_service.exchange.columns import Column, ImportFile, Progress
from review_service.exchange.reading import read_table
from review_service.exchange.workbooks import template, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHEET: Final = "回避申报"
# What people declare → the code of the rule (review_service.workflows.conflict_rules).
REASONS: Final = {
    "任职": "employed", "顾问或兼职": "adviser", "亲属关系": "kin", "参与编制申报材料": "prepared",
    "师生或合作": "associate", "其他利害关系": "other-interest",
}  # fmt: skip


@dataclass(frozen=True)
class RecusalRow:
    """A declaration. `expert` is a pool number or document number, `dossier` a dossier's number,
    unit or credit code; `rule` a code of `REASONS`; `declared_by` expert, unit or staff.
    """  # noqa: D205 - the fields don't fit one line

    expert: str
    dossier: str
    rule: str
    evidence: str
    declared_by: str
    name: str = ""
    row: int = dataclasses.field(default=0, compare=False)


RecusalFile = ImportFile[RecusalRow]


DECLARERS: Final = {"专家本人": "expert", "申报单位": "unit", "工作人员": "staff"}
COLUMNS: Final = (
    Column("expert", "专家编号或证件号码", v.text(40), required=True, mask=True, width=22,
           also=("专家编号", "证件号码", "Expert")),
    Column("name", "专家姓名", v.person, also=("姓名", "Name"), help_zh="用于核对，可不填",
           help_en="to check against the pool; may be empty"),
    Column("dossier", "材料编号或申报单位", v.text(120), required=True, width=32,
           also=("材料编号", "申报单位", "申报单位名称", "Dossier"),
           help_zh="编号、单位名称或信用代码", help_en="number, unit or credit code"),
    Column("rule", "回避事由", v.choice(REASONS), required=True, also=("Reason",),
           choices=tuple(REASONS), width=18),
    Column("evidence", "具体情况", v.text(500, lines=True), required=True, width=48,
           also=("依据", "说明", "Evidence")),
    Column("declared_by", "申报人", v.choice(DECLARERS), required=True, also=("Declared by",),
           choices=tuple(DECLARERS), width=12),
)  # fmt: skip


def read_recusals(
    data: bytes,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    *,
    progress: Progress | None = None,
) -> RecusalFile:
    """Read declarations of recusal; whether expert and dossier exist is the import's to check."""
    table = read_table(data, filename, COLUMNS, mapping=mapping, sheet=sheet, progress=progress)
    rows, issues = [], []
    seen: dict[tuple[str, str, str], int] = {}
    for record in table.records:
        row = RecusalRow(**record.values, row=record.row)
        other = seen.setdefault((row.expert, row.dossier, row.rule), record.row)
        if other == record.row:
            rows.append(row)
        else:
            issues.append(
                table.issue("duplicate-number", record.row, "dossier", row.dossier, other=other)
            )
    return table.filled(data, rows, issues)


def write_recusals(rows: Sequence[RecusalRow]) -> bytes:
    """Return an .xlsx that `read_recusals` reads back to equal rows."""
    names = {code: zh for zh, code in REASONS.items()}
    declarers = {code: zh for zh, code in DECLARERS.items()}
    flat: list[dict[str, Any]] = [
        dataclasses.asdict(row)
        | {"rule": names[row.rule], "declared_by": declarers[row.declared_by]}
        for row in rows
    ]
    return write_table(SHEET, COLUMNS, flat)


def recusals_template() -> bytes:
    """Return an empty .xlsx with headers, choices and explanations."""
    return template(SHEET, COLUMNS)
