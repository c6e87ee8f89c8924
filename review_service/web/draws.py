"""The draw room: commitments, lock, reveals, the draw, and voids that stay in view for ever."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlmodel import col, func, select
from wtforms import DateField, IntegerField, RadioField, StringField, validators

from allocation import lock as locking
from allocation import sources as randomness
from allocation.errors import AllocationError, LockError
from review_service.tables import Draw, DrawSource, LogEvent, Round
from review_service.web.access import access, actor, role
from review_service.web.choices import SelectChoice
from review_service.web.errors import sentence
from review_service.web.headers import allow_camera
from review_service.web.page import attempt, db, draw_or_404, office, round_or_404, stratum_name
from review_service.web.records import limit_texts, lock_warning, numbers_of, steps_of_walk, summary
from review_service.web.words import word
from review_service.workflows import draws, locks, rehearsals, snapshots
from review_service.workflows.base import Work, WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.vacancies import vacancies

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("draws", __name__)
SEEN_BY = ("staff", "approver", "inspector")
EVENTS = 20  # of a draw that its page lists: those from commitment to result are its first


class LockForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """The public source of randomness beside the parties' secrets."""

    source = RadioField(
        _l("Public source beside the parties’ secrets"),
        choices=[
            SelectChoice(
                "drand", _l("a future round of the public beacon (drand quicknet), the safest")
            ),
            SelectChoice(
                "public", _l("a public event not yet held, such as a national lottery draw")
            ),
            SelectChoice("none", _l("none: the parties’ secrets alone")),
        ],
        default="drand",
    )
    minutes = IntegerField(
        _l("Beacon: minutes from now"),
        [validators.Optional(), validators.NumberRange(1, 7 * 24 * 60)],
        default=10,
    )
    name = StringField(_l("Public event: its name"), [validators.Length(max=120)])
    date = DateField(_l("Public event: its date"), [validators.Optional()])

    def validate_source(self, field: RadioField) -> None:
        """Ask for what the chosen source needs."""
        if field.data == "public" and not (self.name.data and self.date.data):
            raise validators.ValidationError(_("A public event needs its name and date."))
        if field.data == "drand" and not self.minutes.data:
            raise validators.ValidationError(_("Say in how many minutes the beacon round lies."))

    def records(self, now: datetime) -> list[dict[str, Any]]:
        """Return the source records of the snapshot."""
        if self.source.data == "drand":
            later = now + timedelta(minutes=self.minutes.data or 0)
            number = randomness.first_round_after(later)
            return [{"kind": "drand", "chain": randomness.CHAIN, "round": number}]
        if self.source.data == "public":
            name, day = (self.name.data or "").strip(), self.date.data
            return [{"kind": "public", "name": name, "date": day.isoformat() if day else ""}]
        return []


@blueprint.get("/rounds/<code>/draws")
@access(*SEEN_BY)
def room(code: str) -> str:
    """The draw room: what would be frozen, who has committed, and every draw so far."""
    return _room(round_or_404(code), LockForm())


def _room(row: Round, form: LockForm) -> str:
    _number, draw_id = draws.next_draw_id(db(), row)
    parties = [
        (name, by, draws.commitment_of(db(), draw_id, name))
        for name, by in sorted(row.rules["parties"].items())
    ]
    rows, waits = draws.draws_of(db(), pk(row))[::-1], due(row)
    return render_template(
        "draws/room.html",
        round=row,
        form=form,
        draw_id=draw_id,
        parties=parties,
        mine=[name for name, by, given in parties if by == role() and given is None],
        ready=all(given for _name, _by, given in parties),
        rows=rows,
        underway=next((one for one in rows if one.status == "locked"), None),
        due=waits,
        preview=_preview(row, draw_id, waits),
    )


def due(row: Round) -> str:
    """Return which draw the round waits for: panels, supplementary, order, or none ("")."""
    if row.status in {"closed", "published"}:  # published: places emptied by objections
        listed = newest(db(), pk(row), "list")
        matter = json.loads(listed.record)["selection"]["open"] if listed else None
        return "order" if matter and matter["how"] == "draw" else ""
    if row.status not in {"open", "reviewing"}:
        return ""
    if not locks.panel_draws(db(), pk(row)):
        return "panels"
    return "supplementary" if vacancies(db(), pk(row)) else ""


