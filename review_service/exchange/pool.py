"""The pool of experts as files: every error at its cell; what is written reads back equal."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from review_service.exchange import values as v
from review_service.exchange.affiliations import affiliations
from review_service.exchange.columns import Column, ImportFile, Progress, Record, TableFile, key
from review_service.exchange.errors import Issue
from review_service.exchange.places import PROVINCE_NAMES, PROVINCES
from review_service.exchange.reading import read_table
from review_service.exchange.workbooks import template, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHEET: Final = "专家库"
_SENIOR: Final = (
    "高级", "正高", "副高", "教授", "副教授", "研究员", "副研究员", "主任医师", "副主任医师",
    "研究馆员", "编审", "译审", "特级技师", "首席技师", "一级教师", "正高级",
)  # fmt: skip


@dataclass(frozen=True)
class ExpertRow:
    """An expert as the pool keeps one; lists are one text with items between `；`.

    `number` is empty for a newcomer without a pool number. `row` is where it stood in the file.
    """

    number: str
    name: str
    document: str
    employer: str
    stratum: str
    province: str
    pinyin: str = ""
    sex: str = ""
    credit_code: str = ""
    title: str = ""
    occupations: str = ""
    phone: str = ""
    email: str = ""
    avoid_units: str = ""
    avoid_people: str = ""
    affiliations: str = ""
    born: int | None = None
    in_use: bool = True
    row: int = dataclasses.field(default=0, compare=False)


FIELDS: Final = tuple(one.name for one in dataclasses.fields(ExpertRow) if one.name != "row")


PoolFile = ImportFile[ExpertRow]


@dataclass(frozen=True)
class Eligibility:
    """Who may be in use: `year` is the round's, `age_limit` in full years, organisers by name."""

    year: int
    age_limit: int = 70
    senior_title: bool = True
    organisers: tuple[str, ...] = ()


COLUMNS: Final = (
    Column("number", "编号", v.text(40), also=("专家编号", "序号编号", "No."),
           help_zh="专家库中的编号；新专家可不填", help_en="pool number; empty for a newcomer"),
    Column("name", "姓名", v.person, required=True, also=("专家姓名", "Name")),
    Column("pinyin", "拼音", v.text(120), also=("姓名拼音", "Pinyin"), width=18,
           help_zh="可不填，导入时按姓名生成；多音姓氏请核对",
           help_en="made at the import if empty"),
    Column("sex", "性别", v.choice({"男": "男", "女": "女", "male": "男", "female": "女",
                                  "M": "男", "F": "女"}, ("男", "女")),
           also=("Sex", "Gender"), choices=("男", "女"), width=6),
    Column("document", "证件号码", v.identity, required=True, mask=True, width=22,
           also=("身份证号", "身份证号码", "身份证件号码", "公民身份号码", "证件号", "ID number"),
           help_zh="18位居民身份证号，或其他证件号码；须为文本格式",
           help_en="18-character identity number or another document's, as text"),
    Column("employer", "工作单位", v.text(120), required=True, width=30,
           also=("单位", "单位名称", "所在单位", "Employer")),
    Column("credit_code", "单位统一社会信用代码", v.credit_code, width=22,
           also=("统一社会信用代码", "信用代码", "单位信用代码", "Credit code")),
    Column("title", "职称", v.text(60), also=("专业技术职务", "职称（职业资格）", "Title")),
    Column("stratum", "专业类别", v.text(40), required=True,
           also=("类别", "专家类别", "评审类别", "Stratum")),
    Column("occupations", "熟悉职业（工种）", v.items(60), width=24,
           also=("熟悉职业", "职业（工种）", "专业领域", "Occupations")),
    Column("province", "省份", v.choice(PROVINCE_NAMES, tuple(PROVINCES)), required=True,
           also=("所在省份", "地区", "省（区、市）", "Province"), choices=tuple(PROVINCES),
           width=8),
    Column("phone", "联系电话", v.phone, mask=True,
           also=("手机", "手机号码", "电话", "手机号", "Phone"), width=16),
    Column("email", "电子邮箱", v.email, mask=True, also=("邮箱", "电子邮件", "E-mail", "Email"),
           width=24),
    Column("avoid_units", "回避单位", v.items(120), also=("需回避单位", "Units to avoid"),
           width=28),
    Column("avoid_people", "回避人员", v.items(120), also=("需回避人员", "People to avoid"),
           width=18, help_zh="姓名，或“姓名（单位）”", help_en="name, or name (unit)"),
    Column("affiliations", "任职兼职情况", affiliations, also=("兼职情况", "Affiliations"),
           width=32, help_zh="单位/角色/截止年月，多项用分号隔开；在任的不填截止年月",
           help_en="unit/role/year-month of the end, separated by semicolons"),
    Column("born", "出生年份", v.whole(1900, 2100), also=("出生年", "Birth year"), empty=None,
           numeric=True, width=8, help_zh="居民身份证可不填",
           help_en="empty with an identity card"),
    Column("in_use", "在用", v.yes_no, also=("是否在用", "状态", "In use"), empty=True,
           choices=("是", "否"), width=6),
)  # fmt: skip


