"""The comparison of methods on simulated rounds, and its table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scoring.errors import ScoringError
from scoring.simulate_methods import estimates, precision
from scoring.simulate_rounds import SETTINGS, Setting, simulate_round

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

TOP = 31


@dataclass(frozen=True)
class Outcome:
    """Top-K precision of each method in one setting, `rounds` values each."""

    setting: Setting
    precisions: Mapping[str, NDArray[np.float64]]

    def mean(self, method: str) -> float:
        """Return a method's mean precision."""
        return float(self.precisions[method].mean())

    def error(self, method: str, against: str | None = None) -> float:
        """Return the standard error of a mean, or of its difference to another method's.

        The methods see the same rounds, so that a difference is known far better than a mean.
        """
        values = self.precisions[method]
        if against is not None:
            values = values - self.precisions[against]
        return float(values.std(ddof=1) / np.sqrt(len(values)))


def simulate(
    rounds: int = 100,
    seed: int = 0,
    *,
    settings: Sequence[Setting] = SETTINGS,
    top: int = TOP,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Return the methods' top-K precision in every setting; a pure function of `seed`.

    `progress` is told how many rounds of how many are done. ScoringError "rounds" for fewer than
    two rounds, which have no standard error, "top" for more places than dossiers, "seed".
    """
    if rounds < 2:
        raise ScoringError("rounds", f"it takes two rounds, not {rounds}", rounds=rounds)
    if not all(1 <= top <= setting.dossiers for setting in settings):
        raise ScoringError("top", f"no round has {top} places for its dossiers", top=top)
    if seed < 0:
        raise ScoringError("seed", f"the seed must not be negative, not {seed}", seed=seed)
    outcomes = []
    for number, setting in enumerate(settings):
        found: defaultdict[str, list[float]] = defaultdict(list)
        for turn in range(rounds):
            truth = simulate_round(setting, np.random.default_rng([seed, number, turn]))
            for name, values in estimates(truth).items():
                found[name].append(precision(values, truth.quality, top))
            if progress is not None:
                progress(number * rounds + turn + 1, rounds * len(settings))
        outcomes.append(Outcome(setting, {name: np.array(v) for name, v in found.items()}))
    return outcomes


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table, standard errors in parentheses."""
    names = list(outcomes[0].precisions)
    lines = [
        "| setting | " + " | ".join(names) + " | auto − REML BLUP |",
        "|---|" + "---|" * (len(names) + 1),
    ]
    for outcome in outcomes:
        cells = [f"{outcome.mean(name):.3f} ({outcome.error(name):.3f})" for name in names]
        gain = outcome.mean("auto") - outcome.mean("REML BLUP")
        cells.append(f"{gain:+.4f} ({outcome.error('auto', 'REML BLUP'):.4f})")
        lines.append(f"| {outcome.setting.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
