from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from review_service.exchange.form_reading import read_form
from review_service.exchange.pool import pool_template, read_pool
from review_service.exchange.workbooks import write_table
from review_service.tables import Account, Application, Attachment, Dossier, PaperReceipt, Round
from review_service.workflows import accounts as account_cases
from review_service.workflows.base import SYSTEM
from tests.web.conftest import sign_in
from tests.web.stage import CODE, Stage
from tests.workflows.applying import PDF_BYTES, typed, word_form

if TYPE_CHECKING:
    from flask.testing import FlaskClient

UNIT = "测试unit"
FORM = f"/applications/{CODE}"
LIST = f"/recommending/{CODE}"


@pytest.fixture
def opened(stage: Stage) -> Stage:
    """An open round without dossiers, and a second unit, prefecture and province of elsewhere."""
    stage.play("empty")
    with stage.office.store.writing() as session:
        row = session.get_one(Round, stage.round_id)
        row.status = "open"
        row.rules = row.rules | {"paper_copies": 2}
        session.add(row)
        session.commit()
    elsewhere = {
        "unit": {"province": "江苏", "prefecture": "苏州市"},
        "prefecture": {"province": "江苏", "prefecture": "南京市"},
        "province": {"province": "浙江"},
    }
    for role, place in elsewhere.items():
        stage.office.do(
            SYSTEM, account_cases.create_account, code=f"{role}-9",
            email=f"{role}9@test.example", name="别处", role=role, password_hash="x", **place,
        )  # fmt: skip
    return stage


def _fill(stage: Stage) -> FlaskClient:
    client = sign_in(stage, "unit")
    client.post(f"{FORM}/begin")
    answer = client.post(
        f"{FORM}/save", json={"version": 0, "applicant": "central", "fields": typed(UNIT)}
    )
    assert answer.status_code == 200
    return client


def _submit(stage: Stage) -> int:
    _fill(stage).post(f"{FORM}/submit")
    (one,) = stage.rows(Application)
    assert one.stage == "prefecture"
    return int(one.id)


def _pdf(name: str = "报告.pdf", data: bytes = PDF_BYTES) -> dict[str, Any]:
    return {"file": (io.BytesIO(data), name)}


def test_autosave_answers_with_gates_and_problems(opened: Stage) -> None:
    """A save brings the new version, the conditions, what is missing and counted characters."""
    client = sign_in(opened, "unit")
    client.post(f"{FORM}/begin")
    fields = {"sections.1.text": "字 " * 10, "volumes.2021.total": "abc"}
    answer = client.post(f"{FORM}/save", json={"version": 0, "applicant": "", "fields": fields})
    found = answer.get_json()
    assert (found["version"], found["counts"]["sections.1.text"]) == (1, 10)
    assert len(found["gates"]) == 8
    assert set(found["problems"]) == {"volumes.2021.total"}
    assert {"path": "credit_code", "label": "Credit code"} in found["missing"]
    late = client.post(f"{FORM}/save", json={"version": 0, "fields": {}})
    assert (late.status_code, late.get_json()["stored"]) == (409, 1)


@pytest.mark.parametrize(
    "body",
    [[], {"version": 0}, {"version": "0", "fields": {}}, {"version": 0, "fields": {"unit": 5}}],
)
def test_nonsense_is_refused_by_the_autosave(opened: Stage, body: Any) -> None:
    """What no page of ours sends gets 400 and changes nothing."""
    client = sign_in(opened, "unit")
    client.post(f"{FORM}/begin")
    assert client.post(f"{FORM}/save", json=body).status_code == 400


def test_the_form_saves_without_scripts(opened: Stage) -> None:
    """The button alone saves all fields and leads to the check, which names what is missing."""
    client = sign_in(opened, "unit")
    client.post(f"{FORM}/begin")
    page = client.get(FORM).get_data(as_text=True)
    assert page.count("<textarea") >= 8
    data = {"version": "0", "applicant": "local"} | typed(UNIT) | {"legal.name": ""}
    answer = client.post(FORM, data=data, follow_redirects=True)
    assert "1 things are missing" in answer.get_data(as_text=True)
    (one,) = opened.rows(Application)
    assert one.fields["sections.8.text"].startswith("第8部分")


