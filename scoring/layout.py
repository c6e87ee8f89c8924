"""Ratings as a sparse table in an order that depends on the data alone, never on labels.

The random numbers of the posterior belong to places in this order, so renaming dossiers or
reviewers can't move a chance. The order comes from colour refinement (Weisfeiler and Leman 1968)
of the review graph with score ranks on its edges: two dossiers end in one class only if no
sequence of "who rated it how, and what else did those rate" tells them apart, and then they must
get the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scoring.arrays import Floats, Integers
    from scoring.ratings import Ratings

ROUNDS = 64  # of refinement; it settles after a handful on any graph that is not a long path


@dataclass(frozen=True, eq=False)
class Side:
    """One factor of the table: `order[k]` is the id index of level k, `group[k]` its class."""

    order: Integers
    group: Integers

    def __len__(self) -> int:
        return len(self.order)

    def scatter(self, values: Floats) -> Floats:
        """Return values (levels, ...) in the order of the ids."""
        out = np.empty_like(values)
        out[self.order] = values
        return out


@dataclass(frozen=True, eq=False)
class Layout:
    """n ratings sorted by level of `rows`, then of `cols`; `rows` has at least as many levels.

    `row`, `col` (n,) are the levels, `score` (n,) the scores less `center`, divided by `unit`, so
    that neither an offset nor the scale of measurement costs digits. `swapped` says that the rows
    are the reviewers. A factor that the data can't speak of is collapsed to one level
    (`live` False for it).
    """

    row: Integers
    col: Integers
    score: Floats
    rows: Side
    cols: Side
    swapped: bool
    live: tuple[bool, bool]
    center: float
    unit: float
    indptr: Integers

    def __len__(self) -> int:
        return len(self.score)

    def table(self, weight: Floats) -> sparse.csr_array:
        """Return the weights (n,) as a sparse (rows, cols) matrix."""
        shape = (len(self.rows), len(self.cols))
        return sparse.csr_array((weight, self.col.astype(self.indptr.dtype), self.indptr), shape)


def lay_out(ratings: Ratings, *, dossiers: bool = True, reviewers: bool = True) -> Layout:
    """Return the layout of ratings; a factor given as False is collapsed to a single level."""
    center, unit = _standard(ratings.score)
    ranks = np.unique(ratings.score, return_inverse=True)[1].astype(np.uint64)
    left, right = _refine(ratings, ranks)
    sides = [_side(left, len(ratings.dossiers)), _side(right, len(ratings.reviewers))]
    codes = [_places(sides[0])[ratings.dossier], _places(sides[1])[ratings.reviewer]]
    for which, kept in enumerate((dossiers, reviewers)):
        if not kept:
            sides[which] = Side(np.zeros(1, np.int64), np.zeros(1, np.int64))
            codes[which] = np.zeros(len(ratings), np.int64)
    swapped = len(sides[1]) > len(sides[0])
    big, small = (1, 0) if swapped else (0, 1)
    order = np.lexsort((ratings.score, codes[small], codes[big]))
    row, col = codes[big][order], codes[small][order]
    counts = np.bincount(row, minlength=len(sides[big]))
    index = np.int32 if len(ratings) < 2**31 else np.int64
    return Layout(
        row=row,
        col=col,
        score=(ratings.score[order] - center) / unit,
        rows=sides[big],
        cols=sides[small],
        swapped=swapped,
        live=(reviewers, dossiers) if swapped else (dossiers, reviewers),
        center=center,
        unit=unit,
        indptr=np.concatenate(([0], np.cumsum(counts))).astype(index),
    )


def _standard(score: Floats) -> tuple[float, float]:
    """Return an offset and a power of two near the spread: dividing by it is exact.

    The sums run over the sorted scores, so that the order of the input leaves no trace.
    """
    ordered = np.sort(score)
    center = float(ordered.mean())
    spread = float(np.sqrt(np.mean((ordered - center) ** 2)))
    if not spread > 1e-12 * max(abs(center), float(np.abs(ordered).max()), 1e-300):
        return center, 1.0
    return center, float(2.0 ** np.round(np.log2(spread)))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of splitmix64 (Steele, Lea and Flood 2014), modulo 2^64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _refine(
    ratings: Ratings, ranks: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return a colour for every dossier and every reviewer."""
    edge = _mix(ranks)
    by_reviewer = np.argsort(ratings.reviewer, kind="stable")
    starts = [
        np.searchsorted(ratings.dossier, np.arange(len(ratings.dossiers))),
        np.searchsorted(ratings.reviewer[by_reviewer], np.arange(len(ratings.reviewers))),
    ]
    left = np.zeros(len(ratings.dossiers), np.uint64)
    right = np.ones(len(ratings.reviewers), np.uint64)
    known = (0, 0)
    for _ in range(ROUNDS):
        toward_left = _mix(edge ^ _mix(right)[ratings.reviewer])
        toward_right = _mix(edge ^ _mix(left)[ratings.dossier])
        left = _mix(left) + np.add.reduceat(toward_left, starts[0])
        right = _mix(right) + np.add.reduceat(toward_right[by_reviewer], starts[1])
        classes = (len(np.unique(left)), len(np.unique(right)))
        if classes == known or classes == (len(left), len(right)):
            break
        known = classes
    return left, right


def _side(colour: NDArray[np.uint64], levels: int) -> Side:
    order = np.argsort(colour, kind="stable")
    sorted_colour = colour[order]
    group = np.zeros(levels, np.int64)
    group[1:] = np.cumsum(sorted_colour[1:] != sorted_colour[:-1])
    return Side(order.astype(np.int64), group)


def _places(side: Side) -> Integers:
    places = np.empty(len(side), np.int64)
    places[side.order] = np.arange(len(side))
    return places
