"""Values of cells: each parser takes what a cell holds and gives a plain value, or says why not.

Numbers in text columns are taken where nothing was lost: an 18-digit identity number kept as a
number has lost its last digits, and is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from review_service.exchange.errors import BadValueError
from review_service.exchange.texts import clean, narrow

Parser = Callable[[Any], Any]

EXACT: Final = 10**15  # Excel keeps 15 significant digits
SEPARATORS: Final = re.compile(r"[；;\n]+")
_COMMAS: Final = re.compile(r"[；;，,、\n]+")
_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?E\+?\d+")
_EMAIL: Final = re.compile(r"[^@\s\"'<>(),;:]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_MOBILE: Final = re.compile(r"1[3-9]\d{9}")
_LANDLINE: Final = re.compile(
    r"(0\d{2,3}-?\d{7,8}|400-?\d{3}-?\d{4}|400\d-?\d{3}-?\d{3})(-\d{1,6})?"
)
_NAME: Final = re.compile(r"[^\W\d_]+(?:[·•‧・. '’-][^\W\d_]+)*")
_DATE: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2})\s*日?|\s*月)?")
YES: Final = {"是": True, "在用": True, "启用": True, "有": True, "y": True, "yes": True, "1": True,
              "true": True, "√": True, "否": False, "停用": False, "不在用": False, "无": False,
              "n": False, "no": False, "0": False, "false": False, "×": False}  # fmt: skip


def kind_of(raw: Any) -> str:
    """Return what a cell holds, for messages."""
    if isinstance(raw, bool):
        return "true/false"
    if isinstance(raw, int | float):
        return "number"
    if isinstance(raw, dt.date | dt.time | dt.timedelta):
        return "date"
    return "text"


def as_text(raw: Any) -> str:
    """Return a cell's content as it was typed; numbers without a needless fraction."""
    if isinstance(raw, bool):
        return "TRUE" if raw else "FALSE"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < EXACT:
        return str(int(raw))
    if isinstance(raw, dt.datetime) and raw.time() == dt.time():
        return raw.date().isoformat()
    return str(raw)


def _digits(raw: Any) -> str:
    """Return a number or code kept as text, or as a number that lost nothing."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if abs(raw) >= EXACT or raw != int(raw):
            raise BadValueError("number-destroyed")
        return str(int(raw))
    if not isinstance(raw, str):
        raise BadValueError("not-text", kind=kind_of(raw))
    text = narrow(clean(raw))
    if _SCIENTIFIC.fullmatch(text):
        raise BadValueError("number-destroyed")
    return text


def text(limit: int, *, lines: bool = False, numbers: bool = True) -> Parser:
    """A text of at most `limit` characters; numbers are taken as typed unless forbidden."""

    def parse(raw: Any) -> str:
        if not isinstance(raw, str) and (not numbers or kind_of(raw) != "number"):
            raise BadValueError("not-text", kind=kind_of(raw))
        value = clean(as_text(raw), lines=lines)
        if len(value) > limit:
            raise BadValueError("too-long", length=len(value), limit=limit)
        return value

    return parse


def person(raw: Any) -> str:
    """A person's name: letters of any script, with dots, blanks or hyphens inside."""
    value: str = text(60, numbers=False)(raw)
    if " " in value and not value.isascii():
        value = (
            "".join(value.split()) if all(one >= "\u2e80" or one == " " for one in value) else value
        )
    if not _NAME.fullmatch(value):
        odd = next(
            (one for one in value if not one.isalpha() and one not in "·•‧・. '’-"), value[-1]
        )
        raise BadValueError("character", character=odd, place=value.index(odd) + 1)
    return re.sub("[•‧・]", "·", value)


def identity(raw: Any) -> str:
    """An identity number (checked by its check digit and date) or another document's number."""
    value = _digits(raw)
    if len(value) == 18 and (value[:17].isdigit() or value.isdigit()):
        return _identity_card(value)
    if value.isdigit() and len(value) >= 14:
        raise BadValueError("document-length", length=len(value))
    if len(value) == 18:
        raise BadValueError("document-format")
    if not re.fullmatch(
        r"[A-Z0-9]{5,20}", value.replace("-", "").replace("(", "").replace(")", "")
    ):
        raise BadValueError("document-other")
    return value


def _identity_card(value: str) -> str:
    if not value[:17].isdigit() or value[17] not in "0123456789X" or not value.isascii():
        raise BadValueError("document-format")
    if ric.calc_check_digit(value) != value[17]:
        raise BadValueError("document-checksum")
    try:
        ric.get_birth_date(value)
    except ValidationError as error:
        raise BadValueError("document-date") from error
    return value


def is_identity_card(document: str) -> bool:
    """Whether a checked document number is an identity card's."""
    return len(document) == 18 and document[:17].isdigit()


