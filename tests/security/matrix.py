# ruff: noqa: E501 - a route and its policy stand on a line of their own
"""Who may use which route: written by hand, so that a route can't declare itself open unnoticed.

A row names the roles, values of an object that is the role's own, and values of objects that are
another's or of another round. `-` as roles means everybody, strangers included.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.web.stage import CODE

OTHER = "2026-other"
STRANGER = ""


@dataclass(frozen=True)
class Row:
    """A route's policy. `own` None: no such object exists at this scene, everybody gets 404.

    `answers` are statuses that the allowed get for their own beside the ordinary ones.
    """

    roles: str
    own: dict[str, Any] | None = field(default_factory=dict)
    foreign: tuple[dict[str, Any], ...] = ()
    answers: tuple[int, ...] = ()

    def allowed(self, role: str) -> bool:
        """Whether the row opens the route to a role."""
        return self.roles == "-" or role in self.roles.split()


ALL = "staff approver inspector"
EVERY = "staff approver inspector expert unit prefecture province administrator"
HERE = {"code": CODE}
NOWHERE = {"code": "nowhere"}


def _round(roles: str, **more: Any) -> Row:
    """A route on a round: another round is only absent, since an office sees all its rounds."""
    return Row(roles, HERE | more, (NOWHERE | more,))


def _inside(roles: str, absent: dict[str, Any], **own: Any) -> Row:
    """A route on an object of a round: the object under another round is nobody's."""
    return Row(roles, HERE | own, ({"code": OTHER} | own, HERE | absent, NOWHERE | own))


def _mine(**own: Any) -> Row:
    """A route of the desk: dossiers of others, absent ones, and rounds without a seat."""
    if "number" not in own:
        return Row("expert", HERE | own, ({"code": OTHER} | own, NOWHERE | own))
    foreign = tuple(HERE | {"number": one} for one in ("@foreign", "D99"))
    return Row("expert", HERE | own, (*foreign, {"code": OTHER} | own, NOWHERE | own))


