from __future__ import annotations

import io
import os
import re
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from review_service.demonstration.world import STAFF
from review_service.exchange.pool import ExpertRow, write_pool
from review_service.jobs.worker import Worker
from review_service.tables import (
    Account,
    Approval,
    Conflict,
    Expert,
    Invitation,
    Letter,
    Review,
    Round,
    Seat,
)
from review_service.workflows import rounds, seats
from review_service.workflows.base import Actor, pk
from tests.web.conftest import sign_in
from tests.web.stage import CODE

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.stage import Stage

ROUND = f"/rounds/{CODE}"
DESK = f"/desk/{CODE}"


def _told(client: FlaskClient, url: str, data: dict[str, str], method: str = "post") -> str:
    """Return the page that a post leads to."""
    answer = getattr(client, method)(url, data=data, follow_redirects=True)
    assert answer.status_code == 200
    text: str = answer.get_data(as_text=True)
    return text


RULES = {
    "code": "2027-a", "title": "新一轮", "rubric": "skills-base-2022", "total": "9",
    "province_most": "2", "publicity_days": "7", "panels": "P01 装备制造 技术=4 管理=3",
    "method": "lottery", "dossiers_per_prefecture": "2", "dossiers_per_province": "4",
    "paper_copies": "2", "age_limit": "68", "window_years": "5", "fuzzy_cutoff": "90",
    "organisers": "某司\n\n某中心", "pair_cap": "1", "assumed_reviewer": "9",
    "assumed_residual": "25", "limit_employer_draw": "1", "limit_province_panel": "",
    "same_prefecture": "y",
    "parties_staff": "the ministry\n a notary \nunion-1",
    "parties_inspector": "discipline inspection",
    "zone_low": "0.2", "zone_high": "0.85", "zone_settle": "draw",
    "deadline_unit": "2027-03-01T18:00", "deadline_province": "2027-04-01T18:00",
}  # fmt: skip


def test_a_round_is_made_from_a_form(stage: Stage) -> None:
    """Every rule of the page reaches the draft, which can be changed until it opens."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    assert "The round was made" in _told(client, "/rounds/new", RULES)
    rules = stage.rows(Round, Round.code == "2027-a")[0].rules
    assert (rules["list"]["total"], rules["panels"][0]["class"]) == (9, "装备制造")
    assert rules["deadlines"]["unit"] == "2027-03-01T18:00:00+08:00"
    assert rules["conflicts"] == {
        "same_province": False, "same_prefecture": True, "window_years": 5, "age_limit": 68,
        "fuzzy_cutoff": 90, "senior_title": False, "organisers": ["某司", "某中心"],
    }  # fmt: skip
    assert rules["limits"] == [{"field": "employer", "scope": "draw", "max": 1}]
    assert rules["parties"] == {
        "ministry": "staff",
        "notary": "staff",
        "union-1": "staff",
        "inspection": "inspector",
    }
    assert rules["list"]["zone"] == {"low": "0.2", "high": "0.85", "settle": "draw"}
    page = client.get("/rounds/2027-a/edit").get_data(as_text=True)
    assert "P01 装备制造 技术=4 管理=3" in page
    assert "the ministry\na notary\nunion-1</textarea>" in page
    each = RULES | {"method": "each", "panels": "", "each_seats": "技术=2", "each_capacity": "6",
                    "pair_cap": "1/2", "zone_low": "", "zone_high": ""}  # fmt: skip
    assert "The rules are changed." in _told(client, "/rounds/2027-a/edit", each)
    row = stage.rows(Round, Round.code == "2027-a")[0]
    code = next(code for code, name in row.rules["strata"].items() if name == "技术")
    assert (row.rules["method"], row.rules["pair_cap"]) == ("balanced", [1, 2])
    assert row.rules["each"] == {"seats": {code: 2}, "capacity": 6}
    assert row.rules["list"]["zone"] is None
    page = client.get("/rounds/2027-a/rules").get_data(as_text=True)
    assert "2027-03-01 18:00" in page
    assert "each dossier a panel of its own" in page
    stage.office.do(STAFF, rounds.open_round, pk(row))
    assert "while the round is" in _told(client, "/rounds/2027-a/edit", each)
    assert client.get("/rounds/2027-a/edit").status_code == 303


def test_a_round_opens_for_applications(stage: Stage) -> None:
    """Its page opens a round without a dossier, and one without a pool; then it waits for units."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    page = client.get(ROUND).get_data(as_text=True)
    assert "Next: bring in the pool" in page
    assert "Open the round before the pool is in" in page
    with stage.office.store.writing() as session:
        session.add(
            Expert(number="E1", name="王芳", document="T1", employer="甲", stratum="技术",
                   province="江苏", updated_at=stage.clock.now)
        )  # fmt: skip
        session.commit()
    assert "Next: open the round" in client.get(ROUND).get_data(as_text=True)
    assert "The round is open" in _told(client, f"{ROUND}/step", {"to": "open"})
    assert "Applications are awaited" in client.get(ROUND).get_data(as_text=True)


