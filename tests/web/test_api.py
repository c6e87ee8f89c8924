from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from allocation import checkpoint as notes
from allocation import merkle
from allocation.checkpoint import parse_body
from review_service.tables import ApiToken, Expert, LogEvent
from review_service.web import api
from review_service.web.api.rate import Rate
from review_service.workflows import log as logs
from review_service.workflows import tokens
from review_service.workflows.base import Actor, pk
from tests.web.conftest import sign_in
from tests.web.stage import CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.test import TestResponse

    from tests.web.stage import Stage

ADMIN = Actor("administrator", "admin-1")
DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.json"


def token(stage: Stage, *scopes: str, days: int = 30) -> str:
    """Return a new token with scopes."""
    return stage.office.do(ADMIN, tokens.create_token, "测试程序", scopes, days)[1]


def ask(stage: Stage, path: str, bearer: str = "") -> TestResponse:
    """Return the answer to a request without a session."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return stage.app.test_client().get(f"/api/v1{path}", headers=headers)


def found(answer: TestResponse) -> Any:
    """Return the JSON of an answer that must be good."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_who_asks_too_often_waits(stage: Stage) -> None:
    """A caller's requests run out and come back with time; another caller's do not suffer."""
    now = [0.0]
    stage.app.extensions["api-rate"] = Rate(lambda: now[0], per_minute=2)
    bearer = token(stage, "rounds")
    assert [ask(stage, "/rounds").status_code for _ in range(3)] == [200, 200, 429]
    answer = ask(stage, "/rounds")
    assert answer.headers["Retry-After"] == "30"
    assert answer.get_json()["code"] == "too-many-requests"
    assert ask(stage, "/rounds", bearer).status_code == 200
    now[0] = 30.0
    assert [ask(stage, "/rounds").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("scoped", [False, True])
def test_no_answer_is_undocumented(stages: Callable[[str], Stage], *, scoped: bool) -> None:
    """Schemathesis, with a token or without, finds no 5xx and no answer outside the description."""
    stage = stages("published")
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", stage.app)
    headers = {"Authorization": f"Bearer {token(stage, *tokens.SCOPES)}"} if scoped else {}
    statuses: set[int] = set()
    checks = [status_code_conformance, content_type_conformance, response_schema_conformance]
    for operation in schema.get_all_operations():
        made = operation.ok()
        arguments = list(made.iter_parameters())
        modes = GenerationMode if arguments else (GenerationMode.POSITIVE,)

        @settings(
            max_examples=12, derandomize=True, deadline=None, database=None,
            phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(
            case=st.one_of(*(made.as_strategy(generation_mode=mode) for mode in modes)),
            there=st.booleans(),
        )
        def probe(case: Any, there: bool) -> None:
            if there:  # chance alone never hits a round that is there
                real = {"code": CODE, "number": 1}
                names = case.path_parameters or {}
                names.update({name: real[name] for name in names})
            response = case.call(headers=headers)
            statuses.add(response.status_code)
            assert response.status_code < 500
            case.validate_response(response, checks=checks)

        probe()
    assert {200, 404, 422} <= statuses


def test_the_description_is_the_one_in_the_documentation(stages: Callable[[str], Stage]) -> None:
    """docs/openapi.json is what is served; `python -m review_service.web.api` prints it."""
    stage = stages("published")
    served = found(ask(stage, "/openapi.json"))
    assert served == json.loads(json.dumps(api.description(stage.app)))
    assert json.loads(DESCRIPTION.read_text(encoding="utf-8")) == served
    refusals = {"401", "422"}
    for path, operations in served["paths"].items():
        assert refusals <= set(operations["get"]["responses"]), path
        assert "default" not in operations["get"]["responses"]


def test_proofs_verify_and_events_hash_to_their_leaves(stages: Callable[[str], Stage]) -> None:
    """A client that trusts nothing follows checkpoint, events and both kinds of proof."""
    stage = stages("published")
    log = found(ask(stage, "/log"))
    signed = found(ask(stage, "/log/checkpoints/latest"))
    opened = notes.open_note(signed["note"], log["keys"])
    assert (opened.origin, opened.size) == (log["origin"], log["signed"])
    tree, start = merkle.Tree(), 0
    leaves = []
    while start is not None:
        page = found(ask(stage, f"/log/events?start={start}&limit=7"))
        leaves += [(one["leaf"], one["event"]) for one in page["events"]]
        start = page["next"]
    assert len(leaves) == opened.size
    for leaf, event in leaves:
        assert event is None or merkle.leaf_hash(event.encode()).hex() == leaf
    for event in stage.rows(LogEvent):
        if event.seq < opened.size:
            tree.add(event.event.encode())
    assert merkle.root(tree.get, tree.size) == opened.root
    got = found(ask(stage, "/log/proofs/inclusion?seq=3"))
    proof = [bytes.fromhex(one) for one in got["proof"]]
    merkle.verify_inclusion(3, got["size"], bytes.fromhex(got["leaf"]), proof, opened.root)
    got = found(ask(stage, "/log/proofs/consistency?old=5"))
    proof = [bytes.fromhex(one) for one in got["proof"]]
    old, new = (bytes.fromhex(got[name]) for name in ("old_root", "new_root"))
    merkle.verify_consistency(5, got["new"], old, new, proof)
    assert new == opened.root


def test_what_is_not_published_opens_with_a_scope_alone(stages: Callable[[str], Stage]) -> None:
    """A round in its scoring isn't there without a token, nor with one of another scope."""
    stage = stages("reviewing")
    held = {scope: token(stage, scope) for scope in tokens.SCOPES}
    paths = {"rounds": f"/rounds/{CODE}", "draws": f"/rounds/{CODE}/draws/1"}
    for scope, path in paths.items():
        assert ask(stage, path).status_code == 404
        for other, bearer in held.items():
            assert ask(stage, path, bearer).status_code == (200 if other == scope else 404)
    assert found(ask(stage, "/rounds"))["rounds"] == []
    assert [one["code"] for one in found(ask(stage, "/rounds", held["rounds"]))["rounds"]] == [CODE]
    assert ask(stage, f"/rounds/{CODE}/results").status_code == 401
    assert ask(stage, f"/rounds/{CODE}/results", held["log"]).status_code == 403
    assert ask(stage, f"/rounds/{CODE}/results", held["results"]).status_code == 404

    def texts(bearer: str = "") -> list[str | None]:
        return [one["event"] for one in found(ask(stage, "/log/events", bearer))["events"]]

    shown = [json.loads(one)["type"] for one in texts() if one is not None]
    assert set(shown) <= {"log.opened", "key.rotated", "witness.registered", "checkpoint.signed"}
    assert None in texts()
    assert None not in texts(held["log"])
    with stage.office.store.reading() as session:
        assert len(texts(held["log"])) == min(100, logs.head(session).size)


def test_a_session_opens_nothing_in_the_api(stages: Callable[[str], Stage]) -> None:
    """Staff who are signed in get what everybody gets: another site's script finds nothing."""
    client = sign_in(stages("reviewing"), "staff")
    assert client.get(f"/api/v1/rounds/{CODE}").status_code == 404


def test_a_published_round_is_public_without_names(stages: Callable[[str], Stage]) -> None:
    """List, draws and events of a published round are open; no expert's name is in any of it."""
    stage = stages("published")
    listed = found(ask(stage, f"/rounds/{CODE}/list"))
    assert len(listed["dossiers"]) == 4
    draw = found(ask(stage, f"/rounds/{CODE}/draws/1"))
    assert draw["snapshot_digest"] == draw["result"]["snapshot"]
    assert stage.app.test_client().get(draw["bundle"]).mimetype == "application/zip"
    results = found(ask(stage, f"/rounds/{CODE}/results", token(stage, "results")))
    assert sum(one["place"] == "in" for one in results["dossiers"]) == 4
    bearer = token(stage, *tokens.SCOPES)
    paths = ("/log/events?limit=1000", f"/rounds/{CODE}/draws/1", f"/rounds/{CODE}/results")
    everything = "".join(ask(stage, path, bearer).get_data(as_text=True) for path in paths)
    for expert in stage.rows(Expert):
        assert expert.name not in everything
        assert expert.document not in everything
    assert '\\"salt\\"' not in everything


def test_tokens_end(stage: Stage) -> None:
    """A token that was revoked, has run out or never was is refused with 401, everywhere alike."""
    stage.play("empty")
    good, short = token(stage, "rounds"), token(stage, "rounds", days=1)
    assert ask(stage, "/rounds", good).status_code == 200
    stage.clock.advance_to(stage.clock.now + timedelta(days=2))
    ended = ask(stage, "/rounds", short)
    row = stage.rows(ApiToken)[0]
    assert good not in (row.digest, row.name)
    stage.office.do(ADMIN, tokens.revoke_token, pk(row))
    revoked = ask(stage, "/rounds", good)
    unknown = ask(stage, "/rounds", "review_" + "A" * 43)
    for answer in (ended, revoked, unknown):
        assert answer.status_code == 401
        assert answer.get_json() == unknown.get_json()
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert [one.type for one in stage.rows(LogEvent)][-1] == "token.revoked"
    assert good not in "".join(one.event for one in stage.rows(LogEvent))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/rounds/%00", 404),
        (f"/log/events/{2**63}", 404),
        ("/log/events?start=-1", 422),
        ("/log/events?colour=red", 422),
        ("/log/proofs/inclusion?seq=5&size=4", 422),
        ("/log/proofs/inclusion?seq=5&size=4000", 422),
        ("/log/proofs/consistency?old=7&new=6", 422),
    ],
)
def test_refusals_are_json(stages: Callable[[str], Stage], path: str, status: int) -> None:
    """Whatever is wrong with a request, the answer is JSON with a code, never a page."""
    answer = ask(stages("published"), path)
    assert answer.status_code == status
    assert set(answer.get_json()) == {"code", "message", "facts"}
    assert stages("published").app.test_client().get("/nothing").mimetype == "text/html"
    assert stages("published").app.test_client().post("/api/v1/rounds").status_code in {400, 405}


