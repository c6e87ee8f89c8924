"""Official papers of a list as .docx and .xlsx, made when asked for; of a draw: drawpapers.py."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from flask import abort, render_template, request, url_for
from sqlmodel import col, select

from review_service.exchange import documents_annex as annexes
from review_service.exchange import documents_list as list_papers
from review_service.exchange.documents_tables import listed_table
from review_service.tables import Approval, Dossier, Draw
from review_service.web import diagnosis as words
from review_service.web.access import access, public
from review_service.web.languages import in_chinese
from review_service.web.outcomes import (
    PUBLIC,
    SEEN_BY,
    XLSX,
    blueprint,
    public_round,
    scored_round,
    send_paper,
)
from review_service.web.page import db, office, person, round_or_404
from review_service.web.reasons import reason_text, warning_text
from review_service.web.words import word
from review_service.workflows import publicity
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.diagnosis import diagnosis
from review_service.workflows.results import indicators
from review_service.workflows.rounds import competing, rubric_of
from review_service.workflows.standing import standing
from scoring.gates import check_gates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.wrappers import Response

    from review_service.tables import Round

SPREADS = (("dossier", "材料之间的标准差"), ("reviewer", "专家宽严的标准差"),
           ("residual", "随机误差的标准差"))  # fmt: skip
SHARE = 50  # papers that one request makes
OFFICE = "遴选工作办公室"


@blueprint.get("/rounds/<code>/papers")
@access(*SEEN_BY)
def papers(code: str) -> str:
    """All papers of a round, those that can't be had yet with the reason."""
    row = round_or_404(code)
    draws = select(Draw).where(Draw.round_id == row.id, Draw.status == "completed")
    scored = row.status in {"closed", *PUBLIC}
    return render_template(
        "results/papers.html",
        round=row,
        scored=scored,
        listed=scored and newest(db(), pk(row), "list") is not None,
        published=row.status in PUBLIC,
        draws=list(db().exec(draws.order_by(col(Draw.number)))),
        dossiers=competing(db(), pk(row)) if scored else [],
        share=SHARE,
    )


def _found(row: Round) -> dict[str, Any]:
    return standing(db(), row) or abort(404)


def _facts(row: Round) -> list_papers.ListFacts:
    found = _found(row)
    try:
        numbers, record = publicity.published_numbers(db(), row)
    except WorkflowError:
        abort(404)
    by_number = {one["id"]: one for one in found["dossiers"]}
    with in_chinese():
        units = [
            list_papers.ListedUnit(
                number=name,
                unit=one["dossier"].unit,
                category=one["dossier"].category,
                province=one["dossier"].province,
                adjusted=one["adjusted"],
                expected_rank=one["expected_rank"],
                reason="；".join(reason_text(reason) for reason in one["reasons"]),
            )
            for name, one in ((name, by_number[name]) for name in numbers)
        ]
    made = office().tools.clock()
    return list_papers.ListFacts(row.title, OFFICE, made, units, record.digest, found["fit"].digest)


@blueprint.get("/rounds/<code>/papers/approval.docx")
@access(*SEEN_BY)
def approval_paper(code: str) -> Response:
    """The approval list (审批名单)."""
    row = scored_round(code)
    query = select(Approval).where(
        Approval.round_id == row.id,
        Approval.status == "approved",
        col(Approval.subject).in_(("list", "settlement")),
    )
    with in_chinese():
        decisions = [
            (
                word("subject", one.subject),
                person(one.proposed_by),
                person(one.decided_by or ""),
                one.reason,
            )
            for one in db().exec(query.order_by(col(Approval.id)))
        ]
    return send_paper(
        list_papers.approval_list(_facts(row), decisions), f"{row.code}-审批名单.docx"
    )


@blueprint.get("/rounds/<code>/papers/notice.docx")
@access(*SEEN_BY)
def notice(code: str) -> Response:
    """The notice of publicity (公示), for the period that is fixed, or would be if begun now."""
    row = scored_round(code)
    found = publicity.period(db(), row) or publicity.count_period(
        office().tools.clock(), row.rules["publicity_days"], publicity.calendar_of(db(), row)
    )
    contact = url_for("results.objection", code=row.code, _external=True)
    facts = _facts(row)
    facts = list_papers.ListFacts(**{
        **vars(facts), "units": sorted(facts.units, key=lambda one: (one.province, one.number))
    })  # fmt: skip
    data = list_papers.publicity_notice(facts, found.first, found.last, contact, _revision(row))
    return send_paper(data, f"{row.code}-公示.docx")


def _revision(row: Round) -> list_papers.Revision | None:
    first = publicity.republished_from(db(), row)
    if first is None:
        return None
    found = publicity.changes(db(), row)
    units = {one.number: one.unit for one in competing(db(), pk(row))}
    return list_papers.Revision(
        first, [units[one] for one in found["removed"]], [units[one] for one in found["added"]]
    )


@blueprint.get("/rounds/<code>/papers/annex.docx")
@access(*SEEN_BY)
def annex(code: str) -> Response:
    """The statistics annex."""
    row = scored_round(code)
    found, seen = _found(row), diagnosis(db(), row)
    with in_chinese():
        facts = _annex(row, found, seen)
    return send_paper(annexes.statistics_annex(facts), f"{row.code}-评分统计说明.docx")


