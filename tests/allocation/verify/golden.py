"""Writes the golden bundles: `python -m tests.allocation.verify.golden` into tests/vectors/bundles.

They were made once and stay valid for ever: a third implementation must say of each what
bundles.json says (statuses of lines 1 to 12, the beacon's BLS signature checked).
"""

from __future__ import annotations

import json
from typing import Any

from allocation import verify
from tests.allocation.verify.making import (
    VECTORS,
    Office,
    balanced_office,
    lottery_office,
    order_office,
    zipped,
)
from tests.allocation.verify.tampering import honest, tampered

FOLDER = VECTORS / "bundles"
SHORT = {"PASS": "P", "FAIL": "F", "NOT CHECKED": "-"}
HONEST = {
    "lottery": (
        lottery_office,
        "a voided draw, a lottery from four sources locked in time, replacements; inspector's form",
    ),
    "balanced": (
        balanced_office,
        "method balanced with nested limits, a replacement of a seat and of one for one dossier",
    ),
    "order": (order_office, "a tie broken by method order"),
}
TAMPERED = {
    "replacement_skipped": "a vacated seat is never replaced; the office signed that",
    "void_hidden": "the round's first draw, voided, was taken out of the log and all signed anew",
    "conflict_seated": "an expert sits in spite of a conflict; the office signed that",
    "plan_unfair": "chances of a balanced plan moved from one expert to another before the lock",
    "cosignature_forged": "the inspector's countersignature is zeros",
    "log_rewritten": "an event older than the checkpoint given as previous was rewritten",
}


def public(office: Office) -> dict[str, bytes]:
    """Return the files of the public form: no identities."""
    return {name: data for name, data in office.files().items() if name != verify.IDENTITIES}


def statuses(data: bytes, previous: str | None = None) -> str:
    """Return one letter a line: P pass, F fail, - not checked."""
    lines = verify.verify(verify.read_zip(data), previous=previous)
    return "".join(SHORT[line.status] for line in lines)


def write() -> None:
    """Write the zips and bundles.json."""
    rows: list[dict[str, Any]] = []
    made: list[tuple[str, str, bytes, str | None]] = [
        (name, desc, zipped(honest(make).files()), None) for name, (make, desc) in HONEST.items()
    ]
    made.append(("lottery_public", "the lottery in its public form, without identities",
                 zipped(public(honest(lottery_office))), None))  # fmt: skip
    for name, desc in TAMPERED.items():
        one = tampered(name)
        made.append((name, desc, one.data, one.previous))
    FOLDER.mkdir(exist_ok=True)
    for name, desc, data, previous in made:
        (FOLDER / f"{name}.zip").write_bytes(data)
        row = {"file": f"{name}.zip", "desc": desc, "lines": statuses(data, previous)}
        rows.append(row | ({"previous": previous} if previous else {}))
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    (FOLDER / "bundles.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
