from __future__ import annotations

import inspect
import io
import json
import re
import zipfile
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select

from allocation import checkpoint as notes
from allocation import merkle, verify
from allocation.__main__ import main as allocation
from review_service.demonstration.world import INSPECTOR, STAFF
from review_service.jobs.worker import Worker
from review_service.tables import (
    Checkpoint,
    Dossier,
    Draw,
    Job,
    LogEvent,
    LogHead,
    Round,
    Witness,
)
from review_service.web import findings
from review_service.workflows import (
    anomalies,
    dossiers,
    draws,
    inspection,
    log,
    rehearsals,
    replays,
)
from review_service.workflows.base import pk
from tests.web.conftest import sign_in
from tests.web.stage import CODE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.web.stage import Stage

DRAW = f"/inspection/rounds/{CODE}/draws/1"


def text(stage: Stage, url: str) -> str:
    """Return a page as the inspector sees it, in English."""
    answer = sign_in(stage, "inspector").get(url)
    assert answer.status_code == 200, answer.get_data(as_text=True)[-500:]
    return answer.get_data(as_text=True)


def press(stage: Stage) -> str:
    """Ask for a replay and return where it leads."""
    stage.app.config["WTF_CSRF_ENABLED"] = False
    answer = sign_in(stage, "inspector").post(f"{DRAW}/replay")
    stage.app.config["WTF_CSRF_ENABLED"] = True
    return answer.headers["Location"]


def replayed(stage: Stage) -> str:
    """Press the button, do the job, and return the page with its outcome."""
    assert press(stage) == f"{DRAW}/replay"
    assert "Waiting for its turn" in text(stage, f"{DRAW}/replay")
    assert Worker(stage.office).once()
    return text(stage, f"{DRAW}/replay")


def newest(stage: Stage) -> Checkpoint:
    """Return the newest checkpoint."""
    return max(stage.rows(Checkpoint), key=lambda one: one.size)


def test_the_desk_is_the_inspectors_start_page_and_nobody_elses(
    stages: Callable[[str], Stage],
) -> None:
    """The front page leads the inspector to the desk; every other role gets 403 there."""
    stage = stages("published")
    answer = sign_in(stage, "inspector").get("/")
    assert answer.headers["Location"] == "/inspection"
    for url in ("/inspection", DRAW, f"{DRAW}/replay", "/inspection/anomalies"):
        for role in ("staff", "approver", "administrator", "expert1"):
            assert sign_in(stage, role).get(url).status_code == 403
        assert sign_in(stage, "").get(url).status_code == 302


def test_the_desk_shows_all_draws_voids_and_rehearsals(stage: Stage) -> None:
    """A void draw keeps its row, number and reason; rehearsals are counted; gaps raise an alarm."""
    stage.play("committed")
    stage.office.do(STAFF, rehearsals.rehearse, stage.round_id)
    stage.play("locked")
    stage.office.do(STAFF, draws.void_draw, pk(stage.draw()), "纪检监察人员未到场")
    page = text(stage, "/inspection")
    assert "纪检监察人员未到场" in page
    assert "1 rehearsals" in page
    assert "no number is missing" in page
    with stage.office.store.writing() as session:
        row = session.get_one(Draw, stage.draw().id)
        row.number, row.draw_id = 2, f"{CODE}/draw/2"
        session.add(row)
        session.commit()
    with stage.office.store.reading() as session:
        assert inspection.missing_numbers(session, stage.round_id, CODE) == [1, 2]
    assert "Not both in the log" in text(stage, "/inspection/anomalies")


def test_replay_agrees_with_the_log_on_an_honest_draw(stages: Callable[[str], Stage]) -> None:
    """One click draws again: four digests the same, twelve lines of the verifier, none failed."""
    stage = stages("published")
    page = replayed(stage)
    assert page.count(">the same<") == 4
    assert page.count(">holds<") + page.count(">not checked<") == 12
    assert ">fails<" not in page
    assert "every digest agrees" in page
    assert "every digest agrees" in text(stage, DRAW)  # where the draw is looked at, it stays
    assert "<html" not in text(stage, f"{DRAW}/replay?part=1")


