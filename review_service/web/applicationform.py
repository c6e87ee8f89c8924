"""The application form as a page asks for it: parts, fields, hints; what an autosave answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask_babel import gettext as _

from review_service.exchange import form
from review_service.exchange.form_layout import HINTS
from review_service.web.dossiers import part_names, section_titles
from review_service.web.languages import language
from review_service.web.words import word
from review_service.workflows import applications as cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from review_service.tables import Round
    from review_service.workflows.applications import Reading

# The order of the paper form: what the unit is, then its figures, then the eight sections.
ORDER: Final = (
    "unit", "cover", "legal", "premises", "teachers", "evaluation", "volumes", "occupations",
    "declared", "related", "sections",
)  # fmt: skip
_FIRST: Final = ("unit", "credit_code", "category", "category_other", "sector")
# The figures behind the gates, field → articles, so that a person sees why they are asked for.
_ARTICLES: Final = {
    "premises.equipment_value": "10", "declared.capacity_per_year": "9",
    "declared.equipped_occupations": "10", "declared.experts_per_occupation": "12",
    "declared.pass_rate": "21", "declared.satisfaction": "21",
    **{f"volumes.{year}.{one}": "4" for year in form.YEARS for one in ("total", "senior")},
}  # fmt: skip


@dataclass(frozen=True)
class PageField:
    """A field on the page. `kind` is text, number, long, items, radio or select."""

    path: str
    label: str
    kind: str
    value: str
    hint: str = ""
    problem: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    count: int = 0

    @property
    def id(self) -> str:
        """Return the id of its element: dots would read as classes."""
        return "f-" + self.path.replace(".", "-")


def form_parts(
    row: Round, typed: Mapping[str, str], reading: Reading
) -> list[tuple[str, str, list[PageField]]]:
    """Return the parts of the form: key, title and fields, in the order of the paper."""
    problems = {
        one.field: one.sentence(language()) for one in reading.issues if one.code != "required"
    }
    parts: dict[str, list[PageField]] = {part: [] for part in ORDER}
    parts["unit"] = [_head_field(row, path, typed, problems) for path in _FIRST]
    for one in form.FIELDS:
        parts[one.part].append(_field(one, typed, problems))
    names = part_names() | {"sections": _("Narrative sections")}
    return [(part, names[part], fields) for part, fields in parts.items()]


def _head_field(
    row: Round, path: str, typed: Mapping[str, str], problems: Mapping[str, str]
) -> PageField:
    hints = {"unit": _("Exactly as on the seal."), "sector": _("It decides which panel reviews.")}
    kind = "text"
    choices: tuple[tuple[str, str], ...] = ()
    sectors = cases.sectors_of(row)
    if path == "category":
        kind, choices = "radio", tuple((one, one) for one in form.CATEGORIES)
    elif path == "sector" and sectors:
        kind, choices = "select", tuple((one, one) for one in sectors)
    return PageField(
        path, label_of(path), kind, typed.get(path, ""), hints.get(path, ""),
        problems.get(path, ""), path != "category_other", choices,
    )  # fmt: skip


def _field(one: form.FormField, typed: Mapping[str, str], problems: Mapping[str, str]) -> PageField:
    value = typed.get(one.path, "")
    kinds = {"whole": "number", "decimal": "number", "yes-no": "radio", "month": "text"}
    choices = (("是", _("yes")), ("否", _("no"))) if one.kind == "yes-no" else ()
    return PageField(
        one.path, label_of(one.path), kinds.get(one.kind, one.kind), value, _hint(one),
        problems.get(one.path, ""), one.required, choices, form.characters(value),
    )  # fmt: skip


def _hint(one: form.FormField) -> str:
    if one.kind == "long":
        number = int(one.path.split(".")[1])
        return HINTS[number - 1] if language() == "zh" else ""
    if one.kind == "items":
        return str(_("Several with semicolons between them."))
    if one.kind == "month":
        return str(_("Such as 2022-11 or 2022-11-30."))
    if one.path in _ARTICLES:
        return str(_("Asked for by article %(number)s.", number=_ARTICLES[one.path]))
    return ""


def _head_labels() -> dict[str, str]:
    return {
        "unit": _("Name of the unit"), "credit_code": _("Credit code"), "category": _("Category"),
        "category_other": _("Which other category"), "sector": _("Sector"),
    }  # fmt: skip


def label_of(path: str) -> str:
    """Return a field's label in the language of the page."""
    if path.startswith("sections."):
        _part, number, what = path.split(".")
        title = f"{number}. {section_titles()[int(number) - 1]}"
        return title if what == "text" else str(_("Evidence on pages"))
    if path not in form.BY_PATH:
        return _head_labels().get(path, path)
    one = form.BY_PATH[path]
    return one.zh if language() == "zh" else one.en[:1].upper() + one.en[1:]


def answer_of(row: Round, reading: Reading, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows beside the form: gates, problems by field, counted characters."""
    return {
        "gates": [
            {
                "id": one.gate.id,
                "status": one.status,
                "word": word("gate", one.status),
                "value": "–" if one.value is None else str(one.value),
            }
            for one in reading.gates(row)
        ],
        "problems": {
            one.field: one.sentence(language()) for one in reading.issues if one.code != "required"
        },
        "missing": [
            {"path": one.field, "label": label_of(one.field)}
            for one in reading.issues
            if one.code == "required"
        ],
        "counts": {
            one.path: form.characters(typed.get(one.path, ""))
            for one in form.FIELDS
            if one.kind == "long"
        },
    }
