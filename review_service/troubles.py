"""What a failing database says: does it pass by itself, is it a key that exists, which rule is it.

SQLSTATE codes: PostgreSQL manual, appendix A.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

_PASSING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available in time
    "57P01", "57P02", "57P03",  # the server stops, crashed, or is starting
    "53300",  # too many connections just now
}  # fmt: skip
_DUPLICATE = {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


class UnknownOutcomeError(Exception):
    """The connection was lost during COMMIT and the database stayed away: done, or not done."""


def state(error: DBAPIError) -> str:
    """Return the SQLSTATE, SQLite's error name, or an empty string."""
    found = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    return str(found or "")


def passes(error: DBAPIError) -> bool:
    """Whether the transaction was undone by something that passes, and may be run again."""
    code = state(error)
    if isinstance(error.orig, sqlite3.Error):
        return code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return bool(error.connection_invalidated or code in _PASSING or code.startswith("08"))


def is_duplicate(error: DBAPIError) -> bool:
    """Whether a unique key exists already."""
    return state(error) in _DUPLICATE


def constraint(error: DBAPIError) -> str:
    """Return the name of the constraint that failed; never the values, which may be personal."""
    found = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if found:
        return str(found)
    return str(error.orig).rpartition(": ")[2]  # SQLite names the columns, not the values
