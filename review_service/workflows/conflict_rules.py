"""The rules of recusal: each a small function over people and units, with the line it rests on.

A rule yields pairs with their evidence. `confirmed` pairs are excluded at once, `suspected` ones
wait for staff to confirm or dismiss; a draw can't be locked while any is open.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from review_service.workflows.names import Named, core, head, normal, parse_item, similar_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from review_service.exchange.affiliations import Affiliation

CONFIRMED, SUSPECTED = "confirmed", "suspected"


@dataclass(frozen=True)
class Person:
    """What the rules look at in an expert."""

    id: int
    number: str
    name: str
    employer: str
    credit_code: str
    province: str
    avoid_units: tuple[Named, ...] = ()
    avoid_people: tuple[Named, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()


@dataclass(frozen=True)
class Unit:
    """What the rules look at in a dossier: the unit, its head, its related units, its helpers."""

    id: int
    number: str
    name: str
    credit_code: str
    province: str
    prefecture: str
    head: str = ""
    related: tuple[Named, ...] = ()
    prepared: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What a round decides: `since` is the year-month from which ties count (`2019-11`)."""

    since: str
    same_province: bool = False
    same_prefecture: bool = False
    fuzzy_cutoff: int = 85
    requests: tuple[tuple[int, int, str], ...] = ()  # expert id, dossier id, the unit's reason


class Found(NamedTuple):
    """A pair that a rule found."""

    expert: int
    dossier: int
    rule: str
    status: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Units:
    """The dossiers' units with their indexes."""

    all: tuple[Unit, ...]
    by_code: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    by_name: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    by_core: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    by_head: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for one in self.all:
            self.by_code[one.credit_code].append(one)
            self.by_name[normal(one.name)].append(one)
            self.by_core[core(one.name)].append(one)
            if one.head:
                self.by_head[normal(one.head)].append(one)

    def named(self, name: str, code: str = "") -> list[Unit]:
        """Return the units of a credit code or of an equal name."""
        found = self.by_code.get(code, []) if code else []
        return found or self.by_name.get(normal(name), [])


def _differ(a: str, b: str) -> bool:
    return bool(a and b and a != b)


def same_employer_code(people: Sequence[Person], units: Units, _: Terms) -> Iterator[Found]:
    """The expert's employer is the unit, by credit code."""
    for one in people:
        for unit in units.by_code.get(one.credit_code, ()) if one.credit_code else ():
            evidence = {"credit_code": one.credit_code, "employer": one.employer}
            yield Found(one.id, unit.id, "same-employer-code", CONFIRMED, evidence)


def same_employer_name(people: Sequence[Person], units: Units, _: Terms) -> Iterator[Found]:
    """The employer's name is the unit's; with two different credit codes staff must look."""
    for one in people:
        for unit in units.by_name.get(normal(one.employer), ()):
            if one.credit_code and one.credit_code == unit.credit_code:
                continue
            differ = _differ(one.credit_code, unit.credit_code)
            evidence = {"employer": one.employer, "unit": unit.name}
            if differ:
                evidence |= {"credit_code": one.credit_code, "unit_code": unit.credit_code}
            status = SUSPECTED if differ else CONFIRMED
            yield Found(one.id, unit.id, "same-employer-name", status, evidence)


def similar_employer_name(people: Sequence[Person], units: Units, terms: Terms) -> Iterator[Found]:
    """The employer's name is nearly the unit's, or one holds the other at its start."""
    by_employer: dict[str, list[Person]] = defaultdict(list)
    for one in people:
        by_employer[one.employer].append(one)
    employers = list(by_employer)
    seen: set[tuple[int, int]] = set()
    pairs = [(name, unit, 100) for name in employers for unit in _held(name, units)]
    longer = [(name, unit, score) for name, unit, score in _alike(employers, units, terms)]
    for name, unit, score in pairs + longer:
        for one in by_employer[name]:
            equal = normal(name) == normal(unit.name) or (
                one.credit_code and one.credit_code == unit.credit_code
            )
            # Another legal person of nearly the same name is no finding; a department is.
            if equal or (score < 100 and _differ(one.credit_code, unit.credit_code)):
                continue
            if (one.id, unit.id) not in seen and _same_place(one, unit, score):
                seen.add((one.id, unit.id))
                evidence = {"employer": name, "unit": unit.name, "score": score}
                yield Found(one.id, unit.id, "similar-employer-name", SUSPECTED, evidence)


