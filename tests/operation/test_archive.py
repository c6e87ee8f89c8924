from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

import allocation
from review_service.operation import archive_verifier
from review_service.operation.archive import archive_round
from review_service.operation.retention import report
from review_service.tables import Application, LogEvent, Round, Seat
from review_service.workflows import attachments, reviews, rounds, seats
from review_service.workflows.accounts import create_account
from review_service.workflows.attachments import keep_file
from review_service.workflows.base import Actor, Office, WorkflowError, pk
from tests.operation.conftest import ON_SQLITE
from tests.workflows.conftest import STAFF, drawn, office, round_row

if TYPE_CHECKING:
    from review_service.tables import Draw
    from review_service.workflows.base import Work

__all__ = ["drawn", "office", "round_row"]  # fixtures of the workflows' tests


@pytest.fixture
def closed(office: Office, drawn: Draw) -> Round:
    """The round closed, with one review submitted, by its own rules."""
    with office.store.reading() as session:
        rows = session.exec(select(Seat).where(Seat.draw_pk == drawn.id)).all()
    for seat in rows:
        office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
    row = office.do(STAFF, reviews.start_reviewing, drawn.round_id)
    expert, actor = rows[0].expert_id, Actor("expert", rows[0].pseudonym)
    office.do(actor, reviews.sign_pledge, pk(row), expert)
    with office.store.reading() as session:
        dossier = pk(reviews.assigned(session, pk(row), expert)[0])
    levels = dict.fromkeys(rounds.rubric_of(row).criteria, 5)
    office.do(
        actor, reviews.save_review, pk(row), expert, dossier, levels=levels,
        notes={"x": "=SUM(A1)"}, version=0,
    )  # fmt: skip
    office.do(actor, reviews.submit_review, pk(row), expert, dossier)
    return office.do(STAFF, rounds.close_reviewing, pk(row))


def _verify(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the archive's own verifier as somebody does who has nothing but the archive."""
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return subprocess.run(
        [sys.executable, "-I", str(folder / "verify_archive.py")],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def test_an_archive_is_whole_and_verifies_itself(
    office: Office,
    closed: Round,
    tmp_path: Path,
) -> None:
    """Nothing but the archive and Python verifies files, log, sealed scores and the draw."""
    path = tmp_path / "2026.zip"
    manifest = archive_round(office, closed.code, path)
    done = _verify(path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASS") == 5
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        experts = json.loads(archive.read("data/expert.json"))
        notes = csv.DictReader(io.StringIO(archive.read("data/review.csv").decode("utf-8-sig")))
        assert next(notes)["notes"].startswith('{"x"')
    assert {"draws/1.zip", "data/seat.json", "data/draw_expert.csv", "README.txt"} <= names
    assert len(experts) == 48
    assert not {"document", "phone", "email"} & experts[0].keys()
    with office.store.reading() as session:
        event = session.exec(select(LogEvent.event).where(LogEvent.type == "round.archived")).one()
        (kept,) = report(session, office.tools.clock())
    assert json.loads(event)["body"]["archive"] == manifest["sha256"] == kept.archive
    assert kept.until is not None
    assert kept.ended is not None
    assert kept.until.year == kept.ended.year + 15
    assert not kept.due


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        ("data/review.json", b'": 5', b'": 6', "files"),
        ("log/events.jsonl", b"round.closed", b"round.opened", "files"),
    ],
)
def test_an_altered_archive_is_found_out(
    office: Office,
    closed: Round,
    tmp_path: Path,
    name: str,
    old: bytes,
    new: bytes,
    line: str,
) -> None:
    """A changed score or event fails, also for somebody who mends the manifest's digest."""
    path = tmp_path / "2026.zip"
    archive_round(office, closed.code, path)
    other = tmp_path / "other.zip"
    from hashlib import sha256

    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other, "w") as changed:
        content = archive.read(name).replace(old, new)
        manifest = json.loads(archive.read("manifest.json"))
        manifest["files"][name] = sha256(content).hexdigest()
        for entry in archive.namelist():
            changed.writestr(entry, archive.read(entry) if entry != name else content)
    assert f"FAIL  {line}" in _verify(other).stdout
    mended = tmp_path / "mended.zip"
    with zipfile.ZipFile(other) as archive, zipfile.ZipFile(mended, "w") as changed:
        for entry in archive.namelist():
            body = json.dumps(manifest).encode() if entry == "manifest.json" else None
            changed.writestr(entry, body or archive.read(entry))
    done = _verify(mended)
    assert done.returncode == 1
    assert "PASS  files" in done.stdout


@ON_SQLITE
def test_attachments_go_along_and_are_verified(
    office: Office, closed: Round, tmp_path: Path
) -> None:
    """Evidence is in the archive by its digest and size; one that is missing stops the export."""
    folder = tmp_path / "attachments"
    kept = keep_file(folder, b"%PDF-1.7\nproof\n%%EOF\n", "证明.pdf")

    def attach(work: Work) -> None:
        account = create_account(
            work, code="unit-9", email="u9@x.example", name="某单位", role="unit", province="江苏",
            prefecture="南京",
            password_hash="x",
        )  # fmt: skip
        row = Application(
            round_id=pk(closed), account_id=pk(account), unit="某单位", province="江苏",
            prefecture="南京", saved_at=work.now,
        )  # fmt: skip
        work.session.add(row)
        work.session.flush()
        attachments.attach(work, row, kept, section=1, title="证明", pages="1")

    office.do(STAFF, attach)
    with pytest.raises(WorkflowError, match="attachment-folder"):
        archive_round(office, closed.code, tmp_path / "no.zip")
    path = tmp_path / "2026.zip"
    manifest = archive_round(office, closed.code, path, attachments=folder)
    assert [(one["name"], one["size"]) for one in manifest["attachments"]] == [
        ("证明.pdf", kept.size)
    ]
    own = Path(allocation.__file__).parent / "verify.py"
    assert archive_verifier.main([str(path)], own) == 0
    (folder / kept.digest[:2] / kept.digest).write_bytes(b"another")
    with pytest.raises(WorkflowError, match="attachment-damaged"):
        archive_round(office, closed.code, tmp_path / "no.zip", attachments=folder)
    assert not (tmp_path / "no.zip").exists()


@ON_SQLITE
def test_a_round_that_goes_on_is_not_archived(
    office: Office,
    round_row: Round,
    tmp_path: Path,
) -> None:
    """An open round has no archive yet."""
    with pytest.raises(WorkflowError, match="round-status"):
        archive_round(office, round_row.code, tmp_path / "no.zip")
    assert not list(tmp_path.glob("*.zip"))
