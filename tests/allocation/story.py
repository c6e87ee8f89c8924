"""A round told by its log: a voided draw, its successor, replacements, a key rotation, witnesses.

Everything is fixed (keys, salts, secrets, times), so that tests, vectors and pages share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from allocation import checkpoint, merkle, sources
from allocation import draw as drawing
from allocation import lock as locking
from allocation import replacement as replacing
from allocation.bundle import Bundle
from allocation.canonical import canonical, parse
from allocation.hashing import h
from allocation.snapshot import Snapshot

ORIGIN = "log.review.example"
ROUND = "2023-bases"
LOCKED_AT = "2023-08-23T08:00:00Z"
# drand quicknet round 1000 was published at 2023-08-23T15:59:24Z with this signature.
BEACON = {
    "kind": "drand",
    "round": 1000,
    "signature": "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125"
    "e342b73a8dd2bacbe47e4b6b63ed5e39",
}


def octets(name: str) -> bytes:
    """Return 32 fixed bytes that stand for something random."""
    return sha256(f"example {name}".encode()).digest()


def key(name: str, kind: int = checkpoint.LOG, turn: int = 0) -> checkpoint.SigningKey:
    """Return a fixed signing key."""
    private = Ed25519PrivateKey.from_private_bytes(octets(f"key {name} {turn}"))
    return checkpoint.SigningKey(name, kind, private)


def person(number: int) -> tuple[str, str, bytes]:
    """Return name, document number and salt of an expert."""
    return f"专家{number:02}", f"11010119700101{number:04}", octets(f"salt {number}")


def expert(number: int, stratum: str, employer: str, province: str) -> dict[str, Any]:
    """Return an expert of a snapshot."""
    name, document, salt = person(number)
    return {
        "id": f"e{number:02}",
        "stratum": stratum,
        "employer": employer,
        "province": province,
        "capacity": 1,
        "identity": h("identity", salt, name.encode(), document.encode()).hex(),
    }


def secret_of(draw_id: str, party: str) -> bytes:
    """Return a party's secret for a draw."""
    return octets(f"secret {draw_id} {party}")


def committed(draw_id: str, *parties: str) -> list[dict[str, Any]]:
    """Return the sources of parties that commit."""
    return [
        {
            "kind": "commitment",
            "party": party,
            "commitment": sources.commitment(draw_id, party, secret_of(draw_id, party)).hex(),
        }
        for party in parties
    ]


def revealed(draw_id: str, *parties: str) -> list[dict[str, Any]]:
    """Return the entries of sources.json of parties that reveal."""
    return [
        {"kind": "commitment", "party": party, "secret": secret_of(draw_id, party).hex()}
        for party in parties
    ]


