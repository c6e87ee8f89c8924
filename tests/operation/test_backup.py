from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pyrage
import pytest
from sqlmodel import select

from review_service.keys import LogKeys, load_keys
from review_service.operation import copying
from review_service.operation.backup import make_backup
from review_service.operation.restore import restore_backup
from review_service.tables import Round
from review_service.workflows import log, rounds
from review_service.workflows.base import SYSTEM, Office, WorkflowError
from tests.operation.conftest import ON_SQLITE, STAFF, TO_SQLITE, Place

if TYPE_CHECKING:
    from pathlib import Path

    from review_service.storage import Store


def test_restored_store_is_the_same_and_signs_the_same_checkpoint(
    place: Place, other_store: Store, tmp_path: Path
) -> None:
    """A restore, from either database to either, gives the rows, the files and the checkpoint."""
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / "backup.age"
    manifest = make_backup(place.office, place.settings, file, [str(identity.to_public())])
    assert file.stat().st_mode & 0o777 == 0o600
    assert "专家".encode() not in file.read_bytes()
    settings = replace(place.settings, data=tmp_path / "elsewhere")
    other_store.use_keys(None)  # the backup's come along
    report = restore_backup(other_store, settings, file, [str(identity)])
    with place.office.store.snapshot() as one, other_store.snapshot() as other:
        assert copying.counts(one.connection()) == copying.counts(other.connection())
        note = log.newest_checkpoint(one)
    assert report.size == manifest["log"]["size"]
    keys = load_keys(settings.key_file, "review.test")
    office = Office(other_store, replace(place.office.tools, keys=keys))
    with other_store.writing() as session:
        row = log.newest_checkpoint(session)
        assert row is not None
        session.delete(row)
        session.commit()
    again = office.do(SYSTEM, log.sign_checkpoint)
    assert note is not None
    assert again.note == note.note
    assert settings.secret("session") == place.settings.secret("session")


@ON_SQLITE
def test_a_restored_store_goes_on(place: Place, other_store: Store, tmp_path: Path) -> None:
    """New rows get new numbers after a restore: PostgreSQL's sequences continue."""
    make_backup(place.office, place.settings, tmp_path / "backup.zip")
    settings = replace(place.settings, data=tmp_path / "elsewhere")
    restore_backup(other_store, settings, tmp_path / "backup.zip")
    office = Office(other_store, place.office.tools)
    row = office.do(STAFF, rounds.create_round, "2027", "次轮", "skills-base-2022")
    with other_store.reading() as session:
        assert [one.code for one in session.exec(select(Round).order_by(Round.code))] == [
            "2026",
            "2027",
        ]
    assert row.id == 2


@ON_SQLITE
def test_backup_in_the_open_holds_no_key(place: Place, tmp_path: Path) -> None:
    """Without recipients neither the log's key nor a secret is in the file."""
    make_backup(place.office, place.settings, tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("files/")]
        assert json.loads(archive.read("manifest.json"))["secrets"] is False


