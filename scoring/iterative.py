"""The mixed model equations of large rounds, by conjugate gradients and stochastic traces.

With both factors scaled to unit diagonal their coupling is a sparse matrix B, and the reduced
system of the columns is I − B'B: all eigenvalues lie in (0, 1], and a handful of iterations
solves for any number of right-hand sides at once. Traces of the inverse come from Rademacher
probes (Hutchinson 1990, Commun. Stat. Simul. 19) with tr(B'B) and tr((B'B)²), which are known
exactly, as control variates; probes are added until the traces are good to TRACE. Conditional
variances come from belief propagation, exact on trees and so nearly exact on large sparse graphs
(Weiss and Freeman 2001, Neural Comput. 13), corrected by Rao–Blackwellised draws where short
cycles spoil it (Sidén, Lindgren, Bolin and Villani 2018, J. Comput. Graph. Stat. 27).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scoring.equations import Deviations, Solution, Spread, sums_by
from scoring.streams import Stream

if TYPE_CHECKING:
    from scoring.arrays import Floats
    from scoring.equations import Seen
    from scoring.layout import Layout

EXACT, ROUGH = 1e-10, 1e-3  # relative residuals: of estimates, of probes and draws
ITERATIONS = 2000
PROBES, MOST_PROBES = 16, 256
PROBE_SEED = 20220101
TRACE = 2e-5  # relative standard error of a trace
BELIEF_ROUNDS = 300
BELIEF = 1e-9
DOUBT = 1.3  # times the noise of the draws: from there their disagreement is believed
BLOCK = 2**22  # numbers in a block of right-hand sides


@dataclass(frozen=True, eq=False)
class Traces:
    """tr of the scaled conditional covariances of u and v, the mean known, and their errors."""

    row: float
    col: float
    error: float
    probes: int


class IterativeEquations:
    """As `Equations`, for more column levels than a dense matrix can hold."""

    def __init__(self, layout: Layout, tau: tuple[float, float], weight: Floats) -> None:
        self.layout = layout
        self.tau = tau
        self.weight = weight
        self.table = layout.table(weight)
        self.across = self.table.T.tocsr()
        self.row_sum = np.bincount(layout.row, weight, len(layout.rows))
        self.col_sum = np.bincount(layout.col, weight, len(layout.cols))
        self.gain = 1.0 / (1.0 + tau[0] * self.row_sum)
        self.col_gain = 1.0 / (1.0 + tau[1] * self.col_sum)
        self.log_determinant = np.nan
        coupling = weight * np.sqrt(tau[0] * self.gain)[layout.row]
        coupling *= np.sqrt(tau[1] * self.col_gain)[layout.col]
        self.coupling = layout.table(coupling)
        self.coupled = self.coupling.T.tocsr()
        row, col = self._known(weight, EXACT)
        self.flat = weight * (1.0 - row[layout.row] - col[layout.col])  # V⁻¹1
        self.mean_precision = float(self.flat.sum())
        self.row_lean, self.col_lean = -row, -col

    def _solve(self, right: Floats, tolerance: float) -> Floats:
        """Return (I − B'B)⁻¹ right for right (cols, k), all columns at once."""
        found = np.zeros_like(right)
        rest, way = right.copy(), right.copy()
        size = np.einsum("ij,ij->j", rest, rest)
        enough = np.maximum(size, 1e-300) * tolerance**2
        for _ in range(ITERATIONS):
            if (size <= enough).all():
                break
            image = self.coupled @ (self.coupling @ way)
            np.subtract(way, image, out=image)
            bend = np.einsum("ij,ij->j", way, image)
            step = size / np.where(bend > 0, bend, 1.0)
            found += step * way
            image *= step
            rest -= image
            following = np.einsum("ij,ij->j", rest, rest)
            way *= following / np.where(size > 0, size, 1.0)
            way += rest
            size = following
        return found

    def _effects(self, by_row: Floats, by_col: Floats, tolerance: float) -> tuple[Floats, Floats]:
        """Return u and v, (levels, k), for sums of weighted data, the mean known to be 0."""
        pull = (self.tau[0] * self.gain)[:, None]
        root = np.sqrt(self.tau[1] * self.col_gain)[:, None]
        col = root * self._solve(root * (by_col - self.across @ (pull * by_row)), tolerance)
        return pull * (by_row - self.table @ col), col

    def _known(self, weighted: Floats, tolerance: float) -> tuple[Floats, Floats]:
        by_row = self.sum_rows(weighted).reshape(len(self.row_sum), -1)
        by_col = self.sum_cols(weighted).reshape(len(self.col_sum), -1)
        row, col = self._effects(by_row, by_col, tolerance)
        shape = weighted.shape[1:]
        return row.reshape(-1, *shape), col.reshape(-1, *shape)

    def solve(self, values: Floats) -> Solution:
        """Return the solution for data `values` (n,) or (n, k) in place of the scores."""
        row, col = self._known((values.T * self.weight).T, EXACT)
        mean = np.asarray(self.flat @ values / self.mean_precision)
        return Solution(
            mean,
            row + np.multiply.outer(self.row_lean, mean),
            col + np.multiply.outer(self.col_lean, mean),
        )

    def fitted(self, solution: Solution) -> Floats:
        """Return μ + u + v for each rating (n, ...)."""
        return solution.mean + solution.row[self.layout.row] + solution.col[self.layout.col]

    def sum_rows(self, values: Floats) -> Floats:
        """Return Z_u'·values for values (n,) or (n, k)."""
        return np.add.reduceat(values, self.layout.indptr[:-1], axis=0)

    def sum_cols(self, values: Floats) -> Floats:
        """Return Z_v'·values for values (n,) or (n, k)."""
        return sums_by(self.layout.col, values, len(self.layout.cols))

    def traces(self) -> tuple[float, float]:
        """Return tr(P Z_u Z_u') and tr(P Z_v Z_v')."""
        flat = [self.sum_rows(self.flat), self.sum_cols(self.flat)]
        through_mean = [float(part @ part) / self.mean_precision for part in flat]
        squares = self.weight**2
        if min(self.tau) > 0:
            known = self.covariance_traces()
            row = (len(self.row_sum) - known.row) / self.tau[0]
            col = (len(self.col_sum) - known.col) / self.tau[1]
        else:  # the factor at zero leaves the other one diagonal
            row_pull, col_pull = self.tau[0] * self.gain, self.tau[1] * self.col_gain
            row = float((self.row_sum * self.gain).sum())
            row -= float(squares @ col_pull[self.layout.col])
            col = float((self.col_sum * self.col_gain).sum())
            col -= float(squares @ row_pull[self.layout.row])
        return row - through_mean[0], col - through_mean[1]

    def covariance_traces(self) -> Traces:
        """Return the traces, with as many probes as their precision needs."""
        squared = self.coupling.copy()
        squared.data = squared.data**2
        own_row, own_col = self.gain, self.col_gain
        product = (self.coupled @ self.coupling).tocsr()
        known = np.array(
            [
                [float(own_row @ (squared @ np.ones(len(own_col)))), 0.0],
                [float(own_col @ (squared.T @ np.ones(len(own_row)))), 0.0],
            ]
        )
        entry = product.data**2
        rows = np.repeat(np.arange(len(own_col)), np.diff(product.indptr))
        known[1, 1] = float(entry @ own_col[rows])
        scaled = self.coupling.copy()
        scaled.data = scaled.data * np.repeat(own_row, np.diff(scaled.indptr))
        known[0, 1] = float((scaled.T @ self.coupling).multiply(product).sum())
        samples: list[Floats] = []
        stream = Stream(PROBE_SEED, len(own_col))
        while True:
            count = min(PROBES, max(1, BLOCK // len(own_col)))
            samples.append(self._probe(np.sign(stream.uniform(count, len(own_col)).T - 0.5)))
            gathered = np.concatenate(samples, axis=2)
            row, row_error = _controlled(gathered[0], known[0])
            col, col_error = _controlled(gathered[1], known[1])
            row += float(own_row.sum())
            error = max(row_error / row, col_error / col)
            if gathered.shape[2] >= PROBES and (error < TRACE or gathered.shape[2] >= MOST_PROBES):
                return Traces(row, col, error, gathered.shape[2])

    def _probe(self, probe: Floats) -> Floats:
        """Return (2, 3, k): both traces' samples, and those of their two control variates."""
        found = self._solve(probe, ROUGH)
        once = self.coupling @ probe
        twice = self.coupled @ once
        thrice = self.coupling @ twice
        weigh_row, weigh_col = self.gain[:, None], self.col_gain[:, None]
        seen = weigh_row * once
        return np.array(
            [
                [
                    (seen * (self.coupling @ found)).sum(axis=0),
                    (seen * once).sum(axis=0),
                    (seen * thrice).sum(axis=0),
                ],
                [
                    (weigh_col * probe * found).sum(axis=0),
                    (weigh_col * probe * twice).sum(axis=0),
                    (weigh_col * twice * twice).sum(axis=0),
                ],
            ]
        )

    def deviations(self, count: int, stream: Stream) -> Deviations:
        """Return `count` joint draws of u and v less their means, in units of the noise SD.

        Data simulated from the model, less what their own solution recovers, have the posterior's
        covariance (Papandreou and Yuille 2010, NIPS 23).
        """
        layout = self.layout
        row = np.empty((len(layout.rows), count))
        col = np.empty((len(layout.cols), count))
        by_row, by_col = np.empty_like(row), np.empty_like(col)
        root = np.sqrt(self.weight)
        for k in range(count):
            row[:, k] = np.sqrt(self.tau[0]) * stream.normal(len(row))
            col[:, k] = np.sqrt(self.tau[1]) * stream.normal(len(col))
            data = root * stream.normal(len(layout))
            data += self.weight * (row[layout.row, k] + col[layout.col, k])
            by_row[:, k] = self.sum_rows(data)
            by_col[:, k] = self.sum_cols(data)
        found = self._effects(by_row, by_col, ROUGH)
        row -= found[0]
        col -= found[1]
        row_pull, col_pull = self.tau[0] * self.gain, self.tau[1] * self.col_gain
        row_through = row_pull[:, None] * (self.table @ col)
        col_through = col_pull[:, None] * (self.across @ row)
        square = (
            np.einsum("ij,ij->i", row_through, row_through),
            np.einsum("ij,ij->i", col_through, col_through),
        )
        shift = stream.normal(count) / np.sqrt(self.mean_precision)
        row += np.multiply.outer(self.row_lean, shift)
        col += np.multiply.outer(self.col_lean, shift)
        return Deviations(row, col, square)

    def spread(self, seen: Seen | None = None) -> Spread:
        """Return the conditional variances, corrected by the draws seen so far."""
        row, col, both = self._beliefs()
        if seen is not None and seen.count > 1 and min(self.tau) > 0:
            row = _corrected(row, self.tau[0] * self.gain, seen.square[0], seen.count)
            col = _corrected(col, self.tau[1] * self.col_gain, seen.square[1], seen.count)
        mean = 1.0 / self.mean_precision
        lean = 1 + self.row_lean[self.layout.row] + self.col_lean[self.layout.col]
        return Spread(mean, row, col, self.row_lean, self.col_lean, both + mean * lean**2)

    def _beliefs(
        self,
    ) -> tuple[Floats, Floats, Floats]:
        """Return variances of u, v and of u + v for each rating, the mean known.

        Messages are the cavity precisions of the two ends of each rating.
        """
        i, j = self.layout.row, self.layout.col
        if min(self.tau) == 0:
            row, col = self.tau[0] * self.gain, self.tau[1] * self.col_gain
            return row, col, row[i] + col[j]
        square = self.weight**2
        own_row = 1 / self.tau[0] + self.row_sum
        own_col = 1 / self.tau[1] + self.col_sum
        from_row, from_col = own_row[i], own_col[j]
        for _ in range(BELIEF_ROUNDS):
            told = square / from_col
            following = own_row[i] - self.sum_rows(told)[i] + told
            change = float(np.abs(following / from_row - 1).max())
            from_row = following
            told = square / from_row
            from_col = own_col[j] - self.sum_cols(told)[j] + told
            if change < BELIEF:
                break
        both = (from_row + from_col - 2 * self.weight) / (from_row * from_col - square)
        row = 1 / (own_row - self.sum_rows(square / from_col))
        col = 1 / (own_col - self.sum_cols(square / from_row))
        return row, col, both


def _controlled(samples: Floats, known: Floats) -> tuple[float, float]:
    """Return a mean and its standard error by regression on controls of known mean, (3, k)."""
    target, controls = samples[0], samples[1:].T - known
    frame = np.column_stack((np.ones(len(target)), controls))
    coefficient, *_ = np.linalg.lstsq(frame, target, rcond=None)
    rest = target - frame @ coefficient
    freedom = max(len(target) - 3, 1)
    return float(coefficient[0]), float(np.sqrt(rest @ rest / freedom / len(target)))


def _corrected(
    belief: Floats,
    own: Floats,
    square: Floats,
    count: int,
) -> Floats:
    """Return variances between belief propagation and draws, as far as the draws disagree.

    A level's draws give own + mean square; their ratio to the belief has known sampling noise.
    The mean ratio is always taken over, single ratios by the share of their spread that the noise
    does not explain.
    """
    through = square / count
    ratio = (own + through) / belief
    center = float(ratio.mean())
    noise = float(np.mean(2.0 / count * (through / belief) ** 2))
    spread = float(np.mean((ratio - center) ** 2))
    kept = 1.0 - noise / spread if spread > DOUBT * noise else 0.0
    corrected: Floats = belief * (center + kept * (ratio - center))
    return corrected
