"""A plan's errors, cut points and proposals against dense algebra, networkx and brute force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.design import Assumed, design
from scoring.design_graph import Plan, components, cut_points, weak_parts
from scoring.errors import ScoringError
from scoring.simulate_rounds import SETTINGS, Setting, assign

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASSUMED = Assumed(reviewer=1.5, residual=1.2)

plans = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 5)), min_size=1, max_size=24).map(
    lambda pairs: Plan.from_pairs((f"d{i}", f"e{j}") for i, j in pairs)
)


def covariance(plan: Plan, pairs: list[tuple[int, int]], assumed: Assumed) -> NDArray[np.float64]:
    """Return the covariance of GLS qualities from the dense covariance of all ratings."""
    z = np.zeros((len(pairs), len(plan.dossiers)))
    u = np.zeros((len(pairs), len(plan.reviewers)))
    for row, (i, j) in enumerate(pairs):
        z[row, i] = u[row, j] = 1
    v = assumed.residual * np.eye(len(pairs)) + assumed.reviewer * u @ u.T
    return np.linalg.inv(z.T @ np.linalg.inv(v) @ z)


def rms(cov: NDArray[np.float64]) -> float:
    """Return the root mean square error of all differences, pair by pair."""
    n = len(cov)
    return float(
        np.sqrt(
            np.mean([cov[i, i] + cov[k, k] - 2 * cov[i, k] for i in range(n) for k in range(i)])
        )
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(plans)
def test_errors_and_proposals_equal_brute_force(plan: Plan) -> None:
    """Errors equal dense GLS; each proposal is the best of all reviews tried one by one."""
    if len(plan.dossiers) < 2:
        return
    report = design(plan, ASSUMED, add=2)
    pairs = list(zip(plan.dossier.tolist(), plan.reviewer.tolist(), strict=True))
    assert report["se_difference"]["rms"] == pytest.approx(rms(covariance(plan, pairs, ASSUMED)))
    for proposal in report["add"]:
        tried = {
            (i, j): rms(covariance(plan, [*pairs, (i, j)], ASSUMED))
            for i in range(len(plan.dossiers))
            for j in range(len(plan.reviewers))
            if (i, j) not in pairs
        }
        pair = (
            plan.dossiers.index(proposal["dossier"]),
            plan.reviewers.index(proposal["reviewer"]),
        )
        assert tried[pair] == pytest.approx(min(tried.values()))
        assert proposal["rms"] == pytest.approx(tried[pair])
        pairs.append(pair)
    full = len(plan.dossiers) * len(plan.reviewers)
    assert len(report["add"]) == min(2, full - len(plan.dossier))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(plans)
def test_cut_points_and_components_equal_networkx(plan: Plan) -> None:
    """Articulation points, bridges and components are those of networkx."""
    count = len(plan.dossiers)
    edges = list(zip(plan.dossier.tolist(), (plan.reviewer + count).tolist(), strict=True))
    graph = nx.Graph(edges)
    points, bridges = cut_points(plan)
    assert points == sorted(nx.articulation_points(graph))
    assert bridges == sorted((min(e), max(e) - count) for e in nx.bridges(graph))
    found = components(plan)
    assert {frozenset(np.flatnonzero(found == k).tolist()) for k in set(found)} == {
        frozenset(part) for part in nx.connected_components(graph)
    }


def planned(setting: Setting) -> Plan:
    """Return the plan of a simulated round."""
    dossier, expert = assign(setting, np.random.default_rng(3))
    return Plan.from_pairs((f"d{i:03d}", f"e{j:02d}") for i, j in zip(dossier, expert, strict=True))


def test_panels_with_one_bridge_each_are_found() -> None:
    """Four panels in a ring come out as four weak parts; one well-mixed round as a single one."""
    plan = planned(SETTINGS[5])
    part = weak_parts(plan)
    panel = np.array([int(name[1:]) % 4 for name in plan.dossiers])
    assert part.max() == 3
    for number in range(4):
        assert len(set(panel[part[: len(panel)] == number])) == 1
    report = design(plan, ASSUMED, add=4)
    assert len(report["components"]) == 1
    assert len(report["weak_parts"]) == 4
    assert all(part["links"] for part in report["weak_parts"])
    errors = report["se_difference"]
    assert errors["between_parts"] > 1.1 * errors["within_parts"]
    assert report["add"][-1]["rms"] < errors["rms"]
    assert [warning["code"] for warning in report["warnings"]] == ["weakly_linked"]
    for proposal in report["add"]:
        i = plan.dossiers.index(proposal["dossier"])
        j = plan.reviewers.index(proposal["reviewer"]) + len(plan.dossiers)
        assert part[i] != part[j]
    mixed = design(planned(SETTINGS[1]), ASSUMED, add=0)
    assert mixed["weak_parts"] == []
    assert mixed["warnings"] == []


def test_disjoint_panels_are_compared_only_through_the_dealing() -> None:
    """Two panels of one expert: the difference carries both leniencies, by hand."""
    pairs = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")]
    report = design(Plan.from_pairs(pairs), Assumed(reviewer=3, residual=1), add=1)
    assert [part["dossiers"] for part in report["components"]] == [["a", "b"], ["c", "d"]]
    worst = report["se_difference"]["worst"]
    assert worst[0] == {"dossiers": ["a", "c"], "se": pytest.approx(8**0.5), "connected": False}
    assert worst[-1] == {"dossiers": ["c", "d"], "se": pytest.approx(2**0.5), "connected": True}
    assert report["warnings"][0] == {"code": "disconnected", "components": 2}
    assert report["articulation"] == {"dossiers": [], "reviewers": ["x", "y"]}
    assert len(report["bridges"]) == 4


def test_limits_and_forbidden_pairs_are_kept() -> None:
    """No proposal overloads an expert or crosses a conflict; with nothing left there is none."""
    pairs = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("a", "z")]
    plan = Plan.from_pairs(pairs)
    report = design(plan, ASSUMED, add=9, most=2, forbidden=[("b", "z"), ("q", "z"), ("d", "z")])
    assert [(p["dossier"], p["reviewer"]) for p in report["add"]] == [("c", "z")]


def test_rows_in_any_order_give_the_same_report() -> None:
    """The report depends on the set of pairs alone."""
    pairs = [(f"d{i}", f"e{(i * k) % 5}") for i in range(8) for k in (1, 2)]
    unique = sorted(set(pairs))
    assert design(Plan.from_pairs(unique), ASSUMED) == design(
        Plan.from_pairs(reversed(unique)), ASSUMED
    )


def test_wrong_input_is_named() -> None:
    """A pair planned twice, no pair, a variance of zero and a negative number are errors."""
    with pytest.raises(ScoringError, match="'x' is planned twice for dossier 'a'"):
        Plan.from_pairs([("a", "x"), ("b", "x"), ("a", "x")])
    with pytest.raises(ScoringError, match="no planned review"):
        Plan.from_pairs([])
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ScoringError, match="residual must be more than 0"):
            Assumed(reviewer=1, residual=bad)
    with pytest.raises(ScoringError, match="must not be negative"):
        design(Plan.from_pairs([("a", "x")]), ASSUMED, add=-1)


def test_too_large_a_plan_is_refused_before_it_takes_the_memory() -> None:
    """Five thousand and one nodes are refused with the number and the limit."""
    plan = Plan.from_pairs((f"d{i}", "e") for i in range(5000))
    with pytest.raises(ScoringError, match="5001 dossiers and experts") as caught:
        design(plan, ASSUMED)
    assert caught.value.facts == {"nodes": 5001, "limit": 5000}


def test_one_dossier_has_no_difference() -> None:
    """A plan of one dossier reports its graph and no error of a difference."""
    report = design(Plan.from_pairs([("a", "x"), ("a", "y")]), ASSUMED)
    assert report["se_difference"]["rms"] is None
    assert report["add"] == []
