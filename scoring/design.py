"""A planned round judged before any score exists: what it can tell apart, and what would help.

Assumed are the variances of leniency and noise, from an earlier round. With qualities as fixed
unknowns and leniency random, the covariance of the estimated qualities is

S = ( diag(n_i) / s^2 - A diag(1 / (m_j + s^2 / b^2)) A' / s^2 )^-1

for A the dossier x expert table, n and m its margins, s^2 the noise, b^2 the leniency; a standard
error of a difference is the root of S_ii + S_kk - 2 S_ik. It is the error of the estimates before
shrinkage, so that it doesn't hide what the design lacks. One more review adds x x' / s^2 to the
joint precision of qualities and leniencies, with x = e_i + e_j, and its effect on all differences
follows exactly from one product (Sherman & Morrison 1950).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.design_graph import Plan, components, cut_points, weak_parts
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

LIMIT = 5000  # dossiers and experts together; their covariance is a dense matrix, 200 MB
WORST = 10
LEVEL = 1e-9


@dataclass(frozen=True)
class Assumed:
    """Variances taken from an earlier round, in squared points; both more than 0."""

    reviewer: float
    residual: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < float("inf"):
                message = f"the variance {name} must be more than 0, not {value}"
                raise ScoringError("variance", message, name=name, value=value)


def design(
    plan: Plan,
    assumed: Assumed,
    *,
    add: int = 5,
    most: int | None = None,
    forbidden: Collection[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return the report of a plan.

    `add` is the number of further reviews to propose; none gives an expert more than `most`
    dossiers (None: no limit) or is a `forbidden` pair (dossier, reviewer). ScoringError
    "too_large" beyond 5,000 dossiers and experts, "add" for a negative number.
    """
    if add < 0:
        raise ScoringError("add", f"the number to add must not be negative, not {add}", add=add)
    if plan.nodes > LIMIT:
        message = f"{plan.nodes} dossiers and experts; plan by discipline, at most {LIMIT} at once"
        raise ScoringError("too_large", message, nodes=plan.nodes, limit=LIMIT)
    points, bridges = cut_points(plan)
    links = _Links(plan, assumed)
    before = links.variances()
    component, part = components(plan), weak_parts(plan)
    proposals = links.greedy(add, most, forbidden)
    return {
        "dossiers": len(plan.dossiers),
        "reviewers": len(plan.reviewers),
        "pairs": len(plan.dossier),
        "assumed": {"reviewer": assumed.reviewer, "residual": assumed.residual},
        "components": _members(plan, component),
        "articulation": {
            "dossiers": [plan.name(node) for node in points if node < len(plan.dossiers)],
            "reviewers": [plan.name(node) for node in points if node >= len(plan.dossiers)],
        },
        "bridges": [[plan.dossiers[i], plan.reviewers[j]] for i, j in bridges],
        "weak_parts": _parts(plan, component, part),
        "se_difference": _errors(plan, before, component, part),
        "add": proposals,
        "warnings": _warnings(plan, component, part),
    }


