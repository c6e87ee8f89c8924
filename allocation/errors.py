"""One error root for the package; an error carries the facts, callers write the sentence."""

from __future__ import annotations

from typing import Any


class AllocationError(Exception):
    """A refusal. `code` is stable and short; `facts` are JSON values that a caller can translate.

    `str(error)` is an English sentence for the command line.
    """

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts


class RecordError(AllocationError):
    """A record that is not of the form of the protocol (bytes, types, order, names)."""


class LockError(AllocationError):
    """A snapshot that must not be locked; `facts` name the seats, the stratum, the numbers."""


class SourceError(AllocationError):
    """A source of randomness that does not open as it was fixed at the lock."""


class DrawError(AllocationError):
    """A draw that can't be completed under the rules of the snapshot."""


class LogError(AllocationError):
    """A log, proof, checkpoint or signature that does not hold."""


class BundleError(AllocationError):
    """A bundle that can't be read: a file missing, unknown, twice, too large or out of form."""
