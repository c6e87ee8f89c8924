"""Verify the log inside a store: every event, the whole tree, every checkpoint, what was sealed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import checkpoint as notes
from allocation import merkle
from allocation.canonical import canonical, parse
from allocation.errors import LogError
from allocation.hashing import h
from review_service.tables import Checkpoint, Draw, LogEvent, LogNode
from review_service.workflows import log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlmodel import Session

BATCH = 2000


@dataclass(frozen=True)
class LogReport:
    """What was verified: events, their Merkle root (hex), checkpoints, cosignatures, keys."""

    size: int
    root: str
    checkpoints: int
    cosignatures: int
    keys: int
    sealed: int
    draws: int

    def record(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def verify_log(session: Session) -> LogReport:
    """Verify the log of a store; LogError names the first thing that doesn't hold.

    Use a session of `Store.snapshot()` while the service runs. Checked are: numbers without gaps,
    canonical bytes, columns that agree with them, times that never go back, each node of the
    tree, the head, each checkpoint's root and signature by the key then in force, each
    cosignature, each sealed digest, and the results of completed draws.
    """
    tree, keys, sealed, results = merkle.Tree(), _Keys(), 0, {}
    moment = None
    for row in _events(session):
        event = _check_event(row, tree.size)
        if moment is not None and row.time < moment:
            raise LogError("event-time", f"event {row.seq} is before its predecessor", seq=row.seq)
        moment = row.time
        keys.see(row.seq, event)
        sealed += _check_sealed(row, event)
        if row.type == "draw.completed":
            results[event["body"]["draw_id"]] = event["body"]["result"]
        tree.add(row.event.encode())
    _check_nodes(session, tree)
    _check_head(session, tree.size, moment)
    checkpoints, cosignatures = _check_checkpoints(session, tree, keys)
    _check_results(session, results)
    return LogReport(
        size=tree.size,
        root=merkle.root(tree.get, tree.size).hex(),
        checkpoints=checkpoints,
        cosignatures=cosignatures,
        keys=len(keys.history),
        sealed=sealed,
        draws=len(results),
    )


class _Keys:
    """Which key was in force at which size of the log."""

    def __init__(self) -> None:
        self.history: list[tuple[int, str]] = []
        self.witnesses: list[str] = []

    def see(self, seq: int, event: dict[str, Any]) -> None:
        body = event["body"]
        if event["type"] == "log.opened":
            self.history.append((seq, body["key"]))
        elif event["type"] == "key.rotated":
            if not self.history or body["old"] != self.history[-1][1]:
                raise LogError("key-order", f"event {seq} rotates a key not in force", seq=seq)
            self.history.append((seq, body["new"]))
        elif event["type"] == "witness.registered":
            self.witnesses.append(body["key"])

    def at(self, size: int) -> str:
        return [key for seq, key in self.history if seq < size][-1]


def _events(session: Session) -> Iterator[LogEvent]:
    begin = 0
    while True:
        query = select(LogEvent).where(LogEvent.seq >= begin).order_by(col(LogEvent.seq))
        rows = session.exec(query.limit(BATCH)).all()
        yield from rows
        if len(rows) < BATCH:
            return
        begin = rows[-1].seq + 1
        session.expunge_all()


def _check_event(row: LogEvent, size: int) -> dict[str, Any]:
    if row.seq != size:
        raise LogError("event-gap", f"event {size} is missing; {row.seq} follows", seq=size)
    event: dict[str, Any] = parse(row.event.encode())
    columns = {
        "seq": row.seq,
        "time": log.stamp(row.time),
        "type": row.type,
        "actor": row.actor,
    }
    said = {key: event.get(key) for key in ("seq", "time", "type")}
    said["actor"] = event.get("actor", {}).get("id")
    if said != columns:
        raise LogError("event-columns", f"event {row.seq} and its columns differ", seq=row.seq)
    return event


def _check_sealed(row: LogEvent, event: dict[str, Any]) -> int:
    said = event["body"].get("sealed")
    if row.private is None:
        return 0
    opening = json.loads(row.private)
    found = h("sealed", bytes.fromhex(opening["salt"]), canonical(opening["value"])).hex()
    if found != said:
        raise LogError("sealed", f"what event {row.seq} sealed has been changed", seq=row.seq)
    return 1


def _check_nodes(session: Session, tree: merkle.Tree) -> None:
    """Check that each stored node is the tree's and that none is missing (n - popcount + n)."""
    found = 0
    query = select(LogNode.level, LogNode.position, LogNode.hash)
    with contextlib.closing(session.exec(query.execution_options(yield_per=BATCH))) as rows:
        for level, position, digest in rows:
            found += 1
            if (position + 1) << level > tree.size or tree.get(level, position) != digest:
                raise LogError(
                    "node", f"node {level}/{position} is wrong", level=level, position=position
                )
    expected = 2 * tree.size - tree.size.bit_count()
    if found != expected:
        raise LogError("node-count", f"{found} nodes, {expected} expected", found=found)


def _check_head(session: Session, size: int, moment: Any) -> None:
    head = log.head(session)
    if head.size != size or head.last_time != moment:
        raise LogError("head", f"the head says {head.size}, there are {size} events", size=size)


def _check_checkpoints(session: Session, tree: merkle.Tree, keys: _Keys) -> tuple[int, int]:
    rows: Sequence[Checkpoint] = session.exec(
        select(Checkpoint).order_by(col(Checkpoint.size))
    ).all()
    cosignatures = 0
    for row in rows:
        if row.size > tree.size:
            raise LogError("checkpoint-ahead", f"a checkpoint of {row.size} events", size=row.size)
        opened = notes.open_note(row.note, [key for _, key in keys.history] + keys.witnesses)
        if str(opened.signer) != keys.at(row.size):
            raise LogError("checkpoint-key", f"checkpoint {row.size}: another key", size=row.size)
        if (opened.size, opened.root) != (row.size, merkle.root(tree.get, row.size)):
            raise LogError(
                "checkpoint-root",
                f"the log is not the one that checkpoint {row.size} signed",
                size=row.size,
            )
        cosignatures += len(opened.cosigners)
    return len(rows), cosignatures


def _check_results(session: Session, logged: dict[str, str]) -> None:
    rows = session.exec(select(Draw.draw_id, Draw.result).where(col(Draw.result).is_not(None)))
    stored = {draw_id: h("result", (result or "").encode()).hex() for draw_id, result in rows}
    for draw_id in sorted(stored.keys() | logged.keys()):
        if stored.get(draw_id) != logged.get(draw_id):
            raise LogError(
                "draw-result", f"the result of {draw_id} isn't the logged one", draw_id=draw_id
            )