FAULTY: list[tuple[dict[str, str], str]] = [
    ({"panels": "P01 装备制造 技术=x"}, "Line 1: “技术=x” is not stratum=count."),
    ({"panels": "P01 甲 技术=1\nP01 乙 技术=1"}, "Panel P01 stands twice."),
    ({"method": "balanced"}, "These panels name no dossiers after a colon: P01."),
    ({"method": "each"}, "no panels stand here"),
    ({"method": "each", "panels": ""}, "Say below how many experts each dossier needs"),
    ({"pair_cap": "3/2"}, "A fraction of at most 1"),
    ({"fuzzy_cutoff": "20"}, "A whole number from 50 to 100."),
    ({"deadline_unit": "2027-05-01T18:00"}, "The levels must end one after another"),
    ({"review_from": "2027-05-01T18:00"}, "Give both the first and the last moment."),
    ({"parties_staff": "", "parties_inspector": ""}, "At least one party must give a secret"),
    ({"parties_inspector": "notary"}, "“a notary” stands twice."),
    ({"parties_staff": "公证处"}, "can’t name a party"),
    ({"zone_low": ""}, "Give both figures of the zone, or neither."),
    ({"zone_low": "0.9"}, "The second figure must be the higher one."),
    ({"zone_high": "1.5"}, "A number from 0 to 1."),
    ({"zone_settle": "vote"}, "Not a valid choice"),
    ({"code": "new"}, "Short code of the round"),
]


def test_a_faulty_rule_is_named_by_its_field(stage: Stage) -> None:
    """What is wrong with a rule stands at its field and in the summary; no round is made."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    for wrong, told in FAULTY:
        text = _told(client, "/rounds/new", RULES | wrong)
        assert "Something needs to be put right" in text, wrong
        assert told in text, wrong
    assert not stage.rows(Round, Round.code == "2027-a")


def _upload(client: FlaskClient, data: bytes) -> str:
    form = {"file": (io.BytesIO(data), "pool.xlsx")}
    answer = client.post(f"{ROUND}/import/pool", data=form)
    assert answer.status_code == 303
    location: str = answer.headers["Location"]
    return location


def test_a_pool_is_previewed_and_taken_in_whole(stage: Stage) -> None:
    """The preview stores nothing; confirming takes all rows in and forgets the file."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    rows = [
        ExpertRow("", "王小明", f"DOC{n:05}", "某学院", "技术", "江苏", title="教授", born=1970)
        for n in range(3)
    ]
    url = _upload(client, write_pool(rows))
    preview = client.get(url).get_data(as_text=True)
    assert "3 rows, all in order" in preview
    assert stage.rows(Expert) == []
    assert "3 rows were brought in." in _told(client, url, {})
    assert len(stage.rows(Expert)) == 3
    assert client.get(url).status_code == 404


