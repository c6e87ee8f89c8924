"""Makes bundles as an office would, and as a dishonest one would: with its own real keys.

Everything is repeatable: keys from fixed seeds, a real drand quicknet round, a fixed clock.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from allocation import balanced, merkle
from allocation import checkpoint as notes
from allocation.bundle import Bundle
from allocation.canonical import canonical
from allocation.draw import draw
from allocation.hashing import h
from allocation.replacement import next_replacement
from allocation.snapshot import Snapshot
from allocation.sources import CHAIN, commitment

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGIN = "review.example/log"
ROUND = "2026-bases"
VECTORS = Path(__file__).parents[2] / "vectors"
BEACON = json.loads((VECTORS / "drand_quicknet.json").read_text())["rounds"][2]
START = datetime(2026, 9, 17, 1, 0, 0, tzinfo=UTC)  # the beacon's round is published at 15:23:39
SECRETS = {"inspection": bytes(range(32)), "ministry": bytes(range(32, 64))}


def key(name: str, kind: int, seed: int) -> notes.SigningKey:
    """Return a repeatable key."""
    return notes.SigningKey(name, kind, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG_KEY = key(ORIGIN, notes.LOG, 1)
NEXT_KEY = key(ORIGIN, notes.LOG, 2)
WITNESS = key("inspector.example/li", notes.COSIGNATURE, 3)
OTHER = key("inspector.example/wang", notes.COSIGNATURE, 4)


def stamp(moment: datetime) -> str:
    """Return a time as records write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def root_of(lines: list[bytes]) -> bytes:
    """Return the Merkle root of events."""
    tree = merkle.Tree()
    for line in lines:
        tree.add(line)
    return merkle.root(tree.get, tree.size)