class _Links:
    """The joint covariance of qualities and leniencies, kept exact while reviews are added.

    `joint` is (d + e, d + e); `gram` holds the inner products of its columns, cut to the
    dossiers and freed of their mean: what a review tells about differences of quality.
    """

    def __init__(self, plan: Plan, assumed: Assumed) -> None:
        self.plan = plan
        self.residual = assumed.residual
        count = len(plan.dossiers)
        table = plan.table().toarray()
        shrink = 1 / (table.sum(axis=0) + assumed.residual / assumed.reviewer)
        precision = np.diag(table.sum(axis=1)) - (table * shrink) @ table.T
        quality = assumed.residual * np.linalg.inv(precision)
        self.quality = (quality + quality.T) / 2
        self.cross = -(self.quality @ table) * shrink
        inner = np.diag(assumed.residual * shrink) - (shrink[:, None] * table.T) @ self.cross
        self.joint = np.block([[self.quality, self.cross], [self.cross.T, inner]])
        centred = self.joint[:count] - self.joint[:count].mean(axis=0)
        self.gram = centred.T @ centred

    def variances(self) -> NDArray[np.float64]:
        """Return the variance of every difference of two dossiers, shape (dossiers, dossiers)."""
        return _differences(self.joint[: len(self.plan.dossiers), : len(self.plan.dossiers)])

    def rms(self) -> float:
        """Return the root mean square of the standard errors of all differences."""
        count = len(self.plan.dossiers)
        if count < 2:
            return 0.0
        quality = self.joint[:count, :count]
        spread = float(np.trace(quality) - quality.sum() / count)
        return float(np.sqrt(2 * spread / (count - 1)))

    def greedy(
        self, add: int, most: int | None, forbidden: Collection[tuple[str, str]]
    ) -> list[dict[str, Any]]:
        """Add the most helpful review, `add` times, and return them with what they bring."""
        count = len(self.plan.dossiers)
        closed = self.plan.table().toarray() > 0
        load = closed.sum(axis=0)
        known = {name: i for i, name in enumerate(self.plan.dossiers)}
        experts = {name: j for j, name in enumerate(self.plan.reviewers)}
        for dossier, reviewer in forbidden:
            if dossier in known and reviewer in experts:
                closed[known[dossier], experts[reviewer]] = True
        proposals = []
        for _ in range(add):
            gain, scale = self._gains()
            gain[closed] = -1
            if most is not None:
                gain[:, load >= most] = -1
            best = float(gain.max(initial=-1.0))
            if best <= 0:
                break
            # The first of those that rounding can't tell apart.
            i, j = np.argwhere(gain >= best * (1 - LEVEL))[0]
            self._update(int(i), count + int(j), float(scale[i, j]))
            closed[i, j] = True
            load[j] += 1
            proposals.append(
                {
                    "dossier": self.plan.dossiers[i],
                    "reviewer": self.plan.reviewers[j],
                    "rms": self.rms(),
                }
            )
        return proposals

    def _gains(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what each pair takes off the summed variances, and its divisor, (d, e)."""
        count = len(self.plan.dossiers)
        scale = self.residual + _sums(self.joint, count)
        return _sums(self.gram, count) / scale, scale

    def _update(self, i: int, j: int, scale: float) -> None:
        """Add one review between two nodes, at the cost of a few outer products."""
        count = len(self.plan.dossiers)
        step = self.joint[i] + self.joint[j]
        inward = self.gram[i] + self.gram[j]
        centred = step[:count] - step[:count].mean()
        length = float(centred @ centred)
        self.gram -= (np.outer(inward, step) + np.outer(step, inward)) / scale
        self.gram += np.outer(step, step) * (length / scale**2)
        self.joint -= np.outer(step, step) / scale


def _sums(matrix: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return x' M x for x = e_i + e_j, every dossier i with every expert j."""
    diagonal = np.diagonal(matrix)
    return np.asarray(diagonal[:count, None] + diagonal[None, count:] + 2 * matrix[:count, count:])


def _differences(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    diagonal = np.diagonal(covariance)
    return np.asarray(np.maximum(diagonal[:, None] + diagonal[None, :] - 2 * covariance, 0))


def _members(plan: Plan, label: NDArray[np.int64]) -> list[dict[str, Any]]:
    count = len(plan.dossiers)
    return [
        {
            "dossiers": [plan.name(int(node)) for node in nodes if node < count],
            "reviewers": [plan.name(int(node)) for node in nodes if node >= count],
        }
        for nodes in (np.flatnonzero(label == number) for number in range(int(label.max()) + 1))
    ]


def _parts(
    plan: Plan, component: NDArray[np.int64], part: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return the parts of components that fall into more than one, with their reviews across."""
    expert = plan.reviewer + len(plan.dossiers)
    crossing = part[plan.dossier] != part[expert]
    parts = []
    for number, members in enumerate(_members(plan, part)):
        own = component[part == number][0]
        if np.all(part[component == own] == number):
            continue
        rows = crossing & ((part[plan.dossier] == number) | (part[expert] == number))
        links = [
            [plan.dossiers[i], plan.reviewers[j]]
            for i, j in zip(plan.dossier[rows], plan.reviewer[rows], strict=True)
        ]
        parts.append({**members, "links": links})
    return parts


def _errors(
    plan: Plan,
    variances: NDArray[np.float64],
    component: NDArray[np.int64],
    part: NDArray[np.int64],
) -> dict[str, Any]:
    """Return the standard errors of differences in summary, and the worst pairs."""
    count = len(plan.dossiers)
    first, second = np.triu_indices(count, 1)
    if not len(first):
        return {"rms": None, "max": None, "within_parts": None, "between_parts": None, "worst": []}
    values = variances[first, second]
    same = part[first] == part[second]
    # Worst first; pairs that rounding can't tell apart in the order of their ids.
    order = np.argsort(-np.round(values, 9), kind="stable")[:WORST]
    return {
        "rms": _rms(values),
        "max": float(np.sqrt(values.max())),
        "within_parts": _rms(values[same]),
        "between_parts": _rms(values[~same]),
        "worst": [
            {
                "dossiers": [plan.dossiers[first[row]], plan.dossiers[second[row]]],
                "se": float(np.sqrt(values[row])),
                "connected": bool(component[first[row]] == component[second[row]]),
            }
            for row in order
        ],
    }


def _rms(values: NDArray[np.float64]) -> float | None:
    return float(np.sqrt(values.mean())) if len(values) else None


def _warnings(
    plan: Plan, component: NDArray[np.int64], part: NDArray[np.int64]
) -> list[dict[str, Any]]:
    warnings: list[dict[str, Any]] = []
    if component.max():
        warnings.append({"code": "disconnected", "components": int(component.max()) + 1})
    if part.max() > component.max():
        warnings.append({"code": "weakly_linked", "parts": int(part.max()) + 1})
    few = np.bincount(plan.dossier) < 3
    if few.any():
        ids = [plan.dossiers[i] for i in np.flatnonzero(few)]
        warnings.append({"code": "few_reviews", "dossiers": ids})
    light = np.bincount(plan.reviewer) < 5
    if light.any():
        ids = [plan.reviewers[j] for j in np.flatnonzero(light)]
        warnings.append({"code": "few_dossiers", "reviewers": ids})
    return warnings
