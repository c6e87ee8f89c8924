"""Everything that can influence a draw, frozen as one record (docs/draw-protocol.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import PROTOCOL
from allocation.hashing import h
from review_service.tables import Conflict, Dossier, Expert, Round
from review_service.workflows.base import WorkflowError
from review_service.workflows.log import stamp
from review_service.workflows.rounds import competing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from review_service.workflows.base import Work


@dataclass(frozen=True)
class Masked:
    """An expert behind a pseudonym, with the salt that opens the identity later."""

    expert: Expert
    pseudonym: str
    salt: bytes

    def entry(self, group: Callable[[str, str], str]) -> dict[str, Any]:
        """Return the expert's entry of a snapshot; `group` gives codes to employers and so on."""
        name, document = self.expert.name.encode(), self.expert.document.encode()
        employer = self.expert.credit_code or self.expert.employer
        return {
            "id": self.pseudonym,
            "stratum": self.expert.stratum,
            "employer": group("employer", employer),
            "province": group("province", self.expert.province),
            "capacity": 1,
            "identity": h("identity", self.salt, name, document).hex(),
        }


def _pseudonyms(work: Work, prefix: str, count: int) -> list[str]:
    """Return distinct random codes: neither pool order nor any earlier draw shows in them."""
    codes: dict[str, None] = {}
    while len(codes) < count:
        codes[f"{prefix}{work.tools.entropy(5).hex()}"] = None
    return list(codes)


def _groups(work: Work, values: Iterable[tuple[str, str]]) -> Callable[[str, str], str]:
    kinds = sorted({pair for pair in values if pair[1]})
    codes = dict(zip(kinds, _pseudonyms(work, "g", len(kinds)), strict=True))
    return lambda kind, value: codes.get((kind, value), "")


def build(
    work: Work, round_row: Round, draw_id: str, sources: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[Masked]]:
    """Return the snapshot record of a lottery over the round's pool, dossiers and panels.

    Experts in use enter, also those with conflicts everywhere: nobody is dropped from a locked
    list. Suspected conflicts must have been confirmed or dismissed first.
    """
    session, round_id = work.session, round_row.id
    open_pairs = session.exec(
        select(Conflict.id).where(Conflict.round_id == round_id, Conflict.status == "suspected")
    ).all()
    if open_pairs:
        raise WorkflowError("conflicts-undecided", count=len(open_pairs))
    experts = list(session.exec(select(Expert).where(Expert.in_use).order_by(col(Expert.number))))
    dossiers = competing(session, round_row.id or 0)
    if not dossiers or not experts:
        raise WorkflowError("nothing-to-draw", experts=len(experts), dossiers=len(dossiers))
    group = _groups(
        work,
        [("employer", one.credit_code or one.employer) for one in experts]
        + [("province", one.province) for one in experts]
        + [("province", one.province) for one in dossiers],
    )
    masked = [
        Masked(expert, code, work.tools.entropy(32))
        for expert, code in zip(experts, _pseudonyms(work, "e", len(experts)), strict=True)
    ]
    codes = {one.expert.id: one.pseudonym for one in masked}
    record = {
        "protocol": PROTOCOL,
        "draw_id": draw_id,
        "method": "lottery",
        "experts": sorted((one.entry(group) for one in masked), key=lambda entry: entry["id"]),
        "panels": sorted(_panels(round_row), key=lambda panel: panel["id"]),
        "dossiers": [
            {"id": one.number, "class": one.sector, "province": group("province", one.province)}
            for one in sorted(dossiers, key=lambda dossier: dossier.number)
        ],
        "conflicts": _conflicts(work, round_row, codes, dossiers),
        "limits": round_row.rules["limits"],
        "sources": sources,
        "locked_at": stamp(work.now),
    }
    return record, masked


def _panels(round_row: Round) -> list[dict[str, Any]]:
    if not round_row.rules["panels"]:
        raise WorkflowError("no-panels", round=round_row.code)
    return [
        {"id": panel["id"], "class": panel["class"], "seats": panel["seats"], "dossiers": [],
         "deal": True}
        for panel in round_row.rules["panels"]
    ]  # fmt: skip


def _conflicts(
    work: Work, round_row: Round, codes: dict[int | None, str], dossiers: list[Dossier]
) -> list[dict[str, str]]:
    numbers = {one.id: one.number for one in dossiers}
    rows = work.session.exec(
        select(Conflict.expert_id, Conflict.dossier_id, Conflict.rule).where(
            Conflict.round_id == round_row.id, Conflict.status == "confirmed"
        )
    )
    found = {
        (codes[expert], numbers[dossier], rule)
        for expert, dossier, rule in rows
        if expert in codes and dossier in numbers
    }
    return [{"expert": e, "dossier": d, "rule": r} for e, d, r in sorted(found)]