MATRIX: dict[str, Row] = {
    # what everybody may see
    "home.index": Row("-"),
    "home.switch_language": Row("-", {"code": "en"}, ({"code": "xx"},)),
    "home.switch_text": Row("-"),
    "health.live": Row("-"),
    "health.ready": Row("-"),
    "health.metrics": Row("-", None),  # only with a token
    "log.checkpoint": Row("-"),
    "log.verify": Row("-"),
    "log.program": Row("-"),
    "results.published": Row("-", HERE, (NOWHERE, {"code": OTHER}), (404,)),
    "results.bundle": Row("-", HERE | {"number": 1}, (HERE | {"number": 9}, NOWHERE | {"number": 1}), (404,)),
    "invitations.answer": Row("-", {"token": "@open"}, ({"token": "unknown"}, {"token": "@used"})),
    "invitations.accept": Row("-", None, ({"token": "unknown"}, {"token": "@used"})),
    "invitations.decline": Row("-", None, ({"token": "unknown"}, {"token": "@used"})),
    # the round
    "rounds.new": Row("staff"),
    "rounds.edit": _round("staff"),
    "rounds.rules": _round(ALL),
    "home.overview": _round(ALL),
    "home.step": _round("staff"),
    "imports.upload": Row("staff", HERE | {"kind": "pool"}, (NOWHERE | {"kind": "pool"}, HERE | {"kind": "else"})),
    "imports.template": Row("staff", HERE | {"kind": "pool"}, (HERE | {"kind": "else"},)),
    "imports.preview": Row("staff", None, (HERE | {"kind": "pool", "token": "unknown"},)),
    "imports.confirm": Row("staff", None, (HERE | {"kind": "pool", "token": "unknown"},)),
    "pool.index": _round("staff inspector"),
    "pool.one": Row("staff inspector", HERE | {"number": "E00001"}, (HERE | {"number": "E99999"}, NOWHERE | {"number": "E00001"})),
    "dossiers.index": _round(ALL),
    "dossiers.provinces": _round(ALL),
    "dossiers.admit": _round("staff"),
    "dossiers.one": _inside(ALL, {"number": "D99"}, number="D01"),
    "conflicts.index": _round("staff inspector"),
    "conflicts.find": _round("staff"),
    "conflicts.decide": _inside("staff", {"conflict_id": 99999}, conflict_id="@conflict"),
    # draws and seats
    "draws.room": _round(ALL),
    "chances.index": _round(ALL),
    "chances.export": _round(ALL),
    "draws.one": _inside(ALL, {"number": 9}, number=1),
    "draws.commit": _round("staff inspector"),
    "draws.rehearse": _round("staff"),
    "draws.lock": _round("staff"),
    "draws.reveal": _inside("staff inspector", {"number": 9, "position": 0}, number=1, position=0),
    "draws.complete": _inside("staff", {"number": 9}, number=1),
    "draws.void": _inside("staff", {"number": 9}, number=1),
    "shows.show": _inside(ALL, {"number": 9}, number=1),
    "shows.listing": _inside(ALL, {"number": 9}, number=1),
    "shows.record": _inside(ALL, {"number": 9}, number=1),
    "shows.bundle": _inside(ALL, {"number": 9}, number=1),
    "shows.inspection": _inside("inspector", {"number": 9}, number=1),
    "seats.index": _round(ALL),
    "seats.now": _round(ALL),
    "seats.vacate": _inside("staff", {"seat_id": 99999}, seat_id="@seat"),
    "invitations.invite": _round("staff"),
    "invitations.expire": _round("staff"),
    "invitations.again": _inside("staff", {"seat_id": 99999}, seat_id="@seat"),
    "invitations.outbox": Row("staff"),
    "invitations.send_again": Row("staff", None, ({"letter_id": 99999},)),
    "invitations.calendar": Row("staff", None, ({"letter_id": 99999},)),
    # the desk
    "desk.index": Row("expert"),
    "desk.one": _mine(),
    "desk.pledge": _mine(),
    "desk.check": _mine(),
    "desk.accept": _mine(),
    "desk.decline": _mine(),
    "desk.conflict": Row("expert", HERE | {"number": "@own"}, (HERE | {"number": "@foreign"}, HERE | {"number": "D99"}), (400,)),  # a reason is asked for first
    "scoring.token": Row("expert"),
    "scoring.one": _mine(number="@own"),
    "scoring.save": _mine(number="@own"),
    "scoring.amend": Row("expert", None, (HERE | {"number": "@foreign"}, HERE | {"number": "D99"})),
    "sheets.mine": _mine(),
    "sheets.my_file": _mine(),
    "sheets.confirm_mine": Row("expert", None, (HERE | {"token": "0" * 64},)),
    "sheets.theirs": _inside("staff", {"seat_id": 99999}, seat_id="@mine"),
    "sheets.their_file": _inside("staff", {"seat_id": 99999}, seat_id="@mine"),
    "sheets.confirm_theirs": Row("staff", None, (HERE | {"seat_id": "@mine", "token": "0" * 64},)),
    "calibration.mine": _mine(),
    "calibration.index": _round(ALL),
    # decisions and results
    "progress.index": _round(ALL),
    "progress.remind_many": _round("staff"),
    "progress.one_by_one": _round(ALL),
    "progress.remind": _inside("staff", {"seat_id": 99999}, seat_id="@mine"),
    "progress.extend": Row("staff", HERE | {"seat_id": "@mine"}, (HERE | {"seat_id": 99999}, NOWHERE | {"seat_id": "@mine"}), (400,)),  # a time is asked for first
    "progress.decide": Row("approver", None, (HERE | {"approval_id": 99999},)),
    "results.index": _round(ALL),
    "results.compute": _round("staff"),
    "results.job": Row(ALL, None, (HERE | {"job_id": 99999}, NOWHERE | {"job_id": 99999})),
    "results.propose": _round("staff"),
    "results.settle": Row("staff", HERE, (NOWHERE,), (404,)),  # nothing is open to settle
    "results.decide": Row("approver", None, (HERE | {"approval_id": 99999},)),
    "results.publicity_page": _round(ALL),
    "results.publish": _round("staff"),
    "results.reselect": _round("staff"),
    # the log
    "log.index": Row(ALL),
    "log.event": Row(ALL, {"seq": 1}, ({"seq": 99999},)),
    "log.signed": Row(ALL, {"size": "@checkpoint"}, ({"size": 99999},)),
    "log.compare": Row(ALL),
    "log.sign": Row("staff inspector"),
    "log.cosign": Row("inspector", {"size": "@checkpoint"}, ({"size": 99999},)),
    "log.witness": Row("inspector"),
    # one's own account, all accounts, a second person, support
    "accounts.mine": Row(EVERY),
    "accounts.sign_out": Row(EVERY),
    "accounts.allow": Row(EVERY),
    "accounts.withdraw": Row(EVERY),
    "accounts.index": Row("administrator"),
    "accounts.role": Row("administrator", {"number": "@account"}, ({"number": 99999},)),
    "accounts.close": Row("administrator", {"number": "@account"}, ({"number": 99999},)),
    "accounts.reopen": Row("administrator", {"number": "@account"}, ({"number": 99999},)),
    "accounts.renew": Row("administrator", {"number": "@account"}, ({"number": 99999},)),
    "accounts.changes": Row("administrator approver"),
    "accounts.decide": Row("administrator approver", None, ({"number": 99999},)),
    "viewing.begin": Row("administrator", None, ({"consent_id": 99999},)),
    "viewing.end": Row("administrator"),
    "links.ask": Row("-"),
    "links.enter": Row("-", None, ({"token": "unknown"},)),
    "links.choose": Row("-", None, ({"token": "unknown"},)),
    "links.security_txt": Row("-", None, ({},)),  # only with a contact set
    # other programs: what is public without a token, the rest not even then (tests/web/test_api)
    **{f"api.{one}": Row("-", {}, (), (401,)) for one in ("checkpoints", "consistency", "events", "inclusion", "latest", "log", "rounds", "witnesses")},
    **{f"api.{one}": Row("-", HERE, (NOWHERE,), (401, 403, 404)) for one in ("round_", "draws", "list_", "results")},
    "api.draw": Row("-", HERE | {"number": 1}, (HERE | {"number": 9},), (401, 403, 404)),
    "api.event": Row("-", {"number": 1}, (), (401, 403, 404)),
    "api.checkpoint": Row("-", {"number": "@checkpoint"}, (), (401, 403, 404)),
    "api-docs.openapi_json": Row("-"),
    "api_tokens.index": Row("administrator"),
    "api_tokens.create": Row("administrator"),
    "api_tokens.revoke": Row("administrator", None, ({"number": 99999},)),
    # applying: a unit's own, a prefecture's and a province's own
    "applications.index": Row("unit"),
    "applications.token": Row("unit"),
    **{f"applications.{one}": Row("unit", None, (NOWHERE,)) for one in ("attach", "begin", "check", "one", "save", "submit", "take_form", "withdraw", "word_form")},
    **{f"applications.{one}": Row("unit", None, (HERE | {"attachment_id": 99999}, NOWHERE | {"attachment_id": 1})) for one in ("evidence", "remove")},
    "recommending.index": Row("prefecture province"),
    **{f"recommending.{one}": Row("prefecture province", None, (NOWHERE,)) for one in ("listing", "ranks", "recommend")},
    **{f"recommending.{one}": Row("prefecture province", None, (HERE | {"application_id": 99999}, NOWHERE | {"application_id": 1})) for one in ("act", "one", "word_form")},
    "recommending.evidence": Row("prefecture province", None, (HERE | {"application_id": 99999, "attachment_id": 1},)),
    "recommending.report": Row("prefecture province", None, (HERE | {"made_id": 99999},)),
    "intake.admit": _inside("staff", {"number": "D99"}, number="D01"),
    "intake.send_back": _inside("staff", {"number": "D99"}, number="D01"),
    "intake.receive": _inside("staff", {"number": "D99"}, number="D01"),
    "intake.print_form": _inside(ALL, {"number": "D99"}, number="D01"),
    "intake.word_form": _inside(ALL, {"number": "D99"}, number="D01"),
    "intake.receipt": replace(_inside(ALL, {"number": "D99"}, number="D01"), answers=(404,)),
    "intake.evidence": Row(ALL, None, (HERE | {"number": "D01", "attachment_id": 99999},)),
    "intake.evidence_for_expert": Row("expert", None, (HERE | {"number": "@own", "attachment_id": 99999}, HERE | {"number": "@foreign", "attachment_id": 1})),
    "intake.report": Row(ALL, None, (HERE | {"made_id": 99999},)),
    # lists, requests, views
    "conflicts.export": _round("staff inspector"),
    "conflicts.pair": Row("staff inspector", HERE | {"number": "E00001", "dossier_number": "D01"}, (HERE | {"number": "E99999", "dossier_number": "D01"}, HERE | {"number": "E00001", "dossier_number": "D99"}, NOWHERE | {"number": "E00001", "dossier_number": "D01"})),
    "pool.export": _round("staff inspector"),
    "pool.retire": _round("staff"),
    "requests.index": _round("staff inspector"),
    "requests.ask": _round("staff"),
    "requests.changes": Row("staff inspector", HERE | {"kind": "pool"}, (NOWHERE | {"kind": "pool"},)),
    "requests.rates": _round("staff inspector"),
    "requests.decide": Row("staff", None, (HERE | {"request_id": 99999},)),
    "views.keep": Row(ALL, {"kind": "dossiers"}),
    "views.drop": Row(ALL, None, ({"view_id": 99999},)),
    # the inspector's desk
    "inspection.index": Row("inspector"),
    "inspection.draw": _inside("inspector", {"number": 9}, number=1),
    "inspection.replay": _inside("inspector", {"number": 9}, number=1),
    "inspection.run_again": _inside("inspector", {"number": 9}, number=1),
    "inspection.identities": _inside("inspector", {"number": 9}, number=1),
    "inspection.recipient": Row("inspector"),
    "inspection.scores": _round("inspector"),
    "inspection.stand_out": Row("inspector"),
    # papers and publicity
    "results.papers": _round(ALL),
    "results.export": replace(_round(ALL), answers=(404,)),
    **{f"results.{one}": replace(_round(ALL), answers=(404,)) for one in ("all_feedback", "annex", "approval_paper", "notice")},
    "results.draw_paper": replace(_inside(ALL, {"number": 9}, number=1), answers=(404,)),
    "results.experts": Row(ALL, HERE | {"form": "docx"}, (NOWHERE | {"form": "docx"},), (404,)),
    "results.feedback": replace(_inside(ALL, {"number": "D99"}, number="D01"), answers=(404,)),
    "results.repeat": replace(_round(ALL), answers=(404,)),
    "results.answer": Row("staff", None, (HERE | {"objection_id": 99999},)),
    "results.decide_answer": Row("approver", None, (HERE | {"objection_id": 99999},)),
    "results.objection_file": Row(ALL, None, (HERE | {"objection_id": 99999, "file_id": 1},)),
    "results.finalise": _round("staff"),
    "results.set_calendar": _round("staff"),
    "results.feed": Row("-"),
    **{f"results.{one}": Row("-", HERE, (NOWHERE, {"code": OTHER}), (404,)) for one in ("objection", "published_table", "receipt")},
}  # fmt: skip
