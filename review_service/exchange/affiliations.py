"""Where an expert works or worked besides the employer: `unit/role/year-month of the end`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from review_service.exchange.errors import BadValueError
from review_service.exchange.texts import clean
from review_service.exchange.values import SEPARATORS, as_text, month

# Role as written → code. The first three after article 9 of the Procurement Regulations.
ROLES: Final = {
    "职工": "staff", "董事": "director", "监事": "supervisor", "股东": "shareholder",
    "实际控制人": "controller", "顾问": "adviser", "兼职": "adviser", "客座教授": "adviser",
}  # fmt: skip
_SLASH: Final = re.compile(r"\s*[/／|｜]\s*")
_OPEN: Final = {"", "今", "至今", "现任", "在任"}


@dataclass(frozen=True)
class Affiliation:
    """A tie to a unit; `until` is `2024-06`, empty while it lasts."""

    unit: str
    role: str
    until: str = ""

    @property
    def code(self) -> str:
        """The role's code: staff, director, supervisor, shareholder, controller or adviser."""
        return ROLES[self.role]

    def __str__(self) -> str:
        return f"{self.unit}/{self.role}/{self.until}" if self.until else f"{self.unit}/{self.role}"


def affiliations(raw: Any) -> str:
    """Parse a cell; the canonical text has its items between `；`."""
    value = clean(as_text(raw), lines=True)
    kept = [_one(item) for item in SEPARATORS.split(value) if item.strip()]
    return "；".join(str(one) for one in dict.fromkeys(kept))


def _one(item: str) -> Affiliation:
    parts = _SLASH.split(item.strip())
    if not 2 <= len(parts) <= 3 or not parts[0] or parts[1] not in ROLES:
        raise BadValueError("affiliation", roles=list(ROLES))
    end = parts[2] if len(parts) == 3 else ""
    return Affiliation(parts[0], parts[1], "" if end in _OPEN else month(end))


def parse_affiliations(canonical: str) -> list[Affiliation]:
    """Return the ties of a canonical text, as the pool keeps it."""
    return [_one(item) for item in canonical.split("；") if item]
