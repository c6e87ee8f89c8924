"""Check that 95 % intervals cover 95 %, and that chances mean what they say.

Simulates rounds from the model itself (quality N(0, 1), leniency N(0, b²), noise SD 1, or times
exp(N(0, 0.4²)) for each reviewer; reviewers picked at random among the least loaded), fits each
with the defaults and compares with the truth. Prints coverage of the intervals of quality, of
adjusted scores and of leniency, what plug-in intervals would have covered, the Brier score of
`p_top` beside that of always saying K/D, and a reliability table; --plot draws the latter.
Fails where the coverage of quality lies outside 94 to 96 %, by more than its own standard error
explains, or where the chances are no better than always saying K/D.

Usage: python bench/coverage.py [--rounds 1000] [--only unequal] [--plot FILE.svg].
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from scoring.fit import fit
from scoring.ratings import Ratings

MEAN = 6.0
COVERAGE = (0.94, 0.96)
ALLOWANCE = 3  # standard errors: a short run must not fail for being short
BINS = 10


@dataclass(frozen=True)
class Setting:
    """A kind of round; `unequal` is the SD of the log noise SD, `share` of dossiers is listed."""

    name: str
    dossiers: int
    reviewers: int
    reviews: int
    leniency: float
    unequal: float = 0.0
    share: float = 0.2
    effort: float = 1.0  # of the asked-for number of rounds


SETTINGS = (
    Setting("equal noise, 155 x 60 x 5", 155, 60, 5, 1.0),
    Setting("unequal noise, 155 x 60 x 5", 155, 60, 5, 1.0, unequal=0.4),
    Setting("equal noise, 40 x 15 x 5", 40, 15, 5, 0.5, effort=0.5),
    Setting("unequal noise, 40 x 15 x 5", 40, 15, 5, 0.5, unequal=0.4, effort=0.5),
)


@dataclass
class Tally:
    """Sums over rounds of one setting."""

    covered: dict[str, list[float]] = field(default_factory=dict)
    brier: list[float] = field(default_factory=list)
    said: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    listed: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    number: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    expert: int = 0

    def broken(self, share: float) -> list[str]:
        """Return what does not hold; `share` of the dossiers is listed."""
        shares = self.covered["quality"]
        mean, error = float(np.mean(shares)), float(np.std(shares) / np.sqrt(len(shares)))
        out = []
        if not COVERAGE[0] - ALLOWANCE * error <= mean <= COVERAGE[1] + ALLOWANCE * error:
            out.append(f"95 % intervals of quality cover {100 * mean:.2f} %")
        if np.mean(self.brier) >= share * (1 - share):
            out.append("p_top tells no more than K/D")
        return out

    def note(self, name: str, inside: np.ndarray) -> None:
        """Add the share of a round's intervals that cover."""
        self.covered.setdefault(name, []).append(float(inside.mean()))


def deal(generator: np.random.Generator, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Return dossier and reviewer of every rating: reviewers at random among the least loaded."""
    load = np.zeros(setting.reviewers, int)
    reviewers = np.empty((setting.dossiers, setting.reviews), int)
    for row in reviewers:
        row[:] = np.lexsort((generator.random(setting.reviewers), load))[: setting.reviews]
        load[row] += 1
    return np.repeat(np.arange(setting.dossiers), setting.reviews), reviewers.ravel()


def one_round(generator: np.random.Generator, setting: Setting, tally: Tally) -> None:
    dossier, reviewer = deal(generator, setting)
    quality = generator.standard_normal(setting.dossiers)
    leniency = setting.leniency * generator.standard_normal(setting.reviewers)
    noise = np.exp(setting.unequal * generator.standard_normal(setting.reviewers))
    error = noise[reviewer] * generator.standard_normal(len(dossier))
    scores = MEAN + quality[dossier] + leniency[reviewer] + error
    ratings = Ratings.from_rows(
        [f"D{code:04d}" for code in dossier], [f"R{code:04d}" for code in reviewer], scores
    )
    places = round(setting.share * setting.dossiers)
    found = fit(ratings, top=places)
    rows, cols = found.dossiers, found.reviewers
    leniency = leniency[: len(ratings.reviewers)]
    tally.note("quality", (rows["low"] <= quality) & (quality <= rows["high"]))
    total = MEAN + quality
    tally.note("score", (rows["estimate_low"] <= total) & (total <= rows["estimate_high"]))
    tally.note("leniency", (cols["low"] <= leniency) & (leniency <= cols["high"]))
    tally.note("plug-in", np.abs(rows["effect"] - quality) <= 1.959964 * rows["se"])
    best = np.zeros(setting.dossiers)
    best[np.argsort(-quality)[:places]] = 1
    chance = rows["p_top"]
    tally.brier.append(float(np.mean((chance - best) ** 2)))
    which = np.minimum((chance * BINS).astype(int), BINS - 1)
    tally.said += np.bincount(which, chance, BINS)
    tally.listed += np.bincount(which, best, BINS)
    tally.number += np.bincount(which, minlength=BINS)
    tally.expert += found.noise == "expert"


def measure(setting: Setting, rounds: int) -> Tally:
    generator = np.random.default_rng(20220101)
    tally = Tally()
    start = time.perf_counter()
    for _ in range(rounds):
        one_round(generator, setting, tally)
    seconds = (time.perf_counter() - start) / rounds
    print(
        f"\n{setting.name}, leniency SD {setting.leniency}: {rounds} rounds, {seconds:.2f} s each"
    )
    print(f"  reviewers' own noise used in {tally.expert} rounds")
    for name, shares in tally.covered.items():
        error = float(np.std(shares) / np.sqrt(rounds))
        covered = 100 * np.mean(shares)
        print(f"  95 % intervals of {name:9} cover {covered:.2f} % (SE {100 * error:.2f})")
    base = setting.share * (1 - setting.share)
    print(f"  Brier score of p_top {np.mean(tally.brier):.4f} (always K/D: {base:.4f})")
    print("  chance said   share listed   cases")
    for said, listed, number in zip(tally.said, tally.listed, tally.number, strict=True):
        if number:
            print(f"  {said / number:11.3f}   {listed / number:12.3f}   {int(number):5d}")
    return tally


def draw(tallies: dict[str, Tally], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "scoring", "svg.fonttype": "none", "font.size": 10})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    marks = "os^D"
    for (name, tally), mark in zip(tallies.items(), marks, strict=False):
        seen = tally.number > 0
        said, listed = (
            tally.said[seen] / tally.number[seen],
            tally.listed[seen] / tally.number[seen],
        )
        axes.plot(said, listed, marker=mark, markersize=5, linewidth=1, label=name)
    axes.set_xlabel("chance said to be among the first K")
    axes.set_ylabel("share that was")
    axes.set_aspect("equal")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=25, help="rounds of each large setting")
    parser.add_argument("--only", default="", help="settings whose name has this in it")
    parser.add_argument("--plot", type=Path, help="where to draw the reliability plot (SVG)")
    options = parser.parse_args()
    tallies = {
        setting.name: measure(setting, max(1, round(options.rounds * setting.effort)))
        for setting in SETTINGS
        if options.only in setting.name
    }
    if options.plot:
        draw(tallies, options.plot)
    shares = {setting.name: setting.share for setting in SETTINGS}
    failed = [
        f"{name}: {what}" for name, tally in tallies.items() for what in tally.broken(shares[name])
    ]
    for sentence in failed:
        print(sentence, file=sys.stderr)
    return 1 if failed or not tallies else 0


if __name__ == "__main__":
    sys.exit(main())
