from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from review_service.demonstration.world import STAFF
from review_service.tables import Draw, Expert, LogEvent, Round, Seat
from review_service.web import draws
from review_service.workflows import locks
from review_service.workflows.accounts import ROLES
from review_service.workflows.base import pk
from tests.web.conftest import sign_in
from tests.web.stage import CODE, SCENES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.stage import Stage

# Every role's account, and nobody's.
ACCOUNTS = {"": ""} | {role: "expert1" if role == "expert" else role for role in ROLES}
LOOKED_AT = ("empty", "locked", "reviewing", "published")


@pytest.mark.parametrize("scene", LOOKED_AT)
def test_every_link_a_role_is_shown_opens(stages: Callable[[str], Stage], scene: str) -> None:
    """From the front page on, each role can follow every link it sees, at each stage of a round."""
    stage = stages(scene)
    for role, account in ACCOUNTS.items():
        if role == "expert" and SCENES.index(scene) < SCENES.index("drawn"):
            continue
        client = sign_in(stage, account)
        seen: set[str] = set()
        queue = ["/"]
        while queue:
            url = queue.pop()
            kind = re.sub(r"\d+", "0", url.split("?")[0])
            if kind in seen:
                continue
            seen.add(kind)
            answer = client.get(url)
            if answer.status_code in {302, 303}:
                queue.append(answer.headers["Location"])
                continue
            assert answer.status_code == 200, (role, url, answer.get_data(as_text=True)[-1500:])
            text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
            answer.close()  # a file that is sent stays open until then
            if text:
                found = re.findall(r'href="(/[^"#]*)', text)
                queue += [one.replace("&amp;", "&") for one in found if "/static/" not in one]
        assert len(seen) > 2


def test_every_route_refuses_the_roles_it_is_not_for(stages: Callable[[str], Stage]) -> None:
    """A role that a route doesn't name gets 403 from it, whatever it asks for; nobody gets 500."""
    stage = stages("reviewing")
    adapter = stage.app.url_map.bind("localhost")
    values = {"code": CODE, "number": 1, "seq": 1, "size": 1, "position": 0, "kind": "pool"}
    for role in ROLES:
        client = sign_in(stage, ACCOUNTS[role])
        for rule in stage.app.url_map.iter_rules():
            allowed = getattr(stage.app.view_functions[rule.endpoint], "__access__", None)
            if allowed is None or role in allowed:
                continue
            url = adapter.build(
                rule.endpoint,
                {name: values.get(name, 1) for name in rule.arguments},
                method="GET" if "GET" in (rule.methods or ()) else "POST",
            )
            method = "GET" if "GET" in (rule.methods or ()) else "POST"
            stage.app.config["WTF_CSRF_ENABLED"] = False
            answer = client.open(url, method=method)
            stage.app.config["WTF_CSRF_ENABLED"] = True
            assert answer.status_code == 403, (role, url)


def test_a_stranger_is_sent_to_sign_in(stages: Callable[[str], Stage]) -> None:
    """Pages of the office lead somebody who isn't signed in to the sign-in page, not to content."""
    client = sign_in(stages("reviewing"), "")
    for url in (f"/rounds/{CODE}", "/log", "/desk", f"/rounds/{CODE}/pool"):
        answer = client.get(url)
        assert answer.status_code == 302
        assert "/login" in answer.headers["Location"]


def test_posts_need_the_token(stages: Callable[[str], Stage]) -> None:
    """A form that another site sends for a signed-in user is refused."""
    client = sign_in(stages("reviewing"), "staff")
    answer = client.post(f"/rounds/{CODE}/step", data={"to": "close"})
    assert answer.status_code == 400


@pytest.mark.parametrize("account", ["staff", "inspector", "expert1"])
def test_foreign_and_missing_things_answer_alike(
    stages: Callable[[str], Stage], account: str
) -> None:
    """What isn't there and what isn't one's own give the same page, byte for byte."""
    client = sign_in(stages("reviewing"), account)
    pairs = {
        "staff": (f"/rounds/{CODE}/draws/9", "/rounds/nothing/draws/1"),
        "inspector": (f"/rounds/{CODE}/dossiers/D99", "/rounds/nothing/dossiers/D01"),
        "expert1": (f"/desk/{CODE}/dossiers/D02", f"/desk/{CODE}/dossiers/D99"),
    }

    def page(url: str) -> str:
        answer = client.get(url)
        assert answer.status_code == 404
        text = answer.get_data(as_text=True)
        return re.sub(r'value="[^"]*"|nonce="[^"]*"', "", text)

    one, other = pairs[account]
    assert page(one) == page(other)


def test_names_stay_sealed_from_staff(stages: Callable[[str], Stage]) -> None:
    """Staff see pseudonyms of the drawn until unsealing; the inspector sees the names."""
    stage = stages("reviewing")
    seat = stage.rows(Seat, Seat.status == "accepted")[0]
    name = stage.rows(Expert, Expert.id == seat.expert_id)[0].name
    for url in ("seats", "draws/1/list", "draws/1/record", "draws/1/show", "progress"):
        sealed = sign_in(stage, "staff").get(f"/rounds/{CODE}/{url}").get_data(as_text=True)
        assert seat.pseudonym in sealed
        assert name not in sealed, url
        opened = sign_in(stage, "inspector").get(f"/rounds/{CODE}/{url}").get_data(as_text=True)
        assert name in opened, url


