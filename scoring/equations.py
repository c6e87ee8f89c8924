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
    from scipy import sparse

    from scoring.arrays import Floats, Integers
    from scoring.layout import Layout
    from scoring.streams import Stream

DENSE = 0.1  # filled share of a large table from which dense products are the faster ones
SMALL = 2**15  # cells of a table that is always treated as dense
CHUNK = 2**22  # numbers in a temporary block, 32 MiB


@dataclass(frozen=True, eq=False)
class Solution:
    """μ, u (rows, ...) and v (columns, ...) that solve the equations for a right-hand side."""

    mean: Floats
    row: Floats
    col: Floats


@dataclass(frozen=True, eq=False)
class Spread:
    """Conditional variances in noise units, the mean taken as known unless said.

    `row`, `col` are those of u and v; `mean` that of μ; `row_lean`, `col_lean` how much u and v
    move when μ does; `rating` (n,) the variance of μ + u + v with the mean's own included, the
    leverage of a rating being weight times that.
    """

    mean: float
    row: Floats
    col: Floats
    row_lean: Floats
    col_lean: Floats
    rating: Floats


@dataclass(frozen=True, eq=False)
class Deviations:
    """Joint draws of u and v less their means, (levels, k), in units of the noise SD.

    `square` holds for u and v the sum over the draws of the squared conditional mean given the
    other factor, the mean known; None where exact variances make it needless.
    """

    row: Floats
    col: Floats
    square: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What the draws so far say about variances: sums of `Deviations.square` over `count`."""

    square: tuple[Floats, Floats]
    count: int


class Equations:
    """The equations of one layout at one (τ_u, τ_v, w); factored on construction."""

    def __init__(self, layout: Layout, tau: tuple[float, float], weight: Floats) -> None:
        self.layout = layout
        self.tau = tau
        self.weight = weight
        self.table = layout.table(weight)
        self.row_sum = np.bincount(layout.row, weight, len(layout.rows))
        self.col_sum = np.bincount(layout.col, weight, len(layout.cols))
        self.gain = 1.0 / (1.0 + tau[0] * self.row_sum)  # share of a row's variance that is left
        self.col_root = float(np.sqrt(tau[1]))
        schur = self.reduced()
        schur[1:] *= self.col_root
        schur[:, 1:] *= self.col_root
        schur[np.diag_indices_from(schur)] += np.concatenate(([0.0], np.ones(len(layout.cols))))
        factor, info = lapack.dpotrf(schur.T, lower=1, clean=1, overwrite_a=1)
        if info != 0:  # pragma: no cover - the matrix is positive definite by construction
            raise ArithmeticError(f"the Schur complement is not positive definite at {tau}")
        self.factor: Floats = factor
        self._inverse: Floats | None = None
        self._spread: Spread | None = None

    def _crossed(self, scale: Floats) -> Floats:
        """Return N' diag(scale) N, dense, for N the table of weights."""
        rows, cols = self.table.shape
        if self._is_dense():
            out = np.zeros((cols, cols))
            step = max(1, CHUNK // cols)
            for start in range(0, rows, step):
                block = self._block(start, start + step)
                out += block.T @ (block * scale[start : start + step, None])
            return out
        product: Floats = self._crossed_sparsely(scale).toarray()
        return product

    def _crossed_sparsely(self, scale: Floats) -> sparse.csr_array:
        scaled = self.table.copy()
        scaled.data = scaled.data * scale[self.layout.row]
        return (self.table.T @ scaled).tocsr()

    def _is_dense(self) -> bool:
        rows, cols = self.table.shape
        return bool(rows * cols <= SMALL or len(self.weight) > DENSE * rows * cols)

    def _block(self, start: int, stop: int) -> Floats:
        """Return some rows of the table, dense."""
        layout = self.layout
        stop = min(stop, len(layout.rows))
        first, last = layout.indptr[start], layout.indptr[stop]
        block = np.zeros((stop - start, len(layout.cols)))
        block[layout.row[first:last] - start, layout.col[first:last]] = self.weight[first:last]
        return block

    def _bordered(self, corner: float, edge: Floats, body: Floats) -> Floats:
        out = np.empty((len(edge) + 1, len(edge) + 1))
        out[0, 0] = corner
        out[0, 1:] = out[1:, 0] = edge
        out[1:, 1:] = body
        return out

    def reduced(self) -> Floats:
        """Return X'V⁻¹X for X = [1, Z_v] and V = W⁻¹ + τ_u Z_u Z_u'."""
        body = -self._crossed(self.tau[0] * self.gain)
        body[np.diag_indices_from(body)] += self.col_sum
        return self._bordered(float(self.row_sum @ self.gain), self.table.T @ self.gain, body)

    @property
    def inverse(self) -> Floats:
        """S⁻¹: the joint conditional covariance of μ and v/√τ_v, in noise units."""
        if self._inverse is None:
            lower, _ = lapack.dpotri(self.factor, lower=1)  # the upper half is clean
            diagonal = np.diagonal(lower).copy()
            self._inverse = lower + lower.T
            self._inverse[np.diag_indices_from(lower)] = diagonal
        return self._inverse

    @property
    def log_determinant(self) -> float:
        """The sum log |S| + log |1 + τ_u Z_u'WZ_u| − Σ log w."""
        return float(
            2 * np.log(np.diagonal(self.factor)).sum()
            - np.log(self.gain).sum()
            - np.log(self.weight).sum()
        )

    def solve(self, values: Floats) -> Solution:
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

    def _complete(self, by_row: Floats, mean: Floats, col: Floats) -> Solution:
        left = by_row - np.multiply.outer(self.row_sum, mean) - self.table @ col
        return Solution(mean, (left.T * (self.tau[0] * self.gain)).T, col)

    def fitted(self, solution: Solution) -> Floats:
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
        if self._spread is None:
            self._spread = self._exact_spread()
        return self._spread

    def _exact_spread(self) -> Spread:
        layout, inverse = self.layout, self.inverse
        mean = float(inverse[0, 0])
        lean = self.col_root * inverse[1:, 0] / mean
        through = np.empty(len(layout))
        moved = self.table @ lean
        step = max(1, CHUNK // len(layout.cols))
        body = np.ascontiguousarray(inverse[1:, 1:])
        for start in range(0, len(layout.rows), step):
            block = self.table[start : start + step] @ body
            first, last = layout.indptr[start], layout.indptr[min(start + step, len(layout.rows))]
            through[first:last] = block[layout.row[first:last] - start, layout.col[first:last]]
        through = self.tau[1] * through - mean * moved[layout.row] * lean[layout.col]
        pull = self.tau[0] * self.gain
        square = self.sum_rows(self.weight * through)
        row = pull + pull**2 * square
        col = self.tau[1] * np.diagonal(body) - mean * lean**2
        row_lean = -pull * (self.row_sum + moved)
        i, j = layout.row, layout.col
        rating = row[i] + col[j] - 2 * pull[i] * through + mean * (1 + row_lean[i] + lean[j]) ** 2
        return Spread(mean, row, col, row_lean, lean, rating)

    def sum_rows(self, values: Floats) -> Floats:
        """Return Z_u'·values for values (n,) or (n, k)."""
        return sums_by(self.layout.row, values, len(self.layout.rows))

    def sum_cols(self, values: Floats) -> Floats:
        """Return Z_v'·values for values (n,) or (n, k)."""
        return sums_by(self.layout.col, values, len(self.layout.cols))

    def _overlap(self, scale: Floats) -> float:
        """Return the sum of S⁻¹ times N' diag(scale) N, cell by cell, over the columns."""
        if self._is_dense():
            return float(np.vdot(self.inverse[1:, 1:], self._crossed(scale)))
        product = self._crossed_sparsely(scale)
        rows = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
        return float(self.inverse[1 + rows, 1 + product.indices] @ product.data)

    def traces(self) -> tuple[float, float]:
        """Return tr(P Z_u Z_u') and tr(P Z_v Z_v'), without cancellation near zero variances."""
        corner = float((self.row_sum * self.gain) @ (self.row_sum * self.gain))
        edge = self.table.T @ (self.row_sum * self.gain**2)
        through = corner * float(self.inverse[0, 0])
        through += 2 * self.col_root * float(edge @ self.inverse[0, 1:])
        through += self.tau[1] * self._overlap(self.gain**2)
        row = float(self.row_sum @ self.gain) - through
        if self.tau[1] > 0:
            free = np.diagonal(self.inverse)[1:]
            return row, float((1.0 - free).sum()) / self.tau[1]
        reduced = self.reduced()
        through = float(reduced[0, 1:] @ reduced[0, 1:]) / reduced[0, 0]
        return row, float(np.diagonal(reduced)[1:].sum()) - through


def sums_by(level: Integers, values: Floats, levels: int) -> Floats:
    """Return sums of values (n,) or (n, k) over the ratings of each level."""
    if values.ndim == 1:
        sum_of_each: Floats = np.bincount(level, values, levels).astype(np.float64, copy=False)
        return sum_of_each
    sums = np.empty((levels, values.shape[1]))
    for place, column in enumerate(values.T):
        sums[:, place] = np.bincount(level, column, levels)
    return sums
