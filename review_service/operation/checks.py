"""What an installation lacks, named: secrets, permissions, database, revision, key, log."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from allocation.checkpoint import load_key_file
from allocation.errors import AllocationError
from review_service.crypto import ColumnKeyError, load_keys
from review_service.operation.columns import sealed_state
from review_service.operation.verifying import verify_log
from review_service.storage import Store, newest_revision
from review_service.tables import LogEvent, LogHead
from review_service.workflows import log
from review_service.workflows.base import Office, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from review_service.settings import Settings

SECRETS = ("session", "password", "totp")


@dataclass(frozen=True)
class Finding:
    """Something that is missing or wrong: a stable code, and what an operator needs to mend it."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        listed = ", ".join(f"{key}: {value}" for key, value in self.facts.items())
        return f"{self.code} ({listed})" if listed else self.code


def check_service(office: Office) -> list[Finding]:
    """Return what keeps a running service from its work; quick enough to be asked each second."""
    try:
        found = _revision(office.store)
        if not found:
            with office.store.reading() as session:
                current = log.log_keys(session)[-1]
            office.tools.keys.find(current)
    except SQLAlchemyError as error:
        return [Finding("database-away", {"error": type(error).__name__})]
    except (WorkflowError, AllocationError) as error:
        return [Finding(error.code, error.facts)]
    except IndexError:
        return [Finding("log-not-opened")]
    return found


def check_installation(settings: Settings) -> list[Finding]:
    """Return everything that an installation lacks; makes and changes nothing."""
    found = [*_folder(settings.data), *_secrets(settings), *_deployment(settings)]
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return [*found, Finding("database-missing", {"file": url.database})]
    try:
        keys = load_keys(settings.column_key_file)
    except ColumnKeyError as error:
        return [*found, Finding(error.code, error.facts)]
    if keys is None:
        found.append(Finding("column-key-file", {"file": str(settings.column_key_file)}))
    store = Store(settings.database_url, patience=0, keys=keys)
    try:
        revision = _revision(store)
        found += revision or [*_columns(store), *_log(store, settings)]
    except ColumnKeyError as error:
        found += [] if any(one.code == error.code for one in found) else [
            Finding(error.code, error.facts)
        ]  # fmt: skip
    except SQLAlchemyError as error:
        found.append(Finding("database-away", {"error": type(error).__name__}))
    finally:
        store.close()
    return found


def _folder(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("data-missing", {"folder": str(folder)})
        return
    if folder.stat().st_mode & 0o077:
        mode = f"{folder.stat().st_mode & 0o777:04o}"
        yield Finding("data-mode", {"folder": str(folder), "mode": mode, "needed": "0700"})
    if not os.access(folder, os.W_OK):
        yield Finding("data-read-only", {"folder": str(folder)})


def _secrets(settings: Settings) -> Iterator[Finding]:
    for name in SECRETS:
        path = settings.secret_file(name)
        if os.environ.get(f"REVIEW_SECRET_{name.upper()}"):
            continue
        if not path.exists():
            yield Finding("secret-missing", {"file": str(path)})
        elif path.stat().st_mode & 0o077:
            yield Finding("secret-mode", {"file": str(path), "needed": "0600"})


def _deployment(settings: Settings) -> Iterator[Finding]:
    if not settings.secure_cookies:
        yield Finding("cookies-insecure", {"variable": "REVIEW_INSECURE_COOKIES"})
    if settings.origin == "review.example":
        yield Finding("origin-not-set", {"variable": "REVIEW_ORIGIN"})
    if not settings.hosts and not settings.demonstration:
        # Links in letters bear the host that was asked for: a forged one would lead elsewhere.
        yield Finding("hosts-not-set", {"variable": "REVIEW_HOSTS"})
    if not settings.second_factor and not settings.demonstration:
        yield Finding("second-factor-off", {"variable": "REVIEW_SECOND_FACTOR"})
    if settings.oidc_issuer and not settings.oidc_client:
        yield Finding("oidc-client-not-set", {"variable": "REVIEW_OIDC_CLIENT"})
    if settings.oidc_issuer and not settings.given_secret("oidc"):
        yield Finding("secret-missing", {"file": str(settings.secret_file("oidc"))})


def _columns(store: Store) -> Iterator[Finding]:
    """What of the sealed columns can't be opened, or isn't sealed with the newest key."""
    stale, error = sealed_state(store)
    if error is not None:
        yield Finding(error.code, error.facts)
    elif stale:
        yield Finding("columns-not-rotated", {"values": stale, "run": "rotate-columns"})


def _revision(store: Store) -> list[Finding]:
    revision, needed = store.revision(), newest_revision()
    if revision == needed:
        return []
    return [Finding("database-revision", {"found": revision, "needed": needed})]


def _log(store: Store, settings: Settings) -> Iterator[Finding]:
    with store.snapshot() as session:
        if session.get(LogHead, 1) is None:
            yield Finding("log-not-opened")
            return
        try:
            verify_log(session)
        except AllocationError as error:
            yield Finding("log-" + error.code, error.facts | {"sentence": str(error)})
        current = log.log_keys(session)[-1]
        opened = session.get(LogEvent, 0)
        logged = json.loads(opened.event)["body"].get("origin") if opened else None
    if logged is not None and logged != settings.origin:
        facts = {"variable": "REVIEW_ORIGIN", "given": settings.origin, "logged": logged}
        yield Finding("origin-changed", facts)
    yield from _key(settings.key_file, current)


def _key(path: Path, current: str) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("key-missing", {"file": str(path), "needed": current})
        return
    try:
        held = load_key_file(path).verifier_key
    except (AllocationError, ValueError) as error:
        code = getattr(error, "code", "key-unreadable")
        yield Finding(code, {"file": str(path), "needed": "0600"})
        return
    if held != current:
        yield Finding("key-not-in-force", {"file": str(path), "held": held, "needed": current})
