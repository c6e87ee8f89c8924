"""Section 6 of the protocol said again, as naively as possible, to compare with the package.

Nodes are the byte strings that name them, amounts are Fractions, every step walks from the start,
and the leximin-optimal loads come from linear programs.
"""

from __future__ import annotations

import hmac
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from math import lcm
from typing import Any

import numpy as np
from scipy.optimize import linprog

HUB = b"\0\0\0\0\0\0\0\x06source" + b"\0" * 8


def lp(data: bytes) -> bytes:
    """LP of section 1."""
    return len(data).to_bytes(8, "big") + data


def name(kind: str, *texts: str) -> bytes:
    """The name of a node of section 6."""
    identity = b"".join(lp(text.encode()) for text in texts)
    return lp(kind.encode()) + lp(texts[0].encode() if kind == "expert" else identity)


def number(seed: bytes, tag: str, *parts: bytes) -> int:
    """M of section 1."""
    message = b"".join(map(lp, (b"review-draw/v1/" + tag.encode(), *parts)))
    return int.from_bytes(hmac.digest(seed, message, sha256), "big")


def below(seed: bytes, n: int, label: bytes) -> int:
    """`below` of section 1, attempt 0."""
    counter = 0
    while True:
        zero, count = (0).to_bytes(8, "big"), counter.to_bytes(8, "big")
        value = number(seed, "choice", zero, label, count)
        if value < n * (2**256 // n):
            return value % n
        counter += 1


def eligible(record: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """(expert, panel, stratum) of every pair of the network."""
    where = {d: panel["id"] for panel in record["panels"] for d in panel["dossiers"]}
    barred = {(c["expert"], where.get(c["dossier"])) for c in record["conflicts"]}
    return [
        (expert, panel["id"], expert["stratum"])
        for expert in record["experts"]
        for panel in record["panels"]
        if expert["stratum"] in panel["seats"] and (expert["id"], panel["id"]) not in barred
    ]


def nested(
    expert: dict[str, Any], among: list[dict[str, Any]], limited: set[str]
) -> list[tuple[str, str]]:
    """The expert's limited values, the one that holds more of `among` first."""
    fields = [f for f in ("province", "employer") if f in limited and expert[f]]
    size = {f: sum(one[f] == expert[f] for one in among) for f in fields}
    return [(f, expert[f]) for f in sorted(fields, key=lambda f: -size[f])]


Arc = tuple[bytes, bytes]


def routes(record: dict[str, Any]) -> dict[tuple[str, str, str], list[Arc]]:
    """Return the arcs (tail name, head name) from the hub and back to it for every planned pair."""
    fields = {
        scope: {one["field"] for one in record["limits"] if one["scope"] in scopes}
        for scope, scopes in (("draw", {"draw"}), ("cell", {"cell", "panel"}))
    }
    experts = {one["id"]: one for one in record["experts"]}
    pairs = eligible(record)
    found = {}
    for expert_id, panel, stratum, _, _ in record["plan"]:
        expert = experts[expert_id]
        around = [one for one, p, s in pairs if (p, s) == (panel, stratum)]
        outer = nested(expert, record["experts"], fields["draw"])
        inner = nested(expert, around, fields["cell"])
        route = [
            HUB,
            *(name("group", *value) for value in outer),
            name("expert", expert_id),
            *(name("limit", panel, stratum, *value) for value in reversed(inner)),
            name("cell", panel, stratum),
            HUB,
        ]
        found[expert_id, panel, stratum] = list(pairwise(route))
    return found


def flow(record: dict[str, Any]) -> dict[Arc, Fraction]:
    """Return the plan's flow on every arc that carries any."""
    amounts: dict[Arc, Fraction] = {}
    for pair, row in zip(routes(record).values(), record["plan"], strict=True):
        for arc in pair:
            amounts[arc] = amounts.get(arc, Fraction(0)) + Fraction(row[3], row[4])
    return amounts


def draw(record: dict[str, Any], seed: bytes, trace: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the seats; every step's cycle is appended to `trace`."""
    amounts = flow(record)
    rank = {arc: number(seed, "arc", *arc) for arc in amounts}
    left = sorted((arc for arc, f in amounts.items() if f.denominator > 1), key=rank.__getitem__)
    while left:
        at: dict[bytes, list[tuple[bytes, bytes]]] = {}
        for arc in left:
            for node in arc:
                at.setdefault(node, []).append(arc)
        node, used, path, seen = left[0][0], None, [], {left[0][0]: 0}
        while True:
            used = next(arc for arc in at[node] if arc != used)
            path.append((used, used[0] == node))
            node = used[1] if used[0] == node else used[0]
            if node in seen:
                break
            seen[node] = len(path)
        cycle = path[seen[node] :]
        forward = cycle[0][1]
        rising = [(arc, ahead == forward) for arc, ahead in cycle]
        part = {arc: amounts[arc] % 1 for arc, _ in cycle}
        up = min(1 - part[arc] if rises else part[arc] for arc, rises in rising)
        down = min(part[arc] if rises else 1 - part[arc] for arc, rises in rising)
        common = lcm(up.denominator, down.denominator)
        label = lp(b"cycle") + len(trace).to_bytes(8, "big")
        v = below(seed, int((up + down) * common), label)
        change = up if v < int(down * common) else -down
        for arc, rises in rising:
            amounts[arc] += change if rises else -change
        left = [arc for arc in left if amounts[arc].denominator > 1]
        trace.append({
            "arcs": [[arc[0].hex(), arc[1].hex()] for arc, _ in cycle],
            "up": [up.numerator, up.denominator],
            "down": [down.numerator, down.denominator],
            "v": v,
        })  # fmt: skip
    expert_kind = lp(b"expert")
    seats = [
        {"panel": panel, "stratum": stratum, "expert": expert}
        for (expert, panel, stratum), route in routes(record).items()
        if amounts[next(arc for arc in route if arc[0].startswith(expert_kind))] == 1
    ]
    return sorted(seats, key=lambda one: (one["panel"], one["stratum"], one["expert"]))


def leximin(record: dict[str, Any]) -> list[float] | None:
    """Return the leximin-optimal loads by iterated linear programs, None where there are none."""
    pairs = eligible(record)
    program = _Program(record, pairs)
    experts = record["experts"]
    row = [np.array([one["id"] == e["id"] for one, _, _ in pairs], float) for e in experts]
    settled: dict[int, float] = {}
    while len(settled) < len(experts):
        free = [at for at in range(len(experts)) if at not in settled]
        least = program.highest(
            [row[at] for at in free], [(row[at], settled[at]) for at in settled]
        )
        if least is None:
            return None
        floor = [(row[at], settled.get(at, least)) for at in range(len(experts))]
        stuck = set(free)
        while stuck:  # those whose load no solution raises, raising all others first
            loads = program.most(np.sum([row[at] for at in stuck], axis=0), floor)
            raised = {at for at in stuck if row[at] @ loads > least + 1e-6}
            if not raised:
                break
            stuck -= raised
        settled |= dict.fromkeys(stuck, least)
    return [settled[at] for at in range(len(experts))]


class _Program:
    def __init__(
        self, record: dict[str, Any], pairs: list[tuple[dict[str, Any], str, str]]
    ) -> None:
        self.cap = record["pair_cap"][0] / record["pair_cap"][1]
        self.rows: list[list[float]] = []
        self.most_of: list[float] = []
        for expert in record["experts"]:
            self._limit([one["id"] == expert["id"] for one, _, _ in pairs], expert["capacity"])
        for limit in record["limits"]:
            keys = [
                (e[limit["field"]], *{"draw": (), "cell": (p, s), "panel": (p,)}[limit["scope"]])
                for e, p, s in pairs
            ]
            for value in {key for key in keys if key[0]}:
                self._limit([key == value for key in keys], limit["max"])
        self.cells = [(panel["id"], s) for panel in record["panels"] for s in panel["seats"]]
        self.fill = np.array([[float((p, s) == c) for _, p, s in pairs] for c in self.cells])
        self.seats = [n for panel in record["panels"] for n in panel["seats"].values()]
        self.pairs = len(pairs)

    def _limit(self, members: list[bool], most: int) -> None:
        self.rows.append([float(one) for one in members])
        self.most_of.append(float(most))

    def _solve(self, goal: Any, rows: Any, bounds: Any, fill: Any, extra: int) -> Any:
        variables = [(0, self.cap)] * self.pairs + [(None, None)] * extra
        return linprog(
            -goal, A_ub=rows, b_ub=bounds, A_eq=fill, b_eq=self.seats, bounds=variables
        )  # fmt: skip

    def highest(self, free: list[Any], floor: list[tuple[Any, float]]) -> float | None:
        """Return the highest t so that every free load is at least t; None if none is possible."""
        rows = [[*row, 0.0] for row in self.rows]
        rows += [[*-row, 1.0] for row in free] + [[*-row, 0.0] for row, _ in floor]
        bounds = self.most_of + [0.0] * len(free) + [1e-9 - value for _, value in floor]
        fill = np.hstack([self.fill, np.zeros((len(self.cells), 1))])
        solved = self._solve(np.array([0.0] * self.pairs + [1.0]), rows, bounds, fill, 1)
        return None if solved.status == 2 else float(solved.x[-1])

    def most(self, goal: Any, floor: list[tuple[Any, float]]) -> Any:
        """Return pair chances of the largest goal under least loads."""
        rows = self.rows + [list(-row) for row, _ in floor]
        bounds = self.most_of + [1e-9 - value for _, value in floor]
        solved = self._solve(goal, rows, bounds, self.fill, 0)
        assert solved.status == 0, solved.message
        return solved.x
