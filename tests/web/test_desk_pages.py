from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import openpyxl

from review_service.tables import Account, Letter, LogEvent, Pledge, Review, Seat
from review_service.web.languages import BEIJING
from review_service.workflows.calibration import LEAST
from tests.web.conftest import sign_in
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

DESK, ROUND = f"/desk/{CODE}", f"/rounds/{CODE}"


def _sheet(client: FlaskClient, url: str) -> openpyxl.Workbook:
    answer = client.get(f"{url}.xlsx")
    assert answer.status_code == 200
    return openpyxl.load_workbook(io.BytesIO(answer.data))


def _filled(book: openpyxl.Workbook, number: str, level: int) -> bytes:
    """Return the sheet with one level in every criterion of a dossier."""
    page = book["评分表"]
    header = next(
        row for row in page.iter_rows() if any("材料编号" in str(one.value) for one in row)
    )
    criteria = [
        one.column for one in header if re.search(r"〔[a-z-]+〕", str(one.value))
        and "意见" not in str(one.value)
    ]  # fmt: skip
    assert len(criteria) == 25
    for row in page.iter_rows(min_row=header[0].row + 1):
        if row[0].value == number:
            for column in criteria:
                page.cell(row[0].row, column).value = level
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _look(client: FlaskClient, url: str, data: bytes) -> str:
    form = {"file": (io.BytesIO(data), "scores.xlsx")}
    answer = client.post(url, data=form)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def _confirm(client: FlaskClient, text: str, **data: str) -> str:
    action = re.search(r'action="([^"]*/sheet/[0-9a-f]{64})"', text)
    assert action
    answer = client.post(action[1], data=data, follow_redirects=True)
    return answer.get_data(as_text=True)


def test_a_sheet_goes_out_and_comes_back(stage: Stage) -> None:
    """Filled away from the net, looked at without storing, then taken in and submitted."""
    stage.play("reviewing").pledge("expert-1")
    client = sign_in(stage, "expert1")
    data = _filled(_sheet(client, f"{DESK}/sheet"), "D01", 7)
    text = _look(client, f"{DESK}/sheet", data)
    assert "Take 7 dossiers in" in text
    assert stage.rows(Review) == []
    assert "The sheet is taken in" in _confirm(client, text, submit="yes")
    done = stage.rows(Review, Review.status == "submitted")
    assert [set(one.levels.values()) for one in done] == [{7}]
    assert "submitted and locked" in _look(client, f"{DESK}/sheet", data)


def test_a_sheet_never_overwrites_what_is_newer_online(stage: Stage) -> None:
    """A dossier saved online since the sheet was made is refused by name; the rest goes in."""
    stage.play("reviewing").pledge("expert-1")
    client = sign_in(stage, "expert1")
    data = _filled(_sheet(client, f"{DESK}/sheet"), "D01", 7)
    client.post(f"{DESK}/dossiers/D01/save", json={"version": 0, "levels": {"platform": 2}})
    text = _look(client, f"{DESK}/sheet", data)
    assert "the online version is newer than the sheet" in text
    _confirm(client, text)
    assert [one.levels for one in stage.rows(Review) if one.levels] == [{"platform": 2}]


def test_a_faulty_sheet_names_its_cell_and_another_cannot_take_it_in(stage: Stage) -> None:
    """A level off the scale is named; a sheet kept for one expert is nobody else's to confirm."""
    stage.play("reviewing")
    for code in ("expert-1", "expert-2"):
        stage.pledge(code)
    client, other = sign_in(stage, "expert1"), sign_in(stage, "expert2")
    book = _sheet(client, f"{DESK}/sheet")
    assert "cells need to be put right" in _look(client, f"{DESK}/sheet", _filled(book, "D01", 99))
    text = _look(client, f"{DESK}/sheet", _filled(book, "D01", 9))
    action = re.search(r'action="([^"]*/sheet/[0-9a-f]{64})"', text)
    assert action
    assert other.post(action[1]).status_code == 404
    assert 'role="alert"' in _look(client, f"{DESK}/sheet", b"%PDF-1.4")
    assert stage.rows(Review) == []


def test_staff_get_a_sheet_without_scores(stage: Stage) -> None:
    """What an expert scored online doesn't stand in the sheet that staff take along."""
    stage.play("reviewing").pledge("expert-1")
    client = sign_in(stage, "expert1")
    client.post(f"{DESK}/dossiers/D01/save", json={"version": 0, "levels": {"platform": 3}})
    seat = stage.rows(Seat, Seat.expert_id == stage.expert("expert-1"))[0]
    staff = sign_in(stage, "staff")
    url = f"{ROUND}/seats/{seat.id}/sheet"
    book = _sheet(staff, url)
    header = [str(one.value) for row in book["评分表"].iter_rows() for one in row]
    assert "3" not in header
    text = _look(staff, url, _filled(book, "D01", 8))
    assert "The sheet is taken in" in _confirm(staff, text)
    assert set(stage.rows(Review)[0].levels.values()) == {8}


