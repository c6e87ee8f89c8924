"""Draw the pictures of docs/statistics.md, in English and Chinese.

    python docs/statistics_pictures.py

Needs matplotlib and a Chinese font (Noto Sans or Serif CJK); letters are drawn as outlines, so
that readers need no font. The same inputs give the same bytes. The picture of the methods reads
docs/images/statistics-methods.csv, which bench/simulate.py writes.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager

from scoring.design import Assumed, design
from scoring.design_graph import Plan, weak_parts
from scoring.fit import fit
from scoring.ratings import Ratings
from scoring.simulate_rounds import SETTINGS, Setting, assign, simulate_round

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMAGES = Path(__file__).parent / "images"
BLUE, ORANGE, GREY, GREEN = "#1f5fa8", "#c8590b", "#7a7a7a", "#2d7d46"
LANGUAGES = ("en", "zh")

WORDS = {
    "raw": ("Raw means", "原始平均分"),
    "adjusted": ("After leniency is taken out", "扣除宽严之后"),
    "strict": ("two strict experts", "两位严格专家"),
    "mild": ("two mild experts", "两位宽松专家"),
    "true": ("true quality", "真实质量"),
    "score": ("score", "分数"),
    "dossier": ("dossiers by estimate", "申报材料（按估计分排列）"),
    "in": ("in: chance at least 0.9", "入选：概率不低于 0.9"),
    "zone": ("line zone", "分数线区间"),
    "out": ("out: chance at most 0.1", "不入选：概率不高于 0.1"),
    "interval": ("Estimate with its 95 % interval", "估计分及其 95% 区间"),
    "line": ("8 places", "8 个名额"),
    "precision": (
        "share of the truly best 31 that a method finds",
        "方法选出的 31 份中真正最好的比例",
    ),
    "mixed": ("Dealt from one pool", "全体混合分配"),
    "panels": ("Four panels, one shared expert each", "四个评审组，相邻两组共用一位专家"),
    "experts": ("experts", "专家"),
    "dossiers": ("dossiers", "申报材料"),
    "se": (
        "error of a difference: {:.2f} within, {:.2f} between",
        "两份之差的误差：组内 {:.2f}，组间 {:.2f}",
    ),
    "se_one": ("error of a difference: {:.2f}", "两份之差的误差：{:.2f}"),
    "mean": ("mean", "平均分"),
    "trimmed": ("trimmed", "去最高最低分"),
    "z-score": ("z-score", "标准分"),
    "least squares": ("least squares", "最小二乘"),
    "auto": ("this model", "本模型"),
    "oracle": ("oracle", "全知"),
}
SETTING_WORDS = (
    ("5 reviews, mild differences", "每份5评，宽严差异小"),
    ("5 reviews", "每份5评"),
    ("7 reviews", "每份7评"),
    ("3 reviews", "每份3评"),
    ("5 reviews, some careless", "每份5评，有人敷衍"),
    ("5 reviews, four panels", "每份5评，分四组"),
)


def word(key: str, language: str) -> str:
    """Return a label in a language."""
    return WORDS[key][LANGUAGES.index(language)]


def leniency(language: str) -> Figure:
    """Two dossiers of unequal luck: raw means mislead, adjusted estimates don't."""
    generator = np.random.default_rng(11)
    cells = [(i, j) for i in range(24) for j in range(12) if (i * 5 + j * 7) % 12 < 5]
    quality = generator.normal(0, 6, 24)
    mild = generator.normal(0, 3, 12)
    mild[:2], mild[2:4] = -9, 9
    kind = np.full(24, "", object)
    for number, (name, pair) in enumerate((("strict", (0, 1)), ("mild", (2, 3)))):
        cells = [c for c in cells if c[0] != number or c[1] > 3]
        cells = [c for c in cells if c[0] != number or c[1] < 7]
        cells += [(number, j) for j in pair]
        kind[number] = name
    quality[:2] = (6, -2)
    score = [72 + quality[i] + mild[j] + generator.normal(0, 3) for i, j in cells]
    ratings = Ratings.from_rows(
        [f"{i:02d}" for i, _ in cells], [f"{j:02d}" for _, j in cells], score
    )
    record = fit(ratings, draws=1).record()
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    columns = {
        "raw": [entry["raw_mean"] for entry in record["dossiers"]],
        "adjusted": [record["mean"] + entry["effect"] for entry in record["dossiers"]],
    }
    for axis, (name, values) in zip(axes, columns.items(), strict=True):
        axis.plot([55, 90], [55, 90], color=GREY, lw=0.8)
        axis.scatter(72 + quality, values, s=16, color=GREY)
        for number, (key, color) in enumerate((("strict", BLUE), ("mild", ORANGE))):
            axis.scatter(
                72 + quality[number], values[number], s=60, color=color, label=word(key, language)
            )
        axis.set_title(word(name, language), fontsize=11)
        axis.set_xlabel(word("true", language))
    axes[0].set_ylabel(word("score", language))
    axes[0].legend(frameon=False, fontsize=9)
    return figure


