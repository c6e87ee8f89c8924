from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from review_service.exchange.form_docx import write_form
from review_service.exchange.form_reading import read_form
from review_service.tables import Application, Dossier, LogEvent
from review_service.workflows import applications, attachments, dossiers, papers, recommending
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, NotFoundError, StaleError, WorkflowError, pk
from review_service.workflows.log import stamp
from review_service.workflows.recommending import Authority
from tests.workflows.applying import (
    CITY,
    CITY_ACTOR,
    PDF_BYTES,
    REGION,
    REGION_ACTOR,
    STAFF,
    actor_of,
    fill,
    lone_docx,
    make_round,
    make_unit,
    recommend_city,
    report,
    submit,
    typed,
    word_form,
)

if TYPE_CHECKING:
    from pathlib import Path

    from review_service.workflows.base import Office


def _rank(office: Office, who: Authority, row_id: int, *rows: Application) -> None:
    ranks = {pk(one): place for place, one in enumerate(rows, 1)}
    office.do(STAFF, recommending.rank_applications, who, row_id, ranks)


def test_an_application_goes_up_level_by_level(office: Office) -> None:
    """Unit, prefecture and province move it one step each; it ends as a dossier with figures."""
    row = make_round(office)
    one, other = submit(office, row, 1), submit(office, row, 2)
    recommend_city(office, row, other, one)
    _rank(office, REGION, pk(row), other, one)
    office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    with office.store.reading() as session:
        found = list(session.exec(select(Dossier).order_by(Dossier.rank)))  # type: ignore[arg-type]
        assert [dossier.unit for dossier in found] == [other.unit, one.unit]
        first = found[0]
        assert (first.status, first.rank, first.number) == ("received", 1, "A001")
        assert first.indicators["equipment_value"] == 2600
        assert first.indicators["senior_share"] == 24
        assert first.application["sections"]["1"]["text"].startswith("第1部分")
        assert session.get_one(Application, pk(one)).stage == "ministry"


def test_the_log_names_nobody(office: Office) -> None:
    """Every step leaves an event; no name of a unit or person stands in it openly."""
    row = make_round(office)
    one = submit(office, row, 1)
    office.do(CITY_ACTOR, recommending.return_application, CITY, pk(one), "缺少证明材料")
    with office.store.reading() as session:
        events = [json.loads(found) for found in session.exec(select(LogEvent.event))]
    kinds = [found["type"] for found in events]
    assert kinds[-2:] == ["application.submitted", "application.returned"]
    open_text = json.dumps([found for found in events if "application" in found["type"]])
    text = json.loads(open_text)
    assert all(one.unit not in str(found) and "缺少" not in str(found) for found in text)
    assert all("sealed" in found["body"] for found in text)


def test_save_tells_a_later_window(office: Office) -> None:
    """A save that starts from an older version is refused and overwrites nothing."""
    row, account = make_round(office), make_unit(office, 1)
    one = fill(office, row, account)
    with pytest.raises(StaleError, match="application-changed"):
        office.do(
            actor_of(account), applications.save_application, pk(one), pk(account),
            {"address": "别处"}, version=one.version - 1,
        )  # fmt: skip
    with office.store.reading() as session:
        assert "address" not in session.get_one(Application, pk(one)).fields


