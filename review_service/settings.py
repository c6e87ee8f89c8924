"""Settings from the environment; secrets from files that are made on first start, mode 0600."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher

from review_service.files import write_secret


def _text(name: str, default: str = "") -> str:
    return field(default_factory=lambda: os.environ.get(name, default))


def _number(name: str, default: int) -> int:
    return field(default_factory=lambda: int(os.environ.get(name, "") or default))


def _database() -> str:
    named = os.environ.get("REVIEW_DATABASE_FILE")
    if named:
        return Path(named).read_text(encoding="utf-8").strip()
    return os.environ.get("REVIEW_DATABASE", "")


@dataclass(frozen=True)
class Settings:
    """Where the data lies and how the service presents itself.

    REVIEW_DATA     folder of the database, keys and uploads (default: instance/)
    REVIEW_DATABASE database URL (default: SQLite in the folder); REVIEW_DATABASE_FILE names a file
                    that holds it, so that a password needn't stand in the environment
    REVIEW_ORIGIN   name of the log, as it stands in checkpoints
    REVIEW_THREADS  requests that one process serves at a time (default 8)
    REVIEW_LOG      json (default) or text: the form of the process's own log lines
    REVIEW_METRICS_TOKEN  bearer token that opens /metrics; without one the route isn't there
    REVIEW_SECRET_<NAME>  an application secret; without it, the file <name>.secret in the folder
    REVIEW_INSECURE_COOKIES=yes allows sign-in over plain http (demonstration on loopback only)
    """

    data: Path = field(default_factory=lambda: Path(os.environ.get("REVIEW_DATA", "instance")))
    database: str = field(default_factory=_database)
    origin: str = _text("REVIEW_ORIGIN", "review.example")
    threads: int = _number("REVIEW_THREADS", 8)
    log_format: str = _text("REVIEW_LOG", "json")
    metrics_token: str = _text("REVIEW_METRICS_TOKEN")
    secure_cookies: bool = field(
        default_factory=lambda: os.environ.get("REVIEW_INSECURE_COOKIES", "") != "yes"
    )
    demonstration: bool = False

    @property
    def database_url(self) -> str:
        """The database to use."""
        return self.database or f"sqlite:///{(self.data / 'review.db').absolute()}"

    @property
    def pool(self) -> int:
        """Connections of one process: a request holds up to three at a time."""
        return 3 * self.threads

    @property
    def key_file(self) -> Path:
        """The log's signing key."""
        return self.data / "log.key"

    @property
    def column_key_file(self) -> Path:
        """The keys of sealed columns, the newest first."""
        return self.data / "columns.key"

    def secret_file(self, name: str) -> Path:
        """Return the file of the application secret `name`."""
        return self.data / f"{name}.secret"

    def secret(self, name: str) -> str:
        """Return the application secret `name`, made once and kept in a file of mode 0600."""
        if given := os.environ.get(f"REVIEW_SECRET_{name.upper()}"):
            return given
        path = self.secret_file(name)
        if not path.exists():
            write_secret(path, secrets.token_hex(32))
        return path.read_text(encoding="utf-8").strip()


def hash_password(password: str) -> str:
    """Return an argon2id hash that the sign-in page accepts."""
    return PasswordHasher().hash(password)
