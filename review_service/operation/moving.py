"""Move a whole store into another one, from SQLite to PostgreSQL or back, and prove it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session

from review_service.operation import copying
from review_service.operation.verifying import LogReport, verify_log
from review_service.storage import newest_revision
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from review_service.storage import Store


def move_store(source: Store, target: Store) -> LogReport:
    """Copy every row into the empty `target`; the log is verified on both sides, digests compared.

    The source is held by a writing transaction meanwhile, so nothing is written that would be
    missing; it stays as it was. The target gets all or nothing. Returns the target's log.
    """
    revision = source.revision()
    if revision != newest_revision():
        raise WorkflowError("store-revision", found=revision, needed=newest_revision())
    target.migrate()
    target.use_keys(source.keys)  # rows stay sealed as they are; the log's are opened to verify it
    with source.engine.begin() as reading, target.engine.begin() as writing:
        if not source.on_sqlite:
            _hold(reading)
        copying.require_empty(writing)
        with Session(reading) as session:
            before = verify_log(session)
        fitting = {table.name: table for table in copying.tables(writing)}
        sent = {}
        for table in copying.tables(reading):
            tally = copying.Tally()
            copying.insert(writing, fitting[table.name], tally.see(copying.lines(reading, table)))
            sent[table.name] = tally.record()
        arrived = copying.counts(writing)
        if arrived != sent:
            differing = sorted(name for name in sent if sent[name] != arrived.get(name))
            raise WorkflowError("copy-differs", tables=differing)
        with Session(writing) as session:
            after = verify_log(session)
        if after != before:
            raise WorkflowError("log-differs", before=before.root, after=after.root)
    return after


def _hold(connection: Connection) -> None:
    """Let PostgreSQL's other sessions read, not write, until this transaction ends."""
    names = ", ".join(f'"{table.name}"' for table in copying.tables(connection))
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