def test_what_was_typed_wrongly_is_kept_and_named(office: Office) -> None:
    """A draft keeps a wrong figure as it was typed, reports it, and submitting is refused."""
    row, account = make_round(office), make_unit(office, 1)
    one = fill(office, row, account)
    saved = office.do(
        actor_of(account), applications.save_application, pk(one), pk(account),
        {"volumes.2021.total": "约两千", "credit_code": "91999900"}, version=one.version,
    )  # fmt: skip
    assert saved.fields["volumes.2021.total"] == "约两千"
    wrong = {issue.field for issue in applications.read_fields(saved.fields).issues}
    assert wrong == {"volumes.2021.total", "credit_code"}
    with pytest.raises(WorkflowError, match="application-incomplete") as caught:
        office.do(actor_of(account), applications.submit_application, pk(one), pk(account))
    assert caught.value.facts["count"] == 2


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "字" * 100_001])
def test_texts_that_no_database_keeps_are_refused(office: Office, text: str) -> None:
    """Halves of surrogate pairs, zero bytes and endless texts get a clear answer, never a crash."""
    row, account = make_round(office), make_unit(office, 1)
    one = fill(office, row, account)
    with pytest.raises(WorkflowError, match="application-field"):
        office.do(
            actor_of(account), applications.save_application, pk(one), pk(account),
            {"address": text}, version=one.version,
        )  # fmt: skip


def test_section_limit_counts_as_a_person_does() -> None:
    """3,000 characters pass with any blanks between them; one more is refused with both figures."""
    fits = typed("单位") | {"sections.1.text": "字 \n" * 3000}
    assert applications.read_fields(fits).issues == ()
    over = typed("单位") | {"sections.1.text": "字" * 3001}
    (issue,) = applications.read_fields(over).issues
    assert (issue.code, issue.facts["length"], issue.facts["limit"]) == ("too-long", 3001, 3000)


def test_form_to_word_and_back_is_equal() -> None:
    """What was typed goes into a Word form, is read back, and gives equal data."""
    reading = applications.read_fields(typed("包头第一技师学院"))
    file = read_form(write_form(reading.data), "form.docx")
    assert file.issues == ()
    again = applications.read_fields(applications.typed_of(file.data, "装备制造"))
    assert again == reading


def test_gates_are_told_with_their_articles(office: Office) -> None:
    """Eight conditions of articles 4, 9, 10, 12 and 21; one that is not given is missing."""
    row = make_round(office)
    given = typed("单位") | {"declared.pass_rate": "", "volumes.2021.total": "1999"}
    gates = {one.gate.id: one for one in applications.read_fields(given).gates(row)}
    articles = {number for one in gates.values() for number in one.gate.articles}
    assert (len(gates), articles) == (8, {4, 9, 10, 12, 21})
    assert gates["trained-per-year"].status == "failed"
    assert sum(one.status == "missing" for one in gates.values()) == 1


def test_only_the_own_application_is_touched(office: Office) -> None:
    """Another unit's account, another prefecture and another province find nothing there."""
    row = make_round(office)
    one = submit(office, row, 1)
    other = make_unit(office, 9)
    with pytest.raises(NotFoundError):
        office.do(actor_of(other), applications.submit_application, pk(one), pk(other))
    strangers = (Authority("prefecture", "内蒙古", "鄂尔多斯市"), Authority("province", "山西"))
    for who in (*strangers, REGION):  # the province: it hasn't come that far
        with pytest.raises(NotFoundError):
            office.do(CITY_ACTOR, recommending.return_application, who, pk(one), "不完整")
        with office.store.reading() as session:
            assert recommending.applications_for(session, who, pk(row)) == []


def test_returned_corrected_and_submitted_again(office: Office) -> None:
    """A return needs a reason and gives the form back; the unit corrects it and submits again."""
    row, account = make_round(office), make_unit(office, 1)
    one = fill(office, row, account)
    who = actor_of(account)
    one = office.do(who, applications.submit_application, pk(one), pk(account))
    with pytest.raises(WorkflowError, match="application-lies-with"):
        office.do(who, applications.save_application, pk(one), pk(account), {}, version=one.version)
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(CITY_ACTOR, recommending.return_application, CITY, pk(one), " ")
    one = office.do(CITY_ACTOR, recommending.return_application, CITY, pk(one), "请补充页码")
    assert (one.stage, one.sent_by, one.reason) == ("unit", "prefecture", "请补充页码")
    office.do(
        who, applications.save_application, pk(one), pk(account),
        {"sections.1.pages": "12-15"}, version=one.version,
    )  # fmt: skip
    again = office.do(who, applications.submit_application, pk(one), pk(account))
    assert (again.stage, again.reason) == ("prefecture", "")