def test_the_administrator_makes_and_revokes_tokens(stage: Stage) -> None:
    """The page shows a token once, lists it by its use, and revokes it."""
    client = sign_in(stage.play("empty"), "administrator")
    bad = client.post("/tokens", data={"name": "", "days": "0"}).get_data(as_text=True)
    assert "Choose at least one." in bad
    made = client.post("/tokens", data={"name": "监督平台", "scopes": "rounds", "days": "9"})
    text = made.get_data(as_text=True)
    bearer = text.split('class="digest big">')[1].split("<")[0]
    assert len(base64.urlsafe_b64decode(bearer.removeprefix(tokens.PREFIX) + "=")) == 32
    assert len(found(ask(stage, "/rounds", bearer))["rounds"]) == 1
    page = client.get("/tokens").get_data(as_text=True)
    assert bearer not in page
    assert "监督平台" in page
    client.post(f"/tokens/{stage.rows(ApiToken)[0].id}/revoke")
    assert ask(stage, "/rounds", bearer).status_code == 401
    assert "revoked" in client.get("/tokens").get_data(as_text=True)


def test_parse_of_the_newest_checkpoint(stages: Callable[[str], Stage]) -> None:
    """The pages of checkpoints lead from the newest to the oldest, each parsing as a note."""
    stage = stages("published")
    sizes: list[int] = []
    onward: str | None = ""
    while onward is not None:
        page = found(ask(stage, f"/log/checkpoints?limit=1{onward}"))
        sizes += [parse_body(one["note"].split("\n\n")[0] + "\n")[1] for one in page["checkpoints"]]
        onward = None if page["next"] is None else f"&before={page['next']}"
    assert sizes == sorted(sizes, reverse=True)
    assert found(ask(stage, f"/log/checkpoints/{sizes[-1]}"))["size"] == sizes[-1]
    assert ask(stage, "/log/checkpoints/0").status_code == 404
