"""Partitions in one command: `python -m allocation.balanced --partitions DIR --out DIR`."""

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
    """Plan all partitions of a folder; return 0, or 1 where any was refused."""
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
        for done, count, total in partitions.plan_all(source, target, executor, at_once=at_once):
            if done.error:
                refused += 1
                print(f"{done.name}: {done.error['message']}", file=sys.stderr, flush=True)
                if options.facts:
                    print(json.dumps(done.error, ensure_ascii=False), file=sys.stderr, flush=True)
            state = "refused" if done.error else "done before" if done.resumed else "planned"
            line = f"[{count}/{total}] {done.name}: {state}"
            print(f"{line}, {done.rows} chances, {done.seconds:.1f} s", flush=True)
    return refused


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m allocation.balanced",
        description="Plan every partition (snapshot NAME.json) of a folder; a stopped run goes on.",
    )
    parser.add_argument("--partitions", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
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
