"""Lists as .xlsx: results with every figure, the published list, experts. Texts stay texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from review_service.exchange.columns import Column
from review_service.exchange.values import as_text
from review_service.exchange.workbooks import Workbook, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Fields of a dossier on the results page, as columns; True for figures.
_RESULTS: Final = (
    ("place", "名次", True), ("id", "编号", False), ("unit", "单位", False),
    ("province", "省份", False), ("category", "类别", False), ("n", "评审数", True),
    ("raw_mean", "原始分", True), ("trimmed_mean", "去高低均值", True),
    ("z_mean", "标准分", True), ("unshrunk", "未收缩校正分", True), ("adjusted", "校正分", True),
    ("from", "区间下限", True), ("to", "区间上限", True), ("expected_rank", "期望名次", True),
    ("p_top", "入选概率", True), ("raw_place", "原始分名次", True), ("moved", "名次变动", True),
    ("panel", "评审专家平均宽严", True), ("state", "结果", False), ("why", "依据", False),
)  # fmt: skip
_EXPERTS: Final = (
    ("id", "专家代号", False), ("n", "评审数", True), ("effect", "宽严", True),
    ("se", "标准误", True), ("low", "区间下限", True), ("high", "区间上限", True),
)  # fmt: skip
_LISTED: Final = (
    ("number", "序号", True), ("unit", "单位", False), ("category", "类别", False),
    ("province", "省份", False), ("note", "说明", False),
)  # fmt: skip
_SEATED: Final = (
    ("panel", "评审组", False), ("stratum", "类别", False), ("name", "姓名", False),
    ("employer", "工作单位", False), ("title", "职称", False), ("province", "省份", False),
    ("pseudonym", "代号", False), ("state", "情况", False),
)  # fmt: skip
_WIDE: Final = {"unit": 34, "why": 46, "employer": 34, "category": 20}


def _columns(fields: Sequence[tuple[str, str, bool]]) -> list[Column]:
    return [
        Column(name, header, as_text, numeric=numeric, width=_WIDE.get(name, 12))
        for name, header, numeric in fields
    ]


def results_table(
    rows: Sequence[Mapping[str, Any]],
    reviewers: Sequence[Mapping[str, Any]],
    chapters: Sequence[tuple[str, str]],
) -> bytes:
    """Return the results in three sheets: dossiers, their chapters (id, title), experts."""
    book = Workbook()
    flat = [
        {
            **one,
            **{name: getattr(one["dossier"], name) for name in ("unit", "province", "category")},
        }
        for one in rows
    ]
    book.add("结果", _columns(_RESULTS), flat)
    by_chapter = [{"id": one["id"], "unit": one["unit"], **one["chapters"]} for one in flat]
    fields = [("id", "编号", False), ("unit", "单位", False)]
    book.add(
        "各章", _columns([*fields, *((name, title, True) for name, title in chapters)]), by_chapter
    )
    book.add("专家", _columns(_EXPERTS), reviewers)
    return book.close()


def listed_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the published list: number, unit, category, province, whether it came in later."""
    return write_table("名单", _columns(_LISTED), rows)


def seated_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the experts with their names; only for rounds whose names are unsealed."""
    return write_table("专家", _columns(_SEATED), rows)