def _annex(row: Round, found: dict[str, Any], seen: dict[str, Any] | None) -> annexes.AnnexFacts:
    fitted = json.loads(found["fit"].record)["total"]
    variance = found["variance"]
    flagged = seen["flags"]["flags"] if seen and seen["flags"] else []
    agreed = words.reliability_rows(seen["reliability"]) if seen and seen["reliability"] else []
    digests = [("统计记录摘要", found["fit"].digest)]
    if seen:
        digests.append(("核查记录摘要", seen["digest"]))
    if found["list"]:
        digests.append(("名单记录摘要", found["list"].digest))
    return annexes.AnnexFacts(
        title=row.title,
        made=office().tools.clock(),
        mean=found["mean"],
        spreads=[
            (name, None if variance[key] is None else variance[key] ** 0.5) for key, name in SPREADS
        ],
        noise=fitted["noise"],
        total=fitted["top"],
        lines=[_annex_line(one) for one in found["dossiers"]],
        reliability=[
            (one["name"], f"{one['value']} {one['grade']}", one["says"]) for one in agreed
        ],
        flags=[
            (words.flag_title(one["code"]), "、".join(one["experts"]), words.flag_text(one))
            for one in flagged
        ],
        warnings=[warning_text(one) for one in found["warnings"]],
        digests=digests,
    )


def _annex_line(one: dict[str, Any]) -> annexes.AnnexLine:
    return annexes.AnnexLine(
        number=one["id"],
        unit=one["dossier"].unit,
        reviews=one["n"],
        raw=one["raw_mean"],
        trimmed=one["trimmed_mean"],
        z=one["z_mean"],
        adjusted=one["adjusted"],
        low=one["estimate_low"],
        high=one["estimate_high"],
        rank=one["expected_rank"],
        chance=one["p_top"],
        state=word("place", one["status"]),
    )


@blueprint.get("/rounds/<code>/papers/feedback/<number>.docx")
@access(*SEEN_BY)
def feedback(code: str, number: str) -> Response:
    """What one unit is told of its own dossier."""
    row = scored_round(code)
    found = _found(row)
    data = dict(_feedback(row, found, [number])).get(number) or abort(404)
    return send_paper(data, f"{row.code}-{number}-反馈.docx")


@blueprint.get("/rounds/<code>/papers/feedback.zip")
@access(*SEEN_BY)
def all_feedback(code: str) -> Response:
    """The feedback of the units, a share of so many in one archive, `part` counted from 1."""
    row = scored_round(code)
    found = _found(row)
    part = request.args.get("part", 1, type=int)
    share = sorted(one["id"] for one in found["dossiers"])[(part - 1) * SHARE :][:SHARE]
    if part < 1 or not share:
        abort(404)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:  # the papers are packed
        for number, data in _feedback(row, found, share):
            archive.writestr(f"{row.code}-{number}-反馈.docx", data)
    return send_paper(stream.getvalue(), f"{row.code}-feedback-{part}.zip", "application/zip")


def _feedback(row: Round, found: dict[str, Any], numbers: Sequence[str]) -> list[tuple[str, bytes]]:
    rubric, rows = rubric_of(row), found["dossiers"]
    means = {}
    for chapter in rubric.chapters:
        values = [v for one in rows if (v := one["chapters"].get(chapter.id)) is not None]
        means[chapter.id] = sum(values) / len(values) if values else None
    papers = []
    with in_chinese():
        for one in rows:
            if one["id"] not in numbers:
                continue
            facts = list_papers.UnitFacts(
                title=row.title,
                office=OFFICE,
                made=office().tools.clock(),
                number=one["id"],
                unit=one["dossier"].unit,
                reviews=one["n"],
                raw=one["raw_mean"],
                adjusted=one["adjusted"],
                low=one["estimate_low"],
                high=one["estimate_high"],
                outcome=word("place", one["status"]),
                reasons=[reason_text(reason) for reason in one["reasons"]],
                chapters=[
                    (chapter.title_zh, one["chapters"].get(chapter.id), means[chapter.id])
                    for chapter in rubric.chapters
                ],
                gates=_gates(row, one["dossier"]),
            )
            papers.append((one["id"], list_papers.unit_feedback(facts)))
    return papers


def _gates(row: Round, dossier: Dossier) -> list[tuple[str, str, str, str]]:
    found = []
    for gate in check_gates(rubric_of(row), indicators(dossier)):
        f = gate.facts()
        value, unit = f["value"], f.get("unit_zh", "")
        state = "missing" if gate.missing else "passed" if gate.passed else "failed"
        found.append(
            (
                str(f["title_zh"]),
                "—" if value is None else f"{value} {unit}",
                f"≥ {f['threshold']} {unit}",
                word("gate", state),
            )
        )
    return found


@blueprint.get("/public/<code>/list.xlsx")
@public
def published_table(code: str) -> Response:
    """The published list in Excel."""
    row = public_round(code)
    wanted = set(publicity.published_numbers(db(), row)[0])
    later = set(publicity.changes(db(), row)["added"])
    units = [one for one in competing(db(), pk(row)) if one.number in wanted]
    rows = [
        {
            "number": n,
            "unit": one.unit,
            "category": one.category,
            "province": one.province,
            "note": "递补" if one.number in later else "",
        }
        for n, one in enumerate(sorted(units, key=lambda one: (one.province, one.rank)), 1)
    ]
    return send_paper(listed_table(rows), f"{row.code}-名单.xlsx", XLSX)
