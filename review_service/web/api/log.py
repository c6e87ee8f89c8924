"""The log: events, proofs, checkpoints, keys. Unpublished rounds need the scope `log`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate
from sqlmodel import col, select
from werkzeug.exceptions import NotFound

from allocation import merkle
from review_service.storage import INTEGER_MOST
from review_service.tables import Checkpoint, LogEvent, LogNode, Witness
from review_service.web.api.answers import endpoint, has, open_rounds, query
from review_service.web.page import db
from review_service.workflows import log as logs
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Events about the log itself; everybody needs them to check signatures.
OPEN_TYPES = frozenset({"log.opened", "key.rotated", "witness.registered", "checkpoint.signed"})
PAGE = 100
_count = validate.Range(min=0, max=INTEGER_MOST)
_page = validate.Range(min=1, max=1000)


class LogState(Schema):
    """The log as it stands."""

    origin = fields.String(required=True)
    size = fields.Integer(required=True)
    signed = fields.Integer(required=True, allow_none=True)
    keys = fields.List(fields.String(), required=True)


class Event(Schema):
    """An event: `event` is the canonical text that the leaf hashes, null where not public yet."""

    seq = fields.Integer(required=True)
    leaf = fields.String(required=True)
    event = fields.String(required=True, allow_none=True)


class Events(Schema):
    """A page of events; `next` is where the following page starts, null at the end."""

    size = fields.Integer(required=True)
    events = fields.List(fields.Nested(Event), required=True)
    next = fields.Integer(required=True, allow_none=True)


class Signed(Schema):
    """A signed checkpoint: the C2SP signed note with its cosignatures."""

    size = fields.Integer(required=True)
    signed_at = fields.DateTime(required=True)
    note = fields.String(required=True)


class Checkpoints(Schema):
    """A page of checkpoints, the newest first; `next` goes into `before`, null at the end."""

    checkpoints = fields.List(fields.Nested(Signed), required=True)
    next = fields.Integer(required=True, allow_none=True)


class WitnessKey(Schema):
    """A registered key that countersigns."""

    key = fields.String(required=True)
    added_at = fields.DateTime(required=True)


class Witnesses(Schema):
    """All keys that may countersign."""

    witnesses = fields.List(fields.Nested(WitnessKey), required=True)


class Inclusion(Schema):
    """RFC 6962 section 2.1.1: hex hashes that lead from the leaf to the root."""

    seq = fields.Integer(required=True)
    size = fields.Integer(required=True)
    leaf = fields.String(required=True)
    root = fields.String(required=True)
    proof = fields.List(fields.String(), required=True)


class Consistency(Schema):
    """RFC 6962 section 2.1.2: hex hashes that show the newer tree to extend the older."""

    old = fields.Integer(required=True)
    new = fields.Integer(required=True)
    old_root = fields.String(required=True)
    new_root = fields.String(required=True)
    proof = fields.List(fields.String(), required=True)


class EventsAsked(Schema):
    """Where a page of events starts and how many it holds."""

    start = fields.Integer(load_default=0, validate=_count)
    limit = fields.Integer(load_default=PAGE, validate=_page)


class CheckpointsAsked(Schema):
    """Which page of checkpoints."""

    before = fields.Integer(load_default=INTEGER_MOST, validate=_count)
    limit = fields.Integer(load_default=PAGE, validate=_page)


class InclusionAsked(Schema):
    """An event's number, and the size of the tree (default: the newest checkpoint's)."""

    seq = fields.Integer(required=True, validate=_count)
    size = fields.Integer(validate=_count)


class ConsistencyAsked(Schema):
    """Two sizes; `new` may be left out for the newest checkpoint's."""

    old = fields.Integer(required=True, validate=validate.Range(min=1, max=INTEGER_MOST))
    new = fields.Integer(validate=_count)


def _reach() -> int:
    """Return how many events the request may see: all with the scope, else those signed over."""
    if has("log"):
        return logs.head(db()).size
    row = logs.newest_checkpoint(db())
    return row.size if row else 0


def _shown(rows: Iterable[LogEvent]) -> list[dict[str, Any]]:
    """Return events as answered: whole where public or allowed, else the leaf hash alone."""
    everything = has("log")
    codes = {row.code for row in open_rounds("log")}
    return [
        {
            "seq": row.seq,
            "leaf": merkle.leaf_hash(row.event.encode()).hex(),
            "event": row.event
            if everything or row.type in OPEN_TYPES or row.subject.split("/")[0] in codes
            else None,
        }
        for row in rows
    ]