def _preview(row: Round, draw_id: str, kind: str) -> dict[str, Any]:
    """Return what a lock would freeze now, and what speaks against it; nothing is stored."""
    now = office().tools.clock().replace(microsecond=0)
    sources = [{"kind": "drand", "chain": randomness.CHAIN, "round": _soon(now)}]
    if kind in {"", "order"}:
        return {}
    work = Work(db(), actor(), office().tools, now)
    try:
        if kind == "panels":
            record, _masked = snapshots.build(work, row, draw_id, sources)
        else:
            missing = vacancies(db(), pk(row))
            record, _masked = snapshots.supplement(work, row, draw_id, sources, missing)
        warnings = locking.lock(record, now=now).warnings
    except (WorkflowError, AllocationError) as error:
        return {"refusal": sentence(named(row, error))}
    return summary(record) | {"warnings": [lock_warning(row, one) for one in warnings]}


def named(row: Round, error: WorkflowError | AllocationError) -> WorkflowError | AllocationError:
    """Return a refusal that calls its stratum by name."""
    if "stratum" in error.facts:
        error.facts["stratum"] = stratum_name(row, error.facts["stratum"])
    if isinstance(error, LockError) and "would_do" in error.facts:
        cells = error.facts["cells"]
        error.facts["cells"] = [[panel, stratum_name(row, one)] for panel, one in cells]
    return error


def _soon(now: datetime) -> int:
    return randomness.first_round_after(now + timedelta(minutes=10))


@blueprint.post("/rounds/<code>/draws/commit")
@access("staff", "inspector")
def commit(code: str) -> Response:
    """Take the commitment of the party that is signed in."""
    row = round_or_404(code)
    party, value = request.form.get("party", ""), request.form.get("commitment", "").strip()
    attempt(
        _("The commitment stands in the log. Keep the secret until the reveal."),
        draws.give_commitment,
        pk(row),
        party,
        value,
    )
    return redirect(url_for("draws.room", code=code), code=303)


@blueprint.post("/rounds/<code>/draws")
@access("staff")
def lock(code: str) -> Response | str:
    """Freeze everything that can influence the draw."""
    row = round_or_404(code)
    form = LockForm()
    if not form.validate_on_submit():
        return _room(row, form)
    use_case = {
        "supplementary": locks.lock_supplementary,
        "order": locks.lock_order,
    }.get(due(row), locks.lock_draw)
    made = attempt(
        _("Locked. From here on nothing that decides the draw can change."),
        use_case,
        pk(row),
        form.records(office().tools.clock()),
    )
    if made is None:
        return redirect(url_for("draws.room", code=code), code=303)
    return redirect(url_for("draws.one", code=code, number=made.number), code=303)


@blueprint.post("/rounds/<code>/draws/rehearse")
@access("staff")
def rehearse(code: str) -> Response | str:
    """A rehearsal on a copy, marked as such; nothing of it is kept but that it happened."""
    row = round_or_404(code)
    done = _("This was a rehearsal. Nothing of it counts, and nothing of it was kept.")
    found = attempt(done, rehearsals.rehearse, pk(row))
    if found is None:
        return redirect(url_for("draws.room", code=code), code=303)
    return render_template(
        "draws/rehearsal.html",
        round=row,
        summary=summary(found["snapshot"]),
        warnings=[lock_warning(row, one) for one in found["warnings"]],
        steps=steps_of_walk(found["result"]),
        reserve=len(found["snapshot"]["experts"]),
    )


@blueprint.get("/rounds/<code>/draws/<int:number>")
@access(*SEEN_BY)
def one(code: str, number: int) -> str:
    """One draw from its lock to its end."""
    row = round_or_404(code)
    draw = draw_or_404(row, number)
    frozen = _frozen(draw.digest)
    record = frozen.record
    sources = [
        _source(draw, source, record["sources"][source.position], row)
        for source in draws.sources_of(db(), draw)
    ]
    of_draw = LogEvent.subject == draw.draw_id
    first = select(LogEvent).where(of_draw).order_by(col(LogEvent.seq)).limit(EVENTS)
    events = db().exec(first).all()
    bodies = [json.loads(one.event) for one in events]
    scans = any(one["mine"] and one["kind"] == "commitment" for one in sources)
    if scans:
        allow_camera()
    return render_template(
        "draws/one.html",
        round=row,
        draw=draw,
        record=record,
        summary=frozen.numbers | {"limits": limit_texts(record)},
        warnings=[lock_warning(row, one) for one in frozen.warnings],
        sources=sources,
        scans=scans,
        revealed=all(source["entry"] for source in sources),
        missing=[source["label"] for source in sources if not source["entry"]],
        seed=next((one["body"]["seed"] for one in bodies if one["type"] == "draw.completed"), ""),
        events=events,
        count=db().exec(select(func.count()).select_from(LogEvent).where(of_draw)).one(),
    )


