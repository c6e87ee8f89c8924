from __future__ import annotations

import ast
from pathlib import Path

import review_service
from review_service.tables import ApplicationStep
from review_service.web.eventwords import _EVENTS

SOURCES = Path(review_service.__file__).parent


def appended() -> set[str]:
    """The kinds of event that some call of `append` names outright."""
    kinds = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "append":
                kinds |= {
                    one.value
                    for one in node.args
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return kinds


def steps() -> set[str]:
    """The kinds of event that a step of an application makes: one for each kind of step."""
    checks = [
        str(one.sqltext) for one in ApplicationStep.__table__.constraints if hasattr(one, "sqltext")
    ]
    (kinds,) = [check for check in checks if check.startswith("kind IN")]
    return {f"application.{kind}" for kind in ast.literal_eval(kinds.removeprefix("kind IN "))}


def test_every_event_has_a_name_in_words() -> None:
    """Whatever the service appends to the log has a name of its own on the pages."""
    kinds = appended()
    assert len(kinds) > 40
    assert len(steps()) > 4
    assert sorted((kinds | steps()) - _EVENTS.keys()) == []
