"""Typed access to the fields of a record, with errors that name the path."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from allocation.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T", str, tuple[str, ...])

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # the Unicode category Cc
HEX32 = re.compile("[0-9a-f]{64}")


class Fields:
    """The fields of one object; `done` refuses those that nobody asked for."""

    def __init__(self, record: Mapping[str, Any], path: str) -> None:
        if not isinstance(record, dict):
            raise RecordError("type", f"{path}: an object is needed", path=path)
        self.record, self.path = record, path
        self._left = set(record)

    def take(self, name: str) -> Any:
        """Return a field of any type."""
        if name not in self.record:
            raise RecordError("missing", f"{self.path}.{name} is missing", path=self.path)
        self._left.discard(name)
        return self.record[name]

    def done(self) -> None:
        """Refuse unknown fields."""
        if self._left:
            name = min(self._left)
            raise RecordError("unknown-field", f"{self.path}.{name} is unknown", path=self.path)

    def _bad(self, name: str, needed: str) -> RecordError:
        where = f"{self.path}.{name}"
        return RecordError("type", f"{where}: {needed} is needed", path=where)

    def free(self, name: str) -> str:
        """Return a text, which may be empty."""
        value = self.take(name)
        if not isinstance(value, str) or CONTROL.search(value):
            raise self._bad(name, "text without control characters")
        return value

    def text(self, name: str) -> str:
        """Return a text that isn't empty."""
        value = self.free(name)
        if not value:
            raise self._bad(name, "a text that isn't empty")
        return value

    def one_of(self, name: str, values: Sequence[str]) -> str:
        """Return one of a few texts."""
        value = self.take(name)
        if value not in values:
            raise self._bad(name, " or ".join(values))
        return str(value)

    def integer(self, name: str, least: int) -> int:
        """Return a whole number of at least `least`."""
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._bad(name, f"a whole number of at least {least}")
        return value

    def boolean(self, name: str) -> bool:
        """Return true or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise self._bad(name, "true or false")
        return value

    def hex(self, name: str, size: int) -> str:
        """Return lower-case hex of `size` bytes."""
        value = self.take(name)
        if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value):
            raise self._bad(name, f"lower-case hex of {size} bytes")
        return value

    def time(self, name: str) -> str:
        """Return a time `YYYY-MM-DDTHH:MM:SSZ`."""
        value = self.text(name)
        try:
            parse_time(value)
        except ValueError:
            raise self._bad(name, "a time like 2026-03-01T06:05:04Z") from None
        return value

    def date(self, name: str) -> str:
        """Return a date `YYYY-MM-DD`."""
        value = self.text(name)
        try:
            same = date.fromisoformat(value).isoformat() == value
        except ValueError:
            same = False
        if not same:
            raise self._bad(name, "a date like 2026-03-01")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.take(name)
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self._bad(name, "a list of texts")
        return value

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects."""
        value = self.take(name)
        if not isinstance(value, list | tuple):
            raise self._bad(name, "a list of objects")
        return [Fields(one, f"{self.path}.{name}[{i}]") for i, one in enumerate(value)]


def parse_time(text: str) -> datetime:
    """Return the aware UTC time of a record's text; ValueError where its form is another."""
    # strptime takes forms that the protocol doesn't (one digit, white space): the form goes back.
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if moment.strftime("%Y-%m-%dT%H:%M:%SZ") != text:
        raise ValueError(text)
    return moment


def sorted_unique(keys: list[T], path: str) -> list[T]:
    """Return `keys` where they are sorted and distinct; RecordError naming the first that isn't."""
    for before, after in pairwise(keys):
        if before >= after:
            code = "duplicate" if before == after else "unsorted"
            raise RecordError(code, f"{path}: {after} is {code}", path=path, id=str(after))
    return keys
