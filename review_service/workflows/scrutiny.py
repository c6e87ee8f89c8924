"""What the statistics find odd in a round's scores, with the reviews behind each flag."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from review_service.tables import Expert, LogEvent
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.diagnosis import diagnosis
from review_service.workflows.results import pseudonyms, submitted
from scoring.records import digest

if TYPE_CHECKING:
    from sqlmodel import Session

    from review_service.tables import Round


@dataclass(frozen=True)
class Flag:
    """A flag of `scoring.flags`; `events` pairs each of its facts with numbers of the log."""

    code: str
    experts: tuple[str, ...]
    figures: dict[str, Any]
    p: float | None
    events: tuple[tuple[dict[str, Any], tuple[int, ...]], ...]


@dataclass(frozen=True)
class Scrutiny:
    """All flags of a round's newest fit, how much was looked at, and what couldn't be."""

    flags: tuple[Flag, ...]
    experts: int
    pairs: int
    reasons: dict[str, str]


def scrutinise(session: Session, row: Round) -> Scrutiny:
    """Look at the reviews that the newest fit was made of.

    The flags are those of the stored diagnosis, as the results page shows them. WorkflowError
    "fit-needed" before there is a fit, "fit-outdated" where reviews changed since or nobody looked
    behind this fit, or the code for which flags can't be had.
    """
    fitted = newest(session, pk(row), "fit")
    if fitted is None:
        raise WorkflowError("fit-needed", round=row.code)
    record = json.loads(fitted.record)
    reviews = submitted(session, pk(row))
    if record["ratings"] != digest([list(one) for one in reviews]):
        raise WorkflowError("fit-outdated", round=row.code)
    seen = diagnosis(session, row)
    if seen is None:
        raise WorkflowError("fit-outdated", round=row.code)
    found = seen["flags"]
    if found is None:
        raise WorkflowError(seen["refused"]["flags"], round=row.code)
    where = _submissions(session, row)
    return Scrutiny(
        tuple(_flag(one, where) for one in found["flags"]),
        len(found["experts"]),
        found["pairs"],
        found["reasons"],
    )


def _flag(one: dict[str, Any], where: dict[tuple[str, str], int]) -> Flag:
    experts = tuple(one["experts"])
    events = tuple(
        (fact, tuple(sorted(where[who, fact["dossier"]] for who in experts
                            if (who, fact["dossier"]) in where)))
        for fact in one["events"]
    )  # fmt: skip
    return Flag(one["code"], experts, one["figures"], one["p"], events)


def _submissions(session: Session, row: Round) -> dict[tuple[str, str], int]:
    """Return (pseudonym, dossier) → number of the event in which the review was submitted."""
    numbers = {
        key: number
        for key, number in session.exec(select(Expert.id, Expert.number))
        if key is not None
    }
    by_number = {
        numbers[key]: name for key, name in pseudonyms(session, pk(row)).items() if key in numbers
    }
    rows = session.exec(
        select(LogEvent.seq, LogEvent.private).where(
            LogEvent.type == "review.submitted",
            LogEvent.subject == row.code,
            col(LogEvent.private).is_not(None),
        )
    )
    found = {}
    for seq, private in rows:
        value = json.loads(private or "")["value"]
        found[by_number.get(value["expert"], ""), value["dossier"]] = seq
    return found
