"""How often one caller may ask: a bucket of requests for each token or address, in this process.

The counts stay out of the database on purpose: the API only reads, and a flood must not turn into
writes. Several processes give several times as much; a proxy in front can limit them together.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PER_MINUTE = 600
CALLERS = 10_000  # buckets kept; the one that was idle longest is forgotten first


class Rate:
    """`PER_MINUTE` requests at once, refilled evenly over a minute; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float], per_minute: int = PER_MINUTE) -> None:
        self._clock = clock
        self._most = per_minute
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> int:
        """Take one request of a caller: 0, or the whole seconds until the next may come."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(caller, (float(self._most), now))
            left = min(self._most, left + (now - since) * self._most / 60)
            waits = 0 if left >= 1 else math.ceil((1 - left) * 60 / self._most)
            self._left[caller] = (left if waits else left - 1, now)
            if len(self._left) > CALLERS:
                self._left.popitem(last=False)
            return waits
