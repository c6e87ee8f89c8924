"""The office of an installation: its store, its one clock, its one source of entropy, its keys."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from review_service import crypto
from review_service.keys import load_keys
from review_service.operation.columns import require_openable, rotate_columns
from review_service.operation.rotation import finish_rotation
from review_service.storage import Store, newest_revision
from review_service.tables import LogEvent
from review_service.workflows.base import SYSTEM, Office, Tools, WorkflowError
from review_service.workflows.log import open_log

if TYPE_CHECKING:
    from review_service.settings import Settings


def open_store(settings: Settings) -> Store:
    """Return the store of an installation as it is, migrated or not, with its column keys."""
    keys = crypto.load_keys(settings.column_key_file)
    return Store(settings.database_url, pool=settings.pool, keys=keys)


def make_tools(settings: Settings) -> Tools:
    """Return the real clock, the system's entropy, and the keys of an installation."""
    keys = load_keys(settings.key_file, settings.origin)
    return Tools(clock=lambda: datetime.now(UTC), entropy=os.urandom, keys=keys)


def require_origin(office: Office) -> None:
    """Refuse a name of the log other than the one it was opened with: no checkpoint would hold."""
    with office.store.reading() as session:
        opened = session.get(LogEvent, 0)
        logged = json.loads(opened.event)["body"].get("origin") if opened else None
    given = office.tools.keys.origin
    if logged is not None and logged != given:
        raise WorkflowError("origin-changed", variable="REVIEW_ORIGIN", given=given, logged=logged)


def require_factors_openable(store: Store, settings: Settings) -> None:
    """Refuse to make a new secret where authenticator apps are sealed under one that is lost.

    It would be made without a word, and every code of every account would be wrong from then on.
    """
    if settings.given_secret("totp") or store.revision() is None:
        return
    with store.reading() as session:
        # The one column alone: an older store has not all columns of today's table.
        held = session.scalar(sa.text("SELECT count(*) FROM account WHERE tf_totp_secret > ''"))
    if held:
        raise WorkflowError("secret-missing", file=str(settings.secret_file("totp")), accounts=held)


def make_office(settings: Settings, tools: Tools | None = None) -> Office:
    """Return the office of an installation: its store is migrated and its log has begun.

    A rotation of the key that was cut off after its commit is finished. Where there are no column
    keys yet they are made; a store with sealed columns whose keys are lost is refused.
    """
    store = open_store(settings)
    try:
        return _opened(store, settings, tools)
    except BaseException:
        store.close()
        raise


def _opened(store: Store, settings: Settings, tools: Tools | None) -> Office:
    require_openable(store)
    require_factors_openable(store, settings)
    store.use_keys(crypto.make_keys(settings.column_key_file))
    before = store.revision()
    store.migrate()
    if before not in {None, newest_revision()}:
        rotate_columns(store)  # a newer version may seal columns that an older one wrote openly
    office = Office(store, tools or make_tools(settings))
    office.do(SYSTEM, open_log)
    require_origin(office)
    finish_rotation(office)
    return office
