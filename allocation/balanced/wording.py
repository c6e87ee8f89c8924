"""The report of a plan in lines, for the command that computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOWN = 10  # low chances that are told; the report as a file has more


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return what `allocation.balanced.report` found, one statement a line."""
    highest = report["highest_pair"]
    parts = report["components"]
    error = report["standard_error"]
    where = f"{highest['expert']} for {highest['stratum']} of panel {highest['panel']}"
    sizes = ", ".join(_counted(one["dossiers"], "dossier") for one in parts[:SHOWN])
    more = ", …" if len(parts) > SHOWN else ""
    told = "not given" if error is None else f"{error:.4g} points"
    return [
        *(_spread(one) for one in report["spread"]),
        f"highest pair chance {_amount(highest['chance'])}: {where}",
        f"review graph: {_counted(len(parts), 'component')} of {sizes}{more}",
        f"standard error of a difference: {told}",
        *_low(report["low"]),
    ]


def _spread(one: Mapping[str, Any]) -> str:
    lowest, mean, highest = (_amount(one[name]) for name in ("lowest", "mean", "highest"))
    return (
        f"chances in {one['stratum']}: {_counted(one['experts'], 'expert')}, "
        f"lowest {lowest}, mean {mean}, highest {highest}"
    )


def _low(low: Mapping[str, Any]) -> list[str]:
    told = low["explained"][:SHOWN]
    head = f"below the mean of the stratum: {_counted(low['experts'], 'expert')}"
    if low["experts"] > len(told):
        head += f", the lowest {len(told)} of them"
    return [head, *(_cause(one) for one in told)]


def _cause(one: Mapping[str, Any]) -> str:
    causes = [f"{c['rule']} with {c['dossier']}" for c in one["conflicts"]]
    if one["full"]:
        causes.append(f"{one['full']} used up")
    why = "; ".join(causes) if causes else "no single conflict is the cause"
    return f"  {one['id']} {_amount(one['chance'])} of {_amount(one['mean'])}: {why}"


def _amount(value: Sequence[int]) -> str:
    return str(value[0]) if value[1] == 1 else f"{value[0]}/{value[1]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
