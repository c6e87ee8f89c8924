"""The snapshot: everything that can influence a draw, as values (protocol section 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocation import PROTOCOL
from allocation.canonical import canonical
from allocation.errors import RecordError
from allocation.fields import CONTROL, HEX32, Fields, sorted_unique
from allocation.hashing import h

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = ("lottery", "balanced", "order")


@dataclass(frozen=True, slots=True)
class Expert:
    """An entry of the list: a pseudonym, its stratum, group codes, capacity and sealed identity."""

    id: str
    stratum: str
    employer: str
    province: str
    capacity: int
    identity: str


@dataclass(frozen=True)
class Panel:
    """Seats by stratum, dossiers fixed by hand, and whether the rest of its class is dealt."""

    id: str
    class_: str
    seats: Mapping[str, int]
    dossiers: tuple[str, ...]
    deal: bool


@dataclass(frozen=True)
class Dossier:
    """A dossier; dealt within its class."""

    id: str
    class_: str
    province: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pair that must not meet, with the code of the rule."""

    expert: str
    dossier: str
    rule: str


@dataclass(frozen=True)
class Limit:
    """At most `max` experts of one value of `field` in a scope."""

    field: str
    scope: str
    max: int


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of any method; what the method doesn't use is empty.

    `record` is its source and `digest` H("snapshot", canonical bytes of the record): 32 bytes.
    """

    draw_id: str
    method: str
    experts: tuple[Expert, ...]
    panels: tuple[Panel, ...]
    dossiers: tuple[Dossier, ...]
    conflicts: tuple[Conflict, ...]
    limits: tuple[Limit, ...]
    entries: tuple[str, ...]
    take: int
    sources: tuple[Mapping[str, Any], ...]
    locked_at: str
    record: Mapping[str, Any]
    digest: bytes

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Snapshot:
        """Return the snapshot of a record; RecordError names the path of what is wrong."""
        digest = h("snapshot", canonical(record))
        top = Fields(record, "$")
        if top.text("protocol") != PROTOCOL:
            raise RecordError("protocol", f"$.protocol: this is not {PROTOCOL}", path="$.protocol")
        method = top.one_of("method", METHODS)
        draw_id = top.text("draw_id")
        head, _, number = draw_id.rpartition("/draw/")
        if not head or not re.fullmatch("[1-9][0-9]*", number, re.ASCII):
            raise RecordError("draw-id", "$.draw_id: round id + /draw/ + number", path="$.draw_id")
        common: dict[str, Any] = {
            "draw_id": draw_id,
            "method": method,
            "sources": tuple(_source(one) for one in top.objects("sources")),
            "locked_at": top.time("locked_at"),
            "record": record,
            "digest": digest,
        }
        if not common["sources"]:
            raise RecordError("sources", "$.sources: at least one source", path="$.sources")
        parties = [one["party"] for one in common["sources"] if one["kind"] == "commitment"]
        if len(set(parties)) < len(parties):
            raise RecordError("party", "$.sources: a party appears twice", path="$.sources")
        body = _order(top) if method == "order" else _seating(top, method)
        top.done()
        return cls(**common, **body)


def _order(top: Fields) -> dict[str, Any]:
    entries = sorted_unique(top.texts("entries"), "$.entries")
    take = top.integer("take", 1)
    if take > len(entries):
        raise RecordError("take", f"$.take: {take} of {len(entries)} entries", path="$.take")
    empty: dict[str, Any] = dict.fromkeys(
        ("experts", "panels", "dossiers", "conflicts", "limits"), ()
    )
    return empty | {"entries": tuple(entries), "take": take}


def _seating(top: Fields, method: str) -> dict[str, Any]:
    experts = _experts(top, method)
    panels = tuple(_panel(one) for one in top.objects("panels"))
    dossiers = tuple(_dossier(one) for one in top.objects("dossiers"))
    for name, rows in (("experts", experts), ("panels", panels), ("dossiers", dossiers)):
        sorted_unique([row.id for row in rows], f"$.{name}")
    conflicts = _conflicts(top)
    sorted_unique([(c.expert, c.dossier, c.rule) for c in conflicts], "$.conflicts")
    limits = tuple(_limit(one) for one in top.objects("limits"))
    if len({(one.field, one.scope) for one in limits}) < len(limits):
        raise RecordError("duplicate", "$.limits: a field has two in one scope", path="$.limits")
    if method == "balanced":
        top.take("pair_cap"), top.take("plan")
    _known(panels, dossiers, conflicts, {one.id for one in experts})
    return {
        "experts": experts,
        "panels": panels,
        "dossiers": dossiers,
        "conflicts": conflicts,
        "limits": limits,
        "entries": (),
        "take": 0,
    }


def _known(
    panels: tuple[Panel, ...],
    dossiers: tuple[Dossier, ...],
    conflicts: tuple[Conflict, ...],
    experts: set[str],
) -> None:
    classes = {one.id: one.class_ for one in dossiers}
    held: set[str] = set()
    for panel in panels:
        for dossier in panel.dossiers:
            path = f"$.panels[{panel.id}].dossiers"
            if dossier not in classes:
                raise RecordError("unknown-id", f"{path}: no dossier {dossier}", id=dossier)
            if dossier in held:
                raise RecordError("duplicate", f"{path}: {dossier} is held twice", id=dossier)
            held.add(dossier)
    dealt = {panel.class_ for panel in panels if panel.deal}
    for dossier, class_ in classes.items():
        if dossier not in held and class_ not in dealt:
            raise RecordError("undealt", f"no panel takes dossier {dossier}", id=dossier)
    for one in conflicts:
        if one.expert not in experts or one.dossier not in classes:
            raise RecordError(
                "unknown-id", f"$.conflicts: {one.expert} × {one.dossier} is no pair", id=one.expert
            )


def _experts(top: Fields, method: str) -> tuple[Expert, ...]:
    """Return the experts, the plain ones at once; any other row is read field by field."""
    rows, found = _listed(top, "experts"), []
    for at, row in enumerate(rows):
        try:
            one = Expert(**row)
            texts = "".join(  # noqa: FLY002 - unlike an f-string it refuses what is no text
                (one.id, one.stratum, one.employer, one.province, one.identity)
            )
            plain = (
                one.id
                and one.stratum
                and not CONTROL.search(texts)
                and HEX32.fullmatch(one.identity)
                and type(one.capacity) is int
                and (one.capacity == 1 or (one.capacity > 1 and method == "balanced"))
            )
        except TypeError:  # a field is missing or unknown, or no text; or the row is no object
            plain = None
        found.append(one if plain else _expert(Fields(row, f"{top.path}.experts[{at}]"), method))
    return tuple(found)


def _conflicts(top: Fields) -> tuple[Conflict, ...]:
    """Return the conflicts, the plain ones at once; any other row is read field by field."""
    rows, found = _listed(top, "conflicts"), []
    for at, row in enumerate(rows):
        try:
            one = Conflict(**row)
            texts = "".join((one.expert, one.dossier, one.rule))  # noqa: FLY002 - as above
            plain = one.expert and one.dossier and one.rule and not CONTROL.search(texts)
        except TypeError:  # as above
            plain = None
        found.append(one if plain else _conflict(Fields(row, f"{top.path}.conflicts[{at}]")))
    return tuple(found)


def _listed(top: Fields, name: str) -> list[Any]:
    """Return a list of rows, whatever they are; RecordError for what is no list."""
    rows = top.take(name)
    return rows if isinstance(rows, list) else [one.record for one in top.objects(name)]


def _expert(row: Fields, method: str) -> Expert:
    capacity = row.integer("capacity", 1)
    if method == "lottery" and capacity != 1:
        raise RecordError("capacity", f"{row.path}.capacity: 1 in a lottery", path=row.path)
    expert = Expert(
        row.text("id"), row.text("stratum"), row.free("employer"), row.free("province"), capacity,
        row.hex("identity", 32),
    )  # fmt: skip
    row.done()
    return expert


def _panel(row: Fields) -> Panel:
    seats = row.take("seats")
    if not isinstance(seats, dict) or not seats:
        raise RecordError("seats", f"{row.path}.seats: strata with their seats", path=row.path)
    counts = Fields(seats, f"{row.path}.seats")
    panel = Panel(
        row.text("id"),
        row.text("class"),
        {name: counts.integer(name, 1) for name in sorted(seats)},
        tuple(row.texts("dossiers")),
        row.boolean("deal"),
    )
    row.done()
    return panel


def _dossier(row: Fields) -> Dossier:
    dossier = Dossier(row.text("id"), row.text("class"), row.free("province"))
    row.done()
    return dossier


def _conflict(row: Fields) -> Conflict:
    conflict = Conflict(row.text("expert"), row.text("dossier"), row.text("rule"))
    row.done()
    return conflict


def _limit(row: Fields) -> Limit:
    limit = Limit(
        row.one_of("field", ("employer", "province")),
        row.one_of("scope", ("draw", "panel", "cell")),
        row.integer("max", 1),
    )
    row.done()
    return limit


def _source(row: Fields) -> dict[str, Any]:
    kind = row.one_of("kind", ("commitment", "drand", "public"))
    if kind == "commitment":
        row.text("party"), row.hex("commitment", 32)
    elif kind == "drand":
        row.hex("chain", 32), row.integer("round", 1)
    else:
        row.text("name"), row.date("date")
    row.done()
    return dict(row.record)