def _held(employer: str, units: Units) -> Iterator[Unit]:
    """Yield units whose name (without its legal form) begins the employer's, or equals it so."""
    name = core(employer)
    for length in range(5, len(name) + 1):
        yield from units.by_core.get(name[:length], ())


def _alike(employers: Sequence[str], units: Units, terms: Terms) -> Iterator[tuple[str, Unit, int]]:
    names = list({unit.name: None for unit in units.all})
    by_name: dict[str, list[Unit]] = defaultdict(list)
    for unit in units.all:
        by_name[unit.name].append(unit)
    for i, j, score in similar_pairs(employers, names, terms.fuzzy_cutoff):
        for unit in by_name[names[j]]:
            yield employers[i], unit, score


def _same_place(one: Person, unit: Unit, score: int) -> bool:
    """Whether two nearly equal names can be one unit: sister institutions differ by their place."""
    if score == 100 or head(one.employer) == head(unit.name):
        return True
    place = unit.prefecture.rstrip("市盟州地区")
    return one.province == unit.province and not (place and place in unit.name)


def related_unit(people: Sequence[Person], units: Units, _: Terms) -> Iterator[Found]:
    """The employer is a parent or controlling unit that the dossier declares."""
    by_code: dict[str, list[Person]] = defaultdict(list)
    by_name: dict[str, list[Person]] = defaultdict(list)
    for one in people:
        by_name[normal(one.employer)].append(one)
        if one.credit_code:
            by_code[one.credit_code].append(one)
    for unit in units.all:
        for item in unit.related:
            for one in by_code.get(item.code, by_name.get(normal(item.name), [])):
                evidence = {"employer": one.employer, "related": item.name, "unit": unit.name}
                yield Found(one.id, unit.id, "related-unit", CONFIRMED, evidence)


def affiliated(people: Sequence[Person], units: Units, terms: Terms) -> Iterator[Found]:
    """The expert works or worked for the unit, or advises it, within the round's years."""
    for one in people:
        for tie in one.affiliations:
            if tie.until and tie.until < terms.since:
                continue
            rule = "adviser" if tie.code == "adviser" else "employed"
            for unit in units.named(tie.unit):
                evidence = {"affiliation": str(tie), "since": terms.since}
                yield Found(one.id, unit.id, rule, CONFIRMED, evidence)


def avoid_unit(people: Sequence[Person], units: Units, _: Terms) -> Iterator[Found]:
    """The expert's own list of units to avoid names the unit."""
    text = "\n".join(core(unit.name) for unit in units.all)
    for one in people:
        for item in one.avoid_units:
            exact = units.named(item.name, item.code) or units.by_core.get(core(item.name), [])
            for unit in exact:
                yield Found(one.id, unit.id, "avoid-unit", CONFIRMED, {"item": item.name})
            part = core(item.name)
            if exact or len(part) < 4 or part not in text:
                continue
            for unit in (unit for unit in units.all if part in core(unit.name)):
                evidence = {"item": item.name, "unit": unit.name}
                yield Found(one.id, unit.id, "avoid-unit", SUSPECTED, evidence)


def avoid_person(people: Sequence[Person], units: Units, _: Terms) -> Iterator[Found]:
    """The expert's own list of people to avoid names the unit's head; staff look at namesakes."""
    for one in people:
        for item in one.avoid_people:
            for unit in units.by_head.get(normal(item.name), ()):
                if item.unit and normal(item.unit) != normal(unit.name):
                    continue
                status = CONFIRMED if item.unit else SUSPECTED
                evidence = {"item": item.name, "head": unit.head, "unit": unit.name}
                yield Found(one.id, unit.id, "avoid-person", status, evidence)


