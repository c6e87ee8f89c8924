"""Every refusal that a page can meet has its sentence, found by reading the sources."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import session

from review_service.web.errors import sentence
from review_service.web.eventwords import note_sentence
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
# Where refusals of pages are raised, each with the place of its code among the arguments. What
# isn't found (NotFoundError) is one page for all. A draw's locks and sources refuse what people
# enter; other errors of the cores tell of records and files, which pages make themselves.
RAISED = {"WorkflowError": 0, "StaleError": 0, "Fault": 1}
RAISED_BY_CORES = {"LockError": 0}
PLACES = ("workflows", "web", "mail.py", "office.py", "jobs")
# A damaged store, a task of another version, a command's matter: a page asks to report these.
REPORTED = {"log-node-missing", "log-not-opened", "job-kind", "smtp-address", "no-dask", "method"}
UNKNOWN = {"en": "Report it with these words", "zh": "请将以下文字报告"}


def _codes(path: Path, kinds: dict[str, int]) -> Iterator[str]:
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        at = kinds.get(call.func.id)
        if at is not None and len(call.args) > at:
            code = call.args[at]  # a name or a built text is handed on from where it was raised
            texts = (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,)
            yield from (str(one.value) for one in texts if isinstance(one, ast.Constant))


def _raised() -> set[str]:
    ours = [ROOT / "review_service" / one for one in PLACES]
    files = [path for one in ours for path in ([one] if one.is_file() else one.rglob("*.py"))]
    codes = {code for path in files for code in _codes(path, RAISED)}
    cores = (ROOT / "allocation").rglob("*.py")
    return codes | {code for path in cores for code in _codes(path, RAISED_BY_CORES)}


def test_every_refusal_of_a_page_has_a_sentence(stage: Stage) -> None:
    """Each code in the sources is told in words, those apart that only a report can help with."""
    codes = _raised()
    assert {"origin-changed", "round-parties-needed", "no-smtp", "round-status"} <= codes
    with stage.app.test_request_context():
        session["language"] = "en"
        told = {code: note_sentence(WorkflowError(code)) for code in codes}
    assert {code for code, text in told.items() if UNKNOWN["en"] in text} == REPORTED


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_refusal_without_words_is_asked_to_be_reported(stage: Stage, language: str) -> None:
    """What pages have no words for is told in the page's language, with its code and facts."""
    with stage.app.test_request_context():
        session["language"] = language
        text = sentence(WorkflowError("log-node-missing", level=3, position=5))
    assert UNKNOWN[language] in text
    assert text.endswith("log-node-missing；level = 3；position = 5")
