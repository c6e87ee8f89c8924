"""Registers kinds of tampering, each with the numbered line at which a verifier must fail.

Some edit files of an honest bundle; most are done by a dishonest office that holds the log's key
and signs what it falsified, so that nothing but the step meant can find it.
"""

from __future__ import annotations

import copy
import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocation.canonical import canonical
from tests.allocation.verify import making
from tests.allocation.verify.making import Office, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

Files = dict[str, bytes]


@dataclass(frozen=True)
class Tampered:
    """A bundle's zip, an earlier checkpoint where one is given, and the line that must fail."""

    name: str
    step: int
    data: bytes
    previous: str | None = None


CASES: dict[str, tuple[int, Callable[[], Any]]] = {}


def case(step: int) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register a kind of tampering under its function's name."""

    def register(make: Callable[[], Any]) -> Callable[[], Any]:
        CASES[make.__name__] = (step, make)
        return make

    return register


@functools.cache
def tampered(name: str) -> Tampered:
    """Return a kind of tampering, made once."""
    step, make = CASES[name]
    made = make()
    previous = None
    if isinstance(made, tuple):
        made, previous = made
    if isinstance(made, Office):
        made = made.files()
    return Tampered(name, step, made if isinstance(made, bytes) else zipped(made), previous)


@functools.cache
def _kept(make: Callable[..., Office]) -> Office:
    return make()


def honest(make: Callable[..., Office] = making.lottery_office) -> Office:
    """Return a fresh copy of an honest office."""
    return copy.deepcopy(_kept(make))


def edited(files: Files, name: str, change: Callable[[Any], Any]) -> Files:
    """Return files with one record changed in place."""
    record = json.loads(files[name])
    change(record)
    return files | {name: canonical(record)}


def swapped(rows: list[Any], one: int, two: int) -> None:
    """Swap two rows."""
    rows[one], rows[two] = rows[two], rows[one]
