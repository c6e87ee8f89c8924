"""Ratings: who gave which dossier what score, as sorted ids, integer codes and float scores."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.columns import codes, numbers, split
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

MISSING = frozenset({"", "NA", "NaN", "nan", "N/A", "null", "None", "."})


@dataclass(frozen=True, eq=False)
class Ratings:
    """All ratings of a round, in one order whatever the order of the input.

    `dossiers` and `reviewers` are ids sorted by code point; `dossier` and `reviewer` (n,) index
    them; `score` (n,) holds finite floats. Rows are sorted by dossier, then reviewer, and a pair
    occurs once. A cell without a score is no row at all: missing is missing.
    """

    dossiers: tuple[str, ...]
    reviewers: tuple[str, ...]
    dossier: NDArray[np.int64]
    reviewer: NDArray[np.int64]
    score: NDArray[np.float64]
    anonymous: bool = False

    def __len__(self) -> int:
        return len(self.score)

    def digest(self) -> str:
        """Return the SHA-256 of the ratings, lower-case hex, whatever order they came in.

        Over a JSON array of the two lists of ids, then the codes as little-endian int64 and the
        scores as float64.
        """
        names: list[object] = [self.dossiers, None if self.anonymous else self.reviewers]
        head = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
        state = hashlib.sha256(b"scoring-ratings/v1\n" + head.encode("utf-8", "surrogatepass"))
        for array, kind in ((self.dossier, "<i8"), (self.reviewer, "<i8"), (self.score, "<f8")):
            state.update(np.ascontiguousarray(array, kind).tobytes())
        return state.hexdigest()

    @classmethod
    def from_rows(
        cls, dossiers: Iterable[Any], reviewers: Iterable[Any] | None, scores: Iterable[Any]
    ) -> Ratings:
        """Return the ratings of three equally long columns.

        Labels become text with `str`; scores are anything that `float` reads, None and NaN are
        missing. Without `reviewers` every row counts as a reviewer of its own, so that nothing
        can be told about leniency. ScoringError "score", "pair_twice", "no_ratings", "columns".
        """
        values = _floats(list(scores))
        left = [str(label) for label in dossiers]
        right = None if reviewers is None else [str(label) for label in reviewers]
        if len(left) != len(values) or (right is not None and len(right) != len(values)):
            raise ScoringError("columns", "the columns differ in length", rows=len(values))
        return _assemble(left, right, values, lines=None)

    @classmethod
    def from_csv(
        cls, path: str | Path, *, dossier: str, reviewer: str | None, score: str
    ) -> Ratings:
        """Return the ratings of a UTF-8 CSV with a header, one rating a row.

        An empty score (or NA) is missing. ScoringError names the line and the column: "column",
        "score", "pair_twice", "no_ratings", "empty_id", "short_line".
        """
        names = [dossier, score] if reviewer is None else [dossier, score, reviewer]
        plain = _plain(Path(path), names)
        if plain is not None:
            return plain
        columns, lines = _read_columns(Path(path), names)
        for name in (name for name in names if name != score):
            _refuse_empty(columns[name], name, lines)
        values = _parse(columns[score], score, lines)
        right = None if reviewer is None else columns[reviewer]
        return _assemble(columns[dossier], right, values, lines)


def _plain(path: Path, names: list[str]) -> Ratings | None:
    """Return the ratings of a plain, faultless file; None for any other."""
    cells = split(path)
    if cells is None or any(cells.header.count(name) != 1 for name in names):
        return None
    columns = [cells.bytes_of(cells.header.index(name)) for name in names]
    found = [column for column in columns if column is not None and len(column)]
    if len(found) < len(names) or any((column == b"").any() for column in found):
        return None
    values = numbers(found[1])
    if values is None:
        return None
    left, i = codes(found[0])
    if len(names) == 2:
        return _anonymous(left, i, values)
    right, j = codes(found[2])
    order = np.argsort(i * len(right) + j, kind="stable")
    key = (i * len(right) + j)[order]
    if (key[1:] == key[:-1]).any():
        return None
    return _frozen(left, right, i[order], j[order], values[order], named=True)


def _read_columns(path: Path, names: list[str]) -> tuple[dict[str, list[str]], Sequence[int]]:
    """Return the named columns and the line number of each row."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        for name in names:
            if header.count(name) != 1:
                message = f"line 1: the column {name!r} must stand in the header exactly once"
                raise ScoringError("column", message, column=name, line=1, header=header)
        try:
            rows = [row for row in reader if row]
        except (csv.Error, UnicodeDecodeError) as error:
            line = reader.line_num + 1
            raise ScoringError("csv", f"line {line}: {error}", line=line) from error
        count = reader.line_num
    lines: Sequence[int] = range(2, len(rows) + 2)
    if count != len(rows) + 1:  # blank or folded lines: read again, counting
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            lines = [reader.line_num for row in reader if row][1:]
    places = [header.index(name) for name in names]
    shortest = max(places) + 1
    for row, line in zip(rows, lines, strict=True):
        if len(row) < shortest:
            column = names[places.index(max(places))]
            message = f"line {line}: there is no column {column!r}"
            raise ScoringError("short_line", message, line=line, column=column)
    return {
        name: [row[place] for row in rows] for name, place in zip(names, places, strict=True)
    }, lines


def _refuse_empty(labels: list[str], column: str, lines: Sequence[int]) -> None:
    if "" in labels:
        line = lines[labels.index("")]
        message = f"line {line}, column {column!r}: the id is empty"
        raise ScoringError("empty_id", message, line=line, column=column)


def _parse(texts: list[str], column: str, lines: Sequence[int]) -> NDArray[np.float64]:
    """Return the numbers of a column of text; missing ones are NaN."""
    try:  # the usual file holds nothing but numbers
        values = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        values = np.empty(len(texts))
        for row, text in enumerate(texts):
            try:
                values[row] = math.nan if text.strip() in MISSING else float(text)
            except ValueError:
                line = lines[row]
                message = f"line {line}, column {column!r}: {text!r} is not a number"
                raise ScoringError("score", message, line=line, column=column, value=text) from None
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        line = lines[int(infinite[0])]
        text = texts[int(infinite[0])]
        message = f"line {line}, column {column!r}: {text!r} is not a finite number"
        raise ScoringError("score", message, line=line, column=column, value=text)
    return values


def _floats(scores: list[Any]) -> NDArray[np.float64]:
    """Return scores of any numeric type as floats; None is NaN."""
    values = np.empty(len(scores))
    for row, score in enumerate(scores):
        try:
            values[row] = math.nan if score is None else float(score)
        except (TypeError, ValueError):
            message = f"row {row + 1}: {score!r} is not a number"
            raise ScoringError("score", message, row=row + 1, value=str(score)) from None
        if math.isinf(values[row]):
            message = f"row {row + 1}: the score is not finite"
            raise ScoringError("score", message, row=row + 1, value=str(score))
    return values


def _codes(labels: list[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the sorted distinct labels and each row's place among them."""
    names = sorted(set(labels))
    place = {name: code for code, name in enumerate(names)}
    return tuple(names), np.fromiter(map(place.__getitem__, labels), np.int64, len(labels))


def _assemble(
    dossiers: list[str],
    reviewers: list[str] | None,
    values: NDArray[np.float64],
    lines: Sequence[int] | None,
) -> Ratings:
    kept = ~np.isnan(values)
    if not kept.any():
        raise ScoringError("no_ratings", "there is no rating")
    if not kept.all():
        rows = np.flatnonzero(kept)
        values = values[rows]
        dossiers = [dossiers[row] for row in rows]
        reviewers = None if reviewers is None else [reviewers[row] for row in rows]
        lines = None if lines is None else [lines[int(row)] for row in rows]
    left, i = _codes(dossiers)
    if reviewers is None:
        return _anonymous(left, i, values)
    right, j = _codes(reviewers)
    order = np.argsort(i * len(right) + j, kind="stable")
    key = (i * len(right) + j)[order]
    twice = np.flatnonzero(key[1:] == key[:-1])
    if len(twice):
        row = int(order[twice[0] + 1])
        where = f"line {lines[row]}" if lines is not None else f"row {row + 1}"
        raise ScoringError(
            "pair_twice",
            f"{where}: reviewer {reviewers[row]!r} has rated dossier {dossiers[row]!r} already",
            line=None if lines is None else lines[row],
            dossier=dossiers[row],
            reviewer=reviewers[row],
        )
    return _frozen(left, right, i[order], j[order], values[order], named=True)


def _anonymous(left: tuple[str, ...], i: NDArray[np.int64], values: NDArray[np.float64]) -> Ratings:
    """Return ratings of unknown reviewers, by score, so that the order of rows can't matter."""
    order = np.lexsort((values, i))
    width = len(str(len(values)))
    right = tuple(f"{row + 1:0{width}d}" for row in range(len(values)))
    return _frozen(left, right, i[order], np.arange(len(values)), values[order], named=False)


def _frozen(
    left: tuple[str, ...],
    right: tuple[str, ...],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    named: bool,
) -> Ratings:
    values = values + 0.0  # no negative zeros
    for array in (i, j, values):
        array.flags.writeable = False
    return Ratings(left, right, i, j, values, anonymous=not named)
