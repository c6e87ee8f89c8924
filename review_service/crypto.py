"""Columns that are sealed at rest: AES-SIV (RFC 5297) under keys that lie beside the data.

A sealed value is `sealed:<key>:<base64url>`; the key is named by eight hex characters of its
SHA-256. AES-SIV is deterministic and authenticated: equal values of one column give equal
ciphertexts, so unique constraints and equality hold, and the column's name is authenticated with
the value, so that none can be moved to another column. What it gives away: whose values are equal,
and how long they are. An empty text stays empty.

The keys hang on the engine's dialect, where SQLAlchemy hands them to every bind and result.
"""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from review_service.files import sync_folder, write_secret

if TYPE_CHECKING:
    from pathlib import Path

MARK = "sealed:"
_SIZE = 64  # bytes: AES-256 in SIV takes two keys of 256 bits


class ColumnKeyError(Exception):
    """A sealed value that can't be opened: `code` column-key-missing, -damaged or -file."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(f"{code} {facts}" if facts else code)
        self.code = code
        self.facts = facts


def key_name(key: bytes) -> str:
    """Return the name under which sealed values mention a key."""
    return sha256(b"review-service/column-key" + key).hexdigest()[:8]


@dataclass(frozen=True)
class ColumnKeys:
    """Keys of 64 bytes, the newest first: that one seals, every one opens."""

    keys: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != _SIZE for key in self.keys):
            raise ColumnKeyError("column-key-file", needed=f"{_SIZE} bytes in hex a line")

    @property
    def newest(self) -> str:
        """The name of the key that seals."""
        return key_name(self.keys[0])

    def seal(self, column: str, text: str) -> str:
        """Return a text sealed for a column."""
        if not text:
            return text
        opened = AESSIV(self.keys[0]).encrypt(text.encode(), [column.encode()])
        return f"{MARK}{self.newest}:{urlsafe_b64encode(opened).decode()}"

    def open(self, column: str, stored: str) -> str:
        """Return the text of a sealed value; one that isn't sealed yet as it stands."""
        if not stored.startswith(MARK):
            return stored
        name, _, body = stored.removeprefix(MARK).partition(":")
        key = next((one for one in self.keys if key_name(one) == name), None)
        if key is None:
            raise ColumnKeyError("column-key-missing", column=column, key=name)
        try:
            return AESSIV(key).decrypt(urlsafe_b64decode(body), [column.encode()]).decode()
        except (InvalidTag, ValueError) as error:
            raise ColumnKeyError("column-key-damaged", column=column, key=name) from error


class Sealed(sa.types.TypeDecorator[str]):
    """A text that is sealed in the database wherever the store has keys.

    A store without keys (a tool on an empty database) writes texts as they are, and refuses to
    read what is sealed: ColumnKeyError.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Seal what is written or compared."""
        keys = keys_of(dialect)
        return value if value is None or keys is None else keys.seal(self.column, value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Open what is read."""
        if value is None or not value.startswith(MARK):
            return value
        keys = keys_of(dialect)
        if keys is None:
            raise ColumnKeyError("column-key-missing", column=self.column)
        return keys.open(self.column, value)


class SealedText(Sealed):
    """A sealed text of any length."""

    impl = sa.Text
    cache_ok = True


class SealedJson(Sealed):
    """A JSON value that is sealed as one text, so that no part of it is read without the keys."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Seal the JSON of what is written."""
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return super().process_bind_param(text, dialect)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Open what is read, and parse it."""
        text = super().process_result_value(value, dialect)
        return None if text is None else json.loads(text)


def keys_of(dialect: sa.Dialect) -> ColumnKeys | None:
    """Return the keys that a store gave its engine's dialect."""
    found: ColumnKeys | None = getattr(dialect, "review_column_keys", None)
    return found


def give_keys(engine: sa.Engine, keys: ColumnKeys | None) -> None:
    """Let an engine seal and open with these keys."""
    engine.dialect.review_column_keys = keys  # type: ignore[attr-defined]  # ours alone


def load_keys(path: Path) -> ColumnKeys | None:
    """Return the keys of a file, one a line in hex, the newest first; None where there is none."""
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise ColumnKeyError("column-key-file", file=str(path), needed="0600")
    return parse_keys(path.read_bytes(), str(path))


def parse_keys(content: bytes, name: str) -> ColumnKeys:
    """Return the keys in the content of a file; ColumnKeyError bears the file's name."""
    try:
        lines = content.decode("ascii").split()
        return ColumnKeys(tuple(bytes.fromhex(line) for line in lines))
    except ValueError as error:
        raise ColumnKeyError("column-key-file", file=name) from error


def make_keys(path: Path) -> ColumnKeys:
    """Return the keys of a file; where there is none it is made, mode 0600, with one key."""
    if not path.exists():
        write_secret(path, secrets.token_hex(_SIZE) + "\n")
    found = load_keys(path)
    if found is None:
        raise ColumnKeyError("column-key-file", file=str(path))
    return found


def write_keys(path: Path, keys: ColumnKeys) -> None:
    """Replace the file of keys whole: a crash leaves the old one or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    write_secret(new, "".join(f"{key.hex()}\n" for key in keys.keys))
    new.replace(path)
    sync_folder(path.parent)


def add_key(path: Path) -> ColumnKeys:
    """Put a new key before those of a file; values are sealed with it from the next start on."""
    held = make_keys(path)
    keys = ColumnKeys((secrets.token_bytes(_SIZE), *held.keys))
    write_keys(path, keys)
    return keys
