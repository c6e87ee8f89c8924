"""The list of conflicts as a table: who keeps off what, by which rule, with what evidence."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from review_service.exchange import values as v
from review_service.exchange.columns import Column, TableFile
from review_service.exchange.reading import read_table
from review_service.exchange.workbooks import write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

SHEET: Final = "回避关系"
STATUSES: Final = {"已确认": "confirmed", "待核实": "suspected", "已排除": "dismissed"}


@dataclass(frozen=True)
class ConflictRow:
    """A conflict for export: texts as pages show them; `at` is the time in UTC, ISO 8601."""

    expert: str
    name: str
    employer: str
    dossier: str
    unit: str
    rule: str
    basis: str
    evidence: str
    status: str
    source: str
    declared_by: str
    at: str
    reason: str = ""


def _text(name: str, header: str, width: int) -> Column:
    return Column(name, header, v.text(2000, lines=True), width=width)


COLUMNS: Final = (
    _text("expert", "专家编号", 12),
    _text("name", "姓名", 10),
    _text("employer", "工作单位", 30),
    _text("dossier", "材料编号", 12),
    _text("unit", "申报单位", 30),
    _text("rule", "回避情形", 22),
    _text("basis", "依据", 36),
    _text("evidence", "证据", 48),
    Column("status", "状态", v.choice(STATUSES), choices=tuple(STATUSES), width=10),
    _text("source", "来源", 12),
    _text("declared_by", "申报人", 14),
    _text("at", "时间", 22),
    _text("reason", "处理理由", 30),
)


def write_conflicts(rows: Sequence[ConflictRow]) -> bytes:
    """Return an .xlsx of the conflicts; a name that begins with `=` stays text."""
    names = {code: zh for zh, code in STATUSES.items()}
    flat = [dataclasses.asdict(row) | {"status": names[row.status]} for row in rows]
    return write_table(SHEET, COLUMNS, flat)


def read_conflicts(data: bytes, filename: str) -> tuple[tuple[ConflictRow, ...], TableFile]:
    """Read an export back (to compare two of them); the rows and what was wrong with the file."""
    table = read_table(data, filename, COLUMNS)
    return tuple(ConflictRow(**record.values) for record in table.records), table