def intervals(language: str) -> Figure:
    """Estimates with intervals: who is in, who is out, and who is not decided."""
    setting = Setting("x", 8, 1.0, dossiers=30, experts=12)
    ratings = simulate_round(setting, np.random.default_rng(4)).ratings
    record = fit(ratings, top=8, draws=2000).record()
    entries = sorted(record["dossiers"], key=lambda entry: entry["expected_rank"])
    figure, axis = plt.subplots(figsize=(8, 3.4))
    seen = set()
    for place, entry in enumerate(entries):
        p = entry["p_top"]
        kind, color, mark = ("zone", ORANGE, "D")
        if p >= 0.9:
            kind, color, mark = ("in", GREEN, "o")
        elif p <= 0.1:
            kind, color, mark = ("out", GREY, "s")
        label = None if kind in seen else word(kind, language)
        seen.add(kind)
        low, high = entry["estimate_low"], entry["estimate_high"]
        axis.plot([place, place], [low, high], color=color, lw=2)
        axis.plot(place, record["mean"] + entry["effect"], mark, color=color, ms=5, label=label)
        if kind == "zone":
            axis.annotate(
                f"{p:.2f}",
                (place, high),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
    axis.axvline(7.5, color=BLUE, lw=1, ls="--")
    axis.text(7.6, axis.get_ylim()[0] + 0.2, word("line", language), color=BLUE, fontsize=9)
    axis.set_title(word("interval", language), fontsize=11)
    axis.set_xlabel(word("dossier", language))
    axis.set_xticks([])
    axis.legend(frameon=False, fontsize=9)
    return figure


def methods(language: str) -> Figure:
    """The measured precision of the methods in six kinds of round."""
    with (IMAGES / "statistics-methods.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    shown = ("trimmed", "mean", "z-score", "least squares", "auto", "oracle")
    colors = ("#c9c9c9", "#9b9b9b", "#d9a45b", "#b97ab0", BLUE, "#b9d3ee")
    figure, axis = plt.subplots(figsize=(8, 3.8))
    for number, (name, color) in enumerate(zip(shown, colors, strict=True)):
        found = [row for row in rows if row["method"] == name]
        place = np.arange(len(found)) + (number - 2.5) * 0.14
        value = [float(row["precision"]) for row in found]
        error = [1.96 * float(row["se"]) for row in found]
        axis.bar(place, value, 0.13, color=color, label=word(name, language))
        axis.errorbar(place, value, error, fmt="none", ecolor="#333333", elinewidth=0.7)
    axis.set_ylim(0.5, 0.84)
    labels = [names[LANGUAGES.index(language)] for names in SETTING_WORDS]
    axis.set_xticks(
        np.arange(6),
        [label.replace(", ", ",\n").replace("，", "，\n") for label in labels],
        fontsize=8,
    )
    axis.set_title(word("precision", language), fontsize=11)
    axis.legend(frameon=False, fontsize=8, ncols=6, loc="upper center")
    return figure


def links(language: str) -> Figure:
    """Two review graphs of the same size, and the errors that they allow."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
    kinds = ("mixed", "panels")
    for axis, setting, name in zip(axes, (SETTINGS[1], SETTINGS[5]), kinds, strict=True):
        small = Setting(name, 3, 1.0, panels=setting.panels, dossiers=40, experts=20)
        dossier, expert = assign(small, np.random.default_rng(2))
        pairs = [(f"d{i:02d}", f"e{j:02d}") for i, j in zip(dossier, expert, strict=True)]
        plan = Plan.from_pairs(pairs)
        errors = design(plan, Assumed(1.0, 1.0), add=0)["se_difference"]
        _graph(axis, plan, small.panels)
        axis.set_title(word(name, language), fontsize=11)
        between, within = errors["between_parts"], errors["within_parts"]
        text = word("se_one", language).format(errors["rms"])
        if between is not None:
            text = word("se", language).format(within, between)
        axis.text(0.5, -0.04, text, transform=axis.transAxes, ha="center", va="top", fontsize=9)
        axis.text(-0.06, 1.0, word("experts", language), rotation=90, va="center", fontsize=9)
        axis.text(-0.06, 0.0, word("dossiers", language), rotation=90, va="center", fontsize=9)
    return figure


def _graph(axis: Axes, plan: Plan, panels: int) -> None:
    part = weak_parts(plan)
    count = len(plan.dossiers)
    order = [np.argsort(part[:count], kind="stable"), np.argsort(part[count:], kind="stable")]
    where = [np.empty(len(o)) for o in order]
    for place, positions in zip(where, order, strict=True):
        place[positions] = np.linspace(0, 1, len(positions))
    colors = (BLUE, ORANGE, GREEN, "#8a4f9e") if panels > 1 else (GREY,)
    for i, j in zip(plan.dossier, plan.reviewer, strict=True):
        own = part[i] == part[count + j]
        color = colors[part[i] % len(colors)] if own else "#000000"
        axis.plot(
            [where[0][i], where[1][j]], [0, 1], color=color, lw=0.6 if own else 1.1, alpha=0.8
        )
    axis.scatter(where[0], np.zeros(count), s=12, color="#333333", zorder=3)
    axis.scatter(where[1], np.ones(len(plan.reviewers)), s=22, color="#333333", zorder=3)
    axis.set_axis_off()


def main() -> None:
    """Write every picture in every language."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    chinese = next(
        (
            n
            for n in (
                "Noto Sans CJK SC",
                "Noto Sans CJK JP",
                "Noto Serif CJK SC",
                "Noto Serif CJK JP",
            )
            if n in known
        ),
        None,
    )
    if chinese is None:
        sys.exit("no Chinese font: install fonts-noto-cjk")
    plt.rcParams.update(
        {
            "svg.hashsalt": "statistics",
            "svg.fonttype": "path",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": False,
        }
    )
    pictures: dict[str, Any] = {
        "leniency": leniency,
        "intervals": intervals,
        "methods": methods,
        "links": links,
    }
    IMAGES.mkdir(exist_ok=True)
    for language in LANGUAGES:
        plt.rcParams["font.family"] = chinese if language == "zh" else "DejaVu Sans"
        for name, draw in pictures.items():
            figure = draw(language)
            figure.tight_layout()
            path = IMAGES / f"statistics-{name}-{language}.svg"
            figure.savefig(path, metadata={"Date": None, "Creator": None})
            plt.close(figure)
            print(path.name)


if __name__ == "__main__":
    main()
