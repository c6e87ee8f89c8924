# ruff: noqa: D103 - a function's name says what it tampers with
"""Tampering with events, checkpoints and signatures (lines 2 and 3)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.allocation.verify import making
from tests.allocation.verify.cases import Files, case, honest, swapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.allocation.verify.making import Office


ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's base point


@case(2)
def event_dropped() -> Files:
    files = honest().files()
    lines = files["events.jsonl"].split(b"\n")
    return files | {"events.jsonl": b"\n".join(lines[:7] + lines[8:])}


@case(2)
def event_dropped_and_renumbered() -> Files:
    office = honest()
    note = office.note()
    del office.events[office.find("reminder.sent")]
    office.renumber()
    return office.files() | {"checkpoint.txt": note.encode()}


@case(2)
def events_reordered() -> Files:
    files = honest().files()
    lines = files["events.jsonl"].split(b"\n")
    swapped(lines, 4, 5)
    return files | {"events.jsonl": b"\n".join(lines)}


@case(2)
def events_reordered_and_signed() -> Office:
    office = honest()
    swapped(office.events, 8, 9)
    return office


@case(2)
def event_inserted() -> Files:
    office = honest()
    note = office.note()
    office.events.insert(9, dict(office.events[8]))
    office.renumber()
    return office.files() | {"checkpoint.txt": note.encode()}


@case(2)
def event_altered() -> Files:
    files = honest().files()
    altered = files["events.jsonl"].replace(b"types unknown", b"types Unknown", 1)
    return files | {"events.jsonl": altered}


@case(2)
def last_line_end_cut() -> Files:
    files = honest().files()
    return files | {"events.jsonl": files["events.jsonl"][:-1]}


@case(2)
def newest_events_cut() -> Files:
    office = honest()
    lines = office.lines()[:-2]
    return office.files() | {"events.jsonl": b"".join(line + b"\n" for line in lines)}


@case(2)
def clock_set_back() -> Office:
    office = honest()
    office.events[9]["time"] = "2026-09-16T01:00:00Z"
    return office


@case(2)
def impossible_date() -> Office:
    office = honest()
    office.events[-1]["time"] = "2026-09-31T01:00:00Z"
    return office


@case(2)
def event_without_actor() -> Office:
    office = honest()
    del office.events[8]["actor"]
    return office


@case(2)
def body_of_wrong_type() -> Office:
    office = honest()
    office.events[office.find("draw.voided")]["body"]["missing"] = "0"
    return office


@case(2)
def log_without_beginning() -> Office:
    office = honest()
    office.events[0]["type"] = "log.closed"
    return office


@case(3)
def checkpoint_of_another_log() -> Files:
    office = honest()
    other = making.key("other.example/log", 1, 9)
    note = making.notes.sign_checkpoint(other.name, len(office.events), bytes(32), other)
    return office.files() | {"checkpoint.txt": note.encode()}


@case(3)
def checkpoint_by_another_key() -> Office:
    office = honest()
    office.signer = making.NEXT_KEY
    return office


def _resigned(change: Callable[[bytes], bytes], line: int) -> Files:
    files = honest().files()
    rows = files["checkpoint.txt"].decode().split("\n")
    lead, name, encoded = rows[line].split(" ")
    data = change(base64.b64decode(encoded))
    rows[line] = f"{lead} {name} {base64.b64encode(data).decode()}"
    return files | {"checkpoint.txt": "\n".join(rows).encode()}


@case(3)
def cosignature_forged() -> Files:
    return _resigned(lambda data: data[:12] + bytes(64), 5)


@case(3)
def cosignature_backdated() -> Files:
    return _resigned(
        lambda data: (
            data[:4] + (int.from_bytes(data[4:12], "big") - 1).to_bytes(8, "big") + data[12:]
        ),
        5,
    )


@case(3)
def signature_malleable() -> Files:
    def again(data: bytes) -> bytes:
        s = int.from_bytes(data[36:], "little") + ORDER
        return data[:36] + s.to_bytes(32, "little")

    return _resigned(again, 4)


@case(3)
def signature_cut() -> Files:
    return _resigned(lambda data: data[:-1], 4)


@case(3)
def cosigner_unknown() -> Office:
    office = honest()
    office.cosigners.append(making.OTHER)
    return office


@case(3)
def cosigner_renamed() -> Files:
    files = honest().files()
    return files | {"checkpoint.txt": files["checkpoint.txt"].replace(b"/li", b"/lu")}


@case(3)
def keys_file_swapped() -> Files:
    office = honest()
    office.keys[1] = making.OTHER.verifier_key
    return office.files()


@case(3)
def key_of_small_order() -> Office:
    office = honest()
    weak = making.notes.VerifierKey(making.ORIGIN, 1, b"\x01" + bytes(31))
    office.events[0]["body"]["key"] = office.keys[0] = str(weak)
    return office


@case(3)
def rotation_without_the_old_key() -> Office:
    office = honest()
    body = {"old": making.NEXT_KEY.verifier_key, "new": making.NEXT_KEY.verifier_key}
    office.add("key.rotated", body)
    office.signer = making.NEXT_KEY
    office.keys.insert(1, making.NEXT_KEY.verifier_key)
    return office


@case(3)
def old_key_after_rotation() -> Office:
    office = honest()
    body = {"old": making.LOG_KEY.verifier_key, "new": making.NEXT_KEY.verifier_key}
    office.add("key.rotated", body)
    office.keys.insert(1, making.NEXT_KEY.verifier_key)
    return office


@case(3)
def kept_checkpoint_of_another_history() -> Office:
    office = honest()
    office.events[office.find("draw.voided")]["body"]["reason"] = "machine-fault"
    return office


@case(3)
def note_of_binary() -> Files:
    return honest().files() | {"checkpoint.txt": bytes(range(256))}
