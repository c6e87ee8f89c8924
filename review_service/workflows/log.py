"""The log inside the database: append in the caller's transaction, proofs, checkpoints.

The row lock on `log_head` (SQLite: the write lock) serialises appends, so that numbers are
gap-free and the tree is one tree, whatever number of processes serve.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import checkpoint as notes
from allocation import merkle
from allocation.canonical import canonical
from allocation.hashing import h
from review_service.tables import Checkpoint, LogEvent, LogHead, LogNode, Witness
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlmodel import Session

    from review_service.workflows.base import Work


def stamp(moment: datetime) -> str:
    """Return a time as the records write it: `2026-03-01T06:05:04Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def node_reader(session: Session) -> Callable[[int, int], bytes]:
    """Return `get(level, position)` over the stored complete subtrees."""

    def get(level: int, position: int) -> bytes:
        node = session.get(LogNode, (level, position))
        if node is None:
            raise WorkflowError("log-node-missing", level=level, position=position)
        return node.hash

    return get


def head(session: Session, *, lock: bool = False) -> LogHead:
    """Return the head of the log."""
    row = session.get(LogHead, 1, with_for_update=lock or None)
    if row is None:
        raise WorkflowError("log-not-opened")
    return row


def append(
    work: Work, kind: str, body: dict[str, Any], *, subject: str = "", private: Any = None
) -> LogEvent:
    """Append one event; `private` matter enters as a salted digest in `body.sealed`.

    A clock that was stepped back never makes the log's times go back: the last time stays.
    """
    top = head(work.session, lock=True)
    moment = max(work.now, top.last_time) if top.last_time else work.now
    opening = None
    if private is not None:
        salt = work.tools.entropy(32)
        body = body | {"sealed": h("sealed", salt, canonical(private)).hex()}
        opening = canonical({"salt": salt.hex(), "value": private}).decode()
    event = canonical(
        {
            "seq": top.size,
            "time": stamp(moment),
            "actor": {"role": work.actor.role, "id": work.actor.id},
            "type": kind,
            "body": body,
        }
    )
    get = node_reader(work.session)
    for level, position, digest in merkle.append(get, top.size, merkle.leaf_hash(event)):
        work.session.add(LogNode(level=level, position=position, hash=digest))
    row = LogEvent(
        seq=top.size,
        time=moment,
        actor=work.actor.id,
        type=kind,
        subject=subject,
        event=event.decode(),
        private=opening,
    )
    work.session.add(row)
    top.size, top.last_time = top.size + 1, moment
    work.session.add(top)
    work.session.flush()
    return row


def open_log(work: Work) -> None:
    """Begin the log: event 0 names its origin and key. Does nothing to a log that has begun."""
    if work.session.get(LogHead, 1) is not None:
        return
    work.session.add(LogHead(id=1, size=0))
    work.session.flush()
    keys = work.tools.keys
    append(work, "log.opened", {"origin": keys.origin, "key": keys.verifier_key})


def sign_checkpoint(work: Work) -> Checkpoint:
    """Return the signed checkpoint of the whole log, signing it if that wasn't done yet."""
    size = head(work.session, lock=True).size
    row = work.session.get(Checkpoint, size)
    if row is None:
        root = merkle.root(node_reader(work.session), size)
        note = work.tools.keys.sign(size, root, log_keys(work.session)[-1])
        row = Checkpoint(size=size, note=note, signed_at=work.now)
        work.session.add(row)
        work.session.flush()
    return row


def newest_checkpoint(session: Session) -> Checkpoint | None:
    """Return the checkpoint that covers most of the log, if any was signed."""
    return session.exec(select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(1)).first()


def add_witness(work: Work, key: str) -> Witness:
    """Register an inspector's verifier key (C2SP cosignature key, type 0x04)."""
    notes.parse_vkey(key)
    row = Witness(key=key, holder=work.actor.id, added_at=work.now)
    work.session.add(row)
    append(work, "witness.registered", {"key": key})
    return row


def add_cosignature(work: Work, size: int, line: str) -> Checkpoint:
    """Attach an inspector's cosignature line to the checkpoint of `size`, after checking it."""
    row = work.one(Checkpoint, size, lock=True)
    keys = [witness.key for witness in work.session.exec(select(Witness))]
    row.note = notes.add_cosignature(row.note, line, keys)
    work.session.add(row)
    append(work, "checkpoint.signed", {"note": row.note})
    return row


def log_keys(session: Session, size: int | None = None) -> list[str]:
    """Return the log's verifier keys in order of rotation; the last is in force.

    With `size`, those of the first `size` events: what a checkpoint of that size can know.
    """
    query = select(LogEvent.event).where(col(LogEvent.type).in_(("log.opened", "key.rotated")))
    if size is not None:
        query = query.where(LogEvent.seq < size)
    rows = session.exec(query.order_by(col(LogEvent.seq)))
    bodies = [json.loads(text)["body"] for text in rows]
    return [body.get("new") or body["key"] for body in bodies]


def all_keys(session: Session, size: int | None = None) -> list[str]:
    """Return the log's verifier keys in order of rotation (`log_keys`), then the witnesses'."""
    witnesses = session.exec(select(Witness).order_by(col(Witness.id)))
    return [*log_keys(session, size), *(row.key for row in witnesses)]


def events(session: Session, size: int, *, start: int = 0) -> Iterator[bytes]:
    """Yield the canonical bytes of the events from `start` up to `size`, in order."""
    for begin in range(start, size, 5000):
        end = min(begin + 5000, size)
        rows = session.exec(
            select(LogEvent.event)
            .where(LogEvent.seq >= begin, LogEvent.seq < end)
            .order_by(col(LogEvent.seq))
        )
        for text in rows:
            yield text.encode()
