"""What a round's rules may say: one check, for the form, for files and for whoever calls.

`faults` finds all that is wrong; each fault names its rule by a path such as
`conflicts.window_years` and has a code with the facts of its sentence (web/rulewords.py).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from review_service.workflows.base import WorkflowError
from scoring.errors import ScoringError
from scoring.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

METHODS: Final = ("lottery", "balanced")
LEVELS: Final = ("unit", "prefecture", "province")
LIMITS: Final = tuple(
    (name, scope) for name in ("employer", "province") for scope in ("draw", "panel", "cell")
)
PARTY_ROLES: Final = ("staff", "inspector")  # who can give a party's secret
CODE: Final = r"[A-Za-z0-9][A-Za-z0-9-]{1,39}"
PARTY: Final = r"[A-Za-z0-9][A-Za-z0-9-]{0,39}"
TITLE: Final = 120  # characters
MOST: Final = 1000  # of one limit, of an expert's dossiers, of seats of a stratum
ASSUMED: Final = (0.01, 10_000.0)  # squared points
# The whole numbers among the rules, each with the least and the most it may be.
BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "dossiers_per_prefecture": (1, 999),
    "dossiers_per_province": (1, 999),
    "paper_copies": (0, 20),
    "publicity_days": (1, 60),
    "conflicts.age_limit": (30, 120),
    "conflicts.window_years": (0, 30),
    "conflicts.fuzzy_cutoff": (50, 100),
}
_TRUTHS: Final = ("same_province", "same_prefecture", "senior_title")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a rule."""

    rule: str
    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    def error(self) -> WorkflowError:
        """Return the refusal that tells of it."""
        return WorkflowError(self.code, rule=self.rule, **self.facts)


def check_name(code: str, title: str) -> None:
    """Refuse a code or a title that a round can't have: "round-code", "round-title"."""
    # /rounds/new is the page where rounds are made.
    if not isinstance(code, str) or not re.fullmatch(CODE, code) or code == "new":
        raise WorkflowError("round-code", given=str(code))
    check_title(title)


def check_title(title: str) -> None:
    """Refuse an empty or overlong title: WorkflowError "round-title"."""
    if not isinstance(title, str) or not title.strip() or len(title) > TITLE:
        raise WorkflowError("round-title", most=TITLE)


def check_rules(rules: Mapping[str, Any], *, whole: bool = False) -> None:
    """Raise a WorkflowError for the first fault; `whole`: panels are needed too."""
    for fault in faults(rules, whole=whole):
        raise fault.error()


def faults(rules: Mapping[str, Any], *, whole: bool = True) -> list[Fault]:
    """Return all that is wrong with rules that have every key; a draft may lack its panels."""
    parts = (_numbers, _conflicts, _draw, _limits, _moments, _list, _parties)
    found = [fault for part in parts for fault in part(rules)]
    if whole and not rules["panels"] and not rules["each"]:
        found.append(Fault("panels", "round-panels-needed"))
    return found


def _numbers(rules: Mapping[str, Any]) -> Iterator[Fault]:
    for path, (low, high) in BOUNDS.items():
        part, _dot, name = path.rpartition(".")
        table = rules[part] if part else rules
        if not isinstance(table, dict) or (part and name not in table):
            continue  # a rule that isn't given has its usual value
        if not _whole(table[name], low, high):
            facts = {"given": str(table[name]), "low": low, "high": high}
            yield Fault(path, "round-number", facts)
    if not isinstance(rules["calibration_first"], bool):
        yield _shape("calibration_first", rules["calibration_first"])


def _conflicts(rules: Mapping[str, Any]) -> Iterator[Fault]:
    given = rules["conflicts"]
    if not isinstance(given, dict):
        yield _shape("conflicts", given)
        return
    whole = {path.partition(".")[2] for path in BOUNDS if path.startswith("conflicts.")}
    for name, value in given.items():
        path = f"conflicts.{name}"
        if name in _TRUTHS:
            good = isinstance(value, bool)
        elif name == "organisers":
            good = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        else:
            good = name in whole
        if not good:
            yield _shape(path, value)


def _draw(rules: Mapping[str, Any]) -> Iterator[Fault]:
    method, each, cap = rules["method"], rules["each"], rules["pair_cap"]
    if method not in METHODS:
        yield Fault("method", "round-method", {"method": str(method), "known": METHODS})
    if not (_counts(cap) and len(cap) == 2 and cap[0] <= cap[1]):
        yield Fault("pair_cap", "round-pair-cap", {"given": str(cap)})
    if each:
        good = isinstance(each, dict) and set(each) == {"seats", "capacity"}
        if not (good and _seats(each["seats"]) and _whole(each["capacity"], 1, MOST)):
            yield Fault("each", "round-each", {"given": str(each)})
        if method != "balanced" or rules["panels"]:
            yield Fault("panels", "round-each-alone")
    elif isinstance(rules["panels"], list | tuple):
        yield from _panels(rules["panels"], method)
    else:
        yield _shape("panels", rules["panels"])
    yield from _assumed(rules["assumed"])
    if not isinstance(rules["strata"], dict):
        yield _shape("strata", rules["strata"])


