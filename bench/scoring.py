"""Time a fit from a CSV on disk to a record on disk, beside lme4 and statsmodels.

Each instance is simulated, written as a CSV and fitted by `python -m scoring fit` in a process of
its own: start of the interpreter, reading, REML, BLUPs, conditional SDs and 200 posterior draws
are all in the time. lme4 is timed for the fit alone, reading left out, single-threaded or not as
its BLAS likes; statsmodels likewise, on the smallest instance, since it forms a dense matrix of
all ratings. Times are wall time and, since a busy machine stretches that, processor time; ratios
are given of both. The peers run where they are installed; where one isn't, the bench says so.
Variances are compared with theirs. --growth measures 10^3 to 2·10^6 ratings, and --plot draws it.

Usage: python bench/scoring.py [--huge] [--patient] [--growth] [--plot FILE.svg].
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
NAMES = ("dossier", "reviewer", "residual")

LMER = """\
suppressPackageStartupMessages(library(lme4))
d <- read.csv(commandArgs(TRUE)[1])
s <- system.time(m <- lmer(score ~ 1 + (1 | dossier) + (1 | reviewer), d))
v <- as.data.frame(VarCorr(m))
get <- function(name) v$vcov[v$grp == name]
cpu <- s[["user.self"]] + s[["sys.self"]]
blas <- basename(La_library())
cat(s[["elapsed"]], cpu, get("dossier"), get("reviewer"), get("Residual"), blas, "\\n")
"""

MIXED = """\
import sys, time, warnings
import pandas as pd, statsmodels.formula.api as smf
warnings.simplefilter("ignore")
d = pd.read_csv(sys.argv[1])
d["all"] = 1
parts = {"dossier": "0 + C(dossier)", "reviewer": "0 + C(reviewer)"}
t, c = time.perf_counter(), time.process_time()
m = smf.mixedlm("score ~ 1", d, groups="all", re_formula="0", vc_formula=parts).fit(reml=True)
t, c = time.perf_counter() - t, time.process_time() - c
v = dict(zip(m.model.exog_vc.names, m.vcomp))
print(t, c, v["dossier"], v["reviewer"], m.scale, "dense")
"""


@dataclass(frozen=True)
class Instance:
    """A simulated round; `limit` is the time to reach in seconds, None for none."""

    dossiers: int
    reviewers: int
    reviews: int
    limit: float | None = None
    peer: str = ""  # "": run; "patient": only with --patient; "never": it doesn't run at all

    @property
    def name(self) -> str:
        """The instance in a word."""
        return f"{self.dossiers} x {self.reviewers} x {self.reviews}"


INSTANCES = (
    Instance(155, 60, 5),
    Instance(3000, 1100, 24, limit=2.0),
    Instance(2000, 2000, 4, limit=1.0),
    Instance(20_000, 20_000, 4, limit=5.0, peer="patient"),
)
HUGE = Instance(400_000, 200_000, 5, limit=90.0, peer="never")
HUGE_MEMORY = 3.0  # GiB
GROWTH = (200, 600, 2000, 6000, 20_000, 60_000, 200_000, 400_000)  # dossiers, 5 reviews each


@dataclass(frozen=True)
class Run:
    """Wall time and CPU time in seconds, peak memory in GiB, variances."""

    wall: float
    cpu: float
    memory: float
    variances: tuple[float, ...]


def write_round(instance: Instance, path: Path) -> int:
    """Write a simulated CSV; reviewers are dealt from shuffled decks, so loads are even."""
    generator = np.random.default_rng(instance.dossiers)
    total = instance.dossiers * instance.reviews
    decks = -(-total // instance.reviewers)
    deck = np.concatenate([generator.permutation(instance.reviewers) for _ in range(decks)])
    hands = deck[:total].reshape(instance.reviews, instance.dossiers).T.copy()
    ordered = np.sort(hands, axis=1)
    for row in np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1)):
        hands[row] = generator.choice(instance.reviewers, instance.reviews, replace=False)
    dossier = np.repeat(np.arange(instance.dossiers), instance.reviews)
    reviewer = hands.ravel()
    quality = generator.standard_normal(instance.dossiers)
    leniency = np.sqrt(0.5) * generator.standard_normal(instance.reviewers)
    score = 60 + 8 * (quality[dossier] + leniency[reviewer] + generator.standard_normal(total))
    with path.open("w", encoding="utf-8") as stream:
        stream.write("dossier,reviewer,score\n")
        rows = zip(dossier.tolist(), reviewer.tolist(), score.tolist(), strict=True)
        stream.writelines(f"D{left:06d},R{right:06d},{value:.2f}\n" for left, right, value in rows)
    return total


def ours(path: Path) -> Run:
    """Fit in a process of its own and read what it used."""
    out = path.with_suffix(".json")
    command = [sys.executable, "-m", "scoring", "fit", str(path), "--dossier", "dossier"]
    command += ["--reviewer", "reviewer", "--score", "score", "--draws", "200", "--top", "100"]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(out)], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the fit of {path.name} failed")
    record = json.loads(out.read_text("utf-8"))
    variances = tuple(record["variance"][name] for name in NAMES)
    cpu = usage.ru_utime + usage.ru_stime
    return Run(wall, cpu, usage.ru_maxrss / 2**20, variances)


Found = tuple[float, float, tuple[float, ...], str]


def peer(command: list[str]) -> Found | None:
    """Return wall and processor time, variances and a remark; None where it isn't installed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    wall, cpu, *rest = done.stdout.split()
    return float(wall), float(cpu), tuple(float(value) for value in rest[:3]), rest[3]


