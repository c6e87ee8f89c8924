"""The application form read back from .docx, with a report of everything that couldn't be read.

A field is found by the tag of its content control. Where the control is gone (retyped, or an
older form), the cell right of its label is taken; a label that stands in several places can't be
told apart and is reported.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from review_service.exchange import form
from review_service.exchange import values as v
from review_service.exchange.archives import WORD_LIMIT
from review_service.exchange.columns import key
from review_service.exchange.content import identify
from review_service.exchange.errors import BadValueError, ExchangeError, Issue
from review_service.exchange.form_docx import PROMPT, FormData
from review_service.exchange.form_layout import COVER, HEAD, MAIN, SUPPLEMENT, Label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element  # nosec B405 - a type alone

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W14: Final = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_TICKED: Final = set("☒☑■√✓✔●▣")
_BOXES: Final = _TICKED | set("☐□○▢")
_PICTURES: Final = (f"{_W}drawing", f"{_W}pict", f"{_W}object")
_TRACKED: Final = (f"{_W}ins", f"{_W}del", f"{_W}moveFrom", f"{_W}moveTo")
_PARSERS: Final[dict[str, v.Parser]] = {
    "unit": v.text(120),
    "unit#cover": v.text(120),
    "credit_code": v.credit_code,
    "category_other": v.text(60),
    **{one.path: one.parse for one in form.FIELDS},
}
_LABELS: Final = {
    **{one.path: one.zh for one in form.FIELDS},
    **{path: label for label, path in SUPPLEMENT},
    **HEAD,
    **{path: label for label, path, _ in COVER},
}

# What is printed in the form's table can't be what somebody filled in.
_FIXED: Final = {key(cell.text) for row in MAIN for cell in row if isinstance(cell, Label)}


@dataclass(frozen=True)
class FormFile:
    """What a form holds; `issues` must be put right before it is submitted.

    `issues` name the field by path and label (there are no cell addresses in Word); `indicators`
    are the figures of the gates; `digest` is the SHA-256 of the file in hexadecimal.
    """

    data: FormData
    indicators: Mapping[str, int | str]
    issues: tuple[Issue, ...]
    notices: tuple[Issue, ...]
    digest: str


def read_form(data: bytes, filename: str) -> FormFile:
    """Read a filled form; ExchangeError for a file that is no .docx, everything else as issues."""
    try:
        content = identify(data, filename, unpacked=WORD_LIMIT)
    except ExchangeError as error:
        if error.code == "not-a-table":
            raise ExchangeError("not-a-form", **error.facts) from error
        raise
    if content.archive is None or content.kind != "docx":
        raise ExchangeError("not-a-form", found=f".{content.kind}")
    root = content.archive.xml("word/document.xml")
    return _Reader(root).read(sha256(data).hexdigest())


def _issue(code: str, path: str, value: str = "", **facts: Any) -> Issue:
    label = _LABELS.get(path, path)
    return Issue(
        code, "", field=path, header=label, value=value[:60], facts={"label": label} | facts
    )


class _Reader:
    """Reads one document."""

    def __init__(self, root: Element) -> None:
        self._controls: dict[str, list[Element]] = defaultdict(list)
        self._extra: list[str] = []
        self._right_of = _labelled(root)
        self.issues: list[Issue] = []
        self.notices: list[Issue] = []
        for one in root.iter(f"{_W}sdt"):
            tag = one.find(f"{_W}sdtPr/{_W}tag")
            if tag is not None:
                self._controls[tag.get(f"{_W}val") or ""].append(one)

    def read(self, digest: str) -> FormFile:
        """Return what the document holds."""
        record: dict[str, Any] = {"category_other": self._value("category_other", optional=True)}
        for one in form.FIELDS:
            value: Any
            if one.path == "occupations":
                value = self._occupations()
            elif one.kind == "yes-no":
                value = {"是": True, "否": False, "": None}[self._ticked(one.path, ("是", "否"))]
            else:
                value = self._value(one.path)
            form.put(record, one.path, value)
        category = self._ticked("category", form.CATEGORIES, needed=True)
        unit, cover = self._value("unit"), self._value("unit#cover", optional=True)
        if cover and cover != unit:
            self.issues.append(_issue("unit-differs", "unit#cover", cover, expected=unit))
        if category == "其他" and not record["category_other"]:
            self.issues.append(_issue("category-other", "category_other"))
        found = {issue.field for issue in self.issues}
        self.issues += [one for one in form.check_form(record) if one.field not in found]
        if not unit and "unit" not in found:
            self.issues.append(_issue("required", "unit"))
        self._unknown()
        data = FormData(
            unit, self._value("credit_code"), category, record["category_other"], record
        )
        return FormFile(
            data, form.indicators(record), tuple(self.issues), tuple(self.notices), digest
        )

    def _value(self, path: str, *, optional: bool = False) -> Any:
        """Return a field's parsed value, the field's empty one where nothing can be read."""
        empty = form.BY_PATH[path].empty if path in form.BY_PATH else ""
        shown = self._text(path)
        if shown is None:
            if not optional:
                self.issues.append(_issue("form-part-missing", path))
            return empty
        return self._parsed(path, shown, empty)

    def _parsed(self, path: str, shown: str, empty: Any) -> Any:
        if not shown.strip():
            return empty
        try:
            return _PARSERS[path](shown)
        except BadValueError as error:
            self.issues.append(_issue(error.code, path, shown, **error.facts))
            return empty

    def _text(self, path: str) -> str | None:
        """Return a field's text from its control or beside its label; None where neither is."""
        controls = self._controls.get(path)
        if controls:
            self._look(path, controls[0])
            return _control_text(controls[0])
        cells = self._right_of.get(key(_LABELS.get(path, "")), [])
        if len(cells) != 1:
            return None
        self._look(path, cells[0])
        shown = _text(cells[0])
        # A section's cell holds its hint and the line of pages beside the text.
        lines = [
            line for line in shown.split("\n") if not re.match(r"^（.*）$|^证明材料页码", line)
        ]
        return "\n".join(lines)

    def _occupations(self) -> str:
        tags = [tag for tag in self._controls if tag.startswith("occupations#")]
        if not tags:
            self.issues.append(_issue("form-part-missing", "occupations"))
        shown = [_control_text(one) for tag in tags for one in self._controls[tag]]
        text = "；".join(one for one in shown if one.strip())
        return str(self._parsed("occupations", text, ""))

    def _ticked(self, path: str, choices: tuple[str, ...], *, needed: bool = False) -> str:
        """Return the choice whose box is ticked; an issue where it isn't exactly one."""
        ticked = [
            one for one in choices if any(map(_is_ticked, self._controls.get(f"{path}={one}", ())))
        ]
        known = [one for one in choices if f"{path}={one}" in self._controls]
        if not known:
            cells = self._right_of.get(key(_LABELS[path]), [])
            if len(cells) != 1:
                self.issues.append(_issue("form-part-missing", path))
                return ""
            ticked = _ticked_in(_text(cells[0]), choices)
        if len(ticked) > 1 or (needed and not ticked):
            self.issues.append(_issue("form-checkbox", path, count=len(ticked)))
        return ticked[0] if len(ticked) == 1 else ""

    def _look(self, path: str, element: Element) -> None:
        """Report pictures that are passed over and changes that nobody accepted."""
        pictures = sum(1 for name in _PICTURES for _ in element.iter(name))
        if pictures:
            self.notices.append(_issue("form-picture", path, count=pictures))
        if any(True for name in _TRACKED for _ in element.iter(name)):
            self.issues.append(_issue("form-tracked", path))

    def _unknown(self) -> None:
        choices = {f"category={one}" for one in form.CATEGORIES}
        choices |= {"evaluation.qualified=是", "evaluation.qualified=否"}
        for tag, controls in self._controls.items():
            if tag not in _PARSERS and tag not in choices and not tag.startswith("occupations#"):
                text = _control_text(controls[0])[:40] or tag
                self.notices.append(Issue("form-extra", "", field=tag, facts={"text": text}))


