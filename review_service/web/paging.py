"""Long lists page by page: which page is asked for, what of the list it shows, links beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from flask import request

from review_service.web.page import page_link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlmodel.sql.expression import Select, SelectOfScalar

    Query = TypeVar("Query", SelectOfScalar, Select)  # type: ignore[type-arg]  # of any row

Row = TypeVar("Row")
PAGE = 50  # rows


@dataclass(frozen=True)
class Page:
    """One page of a list: its number from 1, how many pages and rows there are, and links."""

    number: int
    pages: int
    total: int
    link: Callable[[int], str]

    @property
    def before(self) -> str:
        """The address of the page before, its filters kept; empty on the first."""
        return self.link(self.number - 1) if self.number > 1 else ""

    @property
    def following(self) -> str:
        """The address of the page after, its filters kept; empty on the last."""
        return self.link(self.number + 1) if self.number < self.pages else ""

    @property
    def start(self) -> int:
        """How many rows stand before this page."""
        return (self.number - 1) * PAGE

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return this page's rows of the whole list."""
        return rows[self.start : self.start + PAGE]

    def narrow(self, query: Query) -> Query:
        """Return a query that finds this page's rows alone."""
        return query.offset(self.start).limit(PAGE)


def page_of(total: int, endpoint: str, code: str) -> Page:
    """Return the page that the address asks for, the last where the list has become shorter."""
    pages = max(1, math.ceil(total / PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), pages)
    return Page(number, pages, total, page_link(endpoint, code))
