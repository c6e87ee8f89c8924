"""Ratings that anybody who is drawn would give, from the truth in truth.json.

Who rates what is only known after a draw, so there is no file of ratings: `rate` gives the levels
of one expert for one dossier, the same on every machine. The model, on the rubric's levels 0-10:

    level = round(6.1 + 0.95 · slope · (quality + 0.35 · chapter + 0.25 · criterion)
                  + leniency + 0.45 · halo + noise · error), kept within the scale

quality (of the dossier, standard normal), leniency, slope and noise (of the expert) stand in
truth.json; chapter and criterion (how a dossier differs between them), halo (what an expert thinks
of a dossier as a whole, beyond its quality) and error are standard normal numbers made from
SHA-256. A statistic that works finds `quality` again, whoever was drawn.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUTH = Path(__file__).with_name("truth.json")


def normal_number(*label: str) -> float:
    """Return a standard normal number that depends on the label alone (Box-Muller on SHA-256)."""
    digest = hashlib.sha256("\x1f".join(label).encode()).digest()
    first = (int.from_bytes(digest[:7], "big") + 1) / (2**56 + 1)
    second = int.from_bytes(digest[7:14], "big") / 2**56
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


def load_truth(path: Path = TRUTH) -> dict[str, Any]:
    """Return the truth behind the sample files."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def rate(truth: Mapping[str, Any], reviewer: str, dossier: str, rubric: Any) -> dict[str, int]:
    """Return criterion → level of the pool number `reviewer` for the dossier `dossier`.

    `rubric` is a scoring.rubric.Rubric; levels are those of its scale. KeyError for an expert or
    dossier that the truth doesn't know.
    """
    seed, quality = truth["seed"], truth["dossiers"][dossier]
    expert = truth["experts"][reviewer]
    halo = normal_number(seed, "halo", reviewer, dossier)
    scale = rubric.scale
    levels = {}
    for chapter in rubric.chapters:
        part = normal_number(seed, "chapter", dossier, chapter.id)
        for criterion in chapter.criteria:
            detail = normal_number(seed, "criterion", dossier, criterion.id)
            error = normal_number(seed, "error", reviewer, dossier, criterion.id)
            worth = quality + 0.35 * part + 0.25 * detail
            value = 6.1 + 0.95 * expert["slope"] * worth + expert["leniency"]
            value += 0.45 * halo + expert["noise"] * error
            # 6.1 and the factors are of a scale from 0 to 10; other scales are met in proportion.
            steps = round(value / 10 * (scale.high - scale.low) / scale.step)
            level = scale.low + steps * scale.step
            levels[criterion.id] = min(scale.high, max(scale.low, level))
    return levels
