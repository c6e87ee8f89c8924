"""The plain methods beside the model: who moves where, and by how much.

Raw mean, trimmed mean (highest and lowest dropped) and per-expert z-scores stand in every fit
record; they are shown next to the adjusted estimates and never used by the list. Simulated rounds
(docs/statistics.md) put the trimmed mean below the plain mean, and z-scores below the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = {"raw": "raw_mean", "trimmed": "trimmed_mean", "z": "z_mean"}


def compare(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the methods side by side for a fit's record, sorted by id.

    Each entry has `id`, `n`, per method (`raw`, `trimmed`, `z`, `adjusted`) its `value` and
    `rank`, and `moved`, the places won by adjusting (raw rank less adjusted rank). Rank 1 is the
    best, equal values share the better rank; None where a method has no value. `adjusted` is
    mean + effect.
    """
    dossiers = record["dossiers"]
    columns = {name: [entry.get(column) for entry in dossiers] for name, column in METHODS.items()}
    columns["adjusted"] = [_sum(record["mean"], entry["effect"]) for entry in dossiers]
    ranks = {name: _ranks(values) for name, values in columns.items()}
    rows = []
    for place, entry in enumerate(dossiers):
        row: dict[str, Any] = {"id": entry["id"], "n": entry["n"]}
        for name, values in columns.items():
            row[name] = {"value": values[place], "rank": ranks[name][place]}
        before, after = ranks["raw"][place], ranks["adjusted"][place]
        row["moved"] = None if before is None or after is None else before - after
        rows.append(row)
    return rows


def _sum(mean: float | None, effect: float | None) -> float | None:
    return None if mean is None or effect is None else mean + effect


def _ranks(values: list[float | None]) -> list[int | None]:
    """Return 1 plus the number of better values; values within rounding errors are equal."""
    known = np.round([value for value in values if value is not None], 9)
    ordered = np.sort(known)
    return [
        None
        if value is None
        else int(1 + len(ordered) - np.searchsorted(ordered, round(value, 9), side="right"))
        for value in values
    ]
