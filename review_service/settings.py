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


class SettingError(ValueError):
    """A setting that can't be read: `name` of the variable, what it holds, what is needed."""

    def __init__(self, name: str, held: str, needed: str) -> None:
        super().__init__(f"{name}: {held!r} is not {needed}")
        self.name = name


def _number(name: str, default: int) -> int:
    def read() -> int:
        held = os.environ.get(name, "")
        try:
            return int(held or default)
        except ValueError:
            raise SettingError(name, held, "a whole number") from None

    return field(default_factory=read)


def _three(name: str, default: str) -> tuple[int, int, int]:
    held = os.environ.get(name) or default
    try:
        time, memory, lanes = (int(one) for one in held.split(","))
    except ValueError:
        raise SettingError(name, held, "three whole numbers between commas") from None
    return time, memory, lanes


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
    REVIEW_THREADS  requests that one process serves at a time (default 4)
    REVIEW_LOG      json (default) or text: the form of the process's own log lines
    REVIEW_METRICS_TOKEN  bearer token that opens /metrics; without one the route isn't there
    REVIEW_HOSTS    names under which the service answers, between commas; any other Host is refused
    REVIEW_PROXIES  reverse proxies in front whose X-Forwarded-For and -Proto count (default 0)
    REVIEW_SECOND_FACTOR=no  staff, approvers, inspectors, administrators may do without one
    REVIEW_SESSION_MINUTES  minutes without a page after which one signs in again (default 240)
    REVIEW_SESSION_HOURS  hours after which one signs in again, pages or not (default 12)
    REVIEW_ARGON2   time,memory (KiB),lanes of the password hash (default 3,65536,4)
    REVIEW_CONTACT  where to report a weakness (mailto: or https:), for security.txt
    REVIEW_OIDC_ISSUER, REVIEW_OIDC_CLIENT  a ministry's own sign-on (docs/security.md); its secret
                    is REVIEW_SECRET_OIDC or the file oidc.secret
    REVIEW_SECRET_<NAME>  an application secret; without it, the file <name>.secret in the folder
    REVIEW_INSECURE_COOKIES=yes allows sign-in over plain http (demonstration on loopback only)
    """

    data: Path = field(default_factory=lambda: Path(os.environ.get("REVIEW_DATA", "instance")))
    database: str = field(default_factory=_database)
    origin: str = _text("REVIEW_ORIGIN", "review.example")
    threads: int = _number("REVIEW_THREADS", 4)
    log_format: str = _text("REVIEW_LOG", "json")
    metrics_token: str = _text("REVIEW_METRICS_TOKEN")
    secure_cookies: bool = field(
        default_factory=lambda: os.environ.get("REVIEW_INSECURE_COOKIES", "") != "yes"
    )
    hosts: tuple[str, ...] = field(
        default_factory=lambda: tuple(
            one.strip() for one in os.environ.get("REVIEW_HOSTS", "").split(",") if one.strip()
        )
    )
    proxies: int = _number("REVIEW_PROXIES", 0)
    asks_second_factor: bool = field(
        default_factory=lambda: os.environ.get("REVIEW_SECOND_FACTOR", "") != "no"
    )
    session_minutes: int = _number("REVIEW_SESSION_MINUTES", 240)
    session_hours: int = _number("REVIEW_SESSION_HOURS", 12)
    argon2: tuple[int, int, int] = field(
        default_factory=lambda: _three("REVIEW_ARGON2", "3,65536,4")
    )
    contact: str = _text("REVIEW_CONTACT")
    oidc_issuer: str = _text("REVIEW_OIDC_ISSUER")
    oidc_client: str = _text("REVIEW_OIDC_CLIENT")
    demonstration: bool = False

    @property
    def second_factor(self) -> bool:
        """Whether the guarded roles need a second factor; a demonstration does without."""
        return self.asks_second_factor and not self.demonstration

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

    @property
    def uploads(self) -> Path:
        """Files brought for a preview that nobody has confirmed yet; no backup holds them."""
        return self.data / "uploads"

    def secret_file(self, name: str) -> Path:
        """Return the file of the application secret `name`."""
        return self.data / f"{name}.secret"

    def given_secret(self, name: str) -> str:
        """Return a secret that others issue, such as `oidc`; empty where it was not given."""
        path = self.secret_file(name)
        found = os.environ.get(f"REVIEW_SECRET_{name.upper()}", "")
        return found or (path.read_text(encoding="utf-8").strip() if path.exists() else "")

    def secret(self, name: str) -> str:
        """Return the application secret `name`, made once and kept in a file of mode 0600."""
        if given := os.environ.get(f"REVIEW_SECRET_{name.upper()}"):
            return given
        path = self.secret_file(name)
        if not path.exists():
            write_secret(path, secrets.token_hex(32))
        return path.read_text(encoding="utf-8").strip()


def hash_password(password: str, argon2: tuple[int, int, int] | None = None) -> str:
    """Return an argon2id hash that the sign-in page accepts; `argon2` as REVIEW_ARGON2."""
    time, memory, lanes = argon2 or Settings().argon2
    return PasswordHasher(time_cost=time, memory_cost=memory, parallelism=lanes).hash(password)