def test_word_form_down_and_up(opened: Stage) -> None:
    """The form goes out as Word and comes back; what can't be read is reported and kept."""
    client = _fill(opened)
    file = read_form(client.get(f"{FORM}/form.docx").data, "form.docx")
    assert (file.issues, file.data.unit) == ((), UNIT)
    sent = {"version": "1"} | {"file": (io.BytesIO(word_form(UNIT, 7)), "表.docx")}
    assert client.post(f"{FORM}/form", data=sent).status_code == 303
    (one,) = opened.rows(Application)
    assert (one.version, one.fields["sector"]) == (2, "装备制造")
    from docx import Document

    stream = io.BytesIO()
    Document().save(stream)
    sent = {"version": "2"} | {"file": (io.BytesIO(stream.getvalue()), "空.docx")}
    page = client.post(f"{FORM}/form", data=sent).get_data(as_text=True)
    assert "What to put right" in page
    (one,) = opened.rows(Application)
    assert one.fields["legal.name"] == "周建国"  # could not be read, so it stands
    sent = {"version": "3"} | {"file": (io.BytesIO(b"MZ"), "表.docx")}
    client.post(f"{FORM}/form", data=sent)
    assert opened.rows(Application)[0].version == 3


def test_evidence_is_a_download_and_nobody_else_s(opened: Stage) -> None:
    """Evidence is handed out as attachment to its unit, prefecture and no other account."""
    client = _fill(opened)
    client.post(f"{FORM}/evidence", data=_pdf() | {"section": "2", "title": "场地", "pages": "1"})
    (one,) = opened.rows(Attachment)
    url = f"{FORM}/evidence/{one.id}"
    answer = client.get(url)
    assert answer.data == PDF_BYTES
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    other = sign_in(opened, "unit9")
    other.post(f"{FORM}/begin")
    assert other.get(url).status_code == 404
    client.post(f"{FORM}/evidence", data=_pdf("病毒.pdf", b"MZ"))
    assert len(opened.rows(Attachment)) == 1
    client.post(f"{FORM}/submit")
    key = next(found.id for found in opened.rows(Application) if found.submitted_at)
    assert sign_in(opened, "prefecture").get(f"{LIST}/{key}/evidence/{one.id}").status_code == 200
    for account in ("prefecture9", "province", "province9"):
        stranger = sign_in(opened, account)
        for path in ("", "/form.docx", f"/evidence/{one.id}"):
            assert stranger.get(f"{LIST}/{key}{path}").status_code == 404
        assert stranger.post(f"{LIST}/{key}", data={"do": "return"}).status_code == 404


def test_foreign_and_missing_applications_answer_alike(opened: Stage) -> None:
    """Another prefecture's application and none at all give the same page, byte for byte."""
    key = _submit(opened)
    client = sign_in(opened, "prefecture9")

    def page(url: str) -> str:
        answer = client.get(url)
        assert answer.status_code == 404
        return re.sub(r'value="[^"]*"|nonce="[^"]*"', "", answer.get_data(as_text=True))

    assert page(f"{LIST}/{key}") == page(f"{LIST}/9999")


