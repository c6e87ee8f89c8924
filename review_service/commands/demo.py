"""`review-service demo`: a whole round on sample data, its bundle verified, then its pages."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from review_service.commands.serve import run
from review_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
ORIGIN = "review.example/demonstration"  # as the log of the demonstration names itself


@click.command()
@click.option("--serve", default="yes", type=click.Choice(["yes", "no"]), show_default=True)
@click.option("--port", default=8000, show_default=True, help="Port of the pages.")
@click.option(
    "--out",
    default=Path("build/demo"),
    type=click.Path(path_type=Path, file_okay=False),
    show_default=True,
    help="Folder for the data and the bundle; made anew.",
)
def demo(serve: str, port: int, out: Path) -> None:
    """Run a whole selection round on the samples, verify its bundle, and serve its pages."""
    if serve == "yes" and not _free(port):
        raise click.ClickException(
            f"端口 {port} 已被占用 · port {port} is taken: make demo PORT=8001, or SERVE=no"
        )
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        settings = Settings(
            data=out / "data", database="", origin=ORIGIN, secure_cookies=False, demonstration=True
        )
        _run_round(settings, out / "bundle.zip", f"http://{HOST}:{port}")
        if serve == "yes":
            _serve(settings, port)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep a second demonstration off the same folder while one runs or serves."""
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(
                f"{out} 中已有演示在运行 · a demonstration is running in {out} already"
            ) from None
        yield


def _run_round(settings: Settings, bundle: Path, pages: str) -> None:
    """Run the round on a store made anew, write and verify its bundle, and print what happened.

    `pages` is where it will be served, for the links in letters.
    """
    from review_service.crypto import make_keys
    from review_service.demonstration.accounts import create_accounts
    from review_service.demonstration.practice import practice_rounds
    from review_service.demonstration.samples import rater
    from review_service.demonstration.summary import summary
    from review_service.demonstration.walk import Walk
    from review_service.demonstration.world import BEGIN, Clock, make_tools, witness_key
    from review_service.storage import Store
    from review_service.workflows.base import SYSTEM, Office
    from review_service.workflows.bundles import draw_bundle
    from review_service.workflows.log import open_log

    if settings.data.exists():
        shutil.rmtree(settings.data)
    settings.data.mkdir(parents=True)
    store = Store(settings.database_url, keys=make_keys(settings.column_key_file))
    store.migrate()
    clock = Clock(BEGIN)
    office = Office(store, make_tools(settings.data, clock))
    office.do(SYSTEM, open_log)
    with _steps() as (step, advance):
        walk = Walk(office, clock, witness_key(settings.data), pages, advance)
        step("导入专家库、申报材料、回避声明 · pool, dossiers, recusals")
        row = walk.open_round()
        step("查找回避关系 · conflicts of interest")
        walk.settle_conflicts(row)
        step("承诺、锁定、揭示、抽取 · commit, lock, reveal, draw")
        draw = walk.draw(row)
        step("应邀与递补 · acceptances and replacements")
        walk.seat(draw)
        step("评审打分 · scoring")
        walk.review(row, rater(row))
        step("模型、名单、批准、公示 · model, list, approval, publication")
        walk.decide(row)
        facts = dict(walk.facts)
        step("核验包与独立核验 · bundle and verification")
        with store.reading() as session:
            bundle.write_bytes(draw_bundle(session, draw))
        create_accounts(office, practice_rounds(walk))
        lines = verify(bundle)
    store.close()
    for line in lines:
        click.echo(f"  {line['step']:>2} {line['status']:<11} {line['text']}")
    counts = Counter(line["status"] for line in lines)
    click.echo(summary(facts, bundle, counts["PASS"], counts["FAIL"]))
    if counts["FAIL"] or not lines:
        raise click.ClickException("核验不通过 · the bundle does not verify")


@contextmanager
def _steps() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Show progress: `step(text)` begins a step, `advance(done, total)` moves within it."""
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(30), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def finish() -> None:
            for task in progress.tasks:
                progress.update(task.id, completed=task.total)
                progress.stop_task(task.id)

        def step(text: str) -> None:
            finish()
            if not console.is_terminal:
                click.echo(text)
            progress.add_task(text, total=1)

        def advance(done: int, total: int) -> None:
            progress.update(progress.tasks[-1].id, completed=done, total=total)

        yield step, advance
        finish()


def verify(bundle: Path) -> list[dict[str, Any]]:
    """Run the one-file verifier by itself, as somebody who trusts none of our code would."""
    verifier = ROOT / "allocation" / "verify.py"
    command = [sys.executable, "-I", str(verifier), str(bundle), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.stderr:
        raise click.ClickException(done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _serve(settings: Settings, port: int) -> None:
    from review_service.demonstration.accounts import account_list
    from review_service.demonstration.world import serving_tools
    from review_service.jobs.worker import start_thread
    from review_service.web import create_app

    click.echo(account_list())
    app = create_app(settings, serving_tools(settings.data))
    worker, thread = start_thread(app.extensions["office"])
    run(app, HOST, port)
    worker.stop.set()
    thread.join()
