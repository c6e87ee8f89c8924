"""The facts of a dossier that the rules of a list look at, and how a CSV gives them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.gates import GateResult, check_gates
from scoring.records import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scoring.rubric import Rubric
    from scoring.rules import Rules


@dataclass(frozen=True)
class Candidate:
    """One dossier: province and category codes ("" for none), its gates, its chapter scores.

    `chapters` maps chapter ids to scores on the 0-100 scale; None, or absent, is missing.
    """

    id: str
    province: str = ""
    category: str = ""
    gates: tuple[GateResult, ...] = ()
    chapters: Mapping[str, Decimal | int | None] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the facts as a record."""
        return {
            "id": self.id,
            "province": self.province,
            "category": self.category,
            "gates": [gate.facts() for gate in self.gates],
            "chapters": {
                name: None if score is None else plain(Decimal(score))
                for name, score in sorted(self.chapters.items())
            },
        }


def needs_facts(rules: Rules) -> bool:
    """Say whether the rules look at anything of a dossier but its scores."""
    return bool(
        rules.rubric is not None
        or rules.chapters
        or rules.province_most is not None
        or rules.province_only
        or rules.category_least
    )


def read_candidates(path: Path, rules: Rules, rubric: Rubric | None) -> tuple[Candidate, ...]:
    """Return the candidates of a UTF-8 CSV with a header, one dossier a row.

    Columns: `dossier`; `province` and `category` where the rules have such quotas; one for each
    indicator of the rubric's gates, by its name; `chapter.ID` for each chapter with a minimum.
    Other columns are left alone; an empty cell is missing. ScoringError "column", "cell", "csv",
    "short_line" or "dossier_twice" names the line and the column, "rules" a chapter that the
    rubric lacks.
    """
    _check_chapters(rules, rubric)
    rows = _rows(path, _columns(rules, rubric))
    candidates = [_candidate(row, line, rules, rubric) for row, line in rows]
    seen: dict[str, int] = {}
    for candidate, (_, line) in zip(candidates, rows, strict=True):
        if candidate.id in seen:
            raise ScoringError(
                "dossier_twice",
                f"line {line}, column 'dossier': {candidate.id!r} stands in line "
                f"{seen[candidate.id]} already",
                dossier=candidate.id,
                line=line,
            )
        seen[candidate.id] = line
    if not candidates:
        raise ScoringError("no_dossiers", f"{path}: there is no dossier")
    return tuple(candidates)


def _rows(path: Path, columns: list[str]) -> list[tuple[dict[str, str], int]]:
    """Return the rows as dictionaries with their line numbers; blank lines are left out."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        rows = []
        try:
            header = next(reader, [])
            for name in columns:
                if header.count(name) != 1:
                    message = f"line 1: the column {name!r} must stand in the header exactly once"
                    raise ScoringError("column", message, column=name, line=1)
            for row in reader:
                if row and len(row) != len(header):
                    line = reader.line_num
                    message = f"line {line}: {len(row)} cells under a header of {len(header)}"
                    raise ScoringError("short_line", message, line=line)
                if row:
                    rows.append((dict(zip(header, row, strict=True)), reader.line_num))
        except csv.Error as error:
            line = reader.line_num
            raise ScoringError("csv", f"line {line}: {error}", line=line) from None
    return rows


def _check_chapters(rules: Rules, rubric: Rubric | None) -> None:
    known = None if rubric is None else {chapter.id for chapter in rubric.chapters}
    for name in rules.chapters:
        if known is not None and name not in known:
            field = f"chapters.{name}"
            message = f"{field}: the rubric has no such chapter"
            raise ScoringError("rules", message, field=field)


def _columns(rules: Rules, rubric: Rubric | None) -> list[str]:
    names = ["dossier"]
    if rules.province_most is not None or rules.province_only:
        names.append("province")
    if rules.category_least:
        names.append("category")
    if rubric is not None:
        names += sorted({gate.indicator for gate in rubric.gates})
    return names + [f"chapter.{name}" for name in rules.chapters]


def _candidate(row: Mapping[str, str], line: int, rules: Rules, rubric: Rubric | None) -> Candidate:
    name = row["dossier"].strip()
    if not name:
        raise ScoringError(
            "cell", f"line {line}: the dossier has no id", line=line, column="dossier"
        )
    figures: dict[str, Decimal | int | None] = {}
    if rubric is not None:
        for indicator in sorted({gate.indicator for gate in rubric.gates}):
            figures[indicator] = _number(row, indicator, line)
    return Candidate(
        name,
        row.get("province", "").strip(),
        row.get("category", "").strip(),
        () if rubric is None else check_gates(rubric, figures),
        {chapter: _number(row, f"chapter.{chapter}", line) for chapter in rules.chapters},
    )


def _number(row: Mapping[str, str], column: str, line: int) -> Decimal | None:
    text = row[column].strip()
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        message = f"line {line}, column {column!r}: {text!r} is not a number"
        raise ScoringError("cell", message, line=line, column=column, value=text)
    return number