def test_the_seal_bears_the_form_s_name(office: Office) -> None:
    """Another name is refused; a name changed on the form afterwards undoes the check."""
    row, account = make_round(office), make_unit(office, 1)
    one = fill(office, row, account)
    who = actor_of(account)
    one = office.do(who, applications.submit_application, pk(one), pk(account))
    with pytest.raises(WorkflowError, match="seal-differs"):
        office.do(CITY_ACTOR, recommending.check_seal, CITY, pk(one), "包头第1技工学院")
    office.do(CITY_ACTOR, recommending.check_seal, CITY, pk(one), one.unit)
    one = office.do(CITY_ACTOR, recommending.return_application, CITY, pk(one), "名称有误")
    one = office.do(
        who, applications.save_application, pk(one), pk(account),
        {"unit": "包头市第一技师学院"}, version=one.version,
    )  # fmt: skip
    one = office.do(who, applications.submit_application, pk(one), pk(account))
    assert one.seal_at is None
    _rank(office, CITY, pk(row), one)
    with pytest.raises(WorkflowError, match="seal-unchecked"):
        office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())


def test_quota_ranks_and_deadline_are_kept(office: Office) -> None:
    """Four of a prefecture, an unranked one, a gap, a twin, or a late one: refused, none moves."""
    last = office.tools.clock() + timedelta(days=1)
    row = make_round(office, deadlines={"prefecture": stamp(last)})
    rows = [submit(office, row, number) for number in range(1, 5)]
    for one in rows:
        office.do(CITY_ACTOR, recommending.check_seal, CITY, pk(one), one.unit)

    def refused(code: str) -> None:
        with pytest.raises(WorkflowError) as caught:
            office.do(CITY_ACTOR, recommending.recommend, CITY, pk(row), report())
        assert caught.value.code == code

    _rank(office, CITY, pk(row), *rows[:3])
    refused("recommend-unranked")
    _rank(office, CITY, pk(row), *rows)
    refused("prefecture-quota")
    with pytest.raises(WorkflowError, match="rank-twice"):
        office.do(CITY_ACTOR, recommending.rank_applications, CITY, pk(row), {pk(rows[3]): 1})
    office.do(CITY_ACTOR, recommending.decline_application, CITY, pk(rows[1]), "名额有限")
    refused("rank-gap")
    _rank(office, CITY, pk(row), rows[0], rows[2], rows[3])
    office.tools.clock.advance(days=2)  # type: ignore[attr-defined]  # the tests' clock
    refused("deadline-past")
    with office.store.reading() as session:
        stages = {one.stage for one in session.exec(select(Application))}
    assert stages == {"prefecture", "declined"}


def test_a_unit_that_is_late_hears_it(office: Office) -> None:
    """After the units' deadline nothing is submitted, but what is sent back may come again."""
    last = office.tools.clock() + timedelta(days=1)
    row = make_round(office, deadlines={"unit": stamp(last)})
    early, account = make_unit(office, 1), make_unit(office, 2)
    one, late = fill(office, row, early, 1), fill(office, row, account, 2)
    office.do(actor_of(early), applications.submit_application, pk(one), pk(early))
    office.tools.clock.advance(days=2)  # type: ignore[attr-defined]  # the tests' clock
    with pytest.raises(WorkflowError, match="deadline-past"):
        office.do(actor_of(account), applications.submit_application, pk(late), pk(account))
    office.do(CITY_ACTOR, recommending.return_application, CITY, pk(one), "请更正")
    again = office.do(actor_of(early), applications.submit_application, pk(one), pk(early))
    assert again.stage == "prefecture"