def test_a_file_that_nobody_confirms_is_forgotten(stage: Stage) -> None:
    """What was brought for a preview and left is removed with the next file that comes."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    url = _upload(client, b"one")
    folder = stage.settings.uploads
    yesterday = time.time() - 25 * 3600
    for path in folder.iterdir():
        os.utime(path, (yesterday, yesterday))
    _upload(client, b"two")
    assert {path.stem for path in folder.iterdir()} == {sha256(b"two").hexdigest()}
    assert client.get(url).status_code == 404


def test_a_faulty_file_names_its_cells_and_takes_nothing_in(stage: Stage) -> None:
    """Every faulty cell is named, and confirming anyway stores nothing."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    row = ExpertRow("", "王小明", "DOC00001", "某学院", "技术", "江苏", title="教授", born=1970)
    url = _upload(client, write_pool([row, row]))
    assert "document number is that of row" in client.get(url).get_data(as_text=True)
    _told(client, url, {})
    assert stage.rows(Expert) == []


def test_a_file_that_is_no_table_is_refused_in_words(stage: Stage) -> None:
    """A text that calls itself a workbook gets a sentence, not a crash."""
    stage.play("empty")
    client = sign_in(stage, "staff")
    answer = client.get(_upload(client, b"%PDF-1.4 nothing"))
    assert answer.status_code == 200
    assert 'role="alert"' in answer.get_data(as_text=True)


def test_search_finds_pinyin_and_takes_wildcards_as_text(stage: Stage) -> None:
    """Pinyin is found without its spaces; a per cent sign is a sign, not everything."""
    stage.play("imported")
    client = sign_in(stage, "staff")
    assert "张伟" in client.get(f"{ROUND}/pool?q=zhangwei").get_data(as_text=True)
    assert "Nobody fits" in client.get(f"{ROUND}/pool?q=%25").get_data(as_text=True)


def test_a_suspected_conflict_is_decided_with_a_reason(stage: Stage) -> None:
    """Without a reason nothing is decided; with one the pair is dismissed and says why."""
    stage.play("opened")
    with stage.office.store.writing() as session:
        session.add(
            Conflict(
                round_id=stage.round_id, expert_id=1, dossier_id=2, status="suspected",
                rule="similar-employer-name", declared_at=stage.clock.now,
            )
        )  # fmt: skip
        session.commit()
    one = stage.rows(Conflict, Conflict.status == "suspected")[0]
    client = sign_in(stage, "staff")
    url = f"{ROUND}/conflicts/{one.id}"
    data = {"decision": "dismiss", "reason": "", "next": f"{ROUND}/conflicts"}
    assert "A reason is needed." in _told(client, url, data)
    assert "已电话核实" in _told(client, url, data | {"reason": "已电话核实"})
    assert stage.rows(Conflict, Conflict.id == one.id)[0].status == "dismissed"


@pytest.mark.parametrize("value", ["", "xyz", "A" * 64, "0" * 63])
def test_a_malformed_commitment_is_refused(stage: Stage, value: str) -> None:
    """A commitment is 64 small hex characters; anything else is told so and not stored."""
    stage.play("opened")
    data = {"party": "ministry", "commitment": value}
    text = _told(sign_in(stage, "staff"), f"{ROUND}/draws/commit", data)
    assert "A commitment is 64 characters" in text


def test_nobody_commits_for_another_party(stage: Stage) -> None:
    """The ministry's staff can't commit for the inspection."""
    stage.play("opened")
    data = {"party": "inspection", "commitment": "0" * 64}
    text = _told(sign_in(stage, "staff"), f"{ROUND}/draws/commit", data)
    assert "Only “discipline inspection” can do this." in text


