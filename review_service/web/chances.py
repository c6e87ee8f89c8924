"""Before the lock: everybody's chance, what the design can tell apart, and what lowers a chance."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

from allocation.errors import AllocationError
from review_service.exchange.columns import Column
from review_service.exchange.values import as_text
from review_service.exchange.workbooks import write_table
from review_service.web.access import access, actor
from review_service.web.draws import named
from review_service.web.errors import sentence
from review_service.web.page import db, office, round_or_404, stratum_name
from review_service.web.paging import page_of
from review_service.web.records import lock_warning
from review_service.web.words import word
from review_service.workflows import chances
from review_service.workflows.base import Work, WorkflowError, pk
from scoring.errors import ScoringError

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Round
    from review_service.workflows.chances import Line, Preview

blueprint = Blueprint("chances", __name__)
SEEN_BY = ("staff", "approver", "inspector")
ROWS = 100  # of a page
BINS = 80
LEFT, WIDTH, HEIGHT = 150, 1000, 56  # pixels of a strip: its label, all of it, one stratum
_COLUMNS = (
    ("number", "编号", 12), ("name", "姓名", 12), ("employer", "工作单位", 34),
    ("stratum", "类别", 14), ("chance", "机会（期望席位）", 16), ("error", "估计标准误", 12),
    ("low", "低于同类平均", 12), ("why", "成因", 60),
)  # fmt: skip


@dataclass(frozen=True)
class Strip:
    """A stratum's strip: its bars (x, y, height, whether low) and the x of its mean."""

    name: str
    base: float
    bars: tuple[tuple[float, float, float, bool], ...]
    mean: float


@blueprint.get("/rounds/<code>/chances")
@access(*SEEN_BY)
def index(code: str) -> str:
    """What the lock would mean for every expert; nothing of it is stored."""
    row = round_or_404(code)
    try:
        seen = _seen(row)
    except (WorkflowError, AllocationError, ScoringError) as error:
        return render_template(
            "chances/index.html", round=row, seen=None, refusal=sentence(_told(row, error))
        )
    lines = _wanted(seen)
    page = page_of(len(lines), "chances.index", code, size=ROWS)
    return render_template(
        "chances/index.html",
        round=row,
        seen=seen,
        lines=page.of(lines),
        total=len(lines),
        low=sum(line.low for line in seen.lines),
        page=page,
        filters=_filters(),
        strips=strips(row, seen),
        geometry={"width": WIDTH, "left": LEFT, "row": HEIGHT},
        scale=_scale(seen),
        warnings=[lock_warning(row, one) for one in seen.warnings],
        amount=amount,
        why=why,
    )


@blueprint.get("/rounds/<code>/chances.xlsx")
@access(*SEEN_BY)
def export(code: str) -> Response:
    """The experts that the filters leave, with their chances and causes."""
    row = round_or_404(code)
    try:
        seen = _seen(row)
    except (WorkflowError, AllocationError, ScoringError) as error:
        flash(sentence(_told(row, error)), "error")
        return redirect(url_for("chances.index", code=code), code=303)
    columns = [Column(key, title, as_text, width=width) for key, title, width in _COLUMNS]
    rows = [
        {
            "number": line.expert.number,
            "name": line.expert.name,
            "employer": line.expert.employer,
            "stratum": stratum_name(row, line.stratum),
            "chance": amount(line.chance),
            "error": "" if line.error is None else f"{line.error:.3f}",
            "low": "是" if line.low else "",
            "why": why(line),
        }
        for line in _wanted(seen)
    ]
    data = write_table("抽中机会", columns, rows)
    return send_file(io.BytesIO(data), as_attachment=True, download_name=f"{row.code}-机会.xlsx")


def _told(
    row: Round, error: WorkflowError | AllocationError | ScoringError
) -> WorkflowError | AllocationError | ScoringError:
    return error if isinstance(error, ScoringError) else named(row, error)


def _seen(row: Round) -> Preview:
    now = office().tools.clock().replace(microsecond=0)
    work = Work(db(), actor(), office().tools, now)
    return chances.preview(work, pk(row), simulate=request.args.get("simulate") == "yes")


def _filters() -> dict[str, Any]:
    names = ("q", "stratum", "low", "simulate")
    return {name: value for name in names if (value := request.args.get(name, "").strip())}


def _wanted(seen: Preview) -> list[Line]:
    """Return the lines that the page's filters leave."""
    asked = _filters()
    text = asked.get("q", "")
    return [
        line
        for line in seen.lines
        if asked.get("stratum", line.stratum) == line.stratum
        and (line.low or "low" not in asked)
        and (
            any(text in one for one in (line.expert.number, line.expert.name, line.expert.employer))
            or any(text == dossier for dossier, _rule in line.conflicts)
        )
    ]


def amount(value: Fraction | float | None) -> str:
    """Return a chance: an exact one as a fraction too, an unknown one as a dash."""
    if value is None:
        return "–"
    if isinstance(value, Fraction) and value.denominator > 1:
        exact = f"{value.numerator}/{value.denominator}"
        return f"{float(value):.3f} = {exact}" if len(exact) <= 12 else f"{float(value):.3f}"
    return f"{value}" if isinstance(value, Fraction) else f"{value:.3f}"


def why(line: Line) -> str:
    """Return what lowers a chance: conflicts by their rule, or a capacity or limit used up."""
    rules = Counter(word("rule", rule) for _dossier, rule in line.conflicts)
    told = [
        _(
            "%(rule)s: %(dossiers)s",
            rule=name,
            dossiers="、".join(d for d, rule in line.conflicts if word("rule", rule) == name),
        )
        for name in sorted(rules)
    ]
    if line.full == "capacity":
        told.append(_("the own capacity is used up"))
    elif line.full == "limit":
        told.append(_("a limit of the whole draw is used up"))
    if line.low and not told:
        told.append(_("no single conflict is the cause"))
    return "；".join(map(str, told))


def _scale(seen: Preview) -> tuple[tuple[float, str], ...]:
    """Return the ticks of the strips: x and what stands there."""
    top = _top(seen)
    return tuple(
        (LEFT + (WIDTH - LEFT - 40) * n / 4, f"{top * n / 4:.2f}".rstrip("0").rstrip("."))
        for n in range(5)
    )


def _top(seen: Preview) -> float:
    known = [float(line.chance) for line in seen.lines if line.chance is not None]
    return max([*known, 0.0]) or 1.0


def strips(row: Round, seen: Preview) -> tuple[Strip, ...]:
    """Return a strip of chances for each stratum with seats; none where chances aren't known."""
    if seen.method != "balanced" and not seen.runs:
        return ()
    top, room = _top(seen), WIDTH - LEFT - 40
    found = []
    for at, one in enumerate([one for one in seen.strata if one.seats]):
        bars: Counter[int] = Counter()
        low: set[int] = set()
        for line in seen.lines:
            if line.stratum == one.stratum:
                place = round(float(line.chance or 0) / top * BINS)
                bars[place] += 1
                low |= {place} if line.low else set()
        base, most = HEIGHT * (at + 1.0), max(bars.values())
        tall = {place: round(4 + 36 * count / most, 1) for place, count in bars.items()}
        found.append(
            Strip(
                name=stratum_name(row, one.stratum),
                base=base,
                bars=tuple(
                    (round(LEFT + room * place / BINS - 4, 1), base - tall[place], tall[place],
                     place in low)
                    for place in sorted(bars)
                ),
                mean=round(LEFT + room * float(one.mean) / top, 1),
            )
        )  # fmt: skip
    return tuple(found)
