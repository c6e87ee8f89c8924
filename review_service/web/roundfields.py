# ruff: noqa: E501 - a field's help stands on a line of its own
"""The fields of a round's form, each with what its rule rests on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    DecimalField,
    IntegerField,
    RadioField,
    StringField,
    TextAreaField,
    validators,
)

from review_service.web.choices import SelectChoice
from review_service.workflows.round_rules import ASSUMED, BOUNDS, MOST, TITLE


def _whole(
    label: Any, bounds: tuple[int, int], default: int | None, help_: Any = ""
) -> IntegerField:
    """Return a field for a whole number; without a default it may be left empty."""
    low, high = bounds
    between = validators.NumberRange(
        low, high, message=_l("A whole number from %(min)s to %(max)s.")
    )
    first = validators.Optional() if default is None else validators.InputRequired()
    return IntegerField(label, [first, between], default=default, description=help_)


def _above_zero(label: Any, default: int, help_: Any = "") -> DecimalField:
    between = validators.NumberRange(*ASSUMED, message=_l("A number from %(min)s to %(max)s."))
    given: dict[str, Any] = {"default": Decimal(default), "places": None, "description": help_}
    return DecimalField(label, [validators.InputRequired(), between], **given)


def _chance(label: Any, help_: Any) -> DecimalField:
    between = validators.NumberRange(0, 1, message=_l("A number from %(min)s to %(max)s."))
    given: dict[str, Any] = {"places": None, "description": help_}
    return DecimalField(label, [validators.Optional(), between], **given)


def _moment(label: Any, help_: Any = "") -> DateTimeLocalField:
    return DateTimeLocalField(label, [validators.Optional()], description=help_)


class RuleFields(FlaskForm):  # type: ignore[misc]  # untyped library
    """What a round decides before anything is drawn or scored, by its parts."""

    title = StringField(
        _l("Name of the round"), [validators.InputRequired(), validators.Length(max=TITLE)]
    )

    dossiers_per_prefecture = _whole(
        _l("Most dossiers of a prefecture"),
        BOUNDS["dossiers_per_prefecture"],
        3,
        _l("Notice of the autonomous region 〔2022〕278, part 2: at most 3 a prefecture, ranked."),
    )
    dossiers_per_province = _whole(
        _l("Most dossiers of a province"),
        BOUNDS["dossiers_per_province"],
        5,
        _l("Notice of the ministry 〔2022〕162, part 1 (2): at most 5 a province."),
    )
    deadline_unit = _moment(
        _l("Units submit by (Beijing)"),
        _l("Left open, a level takes applications as long as the round is open."),
    )
    deadline_prefecture = _moment(
        _l("Prefectures recommend by (Beijing)"), _l("Notice 278, part 4: 23 November in 2022.")
    )
    deadline_province = _moment(
        _l("Provinces recommend by (Beijing)"),
        _l(
            "Notice 162, part 1 (2): 30 November 2022. What the ministry sends back may still come until the draw is locked."
        ),
    )
    paper_copies = _whole(
        _l("Paper copies of each dossier"),
        BOUNDS["paper_copies"],
        0,
        _l(
            "Notice 278, part 3 asks for 2, annex 2 of notice 162 for 4. 0: no papers are asked for; otherwise a dossier is admitted when they are in, or by a reasoned exception."
        ),
    )

    age_limit = _whole(
        _l("Oldest age of an expert"),
        BOUNDS["conflicts.age_limit"],
        70,
        _l("Checked when the pool is brought in."),
    )
    senior_title = BooleanField(_l("Experts need a senior title"), default=True)
    organisers = TextAreaField(
        _l("Organising units"),
        render_kw={"rows": 3},
        description=_l(
            "One a line, exactly as in the pool. Their own staff can’t be experts in use."
        ),
    )

    window_years = _whole(
        _l("Years that posts and advisory work count back"),
        BOUNDS["conflicts.window_years"],
        3,
        _l("Government Procurement Regulations, article 9 (1) to (3): three years."),
    )
    fuzzy_cutoff = _whole(
        _l("Likeness from which names are suspected"),
        BOUNDS["conflicts.fuzzy_cutoff"],
        85,
        _l(
            "Of 100. Staff confirm or dismiss each pair; a lower figure finds more and asks for more work."
        ),
    )
    same_province = BooleanField(_l("An expert may not review dossiers of the own province"))
    same_prefecture = BooleanField(
        _l("An expert may not review dossiers of the own prefecture"),
        description=_l("Told by the employer’s name, which must hold the prefecture’s."),
    )

    method = RadioField(
        _l("How experts are drawn"), default="lottery",
        choices=[
            SelectChoice("lottery", _l("Lottery: panels are drawn, and the dossiers of a sector are dealt to its panels")),
            SelectChoice("balanced", _l("Balanced lottery, fixed panels: equal exact chances; every panel names its dossiers")),
            SelectChoice("each", _l("Balanced lottery, each dossier a panel of its own, up to a load for each expert")),
        ],
        description=_l("Notice 162, part 1 (3): experts are drawn at random. The balanced lottery publishes every chance before the draw."),
    )  # fmt: skip
    panels = TextAreaField(
        _l("Panels and their seats"),
        render_kw={"rows": 6, "spellcheck": "false"},
        description=_l(
            "One panel a line: number, sector of its dossiers, then seats as stratum=count; for fixed panels a colon and the dossiers’ numbers. Example: P01 装备制造 技术=4 管理=3 ： A001 A002. Left empty where each dossier is a panel of its own."
        ),
    )
    each_seats = StringField(
        _l("Experts for each dossier"),
        [validators.Optional(), validators.Length(max=300)],
        description=_l(
            "Only where each dossier is a panel of its own: seats as stratum=count, such as 技术=2 管理=1."
        ),
    )
    each_capacity = _whole(
        _l("Most dossiers of an expert"),
        (1, MOST),
        None,
        _l("Only where each dossier is a panel of its own."),
    )
    pair_cap = StringField(
        _l("Highest chance of a pair"),
        default="1",
        description=_l(
            "Balanced lottery: no expert meets a dossier with a higher chance than this fraction, such as 1/2. 1: no cap."
        ),
    )
    limit_employer_draw = _whole(
        _l("Most experts of one employer in the whole draw"),
        (1, MOST),
        None,
        _l(
            "Left empty: no limit. The usual limits are 1 of an employer in the draw, 2 of a province in a panel."
        ),
    )
    limit_employer_panel = _whole(_l("Most experts of one employer in a panel"), (1, MOST), None)
    limit_employer_cell = _whole(
        _l("Most experts of one employer in a stratum of a panel"), (1, MOST), None
    )
    limit_province_draw = _whole(
        _l("Most experts of one province in the whole draw"), (1, MOST), None
    )
    limit_province_panel = _whole(
        _l("Most experts of one province in a panel"),
        (1, MOST),
        None,
        _l(
            "A balanced lottery with several strata can’t limit a panel; limit a stratum of a panel instead."
        ),
    )
    limit_province_cell = _whole(
        _l("Most experts of one province in a stratum of a panel"), (1, MOST), None
    )
    parties_staff = TextAreaField(
        _l("Parties whose secret organising staff give"),
        render_kw={"rows": 2},
        description=_l(
            "One a line, such as the ministry, a notary, a witness, the applying units. The draw takes a secret of every party; one honest party is enough that nobody steers it."
        ),
    )
    parties_inspector = TextAreaField(
        _l("Parties whose secret discipline inspection gives"),
        render_kw={"rows": 2},
        description=_l("One a line."),
    )
    assumed_reviewer = _above_zero(
        _l("Assumed variance of leniency (points squared)"),
        16,
        _l(
            "To foresee the standard error before the draw; 16 means that experts’ means differ by some 4 of 100 points. Earlier rounds give better figures."
        ),
    )
    assumed_residual = _above_zero(
        _l("Assumed variance of the noise (points squared)"),
        25,
        _l("25 means that an expert’s scores scatter by some 5 points beside the leniency."),
    )

    review_from = _moment(
        _l("Scoring begins (Beijing)"), _l("Both moments may be left open, or neither.")
    )
    review_until = _moment(
        _l("Scoring ends (Beijing)"),
        _l("Goes out with the invitations as a calendar file; later is late."),
    )
    calibration_first = BooleanField(
        _l("Calibration dossiers, where there are any, are scored before all others"), default=True
    )

    total = _whole(_l("Places on the list"), (1, 10_000), 31)
    province_most = _whole(_l("Most places per province"), (1, MOST), 5)
    zone_low = _chance(
        _l("Line zone: chances above"),
        _l(
            "A chance to be on the list strictly between the two figures leaves a dossier open. Both left empty: no zone, the estimate decides."
        ),
    )
    zone_high = _chance(_l("Line zone: chances below"), _l("The usual figures are 0.10 and 0.90."))
    zone_settle = RadioField(
        _l("What settles the line zone"),
        choices=[
            SelectChoice("panel", _l("a panel’s verdicts, with reasons, and a second person")),
            SelectChoice("draw", _l("a draw of an order")),
        ],
        default="panel",
    )
    publicity_days = _whole(_l("Working days of publicity"), BOUNDS["publicity_days"], 5)