@dataclass
class Office:
    """A log being written, and the draw that its bundle is about."""

    events: list[dict[str, Any]] = field(default_factory=list)
    snapshot: dict[str, Any] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    identities: dict[str, Any] | None = None
    signer: notes.SigningKey = LOG_KEY
    cosigners: list[notes.SigningKey] = field(default_factory=lambda: [WITNESS])
    keys: list[str] = field(default_factory=list)
    now: datetime = START

    def add(self, kind: str, body: dict[str, Any], **change: Any) -> dict[str, Any]:
        """Append an event a minute after the one before."""
        self.now += timedelta(minutes=1)
        event = {
            "seq": len(self.events), "time": stamp(self.now),
            "actor": {"role": "staff", "id": "s1"}, "type": kind, "body": body,
        }  # fmt: skip
        self.events.append(event | change)
        return event

    def open(self) -> None:
        """Begin the log and register the witness."""
        self.add("log.opened", {"origin": ORIGIN, "key": LOG_KEY.verifier_key})
        self.keys.append(LOG_KEY.verifier_key)
        self.witness(WITNESS)

    def witness(self, one: notes.SigningKey) -> None:
        """Register a witness key."""
        self.add("witness.registered", {"key": one.verifier_key})
        self.keys.append(one.verifier_key)

    def lines(self) -> list[bytes]:
        """Return the canonical bytes of the events."""
        return [canonical(event) for event in self.events]

    def note(self, size: int | None = None, seconds: int = 0) -> str:
        """Return the signed and countersigned checkpoint of the first `size` events."""
        lines = self.lines()[:size]
        note = notes.sign_checkpoint(ORIGIN, len(lines), root_of(lines), self.signer)
        when = int(self.now.timestamp()) + seconds
        return note + "".join(notes.cosign(note, one, when) for one in self.cosigners)

    def keep_checkpoint(self) -> None:
        """Countersign the log as it stands and keep that in the log."""
        self.add("checkpoint.signed", {"note": self.note()})

    @property
    def draw_id(self) -> str:
        """The draw that the bundle is about."""
        return str(self.snapshot["draw_id"])

    def lock(self, record: dict[str, Any]) -> None:
        """Lock a snapshot, its commitments given before."""
        self.snapshot = record
        for source in record["sources"]:
            if source["kind"] == "commitment":
                given = {name: source[name] for name in ("party", "commitment")}
                self.add("commitment.given", {"draw_id": record["draw_id"]} | given)
        digest = h("snapshot", canonical(record)).hex()
        body = {"draw_id": record["draw_id"], "snapshot": digest, "method": record["method"]}
        self.add("draw.locked", body)

    def reveal(self) -> None:
        """Reveal every source."""
        self.sources = [opening(self.snapshot, source) for source in self.snapshot["sources"]]
        for index, entry in enumerate(self.sources):
            self.add("draw.revealed", {"draw_id": self.draw_id, "index": index, "source": entry})

    def complete(self, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Draw; `change` may falsify the result before its digest enters the log."""
        self.result = draw(self.snapshot, self.sources)
        if change:
            change(self.result)
        self.close()

    def close(self) -> None:
        """Log the result as it stands."""
        body = {
            "draw_id": self.draw_id,
            "snapshot": self.result["snapshot"],
            "seed": self.result["seed"],
            "result": h("result", canonical(self.result)).hex(),
        }
        self.add("draw.completed", body)

    def vacate(self, at: int, dossier: str | None = None, seat: Any = None) -> dict[str, Any]:
        """Empty a seat and let the next of the list take it; return the replacement."""
        place = seat or self.result["seats"][at]
        self.add(
            "seat.vacated",
            {"draw_id": self.draw_id, **place, "dossier": dossier, "reason": "declined"},
        )
        kinds = {"conflict.declared", "expert.unavailable", "seat.vacated", "seat.replaced"}
        history = [
            event
            for event in self.events
            if event["type"] in kinds and event["body"]["draw_id"] == self.draw_id
        ]
        found = next_replacement(Snapshot.from_record(self.snapshot), self.result, history)
        return self.add("seat.replaced", {"draw_id": self.draw_id} | found)

    def void(self, number: int, missing: list[int]) -> None:
        """Lock and void a draw of the round."""
        draw_id = f"{ROUND}/draw/{number}"
        body = {"draw_id": draw_id, "snapshot": h("snapshot", b"void").hex(), "method": "lottery"}
        self.add("draw.locked", body)
        self.add("draw.voided", {"draw_id": draw_id, "reason": "party-absent", "missing": missing})

    def files(self) -> dict[str, bytes]:
        """Return the bundle's files."""
        return Bundle(
            self.snapshot, self.sources, self.result, self.lines(), self.note(), self.keys,
            self.identities,
        ).files()  # fmt: skip

    def find(self, kind: str, nth: int = 0) -> int:
        """Return the number of the nth event of a type."""
        return [at for at, event in enumerate(self.events) if event["type"] == kind][nth]

    def renumber(self) -> None:
        """Number the events again, as one would after dropping or moving some."""
        for seq, event in enumerate(self.events):
            event["seq"] = seq


def opening(record: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of sources.json that opens a source."""
    if source["kind"] == "commitment":
        secret = SECRETS[source["party"]].hex()
        return {"kind": "commitment", "party": source["party"], "secret": secret}
    if source["kind"] == "drand":
        return {"kind": "drand", "round": source["round"], "signature": BEACON["signature"]}
    return {"kind": "public", "key": "2.9.15.22.31./7./"}


def value(entry: dict[str, Any]) -> bytes:
    """Return what an entry of sources.json gives to the seed."""
    if entry["kind"] == "commitment":
        return bytes.fromhex(entry["secret"])
    if entry["kind"] == "drand":
        return sha256(bytes.fromhex(entry["signature"])).digest()
    return str(entry["key"]).encode()


def sources_for(draw_id: str, *, beacon: bool = True) -> list[dict[str, Any]]:
    """Return commitments of two parties, a public event and a beacon round."""
    found: list[dict[str, Any]] = [
        {"kind": "commitment", "party": party,
         "commitment": commitment(draw_id, party, secret).hex()}
        for party, secret in SECRETS.items()
    ]  # fmt: skip
    found.append({"kind": "public", "name": "双色球 2026108", "date": "2026-09-20"})
    if beacon:
        found.append({"kind": "drand", "chain": CHAIN, "round": BEACON["round"]})
    return found


def lottery_record(
    number: int = 1, *, experts: int = 40, panels: int = 3, dossiers: int = 9, seed: int = 7,
    beacon: bool = True, skills: int = 3, locked_at: datetime = START,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Return a snapshot of method lottery and its identities: two strata, conflicts, limits."""
    random = Random(seed)
    draw_id = f"{ROUND}/draw/{number}"
    people = [
        {"id": f"e{at:06}", "salt": random.randbytes(32).hex(), "name": f"专家{at}",
         "document": f"11010119700101{at:04}"}
        for at in range(experts)
    ]  # fmt: skip
    rows: list[dict[str, Any]] = [
        {
            "id": one["id"],
            "stratum": "skill" if at % 3 else "management",
            "employer": f"g{random.randrange(experts // 2):04}" if at % 7 else "",
            "province": f"p{random.randrange(12):02}",
            "capacity": 1,
            "identity": sealed(one),
        }
        for at, one in enumerate(people)
    ]
    cases = [
        {"id": f"d{at:03}", "class": f"c{at % 2}", "province": f"p{at % 5:02}"}
        for at in range(dossiers)
    ]
    held = {"P00": ["d000"]} if dossiers else {}
    record = {
        "protocol": "review-draw/v1",
        "draw_id": draw_id,
        "method": "lottery",
        "experts": rows,
        "panels": [
            {"id": f"P{at:02}", "class": f"c{at % 2}", "deal": True,
             "dossiers": held.get(f"P{at:02}", []),
             "seats": {"management": 1, "skill": skills}}
            for at in range(panels)
        ],
        "dossiers": cases,
        "conflicts": conflicts(random, [one["id"] for one in rows], [one["id"] for one in cases]),
        "limits": [
            {"field": "employer", "scope": "draw", "max": 1},
            {"field": "province", "scope": "panel", "max": 2},
        ],
        "sources": sources_for(draw_id, beacon=beacon),
        "locked_at": stamp(locked_at),
    }  # fmt: skip
    return record, {"protocol": "review-draw/v1", "draw_id": draw_id, "experts": people}


def conflicts(random: Random, experts: list[str], dossiers: list[str]) -> list[dict[str, str]]:
    """Return some excluded pairs, sorted."""
    pairs = {(random.choice(experts), random.choice(dossiers)) for _ in range(len(experts))}
    return [{"expert": e, "dossier": d, "rule": "same-province"} for e, d in sorted(pairs)]


def sealed(person: dict[str, str]) -> str:
    """Return the identity digest of a person."""
    salt = bytes.fromhex(person["salt"])
    return h("identity", salt, person["name"].encode(), person["document"].encode()).hex()


def lottery_office(*, beacon: bool = True, **shape: Any) -> Office:
    """Return an honest office: a voided draw, a lottery, replacements of every kind."""
    office = Office()
    office.open()
    office.void(1, [0])
    record, office.identities = lottery_record(2, beacon=beacon, **shape)
    office.lock(record)
    office.keep_checkpoint()
    office.add(
        "reminder.sent", {"draw_id": office.draw_id, "note": "types unknown are passed over"}
    )
    office.reveal()
    office.complete()
    office.add("seat.accepted", {"draw_id": office.draw_id} | office.result["seats"][1])
    reserve = [
        e for e in office.result["order"] if e not in {s["expert"] for s in office.result["seats"]}
    ]
    office.add("expert.unavailable", {"draw_id": office.draw_id, "expert": reserve[0]})
    office.vacate(0)
    seat = office.result["seats"][2]
    dossier = office.result["panels"][seat["panel"]][0]
    declared = {"draw_id": office.draw_id, "expert": seat["expert"], "dossier": dossier}
    office.add("conflict.declared", {**declared, "rule": "helped-prepare"})
    stand_in = office.vacate(2, dossier)["body"]
    office.vacate(2, dossier, {n: stand_in[n] for n in ("panel", "stratum", "expert")})
    return office


def short_office(change: Callable[[dict[str, Any]], None] | None = None, **shape: Any) -> Office:
    """Return an office that draws once, with commitments alone; `change` falsifies the result."""
    office = Office()
    office.open()
    record, office.identities = lottery_record(**shape)
    office.lock(record)
    office.reveal()
    office.complete(change)
    return office


def order_office() -> Office:
    """Return an office that breaks a tie by a draw of method `order`."""
    office = Office()
    office.open()
    draw_id = f"{ROUND}/draw/1"
    record = {
        "protocol": "review-draw/v1", "draw_id": draw_id, "method": "order",
        "entries": [f"d{at:03}" for at in range(12)], "take": 3,
        "sources": sources_for(draw_id), "locked_at": stamp(START),
    }  # fmt: skip
    office.lock(record)
    office.keep_checkpoint()
    office.reveal()
    office.complete()
    return office


def balanced_record(
    number: int = 1, *, experts: int = 36, dossiers: int = 8, seed: int = 5, capacity: int = 2,
    limits: tuple[tuple[str, str, int], ...] = (("employer", "draw", 3), ("province", "cell", 1)),
    cap: tuple[int, int] = (2, 3),
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Return a planned snapshot of method balanced: one panel a dossier, employers in provinces."""
    record, people = lottery_record(
        number, experts=experts, panels=1, dossiers=dossiers, seed=seed, beacon=False
    )
    random = Random(seed)
    for at, expert in enumerate(record["experts"]):
        group = random.randrange(max(2, experts // 3))
        expert |= {
            "capacity": 1 + at % capacity,
            "province": f"p{group % 6}",
            "employer": f"g{group}",
        }
    record |= {
        "method": "balanced",
        "panels": [
            {"id": f"P{one['id']}", "class": one["class"], "deal": False, "dossiers": [one["id"]],
             "seats": {"management": 1, "skill": 2} if at % 2 else {"skill": 2}}
            for at, one in enumerate(record["dossiers"])
        ],
        "limits": [{"field": f, "scope": s, "max": m} for f, s, m in limits],
        "pair_cap": list(cap),
    }  # fmt: skip
    return balanced.plan(record), people


def balanced_office(**shape: Any) -> Office:
    """Return an honest office that draws by the method balanced, with replacements."""
    office = Office()
    office.open()
    record, office.identities = balanced_record(**shape)
    office.lock(record)
    office.reveal()
    office.complete()
    office.vacate(0)
    office.vacate(1, record["panels"][0]["dossiers"][0], office.result["seats"][1])
    return office


def zipped(files: dict[str, bytes], names: list[str] | None = None) -> bytes:
    """Return the zip of files in a bundle's own form; `names` may repeat or reorder."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name in names or sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()
