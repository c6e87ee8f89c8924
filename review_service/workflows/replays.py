"""A draw run again from what is stored, outside the request (jobs/kinds.py, kind `replay`).

The outcome is a record in no language: {"compared": [[what, stored, recomputed], …], "lines":
[{"step", "status", "text": [Chinese, English]}, …], "refusal": {"code", "facts"} or None}. `lines`
are those of allocation/verify.py on the draw's bundle; with a `refusal` there are none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import col, select

from allocation import draw as drawing
from allocation import verify
from allocation.canonical import canonical, parse
from allocation.errors import AllocationError
from allocation.hashing import h
from allocation.snapshot import Snapshot
from review_service.tables import Draw, Job, LogEvent
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.bundles import bundle_of
from review_service.workflows.draws import sources_of
from review_service.workflows.log import head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlmodel import Session

    from review_service.workflows.base import Work

KIND = "replay"
# What is copied out of the database in one transaction: 0.1 GB. Whoever wants more verifies the
# bundle on a machine of their own.
MOST_EVENTS = 500_000


def stored_result(draw: Draw) -> str:
    """Return the result of a draw; WorkflowError where it isn't completed."""
    if draw.result is None:
        raise WorkflowError("draw-status", draw_id=draw.draw_id, status=draw.status)
    return draw.result


def replay_input(work: Work, draw_pk: int) -> dict[str, Any]:
    """Return what the replay needs: the draw as stored, what the log says, the bundle's files."""
    session, draw = work.session, work.one(Draw, draw_pk)
    given: dict[str, Any] = {
        "snapshot": draw.snapshot,
        "entries": [json.loads(one.entry or "null") for one in sources_of(session, draw)],
        "result": stored_result(draw),
        "logged": _logged(session, draw),
        "files": {},
        "refusal": None,
    }
    if head(session).size > MOST_EVENTS:
        given["refusal"] = {"code": "replay-large", "facts": {"draw_id": draw.draw_id}}
        return given
    try:
        given["files"] = bundle_of(session, draw, identities=True).files()
    except WorkflowError as error:
        given["refusal"] = {"code": error.code, "facts": error.facts}
    return given


def _logged(session: Session, draw: Draw) -> dict[str, dict[str, Any]]:
    """Return the bodies of the draw's lock and completion as the log holds them."""
    kinds = ("draw.locked", "draw.completed")
    rows = session.exec(
        select(LogEvent.type, LogEvent.event).where(
            LogEvent.subject == draw.draw_id, col(LogEvent.type).in_(kinds)
        )
    )
    found = {kind: json.loads(text)["body"] for kind, text in rows}
    missing = [kind for kind in kinds if kind not in found]
    if missing:
        raise WorkflowError("event-missing", draw_id=draw.draw_id, missing=missing)
    return found


def replay_record(
    given: Mapping[str, Any], progress: Callable[[int], None] = lambda _percent: None
) -> dict[str, Any]:
    """Draw again from the snapshot and the sources, and check the bundle as outsiders would."""
    snapshot, logged = parse(given["snapshot"].encode()), given["logged"]
    digest = Snapshot.from_record(snapshot).digest.hex()
    try:
        again = drawing.draw(snapshot, given["entries"])
    except AllocationError as error:
        again = {"seed": f"({error.code})"}
    progress(40)
    result = h("result", canonical(again)).hex()
    kept = h("result", canonical(parse(given["result"].encode()))).hex()
    compared = [
        ["snapshot", logged["draw.locked"]["snapshot"], digest],
        ["seed", logged["draw.completed"]["seed"], again["seed"]],
        ["result", logged["draw.completed"]["result"], result],
        ["kept", kept, result],
    ]
    lines = verified(given["files"]) if given["files"] else []
    return {"compared": compared, "lines": lines, "refusal": given["refusal"]}


def verified(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Return the twelve numbered lines of the one-file verifier, in both its languages."""
    try:
        lines: Sequence[verify.Line] = verify.verify(dict(files))
    except verify.Refused as error:
        lines = verify.unreadable(error)
    return [
        {"step": one.step, "status": one.status, "text": [one.text(0), one.text(1)]}
        for one in lines
    ]


def titles(*, chinese: bool) -> dict[int, str]:
    """Return what each of the twelve lines is called."""
    return {n: verify.told(f"step-{n}", {}, 0 if chinese else 1) for n in range(1, 13)}


def holds(record: Mapping[str, Any]) -> bool:
    """Whether everything that could be compared agrees and no line failed."""
    same = all(stored == again for _, stored, again in record["compared"])
    return same and not any(line["status"] == "FAIL" for line in record["lines"])


def replays_of(session: Session, draw: Draw) -> list[Job]:
    """Return the replays of a draw, whoever asked for them, the newest first; at most 20."""
    query = select(Job).where(
        Job.kind == KIND,
        sa.type_coerce(col(Job.arguments), sa.JSON)["draw"].as_integer() == pk(draw),
    )
    return list(session.exec(query.order_by(col(Job.id).desc()).limit(20)))
