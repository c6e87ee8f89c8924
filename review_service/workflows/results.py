"""From submitted reviews to a list: the fit and the selection, as records whose bytes repeat.

A computation is stored as the text of its record; the same reviews give the same bytes, so that
anybody may run it again and compare digests. Scores are known by dossier number and pseudonym.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from review_service.tables import Approval, Computation, Dossier, Draw, Review, Round, Seat
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import keep, newest
from review_service.workflows.rounds import competing, rubric_of
from scoring.candidates import Candidate
from scoring.fit import fit
from scoring.gates import check_gates
from scoring.ratings import Ratings
from scoring.records import digest, digest_json
from scoring.rubric import Rubric
from scoring.rules import Rules
from scoring.selection import select as select_dossiers
from scoring.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlmodel import Session

    from review_service.workflows.base import Work

    Row = tuple[str, str, float]
    """(dossier number, pseudonym, score from 0 to 100)."""


def reviewed_by(session: Session, round_id: int) -> list[tuple[str, str]]:
    """Return (dossier number, pseudonym) of every submitted review, sorted."""
    names = pseudonyms(session, round_id)
    rows = session.exec(
        select(Dossier.number, Review.expert_id)
        .join(Dossier, col(Dossier.id) == col(Review.dossier_id))
        .where(Review.round_id == round_id, Review.status == "submitted")
    )
    return sorted((number, names[expert]) for number, expert in rows)


def repeat(
    session: Session, row: Round, again: Mapping[str, Any] | None = None
) -> list[tuple[str, str, str]]:
    """Compute fit and list again from what is stored: (kind, digest kept, digest now) of each.

    Nothing is kept. The list is made with the settlement that its own record names. `again` is
    the record of the fit where a job has computed it already.
    """
    fitted, listed = (newest(session, pk(row), kind) for kind in ("fit", "list"))
    if fitted is None:
        raise WorkflowError("fit-needed", round=row.code)
    again = again or fit_record(input_of(session, row))
    found = [("fit", fitted.digest, digest_json(again))]
    if listed is not None and json.loads(listed.record)["fit"] == fitted.digest:
        kept = json.loads(listed.record)
        selection = select_dossiers(
            again["total"],
            Rules.from_record(row.rules["list"]),
            candidates(session, row, again, {one["dossier"] for one in kept.get("excluded", ())}),
            settled=Settlement.from_record(kept["selection"]["settlement"]),
        )
        # What a list says besides (whom objections took off, what it supersedes) is no result.
        record = kept | {"fit": fitted.digest, "selection": selection.record()}
        found.append(("list", listed.digest, digest(record)))
    return found


def pseudonyms(session: Session, round_id: int) -> dict[int, str]:
    """Return the pool's row id → the pseudonym of the first seat in the round."""
    rows = session.exec(
        select(Seat.expert_id, Seat.pseudonym)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == round_id)
        .order_by(col(Seat.id).desc())  # so that the first seat is the last to be written
    )
    return dict(rows.all())


def submitted(session: Session, round_id: int) -> list[tuple[str, str, dict[str, int]]]:
    """Return (dossier number, pseudonym, levels) of every submitted review, sorted."""
    names = pseudonyms(session, round_id)
    rows = session.exec(
        select(Dossier.number, Review.expert_id, Review.levels)
        .join(Dossier, col(Dossier.id) == col(Review.dossier_id))
        .where(Review.round_id == round_id, Review.status == "submitted")
    )
    found = [(number, names[expert], dict(levels)) for number, expert, levels in rows]
    return sorted(found, key=lambda one: one[:2])


def run_fit(work: Work, round_id: int) -> Computation:
    """Fit the model to the submitted totals, and to each chapter, and keep the record."""
    return keep_fit(work, round_id, fit_record(fit_input(work, round_id)))


def fit_input(work: Work, round_id: int) -> dict[str, Any]:
    """Return what `fit_record` needs of a closed round, as JSON values."""
    return input_of(work.session, _closed(work, round_id))


def input_of(session: Session, row: Round) -> dict[str, Any]:
    """Return what `fit_record` needs, of a round in any state; "no-reviews" where it has none."""
    reviews = submitted(session, pk(row))
    if not reviews:
        raise WorkflowError("no-reviews", round=row.code)
    top = Rules.from_record(row.rules["list"]).total
    return {
        "round": row.code,
        "rubric": json.loads(row.rubric),
        "reviews": reviews,
        "top": top,
        "competing": sorted(racing(session, row)),
    }


def racing(session: Session, row: Round) -> set[str]:
    """Return the numbers of the dossiers that compete for places: admitted, and past every gate."""
    rubric = rubric_of(row)
    return {
        one.number
        for one in competing(session, pk(row))
        if all(gate.passed for gate in check_gates(rubric, indicators(one)))
    }


