"""A round's dossiers as a workbook: one row a dossier, with application data and gate figures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from review_service.exchange import form
from review_service.exchange import values as v
from review_service.exchange.columns import Column, ImportFile, Progress, Record, TableFile
from review_service.exchange.places import PROVINCE_NAMES, PROVINCES
from review_service.exchange.reading import read_table
from review_service.exchange.workbooks import template, write_table
from scoring.gates import check_gates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from review_service.exchange.errors import Issue
    from scoring.rubric import Rubric

SHEET: Final = "申报材料"
COMPETING, CALIBRATION = "参评", "校准"


@dataclass(frozen=True)
class DossierRow:
    """A dossier as recommended. `application` is the form's record (review_service.exchange.form).

    `indicators` holds the gates' figures by the rubric's names: int, or decimal text. A
    calibration dossier is scored by everyone and competes with nobody; its province may be empty.
    """

    number: str
    unit: str
    credit_code: str
    category: str
    sector: str
    province: str
    prefecture: str
    rank: int
    calibration: bool
    application: Mapping[str, Any]
    indicators: Mapping[str, int | str]
    row: int = dataclasses.field(default=0, compare=False)


DossierFile = ImportFile[DossierRow]


_HEAD: Final = (
    Column("number", "材料编号", v.text(40), required=True, also=("编号", "Number")),
    Column("unit", "申报单位名称", v.text(120), required=True, width=32,
           also=("申报单位", "单位名称", "Unit")),
    Column("credit_code", "统一社会信用代码", v.credit_code, required=True, width=22,
           also=("信用代码", "Credit code")),
    Column("category", "单位类别",
           v.choice({one.replace("“", "").replace("”", ""): one for one in form.CATEGORIES}
                    | {one: one for one in form.CATEGORIES}, form.CATEGORIES),
           required=True, also=("Category",), choices=form.CATEGORIES, width=18),
    Column("category_other", "其他类别说明", v.text(60), also=("Other category",)),
    Column("sector", "产业类别", v.text(40), required=True, also=("行业", "类别", "Sector")),
    Column("province", "省份", v.choice(PROVINCE_NAMES, tuple(PROVINCES)), also=("Province",),
           choices=tuple(PROVINCES), width=8, help_zh="参评材料必填",
           help_en="needed for dossiers that compete"),
    Column("prefecture", "地市", v.text(40), also=("盟市", "Prefecture")),
    Column("rank", "省内排序", v.whole(1, 999), required=True, numeric=True, width=8,
           also=("排序", "推荐排序", "Rank")),
    Column("purpose", "用途", v.choice({COMPETING: False, CALIBRATION: True}), empty=False,
           also=("Purpose",), choices=(COMPETING, CALIBRATION), width=8),
)  # fmt: skip
COLUMNS: Final = _HEAD + tuple(
    Column(
        one.path, one.zh, one.parse, also=(one.en,), empty=one.empty,
        numeric=one.kind in {"whole", "decimal"}, width=40 if one.kind == "long" else 16,
        required=False,
    )
    for one in form.FIELDS
)  # fmt: skip


def read_dossiers(
    data: bytes,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    *,
    per_province: int = 5,
    per_prefecture: int = 3,
    rubric: Rubric | None = None,
    progress: Progress | None = None,
) -> DossierFile:
    """Read a workbook of dossiers; quotas and ranks are checked over all its rows.

    With `rubric`, a figure below a gate is a notice: reviewers see it, the import refuses nobody.
    """
    table = read_table(data, filename, COLUMNS, mapping=mapping, sheet=sheet, progress=progress)
    checker = _Checker(table)
    rows = tuple(row for record in table.records if (row := checker.row(record)) is not None)
    checker.quotas(rows, per_province, per_prefecture)
    notices = [] if rubric is None else [one for row in rows for one in _gates(table, row, rubric)]
    return table.filled(data, rows, checker.issues, notices)


def _gates(table: TableFile, row: DossierRow, rubric: Rubric) -> Iterator[Issue]:
    figures = {name: Decimal(str(value)) for name, value in row.indicators.items()}
    for gate in check_gates(rubric, figures):
        if gate.status == "failed":
            yield table.issue(
                "gate-failed", row.row, "number", f"{gate.value}{gate.gate.unit_zh}",
                article="、".join(f"第{one}条" for one in gate.gate.articles),
                limit=f"{gate.threshold}{gate.gate.unit_zh}",
            )  # fmt: skip


def write_dossiers(rows: Sequence[DossierRow]) -> bytes:
    """Return an .xlsx that `read_dossiers` reads back to equal rows."""
    return write_table(SHEET, COLUMNS, [_flat(row) for row in rows])


def dossiers_template() -> bytes:
    """Return an empty .xlsx with headers, choices and explanations."""
    return template(SHEET, COLUMNS)


def _flat(row: DossierRow) -> dict[str, Any]:
    flat: dict[str, Any] = {
        one: getattr(row, one)
        for one in ("number", "unit", "credit_code", "category", "sector", "province",
                    "prefecture", "rank")
    }  # fmt: skip
    flat["category_other"] = row.application.get("category_other", "")
    flat["purpose"] = CALIBRATION if row.calibration else COMPETING
    for one in form.FIELDS:
        value = form.get(row.application, one.path)
        # Decimal text goes out as a number, so that Excel can add it up.
        flat[one.path] = v.exact(value) if one.kind == "decimal" and value is not None else value
    return flat


class _Checker:
    """Checks across the fields and rows of a workbook of dossiers."""

    def __init__(self, table: TableFile) -> None:
        self._table = table
        self._seen: dict[tuple[str, str], int] = {}
        self.issues: list[Issue] = []

    def row(self, record: Record) -> DossierRow | None:
        """Return the dossier of a row, or None where it has an issue."""
        before, values = len(self.issues), record.values
        self._once(record.row, "number", values["number"], "duplicate-number")
        self._once(record.row, "credit_code", values["credit_code"], "duplicate-unit")
        self._once(record.row, "unit", values["unit"], "duplicate-unit")
        if values["category"] == "其他" and not values["category_other"]:
            self.issues.append(self._table.issue("category-other", record.row, "category_other"))
        if not values["province"] and not values["purpose"]:
            self.issues.append(self._table.issue("required", record.row, "province"))
        application: dict[str, Any] = {"category_other": values["category_other"]}
        for one in form.FIELDS:
            form.put(application, one.path, values[one.path])
        for issue in form.check_form(application):
            if issue.code != "required":  # a list may be sent before the forms are complete
                placed = self._table.issue(issue.code, record.row, issue.field, issue.value)
                self.issues.append(dataclasses.replace(placed, facts=issue.facts))
        if len(self.issues) > before:
            return None
        return DossierRow(
            **{one: values[one] for one in ("number", "unit", "credit_code", "category", "sector",
                                            "province", "prefecture", "rank")},
            calibration=values["purpose"],
            application=application,
            indicators=form.indicators(application),
            row=record.row,
        )  # fmt: skip

    def quotas(self, rows: Sequence[DossierRow], per_province: int, per_prefecture: int) -> None:
        """Check ranks and quotas of the competing dossiers, province by province."""
        ranks: dict[str, dict[int, int]] = {}
        cities: dict[tuple[str, str], list[int]] = {}
        for one in rows:
            if one.calibration:
                continue
            taken = ranks.setdefault(one.province, {})
            facts: dict[str, Any] = {"province": one.province, "rank": one.rank}
            if one.rank in taken:
                other = taken[one.rank]
                self.issues.append(
                    self._table.issue("rank-twice", one.row, "rank", **facts, other=other)
                )
            taken[one.rank] = one.row
            if one.rank > per_province:
                self.issues.append(
                    self._table.issue("rank-above-quota", one.row, "rank", str(one.rank),
                                limit=per_province)
                )  # fmt: skip
            if one.prefecture:
                cities.setdefault((one.province, one.prefecture), []).append(one.row)
        # A rank seems to be missing where its row has another fault; that one is told first.
        whole = not self._table.issues and not self.issues
        for province, taken in ranks.items() if whole else ():
            for gap in sorted(set(range(1, max(taken) + 1)) - set(taken)):
                last = taken[max(taken)]
                self.issues.append(
                    self._table.issue("rank-gap", last, "rank", province=province, rank=gap)
                )
        for (_, prefecture), places in cities.items():
            if len(places) > per_prefecture:
                self.issues.append(
                    self._table.issue(
                        "prefecture-quota", places[-1], "prefecture", prefecture=prefecture,
                        count=len(places), limit=per_prefecture,
                    )
                )  # fmt: skip

    def _once(self, row: int, name: str, value: str, code: str) -> None:
        other = self._seen.setdefault((name, value), row)
        if other != row:
            header = self._table.columns.get(name, name)
            self.issues.append(self._table.issue(code, row, name, value, other=other, by=header))
