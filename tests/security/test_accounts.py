from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from review_service.tables import (
    Account,
    AccountChange,
    Expert,
    Letter,
    LogEvent,
    Seat,
    ViewConsent,
)
from review_service.web.viewing import VIEWABLE
from review_service.workflows import account_changes
from review_service.workflows.account_changes import GUARDED, role_of
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, Actor, NotFoundError, WorkflowError, pk
from tests.web.conftest import sign_in
from tests.web.stage import CODE, Stage

ADMIN = Actor("administrator", "administrator-1")
SECOND = Actor("administrator", "admin-2")
APPROVER = Actor("approver", "ministry-2")


def _address(purpose: str, token: str) -> str:
    return f"https://review.example/{purpose}/{token}"


def _account(stage: Stage, code: str) -> Account:
    found: Account = stage.rows(Account, Account.code == code)[0]
    return found


def _role(stage: Stage, code: str) -> str:
    with stage.office.store.reading() as session:
        return role_of(session.get_one(Account, _account(stage, code).id))


def _open(stage: Stage, role: str, email: str = "new@test.example", **more: str) -> Account:
    return stage.office.do(
        ADMIN, account_changes.open_account, _address, email=email, name="新人", role=role, **more
    )


@pytest.mark.parametrize("role", sorted(GUARDED))
def test_a_guarded_account_sleeps_until_a_second_person_agrees(stage: Stage, role: str) -> None:
    """One administrator alone makes no staff, approver, inspector or administrator."""
    account = _open(stage, role)
    assert (account.active, _role(stage, account.code)) == (False, "")
    change = stage.rows(AccountChange)[0]
    with pytest.raises(WorkflowError, match="second-person"):
        stage.office.do(ADMIN, account_changes.decide_change, pk(change), _address, approve=True)
    with pytest.raises(WorkflowError, match="account-undecided"):
        stage.office.do(ADMIN, account_changes.set_active, pk(account), active=True)
    stage.office.do(APPROVER, account_changes.decide_change, pk(change), _address, approve=True)
    assert _account(stage, account.code).active
    assert _role(stage, account.code) == role
    letters = [one for one in stage.rows(Letter) if one.address == "new@test.example"]
    assert len(letters) == 1
    with pytest.raises(WorkflowError, match="proposal-decided"):
        stage.office.do(SECOND, account_changes.decide_change, pk(change), _address, approve=True)


def test_a_refused_account_stays_shut(stage: Stage) -> None:
    """Refused, it has no role, no letter and no way in."""
    account = _open(stage, "staff")
    change = stage.rows(AccountChange)[0]
    stage.office.do(APPROVER, account_changes.decide_change, pk(change), _address, approve=False)
    assert not _account(stage, account.code).active
    assert [one for one in stage.rows(Letter) if one.address == "new@test.example"] == []


def test_other_roles_open_at_once(stage: Stage) -> None:
    """A unit's account is open at once, and its holder gets the letter."""
    account = _open(stage, "unit", province="江苏", prefecture="南京")
    assert account.active
    with pytest.raises(WorkflowError, match="account-exists"):
        _open(stage, "unit", province="江苏", prefecture="南京")
    with pytest.raises(WorkflowError, match="role-unknown"):
        _open(stage, "expert", email="other@test.example")
    with pytest.raises(WorkflowError, match="account-place"):
        _open(stage, "unit", email="other@test.example")


def test_an_address_in_use_is_refused_in_every_spelling(stage: Stage) -> None:
    """A second account under the same address would shut out the first one's holder."""
    for role, place in (("unit", {"province": "江苏", "prefecture": "南京"}), ("staff", {})):
        with pytest.raises(WorkflowError, match="account-exists"):
            _open(stage, role, email="STAFF@test.example", **place)


def test_opening_an_account_does_not_tell_who_was_drawn(stage: Stage) -> None:
    """Every address of the pool is refused alike, whether its holder has an account or not."""
    stage.play("drawn")
    seated = {one.expert_id for one in stage.rows(Seat)}
    people = stage.rows(Expert)
    said = set()
    for one in (
        next(x for x in people if x.id in seated),
        next(x for x in people if x.id not in seated),
    ):
        with pytest.raises(WorkflowError) as refused:
            _open(stage, "unit", email=one.email.upper(), province="江苏", prefecture="南京")
        said.add(refused.value.code)
    assert said == {"account-exists"}


def test_a_refused_role_leaves_the_place(stage: Stage) -> None:
    """What a proposal would change changes with the second person's word, the place included."""
    account = _open(stage, "unit", province="江苏", prefecture="南京")
    stage.office.do(ADMIN, account_changes.change_role, pk(account), "staff", province="浙江")
    change = stage.rows(AccountChange)[0]
    stage.office.do(APPROVER, account_changes.decide_change, pk(change), _address, approve=False)
    assert _account(stage, account.code).province == "江苏"


