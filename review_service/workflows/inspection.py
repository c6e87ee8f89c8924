"""The inspector's side: checkpoints compared, numbers missed, identities sealed to the inspector.

All of it reads but two acts, which stand in the log: registering an own age key, and taking out
identities (always encrypted to that key).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyrage
from sqlmodel import col, select

from allocation import checkpoint as notes
from allocation import merkle
from allocation.errors import LogError
from review_service.tables import Draw, LogEvent, Recipient
from review_service.workflows.base import WorkflowError
from review_service.workflows.bundles import draw_bundle
from review_service.workflows.log import all_keys, append, head, node_reader

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.workflows.base import Work


# --- checkpoints ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Two sizes of the log: their roots, the proof between them, and what speaks against it.

    `trouble` is "" where the newer tree extends the older, "missing" where this log is shorter
    than the older checkpoint, "rewritten" where its root at that size is another.
    `cosigners` are those of a pasted checkpoint, as (name, Unix seconds).
    """

    old: int
    new: int
    old_root: bytes
    new_root: bytes
    proof: tuple[bytes, ...] = ()
    trouble: str = ""
    cosigners: tuple[tuple[str, int], ...] = field(default=())


def compare(session: Session, note: str, new: int) -> Comparison:
    """Compare a signed checkpoint, whoever kept it, with this log's tree of `new` events.

    LogError where a signature doesn't hold or the note is of another log: then it proves nothing.
    """
    opened = notes.open_note(note, all_keys(session))
    origin = _origin(session)
    if opened.origin != origin:
        raise LogError("note-origin", f"a checkpoint of {opened.origin}", origin=opened.origin)
    who = tuple((key.name, moment) for key, moment in opened.cosigners)
    size = head(session).size
    get = node_reader(session)
    if opened.size > size:
        root = merkle.root(get, size)
        return Comparison(opened.size, size, opened.root, root, (), "missing", who)
    new = max(new, opened.size)
    root = merkle.root(get, new)
    proof = merkle.consistency_proof(get, opened.size, new) if opened.size else []
    try:
        merkle.verify_consistency(opened.size, new, opened.root, root, proof)
    except LogError:
        return Comparison(opened.size, new, opened.root, root, tuple(proof), "rewritten", who)
    return Comparison(opened.size, new, opened.root, root, tuple(proof), "", who)


def _origin(session: Session) -> str:
    first = session.get_one(LogEvent, 0)
    return str(json.loads(first.event)["body"]["origin"])


# --- draws ----------------------------------------------------------------------------------------


def missing_numbers(session: Session, round_id: int, code: str) -> list[int]:
    """Return the numbers up to the highest that the log locked or the tables hold, but not both."""
    rows = session.exec(select(Draw.number).where(Draw.round_id == round_id)).all()
    subjects = session.exec(
        select(LogEvent.subject).where(
            LogEvent.type == "draw.locked",
            col(LogEvent.subject).startswith(f"{code}/draw/", autoescape=True),
        )
    ).all()
    logged = [int(one.rsplit("/", 1)[1]) for one in subjects]
    highest = max([0, *rows, *logged])
    return [n for n in range(1, highest + 1) if n not in rows or n not in logged]


# --- what leaves the house ------------------------------------------------------------------------


def register_recipient(work: Work, key: str) -> Recipient:
    """Register the inspector's age public key (age1…); WorkflowError where it is none."""
    key = key.strip()
    try:
        pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise WorkflowError("recipient-form", detail=str(error)) from None
    if work.session.exec(select(Recipient).where(Recipient.key == key)).first():
        raise WorkflowError("recipient-exists")
    row = Recipient(key=key, holder=work.actor.id, added_at=work.now)
    work.session.add(row)
    append(work, "recipient.registered", {"key": key})
    return row


def recipient_of(session: Session, holder: str) -> Recipient | None:
    """Return the newest age key that an inspector has registered."""
    query = select(Recipient).where(Recipient.holder == holder)
    return session.exec(query.order_by(col(Recipient.id).desc()).limit(1)).first()


def export_identities(work: Work, draw_pk: int) -> bytes:
    """Return the inspector's bundle, encrypted by age to the key of who asks; the log says so.

    What is inside is the zip with identities.json, which both verifiers take as it is.
    """
    draw = work.one(Draw, draw_pk)
    recipient = recipient_of(work.session, work.actor.id)
    if recipient is None:
        raise WorkflowError("recipient-needed")
    data = draw_bundle(work.session, draw, identities=True)
    sealed = pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(recipient.key)])
    body = {"draw_id": draw.draw_id, "recipient": recipient.key}
    append(work, "identities.exported", body, subject=draw.draw_id)
    return bytes(sealed)
