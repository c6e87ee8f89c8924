"""Export a closed round into one file that can be read and verified without this service."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

import allocation
from allocation import PROTOCOL, merkle
from review_service.files import whole_file
from review_service.operation.archive_readme import README
from review_service.operation.retention import keep_until
from review_service.tables import Account, Draw, LogEvent, Round
from review_service.workflows import attachments as attached
from review_service.workflows import log
from review_service.workflows.base import SYSTEM, WorkflowError, pk
from review_service.workflows.bundles import draw_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Office, Work

FORMAT = "review-archive/v1"
FINISHED = {"closed", "published", "final"}
_TIME = (1980, 1, 1, 0, 0, 0)  # the same files give the same zip
# Not of a round: who may sign in, the service's own work, and the log, which goes in whole.
_OUTSIDE = {
    "account", "account_role", "role", "job", "log_head", "log_event", "log_node", "checkpoint",
    "witness", "column_mapping", "passkey", "sign_in_link", "sign_in_attempt", "account_change",
    "view_consent",
}  # fmt: skip
# What the law doesn't ask of a procurement's file: how to reach an expert. The document number
# stands in the bundles of the draws alone, where it opens the commitment to who was drawn.
_LEFT_OUT = {"expert": {"document", "phone", "email"}, "draw_expert": {"document"}}


def archive_round(
    office: Office, code: str, path: Path, *, attachments: Path | None = None
) -> dict[str, Any]:
    """Write the archive of the round `code` to the new file `path`, and return its manifest.

    `attachments` is the folder of kept files (workflows/attachments.py). A checkpoint is signed
    first; `round.archived` with the file's digest is logged after it. WorkflowError where the round
    isn't finished or a file is missing or altered, FileExistsError where the file exists.
    """
    with office.store.reading() as session:
        row = session.exec(select(Round).where(Round.code == code)).first()
    if row is None:
        raise WorkflowError("not-found", kind="Round", key=code)
    if row.status not in FINISHED:
        raise WorkflowError("round-status", round=code, status=row.status, needed="closed")
    office.do(SYSTEM, log.sign_checkpoint)
    with (
        whole_file(path) as file,
        zipfile.ZipFile(file, "w") as archive,
        office.store.snapshot() as session,
    ):
        manifest = _write(session, row, archive, attachments)
    with path.open("rb") as written:
        digest = file_digest(written, "sha256").hexdigest()
    office.do(SYSTEM, log_archive, code, digest)
    return manifest | {"sha256": digest}


def log_archive(work: Work, code: str, digest: str) -> None:
    """Log that the round was archived in a file with this SHA-256."""
    log.append(work, "round.archived", {"round": code, "archive": digest}, subject=code)


def _write(
    session: Session, row: Round, archive: zipfile.ZipFile, attachments: Path | None
) -> dict[str, Any]:
    checkpoint = log.newest_checkpoint(session)
    if checkpoint is None:
        raise WorkflowError("checkpoint-needed")
    files: dict[str, str] = {}

    def put(name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> None:
        entry = zipfile.ZipInfo(name, _TIME)
        entry.create_system, entry.external_attr = 3, 0o600 << 16
        archive.writestr(entry, content, how)
        files[name] = sha256(content).hexdigest()

    until = keep_until(session, row)
    tables = _tables(session, pk(row))
    kept = []
    for name, rows in tables.items():
        put(f"data/{name}.json", _json(rows))
        put(f"data/{name}.csv", _csv(rows))
    for digest, listed in sorted(kept_files(tables).items()):
        if attachments is None:
            raise WorkflowError("attachment-folder")
        content = attached.read_file(attachments, digest)
        kept.append({"sha256": digest, "size": len(content), **listed})
        put(f"attachments/{digest}", content, zipfile.ZIP_STORED)  # PDF and pictures are packed
    put("data/people.json", _json(_people(session)))
    put("log/events.jsonl", b"".join(one + b"\n" for one in log.events(session, checkpoint.size)))
    put("log/private.jsonl", b"".join(_openings(session, checkpoint.size)))
    put("log/checkpoint.txt", checkpoint.note.encode())
    put("log/keys.txt", "".join(f"{key}\n" for key in log.all_keys(session)).encode())
    for draw in _completed(session, pk(row)):
        put(f"draws/{draw.number}.zip", draw_bundle(session, draw, identities=True))
    put("verify.py", (Path(allocation.__file__).parent / "verify.py").read_bytes())
    put("verify_archive.py", Path(__file__).with_name("archive_verifier.py").read_bytes())
    said = until.date().isoformat() if until else "-"
    put("README.txt", README.format(code=row.code, keep_until=said, protocol=PROTOCOL).encode())
    manifest = {
        "format": FORMAT,
        "round": row.code,
        "keep_until": said,
        "log": {
            "size": checkpoint.size,
            "root": merkle.root(log.node_reader(session), checkpoint.size).hex(),
        },
        "attachments": kept,
        "files": dict(sorted(files.items())),
    }
    put("manifest.json", _json(manifest))
    return manifest


def kept_files(tables: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return digest → name and media type of every file that rows of a round keep by digest.

    Evidence that was removed again is part of the file of the procurement like what stands.
    """
    found: dict[str, dict[str, Any]] = {}
    for table in ("attachment", "recommendation"):
        for one in tables.get(table, ()):
            facts = {"name": one["name"], "media": one.get("media", attached.PDF)}
            found.setdefault(one["digest"], facts)
    return found