@ON_SQLITE
def test_backup_leaves_out_what_waits_for_a_preview(place: Place, tmp_path: Path) -> None:
    """A file that somebody brought and never confirmed is in no backup: it stands in the open."""
    place.settings.uploads.mkdir()
    (place.settings.uploads / "pool.xlsx").write_bytes(b"110101199003070000")
    make_backup(place.office, place.settings, tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert not any("uploads" in name for name in archive.namelist())


def test_backup_never_overwrites_and_leaves_no_part(place: Place, tmp_path: Path) -> None:
    """A backup that exists stays, and one that fails leaves no file behind."""
    file = tmp_path / "backup.zip"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        make_backup(place.office, place.settings, file)
    assert file.read_text() == "mine"
    with place.office.store.writing() as session:
        session.connection().exec_driver_sql("UPDATE log_event SET event = '{}' WHERE seq = 1")
        session.commit()
    with pytest.raises(Exception, match=r"differ|event"):
        make_backup(place.office, place.settings, tmp_path / "other.zip")
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == ["backup.zip"]


@ON_SQLITE
def test_backup_is_made_even_when_the_key_is_lost(place: Place, tmp_path: Path) -> None:
    """A lost signing key doesn't stop the backup that is then needed most."""
    stranger = load_keys(tmp_path / "stranger.key", "review.test")
    tools = replace(place.office.tools, keys=LogKeys("review.test", stranger.key))
    manifest = make_backup(
        Office(place.office.store, tools), place.settings, tmp_path / "backup.zip"
    )
    assert manifest["log"]["checkpoints"] == 1


def _tampered(source: Path, target: Path, name: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as other:
        for entry in archive.namelist():
            content = archive.read(entry)
            other.writestr(entry, content.replace(old, new) if entry == name else content)


@ON_SQLITE
def test_restore_refuses_damage_and_leaves_the_store_empty(
    place: Place, other_store: Store, tmp_path: Path
) -> None:
    """One changed score in a backup is refused, and not a row stays."""
    make_backup(place.office, place.settings, tmp_path / "backup.zip")
    bad = tmp_path / "bad.zip"
    _tampered(tmp_path / "backup.zip", bad, "tables/review.jsonl", b'"1.1":3', b'"1.1":4')
    settings = replace(place.settings, data=tmp_path / "elsewhere")
    with pytest.raises(WorkflowError, match="backup-damaged"):
        restore_backup(other_store, settings, bad)
    with other_store.snapshot() as session:
        assert sum(one["rows"] for one in copying.counts(session.connection()).values()) == 0


def test_restore_needs_an_empty_store(place: Place, tmp_path: Path) -> None:
    """A restore never mixes with rows that are there."""
    make_backup(place.office, place.settings, tmp_path / "backup.zip")
    with pytest.raises(WorkflowError, match="store-not-empty"):
        restore_backup(place.office.store, place.settings, tmp_path / "backup.zip")


@ON_SQLITE
@TO_SQLITE
def test_restore_never_changes_a_file(place: Place, other_store: Store, tmp_path: Path) -> None:
    """A data folder with another key is left as it is."""
    identity = pyrage.x25519.Identity.generate()
    make_backup(place.office, place.settings, tmp_path / "backup.age", [str(identity.to_public())])
    settings = replace(place.settings, data=tmp_path / "elsewhere")
    load_keys(settings.key_file, "review.other")
    before = settings.key_file.read_bytes()
    with pytest.raises(WorkflowError, match="file-exists"):
        restore_backup(other_store, settings, tmp_path / "backup.age", [str(identity)])
    assert settings.key_file.read_bytes() == before


@ON_SQLITE
@TO_SQLITE
def test_encrypted_backup_needs_its_identity(
    place: Place, other_store: Store, tmp_path: Path
) -> None:
    """Without the right secret key an encrypted backup opens for nobody."""
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / "backup.age"
    make_backup(place.office, place.settings, file, [str(identity.to_public())])
    settings = replace(place.settings, data=tmp_path / "elsewhere")
    with pytest.raises(WorkflowError, match="backup-encrypted"):
        restore_backup(other_store, settings, file)
    with pytest.raises(WorkflowError, match="backup-decrypt"):
        restore_backup(other_store, settings, file, [str(pyrage.x25519.Identity.generate())])


@ON_SQLITE
@TO_SQLITE
def test_backup_of_a_later_program_is_refused(
    place: Place, other_store: Store, tmp_path: Path
) -> None:
    """A revision that this program doesn't know is named, not guessed at."""
    make_backup(place.office, place.settings, tmp_path / "backup.zip")
    bad = tmp_path / "bad.zip"
    revision = json.dumps(place.office.store.revision()).encode()
    _tampered(tmp_path / "backup.zip", bad, "manifest.json", revision, b'"9999"')
    settings = replace(place.settings, data=tmp_path / "elsewhere")
    with pytest.raises(WorkflowError, match="backup-newer"):
        restore_backup(other_store, settings, bad)