def read_pool(
    data: bytes,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    *,
    eligibility: Eligibility | None = None,
    progress: Progress | None = None,
) -> PoolFile:
    """Read a pool from .xlsx, .xls, .ods or .csv (UTF-8, GB18030); ExchangeError refuses a file.

    `mapping` gives field → header (or column letters) where headers are unusual. With
    `eligibility`, experts in use who may not be are issues as well. `progress(done, total)`.
    """
    table = read_table(data, filename, COLUMNS, mapping=mapping, sheet=sheet, progress=progress)
    checker = _Checker(table, eligibility)
    rows = tuple(row for record in table.records if (row := checker.row(record)) is not None)
    return table.filled(data, rows, checker.issues, checker.all_notices())


def write_pool(rows: Sequence[ExpertRow]) -> bytes:
    """Return an .xlsx that `read_pool` reads back to equal rows; every text is written as text."""
    return write_table(SHEET, COLUMNS, [dataclasses.asdict(row) for row in rows])


def pool_template() -> bytes:
    """Return an empty .xlsx with the headers, formats, choices and a page of explanations."""
    return template(SHEET, COLUMNS)


class _Checker:
    """Checks across the fields and rows of a pool."""

    def __init__(self, table: TableFile, eligibility: Eligibility | None) -> None:
        self._table, self._rules = table, eligibility
        self._documents: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._people: dict[tuple[str, str], int] = {}
        self._areas: list[int] = []
        self._area_known: dict[tuple[str, int], bool] = {}
        self.issues: list[Issue] = []
        self._notices: list[Issue] = []

    def row(self, record: Record) -> ExpertRow | None:
        """Return the expert of a row, or None where it has an issue."""
        before = len(self.issues)
        values = dict(record.values)
        self._identity(record.row, values)
        self._twins(record.row, values)
        if self._rules is not None and values["in_use"]:
            self._eligible(record.row, values, self._rules)
        if len(self.issues) > before:
            return None
        return ExpertRow(**values, row=record.row)

    def all_notices(self) -> list[Issue]:
        """Return the notices, with the one that sums up unknown area codes."""
        if self._areas:
            facts = {"count": len(self._areas), "first": self._areas[0]}
            self._notices.append(Issue("document-area", self._table.sheet, facts=facts))
        return self._notices

    def _identity(self, row: int, values: dict[str, Any]) -> None:
        document = values["document"]
        if not v.is_identity_card(document):
            if values["born"] is None:
                self.issues.append(self._table.issue("birth-needed", row, "born"))
            return
        born, sex = int(document[6:10]), "男" if int(document[16]) % 2 else "女"
        if values["born"] not in {None, born}:
            self.issues.append(
                self._table.issue("birth-differs", row, "born", str(values["born"]), expected=born)
            )
        if values["sex"] not in {"", sex}:
            facts = {"expected_zh": sex, "expected": "male" if sex == "男" else "female"}
            self.issues.append(self._table.issue("sex-differs", row, "sex", values["sex"], **facts))
        values["born"], values["sex"] = born, sex
        area = (document[:6], born)
        if area not in self._area_known:
            try:
                ric.get_birth_place(document)
                self._area_known[area] = True
            except (ValidationError, KeyError):  # KeyError: a province without the county
                self._area_known[area] = False
        if not self._area_known[area]:
            self._areas.append(row)

    def _twins(self, row: int, values: Mapping[str, Any]) -> None:
        other = self._documents.setdefault(values["document"], row)
        if other != row:
            self.issues.append(
                self._table.issue("duplicate-document", row, "document", other=other)
            )
        number = values["number"]
        if number and (other := self._numbers.setdefault(number, row)) != row:
            self.issues.append(
                self._table.issue("duplicate-number", row, "number", number, other=other)
            )
        person = (values["name"], values["employer"])
        if (other := self._people.setdefault(person, row)) != row:
            self._notices.append(
                self._table.issue("duplicate-person", row, "name", values["name"], other=other)
            )

    def _eligible(self, row: int, values: Mapping[str, Any], rules: Eligibility) -> None:
        if rules.senior_title and not is_senior(values["title"]):
            self.issues.append(self._table.issue("not-senior", row, "title", values["title"]))
        born = values["born"]
        if born is not None and rules.year - born > rules.age_limit:
            facts = {"age": rules.year - born, "limit": rules.age_limit}
            self.issues.append(self._table.issue("too-old", row, "document", **facts))
        for organiser in rules.organisers:
            if key(values["employer"]) == key(organiser):
                self.issues.append(
                    self._table.issue(
                        "organiser-staff", row, "employer", organiser, organiser=organiser
                    )
                )


def is_senior(title: str) -> bool:
    """Whether a title names a senior grade (deputy senior and above, or a senior craft grade)."""
    lesser = ("助理", "实习研究员")
    plain = title.replace("高级工程", "正高").replace("高级工艺", "正高").replace("高级工", "")
    return any(mark in plain for mark in _SENIOR) and not any(mark in title for mark in lesser)


def by_row(issues: Sequence[Issue]) -> dict[int, list[Issue]]:
    """Return issues by row, for a preview that shows each beside its row."""
    grouped: dict[int, list[Issue]] = defaultdict(list)
    for one in issues:
        grouped[one.row].append(one)
    return dict(grouped)
