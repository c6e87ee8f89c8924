"""CPU work in a process of its own: it reports progress, and dies with whoever started it."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

BEAT = 2.0  # seconds between two signs of life


class ProcessDiedError(Exception):
    """The process ended without an answer: it was killed, or ran out of memory."""


class RefusedError(Exception):
    """The computation refused: its code and facts, or "job-crashed" and the kind of error."""

    def __init__(self, code: str, facts: dict[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def run(function: str, given: Any, tell: Callable[[int], None]) -> Any:
    """Return `function(given, progress)` computed in a new process.

    `function` is "package.module:name"; it calls `progress(percent)` as it likes. `tell` is
    called here with the newest percentage at least every BEAT seconds; what it raises ends the
    process. RefusedError for a refusal, ProcessDiedError where no answer came.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, function, given), daemon=True)
    process.start()
    theirs.close()
    percent = 0
    try:
        while True:
            if not ours.poll(BEAT):
                tell(percent)
                continue
            kind, value = ours.recv()
            if kind == "progress":
                percent = max(percent, int(value))
                tell(percent)
            elif kind == "refused":
                raise RefusedError(*value)
            else:
                return value
    except EOFError:
        raise ProcessDiedError from None
    finally:
        ours.close()
        process.kill()
        process.join()


def _work(pipe: Connection, function: str, given: Any) -> None:
    # A stop is for the worker to handle: it decides whether this process may finish.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    module, _, name = function.partition(":")
    try:
        compute = getattr(importlib.import_module(module), name)
        answer = ("done", compute(given, lambda percent: pipe.send(("progress", percent))))
    except Exception as error:  # noqa: BLE001 - whatever it is, the job has to end with it
        code = getattr(error, "code", None)
        if isinstance(code, str):
            answer = ("refused", (code, dict(getattr(error, "facts", {}))))
        else:
            answer = ("refused", ("job-crashed", {"error": type(error).__name__}))
    pipe.send(answer)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