@pytest.mark.parametrize("field", ["result", "snapshot"])
def test_replay_finds_what_was_changed_in_the_database(stage: Stage, field: str) -> None:
    """Somebody who edits the stored list or result is found out by the digests in the log."""
    stage.play("drawn")
    with stage.office.store.writing() as session:
        row = session.get_one(Draw, stage.draw().id)
        record = json.loads(getattr(row, field) or "")
        if field == "result":
            one, two = record["seats"][0], record["seats"][-1]
            one["expert"], two["expert"] = two["expert"], one["expert"]
        else:
            record["experts"].pop()
        kept = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        setattr(row, field, kept)
        session.add(row)
        session.commit()
    page = replayed(stage)
    assert "something differs" in text(stage, DRAW)
    assert ">different<" in page
    assert ">fails<" in page
    assert "Something differs" in page


def test_a_long_log_is_not_verified_here(
    stages: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound digests are compared and the page sends on to the verifiers."""
    monkeypatch.setattr(replays, "MOST_EVENTS", 10)
    page = replayed(stages("published"))
    assert page.count(">the same<") == 4
    assert "on your own machine" in page
    assert ">holds<" not in page


def test_replay_of_a_draw_without_checkpoint_says_what_is_needed(stage: Stage) -> None:
    """Digests are compared at once; the verifier's lines wait for a checkpoint, with a button."""
    stage.play("revealed")
    stage.office.do(STAFF, draws.complete_draw, pk(stage.draw()))
    page = replayed(stage)
    assert page.count(">the same<") == 4
    assert "Sign a checkpoint of the log first" in page


def test_identities_leave_encrypted_to_the_inspector_and_logged(stage: Stage) -> None:
    """Without a key nothing leaves; with one the age file opens to a bundle that verifies."""
    client = sign_in(stage.play("drawn"), "inspector")
    assert client.post(f"{DRAW}/identities").status_code == 303
    assert "Register your age public key first" in client.get(DRAW).get_data(as_text=True)
    client.post("/inspection/recipient", data={"key": "age1nonsense"})
    assert "no age public key" in client.get("/inspection").get_data(as_text=True)
    mine = pyrage.x25519.Identity.generate()
    client.post("/inspection/recipient", data={"key": f" {mine.to_public()} "})
    answer = client.post(f"{DRAW}/identities")
    assert answer.headers["Content-Disposition"].endswith("inspection.zip.age")
    data = answer.get_data()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(data, [pyrage.x25519.Identity.generate()])
    bundle = pyrage.decrypt(data, [mine])
    assert "identities.json" in zipfile.ZipFile(io.BytesIO(bundle)).namelist()
    lines = verify.verify(verify.read_zip(bundle))
    assert not any(line.failed for line in lines)
    assert lines[11].status == "PASS"
    last = stage.rows(LogEvent)[-1]
    assert (last.type, last.actor) == ("identities.exported", INSPECTOR.id)


def test_checkpoints_compare_as_consistent(stages: Callable[[str], Stage]) -> None:
    """Two of the log's own, and one as a form sends it, are shown with a proof that holds."""
    stage = stages("published")
    old, new = sorted(stage.rows(Checkpoint), key=lambda one: one.size)[:2]
    page = text(stage, f"/log/compare?old={old.size}&new={new.size}")
    assert f"The log of {new.size} events continues the log of {old.size} events" in page
    proof = [bytes.fromhex(one) for one in re.findall(r"<li>([0-9a-f]{64})</li>", page)]
    roots = [notes.parse_body(one.note.split("\n\n")[0] + "\n")[2] for one in (old, new)]
    merkle.verify_consistency(old.size, new.size, *roots, proof)
    stage.app.config["WTF_CSRF_ENABLED"] = False
    pasted = {"note": old.note.replace("\n", "\r\n").rstrip()}
    answer = sign_in(stage, "staff").post("/log/compare", data=pasted)
    stage.app.config["WTF_CSRF_ENABLED"] = True
    assert "continues the log" in answer.get_data(as_text=True)


def test_a_rewritten_or_shortened_log_raises_an_alarm(stage: Stage) -> None:
    """A kept checkpoint finds a log whose past was changed, and one that has lost its end."""
    stage.play("drawn")
    keys = stage.office.tools.keys
    size = newest(stage).size
    client = sign_in(stage, "inspector")
    other = keys.sign(size - 1, b"\x07" * 32)
    page = client.post("/log/compare", data={"note": other}).get_data(as_text=True)
    assert "The log was rewritten" in page
    kept = newest(stage).note
    with stage.office.store.writing() as session:
        head = session.get_one(LogHead, 1)
        head.size = size - 3
        session.add(head)
        session.commit()
    page = client.post("/log/compare", data={"note": kept}).get_data(as_text=True)
    assert "Events are missing" in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: "nonsense", "no signed checkpoint"),
        (lambda note: note.replace("\n", "\nx", 1), "first three lines"),
        (lambda note: note[:-8] + "AAAA" + note[-4:], "signature does not hold"),
        (lambda note: note.replace("— ", "— else."), "this log doesn’t know"),
    ],
)
def test_a_damaged_checkpoint_gets_a_plain_answer(
    stages: Callable[[str], Stage], change: Callable[[str], str], said: str
) -> None:
    """What can't be read or doesn't verify is called that, never an alarm, never an error page."""
    stage = stages("published")
    stage.app.config["WTF_CSRF_ENABLED"] = False
    data = {"note": change(stage.rows(Checkpoint)[0].note)}
    answer = sign_in(stage, "inspector").post("/log/compare", data=data)
    stage.app.config["WTF_CSRF_ENABLED"] = True
    assert answer.status_code == 200
    assert said in answer.get_data(as_text=True)
    assert "Alarm" not in answer.get_data(as_text=True)


