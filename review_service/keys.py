"""The log's signing keys: made once with mode 0600, kept beside the data, never sent anywhere.

The log itself says which key is in force (`log.opened`, `key.rotated`). A process that still holds
an earlier key reads the files again before it signs, so a rotation needs no stop of the service.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocation import checkpoint as notes
from allocation.errors import LogError
from review_service.files import publish, sync_folder
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class LogKeys:
    """The origin (name) of the log, its signing key, and the file that the key came from."""

    origin: str
    key: notes.SigningKey
    path: Path | None = None

    @property
    def verifier_key(self) -> str:
        """The verifier key (vkey) of the key that this process read when it began."""
        return self.key.verifier_key

    def sign(self, size: int, root: bytes, expected: str | None = None) -> str:
        """Return the signed checkpoint of a log of `size` events with Merkle `root`.

        `expected` is the verifier key that the log names; WorkflowError "key-lost" where the
        private half is nowhere.
        """
        return notes.sign_checkpoint(self.origin, size, root, self.find(expected))

    def find(self, expected: str | None) -> notes.SigningKey:
        """Return the signing key whose verifier key is `expected` (None: the one in hand)."""
        if expected in {None, self.verifier_key}:
            return self.key
        for path in (self.path, self.path and upcoming(self.path)):
            if path is not None and path.exists():
                key = notes.load_key_file(path)
                if key.verifier_key == expected:
                    return key
        raise WorkflowError("key-lost", key=expected)


def upcoming(path: Path) -> Path:
    """Return the file of the key that takes over with the next rotation."""
    return path.with_name(f"{path.name}.next")


def make_key(path: Path, origin: str, entropy: bytes | None = None) -> notes.SigningKey:
    """Return the key in `path`, making it (mode 0600, whole or not at all) where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        notes.create_key_file(new, origin, entropy)
        publish(new, path)
    return notes.load_key_file(path)


def load_keys(path: Path, origin: str, entropy: bytes | None = None) -> LogKeys:
    """Return the key in `path`, making it (mode 0600) where there is none.

    `entropy` (32 bytes) makes the key of a demonstration repeatable; a real key is made without.
    """
    return LogKeys(origin, make_key(path, origin, entropy), path)


def settle(path: Path, current: str) -> bool:
    """Finish what a rotation began: let the upcoming key take over if the log has named it.

    The earlier key stays beside it as `log.key.<hash>.retired`. Returns whether it took over;
    each step is one atomic rename or link, so a crash in between is finished by the next call.
    """
    following = upcoming(path)
    if not following.exists():
        return False
    if notes.load_key_file(following).verifier_key != current:
        return False  # the log never named it: the rotation was undone before it was committed
    if path.exists():
        try:
            name = notes.load_key_file(path).public.hash.hex()
        except (LogError, ValueError):
            name = "unreadable"
        retired = path.with_name(f"{path.name}.{name}.retired")
        if not retired.exists():
            os.link(path, retired)
    following.replace(path)
    sync_folder(path.parent)
    return True
