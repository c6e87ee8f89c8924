from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from allocation.errors import AllocationError
from review_service.operation.verifying import verify_log
from tests.operation.conftest import ON_SQLITE

if TYPE_CHECKING:
    from tests.operation.conftest import Place

TAMPERING = {
    "event-gap": "DELETE FROM log_event WHERE seq = 1",
    "event-columns": "UPDATE log_event SET actor = 'somebody' WHERE seq = 1",
    "not-canonical": "UPDATE log_event SET event = event || ' ' WHERE seq = 1",
    "sealed": """UPDATE log_event SET private = '{"salt":"00","value":{"note":"开"}}' """
    "WHERE type = 'note.kept'",
    "node": "UPDATE log_node SET hash = (SELECT hash FROM log_node WHERE level = 0 "
    "AND position = 0) WHERE level = 0 AND position = 1",
    "node-count": "DELETE FROM log_node WHERE level = 1 AND position = 0",
    "head": "UPDATE log_head SET size = size - 1",
    "signature": "UPDATE checkpoint SET note = replace(note, 'review.test', 'review.tesT')",
}


def test_a_log_as_it_was_written_verifies(place: Place) -> None:
    """An honest log verifies, and the report counts what was looked at."""
    with place.office.store.snapshot() as session:
        report = verify_log(session)
    assert (report.checkpoints, report.keys, report.sealed) == (1, 1, 1)
    assert report.size == 6


@ON_SQLITE
@pytest.mark.parametrize("code", sorted(TAMPERING))
def test_each_tampering_is_found_and_named(place: Place, code: str) -> None:
    """Whoever changes the database by hand, at any of these places, is found out."""
    with place.office.store.writing() as session:
        session.connection().execute(text(TAMPERING[code]))
        session.commit()
    with place.office.store.snapshot() as session, pytest.raises(AllocationError) as caught:
        verify_log(session)
    assert caught.value.code in {code, "note-key", "note-unsigned"}


def test_a_rewritten_event_breaks_the_tree(place: Place) -> None:
    """An event that is rewritten in good form no longer fits its leaf."""
    with place.office.store.writing() as session:
        session.connection().execute(
            text("UPDATE log_event SET event = replace(event, '测试轮次', '别的轮次')")
        )
        session.commit()
    with place.office.store.snapshot() as session, pytest.raises(AllocationError) as caught:
        verify_log(session)
    assert caught.value.code == "node"