def test_samples_close_the_other_dossiers(tmp_path: Path) -> None:
    """Before the sample is submitted no other page opens; afterwards all do."""
    stage = Stage(tmp_path, samples_first=True)
    stage.app.config["WTF_CSRF_ENABLED"] = False
    stage.play("reviewing").pledge("expert-1")
    client = sign_in(stage, "expert1")
    desk = client.get(DESK).get_data(as_text=True)
    assert "First the calibration dossiers" in desk
    assert f'href="{DESK}/dossiers/D01"' not in desk
    answer = client.get(f"{DESK}/dossiers/D01")
    assert answer.status_code == 422
    assert "Submit the calibration dossiers first" in answer.get_data(as_text=True)
    assert client.get(f"{DESK}/dossiers/D13").status_code == 200
    seat = stage.rows(Seat, Seat.expert_id == stage.expert("expert-1"))[0]
    stage.calibrate(seat)
    assert client.get(f"{DESK}/dossiers/D01").status_code == 200
    stage.close()


def test_the_spread_waits_for_the_last_of_the_panel(stage: Stage) -> None:
    """Expert and staff see counts until all have submitted, then the spread; names never."""
    stage.play("reviewing")
    seat = stage.rows(Seat, Seat.expert_id == stage.expert("expert-1"))[0]
    members = stage.rows(Seat, Seat.panel == seat.panel, Seat.status == "accepted")
    assert len(members) >= LEAST
    clients = [(sign_in(stage, "expert1"), DESK), (sign_in(stage, "staff"), ROUND)]
    members.sort(key=lambda one: one.id != seat.id)
    for one in members:
        if stage.rows(Pledge):
            for client, base in clients:
                text = client.get(f"{base}/calibration").get_data(as_text=True)
                assert "the spread is shown once all have" in text
                assert "Totals from" not in text
        stage.calibrate(one)
    expert, staff = (
        client.get(f"{base}/calibration").get_data(as_text=True) for client, base in clients
    )
    assert "Totals from" in expert
    assert "mine " in expert
    assert "Totals from" in staff
    assert not any(one.pseudonym in expert + staff for one in members)


def test_staff_remind_and_extend_by_one_click(stage: Stage) -> None:
    """Reminders go out once, more time needs a later end, and every count leads to its list."""
    stage.play("reviewing")
    staff = sign_in(stage, "staff")
    url = f"{ROUND}/progress"
    text = staff.post(f"{url}/remind", data={"who": "open"}, follow_redirects=True).text
    assert "The reminders are on their way." in text
    assert "reminded 1 times" in text
    before = len(stage.rows(Letter))
    assert before == len({one.expert_id for one in stage.rows(Seat, Seat.status == "accepted")})
    again = staff.post(f"{url}/remind", data={"who": "open"}, follow_redirects=True).text
    assert "Nobody is to be reminded now." in again
    seat = stage.rows(Seat, Seat.status == "accepted")[0]
    until = (stage.clock.now + timedelta(hours=9, minutes=30)).strftime("%Y-%m-%dT%H:%M")
    data = {"until": until, "reason": "出差"}
    text = staff.post(f"{url}/{seat.id}/extend", data=data, follow_redirects=True).text
    assert "extended" in text
    assert staff.post(f"{url}/{seat.id}/extend", data={"until": "soon"}).status_code == 400
    stage.clock.advance(days=2)
    late = staff.get(f"{url}?state=late").text
    assert seat.pseudonym in late
    assert "1 experts" in late
    assert "Remind all 1 who are late" in late
    logged = stage.rows(LogEvent, LogEvent.type == "deadline.extended")[0]
    assert "出差" not in logged.event


def test_only_a_demonstration_shows_what_letters_say(stage: Stage) -> None:
    """Elsewhere staff see that letters wait or went, not to whom, and never a link."""
    stage.play("drawn")
    staff = sign_in(stage, "staff")
    staff.post(f"{ROUND}/seats/invite")
    letter = stage.rows(Letter)[0]
    assert letter.address in staff.get("/outbox").text
    stage.app.config["DEMONSTRATION"] = False
    text = staff.get("/outbox").text
    assert "waits" in text
    assert letter.address not in text
    assert letter.name not in text
    assert "/invitation/" not in text
    assert staff.get(f"/outbox/{letter.id}.ics").status_code == 404
    assert "tried again" in staff.post(f"/outbox/{letter.id}/again", follow_redirects=True).text
    assert stage.rows(Account, Account.code == "expert-1")


def test_a_reload_tells_the_hour_of_a_save_of_today(stage: Stage) -> None:
    """The desk says the hour alone, as when it saved, and from midnight in Beijing the day too."""
    stage.play("reviewing").pledge("expert-1")
    client = sign_in(stage, "expert1")
    sent = {"version": 0, "levels": {"platform": 2}}
    url = f"{DESK}/dossiers/D01"
    said = client.post(f"{url}/save", json=sent).get_json()["saved"]
    assert re.fullmatch(r"\d\d:\d\d", said)
    assert f"Saved by itself {said}<" in client.get(url).text
    day = stage.clock.now.astimezone(BEIJING)
    stage.clock.advance_to(day.replace(hour=23, minute=59, second=0))
    assert f"Saved by itself {said}<" in client.get(url).text
    stage.clock.advance(minutes=2)
    assert f"Saved by itself {day:%Y-%m-%d} {said}<" in client.get(url).text
