"""Results, publicity, papers and the feed over HTTP."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from docx import Document
from python_calamine import CalamineWorkbook

from review_service.demonstration.world import STAFF
from review_service.jobs import queue
from review_service.jobs.worker import Worker
from review_service.tables import Dossier, Draw, Expert, Objection, ObjectionFile
from review_service.web.charts import chance_range, heat, matrix, moves
from review_service.workflows import rounds
from review_service.workflows.base import SYSTEM, pk
from review_service.workflows.bundles import draw_bundle
from tests.web.conftest import sign_in
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.test import TestResponse

ROUND = f"/rounds/{CODE}"
PUBLIC = f"/public/{CODE}"
PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A published round of this module alone, whose names are sealed."""
    stage = Stage(tmp_path_factory.mktemp("shown")).play("published")
    stage.app.config["WTF_CSRF_ENABLED"] = False
    yield stage
    stage.close()


def _text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def test_results_show_pictures_with_tables_beside(shown: Stage) -> None:
    """Every picture stands on the page with its figures in a table; no style, no script."""
    page = _text(sign_in(shown, "staff").get(f"{ROUND}/results"))
    for name in ("intervals", "slopes", "matrix"):
        assert f'class="chart {name} wide"' in page
        assert f'class="chart {name} narrow"' in page  # for a phone
    for caption in (
        "12 of 12 dossiers", "Dossiers that moved", "Raw means by chapter", "Experts by pseudonym",
        "How far the experts agree", "The graph in figures",
    ):  # fmt: skip
        assert f"<caption>{caption}</caption>" in page
    assert " style=" not in page
    assert "onclick" not in page


def test_results_are_filtered_sorted_and_exported(shown: Stage) -> None:
    """Filters keep rows and order, and the Excel file has the same rows with numbers in it."""
    client = sign_in(shown, "staff")
    answer = client.get(f"{ROUND}/results", query_string={"province": "江苏", "sort": "number"})
    table = _text(answer).split("of 12 dossiers</caption>")[1].split("</table>")[0]
    found = re.findall(r">(D\d\d)</a>", table)
    assert found == ["D01", "D05", "D09"]
    answer = client.get(
        f"{ROUND}/results.xlsx", query_string={"province": "江苏", "sort": "number"}
    )
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    head, *rows = book.get_sheet_by_name("结果").to_python()
    assert [row[1] for row in rows] == found
    figures = dict(zip(head, rows[0], strict=True))
    assert isinstance(figures["校正分"], float)
    assert min(row[head.index("标准分")] for row in rows) < 0
    assert "No dossier fits" in _text(client.get(f"{ROUND}/results?q=nothing-like-it"))


def test_a_rerun_says_that_the_record_is_the_same(shown: Stage) -> None:
    """The button computes fit and list again and shows that the bytes are those kept."""
    client = sign_in(shown, "inspector")
    where = client.post(f"{ROUND}/results/repeat").headers["Location"]
    assert "Waiting for its turn" in _text(client.get(where))
    assert sign_in(shown, "staff").get(where).status_code == 404  # a job is its asker's alone
    assert Worker(shown.office).once()
    page = _text(client.get(where))
    assert page.count("byte for byte the same") == 2
    assert "DIFFER" not in page


def test_a_job_that_nobody_does_says_so(shown: Stage) -> None:
    """A job that no worker takes, or whose worker fell silent, tells whom to call, not before."""
    taken, silent = "Nothing has taken this up", "has given no sign of life"
    do = shown.office.do
    other = pk(do(SYSTEM, queue.enqueue, "mail", {}))
    assert do(SYSTEM, queue.claim, "one") is not None
    client = sign_in(shown, "inspector")
    where = client.post(f"{ROUND}/results/repeat").headers["Location"] + "?part=1"
    assert taken not in _text(client.get(where))
    shown.clock.advance(minutes=1)
    do(SYSTEM, queue.beat, other, "one", 50)  # the worker is busy: this one waits for its turn
    assert taken not in _text(client.get(where))
    do(SYSTEM, queue.fail, other, "one", "no-smtp", {})
    assert taken in _text(client.get(where))
    with client.session_transaction() as session:
        session["language"] = "zh"
    assert "请告知运维人员" in _text(client.get(where))
    with client.session_transaction() as session:
        session["language"] = "en"
    mine = do(SYSTEM, queue.claim, "two")
    page = _text(client.get(where))
    assert "Under way" in page
    assert silent not in page
    shown.clock.advance(minutes=1)
    assert silent in _text(client.get(where))
    do(SYSTEM, queue.fail, pk(mine), "two", "no-smtp", {})


