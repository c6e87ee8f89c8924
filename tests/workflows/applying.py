"""What the tests of applying share: a place with its accounts, a filled form, files of evidence."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from review_service.exchange.form_docx import write_form
from review_service.workflows import applications, recommending, rounds
from review_service.workflows.accounts import create_account
from review_service.workflows.attachments import PDF, KeptFile
from review_service.workflows.base import SYSTEM, Actor, Office, pk
from review_service.workflows.recommending import Authority

if TYPE_CHECKING:
    from review_service.tables import Account, Application, Round

STAFF = Actor("staff", "staff-1")
CITY = Authority("prefecture", "内蒙古", "包头市")
REGION = Authority("province", "内蒙古")
CITY_ACTOR, REGION_ACTOR = Actor("prefecture", "city-1"), Actor("province", "region-1")
PDF_BYTES = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
# Valid credit codes of area 999999, which no office issues.
_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code(number: int) -> str:
    """Return a credit code whose check character fits."""
    body = f"91999900{number:08}" + "X"
    total = sum(_DIGITS.index(one) * pow(3, place, 31) for place, one in enumerate(body))
    return body + _DIGITS[(31 - total % 31) % 31]


def typed(unit: str, number: int = 1, **more: str) -> dict[str, str]:
    """Return a form filled in as somebody would type it."""
    fields = {
        "unit": unit, "credit_code": credit_code(number), "category": "技工院校",
        "sector": "装备制造", "legal.name": "周建国", "legal.mobile": "13800000000",
        "applied_occupations": "焊工；数控车工", "filled_on": "2022年11月10日",
        "premises.equipment_value": "2,600", "volumes.2021.total": "2500",
        "volumes.2021.senior": "600", "evaluation.qualified": "是", "evaluation.since": "2020-06",
        "declared.capacity_per_year": "2600", "declared.equipped_occupations": "4",
        "declared.experts_per_occupation": "3", "declared.pass_rate": "95.5",
        "declared.satisfaction": "96",
    }  # fmt: skip
    for section in range(1, 9):
        fields[f"sections.{section}.text"] = f"第{section}部分：培训基地建设情况。\n第二段。"
    return fields | more


def make_round(office: Office, **rules: Any) -> Round:
    """Return an open round with one panel."""
    panels = [{"id": "P01", "class": "装备制造", "seats": {"技术": 1}}]
    row = office.do(
        STAFF, rounds.create_round, "apply", "申报轮次", "skills-base-2022",
        {"panels": panels} | rules,
    )  # fmt: skip
    return office.do(STAFF, rounds.open_round, pk(row))


def make_unit(
    office: Office, number: int, *, prefecture: str = "包头市", province: str = "内蒙古"
) -> Account:
    """Return a unit's account."""
    return office.do(
        SYSTEM, create_account, code=f"unit-{number}", email=f"unit{number}@test.example",
        name=f"包头第{number}技师学院", role="unit", password_hash="x", province=province,
        prefecture=prefecture,
    )  # fmt: skip


def actor_of(account: Account) -> Actor:
    """Return a unit as it acts."""
    return Actor("unit", account.code)


def fill(office: Office, row: Round, account: Account, number: int = 1) -> Application:
    """Return a unit's application, filled in and not yet submitted."""
    who = actor_of(account)
    begun = office.do(who, applications.begin_application, pk(row), pk(account))
    return office.do(
        who, applications.save_application, pk(begun), pk(account),
        typed(account.name, number), version=begun.version,
    )  # fmt: skip


def submit(office: Office, row: Round, number: int, **place: str) -> Application:
    """Return the submitted application of a new unit."""
    account = make_unit(office, number, **place)
    one = fill(office, row, account, number)
    return office.do(actor_of(account), applications.submit_application, pk(one), pk(account))


def report(name: str = "推荐报告.pdf") -> KeptFile:
    """Return a kept report."""
    return KeptFile(sha256(PDF_BYTES).hexdigest(), name, len(PDF_BYTES), PDF)


def recommend_city(office: Office, row: Round, *rows: Application) -> None:
    """Check the seals of applications, rank them in this order and recommend them."""
    for one in rows:
        office.do(CITY_ACTOR, recommending.check_seal, CITY, pk(one), one.unit)
    ranks = {pk(one): place for place, one in enumerate(rows, 1)}
    office.do(CITY_ACTOR, recommending.rank_applications, CITY, pk(row), ranks)
    office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())


def word_form(unit: str, number: int = 1) -> bytes:
    """Return a filled Word form."""
    return write_form(applications.read_fields(typed(unit, number)).data)


def lone_docx() -> bytes:
    """Return a small Word file."""
    from docx import Document

    stream = io.BytesIO()
    Document().save(stream)
    return stream.getvalue()