def test_an_invitation_link_works_once(stage: Stage) -> None:
    """The letter's link accepts a seat without any account; a second time it is over."""
    stage.play("drawn")
    staff = sign_in(stage, "staff")
    assert "The invitations are on their way." in _told(staff, f"{ROUND}/seats/invite", {})
    letter = stage.rows(Letter)[0]
    link = re.search(r"/invitation/[\w-]+", letter.body)
    assert link
    stranger = sign_in(stage, "")
    assert "Invitation to review" in stranger.get(link[0]).get_data(as_text=True)
    assert "Tick the seats" in _told(stranger, f"{link[0]}/accept", {})
    asked = stage.rows(Invitation)[0].seat_id
    assert stranger.post(f"{link[0]}/accept", data={"seat": asked + 1}).status_code == 404
    text = _told(stranger, f"{link[0]}/accept", {"seat": str(asked)})
    assert "You have accepted." in text
    assert len(stage.rows(Seat, Seat.status == "accepted")) == 1
    assert stranger.get(link[0]).status_code == 404
    assert stranger.post(f"{link[0]}/decline", data={"reason": "declined"}).status_code == 404
    assert "/invitation/" in staff.get("/outbox").get_data(as_text=True)


def test_a_decline_by_link_invites_the_next(stage: Stage) -> None:
    """Declining by link needs a reason, seats the next of the list and writes to them."""
    stage.play("drawn")
    _told(sign_in(stage, "staff"), f"{ROUND}/seats/invite", {})
    before = len(stage.rows(Letter))
    link = re.search(r"/invitation/[\w-]+", stage.rows(Letter)[0].body)
    assert link
    stranger = sign_in(stage, "")
    assert "Choose a reason." in _told(stranger, f"{link[0]}/decline", {})
    data = {"reason": "declined", "seat": str(stage.rows(Invitation)[0].seat_id)}
    assert "You have declined." in _told(stranger, f"{link[0]}/decline", data)
    assert len(stage.rows(Letter)) == before + 1


def test_a_seat_is_answered_by_its_expert_alone(stage: Stage) -> None:
    """Another expert's seat gives the same 404 as none."""
    stage.play("drawn")
    other = stage.rows(Account, Account.code == "expert-2")[0]
    seat = stage.rows(Seat, Seat.expert_id == other.expert_id)[0]
    client = sign_in(stage, "expert1")
    for action in ("accept", "decline"):
        for one in (seat.id, 999):
            answer = client.post(f"{DESK}/seats/{action}", data={"seat": one})
            assert answer.status_code == 404
    assert {one.status for one in stage.rows(Seat)} == {"awaiting"}


def test_an_autosave_of_an_old_version_overwrites_nothing(stage: Stage) -> None:
    """A save names the version it read; an older one gets 409 and the stored levels stay."""
    stage.play("reviewing").pledge("expert-1")
    client = sign_in(stage, "expert1")
    url = f"{DESK}/dossiers/D01/save"
    first = client.post(url, json={"version": 0, "levels": {"platform": 7}, "notes": {}})
    assert first.get_json()["version"] == 1
    second = client.post(url, json={"version": 0, "levels": {"platform": 2}, "notes": {}})
    assert second.status_code == 409
    assert second.get_json()["stored"] == 1
    assert stage.rows(Review)[0].levels == {"platform": 7}


@pytest.mark.parametrize(
    "sent",
    [
        [], {}, {"version": "x"}, {"version": 0, "levels": {"platform": 11}},
        {"version": 0, "levels": {"platform": "7; DROP"}},
        {"version": 0, "notes": {"platform": "x" * 2001}},
    ],
)  # fmt: skip
def test_a_malformed_autosave_is_refused(stage: Stage, sent: object) -> None:
    """What isn't a form of this rubric is refused with a sentence, and nothing is stored."""
    stage.play("reviewing").pledge("expert-1")
    answer = sign_in(stage, "expert1").post(f"{DESK}/dossiers/D01/save", json=sent)
    assert answer.status_code in {400, 422}
    assert answer.get_json()["error"]
    assert stage.rows(Review) == []


