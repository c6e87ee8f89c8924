"""A round of many disciplines by the one command: planned, checked and drawn, two processes.

    python bench/partitions.py        a tenth of the whole: 20 disciplines
    python bench/partitions.py 200    400,000 dossiers × 200,000 experts

The limits, 20 minutes and 8 GiB, are those of 200 disciplines; that of time is in proportion.
Fails where one is broken.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation.canonical import canonical
from bench.support.rounds import GIB, home_conflicts, snapshot

MINUTES, MEMORY = 20, 8 * GIB  # of 200 disciplines


def partitioned(disciplines: int) -> int:
    """Plan, check and draw 2,000 dossiers × 1,000 experts a discipline; 1 where a limit breaks."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.mkdir()
        record = snapshot(1_000, 2_000, 2, 3, 8, shared=False)
        for at in range(disciplines):
            one = record | {"draw_id": f"bench/{at}/draw/1", "locked_at": "2026-01-01T00:00:00Z"}
            rng = random.Random(at)  # another assignment of provinces to the experts
            names = sorted({expert["province"] for expert in record["experts"]})
            turned = dict(zip(names, rng.sample(names, len(names)), strict=True))
            one["experts"] = [
                expert | {"province": turned[expert["province"]]} for expert in record["experts"]
            ]
            one["conflicts"] = home_conflicts(one)
            (source / f"discipline-{at:03}.json").write_bytes(canonical(one))
        entries = Path(folder, "entries.json")
        entries.write_bytes(canonical([{"kind": "public", "key": "1.2.3./"}]))
        start = time.perf_counter()
        command = [
            sys.executable, "-m", "allocation.balanced", "--partitions", str(source),
            "--out", str(Path(folder, "out")), "--workers", "2", "--sources", str(entries),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
            peak = _watch(running)
        seconds = time.perf_counter() - start
    if running.returncode:
        raise SystemExit("a partition was refused")
    print(
        f"partitioned: {disciplines * 2_000:,} dossiers × {disciplines * 1_000:,} experts in "
        f"{disciplines} disciplines, {seconds:.0f} s, peak {peak / GIB:.2f} GiB over all processes"
    )
    ratios = seconds / (60 * MINUTES * disciplines / 200), peak / MEMORY
    print("    time / limit = {:.2f}, memory / limit = {:.2f}".format(*ratios))
    return int(max(ratios) > 1)


def _watch(running: subprocess.Popen[bytes]) -> int:
    """Return the largest resident memory of the process and its children together, bytes."""
    peak = 0
    stop = threading.Event()
    while running.poll() is None:
        tree = {running.pid}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, parent = (
                    int(status.parent.name),
                    int(status.read_text().rsplit(")", 1)[1].split()[1]),
                )
            except (OSError, ValueError):
                continue
            if parent in tree:
                tree.add(pid)
        pages = 0
        for pid in tree:
            try:
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                continue
        peak = max(peak, pages * os.sysconf("SC_PAGE_SIZE"))
        stop.wait(1)
    return peak


if __name__ == "__main__":
    sys.exit(partitioned(int((sys.argv[1:] or ["20"])[0])))
