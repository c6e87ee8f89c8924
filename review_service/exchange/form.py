"""The application form of annex 2 as data: every field once, with its label, place and limits.

A filled form is a nested record of plain JSON values (`application` of a dossier). This list of
fields is what the online form, the Word form and the dossiers' workbook are all made from.
Figures are kept exact: whole numbers as int, others as decimal text ("92.5").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from review_service.exchange import values as v
from review_service.exchange.errors import BadValueError, Issue

SECTION_LIMIT: Final = 3000
CATEGORIES: Final = (
    "制造业龙头企业", "单项冠军企业", "专精特新“小巨人”企业", "技工院校", "公共实训中心", "其他",
)  # fmt: skip
YEARS: Final = (2019, 2020, 2021)
SECTIONS: Final = (
    "申报背景", "工作基础", "师资队伍", "技能培训", "技能评价", "技能竞赛", "合作交流", "建设规划",
)  # fmt: skip


@dataclass(frozen=True)
class FormField:
    """A field: its path in the record, labels, parser, whether needed, and the part it stands in.

    `kind` says how a page asks for it: text, long, whole, decimal, choice, yes-no, month, items.
    """

    path: str
    zh: str
    en: str
    parse: v.Parser
    kind: str = "text"
    part: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def empty(self) -> Any:
        """What stands for nothing: "" for texts, None for figures and answers."""
        return "" if self.kind in {"text", "long", "items", "month", "choice"} else None


def _exact(low: int, high: int) -> v.Parser:
    parse = v.decimal(low, high)

    def read(raw: Any) -> int | str:
        return plain(parse(raw))

    return read


def plain(number: Decimal) -> int | str:
    """Return a figure as JSON keeps it: int where whole, else decimal text."""
    return int(number) if number == int(number) else format(number.normalize(), "f")


def _count(path: str, zh: str, en: str, part: str, *, high: int = 10_000_000) -> FormField:
    return FormField(path, zh, en, v.whole(0, high), "whole", part)


def _figure(path: str, zh: str, en: str, part: str, *, high: int = 100_000_000) -> FormField:
    return FormField(path, zh, en, _exact(0, high), "decimal", part)


def _line(
    path: str, zh: str, en: str, part: str, parse: v.Parser | None = None, *, required: bool = False
) -> FormField:
    return FormField(path, zh, en, parse or v.text(200), "text", part, required)


def section_text(raw: Any) -> str:
    """Parse a narrative section; its characters are counted as a person would (`characters`)."""
    value: str = v.text(100_000, lines=True)(raw)
    count = characters(value)
    if count > SECTION_LIMIT:
        raise BadValueError("too-long", length=count, limit=SECTION_LIMIT)
    return value


def characters(text: str) -> int:
    """Return how many characters a person counts: blanks and line breaks don't, signs do.

    A letter with its combining marks is one, as is a character outside the first plane.
    """
    return sum(not one.isspace() and not _combining(one) for one in text)


def _combining(one: str) -> bool:
    code = ord(one)
    return 0x0300 <= code <= 0x036F or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


_VOLUMES = tuple(
    field
    for year in YEARS
    for field in (
        _count(f"volumes.{year}.total", f"{year}年培训数量", f"trained in {year}", "volumes"),
        _count(f"volumes.{year}.senior", f"{year}年高级工及以上数量",
               f"senior and above in {year}", "volumes"),
    )
)  # fmt: skip
_NARRATIVE = tuple(
    field
    for number, title in enumerate(SECTIONS, 1)
    for field in (
        FormField(f"sections.{number}.text", f"{number}.{title}", f"section {number}",
                  section_text, "long", "sections", required=True),
        FormField(f"sections.{number}.pages", f"{number}.{title}证明材料页码",
                  f"pages of evidence {number}", v.text(200), "text", "sections"),
    )
)  # fmt: skip

FIELDS: Final = (
    _line("supervisor", "主管单位", "supervising unit (cover)", "cover"),
    FormField("applied_occupations", "申报职业", "occupations applied for", v.items(60), "items",
              "cover"),
    FormField("filled_on", "填报时间", "filled in on", v.date, "month", "cover"),
    _line("address", "申报单位地址", "address", "unit"),
    _line("postcode", "邮政编码", "postcode", "unit", v.text(10)),
    _line("website", "网址", "website", "unit"),
    _line("legal.name", "法人代表姓名", "legal representative", "legal", v.person, required=True),
    _line("legal.post", "法人代表职务", "post", "legal", v.text(60)),
    _line("legal.phone", "法人代表办公电话", "office phone", "legal", v.phone),
    _line("legal.fax", "法人代表传真", "fax", "legal", v.phone),
    _line("legal.mobile", "法人代表手机", "mobile", "legal", v.phone),
    _line("legal.email", "法人代表电子邮箱", "e-mail", "legal", v.email),
    _line("department", "申报单位主管部门", "supervising department", "unit"),
    _figure("premises.area", "教学与实训场所建筑面积（平方米）", "floor area (m²)", "premises"),
    _count("premises.equipment_count", "教学实训设备数量（台/套）", "training equipment (sets)",
           "premises"),
    _figure("premises.equipment_value", "教学实训设备总值（万元）",
            "training equipment (10,000 yuan)", "premises"),
    _count("premises.robots_count", "智能机器人仪器设备数量（台/套）", "robot equipment (sets)",
           "premises"),
    _figure("premises.robots_value", "智能机器人仪器设备总值（万元）",
            "robot equipment (10,000 yuan)", "premises"),
    _count("teachers.full_time", "专任教师人数", "full-time teachers", "teachers"),
    _count("teachers.dual", "一体化（双师型）教师人数", "double-qualified teachers", "teachers"),
    _count("teachers.senior_instructor", "高级实习指导教师", "senior instructors", "teachers"),
    _count("teachers.first_instructor", "一级实习指导教师", "first-grade instructors", "teachers"),
    _count("teachers.other_instructor", "其他职称", "other titles", "teachers"),
    _count("teachers.senior_technician", "高级技师", "senior technicians", "teachers"),
    _count("teachers.technician", "技师", "technicians", "teachers"),
    _count("teachers.senior_worker", "高级工", "senior workers", "teachers"),
    _count("teachers.other_level", "其他技能等级", "other skill levels", "teachers"),
    FormField("evaluation.qualified", "是否为技能等级认定机构", "skill evaluation institution",
              v.yes_no, "yes-no", "evaluation"),
    FormField("evaluation.since", "获批等级认定资质时间", "approved since", v.month, "month",
              "evaluation"),
    _count("evaluation.occupations", "等级认定资质制造类职业（工种）数量",
           "manufacturing occupations evaluated", "evaluation"),
    *_VOLUMES,
    FormField("occupations", "培训评价职业（工种）", "occupations trained and evaluated",
              v.items(60), "items", "occupations"),
    *_NARRATIVE,
    # What articles 9, 10, 12 and 21 ask for and the form's boxes don't: declared beside the form.
    _count("declared.capacity_per_year", "教学与实训场所年培训承载量（人次）",
           "trainees a year the premises can take", "declared"),
    _count("declared.equipped_occupations", "有匹配实训设备的职业（工种）数",
           "occupations with equipment", "declared"),
    _count("declared.experts_per_occupation", "每个职业（工种）专家数（取最少者）",
           "experts an occupation (fewest)", "declared"),
    _figure("declared.pass_rate", "培训合格率（%）", "pass rate (%)", "declared", high=100),
    _figure("declared.satisfaction", "企业和学员满意率（%）", "satisfaction (%)", "declared",
            high=100),
    # What recusal needs to know (Procurement Regulations, article 9).
    FormField("related_units", "母公司及控股、实际控制单位", "parent and controlling units",
              v.items(120), "items", "related"),
    FormField("prepared_by", "参与编制申报材料的人员和单位", "who helped prepare the application",
              v.items(120), "items", "related"),
)  # fmt: skip
BY_PATH: Final = {one.path: one for one in FIELDS}


def get(record: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a dotted path of a record, None where nothing does."""
    found: Any = record
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def put(record: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at a dotted path, making the levels between."""
    *levels, last = path.split(".")
    for step in levels:
        record = record.setdefault(step, {})
    record[last] = value


def check_form(record: Mapping[str, Any]) -> list[Issue]:
    """Return what is missing or contradictory in a form; `field` holds the path."""
    issues = [
        Issue("required", "", field=one.path, header=one.zh)
        for one in FIELDS
        if one.required and get(record, one.path) in {None, ""}
    ]
    pairs = [(f"volumes.{year}.senior", f"volumes.{year}.total") for year in YEARS]
    for part, whole in pairs:
        few, many = get(record, part), get(record, whole)
        if few is not None and many is not None and few > many:
            facts = {"part": BY_PATH[part].zh, "whole": BY_PATH[whole].zh, "limit": many}
            issues.append(
                Issue("part-above-whole", "", field=part, header=BY_PATH[part].zh,
                      value=str(few), facts=facts)
            )  # fmt: skip
    return issues


def indicators(record: Mapping[str, Any]) -> dict[str, int | str]:
    """Return the figures of the gates that a form gives, by the rubric's indicator names.

    Volume and share are of the latest year filled in. A share is cut, never rounded up, to two
    decimals: 19.999 % stays below 20 %.
    """
    found: dict[str, int | str | None] = {
        "equipment_value": get(record, "premises.equipment_value"),
        **{name: get(record, f"declared.{name}") for name in
           ("capacity_per_year", "equipped_occupations", "experts_per_occupation", "pass_rate",
            "satisfaction")},
    }  # fmt: skip
    for year in sorted(YEARS, reverse=True):
        total, senior = (get(record, f"volumes.{year}.{one}") for one in ("total", "senior"))
        if total is not None:
            found["trained_per_year"] = total
            if total and senior is not None:
                found["senior_share"] = plain(Decimal(senior * 10_000 // total) / 100)
            break
    return {name: value for name, value in found.items() if value is not None}
