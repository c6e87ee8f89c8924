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
    "home.new_round": Row("staff"),
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
    "invitations.calendar": Row("staff", None, ({"letter_id": 99999},)),
    # the desk
    "desk.index": Row("expert"),
    "desk.one": _mine(),
    "desk.pledge": _mine(),
    "desk.check": _mine(),
    "desk.accept": Row("expert", HERE | {"seat_id": "@mine"}, (HERE | {"seat_id": "@seat"}, HERE | {"seat_id": 99999})),
    "desk.decline": Row("expert", HERE | {"seat_id": "@mine"}, (HERE | {"seat_id": "@seat"}, HERE | {"seat_id": 99999})),
    "desk.conflict": replace(_mine(number="@own"), answers=(400,)),  # a reason is asked for first
    "scoring.token": Row("expert"),
    "scoring.one": _mine(number="@own"),
    "scoring.save": _mine(number="@own"),
    "scoring.amend": Row("expert", None, (HERE | {"number": "@foreign"}, HERE | {"number": "D99"})),
    # decisions and results
    "progress.index": _round(ALL),
    "progress.decide": Row("approver", None, (HERE | {"approval_id": 99999},)),
    "results.index": _round(ALL),
    "results.compute": _round("staff"),
    "results.propose": _round("staff"),
    "results.settle": Row("staff", HERE, (NOWHERE,), (404,)),  # nothing is open to settle
    "results.decide": Row("approver", None, (HERE | {"approval_id": 99999},)),
    "results.publicity_page": _round(ALL),
    "results.publish": _round("staff"),
    # the log
    "log.index": Row(ALL),
    "log.event": Row(ALL, {"seq": 1}, ({"seq": 99999},)),
    "log.signed": Row(ALL, {"size": "@checkpoint"}, ({"size": 99999},)),
    "log.compare": Row(ALL),
    "log.sign": Row("staff inspector"),
    "log.cosign": Row("inspector", {"size": "@checkpoint"}, ({"size": 99999},)),
    "log.witness": Row("inspector"),
}  # fmt: skip
