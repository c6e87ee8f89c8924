"""Reading a data file field by field, with errors that name the field.

A `Fields` wraps one table of a parsed TOML or JSON file and its path (`chapters[2].weight`).
Each reader checks the type and the range; `done` refuses whatever nobody read, so that a
misspelt key is an error and never a silent default. Every refusal is a ScoringError of the code
the file goes by ("rubric", "rules"), with the fact `field`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from scoring.errors import ScoringError


class Fields:
    """One table being read; `code` is the error code of the file, `path` where it stands."""

    def __init__(self, table: Any, code: str, path: str = "") -> None:
        self.code = code
        self.path = path
        if not isinstance(table, Mapping):
            self.refuse("", "must be a table")
        self._table = table
        self._left = set(table)

    def where(self, key: str) -> str:
        """Return the path of a field of this table."""
        return ".".join(part for part in (self.path, key) if part)

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise the error that names a field of this table, or the table itself for ""."""
        field = self.where(key) or "file"
        raise ScoringError(self.code, f"{field}: {why}", field=field, why=why)

    def names(self) -> list[str]:
        """Return the table's keys in their order."""
        return list(self._table)

    def has(self, key: str) -> bool:
        """Say whether the field is there (null counts as absent)."""
        self._left.discard(key)
        return self._table.get(key) is not None

    def value(self, key: str) -> Any:
        """Return a field that must be there, whatever its type."""
        if not self.has(key):
            self.refuse(key, "is missing")
        return self._table[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that isn't blank; the default where the field is absent."""
        if default is not None and not self.has(key):
            return default
        value = self.value(key)
        if not (isinstance(value, str) and value.strip()):
            self.refuse(key, "must be text that is not blank")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return a text that is one of the choices."""
        value = self.text(key, default)
        if value not in choices:
            self.refuse(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean; the default where the field is absent."""
        if not self.has(key):
            return default
        value = self.value(key)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return an integer in [low, high]; the default where the field is absent."""
        if default is not None and not self.has(key):
            return default
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse(key, f"must be an integer from {low} to {high}, not {value!r}")
        return value

    def decimal(self, key: str, low: int, high: int) -> Decimal:
        """Return an exact decimal in [low, high], given as an integer, text or TOML number."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            self.refuse(key, f"must be a decimal number, not {value!r}")
        try:
            number = Decimal(value)
        except InvalidOperation:
            self.refuse(key, f"must be a decimal number, not {value!r}")
        if not (number.is_finite() and low <= number <= high):
            self.refuse(key, f"must be a number from {low} to {high}, not {value!r}")
        return number

    def table(self, key: str) -> Fields:
        """Return a table inside this one; an empty one where the field is absent."""
        inner = self.value(key) if self.has(key) else {}
        return Fields(inner, self.code, self.where(key))

    def tables(self, key: str) -> Iterator[Fields]:
        """Iterate over an array of tables; empty where the field is absent."""
        for position, inner in enumerate(self.array(key)):
            yield Fields(inner, self.code, f"{self.where(key)}[{position}]")

    def array(self, key: str) -> list[Any]:
        """Return an array; empty where the field is absent."""
        value = self.value(key) if self.has(key) else []
        if not isinstance(value, list | tuple):
            self.refuse(key, "must be an array")
        return list(value)

    def done(self) -> None:
        """Refuse the first field that nobody read."""
        for key in sorted(self._left):
            self.refuse(key, "is not a field of this file")