def _panels(panels: Sequence[Any], method: str) -> Iterator[Fault]:
    good = []
    for number, one in enumerate(panels, 1):
        if _panel(one):
            good.append(one)
        else:
            yield Fault("panels", "round-panel", {"number": number, "given": str(one)})
    for name, count in Counter(one["id"] for one in good).items():
        if count > 1:
            yield Fault("panels", "round-panel-twice", {"name": name})
    bare = [one["id"] for one in good if "dossiers" not in one]
    if method == "balanced" and bare:
        yield Fault("panels", "round-panels-bare", {"names": bare})
    held = Counter(number for one in good for number in one.get("dossiers", ()))
    if twice := sorted(number for number, count in held.items() if count > 1):
        yield Fault("panels", "panel-dossiers-twice", {"numbers": twice})


def _panel(one: Any) -> bool:
    """Whether this is {"id", "class", "seats"} and perhaps "dossiers", each of its kind."""
    if not isinstance(one, dict) or not {"id", "class", "seats"} <= set(one):
        return False
    if set(one) - {"id", "class", "seats", "dossiers"}:
        return False
    held = one.get("dossiers", [])
    named = all(isinstance(one[key], str) and one[key] for key in ("id", "class"))
    listed = isinstance(held, list | tuple) and all(isinstance(each, str) for each in held)
    return named and listed and _seats(one["seats"])


def _assumed(given: Any) -> Iterator[Fault]:
    for name in ("reviewer", "residual"):
        try:
            value = float(given[name])
        except (KeyError, TypeError, ValueError):
            value = 0.0
        if not ASSUMED[0] <= value <= ASSUMED[1]:
            yield Fault(f"assumed.{name}", "round-assumed", {"given": str(given)})


def _limits(rules: Mapping[str, Any]) -> Iterator[Fault]:
    given = rules["limits"]
    if not isinstance(given, list | tuple):
        yield _shape("limits", given)
        return
    seen = set()
    for one in given:
        good = isinstance(one, dict) and set(one) == {"field", "scope", "max"}
        key = (one["field"], one["scope"]) if good else None
        if key not in LIMITS or key in seen or not _whole(one["max"], 1, MOST):
            yield Fault("limits", "round-limit", {"given": str(one)})
        seen.add(key)


def _moments(rules: Mapping[str, Any]) -> Iterator[Fault]:
    given, days = rules["deadlines"], rules["review_days"]
    if not isinstance(given, dict) or set(given) - set(LEVELS):
        yield _shape("deadlines", given)
        return
    if not isinstance(days, list | tuple) or len(days) > 2:
        yield _shape("review_days", days)
        return
    named = [(f"deadlines.{one}", given[one]) for one in LEVELS if one in given]
    read = [(path, _moment(text)) for path, text in [*named, *(("review_days", d) for d in days)]]
    if bad := [path for path, moment in read if moment is None]:
        yield Fault(bad[0], "round-moment")
        return
    moments = [moment for _path, moment in read if moment]
    until = moments[: len(named) + bool(days)]  # the levels, and then scoring begins
    if until != sorted(until):
        yield Fault("deadlines", "round-deadlines-order")
    if len(days) == 1:
        yield Fault("review_days", "round-review-half")
    elif days and moments[-1] <= moments[-2]:
        yield Fault("review_days", "round-review-order")


def _moment(text: Any) -> datetime | None:
    """Read a time with its zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def _list(rules: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        Rules.from_record(rules["list"])
    except ScoringError as error:
        facts = {"why": str(error.facts.get("why", error))}
        yield Fault(f"list.{error.facts.get('field', '')}".rstrip("."), "round-list", facts)


def _parties(rules: Mapping[str, Any]) -> Iterator[Fault]:
    given = rules["parties"]
    if not isinstance(given, dict) or not all(
        _party(name) and role in PARTY_ROLES for name, role in given.items()
    ):
        yield _shape("parties", given)
    elif not given:
        yield Fault("parties", "round-parties-needed")


def _party(name: Any) -> bool:
    """Whether a record can name a party so: its keys are ASCII."""
    return isinstance(name, str) and bool(re.fullmatch(PARTY, name))


def _shape(path: str, given: Any) -> Fault:
    return Fault(path, "round-rule", {"given": str(given)})


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _counts(values: Any) -> bool:
    """Whether these are whole numbers of at least 1."""
    return isinstance(values, list | tuple) and all(type(n) is int and n >= 1 for n in values)


def _seats(seats: Any) -> bool:
    """Whether this is {stratum: count}, counts from 1 to MOST."""
    return (
        isinstance(seats, dict)
        and bool(seats)
        and all(isinstance(name, str) and name for name in seats)
        and all(_whole(count, 1, MOST) for count in seats.values())
    )
