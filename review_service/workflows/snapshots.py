"""Everything that can influence a draw, frozen as one record (docs/draw-protocol.md section 2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import PROTOCOL, balanced
from allocation.hashing import h
from review_service.tables import Conflict, Dossier, Draw, Expert, Round, Seat
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.log import stamp
from review_service.workflows.panels import capacity_of, method_of, panels_of
from review_service.workflows.rounds import competing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from sqlmodel import Session

    from review_service.workflows.base import Work
    from review_service.workflows.vacancies import Vacancy


@dataclass(frozen=True)
class Masked:
    """An expert behind a pseudonym, with the salt that opens the identity later."""

    expert: Expert
    pseudonym: str
    salt: bytes

    def entry(
        self, group: Callable[[str, str], str], strata: Mapping[str, str], capacity: int
    ) -> dict[str, Any]:
        """Return the expert's entry of a snapshot.

        `capacity` is how many seats the expert may take. `group` gives codes to employers and so
        on; `strata` maps names to codes, and a stratum that no panel seats has the code S0: its
        experts stay in the list and are passed over.
        """
        name, document = self.expert.name.encode(), self.expert.document.encode()
        return {
            "id": self.pseudonym,
            "stratum": strata.get(self.expert.stratum, "S0"),
            "employer": group("employer", _value(self.expert, "employer")),
            "province": group("province", self.expert.province),
            "capacity": capacity,
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
    work: Work, row: Round, draw_id: str, sources: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[Masked]]:
    """Return the snapshot record of a draw over the round's pool, dossiers and panels.

    Experts in use enter, also those with conflicts everywhere: nobody is dropped from a locked
    list. Suspected conflicts must have been confirmed or dismissed first. The snapshot of a
    balanced round holds its plan; LockError where there can be none.
    """
    dossiers = competing(work.session, pk(row))
    return _record(work, row, draw_id, sources, panels_of(row, dossiers), dossiers)


def supplement(
    work: Work,
    row: Round,
    draw_id: str,
    sources: list[dict[str, Any]],
    open_seats: Sequence[Vacancy],
) -> tuple[dict[str, Any], list[Masked]]:
    """Return the snapshot record for vacant seats alone, their dossiers fixed as once dealt.

    Who sat before, and whom the round's limits bar beside those who sit now, stay in the list
    and are excluded by conflicts with the codes `seated-before` and `limit-reached`.
    """
    here = {one.number: one for one in competing(work.session, pk(row))}
    seats: dict[str, Counter[str]] = {}
    held: dict[str, list[str]] = {}
    for one in open_seats:
        left = [number for number in one.dossiers if number in here]
        if left:  # a panel whose dossiers were all withdrawn needs nobody
            seats.setdefault(one.panel, Counter())[one.stratum] += 1
            held[one.panel] = left
    known = {panel["id"]: panel["class"] for panel in row.rules["panels"]}
    classes = {panel: known.get(panel, here[held[panel][0]].sector) for panel in seats}
    panels = [
        {"id": panel, "class": classes[panel], "seats": dict(seats[panel]),
         "dossiers": held[panel], "deal": False}
        for panel in sorted(seats)
    ]  # fmt: skip
    dossiers = [here[number] for number in sorted({n for few in held.values() for n in few})]
    taken, barred = _barred(work.session, row, seats)
    extra = {(e, d, rule) for e, panel, rule in barred for d in held[panel]}
    return _record(work, row, draw_id, sources, panels, dossiers, extra, taken)


def _barred(
    session: Session, row: Round, seats: Mapping[str, Counter[str]]
) -> tuple[Counter[int], set[tuple[int, str, str]]]:
    """Return the seats that experts hold, and whom a supplementary draw must pass over.

    These are (expert row id, panel, rule). In a balanced round an expert may sit on several
    panels, up to the capacity; in a lottery who sat once doesn't sit again.
    """
    balanced = method_of(row) == "balanced"
    rows = session.exec(
        select(Seat, Expert)
        .join(Expert, col(Expert.id) == col(Seat.expert_id))
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == row.id)
    ).all()
    barred = {
        (pk(expert), panel, "seated-before")
        for seat, expert in rows
        for panel in seats
        if seat.panel == panel or not balanced
    }
    sitting = [(seat, expert) for seat, expert in rows if seat.status != "vacated"]
    taken = Counter(pk(expert) for _, expert in sitting)
    full = [expert for expert, count in taken.items() if count >= capacity_of(row)]
    barred |= {(one, panel, "capacity-reached") for one in full for panel in seats if balanced}
    pool = session.exec(select(Expert).where(Expert.in_use)).all()
    for limit in row.rules["limits"]:
        for panel, wanted in seats.items():
            here = [
                (seat, expert)
                for seat, expert in sitting
                if limit["scope"] == "draw" or seat.panel == panel
            ]
            counts = Counter(_value(expert, limit["field"]) for _, expert in here)
            new = sum(
                sum(one.values())
                for one in (seats.values() if limit["scope"] == "draw" else [wanted])
            )
            over = {value for value, n in counts.items() if value and n + new > limit["max"]}
            barred |= {
                (pk(one), panel, "limit-reached")
                for one in pool
                if _value(one, limit["field"]) in over
            }
    return taken, barred


def _value(expert: Expert, field: str) -> str:
    return (expert.credit_code or expert.employer) if field == "employer" else expert.province


def _record(
    work: Work,
    row: Round,
    draw_id: str,
    sources: list[dict[str, Any]],
    panels: list[dict[str, Any]],
    dossiers: list[Dossier],
    barred: AbstractSet[tuple[int, str, str]] = frozenset(),
    taken: Mapping[int, int] = MappingProxyType({}),
) -> tuple[dict[str, Any], list[Masked]]:
    session = work.session
    undecided = session.exec(
        select(Conflict.id).where(Conflict.round_id == row.id, Conflict.status == "suspected")
    ).all()
    if undecided:
        raise WorkflowError("conflicts-undecided", count=len(undecided))
    experts = list(session.exec(select(Expert).where(Expert.in_use).order_by(col(Expert.number))))
    if not dossiers or not experts:
        raise WorkflowError("nothing-to-draw", experts=len(experts), dossiers=len(dossiers))
    group = _groups(
        work,
        [("employer", _value(one, "employer")) for one in experts]
        + [("province", one.province) for one in experts]
        + [("province", one.province) for one in dossiers],
    )
    masked = [
        Masked(expert, code, work.tools.entropy(32))
        for expert, code in zip(experts, _pseudonyms(work, "e", len(experts)), strict=True)
    ]
    codes = {pk(one.expert): one.pseudonym for one in masked}
    strata = {name: code for code, name in row.rules["strata"].items()}
    pairs = _conflicts(session, row, dossiers) | barred
    most = capacity_of(row)
    found = sorted((codes[e], d, rule) for e, d, rule in pairs if e in codes)
    record = {
        "protocol": PROTOCOL,
        "draw_id": draw_id,
        "method": method_of(row),
        "experts": sorted(
            (
                one.entry(group, strata, max(1, most - taken.get(pk(one.expert), 0)))
                for one in masked
            ),
            key=lambda entry: entry["id"],
        ),
        "panels": sorted(panels, key=lambda panel: panel["id"]),
        "dossiers": [
            {"id": one.number, "class": one.sector, "province": group("province", one.province)}
            for one in sorted(dossiers, key=lambda dossier: dossier.number)
        ],
        "conflicts": [{"expert": e, "dossier": d, "rule": rule} for e, d, rule in found],
        "limits": row.rules["limits"],
        "sources": sources,
        "locked_at": stamp(work.now),
    }
    if record["method"] == "balanced":
        record = balanced.plan(record | {"pair_cap": list(row.rules["pair_cap"])})
    return record, masked


def _conflicts(session: Session, row: Round, dossiers: list[Dossier]) -> set[tuple[int, str, str]]:
    """Return (expert row id, dossier number, rule) of the confirmed pairs on these dossiers."""
    numbers = {one.id: one.number for one in dossiers}
    rows = session.exec(
        select(Conflict.expert_id, Conflict.dossier_id, Conflict.rule).where(
            Conflict.round_id == row.id, Conflict.status == "confirmed"
        )
    )
    return {
        (expert, numbers[dossier], rule) for expert, dossier, rule in rows if dossier in numbers
    }