def compare(name: str, found: Found | None, run: Run) -> None:
    """Print one comparison."""
    if found is None:
        print(f"    {name}: not installed here, no ratio")
        return
    wall, cpu, variances, remark = found
    apart = max(abs(a / b - 1) for a, b in zip(run.variances, variances, strict=True))
    print(
        f"    {name} ({remark}): {wall:.2f} s (CPU {cpu:.2f} s) for the fit alone; ours is "
        f"{wall / run.wall:.2f} times as fast (CPU {cpu / run.cpu:.2f}); "
        f"variances within {apart:.1e}"
    )


def measure(instance: Instance, folder: Path, *, patient: bool) -> Run:
    path = folder / "round.csv"
    total = write_round(instance, path)
    run = min((ours(path) for _ in range(1 if total > 10**6 else 3)), key=lambda one: one.cpu)
    reach = f", to reach {instance.limit:g} s" if instance.limit else ""
    print(
        f"{instance.name}: {total} ratings in {run.wall:.2f} s{reach} "
        f"(CPU {run.cpu:.2f} s, {run.memory:.2f} GiB)",
        flush=True,
    )
    if instance.peer == "never":
        print("    lme4: does not run at this size; the conditional matrix doesn't fit")
    elif instance.peer == "patient" and not patient:
        print("    lme4: takes minutes here; measured with --patient")
    elif shutil.which("Rscript"):
        script = folder / "fit.R"
        script.write_text(LMER, "utf-8")
        compare("lme4", peer(["Rscript", str(script), str(path)]), run)
    else:
        print("    lme4: R is not installed here, no ratio")
    if total < 1000:
        compare("statsmodels", peer([sys.executable, "-c", MIXED, str(path)]), run)
    return run


def growth(folder: Path, plot: Path | None) -> None:
    print("\nGrowth, five reviews a dossier, half as many reviewers as dossiers:")
    sizes, runs = [], []
    for dossiers in GROWTH:
        path = folder / "growth.csv"
        sizes.append(write_round(Instance(dossiers, dossiers // 2, 5), path))
        runs.append(ours(path))
        last = runs[-1]
        print(
            f"  {sizes[-1]:8d} ratings  {last.wall:7.2f} s  CPU {last.cpu:7.2f} s  "
            f"{last.memory:5.2f} GiB",
            flush=True,
        )
    if plot is not None:
        draw(sizes, runs, plot)


def draw(sizes: list[int], runs: list[Run], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "scoring", "svg.fonttype": "none", "font.size": 10})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.loglog(sizes, [run.cpu for run in runs], "o-", label="processor seconds, CSV to record")
    axes.loglog(sizes, [run.memory for run in runs], "s--", label="peak memory, GiB")
    axes.set_xlabel("ratings")
    axes.grid(visible=True, which="major", color="0.9")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--huge", action="store_true", help="also 2,000,000 ratings")
    parser.add_argument("--patient", action="store_true", help="lme4 also where it takes minutes")
    parser.add_argument("--growth", action="store_true", help="10^3 to 2·10^6 ratings")
    parser.add_argument("--plot", type=Path, help="where to draw the growth (SVG)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for instance in INSTANCES + ((HUGE,) if options.huge else ()):
            run = measure(instance, folder, patient=options.patient)
            if instance is HUGE and run.memory > HUGE_MEMORY:
                print(f"    memory above {HUGE_MEMORY} GiB")
        if options.growth or options.plot:
            growth(folder, options.plot)


if __name__ == "__main__":
    main()