def _text(element: Element) -> str:
    """Return the text of an element: paragraphs and breaks as lines, deleted text left out."""
    lines = ["".join(_pieces(one)) for one in element.iter(f"{_W}p")]
    return "\n".join(lines) if lines else "".join(_pieces(element))


def _pieces(element: Element) -> Iterator[str]:
    for one in element.iter():
        if one.tag == f"{_W}t":
            yield one.text or ""
        elif one.tag in {f"{_W}br", f"{_W}cr"}:
            yield "\n"
        elif one.tag == f"{_W}tab":
            yield " "


def _control_text(control: Element) -> str:
    """Return what was typed into a control; a prompt that still shows is nothing."""
    if control.find(f"{_W}sdtPr/{_W}showingPlcHdr") is not None:
        return ""
    content = control.find(f"{_W}sdtContent")
    shown = "" if content is None else _text(content)
    return "" if shown.strip() == PROMPT else shown


def _is_ticked(control: Element) -> bool:
    # The sign shown counts: programs that don't know the box let people type over it.
    marks = [one for one in _control_text(control) if one in _BOXES]
    if marks:
        return marks[0] in _TICKED
    state = control.find(f"{_W}sdtPr/{_W14}checkbox/{_W14}checked")
    return state is not None and state.get(f"{_W14}val") in {"1", "true"}


def _ticked_in(text: str, choices: tuple[str, ...]) -> list[str]:
    """Return the choices before which a ticked sign stands, in a text such as `☑是 □否`."""
    found = []
    for choice in choices:
        place = text.find(choice)
        marks = [one for one in text[:place] if one in _BOXES] if place >= 0 else []
        if marks and marks[-1] in _TICKED:
            found.append(choice)
    return found


def _labelled(root: Element) -> dict[str, list[Element]]:
    """Return label → the cells right of it, over all tables."""
    found: dict[str, list[Element]] = defaultdict(list)
    for row in root.iter(f"{_W}tr"):
        cells = list(row.iter(f"{_W}tc"))
        for left, right in itertools.pairwise(cells):
            label = key(_text(left))
            if label and key(_text(right)) not in _FIXED:
                found[label].append(right)
    return found
