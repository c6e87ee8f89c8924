"""Flags: places for an inspector to look, with figures and events; never an exclusion.

Each kind of flag is one family of tests over all experts, or all pairs; its p values are corrected
by Holm's method (1979), so that in a round without anything odd a kind raises a flag with a
chance of at most `level`. Whatever is flagged, the estimates and the list stay as they are.

code              looks at
lenient, severe   an expert's leniency, far out among the experts'
inconsistent      residuals too large for the common noise (infit)
central           own scores too close together; far_apart: too far apart
halo              chapter scores of a dossier alike, against the others on the same dossiers
influence         without this expert the list would change where its chances seemed decided
agreement         two experts' scores alike beyond quality, leniency and noise
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.errors import ScoringError
from scoring.flags_experts import consistency, halo, leniency, spread
from scoring.flags_model import Model, Variances
from scoring.flags_pairs import Pairs, agreement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scoring.ratings import Ratings

LEVEL = 0.05
LIMIT = 5000  # dossiers; the diagnosis solves a dense system
EVENTS = 10
DECIDED = 0.9


def flags(
    ratings: Ratings,
    record: Mapping[str, Any],
    *,
    chapters: Mapping[str, Ratings] | None = None,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Return `experts` (figures of each, by id), `flags`, the number of `pairs` and `reasons`.

    `record` is the fit of `ratings`, with `top` for the influence on the list; `chapters` maps
    chapter ids to their ratings on one scale. Every flag has `code`, `experts`, `figures`, the
    corrected `p` (None for influence) and `events`. `reasons` says what could not be looked at.
    ScoringError "anonymous", "too_large", or "fit" for a record of other ratings.
    """
    _check(ratings, record)
    variance = record["variance"]
    if not (variance["dossier"] and variance["residual"]):
        reason = "quality or noise has no variance, so nothing is expected of anyone"
        return {"experts": [], "flags": [], "pairs": 0, "reasons": {"all": reason}}
    diagnosis = _Diagnosis(ratings, record, level)
    found = [
        *diagnosis.lenient(),
        *diagnosis.inconsistent(),
        *diagnosis.spread(),
        *diagnosis.influence(),
        *diagnosis.halo(chapters or {}),
    ]
    pairs = agreement(ratings, diagnosis.noise, diagnosis.step)
    found += diagnosis.agreeing(pairs)
    return {
        "experts": diagnosis.figures,
        "flags": found,
        "pairs": len(pairs.p),
        "reasons": diagnosis.reasons,
    }


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Return Holm's corrected p values in the order given; None stays None and isn't counted."""
    known = sorted((value, place) for place, value in enumerate(p) if value is not None)
    corrected: list[float | None] = [None] * len(p)
    highest = 0.0
    for number, (value, place) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - number)))
        corrected[place] = highest
    return corrected


def _check(ratings: Ratings, record: Mapping[str, Any]) -> None:
    if ratings.anonymous:
        raise ScoringError("anonymous", "the ratings don't name their experts")
    if len(ratings.dossiers) > LIMIT:
        message = f"{len(ratings.dossiers)} dossiers; look by discipline, at most {LIMIT} at once"
        raise ScoringError("too_large", message, dossiers=len(ratings.dossiers), limit=LIMIT)
    for key, ids in (("dossiers", ratings.dossiers), ("reviewers", ratings.reviewers)):
        if tuple(entry["id"] for entry in record[key]) != ids:
            raise ScoringError("fit", f"the fit's {key} are not those of the ratings", field=key)


class _Diagnosis:
    """Figures of all experts as they are found, and the flags that follow from them."""

    def __init__(self, ratings: Ratings, record: Mapping[str, Any], level: float) -> None:
        self.ratings = ratings
        self.record = record
        self.level = level
        variance = record["variance"]
        self.quality, self.residual = variance["dossier"], variance["residual"]
        self.lenience = variance["reviewer"] or 0.0
        self.experts = record["reviewers"]
        self.noise = np.array([entry["noise"] or self.residual for entry in self.experts])
        gaps = np.diff(np.unique(ratings.score))
        self.step = float(gaps.min()) if len(gaps) else 0.0
        alike = np.full(len(self.experts), self.residual)
        self.common = Model(ratings, Variances(self.quality, self.lenience, alike))
        self.reasons: dict[str, str] = {}
        self.figures: list[dict[str, Any]] = [
            {
                "id": entry["id"],
                "n": entry["n"],
                "leniency": entry["effect"],
                "low": entry["low"],
                "high": entry["high"],
                "noise_sd": float(np.sqrt(noise)),
            }
            for entry, noise in zip(self.experts, self.noise, strict=True)
        ]

    def lenient(self) -> list[dict[str, Any]]:
        """Return flags of experts whose leniency is far out."""
        if any(entry["effect"] is None or entry["se"] is None for entry in self.experts):
            self.reasons["leniency"] = "the design can't tell leniency"
            return []
        p = holm([leniency(entry["effect"], entry["se"], self.lenience) for entry in self.experts])
        found = []
        for j, entry in enumerate(self.experts):
            code = "lenient" if entry["effect"] > 0 else "severe"
            figures = {name: self.figures[j][name] for name in ("leniency", "low", "high")}
            rows = self.common.of(j)
            away = self.ratings.score[rows] - self._others(rows)
            events = self._events(rows, -np.abs(away), self._others(rows))
            found += self._flag(code, [j], figures, p[j], events)
        return found

    def inconsistent(self) -> list[dict[str, Any]]:
        """Return flags of experts with too much noise; note infit and outfit of all."""
        fits = [consistency(self.common, j) for j in range(len(self.experts))]
        p = holm([fit["p"] for fit in fits])
        found = []
        for j, fit in enumerate(fits):
            self.figures[j] |= {"infit": fit["infit"], "outfit": fit["outfit"]}
            rows = self.common.of(j)
            expected = self._others(rows) + self.common.leniency[j]
            away = np.abs(self.ratings.score[rows] - expected)
            figures = {**{k: fit[k] for k in ("infit", "outfit")}, "noise_sd": self._noise(j)}
            found += self._flag(
                "inconsistent", [j], figures, p[j], self._events(rows, -away, expected)
            )
        return found

    def spread(self) -> list[dict[str, Any]]:
        """Return flags of experts who use too little of the scale, or too much."""
        usual = self.quality + self.residual
        spreads = [
            spread(self.ratings.score[self.common.of(j)], usual, self.step)
            for j in range(len(self.experts))
        ]
        low, high = (holm([entry[tail] for entry in spreads]) for tail in ("low", "high"))
        found = []
        for j, entry in enumerate(spreads):
            self.figures[j]["spread"] = entry["ratio"]
            rows = self.common.of(j)
            away = np.abs(self.ratings.score[rows] - self.ratings.score[rows].mean())
            for code, p in (("central", low[j]), ("far_apart", high[j])):
                events = self._events(rows, -away, self._others(rows))
                found += self._flag(code, [j], {"spread": entry["ratio"]}, p, events)
        return found

    def halo(self, chapters: Mapping[str, Ratings]) -> list[dict[str, Any]]:
        """Return flags of experts whose chapters are too alike; note the difference of all."""
        if len(chapters) < 2:
            self.reasons["halo"] = "it takes the scores of two chapters"
            return []
        halos = halo(chapters)
        p = holm([halos.get(entry["id"], {}).get("p") for entry in self.experts])
        found = []
        for j, entry in enumerate(self.experts):
            seen = halos.get(entry["id"], {"difference": None, "events": []})
            self.figures[j]["halo"] = seen["difference"]
            events = [
                {"dossier": dossier, "difference": value}
                for value, dossier in seen["events"][:EVENTS]
            ]
            figures = {"difference": seen["difference"], "dossiers": len(seen["events"])}
            found += self._flag("halo", [j], figures, p[j], events)
        return found

    def influence(self) -> list[dict[str, Any]]:
        """Note for all who enters and leaves the first K without them; flag decided changes."""
        top = self.record.get("top")
        if not top:
            self.reasons["influence"] = "the fit has no number of places"
            return []
        model = Model(self.ratings, Variances(self.quality, self.lenience, self.noise))
        listed = self._first(model.mean + model.quality, top)
        chances = {entry["id"]: entry.get("p_top") for entry in self.record["dossiers"]}
        found = []
        for j in range(len(self.experts)):
            moved = model.without(j)
            kept = listed if moved is None else self._first(moved, top)
            enters, leaves = sorted(kept - listed), sorted(listed - kept)
            self.figures[j] |= {"enters": enters, "leaves": leaves}
            sure = [name for name in leaves if (chances[name] or 0) >= DECIDED]
            sure += [
                name
                for name in enters
                if chances[name] is not None and chances[name] <= 1 - DECIDED
            ]
            if sure:
                events = [{"dossier": name, "p_top": chances[name]} for name in sure]
                figures = {"enters": len(enters), "leaves": len(leaves)}
                found.append(self._entry("influence", [j], figures, None, events))
        return found

    def agreeing(self, pairs: Pairs) -> list[dict[str, Any]]:
        """Return flags of pairs that agree too well, with the scores they share."""
        found = []
        for number, p in enumerate(holm(pairs.p.tolist())):
            if p is None or p >= self.level:
                continue
            both = [int(pairs.first[number]), int(pairs.second[number])]
            mine, theirs = (
                {int(self.ratings.dossier[row]): row for row in self.common.of(j)} for j in both
            )
            events = [
                {
                    "dossier": self.ratings.dossiers[i],
                    "scores": [float(self.ratings.score[rows[i]]) for rows in (mine, theirs)],
                }
                for i in sorted(set(mine) & set(theirs))
            ]
            figures = {"shared": len(events), "ratio": float(pairs.ratio[number])}
            found.append(self._entry("agreement", both, figures, p, events))
        return found

    def _others(self, rows: Any) -> Any:
        """Return mean + quality of the dossiers of rows: what an average expert would give."""
        return self.common.mean + self.common.quality[self.ratings.dossier[rows]]

    def _noise(self, j: int) -> float:
        return float(np.sqrt(self.noise[j]))

    def _first(self, values: Any, top: int) -> set[str]:
        order = np.argsort(-np.round(values, 9), kind="stable")
        places = self.record["dossiers"]
        racing = [i for i in order if places[i].get("expected_rank") is not None]
        return {self.ratings.dossiers[i] for i in racing[:top]}

    def _events(self, rows: Any, key: Any, expected: Any) -> list[dict[str, Any]]:
        """Return the ratings with the smallest keys, each with its score and the expected one."""
        return [
            {
                "dossier": self.ratings.dossiers[self.ratings.dossier[rows[place]]],
                "score": float(self.ratings.score[rows[place]]),
                "expected": float(expected[place]),
            }
            for place in np.argsort(np.round(key, 9), kind="stable")[:EVENTS]
        ]

    def _flag(
        self,
        code: str,
        experts: list[int],
        figures: Mapping[str, Any],
        p: float | None,
        events: list[dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Return the flag, or none where its p isn't below the level."""
        if p is None or p >= self.level:
            return []
        return [self._entry(code, experts, figures, p, events)]

    def _entry(
        self,
        code: str,
        experts: list[int],
        figures: Mapping[str, Any],
        p: float | None,
        events: list[dict[str, Any]],
    ) -> dict[str, Any]:
        return {
            "code": code,
            "experts": [self.ratings.reviewers[j] for j in experts],
            "figures": dict(figures),
            "p": p,
            "events": events,
        }