def test_a_province_has_five_places(office: Office) -> None:
    """Six of two prefectures are refused; dossiers brought in before count as well."""
    row = make_round(office, dossiers_per_prefecture=6)
    rows = [submit(office, row, number) for number in range(1, 7)]
    recommend_city(office, row, *rows)
    _rank(office, REGION, pk(row), *rows)
    with pytest.raises(WorkflowError) as caught:
        office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    assert (caught.value.code, caught.value.facts["count"]) == ("province-quota", 6)
    office.do(REGION_ACTOR, recommending.return_application, REGION, pk(rows[5]), "名额有限")
    office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    with office.store.reading() as session:
        assert len(list(session.exec(select(Dossier)))) == 5
        assert session.get_one(Application, pk(rows[5])).stage == "prefecture"


def test_two_applications_of_one_unit_are_refused(office: Office) -> None:
    """Two units with one credit code: the province's submission names them and moves nothing."""
    row = make_round(office)
    account = make_unit(office, 2)
    one, twin = submit(office, row, 1), fill(office, row, account, 1)
    twin = office.do(actor_of(account), applications.submit_application, pk(twin), pk(account))
    recommend_city(office, row, one, twin)
    _rank(office, REGION, pk(row), one, twin)
    with pytest.raises(WorkflowError, match="unit-twice"):
        office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    with office.store.reading() as session:
        assert list(session.exec(select(Dossier))) == []


def test_declined_and_taken_up_again(office: Office) -> None:
    """What was declined, with a reason, can be taken up by the same level and by no other."""
    row = make_round(office)
    one = submit(office, row, 1)
    office.do(CITY_ACTOR, recommending.decline_application, CITY, pk(one), "条件不足")
    with pytest.raises(NotFoundError):
        office.do(REGION_ACTOR, recommending.reconsider_application, REGION, pk(one))
    back = office.do(CITY_ACTOR, recommending.reconsider_application, CITY, pk(one))
    assert back.stage == "prefecture"


def test_admitted_when_both_are_in_or_by_exception(office: Office) -> None:
    """Without papers a dossier waits; two copies under its seal, or a reasoned code, admit it."""
    row = make_round(office, paper_copies=2)
    rows = [submit(office, row, number) for number in (1, 2)]
    recommend_city(office, row, *rows)
    _rank(office, REGION, pk(row), *rows)
    office.do(REGION_ACTOR, recommending.recommend, REGION, pk(row), report())
    with office.store.reading() as session:
        one, other = session.exec(select(Dossier).order_by(Dossier.rank)).all()  # type: ignore[arg-type]
    assert office.do(STAFF, dossiers.admit_received, pk(row)) == 0
    with pytest.raises(WorkflowError, match="papers-missing"):
        office.do(STAFF, dossiers.admit_dossier, pk(one))
    given = {"copies": 2, "received_on": "2022-11-25", "kept_at": "档案室3柜"}
    with pytest.raises(WorkflowError, match="seal-differs"):
        office.do(STAFF, papers.receive_papers, pk(one), seal_name="别的单位", **given)
    with pytest.raises(WorkflowError, match="papers-date"):
        office.do(
            STAFF, papers.receive_papers, pk(one), seal_name=one.unit,
            **(given | {"received_on": "2999-01-01"}),
        )  # fmt: skip
    office.do(STAFF, papers.receive_papers, pk(one), seal_name=one.unit, **given)
    assert office.do(STAFF, dossiers.admit_received, pk(row)) == 1
    with pytest.raises(WorkflowError, match="reason-needed"):
        office.do(STAFF, dossiers.admit_dossier, pk(other), exception="emergency")
    admitted = office.do(
        STAFF, dossiers.admit_dossier, pk(other), exception="emergency", reason="疫情，邮路中断"
    )
    assert admitted.status == "admitted"
    with office.store.reading() as session:
        last = json.loads(list(session.exec(select(LogEvent.event).order_by(LogEvent.seq)))[-1])  # type: ignore[arg-type]
    assert last["body"]["exception"] == "emergency"
    assert "疫情" not in str(last)