def fit_record(
    given: Mapping[str, Any], progress: Callable[[int], None] = lambda _percent: None
) -> dict[str, Any]:
    """Return the record of the fits: pure, fit for a process of its own."""
    rubric = Rubric.from_record(given["rubric"])
    totals, chapters = scores(rubric, given["reviews"])
    rated = {name: rows for name, rows in chapters.items() if rows}
    total = fit(ratings_of(totals), top=given["top"], competing=given["competing"]).record()
    parts: dict[str, Any] = {}
    for name, rows in rated.items():
        progress(100 * (1 + len(parts)) // (1 + len(rated)))
        parts[name] = fit(ratings_of(rows), noise="common").record()
    return {
        "round": given["round"],
        "rubric": rubric.digest(),
        "ratings": digest([list(review) for review in given["reviews"]]),
        "total": total,
        "chapters": parts,
    }


def keep_fit(work: Work, round_id: int, record: dict[str, Any]) -> Computation:
    """Keep the record of a fit of this round, as it is closed."""
    row = _closed(work, round_id)
    if record["ratings"] != digest([list(one) for one in submitted(work.session, round_id)]):
        raise WorkflowError("fit-outdated", round=row.code)
    return keep(work, row, "fit", record, digest_json(record))


def scores(
    rubric: Rubric, reviews: list[tuple[str, str, dict[str, int]]]
) -> tuple[list[Row], dict[str, list[Row]]]:
    """Return the rows of totals and, by chapter id, those of chapter totals."""
    totals: list[Row] = []
    chapters: dict[str, list[Row]] = {chapter.id: [] for chapter in rubric.chapters}
    for dossier, reviewer, levels in reviews:
        score = rubric.total(levels)
        if score.total is not None:
            totals.append((dossier, reviewer, float(score.total)))
        for name, part in score.chapters.items():
            if part is not None:
                chapters[name].append((dossier, reviewer, float(part)))
    return totals, chapters


def ratings_of(rows: list[Row]) -> Ratings:
    """Return the ratings of rows as `scores` gives them."""
    dossiers, reviewers, values = zip(*rows, strict=True)
    return Ratings.from_rows(dossiers, reviewers, values)


def run_selection(work: Work, round_id: int) -> Computation:
    """Select under the round's rules from the newest fit, and keep the record."""
    row = _closed(work, round_id)
    fitted = newest(work.session, round_id, "fit")
    if fitted is None:
        raise WorkflowError("fit-needed", round=row.code)
    found = json.loads(fitted.record)
    selection = select_dossiers(
        found["total"],
        Rules.from_record(row.rules["list"]),
        candidates(work.session, row, found),
        settled=settlement(work.session, fitted),
    )
    record = {"round": row.code, "fit": fitted.digest, "selection": selection.record()}
    return keep(work, row, "list", record, digest(record))


def candidates(
    session: Session, row: Round, fitted: Mapping[str, Any], excluded: Collection[str] = ()
) -> tuple[Candidate, ...]:
    """Return the facts of the competing dossiers that the rules look at, without `excluded`."""
    rubric = rubric_of(row)
    means = {
        name: {one["id"]: Decimal(str(one["raw_mean"])) for one in part["dossiers"]}
        for name, part in fitted["chapters"].items()
    }
    return tuple(
        Candidate(
            one.number,
            one.province,
            one.category,
            check_gates(rubric, indicators(one)),
            {name: mean.get(one.number) for name, mean in means.items()},
        )
        for one in competing(session, pk(row))
        if one.number not in excluded
    )


def indicators(dossier: Dossier) -> dict[str, Decimal]:
    """Return a dossier's figures, exactly as they were given."""
    given = dossier.indicators.items()
    return {name: Decimal(str(value)) for name, value in given if value is not None}


def settlement(session: Session, fitted: Computation) -> Settlement:
    """Return what was settled since a fit: approved verdicts on it, and draws of an order."""
    round_id = fitted.round_id
    approved = session.exec(
        select(Approval)
        .where(
            Approval.round_id == round_id,
            Approval.subject == "settlement",
            Approval.status == "approved",
        )
        .order_by(col(Approval.id).desc())
    ).all()
    verdicts = [
        one.content["settlement"] for one in approved if one.content["fit"] == fitted.digest
    ]
    draws = session.exec(
        select(Draw)
        .where(Draw.round_id == round_id, Draw.method == "order", Draw.status == "completed")
        .where(Draw.locked_at >= fitted.made_at)
        .order_by(col(Draw.number))
    )
    orders = [
        {"draw_id": draw.draw_id, "order": json.loads(draw.result or "")["order"]} for draw in draws
    ]
    content = dict(verdicts[0]) if verdicts else Settlement().record()
    return Settlement.from_record(content | {"orders": orders})


def _closed(work: Work, round_id: int) -> Round:
    row = work.one(Round, round_id, lock=True)
    if row.status != "closed":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="closed")
    return row
