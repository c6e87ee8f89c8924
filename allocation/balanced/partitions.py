"""Partitions of a round: one independent draw a discipline, planned and drawn side by side.

Every `NAME.json` of a folder is a snapshot; its planned snapshot is written under the same name.
Given the entries of its sources, it is also drawn, into `NAME.result.json`. Each partition has its
own snapshot digest, and so its own seed, though one beacon round or public event may serve all.
A partition that is done has `NAME.done.json` beside it, with the digests of what went in and came
out, so that a run that was stopped goes on where it was and a changed input is done again; one
that was planned is drawn from that very plan.
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

from allocation.canonical import canonical, parse, read
from allocation.draw import draw
from allocation.errors import AllocationError, LockError, RecordError
from allocation.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

DONE = ".done.json"
RESULT = ".result.json"


@dataclass(frozen=True)
class Done:
    """What became of a partition: `error` is null or the refusal's code, words and facts.

    `rows` counts the plan's chances, `seats` those drawn: null where it was only planned.
    """

    name: str
    seconds: float
    rows: int
    error: dict[str, Any] | None
    resumed: bool = False
    seats: int | None = None


def pending(
    source: Path, target: Path, sources: Path | None = None
) -> tuple[list[Path], list[Done]]:
    """Return the snapshots that still want work, the largest first, and those that are done."""
    found = sorted(path for path in source.glob("*.json") if not path.name.endswith((DONE, RESULT)))
    if not found:
        raise RecordError("no-partitions", f"{source}: no snapshot (*.json) there")
    open_ones, done = [], []
    for path in found:
        old = _finished(path, target, sources)
        if old is None:
            open_ones.append(path)
        else:
            seats = old["seats"] if sources else None
            mark = old["seconds"], old["rows"], None
            done.append(Done(path.name, *mark, resumed=True, seats=seats))
    return sorted(open_ones, key=lambda path: (-path.stat().st_size, path.name)), done


def _finished(path: Path, target: Path, sources: Path | None) -> dict[str, Any] | None:
    """Return the mark of a partition that is done, drawn too where there are sources."""
    try:
        old: dict[str, Any] = json.loads((target / (path.stem + DONE)).read_bytes())
        same = old["input"] == _digest(path) and old["output"] == _digest(target / path.name)
        if same and sources:
            same = old["entries"] == _digest(_entries(path, sources)) and old["result"] == _digest(
                target / (path.stem + RESULT)
            )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return old if same else None


def _entries(path: Path, sources: Path) -> Path:
    """Return the file of a partition's entries: of its name in a folder, or the one for all."""
    return sources / path.name if sources.is_dir() else sources


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def work_one(path: Path, target: Path, sources: Path | None = None) -> Done:
    """Plan and check one partition, draw it where `sources` are given, and write what came out.

    Return a refusal as a `Done` with its error; files of a refused stage aren't written.
    """
    start = time.perf_counter()
    mark: dict[str, Any] = {}
    try:
        old = _finished(path, target, None)
        mark = dict(old) if old else _planned(path, target, kept=sources is not None)
        if sources:
            mark |= _drawn(path, target, _entries(path, sources))
    except AllocationError as error:
        told = {"code": error.code, "message": str(error), "facts": error.facts}
        return Done(path.name, time.perf_counter() - start, 0, told)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
        told = {"code": "unreadable", "message": message, "facts": {}}
        return Done(path.name, time.perf_counter() - start, 0, told)
    seconds = time.perf_counter() - start
    mark["seconds"] = round(seconds, 3)
    _mark(path, target, mark)
    return Done(path.name, seconds, mark["rows"], None, seats=mark.get("seats"))


def _planned(path: Path, target: Path, *, kept: bool) -> dict[str, Any]:
    """Plan and check a partition; `kept`: a snapshot that brings a plan keeps it as it is."""
    from allocation import balanced  # here: this module is imported by the package's command

    data = path.read_bytes()
    record = parse(data)
    if not kept or not (isinstance(record, dict) and record.get("plan")):
        record = balanced.plan(record)
    balanced.check(Snapshot.from_record(record))
    output = canonical(record)
    _write(target / path.name, output)
    mark = {
        "input": sha256(data).hexdigest(),
        "output": sha256(output).hexdigest(),
        "rows": len(record["plan"]),
        "seconds": 0,
    }
    _mark(path, target, mark)  # a run that is stopped before the draw goes on from this plan
    return mark


def _drawn(path: Path, target: Path, entries: Path) -> dict[str, Any]:
    """Draw a planned partition; return what its mark says of it."""
    given = entries.read_bytes()
    result = draw(parse((target / path.name).read_bytes()), read(given))
    output = canonical(result)
    _write(target / (path.stem + RESULT), output)
    return {
        "entries": sha256(given).hexdigest(),
        "result": sha256(output).hexdigest(),
        "seats": len(result["seats"]),
    }


def _mark(path: Path, target: Path, mark: dict[str, Any]) -> None:
    _write(target / (path.stem + DONE), json.dumps(mark, sort_keys=True).encode())


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def work_all(
    source: Path, target: Path, executor: Executor, *, sources: Path | None = None, at_once: int = 4
) -> Iterator[tuple[Done, int, int]]:
    """Plan (and draw) every partition; yield each as it is done, how many are, and how many to do.

    `sources` is the file of the entries for all, or a folder with one for each under its name.

    At most `at_once` partitions are under way, so that neither a queue nor a cluster holds
    more work than it can give back when it is stopped.
    """
    target.mkdir(parents=True, exist_ok=True)
    waiting, finished = pending(source, target, sources)
    total, count = len(waiting) + len(finished), 0
    for one in finished:
        count += 1
        yield one, count, total
    queue = iter(waiting)
    running: set[Future[Done]] = set()
    while True:
        for path in queue:
            running.add(executor.submit(work_one, path, target, sources))
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
