from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from review_service.operation import copying
from review_service.operation.moving import move_store
from review_service.storage import Store
from review_service.workflows import log
from review_service.workflows.base import SYSTEM, Office, WorkflowError
from tests.operation.conftest import ON_SQLITE, STAFF, TO_SQLITE, Place

if TYPE_CHECKING:
    from pathlib import Path


def test_a_store_moves_with_its_log_intact(place: Place, other_store: Store) -> None:
    """A round moves between the databases either way: same rows, same root, and the log goes on."""
    other_store.use_keys(None)  # the source's come along
    report = move_store(place.office.store, other_store)
    with place.office.store.snapshot() as one, other_store.snapshot() as other:
        assert copying.counts(one.connection()) == copying.counts(other.connection())
    office = Office(other_store, place.office.tools)
    event = office.do(STAFF, log.append, "note.kept", {"round": "2026"})
    assert event.seq == report.size
    office.do(SYSTEM, log.sign_checkpoint)


@ON_SQLITE
def test_a_store_moves_into_an_empty_one_alone(place: Place, other_store: Store) -> None:
    """A second move into the same store is refused: nothing is mixed, nothing doubled."""
    move_store(place.office.store, other_store)
    with pytest.raises(WorkflowError, match="store-not-empty"):
        move_store(place.office.store, other_store)


@TO_SQLITE
def test_an_older_store_is_migrated_first(other_store: Store, tmp_path: Path) -> None:
    """A source of another revision is refused with both revisions named."""
    source = Store(f"sqlite:///{tmp_path}/old.db")
    source.migrate("0001")
    with pytest.raises(WorkflowError, match="store-revision"):
        move_store(source, other_store)
    source.close()