def test_an_objection_from_form_to_answer(shown: Stage) -> None:
    """Anybody objects without an account, gets a receipt, and reads the answer two people gave."""
    public = sign_in(shown, "")
    sent = {"name": "王某", "contact": "a@b.example", "text": "<b>有异议</b>", "dossier": ""}
    bad = sent | {"files": (io.BytesIO(b"<html>"), "a.pdf")}
    answer = public.post(f"{PUBLIC}/objection", data=bad, content_type="multipart/form-data")
    assert 'role="alert"' in _text(answer)
    assert "&lt;b&gt;" in _text(answer)  # what was typed is kept, and escaped
    good = sent | {"files": (io.BytesIO(PDF), "../证据.pdf")}
    answer = public.post(
        f"{PUBLIC}/objection", data=good, content_type="multipart/form-data", follow_redirects=True
    )
    receipt = re.findall(rf"{CODE}-[A-Z2-7]{{8}}", _text(answer))[0]
    assert public.post(f"{PUBLIC}/objection", data=sent | {"website": "x"}).status_code == 400
    (row,), (file,) = shown.rows(Objection), shown.rows(ObjectionFile)
    assert file.name == "证据.pdf"
    here = f"{ROUND}/objections/{row.id}"
    staff, approver = sign_in(shown, "staff"), sign_in(shown, "approver")
    taken = staff.get(f"{here}/files/{file.id}")
    assert taken.data == PDF
    assert taken.headers["Content-Disposition"].startswith("attachment")
    assert public.get(f"{here}/files/{file.id}").status_code == 302
    assert staff.get(f"{here}/files/{file.id + 1}").status_code == 404
    said = {"outcome": "dismissed", "answer": "经核查，不属实。", "reason": "现场核查"}
    staff.post(f"{here}/answer", data=said)
    assert "经核查" not in _text(public.get(f"{PUBLIC}/receipt?number={receipt}"))
    approver.post(f"{here}/decide", data={"decision": "approve"})
    assert "经核查，不属实。" in _text(public.get(f"{PUBLIC}/receipt?number={receipt}"))
    page = _text(public.get(PUBLIC))
    assert "1 objections were answered" in page
    assert "王某" not in page
    assert "no objection with this receipt" in _text(public.get(f"{PUBLIC}/receipt?number=x"))


def test_names_are_in_no_paper_before_unsealing(shown: Stage) -> None:
    """Before unsealing no expert list is made and the draw record has pseudonyms; then names."""
    client = sign_in(shown, "staff")
    assert client.get(f"{ROUND}/papers/experts.docx").status_code == 303
    seats = _seats(client.get(f"{ROUND}/papers/draw-1.docx"))
    assert all(re.fullmatch(r"e[0-9a-f]+", one) for one in seats)
    shown.office.do(STAFF, rounds.unseal_names, shown.round_id)
    seats = _seats(client.get(f"{ROUND}/papers/draw-1.docx"))
    assert all("职业技术学院" in one for one in seats)
    assert client.get(f"{ROUND}/papers/experts.docx").status_code == 200
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(client.get(f"{ROUND}/papers/experts.xlsx").data)
    )
    assert book.get_sheet_by_index(0).to_python()[0][2] == "姓名"


def _seats(answer: TestResponse) -> list[str]:
    table = Document(io.BytesIO(answer.data)).tables[1]
    return [row.cells[2].text for row in table.rows[1:]]


def test_papers_are_chinese_on_an_english_page(shown: Stage) -> None:
    """Papers are made in Chinese whatever the page's language; feedback names no expert."""
    client = sign_in(shown, "staff")
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{ROUND}/papers/feedback.zip").data))
    assert len(archive.namelist()) == 12
    document = Document(io.BytesIO(archive.read(f"{CODE}-D05-反馈.docx")))
    text = "\n".join(cell.text for table in document.tables for cell in table._cells)
    assert "应不低于" in text
    assert "Training volume" not in text
    for name in ("approval", "notice", "annex"):
        answer = client.get(f"{ROUND}/papers/{name}.docx")
        assert answer.mimetype.endswith("wordprocessingml.document")
    assert client.get(f"{ROUND}/papers/feedback/none.docx").status_code == 404


