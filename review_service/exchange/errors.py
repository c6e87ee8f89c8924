"""What goes wrong with a file, as facts: a whole file refused, or cells that must be put right."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from review_service.exchange.messages import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExchangeError(Exception):
    """A file refused as a whole. `code` is stable, `facts` are JSON values.

    `str(error)` is the English sentence; `error.sentence("zh")` the Chinese one.
    """

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        super().__init__(sentence(code, facts, "en"))

    def sentence(self, language: str) -> str:
        """The refusal in `zh` or `en`."""
        return sentence(self.code, self.facts, language)


class BadValueError(Exception):
    """A cell's value that can't be taken; the reader of the table adds the address."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Issue:
    """One cell, row or sheet to look at.

    `row` counts from 1 as Excel does (0: the sheet as a whole), `column` is the letter ("" for
    the row as a whole), `field` the field's name, `header` the text above the column, `value`
    what stands there (personal numbers masked, long texts cut).
    """

    code: str
    sheet: str
    row: int = 0
    column: str = ""
    field: str = ""
    header: str = ""
    value: str = ""
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def cell(self) -> str:
        """The address, such as `C12`; `12` for a row, empty for a sheet."""
        return f"{self.column}{self.row or ''}"

    def sentence(self, language: str) -> str:
        """What is wrong and what would be right, in `zh` or `en`, without the address."""
        return sentence(self.code, {**self.facts, "value": self.value}, language)

    def __str__(self) -> str:
        where = " ".join(part for part in (self.sheet, self.cell, self.header) if part)
        return f"{where}: {self.sentence('en')}"
