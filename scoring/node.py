"""All of the posterior at one τ_u: one eigendecomposition serves every τ_v.

With V = W⁻¹ + τ_u Z_u Z_u' and the mean projected out, the reduced matrix of v is K = U Λ U'; for
any τ_v the conditional variance of v is U diag(τ_v / (1 + τ_v λ)) U', and likelihood, means and
variances follow without another factorisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scoring.equations import Equations

if TYPE_CHECKING:
    from scoring.arrays import Floats
    from scoring.layout import Layout
    from scoring.streams import Stream


class Node:
    """All of the posterior at one τ_u and one set of weights, for any number of τ_v."""

    def __init__(self, layout: Layout, tau: float, weight: Floats) -> None:
        frame = Equations(layout, (tau, 0.0), weight)
        self.tau = tau
        self.pull = tau * frame.gain
        self.gain = frame.gain
        self.row_sum = frame.row_sum
        reduced = frame.reduced()
        self.corner = float(reduced[0, 0])
        self.edge = reduced[0, 1:] / self.corner
        body = reduced[1:, 1:] - self.corner * np.outer(self.edge, self.edge)
        values, self.vectors = np.linalg.eigh((body + body.T) / 2)
        self.values = np.maximum(values, 0.0)
        weighted = weight * layout.score
        self.by_row = frame.sum_rows(weighted)
        shrunk = self.by_row * self.gain
        right = frame.sum_cols(weighted) - frame.table.T @ (tau * shrunk)
        self.right = float(shrunk.sum())
        self.turned = self.vectors.T @ (right - self.edge * self.right)
        self.square = float(weighted @ layout.score - self.by_row @ (tau * shrunk))
        self.square -= self.right**2 / self.corner
        self.logs = float(np.log(self.corner) - np.log(self.gain).sum() - np.log(weight).sum())
        self.table = frame.table
        self.across = self.table @ self.vectors - np.outer(
            self.row_sum, self.edge @ self.vectors
        )  # how v, the mean fitted to it, enters u
        self.freedom = len(layout) - 1

    def kept(self, tau: Floats) -> Floats:
        """Return the conditional variances of v along the eigenvectors, (columns, nodes)."""
        kept: Floats = tau / (1.0 + np.multiply.outer(self.values, tau))
        return kept

    def quadratic(self, tau: Floats) -> Floats:
        """Return y'Py for each τ_v."""
        left: Floats = np.maximum(self.square - (self.turned**2) @ self.kept(tau), 1e-300)
        return left

    def criterion(self, tau: Floats) -> Floats:
        """Return −2 log L_R, the noise profiled out, up to a constant, for each τ_v."""
        logs = np.log1p(np.multiply.outer(self.values, tau)).sum(axis=0) + self.logs
        values: Floats = self.freedom * np.log(self.quadratic(tau)) + logs
        return values

    def centers(self, tau: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the conditional means of μ (nodes,), u (rows, nodes) and v (columns, nodes)."""
        turned = self.kept(tau) * self.turned[:, None]
        col = self.vectors @ turned
        mean = self.right / self.corner - self.edge @ col
        fixed = self.by_row - self.row_sum * (self.right / self.corner)
        row = self.pull[:, None] * (fixed[:, None] - self.across @ turned)
        return mean, row, col

    def variances(
        self, tau: Floats
    ) -> tuple[
        Floats,
        Floats,
        Floats,
        Floats,
        Floats,
    ]:
        """Return variances of μ, u, v, μ + u and μ + v in noise units, for each τ_v."""
        kept = self.kept(tau)
        turned_edge = self.edge @ self.vectors
        known = 1.0 / self.corner
        pull = self.pull[:, None]
        row = pull + pull**2 * ((self.row_sum**2 * known)[:, None] + self.across**2 @ kept)
        left = turned_edge + pull * self.across
        row_total = pull + (self.gain**2 * known)[:, None] + left**2 @ kept
        col = self.vectors**2 @ kept
        col_total = known + (self.vectors - turned_edge) ** 2 @ kept
        return known + turned_edge**2 @ kept, row, col, row_total, col_total

    def deviations(self, tau: Floats, stream: Stream) -> tuple[Floats, Floats, Floats]:
        """Return one draw of (μ, u, v) less its center for each τ_v, in units of the noise SD."""
        count = len(tau)
        turned = np.sqrt(self.kept(tau)) * stream.normal(count, len(self.values)).T
        free = stream.normal(count) / np.sqrt(self.corner)
        own = stream.normal(count, len(self.pull)).T * np.sqrt(self.pull)[:, None]
        col = self.vectors @ turned
        moved = self.across @ turned + np.multiply.outer(self.row_sum, free)
        return free - self.edge @ col, own - self.pull[:, None] * moved, col
