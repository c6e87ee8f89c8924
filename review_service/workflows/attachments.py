"""Files of evidence: looked at by content, kept by digest outside the web root, never overwritten.

A file's name in the store is the SHA-256 of its bytes, so that keeping it twice changes nothing
and a use case that is run again finds it there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.exchange.archives import WORD_LIMIT
from review_service.exchange.content import identify
from review_service.exchange.errors import BadValueError, ExchangeError
from review_service.exchange.texts import clean
from review_service.files import publish
from review_service.tables import Application, Attachment
from review_service.workflows.base import NotFoundError, WorkflowError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlmodel import Session

    from review_service.workflows.base import Work

LIMIT = 30_000_000  # bytes of one file
MOST = 60  # files of one application
SECTIONS = 8
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
# Media type → how the bytes begin, what must stand near their end, and the extensions that fit.
_KINDS = {
    PDF: (b"%PDF-", b"%%EOF", (".pdf",)),
    "image/png": (b"\x89PNG\r\n\x1a\n", b"IEND", (".png",)),
    "image/jpeg": (b"\xff\xd8\xff", b"\xff\xd9", (".jpg", ".jpeg")),
}
_TAIL = 2048  # bytes in which the end must stand; scanners append a little


@dataclass(frozen=True)
class KeptFile:
    """A file in the store: its digest in hexadecimal, given name, size in bytes and media type."""

    digest: str
    name: str
    size: int
    media: str


def media_of(data: bytes, filename: str, *, only: str = "") -> str:
    """Return the media type that the content has: PDF, PNG, JPEG or a Word file without macros.

    WorkflowError "attachment-empty", "attachment-size", "attachment-kind" or
    "attachment-extension"; `only` asks for one kind.
    """
    if not data:
        raise WorkflowError("attachment-empty")
    if len(data) > LIMIT:
        raise WorkflowError("attachment-size", size=len(data), limit=LIMIT // 1_000_000)
    suffix = PurePath(filename.replace("\\", "/")).suffix.lower()
    for media, (start, end, suffixes) in _KINDS.items():
        if data.startswith(start):
            if end not in data[-_TAIL:]:
                raise WorkflowError("attachment-damaged", name=_name(filename))
            found, fitting = media, suffixes
            break
    else:
        found, fitting = _word(data, filename), (".docx",)
    if only and found != only:
        raise WorkflowError("attachment-only-pdf", name=_name(filename))
    if suffix not in fitting:
        raise WorkflowError("attachment-extension", name=_name(filename), expected=fitting[0])
    return found


def _word(data: bytes, filename: str) -> str:
    try:
        kind = identify(data, filename, limit=LIMIT, unpacked=WORD_LIMIT).kind
    except ExchangeError as error:
        raise WorkflowError("attachment-kind", name=_name(filename)) from error
    if kind != "docx":
        raise WorkflowError("attachment-kind", name=_name(filename))
    return DOCX


def keep_file(folder: Path, data: bytes, filename: str, *, only: str = "") -> KeptFile:
    """Put a file into the store at `folder` after looking at it; see `media_of` for refusals."""
    media = media_of(data, filename, only=only)
    digest = sha256(data).hexdigest()
    path = _path(folder, digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_name(f".{digest}.{os.getpid()}.{os.urandom(4).hex()}")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        publish(new, path)
    return KeptFile(digest, _name(filename), len(data), media)


def read_file(folder: Path, digest: str) -> bytes:
    """Return a kept file; NotFoundError for none, "attachment-damaged" where it was altered."""
    try:
        data = _path(folder, digest).read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("not-found", kind="attachment", key=digest) from error
    if sha256(data).hexdigest() != digest:
        raise WorkflowError("attachment-damaged", name=digest[:12])
    return data


def _path(folder: Path, digest: str) -> Path:
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise NotFoundError("not-found", kind="attachment", key=digest[:64])
    return folder / digest[:2] / digest


def _name(filename: str) -> str:
    """Return the last part of a name without what doesn't show; pages and headers carry it."""
    last = PurePath(filename.replace("\\", "/")).name
    kept = "".join(one for one in last if one.isprintable() and one not in '"<>|:*?;')
    try:
        kept.encode()
    except UnicodeEncodeError:
        kept = ""
    return (kept or "file")[-120:]


def line(text: str, limit: int) -> str:
    """Return a short text that somebody typed, cleaned; WorkflowError says what is odd."""
    try:
        value = clean(text)
    except BadValueError as error:
        raise WorkflowError("text-character", **error.facts) from error
    if len(value) > limit:
        raise WorkflowError("text-long", limit=limit)
    return value


def attached(session: Session, application_id: int) -> list[Attachment]:
    """Return an application's evidence that stands, by section and in the order it came."""
    query = select(Attachment).where(
        Attachment.application_id == application_id, col(Attachment.removed_at).is_(None)
    )
    return list(session.exec(query.order_by(col(Attachment.section), col(Attachment.id))))


def attach(
    work: Work, application: Application, file: KeptFile, *, section: int, title: str, pages: str
) -> Attachment:
    """Put a kept file beside a section of an application that the caller has locked."""
    if not 0 <= section <= SECTIONS:
        raise WorkflowError("attachment-section", section=section)
    standing = attached(work.session, application.id or 0)
    if len(standing) >= MOST:
        raise WorkflowError("attachment-count", limit=MOST)
    if any(one.digest == file.digest and one.section == section for one in standing):
        raise WorkflowError("attachment-twice", name=file.name)
    row = Attachment(
        application_id=application.id or 0,
        section=section,
        title=line(title, 120) or file.name,
        pages=line(pages, 60),
        name=file.name,
        digest=file.digest,
        size=file.size,
        media=file.media,
        added_by=work.actor.id,
        added_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    return row