def test_a_role_is_changed_by_two(stage: Stage) -> None:
    """To or from a guarded role two people are needed; nobody decides about the own account."""
    staff = _account(stage, "ministry-1")
    stage.office.do(ADMIN, account_changes.change_role, pk(staff), "approver")
    assert _role(stage, "ministry-1") == "staff"
    change = stage.rows(AccountChange)[0]
    own = Actor("approver", "ministry-1")
    for actor in (ADMIN, own):
        with pytest.raises(WorkflowError, match="second-person"):
            stage.office.do(
                actor, account_changes.decide_change, pk(change), _address, approve=True
            )
    with pytest.raises(WorkflowError, match="change-open"):
        stage.office.do(ADMIN, account_changes.change_role, pk(staff), "inspector")
    stage.office.do(SECOND, account_changes.decide_change, pk(change), _address, approve=True)
    assert _role(stage, "ministry-1") == "approver"
    assert _account(stage, "ministry-1").fs_uniquifier != staff.fs_uniquifier  # signed out
    with pytest.raises(WorkflowError, match="own-account"):
        stage.office.do(
            ADMIN, account_changes.change_role, pk(_account(stage, "administrator-1")), "staff"
        )


def test_access_to_a_guarded_account_is_renewed_by_two(stage: Stage) -> None:
    """An administrator alone can't send somebody a way into staff's account."""
    staff = _account(stage, "ministry-1")
    stage.office.do(ADMIN, account_changes.renew_access, pk(staff), _address)
    assert _account(stage, "ministry-1").password == staff.password
    assert stage.rows(Letter) == []
    change = stage.rows(AccountChange)[0]
    stage.office.do(APPROVER, account_changes.decide_change, pk(change), _address, approve=True)
    assert _account(stage, "ministry-1").password is None
    assert len(stage.rows(Letter)) == 1


def test_a_closed_account_is_out_at_once(stage: Stage) -> None:
    """Closing ends the sessions of the account, on the next page."""
    client = sign_in(stage, "staff")
    assert client.get("/account").status_code == 200
    admin = sign_in(stage, "administrator")
    number = pk(_account(stage, "ministry-1"))
    assert admin.post(f"/accounts/{number}/close").status_code == 303
    assert client.get("/account").status_code == 302
    assert admin.post(f"/accounts/{number}/reopen").status_code == 303
    assert _account(stage, "ministry-1").active


def test_the_log_tells_codes_not_people(stage: Stage) -> None:
    """Events about accounts name roles and codes; addresses and names stay out."""
    _open(stage, "staff")
    stage.office.do(
        APPROVER, account_changes.decide_change, pk(stage.rows(AccountChange)[0]), _address,
        approve=True,
    )  # fmt: skip
    events = [one for one in stage.rows(LogEvent) if one.type.startswith("account.")]
    assert {"account.opened", "account.change_proposed", "account.change_decided",
            "account.role_changed"} <= {one.type for one in events}  # fmt: skip
    text = "".join(one.event + (one.private or "") for one in events)
    assert "新人" not in text
    assert "@" not in text


def test_the_page_of_accounts_seals_experts(stage: Stage) -> None:
    """The administrator sees experts' codes, neither names nor addresses."""
    stage.play("drawn")
    expert = _account(stage, "expert-1")
    text = sign_in(stage, "administrator").get("/accounts").get_data(as_text=True)
    assert "expert-1" in text
    assert expert.name not in text
    assert expert.email not in text


def test_the_pages_of_accounts_work(stage: Stage) -> None:
    """Opening, deciding and the list are pages: a form, a refusal with its reason, a decision."""
    admin, approver = sign_in(stage, "administrator"), sign_in(stage, "approver")
    fields = {"email": "new@test.example", "name": "新人", "role": "staff", "province": ""}
    assert admin.post("/accounts", data=fields).status_code == 303
    assert "waits for a second person" in admin.get("/accounts").get_data(as_text=True)
    assert admin.post("/accounts", data=fields | {"email": "no address"}).status_code == 200
    change = pk(stage.rows(AccountChange)[0])
    assert "new@test.example" in approver.get("/accounts/changes").get_data(as_text=True)
    approver.post(f"/accounts/changes/{change}", data={"decision": "approve"})
    assert _account(stage, "staff-1").active
    number = pk(_account(stage, "staff-1"))
    assert admin.post(f"/accounts/{number}/role", data={"role": "inspector"}).status_code == 303
    assert admin.post(f"/accounts/{number}/role", data={"role": "nothing"}).status_code == 303
    assert [one.role for one in stage.rows(AccountChange)] == ["staff", "inspector"]


def _consent(stage: Stage, account: str) -> int:
    client = sign_in(stage, account)
    assert client.post("/account/view").status_code == 303
    return pk(stage.rows(ViewConsent)[-1])


