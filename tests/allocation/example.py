"""The worked example of docs/draw-protocol.md; `python -m tests.allocation.example` puts it there.

A test compares, so that every figure on the page is what the code computes.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from allocation import checkpoint, merkle, sources
from allocation import draw as drawing
from allocation import lock as locking
from allocation import replacement as replacing
from allocation.canonical import canonical
from allocation.hashing import Seeded, h, lp, tag, u64
from allocation.snapshot import Snapshot
from tests.allocation import story

PAGE = Path(__file__).parents[2] / "docs" / "draw-protocol.md"
BEGIN = "<!-- worked example: begin -->"
END = "<!-- worked example: end -->"
DRAW = "2023/draw/1"
SECRET = bytes(range(5, 37))
SALT = bytes(range(16))


def snapshot() -> dict[str, Any]:
    """Return five experts, two panels of one seat, three dossiers to deal."""
    groups = [("g1", "v1"), ("g1", "v2"), ("g2", "v1"), ("", "v3"), ("g3", "v2")]
    panel = {"class": "base", "deal": True, "dossiers": [], "seats": {"s": 1}}
    return {
        "protocol": "review-draw/v1",
        "draw_id": DRAW,
        "method": "lottery",
        "experts": [
            {
                "id": f"e{n}", "stratum": "s", "employer": employer, "province": province,
                "capacity": 1,
                "identity": h("identity", SALT, f"专家{n}".encode(), f"X{n}".encode()).hex(),
            }
            for n, (employer, province) in enumerate(groups, 1)
        ],
        "panels": [panel | {"id": "A"}, panel | {"id": "B"}],
        "dossiers": [
            {"id": f"D{n}", "class": "base", "province": f"v{province}"}
            for n, province in ((1, 1), (2, 2), (3, 1))
        ],
        "conflicts": [{"expert": "e3", "dossier": "D2", "rule": "same-employer"}],
        "limits": [{"field": "employer", "scope": "draw", "max": 1}],
        "sources": [
            {"kind": "commitment", "party": "ministry",
             "commitment": sources.commitment(DRAW, "ministry", SECRET).hex()},
            {"kind": "drand", "chain": sources.CHAIN, "round": 1000},
        ],
        "locked_at": "2023-08-23T08:00:00Z",
    }  # fmt: skip


def entries() -> list[dict[str, Any]]:
    """Return the revealed sources."""
    return [{"kind": "commitment", "party": "ministry", "secret": SECRET.hex()}, story.BEACON]


def _block(*lines: str) -> list[str]:
    return ["", "```text", *lines, "```", ""]


def _wrapped(text: str, width: int = 96) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]


def _parts(name: str, *parts: bytes) -> list[str]:
    """Return the message of H or M, one LP a line: length, bytes, and the text they spell."""
    lines = []
    for part in (tag(name), *parts):
        short = len(part) <= 40 and part.isascii() and part.decode().isprintable()
        shown = part.decode("ascii") if short else ""
        content = part.hex() if len(part) <= 40 else f"{part.hex()[:32]}… ({len(part)} bytes)"
        lines.append(
            f"{len(part).to_bytes(8, 'big').hex()} {content}{f'  {shown}' if shown else ''}"
        )
    return lines


def _locking() -> list[str]:
    record = snapshot()
    data, digest = canonical(record), Snapshot.from_record(record).digest
    name, number = "专家1".encode(), b"X1"
    return [
        f"**Commitment.** The ministry keeps the secret `{SECRET.hex()}` and publishes",
        "H(`review-draw/v1/commitment`, draw_id, party, secret), SHA-256 of these bytes, each line",
        "an LP (8 bytes of length, then the part):",
        *_block(
            *_parts("commitment", DRAW.encode(), b"ministry", SECRET),
            f"→ {sources.commitment(DRAW, 'ministry', SECRET).hex()}",
        ),
        f"**Identity.** Expert e1 is 专家1 with the document X1 and the salt `{SALT.hex()}`:",
        *_block(
            *_parts("identity", SALT, name, number), f"→ {h('identity', SALT, name, number).hex()}"
        ),
        f"**Snapshot.** `snapshot.json`, {len(data)} bytes, here in lines of 96:",
        *_block(*_wrapped(data.decode())),
        "Its digest H(`review-draw/v1/snapshot`, those bytes) enters the log as `draw.locked`:",
        *_block(*_parts("snapshot", data), f"→ {digest.hex()}"),
    ]


def _seeding(result: dict[str, Any]) -> list[str]:
    locked = Snapshot.from_record(snapshot())
    values = sources.open_sources(locked, entries())
    return [
        (
            "**Seed.** The ministry reveals its secret; drand quicknet publishes round 1000 at "
            "2023-08-23T15:59:24Z with the signature"
        ),
        *_block(*_wrapped(str(story.BEACON["signature"]))),
        (
            "whose SHA-256 is the round's randomness. seed = H(`review-draw/v1/seed`, digest, "
            "secret, randomness):"
        ),
        *_block(*_parts("seed", locked.digest, *values), f"→ {result['seed']}"),
    ]


def _dealing(seeded: Seeded) -> list[str]:
    rows = sorted(
        (one["province"], seeded.attempt_number("deal", one["id"].encode()), one["id"])
        for one in snapshot()["dossiers"]
    )
    label = lp(b"deal") + lp(b"base")
    v = seeded.attempt_number("choice", label, u64(0))
    return [
        (
            "**Deal.** One class, `base`, of panels A and B. The dossiers by (province, M(seed, "
            "`review-draw/v1/deal`, u64(0), id)), the numbers by their first 16 hex digits:"
        ),
        *_block(
            *(f"{province}  {number:064x}"[:20] + f"…  {one}" for province, number, one in rows)
        ),
        (
            f"start = below(2, label = LP(`deal`) ‖ LP(`base`) = `{label.hex()}`): M(seed, "
            f"`review-draw/v1/choice`, u64(0), label, u64(0)) = `{v:064x}`, below 2·⌊2^256 / 2⌋, "
            f"modulo 2 is {v % 2}."
        ),
        "",
    ]


def _walking(seeded: Seeded, result: dict[str, Any]) -> list[str]:
    lines = [
        (
            f"Panels: A holds {', '.join(result['panels']['A'])}; "
            f"B holds {', '.join(result['panels']['B'])}."
        ),
        "",
        "**Order.** Experts by M(seed, `review-draw/v1/order`, u64(0), id):",
        *_block(
            *(
                f"{seeded.attempt_number('order', one.encode()):064x}"[:16] + f"…  {one}"
                for one in result["order"]
            )
        ),
        "**Walk.**",
        "",
    ]
    seated = {seat["expert"]: seat["panel"] for seat in result["seats"]}
    passed = {one["expert"]: one["reason"] for one in result["passed"]}
    taken: list[str] = []
    for one in result["order"]:
        if one in passed:
            lines.append(f"- {one} is passed over: `{passed[one]}`.")
        elif one in seated:
            barred = {"B" if "D2" in result["panels"]["B"] else "A"} if one == "e3" else set()
            free = [p for p in "AB" if p not in taken and p not in barred]
            label = lp(b"seat") + lp(one.encode())
            t = seeded.below(len(free), label)
            lines.append(
                f"- {one}: open to it {', '.join(free)}; below({len(free)}, "
                f"`{label.hex()}`) = {t}: it sits on {seated[one]}."
            )
            taken.append(seated[one])
            if len(taken) == 2:
                lines += ["- All seats are full; the others are the reserve.", ""]
                break
    data = canonical(result)
    return [
        *lines,
        f"**Result.** `result.json`, {len(data)} bytes:",
        *_block(*_wrapped(data.decode())),
        f"Its digest H(`review-draw/v1/result`, those bytes) is `{h('result', data).hex()}`.",
        "",
    ]


def _replacing(log: story.Log, result: dict[str, Any]) -> list[str]:
    leaving = result["seats"][0]
    log.add("seat.vacated", draw_id=DRAW, dossier=None, reason="declined", **leaving)
    found = replacing.next_replacement(Snapshot.from_record(snapshot()), result, log.history(DRAW))
    log.add("seat.replaced", draw_id=DRAW, **found)
    return [
        (
            f"**Replacement.** {leaving['expert']} declines the seat on {leaving['panel']}. The "
            "walk begins again at the head of the order; the event is"
        ),
        *_block(*_wrapped(log.lines[-1].decode())),
    ]


def _logging(log: story.Log) -> list[str]:
    size, root = log.tree.size, merkle.root(log.tree.get, log.tree.size)
    leaves = [log.tree.get(0, at).hex() for at in range(size)]
    proof = merkle.inclusion_proof(log.tree.get, 2, size)
    witness = story.key("inspector.example", checkpoint.COSIGNATURE)
    note = log.sign(story.key(story.ORIGIN), witness)
    moment = int(log.moment.timestamp())
    return [
        (
            f"**Log.** With `log.opened` and the witness's registration the log has {size} events. "
            "Leaf hashes SHA-256(0x00 ‖ event):"
        ),
        *_block(*(f"{at}  {leaf}" for at, leaf in enumerate(leaves))),
        (
            f"root: `{root.hex()}`, in base64 `{base64.b64encode(root).decode()}`. Inclusion "
            f"proof of event 2 in the tree of {size}, from the leaf upwards:"
        ),
        *_block(*(node.hex() for node in proof)),
        (
            "**Checkpoint**, signed by the log and countersigned by a witness at "
            f"{log.moment.strftime('%Y-%m-%dT%H:%M:%SZ')} ({moment}):"
        ),
        *_block(*note.rstrip("\n").split("\n")),
        (
            "The log's signature is over the first three lines with their ends, the witness's over "
            f"`cosignature/v1`, `time {moment}` and the same three lines. `keys.txt`:"
        ),
        *_block(story.key(story.ORIGIN).verifier_key, witness.verifier_key),
    ]


def text() -> str:
    """Return the example as Markdown."""
    record = snapshot()
    locking.lock(record, now=datetime(2023, 8, 23, 8, tzinfo=UTC))
    result = drawing.draw(record, entries())
    seeded = Seeded(bytes.fromhex(result["seed"]))
    log = story.Log()
    log.add("log.opened", origin=story.ORIGIN, key=story.key(story.ORIGIN).verifier_key)
    witness = story.key("inspector.example", checkpoint.COSIGNATURE)
    log.add("witness.registered", key=witness.verifier_key)
    story.lock(log, record)
    log.moment = datetime(2023, 8, 23, 16, 0, tzinfo=UTC)
    story.complete(log, record, entries())
    lines = [
        *_locking(),
        *_seeding(result),
        *_dealing(seeded),
        *_walking(seeded, result),
        *_replacing(log, result),
        *_logging(log),
    ]
    return "\n".join(lines).strip()


def main() -> None:
    """Write the example into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