def test_from_the_unit_to_the_ministry(opened: Stage) -> None:
    """Each role does its part through its pages; the dossier is admitted once its papers are in."""
    key = _submit(opened)
    for account in ("prefecture", "province"):
        client = sign_in(opened, account)
        assert UNIT in client.get(LIST).get_data(as_text=True)
        assert "周建国" in client.get(f"{LIST}/{key}").get_data(as_text=True)
        client.post(f"{LIST}/{key}", data={"do": "seal", "seal": UNIT})
        client.post(f"{LIST}/ranks", data={f"rank-{key}": "1"})
        client.post(f"{LIST}/recommend", data=_pdf())
        report = re.search(rf'href="({LIST}/reports/\d+)"', client.get(LIST).get_data(as_text=True))
        assert report
        assert client.get(report[1]).data == PDF_BYTES
    (dossier,) = opened.rows(Dossier)
    assert (dossier.unit, dossier.status, dossier.rank) == (UNIT, "received", 1)
    staff = sign_in(opened, "staff")
    base = f"/rounds/{CODE}/dossiers/{dossier.number}"
    for path in ("", "/form.docx", "/print"):
        assert staff.get(base + path).status_code == 200
    staff.post(f"/rounds/{CODE}/dossiers/admit", data={"scope": "all"})
    assert opened.rows(Dossier)[0].status == "received"
    papers = {"copies": "2", "received_on": "2026-01-05", "seal": UNIT, "kept_at": "3柜"}
    wrong = papers | {"copies": "1", "received_on": "2099-01-05", "note": "一份在途"}
    refused = staff.post(f"{base}/papers", data=wrong, follow_redirects=True).text
    assert "not in the future" in refused
    for kept in ("2099-01-05", "3柜", "一份在途", UNIT):  # nothing is typed twice
        assert f'value="{kept}"' in refused
    assert 'value="一份在途"' not in staff.get(base).text
    staff.post(f"{base}/papers", data=papers | {"copies": "1"})
    assert "2 copies are asked for" in staff.get(base).text
    staff.post(f"{base}/papers", data=papers)
    assert opened.rows(PaperReceipt)[0].kept_at == "3柜"
    assert "3柜" in staff.get(f"{base}/receipt").get_data(as_text=True)
    staff.post(f"{base}/admit")
    assert opened.rows(Dossier)[0].status == "admitted"
    reports = sign_in(opened, "inspector").get(f"/rounds/{CODE}/provinces").get_data(as_text=True)
    assert reports.count("/reports/") == 2
    file = read_form(staff.get(f"{base}/form.docx").data, "form.docx")
    assert dict(file.data.application) == dict(opened.rows(Dossier)[0].application)


def _recommended(opened: Stage) -> str:
    """Submit the unit's application and recommend it up to the ministry; return its key."""
    key = _submit(opened)
    for account in ("prefecture", "province"):
        client = sign_in(opened, account)
        client.post(f"{LIST}/{key}", data={"do": "seal", "seal": UNIT})
        client.post(f"{LIST}/ranks", data={f"rank-{key}": "1"})
        client.post(f"{LIST}/recommend", data=_pdf())
    return key


def test_an_exception_and_a_withdrawal_are_told(opened: Stage) -> None:
    """Who looks at a dossier reads by which exception it came in, why, and why it was withdrawn."""
    _recommended(opened)
    staff, inspector = sign_in(opened, "staff"), sign_in(opened, "inspector")
    page = f"/rounds/{CODE}/dossiers/{opened.rows(Dossier)[0].number}"
    assert "Admitted by exception" not in inspector.get(page).text
    staff.post(f"{page}/admit", data={"exception": "emergency", "reason": "台风停运"})
    for client in (staff, inspector):
        text = client.get(page).text
        assert "Admitted by exception: emergency, post interrupted" in text
        assert "台风停运" in text
        assert "测试staff (ministry-1)" in text
    sign_in(opened, "unit").post(f"{FORM}/withdraw", data={"reason": "单位重组"})
    text = staff.get(page).text
    assert "Withdrawn by the unit:</strong> 单位重组" in text
    assert "Admitted by exception" not in text


def test_withdrawn_and_sent_back_on_the_pages(opened: Stage) -> None:
    """Staff send a dossier back, the province reads why, and the unit withdraws for good."""
    key = _recommended(opened)
    staff = sign_in(opened, "staff")
    page = f"/rounds/{CODE}/dossiers/{opened.rows(Dossier)[0].number}"
    assert "Send back to the province" in staff.get(page).get_data(as_text=True)
    staff.post(f"{page}/return", data={"reason": "请补正第二部分"})
    assert "With the province for correction" in staff.get(page).get_data(as_text=True)
    province = sign_in(opened, "province")
    assert "请补正第二部分" in province.get(f"{LIST}/{key}").get_data(as_text=True)
    unit = sign_in(opened, "unit")
    assert "Withdraw the application" in unit.get(f"{FORM}/check").get_data(as_text=True)
    unit.post(f"{FORM}/withdraw", data={"reason": "单位改制"})
    assert "withdrawn by the unit" in unit.get(f"{FORM}/check").get_data(as_text=True)
    assert opened.rows(Dossier)[0].status == "withdrawn"
    assert "单位改制" in staff.get(page).get_data(as_text=True)
    assert "单位改制" in province.get(LIST).get_data(as_text=True)


