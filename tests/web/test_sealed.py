"""What names nobody while names are sealed: the log of the desk, and conflicts declared there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from review_service.demonstration.world import APPROVER
from review_service.tables import Account, Dossier, Expert, LogEvent, Seat
from review_service.workflows import rounds
from tests.web.conftest import sign_in
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def test_what_an_expert_does_at_the_desk_unseals_no_name(stage: Stage) -> None:
    """A conflict declared at the desk and the log of it lead staff to no name before unsealing."""
    stage.play("reviewing")
    stage.pledge("expert-1")
    expert = stage.rows(Expert, Expert.id == stage.expert("expert-1"))[0]
    seat = stage.rows(Seat, Seat.expert_id == expert.id)[0]
    desk, staff, inspector = (sign_in(stage, who) for who in ("expert1", "staff", "inspector"))
    number = next(
        one.number for one in stage.rows(Dossier, Dossier.status == "admitted")
        if desk.get(f"/desk/{CODE}/dossiers/{one.number}").status_code == 200
    )  # fmt: skip
    desk.post(f"/desk/{CODE}/dossiers/{number}/conflict", data={"rule": "kin"})
    pages = (f"conflicts?q={number}", f"conflicts/{expert.number}/{number}", "rates")
    seen = ("Kin of", "Kin of", expert.name)

    def told(client: FlaskClient) -> list[bool]:
        texts = [client.get(f"/rounds/{CODE}/{one}").get_data(as_text=True) for one in pages]
        return [what in text for what, text in zip(seen, texts, strict=True)]

    assert told(inspector) == [True, True, True]
    assert told(staff) == [False, False, False]
    codes = {one.code for one in stage.rows(Account) if one.expert_id}
    events = [json.loads(one.event) for one in stage.rows(LogEvent)]
    of_desk = [one for one in events if not one["type"].startswith("account.")]
    assert not [one for one in of_desk if codes & set(json.dumps(one).split('"'))]
    assert [one["type"] for one in of_desk if one["actor"]["id"] == seat.pseudonym][-1] in {
        "conflict.declared", "seat.vacated", "seat.replaced", "invitation.sent",
    }  # fmt: skip
    stage.office.do(APPROVER, rounds.unseal_names, stage.round_id)
    assert told(staff) == [True, True, True]
