"""What a table is made of: its columns, and what a file of it turned out to hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from review_service.exchange.errors import Issue

if TYPE_CHECKING:
    from review_service.exchange.values import Parser

HELP_SHEET: Final = "填写说明"
Progress = Callable[[int, int], None]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Column:
    """A column of a table: its field, headers it may stand under, and how a cell is read.

    `header` is the one that templates and exports write. `mask` hides values in messages.
    """

    name: str
    header: str
    parse: Parser
    required: bool = False
    also: tuple[str, ...] = ()
    empty: Any = ""
    mask: bool = False
    help_zh: str = ""
    help_en: str = ""
    choices: tuple[str, ...] = ()
    width: int = 14
    numeric: bool = False


@dataclass(frozen=True)
class Record:
    """A row: its number as Excel counts, and its values by field."""

    row: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class TableFile:
    """What was read. Records without any issue only; `issues` must be empty before an import.

    `columns` maps each field found to its header; `headers` are all of the sheet.
    """

    sheet: str
    records: tuple[Record, ...]
    issues: tuple[Issue, ...]
    notices: tuple[Issue, ...]
    columns: Mapping[str, str]
    headers: tuple[str, ...]
    letters: Mapping[str, str]

    def issue(self, code: str, row: int, name: str, value: str = "", /, **facts: Any) -> Issue:
        """Return an issue of a field in a row, with its address and header."""
        return Issue(
            code, self.sheet, row, self.letters.get(name, ""), name, self.columns.get(name, ""),
            value, facts,
        )  # fmt: skip

    def filled(
        self,
        data: bytes,
        rows: Iterable[Row],
        issues: Iterable[Issue] = (),
        notices: Iterable[Issue] = (),
    ) -> ImportFile[Row]:
        """Return the file with typed rows and what the checks across rows and fields found."""
        return ImportFile(
            self.sheet, tuple(rows), (*self.issues, *issues), (*self.notices, *notices),
            self.columns, self.headers, sha256(data).hexdigest(),
        )  # fmt: skip


@dataclass(frozen=True)
class ImportFile(Generic[Row]):
    """A file read for an import. `rows` are the faultless ones; import only without `issues`.

    `columns` maps each field to the header it was found under, `headers` are all headers, and
    `digest` is the SHA-256 of the file in hexadecimal.
    """

    sheet: str
    rows: tuple[Row, ...]
    issues: tuple[Issue, ...]
    notices: tuple[Issue, ...]
    columns: Mapping[str, str]
    headers: tuple[str, ...]
    digest: str


def key(header: str) -> str:
    """Return a header without what people vary: width, case, blanks, asterisks."""
    return re.sub(r"[\s*＊:：]+", "", unicodedata.normalize("NFKC", header)).lower()