def test_sent_back_and_corrected(opened: Stage) -> None:
    """The unit reads why; the prefecture reads nothing while the unit corrects."""
    key = _submit(opened)
    city = sign_in(opened, "prefecture")
    city.post(f"{LIST}/{key}", data={"do": "return", "reason": "请补充页码"})
    assert city.get(f"{LIST}/{key}").status_code == 404
    unit = sign_in(opened, "unit")
    assert "请补充页码" in unit.get(FORM).get_data(as_text=True)
    unit.post(f"{FORM}/submit")
    assert "请补充页码" in city.get(f"{LIST}/{key}").get_data(as_text=True)  # in its history
    city.post(f"{LIST}/{key}", data={"do": "decline", "reason": "名额有限"})
    assert opened.rows(Application)[0].stage == "declined"
    city.post(f"{LIST}/{key}", data={"do": "reconsider"})
    assert opened.rows(Application)[0].stage == "prefecture"


def test_a_report_that_is_no_pdf_moves_nothing(opened: Stage) -> None:
    """A picture as the stamped report is refused with a sentence, and so is a missing rank."""
    _submit(opened)
    city = sign_in(opened, "prefecture")
    png = b"\x89PNG\r\n\x1a\n....IEND"
    city.post(f"{LIST}/recommend", data=_pdf("章.png", png))
    assert "must be a PDF" in city.get(LIST).get_data(as_text=True)
    city.post(f"{LIST}/recommend", data=_pdf())
    assert "Without a rank" in city.get(LIST).get_data(as_text=True)
    assert opened.rows(Application)[0].stage == "prefecture"


def test_column_choice_is_remembered(opened: Stage) -> None:
    """Headers nobody knows are matched once on the page; the next such file needs no hand."""
    staff = sign_in(opened, "staff")
    template = read_pool(_pool_file("编号"), "pool.xlsx")
    assert not template.issues
    strange = _pool_file("编号", renamed={"姓名": "老师", "工作单位": "哪里上班"})
    place = staff.post(f"/rounds/{CODE}/import/pool", data=_pdf("名单.xlsx", strange)).location
    page = staff.get(place).get_data(as_text=True)
    assert "老师" in page
    chosen = {"m-name": "老师", "m-employer": "哪里上班"}
    assert "all in order" in staff.get(place, query_string=chosen).get_data(as_text=True)
    staff.post(place, data=chosen)
    again = staff.post(f"/rounds/{CODE}/import/pool", data=_pdf("名单.xlsx", strange)).location
    assert "all in order" in staff.get(again).get_data(as_text=True)


def _pool_file(_first: str, renamed: dict[str, str] | None = None) -> bytes:
    from dataclasses import replace

    from review_service.exchange.pool import COLUMNS

    known = [one for one in COLUMNS if one.name in {"name", "document", "employer", "stratum",
                                                    "province", "title", "born"}]  # fmt: skip
    columns = [replace(one, header=(renamed or {}).get(one.header, one.header)) for one in known]
    row = {"name": "张三", "document": "TEST000001", "employer": "某大学", "stratum": "技术",
           "province": "江苏", "title": "教授", "born": 1970}  # fmt: skip
    return write_table("专家库", tuple(columns), [row])


def test_who_is_not_eligible_is_named(opened: Stage) -> None:
    """The preview names whose title or age the round doesn't take, before anything is stored."""
    from review_service.exchange.pool import COLUMNS

    columns = [one for one in COLUMNS if one.name in {"name", "document", "employer", "stratum",
                                                      "province", "title", "born"}]  # fmt: skip
    row = {"name": "李四", "document": "TEST000002", "employer": "某大学", "stratum": "技术",
           "province": "江苏", "title": "助教", "born": 1930}  # fmt: skip
    staff = sign_in(opened, "staff")
    data = write_table("专家库", tuple(columns), [row])
    place = staff.post(f"/rounds/{CODE}/import/pool", data=_pdf("名单.xlsx", data)).location
    page = staff.get(place).get_data(as_text=True)
    assert "2 cells need to be put right" in page


