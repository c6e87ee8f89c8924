"""Random numbers whose bits never change: raw generator output, mapped by inverse functions.

The stream of a numpy bit generator is promised to stay as it is; that of `Generator.normal` is
not (NEP 19). So normals are made here, from raw bits through the inverse normal distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from scoring.arrays import Floats


class Stream:
    """One stream of a seed; streams of different names are independent."""

    def __init__(self, seed: int, name: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, name]))

    def uniform(self, *shape: int) -> Floats:
        """Return uniforms strictly inside (0, 1), multiples of 2⁻⁵³ shifted by half."""
        raw = self._bits.random_raw(int(np.prod(shape)))
        return ((raw >> np.uint64(11)).reshape(shape) + 0.5) * 2.0**-53

    def normal(self, *shape: int) -> Floats:
        """Return standard normals."""
        values: Floats = special.ndtri(self.uniform(*shape))
        return values

    def chi_square(self, freedom: Floats | float, *shape: int) -> Floats:
        """Return chi-squares; `freedom` broadcasts with the shape."""
        values: Floats = 2.0 * special.gammaincinv(np.asarray(freedom) / 2.0, self.uniform(*shape))
        return values
