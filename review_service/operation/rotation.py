"""Rotate the log's key: safe against a crash at any point, without a stop of the service.

1. The new key is written to `log.key.next` (mode 0600, synced).
2. One transaction signs a checkpoint with the key in force, logs `key.rotated`, and signs the
   checkpoint that includes it with the new key. From the commit on the new key is in force.
3. Files are renamed. A crash before 2 leaves the old key in force and the file for the next try;
   a crash after 2 is finished by the next start of any process, or by calling this again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from review_service.keys import make_key, settle, upcoming
from review_service.workflows import log
from review_service.workflows.base import SYSTEM, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from review_service.tables import Checkpoint
    from review_service.workflows.base import Office, Work


def log_rotation(work: Work, new: str, *, lost: bool = False) -> Checkpoint:
    """Put the key with verifier key `new` in force; `lost` where the old one can't sign any more.

    Returns the checkpoint that the new key signed.
    """
    log.head(work.session, lock=True)
    old = log.log_keys(work.session)[-1]
    if old == new:
        raise WorkflowError("key-in-force", key=new)
    if not lost:
        log.sign_checkpoint(work)
    log.append(work, "key.rotated", {"old": old, "new": new})
    return log.sign_checkpoint(work)


def finish_rotation(office: Office) -> bool:
    """Finish the renames of a rotation that was cut off after its commit; whether there was one."""
    path = office.tools.keys.path
    if path is None:
        return False
    with office.store.reading() as session:
        current = log.log_keys(session)[-1]
    return settle(path, current)


def rotate_key(
    office: Office, *, lost: bool = False, step: Callable[[str], None] = lambda _name: None
) -> Checkpoint:
    """Rotate the key of an installation and return the first checkpoint of the new one.

    `step` is called with the name of each point that was reached: a test stops there.
    """
    path = office.tools.keys.path
    if path is None:
        raise WorkflowError("key-file-missing")
    finish_rotation(office)
    step("begun")
    new = make_key(upcoming(path), office.tools.keys.origin)
    step("made")
    row = office.do(SYSTEM, log_rotation, new.verifier_key, lost=lost)
    step("logged")
    settle(path, new.verifier_key)
    return row
