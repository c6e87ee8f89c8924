"""Partitions of a round: one independent draw a discipline, planned (and drawn) side by side.

Every `NAME.json` of a folder is a snapshot; its planned snapshot is written under the same name.
A partition that is done has `NAME.done.json` beside it, with the digests of what went in and came
out, so that a run that was stopped goes on where it was and a changed input is planned again.
The work is handed to any executor of concurrent.futures: processes here, or a Dask cluster.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from allocation.canonical import canonical, parse
from allocation.errors import AllocationError, LockError, RecordError
from allocation.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

DONE = ".done.json"


@dataclass(frozen=True)
class Done:
    """What became of a partition: `error` is null or the refusal's code, words and facts."""

    name: str
    seconds: float
    rows: int
    error: dict[str, Any] | None
    resumed: bool = False


def pending(source: Path, target: Path) -> tuple[list[Path], list[Done]]:
    """Return the snapshots still to be planned, the largest first, and those that are done."""
    found = sorted(path for path in source.glob("*.json") if not path.name.endswith(DONE))
    if not found:
        raise RecordError("no-partitions", f"{source}: no snapshot (*.json) there")
    open_ones, done = [], []
    for path in found:
        old = _finished(path, target)
        if old is None:
            open_ones.append(path)
        else:
            done.append(Done(path.name, old["seconds"], old["rows"], None, resumed=True))
    return sorted(open_ones, key=lambda path: (-path.stat().st_size, path.name)), done


def _finished(path: Path, target: Path) -> dict[str, Any] | None:
    mark = target / (path.stem + DONE)
    try:
        old: dict[str, Any] = json.loads(mark.read_bytes())
        same = old["input"] == _digest(path) and old["output"] == _digest(target / path.name)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return old if same else None


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def plan_one(path: Path, target: Path) -> Done:
    """Plan and check one partition; write it and its mark, or return the refusal."""
    from allocation import balanced  # here: this module is imported by the package's command

    start = time.perf_counter()
    try:
        data = path.read_bytes()
        planned = balanced.plan(parse(data))
        balanced.check(Snapshot.from_record(planned))
    except AllocationError as error:
        told = {"code": error.code, "message": str(error), "facts": error.facts}
        return Done(path.name, time.perf_counter() - start, 0, told)
    except OSError as error:
        told = {"code": "unreadable", "message": f"{path.name}: {error.strerror}", "facts": {}}
        return Done(path.name, time.perf_counter() - start, 0, told)
    output = canonical(planned)
    _write(target / path.name, output)
    seconds = time.perf_counter() - start
    rows = len(planned["plan"])
    mark = {
        "input": sha256(data).hexdigest(),
        "output": sha256(output).hexdigest(),
        "rows": rows,
        "seconds": round(seconds, 3),
    }
    _write(target / (path.stem + DONE), json.dumps(mark, sort_keys=True).encode())
    return Done(path.name, seconds, rows, None)


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def plan_all(
    source: Path, target: Path, executor: Executor, *, at_once: int = 4
) -> Iterator[tuple[Done, int, int]]:
    """Plan every partition; yield each as it is done, with how many are done and are to do.

    At most `at_once` partitions are under way, so that neither a queue nor a cluster holds
    more work than it can give back when it is stopped.
    """
    target.mkdir(parents=True, exist_ok=True)
    waiting, finished = pending(source, target)
    total, count = len(waiting) + len(finished), 0
    for one in finished:
        count += 1
        yield one, count, total
    queue = iter(waiting)
    running: set[Future[Done]] = set()
    while True:
        for path in queue:
            running.add(executor.submit(plan_one, path, target))
            if len(running) >= at_once:
                break
        if not running:
            return
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            count += 1
            yield future.result(), count, total


def processes(workers: int) -> Executor:
    """Return an executor of this machine's processes, each started afresh after eight partitions.

    A fresh process gives its memory back, so that the peak is that of the largest partitions.
    "spawn" works alike on every platform and inherits no locks or open files.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=8)


def cluster(address: str, *, timeout: float = 10.0) -> tuple[Executor, Callable[[], None]]:
    """Return the executor of a Dask cluster, and how to leave it.

    The cluster's machines need this package and the two folders under the same paths. LockError
    ("no-dask") where Dask isn't installed (extra `cluster`) or nobody answers at the address within
    `timeout` seconds.
    """
    try:
        import distributed
    except ImportError:
        raise LockError(
            "no-dask", "--dask needs Dask: install this package with its extra, cluster"
        ) from None
    connect: Any = distributed.Client  # its own annotations are incomplete
    try:
        client = connect(address, set_as_default=False, timeout=timeout)
    except (OSError, ValueError) as error:
        raise LockError("no-dask", f"no Dask cluster at {address}: {error}") from None
    return client.get_executor(pure=False), client.close
