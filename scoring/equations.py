"""Henderson's mixed model equations, exactly: the factor with more levels is eliminated.

In units of the common noise variance the model is y = μ + u + v + ε, with u ~ N(0, τ_u) over the
levels of the rows, v ~ N(0, τ_v) over those of the columns, Var ε_k = 1/w_k. Eliminating u, which
is diagonal, leaves the Schur complement S of the mean and of v/√τ_v, a dense symmetric matrix of
1 + (column levels). Scaling by √τ keeps everything defined where a variance is exactly zero
(the parametrisation of Bates, Mächler, Bolker and Walker 2015, J. Stat. Softw. 67(1)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from scoring.layout import Layout
    from scoring.streams import Stream

DENSE = 0.05  # filled share of a large table from which dense products are the faster ones
CHUNK = 2**22  # numbers in a temporary block, 32 MiB


@dataclass(frozen=True, eq=False)
class Solution:
    """μ, u (rows, ...) and v (columns, ...) that solve the equations for a right-hand side."""

    mean: NDArray[np.float64]
    row: NDArray[np.float64]
    col: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spread:
    """Conditional variances in noise units, the mean taken as known unless said.

    `row`, `col` are those of u and v; `mean` that of μ; `row_lean`, `col_lean` how much u and v
    move when μ does; `rating` (n,) the variance of μ + u + v with the mean's own included, the
    leverage of a rating being weight times that.
    """

    mean: float
    row: NDArray[np.float64]
    col: NDArray[np.float64]
    row_lean: NDArray[np.float64]
    col_lean: NDArray[np.float64]
    rating: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deviations:
    """Joint draws of u and v less their means, (levels, k), in units of the noise SD.

    `square` holds for u and v the sum over the draws of the squared conditional mean given the
    other factor, the mean known; None where exact variances make it needless.
    """

    row: NDArray[np.float64]
    col: NDArray[np.float64]
    square: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What the draws so far say about variances: sums of `Deviations.square` over `count`."""

    square: tuple[NDArray[np.float64], NDArray[np.float64]]
    count: int


