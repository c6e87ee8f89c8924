"""Why each dossier is in or out, as codes and facts; the pages write the sentences.

A reason is a comparison of lists: the best list by rank alone, the best under the provinces'
quotas, and the list itself. Who is in the first and not in the second, or is better than the last
of the second, is out because of the province; who is only in the third has a seat because of a
category's minimum. No reason depends on how a tie was broken for the comparison: in a list means
in some best list of that kind.

out   the codes of `Standing.barred` (gate, gate-missing, chapter, chapter-missing, unrated, line,
      line-panel); rank; province {province, most}; category {kept_for}
in    rank; line; freed (a quota held a better one back); category {category, least}
both  draw {draw_id, position}; panel {reason}
open  open {matter}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scoring.settlement import Open
    from scoring.solver import Solver


def reasons(
    solver: Solver, statuses: Mapping[str, str], matter: Open | None
) -> dict[str, list[dict[str, Any]]]:
    """Return the reasons of every dossier, at least one each."""
    by_rank = solver.best(solver.costs, quotas="none")
    by_province = solver.best(solver.costs, quotas="provinces")
    without = (by_rank.taken | by_rank.tied, by_province.taken | by_province.tied)
    last = max((solver.costs[name] for name in by_province.taken), default=None)
    found = {}
    for name, status in statuses.items():
        entry = solver.standing[name]
        if entry.barred:
            found[name] = list(entry.barred)
        elif status == "open" and matter is not None:
            found[name] = [{"code": "open", "matter": matter.matter}]
        else:
            found[name] = _settled(solver, name)
            if not found[name] and status == "in":
                found[name] = [_inside(solver, name, *without)]
            elif not found[name]:
                found[name] = [_outside(solver, name, *without, last)]
        if name in solver.judged and not entry.barred:
            found[name].append({"code": "line-panel", "reason": solver.judged[name].reason})
    return found


def _settled(solver: Solver, name: str) -> list[dict[str, Any]]:
    """Return what a draw or a panel decided about a dossier."""
    if name in solver.drawn:
        order = solver.drawn[name]
        position = 1 + order.order.index(name)
        return [{"code": "draw", "draw_id": order.draw_id, "position": position}]
    if name in solver.verdicts:
        return [{"code": "panel", "reason": solver.verdicts[name].reason}]
    return []


def _inside(
    solver: Solver, name: str, by_rank: frozenset[str], by_province: frozenset[str]
) -> dict[str, Any]:
    rules = solver.rules
    if name in by_rank:
        return {"code": "rank" if rules.total is not None else "line"}
    category = solver.standing[name].candidate.category
    least = rules.category_least.get(category, 0)
    if name in by_province or not least:
        return {"code": "freed"}
    return {"code": "category", "category": category, "least": least}


def _outside(
    solver: Solver,
    name: str,
    by_rank: frozenset[str],
    by_province: frozenset[str],
    last: int | None,
) -> dict[str, Any]:
    """Return why a dossier is out; `last` is the worst cost in the list under provinces alone."""
    rules = solver.rules
    if name in by_province:
        kept_for = sorted(code for code, least in rules.category_least.items() if least)
        return {"code": "category", "kept_for": kept_for}
    if name in by_rank or (last is not None and solver.costs[name] < last):
        province = solver.standing[name].candidate.province
        return {"code": "province", "province": province, "most": rules.most(province)}
    return {"code": "rank"}
