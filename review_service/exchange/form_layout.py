"""The layout of annex 2: the form's table, row by row, and what stands in each cell.

A row is a list of cells; a cell is a label, a field to fill in, or the continuation of the cell
above. The main table has nine columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from review_service.exchange.form import SECTIONS, YEARS

WIDTH: Final = 9
TITLE: Final = "国家技能根基工程培训基地"
# Fields of a form beside those of its record: a dossier keeps them in columns of their own.
HEAD: Final = {
    "unit": "申报单位名称",
    "credit_code": "统一社会信用代码",
    "category": "单位类别",
    "category_other": "其他类别说明",
}


@dataclass(frozen=True)
class Label:
    """Fixed text; `tall` begins a cell that goes on below."""

    text: str
    span: int = 1
    tall: bool = False


@dataclass(frozen=True)
class Fill:
    """A field by its path."""

    path: str
    span: int = 1


@dataclass(frozen=True)
class Below:
    """The cell above goes on."""

    span: int = 1


Cell = Label | Fill | Below
Row = tuple[Cell, ...]

_LEGAL = Label("法人代表信息", tall=True)
_TITLES = ("senior_instructor", "first_instructor", "other_instructor")
_LEVELS = ("senior_technician", "technician", "senior_worker", "other_level")

MAIN: Final[tuple[Row, ...]] = (
    (Label("申报单位名称"), Fill("unit", 3), Label("单位类别"), Fill("category", 4)),
    (Label("申报单位地址"), Fill("address", 8)),
    (Label("邮政编码"), Fill("postcode", 3), Label("网址"), Fill("website", 4)),
    (_LEGAL, Label("姓名"), Fill("legal.name", 2), Label("职务"), Fill("legal.post", 4)),
    (Below(), Label("办公电话"), Fill("legal.phone", 2), Label("传真"), Fill("legal.fax", 4)),
    (Below(), Label("手机"), Fill("legal.mobile", 2), Label("电子邮箱"), Fill("legal.email", 4)),
    (Label("申报单位主管部门"), Fill("department", 8)),
    (Label("培训场所条件", tall=True), Label("教学与实训场所建筑面积（平方米）", 2),
     Fill("premises.area", 6)),
    (Below(), Label("教学实训设备", tall=True), Label("数量（台/套）"),
     Fill("premises.equipment_count", 2), Label("智能机器人仪器设备", tall=True),
     Label("数量（台/套）"), Fill("premises.robots_count", 2)),
    (Below(), Below(), Label("总值（万元）"), Fill("premises.equipment_value", 2), Below(),
     Label("总值（万元）"), Fill("premises.robots_value", 2)),
    (Label("培训师资情况", tall=True), Label("专任教师人数", 2), Fill("teachers.full_time", 2),
     Label("一体化（双师型）教师人数", 2), Fill("teachers.dual", 2)),
    (Below(), Label("实习指导教师人数", tall=True), Label("职称", 3),
     Label("职业资格（技能等级）", 4)),
    (Below(), Below(), Label("高级实习指导教师"), Label("一级实习指导教师"), Label("其他"),
     Label("高级技师"), Label("技师"), Label("高级工"), Label("其他")),
    (Below(), Below(), *(Fill(f"teachers.{one}") for one in (*_TITLES, *_LEVELS))),
    (Label("培训评价能力", tall=True), Label("是否为技能等级认定机构"),
     Fill("evaluation.qualified"), Label("获批等级认定资质时间"), Fill("evaluation.since", 2),
     Label("等级认定资质制造类职业（工种）数量", 2), Fill("evaluation.occupations")),
    (Below(), Label("培训总量（人次）", tall=True), Label(f"{YEARS[0]}年", 2),
     Label(f"{YEARS[1]}年", 2), Label(f"{YEARS[2]}年", 3)),
    (Below(), Below(), Label("培训数量"), Label("高级工及以上数量"), Label("培训数量"),
     Label("高级工及以上数量"), Label("培训数量"), Label("高级工及以上数量", 2)),
    (Below(), Below(), *(
        Fill(f"volumes.{year}.{one}", 2 if (year, one) == (YEARS[2], "senior") else 1)
        for year in YEARS for one in ("total", "senior")
    )),
)  # fmt: skip

COVER: Final[tuple[tuple[str, str, str], ...]] = (
    ("申报单位", "unit#cover", "（公章）"),
    ("主管单位", "supervisor", "（公章）"),
    ("申报职业", "applied_occupations", ""),
    ("填报时间", "filled_on", ""),
)

# What the sections ask for, in the form's order and our words.
HINTS: Final = (
    "当地制造业发展的形势任务，技能人才需求和培训计划推进的总体情况及有关数据",
    "申报主体基本情况，制造业技能人才培训场地、设施设备、制度和资金保障",
    "制造业领域师资队伍培养体系、师资培训及专家团队建设",
    "培养工种、培训规模、体系建设、质量、形式及配套资源",
    "技能评价资质、评价规模及规范管理能力",
    "技能竞赛组织能力、办赛条件及成果转化",
    "国际交流、技术推广及校企合作",
    "结合以上各方面，到2027年底的指导思想、思路、总体和阶段目标，以及可量化、可监测的产出指标",
)

# The page after the form: what the gates and recusal need and annex 2 has no box for.
SUPPLEMENT: Final[tuple[tuple[str, str], ...]] = (
    ("统一社会信用代码", "credit_code"),
    ("教学与实训场所年培训承载量（人次）", "declared.capacity_per_year"),
    ("有匹配实训设备的职业（工种）数", "declared.equipped_occupations"),
    ("每个职业（工种）专家数（取最少者）", "declared.experts_per_occupation"),
    ("培训合格率（%）", "declared.pass_rate"),
    ("企业和学员满意率（%）", "declared.satisfaction"),
    ("母公司及控股、实际控制单位", "related_units"),
    ("参与编制申报材料的人员和单位", "prepared_by"),
)


def section_title(number: int) -> str:
    """Return the title of a narrative section, counted from 1."""
    return f"{number}.{SECTIONS[number - 1]}"