@dataclass(frozen=True)
class _Frozen:
    """What a page shows of a snapshot: its record without the long lists, these in numbers."""

    record: dict[str, Any]
    numbers: dict[str, Any]
    warnings: locking.Warnings


@lru_cache(maxsize=128)
def _frozen(digest: str) -> _Frozen:
    """Return what was frozen under a digest.

    Where an older version kept no warnings they are found anew, by a rehearsal, which takes long.
    """
    found = select(Draw.snapshot, Draw.warnings, Draw.locked_at).where(Draw.digest == digest)
    snapshot, warned, locked_at = db().exec(found).one()
    record = json.loads(snapshot)
    warnings = json.loads(warned) if warned else locking.lock(record, now=locked_at).warnings
    lists = {"experts", "panels", "dossiers", "conflicts", "plan"}
    short = {name: value for name, value in record.items() if name not in lists}
    return _Frozen(short, numbers_of(record), warnings)


def _source(
    draw: Draw, row: DrawSource, record: dict[str, Any], round_row: Round
) -> dict[str, Any]:
    """Return a source for the page: what was fixed, what was revealed, and who may reveal it."""
    party = record.get("party", "")
    turn = round_row.rules["parties"].get(party) if party else "staff"
    when = None
    if row.kind == "drand":
        when = randomness.beacon_time(record["round"])
    elif row.kind == "public":
        when = datetime.fromisoformat(record["date"]).replace(tzinfo=UTC)
    return {
        "position": row.position,
        "kind": row.kind,
        "label": word("party", party) if party else row.label,
        "record": record,
        "entry": json.loads(row.entry) if row.entry else None,
        "at": row.revealed_at,
        "turn": turn,
        "mine": turn == role() and draw.status == "locked" and row.entry is None,
        "when": when,
        "due": when is None or when <= office().tools.clock(),
    }


@blueprint.post("/rounds/<code>/draws/<int:number>/sources/<int:position>")
@access("staff", "inspector")
def reveal(code: str, number: int, position: int) -> Response:
    """Take a revealed value: a party's secret, the beacon's signature, or the public numbers."""
    row = round_or_404(code)
    draw = draw_or_404(row, number)
    fixed = json.loads(draw.snapshot)["sources"]
    if position >= len(fixed):
        abort(404)
    source = fixed[position]
    value = "".join(request.form.get("value", "").split())
    entry = {
        "commitment": {"kind": "commitment", "party": source.get("party"), "secret": value.lower()},
        "drand": {"kind": "drand", "round": source.get("round"), "signature": value.lower()},
        "public": {"kind": "public", "key": value},
    }[source["kind"]]
    done = _("The value opens what was locked, and stands in the log.")
    attempt(done, draws.reveal_source, pk(draw), position, entry)
    return redirect(url_for("draws.one", code=code, number=number), code=303)


@blueprint.post("/rounds/<code>/draws/<int:number>/complete")
@access("staff")
def complete(code: str, number: int) -> Response:
    """Draw from the revealed values, then show it."""
    row = round_or_404(code)
    draw = draw_or_404(row, number)
    done = attempt(_("Drawn. The result stands in the log."), draws.complete_draw, pk(draw))
    target = "draws.one" if done is None else "shows.show"
    return redirect(url_for(target, code=code, number=number), code=303)


@blueprint.post("/rounds/<code>/draws/<int:number>/void")
@access("staff")
def void(code: str, number: int) -> Response:
    """End a draw without a result; it stays in view with its reason."""
    row = round_or_404(code)
    draw = draw_or_404(row, number)
    reason = request.form.get("reason", "")
    attempt(_("The draw is void and stays in the record."), draws.void_draw, pk(draw), reason)
    return redirect(url_for("draws.one", code=code, number=number), code=303)
