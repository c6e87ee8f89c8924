from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from allocation.errors import LockError
from review_service.exchange.grids import read_book
from review_service.tables import Draw, LogEvent, Round
from review_service.web.errors import sentence
from tests.web.conftest import sign_in
from tests.web.stage import CODE

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.web.stage import Stage

PAGE = f"/rounds/{CODE}/chances"
ROOM = f"/rounds/{CODE}/draws"
EACH = {
    "method": "balanced", "panels": [], "pair_cap": [1, 2],
    "each": {"seats": {"S1": 2, "S2": 1}, "capacity": 2}, "strata": {"S1": "技术", "S2": "管理"},
    "limits": [{"field": "employer", "scope": "cell", "max": 1}],
}  # fmt: skip


@pytest.fixture
def balanced(stage: Stage) -> Stage:
    """A round ready to lock, whose rules are those of a balanced one."""
    return with_rules(stage, EACH)


def with_rules(stage: Stage, rules: dict[str, Any]) -> Stage:
    """Bring a stage before its lock, under other rules."""
    stage.play("committed")
    with stage.office.store.writing() as session:
        row = session.get_one(Round, stage.round_id)
        row.rules = row.rules | rules
        session.add(row)
        session.commit()
    return stage


def text_of(client: FlaskClient, url: str) -> str:
    """Return a page as text without its tags."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.get_data(as_text=True)[-800:]
    bare = re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))
    return " ".join(html.unescape(bare).split())


def test_the_page_of_a_balanced_round(balanced: Stage) -> None:
    """Staff, approvers and inspectors see exact chances before the lock; nothing is kept."""
    events = len(balanced.rows(LogEvent))
    for who in ("staff", "approver", "inspector"):
        client = sign_in(balanced, who)
        assert "Everybody’s chance before the lock" in text_of(client, ROOM)
        text = text_of(client, PAGE)
        assert "48 experts listed" in text
        assert "these chances are exact" in text
        assert re.search(r"\d\.\d\d points between two dossiers, the mean over 10", text)
        assert "12 dossiers with" in text
        assert "Highest chance of a pair" in text
    assert sign_in(balanced, "unit").get(PAGE).status_code == 403
    assert len(balanced.rows(LogEvent)) == events
    assert balanced.rows(Draw) == []


def test_the_table_is_filtered_and_exported(balanced: Stage) -> None:
    """A filter narrows page and workbook alike; every expert stands in the whole workbook."""
    client = sign_in(balanced, "staff")
    assert "6 experts Number" in text_of(client, f"{PAGE}?q=张")
    answer = client.get(f"/rounds/{CODE}/chances.xlsx")
    grid = read_book(answer.data, "chances.xlsx").grids[0]
    assert len(grid.rows) == 1 + 48
    few = client.get(f"/rounds/{CODE}/chances.xlsx?q=张")
    assert len(read_book(few.data, "few.xlsx").grids[0].rows) == 1 + 6
    assert "Nobody fits" in text_of(client, f"{PAGE}?q=没有这个人")


def test_a_lottery_shows_rates_and_says_what_is_estimated(stage: Stage) -> None:
    """Without a simulation only base rates stand there; with one, how many draws it was."""
    stage.play("committed")
    client = sign_in(stage, "staff")
    plain = text_of(client, PAGE)
    assert "the base rate of a stratum is its seats by its eligible experts" in plain
    assert "±" not in plain
    simulated = text_of(client, f"{PAGE}?simulate=yes")
    assert "estimated from 200 simulated draws" in simulated
    assert "±" in simulated


def test_a_crossing_limit_is_told_in_words(stage: Stage) -> None:
    """Room and page say why the limit can't be kept exactly and what to use, in both languages."""
    limits = [{"field": "province", "scope": "panel", "max": 1}]
    client = sign_in(with_rules(stage, EACH | {"limits": limits}), "staff")
    for url in (ROOM, PAGE):
        assert "exact chances could not be kept" in text_of(client, url)
    answer = client.post(ROOM, data={"source": "drand", "minutes": 10}, follow_redirects=True)
    assert "exact chances could not be kept" in html.unescape(answer.get_data(as_text=True))
    with client.session_transaction() as session:
        session["language"] = "zh"
    assert "无法保持精确的机会" in text_of(client, PAGE)
    assert stage.rows(Draw) == []


def test_too_few_experts_are_told_with_what_would_do(stage: Stage) -> None:
    """Seats beyond capacities, or beyond the pair cap, are told with numbers and a remedy."""
    each = {"seats": {"S1": 40}, "capacity": 1}
    client = sign_in(with_rules(stage, EACH | {"each": each}), "staff")
    text = text_of(client, PAGE)
    assert "seats can’t be filled: only" in text
    assert "技术" in text


def test_the_sentences_of_a_plan_are_whole(stage: Stage) -> None:
    """No refusal of a balanced plan leaves a fact open or shows its code."""
    facts: dict[str, dict[str, Any]] = {
        "deal": {"panels": ["P1"]}, "no-plan": {}, "plan": {}, "plan-pair": {},
        "plan-cap": {"panel": "P1"}, "plan-capacity": {"expert": "e1"},
        "plan-cell": {"panel": "P1", "stratum": "S1", "seats": 3},
        "plan-limit": {"field": "employer"}, "plan-unequal": {}, "too-fine": {"bits": 62},
        "limit-crosses": {"province": "p", "employer": "e"},
        "too-few": {"needed": 4, "eligible": ["e1", "e2"], "seatable": [3, 1],
                    "cells": [["P", "S"]],
                    "pair_cap": [1, 2], "would_do": [2, 3]},
    }  # fmt: skip
    with stage.app.test_request_context():
        for code, known in facts.items():
            told = sentence(LockError(code, "as the package says it", **known))
            assert "as the package says it" not in told
            assert "?" not in told
        told = sentence(LockError("too-few", "", **facts["too-few"]))
    assert "2/3" in told


def test_a_balanced_draw_on_every_page(balanced: Stage) -> None:
    """Locked and drawn, the pages of the draw open: list, screen, record, seats, room."""
    balanced.play("drawn")
    client = sign_in(balanced, "staff")
    number = balanced.draw().number
    for end in ("", "/list", "/show", "/record"):
        text_of(client, f"{ROOM}/{number}{end}")
    seats = balanced_seats(balanced)
    listed = client.get(f"{ROOM}/{number}/list").get_data(as_text=True)
    assert listed.count("<tr>") - 1 == len(seats) == 36
    plan = json.loads(balanced.draw().snapshot)["plan"]
    assert {row[3] / row[4] for row in plan} != {1}
    told = text_of(client, f"{ROOM}/{number}/list")
    for seat in seats:
        (chance,) = [
            f"{top}/{bottom}" for *who, top, bottom in plan
            if who == [seat["expert"], seat["panel"], seat["stratum"]]
        ]  # fmt: skip
        assert chance in told
    assert "awaited" in text_of(client, f"/rounds/{CODE}/seats")
    assert "There are no chances to show" in text_of(client, PAGE)
    assert len({seat["panel"] for seat in balanced_seats(balanced)}) == 12


def balanced_seats(stage: Stage) -> list[dict[str, str]]:
    """Return the seats of the newest draw's result."""
    found: list[dict[str, str]] = json.loads(stage.draw().result or "{}")["seats"]
    return found