def test_countersigning_from_a_file(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program's key is registered, its line attached; forged or repeated ones are refused."""
    client = sign_in(stage.play("drawn"), "inspector")
    signed = newest(stage)
    (tmp_path / "checkpoint.txt").write_text(signed.note, encoding="utf-8")
    key = tmp_path / "inspector.key"
    assert allocation(["keygen", "--witness", "--name", "inspection-1", "--out", str(key)]) == 0
    vkey = capsys.readouterr().out.splitlines()[-1]
    page = f"/checkpoints/{signed.size}"
    client.post("/witnesses", data={"key": "no key", "next": page})
    assert "no verifier key" in client.get(page).get_data(as_text=True)
    client.post("/witnesses", data={"key": vkey, "next": page})
    client.post("/witnesses", data={"key": vkey, "next": page})
    assert "registered already" in client.get(page).get_data(as_text=True)
    assert [one.key for one in stage.rows(Witness)] == [vkey]
    with stage.office.store.reading() as session:
        log_key = log.log_keys(session)[-1]
    command = ["cosign", str(tmp_path / "checkpoint.txt"), "--key", str(key), "--log", log_key]
    assert allocation(command) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    forged = notes.cosign(
        signed.note, notes.SigningKey("inspection-1", 4, Ed25519PrivateKey.generate()), 5
    )
    for one, said in (
        (forged, "doesn’t know"), (line, "was attached"), (line, "already"),
        ("x", "no cosignature line"),
    ):  # fmt: skip
        client.post(f"{page}/cosign", data={"line": one})
        assert said in client.get(page).get_data(as_text=True)
    opened = notes.open_note(newest(stage).note, [log_key, vkey])
    assert [key.name for key, _ in opened.cosigners] == ["inspection-1"]
    assert "countersigned 1 times" in client.get(page).get_data(as_text=True)


def test_search_finds_by_type_actor_subject_day_and_text(stages: Callable[[str], Stage]) -> None:
    """Each filter keeps what it says and no more; all of them together still work."""
    stage = stages("published")
    events = stage.rows(LogEvent)

    def shown(query: str) -> set[int]:
        found: set[int] = set()
        url = f"/log?{query}"
        while url:
            page = text(stage, url)
            found |= {int(one) for one in re.findall(r'<th scope="row"><a href="/log/(\d+)"', page)}
            following = re.search(r'href="(/log\?before=[^"]*)">Next page', page)
            url = following[1].replace("&amp;", "&") if following else ""
        return found

    def expected(keep: Callable[[LogEvent], bool]) -> set[int]:
        return {one.seq for one in events if keep(one)}

    assert shown("") == expected(lambda _: True)
    assert shown("type=seat.accepted") == expected(lambda one: one.type == "seat.accepted")
    assert shown(f"actor={STAFF.id}") == expected(lambda one: one.actor == STAFF.id)
    assert shown(f"subject={CODE}/draw/1") == expected(lambda one: one.subject == f"{CODE}/draw/1")
    assert shown("text=ministry") == expected(lambda one: "ministry" in one.event)
    assert shown("text=100%25") == expected(lambda one: "100%" in one.event)
    day = events[-1].time.date().isoformat()
    assert shown(f"since={day}&until={day}") <= shown("")
    assert shown("until=2020-01-01") == set()
    both = shown(f"actor={STAFF.id}&type=draw.locked&text=lottery")
    assert both == expected(lambda one: one.type == "draw.locked")
    page = text(stage, "/log?since=yesterday")
    assert "is no day like" in page


def test_private_matter_is_not_searched(stages: Callable[[str], Stage]) -> None:
    """The search looks at what the tree holds; what is sealed is found by nobody."""
    stage = stages("published")
    sealed = next(one for one in stage.rows(LogEvent) if one.private)
    salt = json.loads(sealed.private)["salt"]
    assert "No such event" in text(stage, f"/log?text={salt}")


def test_a_search_goes_on_where_its_window_ended(
    stages: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare text far back is reached page by page, and each page says how far it has looked."""
    from review_service.workflows import searches

    monkeypatch.setattr(searches, "WINDOW", 10)
    stage = stages("published")
    url, pages = "/log?text=log.opened", 0
    while "/log/0" not in text(stage, url):
        page = text(stage, url)
        assert "Looked back as far as event" in page
        following = re.search(r'href="(/log\?before=[^"]*)">Next page', page)
        assert following
        url, pages = following[1].replace("&amp;", "&"), pages + 1
    assert pages >= 2


def test_scores_page_waits_for_closing(stages: Callable[[str], Stage]) -> None:
    """Before scoring closes the inspector sees no figures; afterwards the page looks at them."""
    assert "No results before scoring closes" in text(
        stages("reviewing"), f"/inspection/rounds/{CODE}/scores"
    )
    page = text(stages("published"), f"/inspection/rounds/{CODE}/scores")
    assert "Looked at: 6 experts" in page


def test_the_replay_refuses_an_unfinished_draw(stages: Callable[[str], Stage]) -> None:
    """A draw that is only locked can't be run again; the page says so and stays."""
    stage = stages("locked")
    assert "can’t be run again" in text(stage, f"{DRAW}/replay")
    assert press(stage) == DRAW
    assert stage.rows(Job) == []


def test_every_kind_of_finding_has_its_sentence(stage: Stage) -> None:
    """No page shows the bare code of a finding; an admission without papers is told in words."""
    kinds = set(re.findall(r'Finding\("([\w-]+)"', inspect.getsource(anomalies)))
    told = set(re.findall(r'case "([\w-]+)"', inspect.getsource(findings.finding_text)))
    assert len(kinds) > 10
    assert kinds == told
    stage.play("imported")
    with stage.office.store.writing() as session:
        row = session.get_one(Round, stage.round_id)
        row.rules = row.rules | {"paper_copies": 2}
        dossier = session.exec(select(Dossier).where(Dossier.number == "D03")).one()
        dossier.status = "received"
        key = pk(dossier)
        session.commit()
    stage.office.do(STAFF, dossiers.admit_dossier, key, exception="other", reason="途中损毁")
    page = text(stage, "/inspection/anomalies")
    assert "Dossiers admitted by exception: D03 (another reason 1)." in page
