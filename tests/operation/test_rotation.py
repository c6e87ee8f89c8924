from __future__ import annotations

from dataclasses import replace

import pytest

from allocation.checkpoint import open_note
from review_service.keys import load_keys, upcoming
from review_service.office import make_office
from review_service.operation.rotation import finish_rotation, rotate_key
from review_service.operation.verifying import verify_log
from review_service.workflows import log
from review_service.workflows.base import SYSTEM, Office, WorkflowError
from tests.operation.conftest import STAFF, Place


class _CrashError(Exception):
    pass


def _next_start(place: Place) -> Office:
    """The office of a process that starts now, with whatever key file is there."""
    keys = load_keys(place.settings.key_file, "review.test")
    return Office(place.office.store, replace(place.office.tools, keys=keys))


def test_rotation_needs_no_stop(place: Place) -> None:
    """A process that holds the old key signs with the new one; the log verifies with both."""
    first = place.office.tools.keys.verifier_key
    row = rotate_key(place.office)
    assert str(open_note(row.note, [row_key(place)]).signer) != first
    place.office.do(STAFF, log.append, "note.kept", {"round": "2026"})
    later = place.office.do(SYSTEM, log.sign_checkpoint)
    open_note(later.note, [row_key(place)])
    with place.office.store.snapshot() as session:
        report = verify_log(session)
    assert (report.keys, report.checkpoints) == (2, 4)
    names = {path.name for path in place.settings.data.glob("log.key*")}
    assert len(names) == 2
    assert any(name.endswith(".retired") for name in names)


def row_key(place: Place) -> str:
    """The key in force."""
    with place.office.store.reading() as session:
        return log.log_keys(session)[-1]


@pytest.mark.parametrize("point", ["begun", "made", "logged"])
def test_a_crash_at_any_point_loses_no_key(place: Place, point: str) -> None:
    """Wherever a rotation is cut off, the next start has the key in force; a new try completes."""

    def crash(name: str) -> None:
        if name == point:
            raise _CrashError

    with pytest.raises(_CrashError):
        rotate_key(place.office, step=crash)
    office = _next_start(place)
    assert finish_rotation(office) is (point == "logged")
    office.do(STAFF, log.append, "note.kept", {"round": "2026"})
    office.do(SYSTEM, log.sign_checkpoint)
    assert _next_start(place).tools.keys.verifier_key == row_key(place)
    rotate_key(_next_start(place))
    with place.office.store.snapshot() as session:
        assert verify_log(session).keys == (3 if point == "logged" else 2)
    assert not upcoming(place.settings.key_file).exists()


def test_a_start_finishes_a_rotation(place: Place) -> None:
    """Opening the office after a crash puts the key in force into its file."""

    def crash(name: str) -> None:
        if name == "logged":
            raise _CrashError

    with pytest.raises(_CrashError):
        rotate_key(place.office, step=crash)
    make_office(replace(place.settings, origin="review.test")).store.close()
    assert load_keys(place.settings.key_file, "review.test").verifier_key == row_key(place)


def test_a_lost_key_is_named_and_replaced(place: Place) -> None:
    """Without its key the log takes events but signs nothing, until a new key is logged."""
    place.settings.key_file.unlink()
    office = _next_start(place)
    office.do(STAFF, log.append, "note.kept", {"round": "2026"})
    with pytest.raises(WorkflowError, match="key-lost"):
        office.do(SYSTEM, log.sign_checkpoint)
    with pytest.raises(WorkflowError, match="key-lost"):
        rotate_key(office)
    row = rotate_key(office, lost=True)
    open_note(row.note, [row_key(place)])
    with place.office.store.snapshot() as session:
        assert verify_log(session).keys == 2