def _size(asked: int | None) -> int:
    """Return a tree's size that this log has reached; WorkflowError "log-size" otherwise."""
    most = logs.head(db()).size
    size = _reach() if asked is None else asked
    if not 0 < size <= most:
        raise WorkflowError("log-size", size=size, most=most)
    return size


@endpoint("/log", LogState)
def log() -> dict[str, Any]:
    """Return origin, size, newest signed size and the verifier keys in order of rotation."""
    first = db().get_one(LogEvent, 0)
    row = logs.newest_checkpoint(db())
    return {
        "origin": json.loads(first.event)["body"]["origin"],
        "size": logs.head(db()).size,
        "signed": row.size if row else None,
        "keys": logs.log_keys(db()),
    }


@endpoint("/log/events", Events)
@query(EventsAsked)
def events(asked: dict[str, int]) -> dict[str, Any]:
    """Return events in order, up to the newest checkpoint (with the scope `log`, up to the end)."""
    size = _reach()
    end = min(asked["start"] + asked["limit"], size)
    wanted = select(LogEvent).where(LogEvent.seq >= asked["start"], LogEvent.seq < end)
    rows = db().exec(wanted.order_by(col(LogEvent.seq)))
    return {"size": size, "events": _shown(rows), "next": end if end < size else None}


@endpoint("/log/events/<int:number>", Event, 404)
def event(number: int) -> dict[str, Any]:
    """Return one event."""
    row = db().get(LogEvent, number)
    if row is None or row.seq >= _reach():
        raise NotFound("no such event, or no checkpoint holds it yet")
    return _shown([row])[0]


@endpoint("/log/checkpoints", Checkpoints)
@query(CheckpointsAsked)
def checkpoints(asked: dict[str, int]) -> dict[str, Any]:
    """Return signed checkpoints, the newest first."""
    wanted = select(Checkpoint).where(Checkpoint.size < asked["before"])
    rows = list(db().exec(wanted.order_by(col(Checkpoint.size).desc()).limit(asked["limit"] + 1)))
    more = len(rows) > asked["limit"]
    return {
        "checkpoints": rows[: asked["limit"]],
        "next": rows[asked["limit"] - 1].size if more else None,
    }


@endpoint("/log/checkpoints/latest", Signed, 404)
def latest() -> Checkpoint:
    """Return the newest signed checkpoint."""
    row = logs.newest_checkpoint(db())
    if row is None:
        raise NotFound("no checkpoint was signed yet")
    return row


@endpoint("/log/checkpoints/<int:number>", Signed, 404)
def checkpoint(number: int) -> Checkpoint:
    """Return the checkpoint that was signed at a size."""
    row = db().get(Checkpoint, number)
    if row is None:
        raise NotFound("no checkpoint was signed at this size")
    return row


@endpoint("/log/witnesses", Witnesses)
def witnesses() -> dict[str, Any]:
    """Return the keys that may countersign checkpoints."""
    return {"witnesses": db().exec(select(Witness).order_by(col(Witness.id))).all()}


@endpoint("/log/proofs/inclusion", Inclusion)
@query(InclusionAsked)
def inclusion(asked: dict[str, int]) -> dict[str, Any]:
    """Prove that an event is in the tree of a size."""
    size = _size(asked.get("size"))
    get = logs.node_reader(db())
    proof = merkle.inclusion_proof(get, asked["seq"], size)
    leaf = db().get_one(LogNode, (0, asked["seq"]))
    return {
        "seq": asked["seq"],
        "size": size,
        "leaf": leaf.hash.hex(),
        "root": merkle.root(get, size).hex(),
        "proof": [one.hex() for one in proof],
    }


@endpoint("/log/proofs/consistency", Consistency)
@query(ConsistencyAsked)
def consistency(asked: dict[str, int]) -> dict[str, Any]:
    """Prove that the tree of `new` events continues that of `old`."""
    new = _size(asked.get("new"))
    get = logs.node_reader(db())
    proof = merkle.consistency_proof(get, asked["old"], new)
    return {
        "old": asked["old"],
        "new": new,
        "old_root": merkle.root(get, asked["old"]).hex(),
        "new_root": merkle.root(get, new).hex(),
        "proof": [one.hex() for one in proof],
    }