def test_the_template_is_read(opened: Stage) -> None:
    """The empty workbook that is offered has the columns that the import asks for."""
    answer = sign_in(opened, "staff").get(f"/rounds/{CODE}/import/pool/template.xlsx")
    assert len(answer.data) == len(pool_template())


def test_lists_are_worked_through_with_filters_kept(stage: Stage) -> None:
    """Next and previous follow the filters, views are one's own, exports hold what is shown."""
    stage.play("imported")
    staff = sign_in(stage, "staff")
    first = stage.rows(Dossier, Dossier.province == "江苏", Dossier.number == "D01")[0]
    page = staff.get(f"/rounds/{CODE}/dossiers/{first.number}?province=江苏").get_data(as_text=True)
    assert 'rel="next"' in page
    assert "/dossiers/D05?province=" in page
    assert 'rel="prev"' not in page
    staff.post("/views/pool", data={"name": "江苏专家", "query": "province=江苏", "next": "/"})
    assert "江苏专家" in staff.get(f"/rounds/{CODE}/pool").get_data(as_text=True)
    inspector = sign_in(stage, "inspector")
    assert "江苏专家" not in inspector.get(f"/rounds/{CODE}/pool").get_data(as_text=True)
    file = read_pool(staff.get(f"/rounds/{CODE}/pool.xlsx?province=江苏").data, "pool.xlsx")
    assert {one.province for one in file.rows} == {"江苏"}
    assert len(file.rows) == 12


def test_only_the_filtered_are_retired(stage: Stage) -> None:
    """“All that the filters leave” takes those out of use and nobody else, with a reason."""
    from review_service.tables import Expert

    stage.play("imported")
    staff = sign_in(stage, "staff")
    url = f"/rounds/{CODE}/pool/retire?province=江苏"
    staff.post(url, data={"scope": "filtered", "reason": ""})
    assert not stage.rows(Expert, Expert.in_use == False)  # noqa: E712 - a column
    staff.post(url, data={"scope": "filtered", "reason": "任期届满"})
    gone = stage.rows(Expert, Expert.in_use == False)  # noqa: E712 - a column
    assert len(gone) == 12
    assert {one.province for one in gone} == {"江苏"}


def test_requests_rates_and_changes(stage: Stage) -> None:
    """A unit's request is entered, accepted with a reason, counts in the rates and in the diff."""
    stage.play("opened")
    staff = sign_in(stage, "staff")
    base = f"/rounds/{CODE}"
    staff.post(f"{base}/requests", data={"expert": "E00001", "dossier": "D02", "reason": "有诉讼"})
    assert "有诉讼" in staff.get(f"{base}/requests").get_data(as_text=True)
    staff.post(f"{base}/requests/1", data={"decision": "accept", "reason": "属实", "next": "/"})
    page = staff.get(f"{base}/rates").get_data(as_text=True)
    assert "2.08 %" in page  # one of 48
    pair = staff.get(f"{base}/conflicts/E00001/D02").get_data(as_text=True)
    assert "有诉讼" in pair
    changes = staff.get(f"{base}/changes/conflicts").get_data(as_text=True)
    assert "E00001 · D02" in changes
    assert staff.get(f"{base}/conflicts.xlsx").status_code == 200
    missing = {"expert": "E99999", "dossier": "D02", "reason": "x"}
    answer = staff.post(f"{base}/requests", data=missing, follow_redirects=True)
    assert "no such expert" in answer.get_data(as_text=True)


def test_an_account_has_its_own_application_alone(opened: Stage) -> None:
    """Two units of one prefecture begin their own; neither sees the other's."""
    _fill(opened)
    other = sign_in(opened, "unit9")
    assert other.get(FORM).status_code == 404
    other.post(f"{FORM}/begin")
    assert "周建国" not in other.get(FORM).get_data(as_text=True)
    with opened.office.store.reading() as session:
        owners = session.exec(select(Account.code).join(Application)).all()
    assert sorted(owners) == ["unit-1", "unit-9"]
