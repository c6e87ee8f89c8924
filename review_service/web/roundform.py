# ruff: noqa: E501 - a field's help stands on a line of its own
"""The form of a round, read into rules; its fields stand in `roundfields`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    SelectField,
    StringField,
    validators,
)

from review_service.web.choices import SelectChoice
from review_service.web.errors import sentence
from review_service.web.roundfields import RuleFields
from review_service.web.roundlines import (
    CONFLICTS,
    PLAIN,
    iso,
    read_panel,
    read_parties,
    read_seats,
)
from review_service.web.words import word
from review_service.workflows.round_rules import (
    CODE,
    LEVELS,
    LIMITS,
    faults,
)
from review_service.workflows.rounds import DEFAULT_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CAP = re.compile(r"\s*([1-9]\d{0,5})\s*(?:[/／]\s*([1-9]\d{0,5}))?\s*")


class RulesForm(RuleFields):
    """The form of a round: its fields read into rules, and checked together as a file's are."""

    parties: dict[str, str]
    panel_rows: Sequence[dict[str, Any]] = ()
    each_rows: Mapping[str, int] = {}
    kept: Mapping[str, Any] = DEFAULT_RULES  # what the form doesn't show stays as it is here

    def sections(self) -> list[tuple[str, str, list[Any]]]:
        """Return the form's parts: key, title, fields."""
        titles = {
            "round": _("The round"), "applying": _("Applying and recommending"),
            "pool": _("Who may be an expert"), "conflicts": _("Recusal"), "draw": _("The draw"),
            "scoring": _("Scoring"), "list": _("List and publicity"),
        }  # fmt: skip
        return [
            (key, title, [self[name] for name in _PARTS[key] if name in self])
            for key, title in titles.items()
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        """Check each field, then the rules together: an empty moment is no field's fault."""
        good = bool(super().validate(extra_validators))
        for fault in faults(self.rules()):
            one = self[_field_of(fault.rule)]
            if not one.errors:  # a field that can't be read is told of already
                one.errors = [*one.errors, _TOLD.get(fault.code) or sentence(fault.error())]
                good = False
        return good

    def validate_panels(self, field: Any) -> None:
        """Read the panels; the message names the line that is wrong."""
        lines = enumerate((field.data or "").splitlines(), 1)
        self.panel_rows = [read_panel(number, line) for number, line in lines if line.strip()]

    def validate_each_seats(self, field: Any) -> None:
        """Read the seats of each dossier."""
        self.each_rows = read_seats(1, (field.data or "").split())

    def validate_parties_staff(self, field: Any) -> None:
        """Read the parties of staff."""
        self.parties = {}
        self._add_parties("staff", field)

    def validate_parties_inspector(self, field: Any) -> None:
        """Read the parties of discipline inspection."""
        self._add_parties("inspector", field)

    def _add_parties(self, role: str, field: Any) -> None:
        for name in read_parties(field.data or ""):
            if name in self.parties:
                twice = _("“%(name)s” stands twice.", name=word("party", name))
                raise validators.ValidationError(twice)
            self.parties[name] = role

    def validate_zone_high(self, field: Any) -> None:
        """Ask for both figures or neither, the lower one first."""
        low, high = self.zone_low.data, field.data
        if (low is None) != (high is None):
            raise validators.ValidationError(_("Give both figures of the zone, or neither."))
        if low is not None and low >= high:
            raise validators.ValidationError(_("The second figure must be the higher one."))

    def validate_pair_cap(self, field: Any) -> None:
        """Ask for a fraction of at most 1."""
        found = _CAP.fullmatch(field.data or "")
        if not found:
            raise validators.ValidationError(_("A fraction of at most 1, such as 1/2."))

    def rules(self) -> dict[str, Any]:
        """Return the rules as the workflow takes them; what the form doesn't know is kept."""
        kept = self.kept
        cap = _CAP.fullmatch(self.pair_cap.data or "1")
        each = self.method.data == "each"
        own = {name: self[name].data for name in PLAIN}
        own["method"] = "balanced" if each else self.method.data
        own["each"] = (
            {"seats": dict(self.each_rows), "capacity": self.each_capacity.data} if each else {}
        )
        own["panels"] = list(self.panel_rows)
        own["pair_cap"] = [int(cap[1]), int(cap[2] or 1)] if cap else [1, 1]
        own["assumed"] = {one: str(self[f"assumed_{one}"].data) for one in ("reviewer", "residual")}
        own["limits"] = [
            {"field": field, "scope": scope, "max": most}
            for field, scope in LIMITS
            if (most := self[f"limit_{field}_{scope}"].data)
        ]
        own["deadlines"] = {
            one: iso(last) for one in LEVELS if (last := self[f"deadline_{one}"].data)
        }
        own["review_days"] = [
            iso(one.data) for one in (self.review_from, self.review_until) if one.data
        ]
        units = [one.strip() for one in (self.organisers.data or "").splitlines() if one.strip()]
        conflicts = {name: self[name].data for name in CONFLICTS} | {"organisers": units}
        own["conflicts"] = {**kept["conflicts"], **conflicts}
        own["parties"] = dict(self.parties)
        places = {
            "total": self.total.data,
            "province": {"most": self.province_most.data},
            "zone": self._zone(),
        }
        own["list"] = {**kept["list"], **places}
        return {**kept, **own}

    def _zone(self) -> dict[str, str] | None:
        low, high = self.zone_low.data, self.zone_high.data
        if low is None or high is None:
            return None
        return {"low": f"{low:f}", "high": f"{high:f}", "settle": str(self.zone_settle.data)}


class NewRound(RulesForm):
    """The form of a round that isn't yet made: its code and rubric are chosen once."""

    code = StringField(
        _l("Short code of the round"),
        [
            validators.InputRequired(),
            validators.Regexp(rf"^{CODE}$", message=_l("Letters, digits and hyphens, at least two.")),
            validators.NoneOf(["new"]),  # /rounds/new is this page
        ],
        description=_l("Letters, digits and hyphens, such as 2026-skills; it stands in every draw number."),
    )  # fmt: skip
    rubric = SelectField(
        _l("Rubric"), choices=[SelectChoice("skills-base-2022", "skills-base-2022")],
        description=_l("Annex 1 of notice 162: seven chapters, articles 1 to 24."),
    )  # fmt: skip


# What the form says in its own words, since its fields are laid out otherwise than the rules.
_TOLD: Final = {
    "round-each": _l("Say below how many experts each dossier needs, and the most dossiers of an expert."),
    "round-each-alone": _l("Where each dossier is a panel of its own, no panels stand here."),
    "round-pair-cap": _l("A fraction of at most 1, such as 1/2."),
}  # fmt: skip
_FIELDS: Final = {
    "deadlines": "deadline_province", "review_days": "review_until", "each": "method",
    "list.total": "total", "list.province.most": "province_most", "list.category": "total",
    "assumed.reviewer": "assumed_reviewer", "assumed.residual": "assumed_residual",
    "limits": "limit_employer_draw", "parties": "parties_staff", "list.zone": "zone_high",
    "list.zone.low": "zone_high", "list.zone.high": "zone_high",
    "list.zone.settle": "zone_settle",
}  # fmt: skip


def _field_of(rule: str) -> str:
    """Return the name of the field that a rule is entered in; the title's for what has none."""
    name = rule.removeprefix("conflicts.")
    found = _FIELDS.get(rule, name)
    return found if found in _NAMES else "title"


_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "round": ("title", "code", "rubric"),
    "applying": ("dossiers_per_prefecture", "dossiers_per_province", "deadline_unit", "deadline_prefecture", "deadline_province", "paper_copies"),
    "pool": ("age_limit", "senior_title", "organisers"),
    "conflicts": ("window_years", "fuzzy_cutoff", "same_province", "same_prefecture"),
    "draw": ("method", "panels", "each_seats", "each_capacity", "pair_cap", *(f"limit_{field}_{scope}" for field, scope in LIMITS), "parties_staff", "parties_inspector", "assumed_reviewer", "assumed_residual"),
    "scoring": ("review_from", "review_until", "calibration_first"),
    "list": ("total", "province_most", "zone_low", "zone_high", "zone_settle", "publicity_days"),
}  # fmt: skip
_NAMES: Final = frozenset(name for names in _PARTS.values() for name in names) - {"code", "rubric"}