def test_support_looks_with_consent_alone(stage: Stage) -> None:
    """With consent: read-only pages with a banner, posts refused, begin and end in the log."""
    admin = sign_in(stage, "administrator")
    assert admin.get("/rounds/new").status_code == 403
    number = _consent(stage, "staff")
    assert admin.post(f"/accounts/view/{number}").status_code == 303
    page = admin.get("/rounds/new")
    assert page.status_code == 200
    assert "Support is looking" in page.get_data(as_text=True)
    rules = stage.app.url_map.iter_rules()
    for rule in [one for one in rules if "POST" in (one.methods or ())]:
        url = "/" + re.sub(r"<[^>]+>", "1", rule.rule).lstrip("/")
        if rule.endpoint != "viewing.end":
            assert admin.post(url).status_code in {403, 404, 405}, url
    assert admin.get("/accounts").status_code == 403  # these are the other's pages
    assert admin.post("/accounts/view/end").status_code == 303
    assert admin.get("/accounts").status_code == 200
    told = [
        (one.type, json.loads(one.event)["actor"]["id"])
        for one in stage.rows(LogEvent) if one.type.startswith("account.view")
    ]  # fmt: skip
    assert told == [
        ("account.view_allowed", "ministry-1"), ("account.view_started", "administrator-1"),
        ("account.view_ended", "administrator-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("account", ["staff", "expert1", "unit", "prefecture", "province"])
def test_support_arrives_on_a_page_and_can_stop_anywhere(stage: Stage, account: str) -> None:
    """The first page of every role that may consent opens; a refusal says why and how to stop."""
    if account == "expert1":
        stage.play("drawn")
    elif not stage.rows(Account, Account.email == f"{account}@test.example"):
        place = {"province": "江苏"} | ({} if account == "province" else {"prefecture": "南京"})
        stage.office.do(
            SYSTEM, create_account, code=f"{account}-1", email=f"{account}@test.example",
            name="某单位", role=account, password_hash="", **place,
        )  # fmt: skip
    admin = sign_in(stage, "administrator")
    admin.post(f"/accounts/view/{_consent(stage, account)}")
    page = admin.get("/", follow_redirects=True)
    assert page.status_code == 200
    refused = admin.get("/accounts")
    assert refused.status_code == 403
    for answer in (page, refused):
        assert "Stop looking" in answer.get_data(as_text=True)
    assert "Support sees no such page" in refused.get_data(as_text=True)


def test_consent_ends(stage: Stage) -> None:
    """After half an hour, or once withdrawn, the administrator is back on the own pages."""
    admin = sign_in(stage, "administrator")
    number = _consent(stage, "staff")
    admin.post(f"/accounts/view/{number}")
    stage.clock.advance_to(stage.clock.now + timedelta(minutes=31))
    assert admin.get("/accounts").status_code == 200
    assert admin.post(f"/accounts/view/{number}").status_code == 404
    number = _consent(stage, "staff")
    admin.post(f"/accounts/view/{number}")
    assert admin.get("/rounds/new").status_code == 200
    sign_in(stage, "staff").post("/account/view/withdraw")
    assert admin.get("/rounds/new").status_code == 403
    with pytest.raises(NotFoundError):
        stage.office.do(ADMIN, account_changes.begin_view, number)


def test_nobody_consents_for_another(stage: Stage) -> None:
    """The holder alone consents; inspectors and administrators, who see more, can't at all."""
    staff = pk(_account(stage, "ministry-1"))
    with pytest.raises(NotFoundError):
        stage.office.do(ADMIN, account_changes.allow_view, staff)
    inspector = _account(stage, "inspection-1")
    with pytest.raises(WorkflowError, match="view-closed"):
        actor = Actor("inspector", inspector.code)
        stage.office.do(actor, account_changes.allow_view, pk(inspector))


def test_support_sees_neither_names_nor_scores(tmp_path: Any) -> None:
    """Looking as an expert who is scoring opens no page with names, scores or the desk's totals."""
    stage = Stage(tmp_path).play("reviewing")
    stage.app.config["WTF_CSRF_ENABLED"] = False
    assert set(stage.app.view_functions) >= VIEWABLE
    stage.pledge("expert-1")
    admin = sign_in(stage, "administrator")
    for account in ("expert1", "staff"):
        admin.post(f"/accounts/view/{_consent(stage, account)}")
        for url in (f"/desk/{CODE}", f"/desk/{CODE}/dossiers/D01", f"/desk/{CODE}/check",
                    f"/rounds/{CODE}/results", f"/rounds/{CODE}/progress",
                    f"/rounds/{CODE}/seats", f"/rounds/{CODE}/pool"):  # fmt: skip
            assert admin.get(url).status_code == 403, url
        admin.post("/accounts/view/end")
    stage.close()


def test_an_account_without_password_has_no_way_in(stage: Stage) -> None:
    """An account whose password was never set is not opened by an empty one."""
    stage.office.do(
        SYSTEM, create_account, code="unit-8", email="unit-8@test.example", name="某单位",
        role="unit", password_hash="", province="江苏", prefecture="南京",
    )  # fmt: skip
    assert _account(stage, "unit-8").password is None
    client = stage.app.test_client()
    client.post("/login", data={"email": "unit-8@test.example", "password": ""})
    assert client.get("/account").status_code == 302
