"""The log's signing keys: made once with mode 0600, kept beside the data, never sent anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation import checkpoint as notes

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class LogKeys:
    """The origin (name) of the log and the signing key in use; the log holds the earlier ones."""

    origin: str
    key: notes.SigningKey

    @property
    def verifier_key(self) -> str:
        """The verifier key (vkey) of the signing key in use."""
        return self.key.verifier_key

    def sign(self, size: int, root: bytes) -> str:
        """Return the signed checkpoint of a log of `size` events with Merkle `root`."""
        return notes.sign_checkpoint(self.origin, size, root, self.key)


def load_keys(path: Path, origin: str, entropy: bytes | None = None) -> LogKeys:
    """Return the key in `path`, making it (mode 0600) where there is none.

    `entropy` (32 bytes) makes the key of a demonstration repeatable; a real key is made without.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        notes.create_key_file(path, origin, entropy)
    return LogKeys(origin, notes.load_key_file(path))
