"""One error root for the package; an error carries the facts, callers write the sentence."""

from __future__ import annotations

from typing import Any


class ScoringError(Exception):
    """A refusal. `code` is stable and short; `facts` are JSON values that a caller can translate.

    `str(error)` is an English sentence for the command line.
    """

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts
