"""Ratings: one order whatever the input's, and errors that name the place."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.columns import split
from scoring.errors import ScoringError
from scoring.ratings import Ratings

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.text("abç中😀 ;'", min_size=1, max_size=12)
PLAIN = "dossier,reviewer,score\nb,x,1\na,y,2.5\na,x,3\n"


def save(folder: Path, text: str | bytes) -> Path:
    """A file with this text."""
    path = folder / "ratings.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def load(path: Path) -> Ratings:
    """The ratings of a file with the usual columns."""
    return Ratings.from_csv(path, dossier="dossier", reviewer="reviewer", score="score")


def same(left: Ratings, right: Ratings) -> bool:
    """Whether two ratings are the same, bit by bit."""
    return left.digest() == right.digest() and all(
        (getattr(left, name) == getattr(right, name)).all()
        for name in ("dossier", "reviewer", "score")
    )


def test_sorted_by_ids(tmp_path: Path) -> None:
    """Rows come out by dossier, then reviewer, with ids in code point order."""
    ratings = load(save(tmp_path, PLAIN))
    assert ratings.dossiers == ("a", "b")
    assert ratings.reviewers == ("x", "y")
    assert ratings.dossier.tolist() == [0, 0, 1]
    assert ratings.reviewer.tolist() == [0, 1, 0]
    assert ratings.score.tolist() == [3.0, 2.5, 1.0]
    assert len(ratings) == 3


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN.replace("b,", '"b",'),
        PLAIN.replace("\na,y", "\n\na,y"),
        PLAIN.replace("3\n", "3\nc,x,\nd,y,NA\n"),
    ],
    ids=["crlf", "mark", "no last newline", "quoted", "blank line", "missing"],
)
def test_ways_to_write_the_same(tmp_path: Path, text: str) -> None:
    """Line ends, a byte order mark, quotes, blank lines and missing scores change nothing."""
    expected = load(save(tmp_path, PLAIN))
    found = load(save(tmp_path, text))
    assert found.dossiers == expected.dossiers
    assert same(found, expected)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(NAMES, NAMES, st.floats(-1e6, 1e6).map(lambda x: round(x, 3))),
        min_size=1,
        max_size=12,
        unique_by=lambda row: row[:2],
    ),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_fast_and_slow_readers_agree(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, float]], quoting: int
) -> None:
    """Array reading, the csv module and columns in memory give the same ratings."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")  # type: ignore[call-overload]
    writer.writerows([("dossier", "reviewer", "score"), *rows])
    path = save(tmp_path_factory.mktemp("csv"), text.getvalue())
    if quoting == csv.QUOTE_MINIMAL:
        assert split(path) is not None
    assert same(load(path), Ratings.from_rows(*zip(*rows, strict=True)))


@pytest.mark.parametrize(
    ("text", "code", "facts"),
    [
        (PLAIN.replace("2.5", "two"), "score", {"line": 3, "column": "score", "value": "two"}),
        (PLAIN.replace("2.5", "inf"), "score", {"line": 3, "value": "inf"}),
        (PLAIN + "b,x,4\n", "pair_twice", {"line": 5, "dossier": "b", "reviewer": "x"}),
        (PLAIN.replace("a,y", ",y"), "empty_id", {"line": 3, "column": "dossier"}),
        (PLAIN.replace("a,y,2.5", "a,y"), "short_line", {"line": 3, "column": "score"}),
        (PLAIN.replace("score", "points"), "column", {"line": 1, "column": "score"}),
        (PLAIN.replace("reviewer", "score"), "column", {"line": 1}),
        ("dossier,reviewer,score\n", "no_ratings", {}),
        ("", "column", {"line": 1}),
        ("dossier,reviewer,score\na,x,\n", "no_ratings", {}),
        ("dossier,reviewer,score\n" + "a" * 80 + ",x,one\n", "score", {"line": 2}),
    ],
)
def test_refusals(tmp_path: Path, text: str, code: str, facts: dict[str, object]) -> None:
    """A fault in a file is refused with its line and column."""
    with pytest.raises(ScoringError) as caught:
        load(save(tmp_path, text))
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()


def test_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is refused with the line."""
    with pytest.raises((ScoringError, UnicodeDecodeError)):
        load(save(tmp_path, PLAIN.encode() + "丁,x,3\n".encode("gbk")))


def test_anonymous(tmp_path: Path) -> None:
    """Without a reviewer column every row is its own reviewer, in whatever order it came."""
    path = save(tmp_path, "dossier,score\na,2\nb,1\na,1\n")
    first = Ratings.from_csv(path, dossier="dossier", reviewer=None, score="score")
    second = Ratings.from_rows("aab", None, [1, 2, 1])
    assert first.anonymous
    assert len(first.reviewers) == 3
    assert same(first, second)


def test_digest_tells_apart() -> None:
    """Another id, score or reviewer is another digest; negative zero is zero."""
    base = Ratings.from_rows("ab", "xy", [0.0, 1.0]).digest()
    assert Ratings.from_rows("ba", "yx", [1.0, -0.0]).digest() == base
    others = [
        Ratings.from_rows("ac", "xy", [0.0, 1.0]),
        Ratings.from_rows("ab", "xz", [0.0, 1.0]),
        Ratings.from_rows("ab", "yx", [0.0, 1.0]),
        Ratings.from_rows("ab", "xy", [0.0, 1.5]),
        Ratings.from_rows("ab", None, [0.0, 1.0]),
    ]
    assert len({base, *(other.digest() for other in others)}) == 6


def test_rows_are_read_only() -> None:
    """The arrays can't be changed after the fact."""
    ratings = Ratings.from_rows("ab", "xy", np.array([1, 2]))
    with pytest.raises(ValueError, match="read-only"):
        ratings.score[0] = 5.0


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (("ab", "xy", [1]), "columns"),
        (("ab", "x", [1, 2]), "columns"),
        (("ab", "xy", [1, "high"]), "score"),
        (("ab", "xy", [1, float("inf")]), "score"),
        (("aa", "xx", [1, 2]), "pair_twice"),
        (("ab", "xy", [None, float("nan")]), "no_ratings"),
    ],
)
def test_rows_refused(columns: tuple[str, str, list[object]], code: str) -> None:
    """Faulty columns in memory are refused by name."""
    with pytest.raises(ScoringError) as caught:
        Ratings.from_rows(*columns)
    assert caught.value.code == code