def test_a_draw_shows_its_seed_and_the_way_to_all_its_events(
    stages: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draw's page counts all its events, lists the first, and leads to the rest in the log."""
    stage = stages("seated")
    draw = stage.rows(Draw)[0]
    events = stage.rows(LogEvent, LogEvent.subject == draw.draw_id)
    client = sign_in(stage, "staff")
    whole = client.get(f"/rounds/{CODE}/draws/1").get_data(as_text=True)
    assert json.loads(draw.result or "")["seed"] in whole
    assert f"{len(events)} events in the log" in whole
    assert whole.count('<li><a href="/log/') == min(len(events), draws.EVENTS)
    monkeypatch.setattr(draws, "EVENTS", 3)
    short = client.get(f"/rounds/{CODE}/draws/1").get_data(as_text=True)
    assert short.count('<li><a href="/log/') == 3
    (rest,) = re.findall(r'href="(/log\?[^"]*)"', short)
    listed = client.get(rest).get_data(as_text=True)
    assert all(f"/log/{one.seq}" in listed for one in events[-3:])


def test_a_draw_shows_what_its_lock_warned_of(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings were kept by the lock, not found anew; those of an older version's lock are."""
    stage.play("committed")
    row = stage.rows(Round)[0]
    stage.office.do(STAFF, locks.lock_draw, pk(row), [])  # the parties' secrets alone
    client = sign_in(stage, "staff")

    def warned() -> list[str]:
        draws._frozen.cache_clear()
        text = client.get(f"/rounds/{CODE}/draws/1").get_data(as_text=True)
        return re.findall(r'<div class="notice warning mt-3"><div>([^<]+)', text)

    with monkeypatch.context() as patch:
        patch.setattr(draws.locking, "lock", lambda *_args, **_kwargs: pytest.fail("a rehearsal"))
        kept = warned()
    assert "All sources are secrets of parties" in kept[0]
    assert len(kept) == len(json.loads(stage.rows(Draw)[0].warnings or ""))
    with stage.office.store.writing() as session:
        session.execute(sa.update(Draw).values(warnings=None))
        session.commit()
    assert warned() == kept


def test_no_score_shows_before_closing(stages: Callable[[str], Stage]) -> None:
    """The results page is shut for everybody while experts score."""
    for account in ("staff", "approver", "inspector"):
        text = sign_in(stages("reviewing"), account).get(f"/rounds/{CODE}/results")
        assert "No results before scoring closes" in text.get_data(as_text=True)


def test_pages_carry_no_inline_styles_or_scripts(stages: Callable[[str], Stage]) -> None:
    """The policy allows no inline code, and no page relies on it."""
    stage = stages("published")
    client = sign_in(stage, "staff")
    for url in ("", "/pool", "/draws/1", "/draws/1/show", "/draws/1/record", "/results", "/seats"):
        answer = client.get(f"/rounds/{CODE}{url}")
        text = answer.get_data(as_text=True)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<[^>]+\sstyle=|<[^>]+\son\w+=|<style", text), url
        for script in re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", text):
            assert 'type="application/json"' in script


def test_the_public_sees_a_list_only_once_it_is_published(
    stages: Callable[[str], Stage],
) -> None:
    """An unpublished round gives the public the same 404 as none; a published one its list."""
    for scene in ("reviewing", "approved"):
        client = sign_in(stages(scene), "")
        assert client.get(f"/public/{CODE}").status_code == 404
        assert client.get(f"/public/{CODE}/draws/1.zip").status_code == 404
    client = sign_in(stages("published"), "")
    assert "units, by province" in client.get(f"/public/{CODE}").get_data(as_text=True)
    assert client.get(f"/public/{CODE}/draws/1.zip").mimetype == "application/zip"


def test_the_bundle_to_download_has_no_names(stages: Callable[[str], Stage]) -> None:
    """The bundle has pseudonyms alone; the old address of the one with names leads to the desk."""
    import io
    import zipfile

    client = sign_in(stages("published"), "inspector")
    data = client.get(f"/rounds/{CODE}/draws/1/bundle.zip").data
    assert "identities.json" not in zipfile.ZipFile(io.BytesIO(data)).namelist()
    answer = client.get(f"/rounds/{CODE}/draws/1/bundle-inspection.zip")
    assert answer.headers["Location"] == f"/inspection/rounds/{CODE}/draws/1#names"


def test_pages_speak_chinese_unless_asked(stages: Callable[[str], Stage]) -> None:
    """Chinese comes first; the switch changes the language and comes back to the page."""
    stage = stages("published")
    client = stage.app.test_client()
    page = client.get("/login").get_data(as_text=True)
    assert '<html lang="zh-CN"' in page
    assert "登录" in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    data = {"csrf_token": token[1], "next": "/login"}
    answer = client.post("/language/en", data=data)
    assert answer.headers["Location"] == "/login"
    assert '<html lang="en"' in client.get("/login").get_data(as_text=True)
    answer = client.post("/language/en", data=data | {"next": "//elsewhere.example"})
    assert answer.headers["Location"] == "/"
