# ruff: noqa: E501 - a sentence stands on a line of its own
"""A round's rules as the form's fields hold them: lines of panels, seats, moments in Beijing."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext as _
from wtforms import validators

from review_service.web.languages import BEIJING
from review_service.web.words import code_of, known, word
from review_service.workflows.round_rules import LEVELS, MOST, PARTY, PARTY_ROLES
from review_service.workflows.rounds import DEFAULT_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from review_service.tables import Round

CONFLICTS: Final = ("age_limit", "senior_title", "window_years", "fuzzy_cutoff", "same_province", "same_prefecture")  # fmt: skip
PLAIN: Final = ("dossiers_per_prefecture", "dossiers_per_province", "paper_copies", "calibration_first", "publicity_days")  # fmt: skip


def iso(moment: datetime) -> str:
    """Return a moment typed in Beijing's time with its zone."""
    return moment.replace(tzinfo=BEIJING).isoformat()


def read_panel(number: int, line: str) -> dict[str, Any]:
    """Read a line; a colon stands before the numbers of fixed dossiers."""
    before, colon, held = line.replace("：", ":").partition(":")
    parts = before.split()
    seats = read_seats(number, parts[2:])
    if not seats:
        raise validators.ValidationError(
            _(
                "Line %(number)s needs a number, a sector and at least one stratum=count.",
                number=number,
            )
        )
    panel: dict[str, Any] = {"id": parts[0], "class": parts[1], "seats": seats}
    return panel | ({"dossiers": held.split()} if colon else {})


def read_seats(number: int, parts: list[str]) -> dict[str, int]:
    """Read seats as stratum=count; the message names the line."""
    seats: dict[str, int] = {}
    for part in parts:
        stratum, _sign, count = part.partition("=")
        if not stratum or not count.isdecimal() or not 1 <= int(count) <= MOST:
            raise validators.ValidationError(
                _("Line %(number)s: “%(part)s” is not stratum=count.", number=number, part=part)
            )
        seats[stratum] = int(count)
    return seats


def read_parties(text: str) -> list[str]:
    """Read a party a line: a word that pages have for one, or a code that a record can hold."""
    names = [code_of("party", line.strip()) for line in text.splitlines() if line.strip()]
    for name in names:
        if not re.fullmatch(PARTY, name):
            raise validators.ValidationError(
                _(
                    "“%(name)s” can’t name a party. There are: %(known)s; others have a short code of Latin letters, digits and hyphens.",
                    name=name[:40],
                    known=known("party"),
                )
            )
    return names


def filled(row: Round | None = None) -> dict[str, Any]:
    """Return what the form holds for a round's rules, or for a new round the usual ones."""
    rules: dict[str, Any] = DEFAULT_RULES | (row.rules if row else {})
    names = rules["strata"]

    def seats(one: Mapping[str, int]) -> str:
        return " ".join(f"{names.get(code, code)}={count}" for code, count in one.items())

    def local(text: str | None) -> datetime | None:
        return (
            datetime.fromisoformat(text).astimezone(BEIJING).replace(tzinfo=None) if text else None
        )

    each = rules["each"]
    lines = [
        f"{one['id']} {one['class']} {seats(one['seats'])}"
        + (f" ： {' '.join(one['dossiers'])}" if "dossiers" in one else "")
        for one in rules["panels"]
    ]
    days = rules["review_days"] or [None, None]
    found: dict[str, Any] = {name: rules[name] for name in PLAIN}
    usual = DEFAULT_RULES["conflicts"] | {"senior_title": True} | rules["conflicts"]
    found |= {name: usual[name] for name in CONFLICTS}
    found |= {f"deadline_{one}": local(rules["deadlines"].get(one)) for one in LEVELS}
    found |= {f"limit_{one['field']}_{one['scope']}": one["max"] for one in rules["limits"]}
    assumed = rules["assumed"].items()
    found |= {f"assumed_{name}": Decimal(str(value)) for name, value in assumed}
    zone = rules["list"].get("zone") or {}
    return found | {
        "title": row.title if row else "",
        "organisers": "\n".join(usual.get("organisers", ())),
        "method": "each" if each else rules["method"],
        "panels": "\n".join(lines),
        "each_seats": seats(each["seats"]) if each else "",
        "each_capacity": each["capacity"] if each else None,
        **{
            f"parties_{role}": "\n".join(
                word("party", name) for name, by in sorted(rules["parties"].items()) if by == role
            )
            for role in PARTY_ROLES
        },
        "pair_cap": "/".join(map(str, rules["pair_cap"])) if rules["pair_cap"] != [1, 1] else "1",
        "review_from": local(days[0]),
        "review_until": local(days[1]),
        "total": rules["list"].get("total"),
        "province_most": (rules["list"].get("province") or {}).get("most"),
        "zone_low": Decimal(zone["low"]) if zone else None,
        "zone_high": Decimal(zone["high"]) if zone else None,
        "zone_settle": zone.get("settle", "panel"),
    }