def _completed(session: Session, round_id: int) -> Iterable[Draw]:
    query = select(Draw).where(Draw.round_id == round_id, Draw.status == "completed")
    return session.exec(query.order_by(col(Draw.number))).all()


def _openings(session: Session, size: int) -> Iterator[bytes]:
    query = select(LogEvent.seq, LogEvent.private).where(
        col(LogEvent.private).is_not(None), LogEvent.seq < size
    )
    for seq, private in session.exec(query.order_by(col(LogEvent.seq))):
        yield json.dumps({"seq": seq, "opening": private}, ensure_ascii=False).encode() + b"\n"


def _people(session: Session) -> list[dict[str, Any]]:
    """Return who stands behind the pseudonyms of the log."""
    rows = session.exec(select(Account).order_by(Account.code)).all()
    return [
        {"code": row.code, "name": row.name, "roles": [role.name for role in row.roles]}
        for row in rows
    ]


def _tables(session: Session, round_id: int) -> dict[str, list[dict[str, Any]]]:
    """Return every table's rows that belong to a round, found along the foreign keys.

    First the round and what names it, then what names those, then whom all of these name; so a
    table that is added later is in the archive without anybody thinking of it.
    """
    tables = {one.name: one for one in SQLModel.metadata.sorted_tables if one.name not in _OUTSIDE}
    chosen: dict[str, sa.Select[Any]] = {}
    for name, table in tables.items():  # in the order of their dependencies
        if name == "round":
            chosen[name] = sa.select(table).where(table.c.id == round_id)
        elif "round_id" in table.c:
            chosen[name] = sa.select(table).where(table.c.round_id == round_id)
        else:
            owner = _owner(table, chosen)
            if owner is not None:
                chosen[name] = owner
    for name, table in tables.items():
        if name not in chosen:
            chosen[name] = _named(table, tables, chosen)
    return {name: _rows(session, tables[name], chosen[name]) for name in sorted(chosen)}


def _owner(table: sa.Table, chosen: dict[str, sa.Select[Any]]) -> sa.Select[Any] | None:
    for key in table.foreign_keys:
        parent = key.column.table.name
        if parent in chosen and parent != table.name:
            ids = chosen[parent].with_only_columns(key.column)
            return sa.select(table).where(key.parent.in_(ids))
    return None


def _named(
    table: sa.Table, tables: dict[str, sa.Table], chosen: dict[str, sa.Select[Any]]
) -> sa.Select[Any]:
    ways = [
        key.column.in_(chosen[name].with_only_columns(key.parent))
        for name in sorted(chosen)
        for key in tables[name].foreign_keys
        if key.column.table is table
    ]
    return sa.select(table).where(sa.or_(sa.false(), *ways))


def _rows(session: Session, table: sa.Table, query: sa.Select[Any]) -> list[dict[str, Any]]:
    found = session.connection().execute(query.order_by(*table.primary_key))
    without = _LEFT_OUT.get(table.name, set())
    return [
        {key: _plain(value) for key, value in row.items() if key not in without}
        for row in found.mappings()
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        moment: datetime = value
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.hex() if isinstance(value, bytes) else value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def _csv(rows: list[dict[str, Any]]) -> bytes:
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return file.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
