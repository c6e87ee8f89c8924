"""Partitions in one command: `python -m allocation.balanced --partitions DIR --out DIR`.

The same command with `--sources` draws what was planned, once the sources are revealed.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from allocation.balanced import partitions
from allocation.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan, or draw, all partitions of a folder; return 0, or 1 where any was refused."""
    options = _parser().parse_args(arguments)
    source, target = options.partitions.resolve(), options.out.resolve()
    if source == target:
        print("--out must be another folder than --partitions", file=sys.stderr)
        return 2
    try:
        refused = _run(source, target, options)
    except (AllocationError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if refused else 0


def _run(source: Path, target: Path, options: argparse.Namespace) -> int:
    refused = 0
    with ExitStack() as stack:
        if options.dask:
            executor, leave = partitions.cluster(options.dask)
            stack.callback(leave)
        else:
            executor = stack.enter_context(partitions.processes(options.workers))
        at_once = options.workers * 2 if options.dask is None else max(options.workers, 64)
        sources = options.sources.resolve() if options.sources else None
        work = partitions.work_all(source, target, executor, sources=sources, at_once=at_once)
        for done, count, total in work:
            if done.error:
                refused += 1
                print(f"{done.name}: {done.error['message']}", file=sys.stderr, flush=True)
                if options.facts:
                    print(json.dumps(done.error, ensure_ascii=False), file=sys.stderr, flush=True)
            print(f"[{count}/{total}] {done.name}: {_state(done)}", flush=True)
    return refused


def _state(done: partitions.Done) -> str:
    drawn = done.seats is not None
    state = (
        "refused" if done.error
        else "done before" if done.resumed
        else "drawn" if drawn
        else "planned"
    )  # fmt: skip
    seats = f", {done.seats} seats" if drawn else ""
    return f"{state}, {done.rows} chances{seats}, {done.seconds:.1f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m allocation.balanced",
        description="Plan every partition (snapshot NAME.json) of a folder; given the revealed "
        "sources, draw it from its plan. A stopped run goes on.",
    )
    parser.add_argument("--partitions", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--sources",
        type=Path,
        metavar="PATH",
        help="draw: a file of entries for all, or a folder with NAME.json for each partition",
    )
    parser.add_argument("--workers", type=_positive, default=2, metavar="N", help="processes")
    parser.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler instead of processes")
    parser.add_argument("--facts", action="store_true", help="print the facts of refusals as JSON")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