def test_a_submitted_review_changes_only_by_a_second_person(stage: Stage) -> None:
    """Autosave is refused after submission; an amendment counts once the approver agrees."""
    stage.play("reviewing")
    account = stage.rows(Account, Account.code == "expert-1")[0]
    stage.review_all(stage.rows(Seat, Seat.expert_id == account.expert_id)[0])
    review = next(one for one in stage.rows(Review) if one.expert_id == account.expert_id)
    client = sign_in(stage, "expert1")
    answer = client.post(
        f"{DESK}/dossiers/D01/save", json={"version": 1, "levels": {"platform": 1}}
    )
    assert answer.status_code == 422
    number = "D01"
    levels = {f"level-{name}": "9" for name in review.levels}
    data = levels | {"version": "1", "reason": ""}
    url = f"{DESK}/dossiers/{number}/amend"
    assert "Something needs to be put right" in _told(client, url, data)
    assert "Asked for." in _told(client, url, data | {"reason": "误填"})
    proposal = stage.rows(Approval, Approval.subject == "amendment")[0]
    approver = sign_in(stage, "approver")
    assert "is to be changed in" in approver.get(f"{ROUND}/progress").get_data(as_text=True)
    _told(approver, f"{ROUND}/amendments/{proposal.id}", {"decision": "approve"})
    changed = [one for one in stage.rows(Review) if set(one.levels.values()) == {9}]
    assert len(changed) == 1


def _computed(stage: Stage, staff: FlaskClient) -> str:
    """Ask for the computation, let a worker do it, and return the page of results."""
    where = staff.post(f"{ROUND}/results/compute").headers["Location"]
    assert Worker(stage.office).once()
    assert "Computed." in staff.get(f"{where}?part=1").get_data(as_text=True)
    return staff.get(f"{ROUND}/results").get_data(as_text=True)


def test_results_are_proposed_and_decided_by_two_people(stage: Stage) -> None:
    """Staff compute, settle and propose; the approver decides; staff publish."""
    stage.play("closed")
    staff, approver = sign_in(stage, "staff"), sign_in(stage, "approver")
    text = _computed(stage, staff)
    ids = re.findall(r'name="taken-([^"]+)" id="yes-', text)
    if ids:
        take = re.search(r"(\d+) of them get a place", text)
        places = int(take[1]) if take else len(ids)
        verdicts = {f"taken-{one}": "yes" if n < places else "no" for n, one in enumerate(ids)}
        reasons = {f"reason-{one}": "评审组合议" for one in ids}
        data = verdicts | reasons | {"reason": "评审组会议"}
        assert "The verdicts are proposed" in _told(staff, f"{ROUND}/results/settle", data)
        waiting = stage.rows(Approval, Approval.status == "proposed")[0]
        _told(approver, f"{ROUND}/results/proposals/{waiting.id}", {"decision": "approve"})
        _computed(stage, staff)
    assert "Proposed." in _told(staff, f"{ROUND}/results/propose", {"reason": "按规则形成"})
    waiting = stage.rows(Approval, Approval.status == "proposed")[0]
    url = f"{ROUND}/results/proposals/{waiting.id}"
    assert "A reason is needed." in _told(approver, url, {"decision": "reject", "reason": ""})
    assert "Approved." in _told(approver, url, {"decision": "approve"})
    assert "Published." in _told(staff, f"{ROUND}/publicity", {})
    assert sign_in(stage, "").get(f"/public/{CODE}").status_code == 200


def test_the_seats_are_sent_again_once_something_changed(stage: Stage) -> None:
    """The page's own question brings 304 until the log grows; languages have marks of their own."""
    stage.play("drawn")
    client = sign_in(stage, "staff")
    part = client.get(f"{ROUND}/seats/now")
    known = {"If-None-Match": part.headers["ETag"]}
    again = client.get(f"{ROUND}/seats/now", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert sign_in(stage, "inspector").get(f"{ROUND}/seats/now", headers=known).status_code == 200
    seat = stage.rows(Seat, Seat.status == "awaiting")[0]
    stage.office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
    changed = client.get(f"{ROUND}/seats/now", headers=known)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != part.headers["ETag"]
    _told(client, "/language/zh", {})
    answer = client.get(f"{ROUND}/seats/now", headers={"If-None-Match": changed.headers["ETag"]})
    assert answer.status_code == 200
