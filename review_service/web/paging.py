"""Long lists page by page: which page is asked for, what of the list it shows, links beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flask import request, url_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.sql.expression import Select, SelectOfScalar

    Query = TypeVar("Query", SelectOfScalar, Select)  # type: ignore[type-arg]  # of any row

Row = TypeVar("Row")
PAGE = 50  # rows


@dataclass(frozen=True)
class Page:
    """One page of a list: its number from 1, how many pages and rows there are, and links.

    `size` is the rows of a full page; `endpoint` and `code` say whose addresses the links are.
    """

    number: int
    pages: int
    total: int
    size: int
    endpoint: str
    code: str

    @property
    def before(self) -> str:
        """The address of the page before, its filters kept; empty on the first."""
        return self._link(self.number - 1) if self.number > 1 else ""

    @property
    def following(self) -> str:
        """The address of the page after, its filters kept; empty on the last."""
        return self._link(self.number + 1) if self.number < self.pages else ""

    @property
    def start(self) -> int:
        """How many rows stand before this page."""
        return (self.number - 1) * self.size

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return this page's rows of the whole list."""
        return rows[self.start : self.start + self.size]

    def narrow(self, query: Query) -> Query:
        """Return a query that finds this page's rows alone."""
        return query.offset(self.start).limit(self.size)

    def _link(self, number: int) -> str:
        values: dict[str, Any] = request.args.to_dict() | {"page": number}
        return url_for(self.endpoint, code=self.code, **values)


def page_of(total: int, endpoint: str, code: str, *, size: int = 0) -> Page:
    """Return the page that the address asks for, the last where the list has become shorter.

    `size` is the rows of a page, 0 for as many as most lists show.
    """
    size = size or PAGE
    pages = max(1, math.ceil(total / size))
    number = min(max(1, request.args.get("page", 1, type=int)), pages)
    return Page(number, pages, total, size, endpoint, code)
