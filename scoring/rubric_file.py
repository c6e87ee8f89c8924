"""Reading and writing the record of a rubric; the format is told in docs/selection.md."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any

from scoring.fields import Fields
from scoring.records import plain
from scoring.rubric import Adjustment, Chapter, Criterion, Gate, Level, Rubric, Scale

FORMAT = "rubric/v1"
LARGEST = 10**12
ANCHORED = 5


def read_rubric(record: Any) -> Rubric:
    """Return the validated rubric of a record; ScoringError "rubric" names the wrong field."""
    top = Fields(record, "rubric")
    top.choice("format", (FORMAT,))
    scale = _scale(top.table("scale"))
    rubric = Rubric(
        id=top.text("id"),
        version=top.integer("version", 1, 10**6),
        title_zh=top.text("title_zh"),
        title_en=top.text("title_en"),
        source_zh=top.text("source_zh"),
        source_en=top.text("source_en"),
        scale=scale,
        chapters=tuple(_chapter(chapter, scale) for chapter in top.tables("chapters")),
        gates=tuple(_gate(gate) for gate in top.tables("gates")),
        adjustments=tuple(_adjustment(entry) for entry in top.tables("adjustments")),
    )
    top.done()
    _check_whole(top, rubric)
    return rubric


def _check_whole(top: Fields, rubric: Rubric) -> None:
    if not rubric.chapters:
        top.refuse("chapters", "at least one chapter is needed")
    total = sum((chapter.weight for chapter in rubric.chapters), Decimal(0))
    if total != 100:
        top.refuse("chapters", f"the weights sum to {plain(total)}, not to 100")
    numbers = [chapter.number for chapter in rubric.chapters]
    if numbers != list(range(1, len(numbers) + 1)):
        top.refuse("chapters", f"must be numbered 1 to {len(numbers)} in order, not {numbers}")
    items = [item.id for chapter in rubric.chapters for item in chapter.criteria]
    kinds = {
        "chapters": [chapter.id for chapter in rubric.chapters],
        "chapters.criteria": items,
        "gates": [gate.id for gate in rubric.gates],
        "adjustments": [entry.id for entry in rubric.adjustments],
    }
    for key, ids in kinds.items():
        for name in ids:
            if ids.count(name) > 1:
                top.refuse(key, f"the id {name!r} is used twice")


def _scale(fields: Fields) -> Scale:
    low = fields.integer("low", 0, 1000, default=0)
    high = fields.integer("high", low + 1, 1000)
    step = fields.integer("step", 1, high - low, default=1)
    if (high - low) % step:
        fields.refuse("step", f"{step} doesn't divide the scale from {low} to {high}")
    fields.done()
    return Scale(low, high, step)


def _chapter(fields: Fields, scale: Scale) -> Chapter:
    chapter = Chapter(
        id=_id(fields),
        number=fields.integer("number", 1, 99),
        title_zh=fields.text("title_zh"),
        title_en=fields.text("title_en"),
        weight=_positive(fields, "weight", 100),
        criteria=tuple(_criterion(item, scale) for item in fields.tables("criteria")),
    )
    fields.done()
    total = sum((item.weight for item in chapter.criteria), Decimal(0))
    if total != chapter.weight:
        fields.refuse(
            "criteria", f"the weights sum to {plain(total)}, not to {plain(chapter.weight)}"
        )
    if all(item.optional for item in chapter.criteria):
        fields.refuse("criteria", "at least one must not be optional")
    return chapter


def _criterion(fields: Fields, scale: Scale) -> Criterion:
    item = Criterion(
        id=_id(fields),
        articles=_articles(fields),
        title_zh=fields.text("title_zh"),
        title_en=fields.text("title_en"),
        weight=_positive(fields, "weight", 100),
        guidance_zh=fields.text("guidance_zh"),
        guidance_en=fields.text("guidance_en"),
        anchors=MappingProxyType(_anchors(fields.table("anchors"), scale)),
        optional=fields.flag("optional", default=False),
        sections=_numbers(fields, "sections"),
    )
    fields.done()
    return item


def _anchors(fields: Fields, scale: Scale) -> dict[int, Level]:
    anchors = {}
    levels = scale.levels()
    for key in fields.names():
        if not (key.isdecimal() and key.isascii()) or int(key) not in levels:
            fields.refuse(key, f"is no level from {scale.low} to {scale.high}")
        texts = fields.array(key)
        if len(texts) != 2 or not all(isinstance(text, str) and text.strip() for text in texts):
            fields.refuse(key, "must be two texts, Chinese and English")
        anchors[int(key)] = Level(*texts)
    for level in (scale.low, scale.high):
        if level not in anchors:
            fields.refuse(str(level), "is missing: the ends of the scale need an anchor")
    if len(anchors) < min(ANCHORED, len(levels)):
        fields.refuse("", f"at least {ANCHORED} levels need an anchor, not {len(anchors)}")
    return dict(sorted(anchors.items()))


def _gate(fields: Fields) -> Gate:
    gate = Gate(
        id=_id(fields),
        articles=_articles(fields),
        title_zh=fields.text("title_zh"),
        title_en=fields.text("title_en"),
        indicator=fields.text("indicator"),
        threshold=fields.decimal("threshold", 0, LARGEST),
        unit_zh=fields.text("unit_zh"),
        unit_en=fields.text("unit_en"),
    )
    fields.done()
    return gate


def _adjustment(fields: Fields) -> Adjustment:
    entry = Adjustment(
        id=_id(fields),
        kind=fields.choice("kind", ("bonus", "deduction")),
        articles=_articles(fields),
        title_zh=fields.text("title_zh"),
        title_en=fields.text("title_en"),
        maximum=_positive(fields, "maximum", 100),
    )
    fields.done()
    return entry


def _id(fields: Fields) -> str:
    name = fields.text("id")
    if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        fields.refuse("id", f"must be ASCII letters, digits, - and _, not {name!r}")
    return name


def _positive(fields: Fields, key: str, high: int) -> Decimal:
    number = fields.decimal(key, 0, high)
    if not number:
        fields.refuse(key, "must be more than 0")
    return number


def _articles(fields: Fields) -> tuple[int, ...]:
    numbers = _numbers(fields, "articles")
    if not numbers:
        fields.refuse("articles", "must name at least one article")
    return numbers


def _numbers(fields: Fields, key: str) -> tuple[int, ...]:
    numbers = fields.array(key)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 999:
            fields.refuse(key, f"must be integers from 1, not {number!r}")
    if sorted(set(numbers)) != numbers:
        fields.refuse(key, "must be in ascending order, each once")
    return tuple(numbers)


def write_rubric(rubric: Rubric) -> dict[str, Any]:
    """Return the record of a rubric; every field stands, so that equal rubrics have one form."""
    return {
        "format": FORMAT,
        "id": rubric.id,
        "version": rubric.version,
        "title_zh": rubric.title_zh,
        "title_en": rubric.title_en,
        "source_zh": rubric.source_zh,
        "source_en": rubric.source_en,
        "scale": {"low": rubric.scale.low, "high": rubric.scale.high, "step": rubric.scale.step},
        "chapters": [_write_chapter(chapter) for chapter in rubric.chapters],
        "gates": [_plain_fields(gate) for gate in rubric.gates],
        "adjustments": [_plain_fields(entry) for entry in rubric.adjustments],
    }


def _write_chapter(chapter: Chapter) -> dict[str, Any]:
    return {**_plain_fields(chapter), "criteria": [_write_item(item) for item in chapter.criteria]}


def _write_item(item: Criterion) -> dict[str, Any]:
    anchors = {str(level): list(texts) for level, texts in item.anchors.items()}
    return {**_plain_fields(item), "anchors": anchors}


def _plain_fields(part: Chapter | Criterion | Gate | Adjustment) -> dict[str, Any]:
    return {
        name: plain(value)
        if isinstance(value, Decimal)
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in vars(part).items()
    }
