"""Settings from the environment; secrets from files that are made on first start, mode 0600."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher


@dataclass(frozen=True)
class Settings:
    """Where the data lies and how the service presents itself.

    REVIEW_DATA     folder of the database, keys and uploads (default: instance/)
    REVIEW_DATABASE database URL (default: SQLite in the folder)
    REVIEW_ORIGIN   name of the log, as it stands in checkpoints
    REVIEW_INSECURE_COOKIES=yes allows sign-in over plain http (demonstration on loopback only)
    """

    data: Path = field(default_factory=lambda: Path(os.environ.get("REVIEW_DATA", "instance")))
    database: str = field(default_factory=lambda: os.environ.get("REVIEW_DATABASE", ""))
    origin: str = field(default_factory=lambda: os.environ.get("REVIEW_ORIGIN", "review.example"))
    secure_cookies: bool = field(
        default_factory=lambda: os.environ.get("REVIEW_INSECURE_COOKIES", "") != "yes"
    )
    demonstration: bool = False

    @property
    def database_url(self) -> str:
        """The database to use."""
        return self.database or f"sqlite:///{(self.data / 'review.db').absolute()}"

    @property
    def key_file(self) -> Path:
        """The log's signing key."""
        return self.data / "log.key"

    def secret(self, name: str) -> str:
        """Return the application secret `name`, made once and kept in a file of mode 0600."""
        path = self.data / f"{name}.secret"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text().strip()


def hash_password(password: str) -> str:
    """Return an argon2id hash that the sign-in page accepts."""
    return PasswordHasher().hash(password)
