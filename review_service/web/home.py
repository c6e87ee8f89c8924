"""The front page, a new round, the overview of a round; language and text size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlmodel import col, select
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
    validators,
)

from review_service.tables import Approval, Conflict, Dossier, Draw, Pledge, Review, Round
from review_service.web.access import access, public, role
from review_service.web.choices import SelectChoice
from review_service.web.languages import BEIJING, LANGUAGES
from review_service.web.page import attempt, db, round_or_404, safe_next
from review_service.web.steps import Counts, steps_of
from review_service.workflows import reviews, rounds
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@public
def index() -> str | Response:
    """All rounds for staff, the published ones for others; experts and inspectors have desks."""
    if role() == "expert":
        return redirect(url_for("desk.index"))
    if role() == "unit":
        return redirect(url_for("applications.index"))
    if role() in {"prefecture", "province"}:
        return redirect(url_for("recommending.index"))
    if role() == "inspector":
        return redirect(url_for("inspection.index"))
    query = select(Round).order_by(col(Round.id).desc())
    if role() not in {"staff", "approver", "inspector"}:
        query = query.where(col(Round.status).in_(("published", "final")))
    return render_template("home/index.html", rounds=db().exec(query).all())


@blueprint.post("/language/<code>")
@public
def switch_language(code: str) -> Response:
    """Switch the language and stay on the page."""
    if code not in LANGUAGES:
        abort(404)
    session["language"] = code
    return redirect(safe_next(), code=303)


@blueprint.post("/text-size")
@public
def switch_text() -> Response:
    """Switch large type on or off and stay on the page."""
    session["large_text"] = not session.get("large_text")
    return redirect(safe_next(), code=303)


class NewRound(FlaskForm):  # type: ignore[misc]  # untyped library
    """What a round decides before anything is drawn or scored."""

    code = StringField(
        _l("Short code of the round"),
        [
            validators.InputRequired(),
            validators.Regexp(r"^[a-z0-9][a-z0-9-]{1,39}$"),
            validators.NoneOf(["new"]),  # /rounds/new is this page
        ],
        description=_l(
            "Small letters, digits and hyphens, such as 2026-skills; "
            "it stands in every draw number."
        ),
    )  # fmt: skip
    title = StringField(
        _l("Name of the round"), [validators.InputRequired(), validators.Length(max=120)]
    )
    rubric = SelectField(
        _l("Rubric"), choices=[SelectChoice("skills-base-2022", "skills-base-2022")]
    )
    panels = TextAreaField(
        _l("Panels and their seats"),
        [validators.InputRequired()],
        description=_l(
            "One panel a line: number, sector of its dossiers, then seats as stratum=count. "
            "Example: P01 装备制造 技术=4 管理=3"
        ),
    )  # fmt: skip
    total = IntegerField(
        _l("Places on the list"), [validators.InputRequired(), validators.NumberRange(1, 10_000)],
        default=31,
    )  # fmt: skip
    province_most = IntegerField(
        _l("Most places per province"),
        [validators.InputRequired(), validators.NumberRange(1, 1000)],
        default=5,
    )  # fmt: skip
    same_province = BooleanField(
        _l("An expert may not review dossiers of the own province"),
    )
    publicity_days = IntegerField(
        _l("Working days of publicity"),
        [validators.InputRequired(), validators.NumberRange(1, 60)],
        default=5,
    )  # fmt: skip

    review_from = DateTimeLocalField(
        _l("Scoring begins (Beijing, may be left open)"), [validators.Optional()]
    )
    review_until = DateTimeLocalField(
        _l("Scoring ends (Beijing, may be left open)"), [validators.Optional()],
        description=_l("Goes out with the invitations as a calendar file; later is late."),
    )  # fmt: skip
    calibration_first = BooleanField(
        _l("Calibration dossiers, where there are any, are scored before all others"),
        default=True,
    )

    def validate_review_until(self, field: DateTimeLocalField) -> None:
        """Ask for both ends of the review days, in their order."""
        if bool(field.data) != bool(self.review_from.data):
            raise validators.ValidationError(_("Give both the first and the last moment."))
        if field.data and self.review_from.data and field.data <= self.review_from.data:
            raise validators.ValidationError(_("Scoring ends after it begins."))

    def validate_panels(self, field: TextAreaField) -> None:
        """Read the panels; the message names the line that is wrong."""
        self.panel_rows = [
            _panel(number, line)
            for number, line in enumerate((field.data or "").splitlines(), 1)
            if line.strip()
        ]
        names = [one["id"] for one in self.panel_rows]
        for name in names:
            if names.count(name) > 1:
                raise validators.ValidationError(_("Panel %(name)s stands twice.", name=name))

    def rules(self) -> dict[str, Any]:
        """Return the rules as the workflow takes them."""
        usual = rounds.DEFAULT_RULES
        listing = usual["list"] | {
            "total": self.total.data,
            "rubric": self.rubric.data,
            "province": {"most": self.province_most.data},
        }
        return {
            "panels": self.panel_rows,
            "conflicts": usual["conflicts"] | {"same_province": self.same_province.data},
            "list": listing,
            "publicity_days": self.publicity_days.data,
            "calibration_first": self.calibration_first.data,
            "review_days": [
                moment.data.replace(tzinfo=BEIJING).isoformat()
                for moment in (self.review_from, self.review_until)
                if moment.data
            ],
        }


def _panel(number: int, line: str) -> dict[str, Any]:
    parts = line.split()
    seats: dict[str, int] = {}
    for part in parts[2:]:
        stratum, _sign, count = part.partition("=")
        if not stratum or not count.isdecimal() or not 1 <= int(count) <= 1000:
            raise validators.ValidationError(
                _("Line %(number)s: “%(part)s” is not stratum=count.", number=number, part=part)
            )
        seats[stratum] = int(count)
    if not seats:
        raise validators.ValidationError(
            _(
                "Line %(number)s needs a number, a sector and at least one stratum=count.",
                number=number,
            )
        )
    return {"id": parts[0], "class": parts[1], "seats": seats}


@blueprint.route("/rounds/new", methods=["GET", "POST"])
@access("staff")
def new_round() -> str | Response:
    """Make a round from a rubric, its panels and its rules."""
    form = NewRound()
    if form.validate_on_submit():
        made = attempt(
            _("The round was made. Bring in experts and dossiers, then open it."),
            rounds.create_round,
            str(form.code.data),
            str(form.title.data),
            str(form.rubric.data),
            form.rules(),
        )
        if made is not None:
            return redirect(url_for("home.overview", code=made.code), code=303)
    return render_template("home/new_round.html", form=form)


@blueprint.get("/rounds/<code>")
@access("staff", "approver", "inspector")
def overview(code: str) -> str:
    """Where the round stands and what comes next, each count a link to its list."""
    row = round_or_404(code)
    count = Counts(row)
    draws = db().exec(select(Draw).where(Draw.round_id == row.id).order_by(col(Draw.number))).all()
    return render_template(
        "home/overview.html",
        round=row,
        rubric=rounds.rubric_of(row),
        steps=steps_of(row),
        experts=count.experts(),
        dossiers=count.of(Dossier, status="admitted"),
        conflicts=count.of(Conflict, status="confirmed"),
        suspected=count.of(Conflict, status="suspected"),
        draws=draws,
        drawn=any(one.status == "completed" for one in draws),
        awaiting=count.seats("awaiting"),
        accepted=count.seats("accepted"),
        vacated=count.seats("vacated"),
        pledges=count.of(Pledge),
        submitted=count.of(Review, status="submitted"),
        drafts=count.of(Review, status="draft"),
        proposed=count.of(Approval, status="proposed"),
        approved=count.of(Approval, status="approved"),
    )


@blueprint.post("/rounds/<code>/step")
@access("staff")
def step(code: str) -> Response:
    """Take the round to its next state."""
    row = round_or_404(code)
    moves = {
        "open": (rounds.open_round, _("The round is open; rubric and rules are frozen.")),
        "review": (reviews.start_reviewing, _("Experts can score now.")),
        "close": (rounds.close_reviewing, _("Scoring is closed.")),
        "unseal": (rounds.unseal_names, _("Names are unsealed; the moment stands in the log.")),
    }
    use_case, done = moves.get(request.form.get("to", "")) or abort(400)
    attempt(done, use_case, pk(row))
    return redirect(url_for("home.overview", code=code), code=303)