class Equations:
    """The equations of one layout at one (τ_u, τ_v, w); factored on construction."""

    def __init__(
        self, layout: Layout, tau: tuple[float, float], weight: NDArray[np.float64]
    ) -> None:
        self.layout = layout
        self.tau = tau
        self.weight = weight
        self.table = layout.table(weight)
        self.row_sum = np.bincount(layout.row, weight, len(layout.rows))
        self.col_sum = np.bincount(layout.col, weight, len(layout.cols))
        self.gain = 1.0 / (1.0 + tau[0] * self.row_sum)  # share of a row's variance that is left
        self.col_root = float(np.sqrt(tau[1]))
        root = np.concatenate(([1.0], np.full(len(layout.cols), self.col_root)))
        schur = self.reduced() * root[:, None] * root
        schur[np.diag_indices_from(schur)] += np.concatenate(([0.0], np.ones(len(layout.cols))))
        factor, info = lapack.dpotrf(schur, lower=1, clean=1, overwrite_a=1)
        if info != 0:  # pragma: no cover - the matrix is positive definite by construction
            raise ArithmeticError(f"the Schur complement is not positive definite at {tau}")
        self.factor: NDArray[np.float64] = factor
        self._root = root
        self._inverse: NDArray[np.float64] | None = None

    def _crossed(self, scale: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return N' diag(scale) N, dense, for N the table of weights."""
        rows, cols = self.table.shape
        if rows * cols <= CHUNK or self.table.nnz > DENSE * rows * cols:
            out = np.zeros((cols, cols))
            step = max(1, CHUNK // cols)
            for start in range(0, rows, step):
                block = self._block(start, start + step)
                out += block.T @ (block * scale[start : start + step, None])
            return out
        scaled = self.table.copy()
        scaled.data = scaled.data * np.repeat(scale, np.diff(self.table.indptr))
        product: NDArray[np.float64] = (self.table.T @ scaled).toarray()
        return product

    def _block(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return some rows of the table, dense."""
        layout = self.layout
        stop = min(stop, len(layout.rows))
        first, last = layout.indptr[start], layout.indptr[stop]
        block = np.zeros((stop - start, len(layout.cols)))
        block[layout.row[first:last] - start, layout.col[first:last]] = self.weight[first:last]
        return block

    def _bordered(
        self, corner: float, edge: NDArray[np.float64], body: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        out = np.empty((len(edge) + 1, len(edge) + 1))
        out[0, 0] = corner
        out[0, 1:] = out[1:, 0] = edge
        out[1:, 1:] = body
        return out

    def reduced(self) -> NDArray[np.float64]:
        """Return X'V⁻¹X for X = [1, Z_v] and V = W⁻¹ + τ_u Z_u Z_u'."""
        body = -self._crossed(self.tau[0] * self.gain)
        body[np.diag_indices_from(body)] += self.col_sum
        return self._bordered(float(self.row_sum @ self.gain), self.table.T @ self.gain, body)

    @property
    def inverse(self) -> NDArray[np.float64]:
        """S⁻¹: the joint conditional covariance of μ and v/√τ_v, in noise units."""
        if self._inverse is None:
            inverse, _ = lapack.dpotri(self.factor, lower=1)
            lower = np.tril(inverse, -1)
            self._inverse = lower + lower.T
            self._inverse[np.diag_indices_from(lower)] = np.diagonal(inverse)
        return self._inverse

    @property
    def log_determinant(self) -> float:
        """log |S| + log |1 + τ_u Z_u'WZ_u| − Σ log w."""
        return float(
            2 * np.log(np.diagonal(self.factor)).sum()
            - np.log(self.gain).sum()
            - np.log(self.weight).sum()
        )

    def solve(self, values: NDArray[np.float64]) -> Solution:
        """Return the solution for data `values` (n,) or (n, k) in place of the scores."""
        weighted = (values.T * self.weight).T
        by_row = self.sum_rows(weighted)
        by_col = self.sum_cols(weighted)
        shrunk = (by_row.T * self.gain).T
        flow = by_col - self.table.T @ ((shrunk.T * self.tau[0]).T)
        right = np.concatenate((shrunk.sum(axis=0)[None], self.col_root * flow))
        found, _ = lapack.dpotrs(self.factor, right, lower=1)
        found = found.reshape(right.shape)
        return self._complete(by_row, found[0], self.col_root * found[1:])

    def _complete(
        self, by_row: NDArray[np.float64], mean: NDArray[np.float64], col: NDArray[np.float64]
    ) -> Solution:
        left = by_row - np.multiply.outer(self.row_sum, mean) - self.table @ col
        return Solution(mean, (left.T * (self.tau[0] * self.gain)).T, col)

    def fitted(self, solution: Solution) -> NDArray[np.float64]:
        """Return μ + u + v for each rating (n, ...)."""
        return solution.mean + solution.row[self.layout.row] + solution.col[self.layout.col]

    def deviations(self, count: int, stream: Stream) -> Deviations:
        """Return `count` joint draws of u and v less their means, in units of the noise SD."""
        raw = np.asfortranarray(stream.normal(count, len(self.factor)).T)
        found, _ = lapack.dtrtrs(self.factor, raw, lower=1, trans=1, overwrite_b=1)
        own = stream.normal(count, len(self.row_sum)).T
        own *= np.sqrt(self.tau[0] * self.gain)[:, None]
        zero = np.zeros((len(self.row_sum), count))
        moved = self._complete(zero, found[0], self.col_root * found[1:])
        return Deviations(moved.row + own, moved.col)

    def spread(self, seen: Seen | None = None) -> Spread:  # noqa: ARG002 - needs no draws
        """Return the exact conditional variances."""
        layout, inverse = self.layout, self.inverse
        mean = float(inverse[0, 0])
        lean = self.col_root * inverse[1:, 0] / mean
        known = self.tau[1] * inverse[1:, 1:] - mean * np.outer(lean, lean)
        through = np.empty(len(layout))
        step = max(1, CHUNK // len(layout.cols))
        for start in range(0, len(layout.rows), step):
            block = self.table[start : start + step] @ known
            first, last = layout.indptr[start], layout.indptr[min(start + step, len(layout.rows))]
            through[first:last] = block[layout.row[first:last] - start, layout.col[first:last]]
        pull = self.tau[0] * self.gain
        square = self.sum_rows(self.weight * through)
        row = pull + pull**2 * square
        col = np.diagonal(known).copy()
        row_lean = -pull * (self.row_sum + self.table @ lean)
        i, j = layout.row, layout.col
        rating = row[i] + col[j] - 2 * pull[i] * through + mean * (1 + row_lean[i] + lean[j]) ** 2
        return Spread(mean, row, col, row_lean, lean, rating)

    def sum_rows(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Z_u'·values for values (n,) or (n, k)."""
        return _sums(self.layout.row, values, len(self.layout.rows))

    def sum_cols(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Z_v'·values for values (n,) or (n, k)."""
        return _sums(self.layout.col, values, len(self.layout.cols))

    def traces(self) -> tuple[float, float]:
        """Return tr(P Z_u Z_u') and tr(P Z_v Z_v'), without cancellation near zero variances."""
        scaled = self.inverse * self._root[:, None] * self._root
        edge = self.row_sum * self.gain**2
        squares = self._bordered(
            float((self.row_sum * self.gain) @ (self.row_sum * self.gain)),
            self.table.T @ edge,
            self._crossed(self.gain**2),
        )
        row = float(self.row_sum @ self.gain) - float((scaled * squares).sum())
        if self.tau[1] > 0:
            free = np.diagonal(self.inverse)[1:]
            return row, float((1.0 - free).sum()) / self.tau[1]
        reduced = self.reduced()
        through = float(reduced[0, 1:] @ reduced[0, 1:]) / reduced[0, 0]
        return row, float(np.diagonal(reduced)[1:].sum()) - through


def _sums(
    level: NDArray[np.int64], values: NDArray[np.float64], levels: int
) -> NDArray[np.float64]:
    if values.ndim == 1:
        return np.bincount(level, values, levels)
    return np.stack([np.bincount(level, column, levels) for column in values.T], axis=1)
