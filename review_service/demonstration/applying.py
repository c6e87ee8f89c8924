"""Applications of the round whose draw is to come: one to fill, one to rank, one that went up.

They are made from the samples' dossiers of a province that the round has none of.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import select

from review_service.demonstration.walk import SAMPLES
from review_service.exchange.dossiers import read_dossiers
from review_service.exchange.form_docx import FormData
from review_service.tables import Account, Round
from review_service.workflows import applications, recommending
from review_service.workflows.accounts import create_account
from review_service.workflows.attachments import PDF, keep_file
from review_service.workflows.base import SYSTEM, Actor, pk
from review_service.workflows.recommending import Authority

if TYPE_CHECKING:
    from review_service.exchange.dossiers import DossierRow
    from review_service.tables import Application
    from review_service.workflows.base import Office

PROVINCE, PREFECTURE = "江苏", "常州市"
# (account code, address, name, role, what it is for)
PEOPLE = (
    ("unit-1", "unit@demo.example", "常州晟澜数控机床集团有限公司", "unit",
     "申报单位：填报 · applies"),
    ("prefecture-1", "prefecture@demo.example", "常州市人社局", "prefecture",
     "地市：审核、排序、推荐 · prefecture"),
    ("province-1", "province@demo.example", "江苏省人社厅", "province",
     "省级：审核、排序、推荐 · province"),
)  # fmt: skip
CITY = Authority("prefecture", PROVINCE, PREFECTURE)
_OWN, _WAITING, _GONE_UP = "3203", "3202", "3205"  # numbers of the samples


def begin_applications(office: Office, code: str, password_hash: str) -> None:
    """Create the accounts of applying and bring the round's applications to where they wait."""
    for who_code, email, name, role, _ in PEOPLE:
        office.do(
            SYSTEM, create_account, code=who_code, email=email, name=name, role=role,
            password_hash=password_hash, province=PROVINCE,
            prefecture=PREFECTURE if role != "province" else "",
        )  # fmt: skip
    with office.store.reading() as session:
        row = session.exec(select(Round).where(Round.code == code)).one()
        unit = session.exec(select(Account).where(Account.code == PEOPLE[0][0])).one()
    file = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx")
    known = {one.number: one for one in file.rows}
    _fill(office, row, unit, known[_OWN], left_out=("legal.name", "sections.7.text"))
    for number in (_GONE_UP, _WAITING):
        account = _another(office, number, known[number], password_hash)
        filled = _fill(office, row, account, known[number])
        who = Actor("unit", account.code)
        office.do(who, applications.submit_application, pk(filled), pk(account))
        if number == _GONE_UP:
            _recommend(office, row, filled)


def _another(office: Office, number: str, one: DossierRow, password_hash: str) -> Account:
    return office.do(
        SYSTEM, create_account, code=f"unit-{number}", email=f"unit{number}@demo.example",
        name=_here(one, one.unit), role="unit", password_hash=password_hash, province=PROVINCE,
        prefecture=PREFECTURE,
    )  # fmt: skip


def _here(one: DossierRow, text: str) -> str:
    """Return a sample's text as of a unit in the demonstration's prefecture."""
    return text.replace(one.prefecture.removesuffix("市"), PREFECTURE.removesuffix("市"))


def _fill(
    office: Office, row: Round, account: Account, one: DossierRow, left_out: tuple[str, ...] = ()
) -> Application:
    record = dict(one.application)
    other = str(record.get("category_other", ""))
    data = FormData(one.unit, one.credit_code, one.category, other, record)
    typed = applications.typed_of(data, applications.sectors_of(row)[-1])
    fields = {path: "" if path in left_out else _here(one, text) for path, text in typed.items()}
    who = Actor("unit", account.code)
    begun = office.do(who, applications.begin_application, pk(row), pk(account))
    return office.do(
        who, applications.save_application, pk(begun), pk(account), fields, version=begun.version
    )


def _recommend(office: Office, row: Round, application: Application) -> None:
    """Let the prefecture check, rank and recommend an application, with a report."""
    who = Actor("prefecture", PEOPLE[1][0])
    key = pk(application)
    folder = Path(str(office.store.url.database)).parent / "attachments"
    report = keep_file(folder, report_pdf(), "推荐报告（演示）.pdf", only=PDF)
    office.do(who, recommending.check_seal, CITY, key, application.unit)
    office.do(who, recommending.rank_applications, CITY, pk(row), {key: 1})
    office.do(who, recommending.recommend, CITY, pk(row), report)


def report_pdf() -> bytes:
    """Return a page that stands for a stamped report."""
    text = b"BT /F1 16 Tf 72 760 Td (Recommendation report - demonstration, not stamped) Tj ET"
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    file, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(parts) + 1
    return (
        file
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(file))
    )