def credit_code(raw: Any) -> str:
    """A unified social credit code (GB 32100-2015), 18 characters."""
    value = _digits(raw)
    try:
        # stdnum takes only digits in the first places; registrars A, N and Y exist as well.
        if value[:1] in {"A", "N", "Y"} and len(value) == 18:
            valid = uscc.calc_check_digit(value[:17]) == value[17]
        else:
            valid = bool(uscc.validate(value))
    except InvalidLength as error:
        raise BadValueError("credit-code", detail=f"{len(value)}") from error
    except InvalidChecksum as error:
        raise BadValueError("credit-code", detail="校验位不符 check digit") from error
    except (ValidationError, ValueError) as error:
        raise BadValueError("credit-code", detail="字符不符 characters") from error
    if not valid:
        raise BadValueError("credit-code", detail="校验位不符 check digit")
    return value


def phone(raw: Any) -> str:
    """A mobile or landline number in half width, without blanks and the country's prefix."""
    value = re.sub(r"^(\+|00)86-?", "", _digits(raw).replace("（", "(").replace("－", "-"))
    value = re.sub(r"^\((0\d{2,3})\)", r"\1-", value)
    mobile = value.replace("-", "")
    if _MOBILE.fullmatch(mobile):
        return mobile
    if _LANDLINE.fullmatch(value):
        return value
    raise BadValueError("phone")


def email(raw: Any) -> str:
    """An e-mail address."""
    value = clean(as_text(raw))
    if len(value) > 254 or not _EMAIL.fullmatch(value):
        raise BadValueError("email")
    return value


def choice(names: Mapping[str, Any], shown: tuple[str, ...] = ()) -> Parser:
    """One of the names (also in other case or width), mapped to its value."""
    known = {narrow(name): value for name, value in names.items()}
    choices = shown or tuple(names)

    def parse(raw: Any) -> Any:
        found = known.get(narrow(as_text(raw)))
        if found is None:
            raise BadValueError("choice", choices=list(choices))
        return found

    return parse


yes_no: Final = choice(YES, ("是", "否"))


def whole(low: int, high: int) -> Parser:
    """A whole number from `low` to `high`."""

    def parse(raw: Any) -> int:
        number = exact(raw)
        if number is None or number != int(number) or not low <= number <= high:
            raise BadValueError("integer", low=low, high=high)
        return int(number)

    return parse


def decimal(low: int, high: int, places: int = 2) -> Parser:
    """A number from `low` to `high`, exact to `places`; a percent sign at the end is dropped."""

    def parse(raw: Any) -> Decimal:
        number = exact(raw)
        if number is None or not low <= number <= high:
            raise BadValueError("number", low=low, high=high)
        rounded = round(number, places)
        # Binary fractions such as 92.3 come within a hair; anything else was meant finer.
        if abs(rounded - number) > Decimal("1e-9"):
            raise BadValueError("number", low=low, high=high)
        return rounded.normalize() + 0 if rounded else Decimal(0)

    return parse


def exact(raw: Any) -> Decimal | None:
    """Return what a cell or a text gives as an exact number; None where it gives none."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | float):
        return Decimal(repr(raw)) if raw == raw and abs(raw) != float("inf") else None  # noqa: PLR0124 - NaN
    if not isinstance(raw, str):
        return None
    shown = narrow(raw).replace("−", "-").removesuffix("%")
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", shown):
        shown = shown.replace(",", "")
    try:
        number = Decimal(shown)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def month(raw: Any) -> str:
    """A year and month (a day is dropped) as `2024-06`."""
    return date(raw)[:7]


def date(raw: Any) -> str:
    """A date as `2022-11-30`; a bare number is refused, since it may count from 1900 or 1904."""
    if isinstance(raw, dt.datetime | dt.date):
        return raw.isoformat()[:10]
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 1 <= raw < 100_000:
        if 1900 <= raw <= 2100 and raw == int(raw):
            raise BadValueError("date")
        days = dt.timedelta(days=int(raw))
        raise BadValueError(
            "date-as-number",
            as_1900=(dt.date(1899, 12, 30) + days).isoformat(),
            as_1904=(dt.date(1904, 1, 1) + days).isoformat(),
        )
    found = _DATE.fullmatch(clean(raw)) if isinstance(raw, str) else None
    if found is None:
        raise BadValueError("date")
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3] or 1)).isoformat()
    except ValueError as error:
        raise BadValueError("date") from error


def items(limit: int = 200, *, commas: bool = True) -> Parser:
    """A list in one cell, items between semicolons, line breaks or commas; joined by `；`."""

    def parse(raw: Any) -> str:
        value = clean(as_text(raw), lines=True)
        found = (_COMMAS if commas else SEPARATORS).split(value)
        kept = list(dict.fromkeys(one.strip() for one in found if one.strip()))
        for number, one in enumerate(kept, 1):
            if len(one) > limit:
                raise BadValueError("item", item=number, text=one[:20])
        return "；".join(kept)

    return parse