def test_a_bundle_names_nobody_of_a_round_under_way(stages: Callable[[str], Stage]) -> None:
    """The log in a public bundle holds no person, unit, score or comment while reviews come in."""
    stage = stages("reviewing")
    with stage.office.store.reading() as session:
        data = draw_bundle(session, session.get_one(Draw, stage.draw().id))
    events = zipfile.ZipFile(io.BytesIO(data)).read("events.jsonl").decode()
    for row in stage.rows(Expert):
        for secret in (row.name, row.employer, row.document):
            assert secret not in events
    for unit in stage.rows(Dossier):
        assert unit.unit not in events
    for line in events.splitlines():
        assert not {"levels", "score", "total", "notes", "comment", "name"} & set(
            json.loads(line)["body"]
        )


def test_feed_tells_of_lists_and_checkpoints(shown: Stage) -> None:
    """The JSON feed names the published list with its period and the signed checkpoints."""
    answer = sign_in(shown, "").get("/feed.json")
    assert answer.mimetype == "application/feed+json"
    feed = json.loads(answer.data)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert any("公示期" in one["content_text"] for one in feed["items"])
    assert any(one["content_text"].startswith("review.example") for one in feed["items"])
    times = [one["date_published"] for one in feed["items"]]
    assert times == sorted(times, reverse=True)
    assert len({one["id"] for one in feed["items"]}) == len(times)


def test_nothing_of_an_unpublished_round_is_public(stages: Callable[[str], Stage]) -> None:
    """Before publication list, table, objections and receipts are not there, nor in the feed."""
    client = sign_in(stages("reviewing"), "")
    for url in (PUBLIC, f"{PUBLIC}/list.xlsx", f"{PUBLIC}/objection", f"{PUBLIC}/receipt"):
        assert client.get(url).status_code == 404, url
    assert CODE not in _text(client.get("/feed.json"))
    staff = sign_in(stages("reviewing"), "staff")
    for url in ("results.xlsx", "papers/annex.docx", "papers/approval.docx", "papers/feedback.zip"):
        assert staff.get(f"{ROUND}/{url}").status_code == 404, url


class TestCharts:
    def test_chance_range_is_chi_squares(self) -> None:
        """The range that chance gives a mean square is the chi-square law's, to 0.005."""
        low, high = chance_range(21)
        assert low == pytest.approx(9.591 / 20, abs=0.005)
        assert high == pytest.approx(34.170 / 20, abs=0.005)

    def test_moves_go_from_raw_place_to_place(self) -> None:
        """A dossier that rises three places is marked up; those not ranked are left out."""
        rows = [
            {"id": "a", "place": 1, "raw_place": 4, "moved": 3},
            {"id": "b", "place": 2, "raw_place": 1, "moved": -1},
            {"id": "c", "place": None, "raw_place": None, "moved": 0},
        ]
        found = moves(rows, 1)
        assert found is not None
        assert [(one.label, one.kind) for one in found.rows] == [("a", "up"), ("b", "pale")]
        assert found.rows[0].left > found.rows[0].right
        assert moves(rows[2:], 1) is None

    def test_heat_shades_by_chapter(self) -> None:
        """A chapter's least and greatest get the first and last shade; what is missing none."""
        rows = [{"chapters": {"c": 10.0}}, {"chapters": {"c": 90.0}}, {"chapters": {"c": None}}]
        assert [one["cells"][0] for one in heat(rows, ["c"])] == [(10.0, 1), (90.0, 7), None]

    def test_matrix_has_a_dot_for_each_review(self) -> None:
        """Every review is one dot in its expert's row; those marked are of the key's colour."""
        pairs = [("d1", "e1"), ("d1", "e2"), ("d2", "e2")]
        found = matrix(pairs, {"d2"})
        assert len(found.dots) == len(set(found.dots)) == 3
        assert [kind for _, _, kind in found.dots] == ["", "", "key"]
        assert {name for _, name in found.rows} == {"e1", "e2"}