def helped_prepare(people: Sequence[Person], units: Units, _: Terms) -> Iterator[Found]:
    """The dossier names the expert, or the employer, among those who helped prepare it."""
    by_name: dict[str, list[Person]] = defaultdict(list)
    by_employer: dict[str, list[Person]] = defaultdict(list)
    for one in people:
        by_name[normal(one.name)].append(one)
        by_employer[normal(one.employer)].append(one)
    for unit in units.all:
        for item in unit.prepared:
            evidence = {"item": item.name, "unit": unit.name}
            for one in by_employer.get(normal(item.name), ()):
                yield Found(one.id, unit.id, "prepared", CONFIRMED, evidence)
            for one in by_name.get(normal(item.name), ()):
                if item.unit and normal(item.unit) != normal(one.employer):
                    continue
                status = CONFIRMED if item.unit else SUSPECTED
                yield Found(one.id, unit.id, "prepared", status, evidence)


def same_province(people: Sequence[Person], units: Units, terms: Terms) -> Iterator[Found]:
    """The expert is of the province that recommends, where the round excludes that."""
    if not terms.same_province:
        return
    by_province: dict[str, list[Unit]] = defaultdict(list)
    for unit in units.all:
        by_province[unit.province].append(unit)
    for one in people:
        for unit in by_province.get(one.province, ()):
            yield Found(one.id, unit.id, "same-province", CONFIRMED, {"province": one.province})


def same_prefecture(people: Sequence[Person], units: Units, terms: Terms) -> Iterator[Found]:
    """The employer's name holds the prefecture that recommends, where the round excludes that."""
    if not terms.same_prefecture:
        return
    places: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in units.all:
        place = unit.prefecture.rstrip("市盟州地区")
        if len(place) >= 2:
            places[unit.province, place].append(unit)
    by_province: dict[str, list[Person]] = defaultdict(list)
    for one in people:
        by_province[one.province].append(one)
    for (province, place), recommended in places.items():
        for one in by_province.get(province, ()):
            if place in one.employer:
                for unit in recommended:
                    evidence = {"prefecture": unit.prefecture, "employer": one.employer}
                    yield Found(one.id, unit.id, "same-prefecture", CONFIRMED, evidence)


def unit_request(people: Sequence[Person], units: Units, terms: Terms) -> Iterator[Found]:
    """The unit asked in writing that the expert keep away, and staff accepted it."""
    known, dossiers = {one.id for one in people}, {unit.id for unit in units.all}
    for expert, dossier, reason in terms.requests:
        if expert in known and dossier in dossiers:
            yield Found(expert, dossier, "unit-request", CONFIRMED, {"reason": reason})


FINDERS: Final[tuple[Callable[[Sequence[Person], Units, Terms], Iterator[Found]], ...]] = (
    same_employer_code,
    same_employer_name,
    similar_employer_name,
    related_unit,
    affiliated,
    avoid_unit,
    avoid_person,
    helped_prepare,
    same_province,
    same_prefecture,
    unit_request,
)


def search(people: Sequence[Person], units: Iterable[Unit], terms: Terms) -> list[Found]:
    """Return what all rules find: one entry a pair and rule, confirmed before suspected."""
    indexed = Units(tuple(units))
    kept: dict[tuple[int, int, str], Found] = {}
    for finder in FINDERS:
        for found in finder(people, indexed, terms):
            pair = (found.expert, found.dossier, found.rule)
            if pair not in kept or (kept[pair].status, found.status) == (SUSPECTED, CONFIRMED):
                kept[pair] = found
    return [kept[pair] for pair in sorted(kept)]


def parse_items(text: str) -> tuple[Named, ...]:
    """Return the items of a list as the pool and the form keep it."""
    return tuple(parse_item(item) for item in text.split("；") if item)