def lottery(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a snapshot of 24 experts, three panels in two classes, seven dossiers."""
    draw_id = f"{ROUND}/draw/{number}"
    strata = ("clinical", "management", "finance")
    panel = {"deal": True, "dossiers": []}
    return {
        "protocol": "review-draw/v1",
        "draw_id": draw_id,
        "method": "lottery",
        "experts": [
            expert(n, strata[n % 3], f"g-emp{n % 10}", f"g-prov{n % 5}") for n in range(1, 25)
        ],
        "panels": [
            panel | {"id": "A1", "class": "hospital", "seats": {"clinical": 2, "finance": 1}},
            panel | {"id": "A2", "class": "hospital", "seats": {"clinical": 1, "management": 1}},
            {"id": "B1", "class": "rehabilitation", "deal": False, "dossiers": ["D06", "D07"],
             "seats": {"management": 2}},
        ],
        "dossiers": [
            {"id": f"D{n:02}", "class": "hospital" if n < 6 else "rehabilitation",
             "province": f"g-prov{n % 4}"}
            for n in range(1, 8)
        ],
        "conflicts": [
            {"expert": "e03", "dossier": "D02", "rule": "same-employer"},
            {"expert": "e07", "dossier": "D06", "rule": "same-employer"},
            {"expert": "e10", "dossier": "D07", "rule": "declared"},
        ],
        "limits": [
            {"field": "employer", "scope": "draw", "max": 2},
            {"field": "province", "scope": "panel", "max": 1},
        ],
        "sources": [
            *committed(draw_id, "inspection", "ministry"),
            {"kind": "drand", "chain": sources.CHAIN, "round": 1000},
        ],
        "locked_at": LOCKED_AT,
    } | changes  # fmt: skip


def entries(number: int = 1) -> list[dict[str, Any]]:
    """Return sources.json of `lottery`."""
    return [*revealed(f"{ROUND}/draw/{number}", "inspection", "ministry"), BEACON]


def order(**changes: Any) -> dict[str, Any]:
    """Return a snapshot for three of six entries in a tie, on a public lottery draw."""
    return {
        "protocol": "review-draw/v1",
        "draw_id": f"{ROUND}/draw/9",
        "method": "order",
        "entries": [f"D{n:02}" for n in range(11, 17)],
        "take": 3,
        "sources": [
            *committed(f"{ROUND}/draw/9", "notary"),
            {"kind": "public", "name": "双色球 2023098", "date": "2023-08-24"},
        ],
        "locked_at": LOCKED_AT,
    } | changes


def order_entries() -> list[dict[str, Any]]:
    """Return sources.json of `order`."""
    return [
        *revealed(f"{ROUND}/draw/9", "notary"),
        {"kind": "public", "key": "1.8.10.16.24.31./12./"},
    ]


@dataclass
class Log:
    """A log that grows by events, one every ten minutes."""

    lines: list[bytes] = field(default_factory=list)
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    moment: datetime = datetime(2023, 8, 23, 7, 0, tzinfo=UTC)

    def add(self, kind: str, **body: Any) -> dict[str, Any]:
        """Append an event."""
        event = {
            "seq": len(self.lines),
            "time": self.moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "actor": {"role": "staff", "id": "u01"},
            "type": kind,
            "body": body,
        }
        self.lines.append(canonical(event))
        self.tree.add(self.lines[-1])
        self.moment += timedelta(minutes=10)
        return event

    def sign(self, signer: checkpoint.SigningKey, *witnesses: checkpoint.SigningKey) -> str:
        """Return the signed checkpoint of the log as it stands, countersigned now."""
        root = merkle.root(self.tree.get, self.tree.size)
        note = checkpoint.sign_checkpoint(ORIGIN, self.tree.size, root, signer)
        for witness in witnesses:
            note += checkpoint.cosign(note, witness, int(self.moment.timestamp()))
        return note

    def history(self, draw_id: str) -> list[dict[str, Any]]:
        """Return a draw's events."""
        events = [parse(line) for line in self.lines]
        return [event for event in events if event["body"].get("draw_id") == draw_id]


def lock(log: Log, record: dict[str, Any]) -> None:
    """Log the commitments and the lock of a draw."""
    draw_id = record["draw_id"]
    for source in record["sources"]:
        if source["kind"] == "commitment":
            log.add("commitment.given", draw_id=draw_id, party=source["party"],
                    commitment=source["commitment"])  # fmt: skip
    digest = locking.lock(record, now=datetime(2023, 8, 23, 8, 0, tzinfo=UTC)).digest.hex()
    log.add("draw.locked", draw_id=draw_id, snapshot=digest, method=record["method"])


def complete(log: Log, record: dict[str, Any], given: list[dict[str, Any]]) -> dict[str, Any]:
    """Log the reveals and the result of a draw; return the result."""
    draw_id = record["draw_id"]
    for index, source in enumerate(given):
        log.add("draw.revealed", draw_id=draw_id, index=index, source=source)
    result = drawing.draw(record, given)
    log.add("draw.completed", draw_id=draw_id, snapshot=result["snapshot"], seed=result["seed"],
            result=h("result", canonical(result)).hex())  # fmt: skip
    return result


def vacate(
    log: Log, record: dict[str, Any], result: dict[str, Any], seat: dict[str, str],
    dossier: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Log a vacated seat and its replacement; return the latter's body."""
    draw_id = record["draw_id"]
    log.add("seat.vacated", draw_id=draw_id, dossier=dossier, reason="declined", **seat)
    found = replacing.next_replacement(Snapshot.from_record(record), result, log.history(draw_id))
    log.add("seat.replaced", draw_id=draw_id, **found)
    return found


@dataclass
class Story:
    """A finished round: its log, the draw that counts, and the checkpoints on the way."""

    log: Log
    snapshot: dict[str, Any]
    sources: list[dict[str, Any]]
    result: dict[str, Any]
    replacements: list[dict[str, Any]]
    early: str
    checkpoint: str
    keys: tuple[str, ...]

    def bundle(self, *, inspector: bool = False) -> Bundle:
        """Return the bundle, in the public or the inspector's form."""
        people = [(f"e{n:02}", *person(n)) for n in range(1, 25)]
        identities = {
            "protocol": "review-draw/v1",
            "draw_id": self.snapshot["draw_id"],
            "experts": [
                {"id": code, "name": name, "document": document, "salt": salt.hex()}
                for code, name, document, salt in people
            ],
        }
        return Bundle(
            self.snapshot, self.sources, self.result, tuple(self.log.lines), self.checkpoint,
            self.keys, identities if inspector else None,
        )  # fmt: skip


def tell() -> Story:
    """Tell the whole story: draw 1 is voided, draw 2 counts, seats change, the key rotates."""
    log, old, new = Log(), key(ORIGIN), key(ORIGIN, turn=1)
    witness = key("inspector.example", checkpoint.COSIGNATURE)
    log.add("log.opened", origin=ORIGIN, key=old.verifier_key)
    log.add("witness.registered", key=witness.verifier_key)
    first, record = lottery(1), lottery(2)
    lock(log, first)
    log.add("draw.revealed", draw_id=first["draw_id"], index=0, source=entries(1)[0])
    log.add("draw.voided", draw_id=first["draw_id"], reason="timeout", missing=[1, 2])
    lock(log, record)
    early = log.sign(old, witness)
    log.add("checkpoint.signed", note=early)
    log.moment = datetime(2023, 8, 23, 16, 30, tzinfo=UTC)
    result = complete(log, record, entries(2))
    seat = result["seats"][0]
    log.add("seat.accepted", draw_id=record["draw_id"], **result["seats"][1])
    replacements = [vacate(log, record, result, seat)]
    other = next(one for one in result["seats"] if one["panel"] == "A2")
    dossier = result["panels"]["A2"][0]
    log.add("conflict.declared", draw_id=record["draw_id"], expert=other["expert"],
            dossier=dossier, rule="declared")  # fmt: skip
    replacements.append(vacate(log, record, result, other, dossier))
    log.add("key.rotated", old=old.verifier_key, new=new.verifier_key)
    idle = next(one for one in result["order"][-3:])
    log.add("expert.unavailable", draw_id=record["draw_id"], expert=idle)
    last = next(one for one in result["seats"] if one["panel"] == "B1")
    replacements.append(vacate(log, record, result, last))
    keys = (old.verifier_key, new.verifier_key, witness.verifier_key)
    return Story(log, record, entries(2), result, replacements, early, log.sign(new, witness), keys)