def test_accounts_of_places_need_their_place(office: Office) -> None:
    """A prefecture's account without its prefecture, or of a province nobody knows, isn't made."""
    for place in ({"province": "内蒙古"}, {"province": "火星", "prefecture": "甲市"}):
        with pytest.raises(WorkflowError, match="account-place"):
            office.do(
                SYSTEM, create_account, code="c", email="c@test.example", name="某局",
                role="prefecture", password_hash="x", **place,
            )  # fmt: skip


def test_evidence_is_known_by_its_content(tmp_path: Path) -> None:
    """PDF, pictures and Word files are kept by digest; anything else has its refusal."""
    kept = attachments.keep_file(tmp_path, PDF_BYTES, "../../证明 1.pdf")
    assert kept.name == "证明 1.pdf"
    assert attachments.read_file(tmp_path, kept.digest) == PDF_BYTES
    assert attachments.keep_file(tmp_path, PDF_BYTES, "again.pdf").digest == kept.digest
    assert attachments.keep_file(tmp_path, lone_docx(), "a.docx").media == attachments.DOCX
    bad = {
        "attachment-kind": (b"MZ\x90\0 a program", "a.pdf"),
        "attachment-extension": (PDF_BYTES, "a.docx"),
        "attachment-damaged": (PDF_BYTES[:-8] + b"x" * 4000, "a.pdf"),
        "attachment-empty": (b"", "a.pdf"),
        "attachment-only-pdf": (b"\x89PNG\r\n\x1a\n IEND", "a.png"),
    }
    for code, (data, name) in bad.items():
        with pytest.raises(WorkflowError) as caught:
            attachments.keep_file(tmp_path, data, name, only=attachments.PDF)
        assert caught.value.code == code
    for digest in ("../../etc/passwd", "0" * 64):
        with pytest.raises(NotFoundError):
            attachments.read_file(tmp_path, digest)


def test_an_altered_file_is_not_served(tmp_path: Path) -> None:
    """A kept file whose bytes were changed on the disk is refused, not handed out."""
    kept = attachments.keep_file(tmp_path, PDF_BYTES, "a.pdf")
    path = tmp_path / kept.digest[:2] / kept.digest
    path.write_bytes(PDF_BYTES + b"x")
    with pytest.raises(WorkflowError, match="attachment-damaged"):
        attachments.read_file(tmp_path, kept.digest)


def test_evidence_of_an_application(office: Office, tmp_path: Path) -> None:
    """Evidence is put beside a section once, taken away by the unit, and fixed once submitted."""
    row, account = make_round(office), make_unit(office, 1)
    one, who = fill(office, row, account), actor_of(account)
    kept = attachments.keep_file(tmp_path, PDF_BYTES, "a.pdf")
    about = {"section": 2, "title": "场地证明", "pages": "1-3"}
    first = office.do(who, applications.attach_file, pk(one), pk(account), kept, **about)
    with pytest.raises(WorkflowError, match="attachment-twice"):
        office.do(who, applications.attach_file, pk(one), pk(account), kept, **about)
    office.do(who, applications.remove_file, pk(one), pk(account), pk(first))
    office.do(who, applications.attach_file, pk(one), pk(account), kept, **about)
    office.do(who, applications.submit_application, pk(one), pk(account))
    with pytest.raises(WorkflowError, match="application-lies-with"):
        office.do(who, applications.attach_file, pk(one), pk(account), kept, **about)
    with office.store.reading() as session:
        assert [found.title for found in attachments.attached(session, pk(one))] == ["场地证明"]


def test_a_word_form_fills_the_online_form() -> None:
    """A Word form that was filled in gives the same fields as typing them."""
    file = read_form(word_form("包头第一技师学院"), "form.docx")
    fields = applications.typed_of(file.data, "装备制造")
    assert applications.read_fields(fields).issues == ()
