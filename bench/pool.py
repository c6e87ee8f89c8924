"""How long a pool of 20,000 experts takes to read, compare and import; the limit is 10 s.

    python bench/pool.py [ROWS]

Prints seconds and the ratio to the limit for reading (.xlsx and GB18030 .csv, every check on),
importing into an empty SQLite store and importing the same file again. Beside it, as a peer for
the bare reading: openpyxl in its read-only mode, which checks nothing.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import openpyxl
from stdnum.cn import ric

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from review_service.exchange.pool import COLUMNS, ExpertRow, read_pool, write_pool
from review_service.keys import load_keys
from review_service.storage import Store
from review_service.workflows.base import SYSTEM, Actor, Office, Tools
from review_service.workflows.log import open_log
from review_service.workflows.pool import import_experts

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 10.0


def make_rows(count: int) -> list[ExpertRow]:
    """Return experts with all usual fields filled."""
    rows = []
    for number in range(count):
        body = f"320102{1955 + number % 40}{1 + number % 12:02d}{1 + number % 28:02d}"
        serial = f"{number // 40 % 999 + 1:03d}"
        document = body + serial + ric.calc_check_digit(f"{body}{serial}0")
        sex = "男" if int(document[16]) % 2 else "女"
        rows.append(
            ExpertRow(
                number=f"E{number:06d}", name=f"王{chr(0x4E00 + number % 5000)}", document=document,
                employer=f"江苏某某装备制造集团第{number % 7000}研究院有限公司", stratum="技能培训",
                province="江苏", pinyin="wang mou", sex=sex, title="正高级工程师",
                occupations="数控车工；焊工", phone=f"138{number:08d}",
                email=f"e{number}@example.com", avoid_units=f"某单位{number % 50}有限公司",
                affiliations=f"某公司{number % 90}/顾问/2024-06", born=int(document[6:10]),
            )
        )  # fmt: skip
    return rows


T = TypeVar("T")


def timed(what: str, work: Callable[[], T]) -> T:
    start, worked = time.perf_counter(), time.process_time()
    result = work()
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    print(
        f"{what:38s} {seconds:6.2f} s ({worked:5.2f} s of processor), "
        f"{seconds / LIMIT:.2f} of limit"
    )
    return result


def bare(data: bytes) -> int:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    return sum(1 for _ in book.worksheets[0].rows)


def main(count: int) -> None:
    rows = make_rows(count)
    data = write_pool(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.header for column in COLUMNS])
    for row in rows:
        writer.writerow([getattr(row, one.name) for one in COLUMNS[:-1]] + ["是"])
    print(f"{count} experts, {len(data) / 1e6:.1f} MB .xlsx, limit {LIMIT:.0f} s")
    calls: list[int] = []
    file = timed("read .xlsx, all checks", lambda: read_pool(
        data, "pool.xlsx", progress=lambda done, _all: calls.append(done)))  # fmt: skip
    timed("read .csv GB18030, all checks",
          lambda: read_pool(text.getvalue().encode("gb18030"), "pool.csv"))  # fmt: skip
    timed("peer: openpyxl read-only, no checks", lambda: bare(data))
    if file.issues:
        raise SystemExit(f"the bench's own file has issues: {file.issues[:3]}")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/bench.db")
        store.migrate()
        keys = load_keys(Path(folder) / "key", "bench.test/log")
        office = Office(store, Tools(lambda: datetime.now(UTC), os.urandom, keys))
        office.do(SYSTEM, open_log)
        for what in ("import into an empty pool (SQLite)", "import the same again"):
            timed(what, lambda: office.do(Actor("staff", "bench"), import_experts, file.rows,
                                          source="pool.xlsx", digest=file.digest))  # fmt: skip
        store.close()
    print(f"progress was told {len(calls)} times")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
