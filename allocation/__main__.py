"""The command line: draws, keys and verification from files alone (protocol section 9).

This is the edge of the package: only here are the clock and the source of entropy read. Exit
status 0: done or verified; 1: refused, with the reason on standard error; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allocation import checkpoint, keys, merkle, rfc3797, sources
from allocation import draw as drawing
from allocation import lock as locking
from allocation import replacement as replacing
from allocation.canonical import canonical, parse, read
from allocation.errors import AllocationError, RecordError
from allocation.fields import parse_time
from allocation.hashing import h
from allocation.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["verify"]:
        return _verify(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except AllocationError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _verify(arguments: list[str]) -> int:
    from allocation import verify  # shares no code with the rest: it stands alone

    return verify.main(arguments)


def _load(path: Path) -> Any:
    """Return the record of a file; RecordError names the file."""
    try:
        return read(path.read_bytes())
    except RecordError as error:
        raise RecordError(error.code, f"{path}: {error}", **error.facts) from None


def _listed(path: Path) -> list[dict[str, Any]]:
    rows = _load(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RecordError("type", f"{path}: a list of objects is needed")
    return rows


def _save(path: Path, record: Any) -> None:
    path.write_bytes(canonical(record))


def _digest(options: argparse.Namespace) -> None:
    print(Snapshot.from_record(_load(options.snapshot)).digest.hex())


def _commit(options: argparse.Namespace) -> None:
    secret = secrets.token_bytes(32) if options.secret is None else options.secret
    print(sources.commitment(options.draw_id, options.party, secret).hex())
    if options.secret is None:
        print(f"secret {secret.hex()}")


def _plan(options: argparse.Namespace) -> None:
    from allocation import balanced  # numpy and scipy: only for those who draw by it

    record = balanced.plan(_load(options.snapshot))
    snapshot = Snapshot.from_record(record)
    warnings = balanced.check(snapshot)
    report = balanced.report(snapshot, standard_error=options.standard_error)
    _save(options.out, record)
    if options.report is not None:
        text = json.dumps(report, ensure_ascii=False, indent=1, sort_keys=True)
        options.report.write_text(text + "\n", encoding="utf-8")
    for line in balanced.lines(report):
        print(line)
    _warn(warnings)


def _lock(options: argparse.Namespace) -> None:
    locked = locking.lock(_load(options.snapshot), now=options.now or datetime.now(UTC))
    print(locked.digest.hex())
    _warn(locked.warnings)


def _warn(warnings: locking.Warnings) -> None:
    for code, facts in warnings:
        print(f"warning {code}: {', '.join(f'{key} {facts[key]}' for key in sorted(facts))}")


def _draw(options: argparse.Namespace) -> None:
    result = drawing.draw(_load(options.snapshot), _load(options.sources))
    _save(options.out, result)
    print(h("result", canonical(result)).hex())


def _replace(options: argparse.Namespace) -> None:
    result = replacing.replace(
        Snapshot.from_record(_load(options.snapshot)),
        _load(options.result),
        _listed(options.vacate),
        unavailable=options.unavailable,
        conflicts=_listed(options.conflicts) if options.conflicts else (),
    )
    _save(options.out, result)


def _beacon(options: argparse.Namespace) -> None:
    print(sources.verify_beacon(options.round, options.signature).hex())
    print(sources.beacon_time(options.round).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _rfc3797(options: argparse.Namespace) -> None:
    for position in rfc3797.positions(options.entries, options.count, options.key):
        print(position)


def _keygen(options: argparse.Namespace) -> None:
    kind = checkpoint.COSIGNATURE if options.witness else checkpoint.LOG
    print(checkpoint.create_key_file(options.out, options.name, kind=kind).verifier_key)


def _sign(options: argparse.Namespace) -> None:
    tree, records = merkle.Tree(), []
    for line in options.events.read_bytes().splitlines():
        records.append(parse(line))
        tree.add(line)
    key = checkpoint.load_key_file(options.key)
    log = keys.LogKeys.from_events(records)
    note = checkpoint.sign_checkpoint(log.origin, tree.size, merkle.root(tree.get, tree.size), key)
    log.open(note)
    options.out.write_text(note, encoding="utf-8")


def _cosign(options: argparse.Namespace) -> None:
    note = options.checkpoint.read_bytes().decode()
    checkpoint.open_note(note, [options.log, *options.witness])
    key = checkpoint.load_key_file(options.key)
    moment = options.time or datetime.now(UTC)
    print(checkpoint.cosign(note, key, int(moment.timestamp())), end="")


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time like 2026-03-01T06:05:04Z") from None


def _points(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of points")
    return value


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not hexadecimal") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m allocation",
        description="Draws that nobody can steer and anybody can re-run (docs/draw-protocol.md).",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command | None, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(command=command)
        return one

    _add_drawing(add)
    _add_keys(add)
    add("verify", None, "the numbered checks of a bundle: BUNDLE [--previous CHECKPOINT]")
    return parser


def _add_drawing(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    one = add("digest", _digest, "print the digest of a snapshot")
    one.add_argument("snapshot", type=Path)
    one = add("commit", _commit, "print the commitment to a secret; without --secret make one")
    one.add_argument("--draw-id", required=True)
    one.add_argument("--party", required=True)
    one.add_argument("--secret", type=_hex, help="32 bytes in hex")
    one = add(
        "plan", _plan, "add the plan of a balanced snapshot; print what its chances mean"
    )  # fmt: skip
    one.add_argument("snapshot", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--report", type=Path, help="also write every chance and cause, as JSON")
    one.add_argument(
        "--standard-error", type=_points, metavar="POINTS",
        help="of a difference between two dossiers, as python -m scoring design gives it",
    )  # fmt: skip
    one = add("lock", _lock, "check a snapshot before it is locked; print its digest and warnings")
    one.add_argument("snapshot", type=Path)
    one.add_argument("--now", type=_time, help="the moment of the lock; without it, the clock's")
    one = add("draw", _draw, "check the sources, derive the seed, draw; print the result's digest")
    one.add_argument("snapshot", type=Path)
    one.add_argument("--sources", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    one = add("replace", _replace, "replace those who leave, in order, from the same list")
    one.add_argument("snapshot", type=Path)
    one.add_argument("result", type=Path)
    one.add_argument(
        "--vacate", type=Path, required=True,
        help="a list of {panel, stratum, expert} with dossier where only that is given up",
    )  # fmt: skip
    one.add_argument("--unavailable", action="append", default=[], metavar="EXPERT")
    one.add_argument("--conflicts", type=Path, help="a list of {expert, dossier} declared since")
    one.add_argument("--out", type=Path, required=True)
    one = add("beacon", _beacon, "verify a quicknet round; print its randomness and its time")
    one.add_argument("--round", type=int, required=True)
    one.add_argument("--signature", type=_hex, required=True)
    one = add("rfc3797", _rfc3797, "print positions, counted from 1, as RFC 3797 selects them")
    one.add_argument("--entries", type=int, required=True)
    one.add_argument("--count", type=int, required=True)
    one.add_argument("--key", required=True)


def _add_keys(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    one = add("keygen", _keygen, "make a key in a new file of mode 0600; print its verifier key")
    one.add_argument("--name", required=True)
    one.add_argument("--witness", action="store_true", help="a key to countersign with")
    one.add_argument("--out", type=Path, required=True)
    one = add("sign", _sign, "sign the checkpoint of a log (events.jsonl)")
    one.add_argument("events", type=Path)
    one.add_argument("--key", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    one = add("cosign", _cosign, "check a checkpoint's signatures; print a cosignature line for it")
    one.add_argument("checkpoint", type=Path)
    one.add_argument("--key", type=Path, required=True)
    one.add_argument("--log", required=True, metavar="VKEY", help="the log's verifier key")
    one.add_argument("--witness", action="append", default=[], metavar="VKEY")
    one.add_argument("--time", type=_time, help="the moment of signing; without it, the clock's")


if __name__ == "__main__":
    sys.exit(main())
