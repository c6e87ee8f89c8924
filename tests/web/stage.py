"""A small round, brought by the workflows to the scene that a test of the pages needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from argon2 import PasswordHasher
from sqlmodel import col, select

from allocation.sources import CHAIN, beacon_time, commitment
from review_service.demonstration.world import (
    APPROVER,
    BEACON,
    INSPECTOR,
    STAFF,
    Clock,
    lock_time,
    make_tools,
)
from review_service.exchange import form
from review_service.settings import Settings
from review_service.tables import Account, Conflict, Dossier, Draw, Expert, Pledge, Seat
from review_service.web import create_app
from review_service.workflows import (
    approvals,
    conflicts,
    diagnosis,
    dossiers,
    draws,
    locks,
    log,
    publicity,
    results,
    reviews,
    rounds,
    seats,
)
from review_service.workflows.accounts import PLACES, ROLES, create_account
from review_service.workflows.base import SYSTEM, Actor, Office, pk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask

    from tests.conftest import Copies

CODE = "2026-test"
PASSWORD = "a-password-for-tests"
SECTORS = ("装备制造", "电子信息")
STRATA = ("技术", "管理")
PROVINCES = ("江苏", "浙江", "广东", "四川")
SEATS = {"技术": 2, "管理": 1}
PARTIES = {"ministry": STAFF, "inspection": INSPECTOR}
# The scenes in their order; a stage plays from the first to the one that is asked for.
SCENES = (
    "empty", "imported", "opened", "committed", "locked", "revealed", "drawn", "seated",
    "reviewing", "closed", "computed", "proposed", "approved", "published",
)  # fmt: skip


def number(*parts: object) -> int:
    """Return a number that stays the same on every machine and run."""
    return sha256("/".join(map(str, parts)).encode()).digest()[0]


@dataclass
class Stage:
    """An application over a small round; `play` brings the round to a scene."""

    folder: Path
    clock: Clock = field(default_factory=lambda: Clock(lock_time() - timedelta(days=1)))
    scene: str = ""
    samples_first: bool = False  # calibration before everything else, as rounds have it by default
    dossiers: int = 12  # that compete, half of them a panel's; one calibration sample beside
    secrets: dict[str, bytes] = field(default_factory=dict)
    database: str = ""  # its address; by default the folder's SQLite or a copy of the run's own
    on_sqlite: ClassVar[bool] = True
    copies: ClassVar[Callable[[], Copies]]

    def __post_init__(self) -> None:
        self._drop: Callable[[str], None] = lambda _given: None
        if not self.database and not self.on_sqlite:
            copies = type(self).copies()
            self.database, self._drop = copies.make(), copies.drop
        self.settings = Settings(
            data=self.folder, database=self.database, secure_cookies=False, demonstration=True
        )
        self.app: Flask = create_app(self.settings, make_tools(self.folder, self.clock))
        self.office: Office = self.app.extensions["office"]
        self.round_id = 0

    def play(self, scene: str) -> Stage:
        """Bring the round to a scene."""
        start = SCENES.index(self.scene) + 1 if self.scene else 0
        for name in SCENES[start : SCENES.index(scene) + 1]:
            getattr(self, f"_{name}")()
            self.scene = name
        return self

    def close(self) -> None:
        """Let the database go."""
        self.office.store.close()
        self._drop(self.database)

    def rows(self, table: Any, *conditions: Any) -> list[Any]:
        """Return the rows of a table that hold conditions, by their keys."""
        with self.office.store.reading() as session:
            query = select(table).where(*conditions).order_by(*table.__table__.primary_key)
            return list(session.exec(query).all())

    def draw(self) -> Draw:
        """Return the newest draw."""
        with self.office.store.reading() as session:
            return session.exec(select(Draw).order_by(col(Draw.number).desc())).first()  # type: ignore[return-value]

    def _empty(self) -> None:
        panels = [
            {"id": f"P0{n}", "class": sector, "seats": SEATS} for n, sector in enumerate(SECTORS, 1)
        ]
        listing = rounds.DEFAULT_RULES["list"] | {"total": 4}
        rules = {"panels": panels, "list": listing, "calibration_first": self.samples_first}
        row = self.office.do(
            STAFF, rounds.create_round, CODE, "国家技能根基工程培训基地遴选（测试）",
            "skills-base-2022", rules,
        )  # fmt: skip
        self.round_id = pk(row)
        secret = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        for name in (one for one in ROLES if one != "expert"):
            actor = {"staff": STAFF, "approver": APPROVER, "inspector": INSPECTOR}.get(name)
            self.office.do(
                SYSTEM, create_account, code=actor.id if actor else f"{name}-1",
                email=f"{name}@test.example", name=f"测试{name}", role=name, password_hash=secret,
                **({"province": "江苏", "prefecture": "苏州市"} if name in PLACES else {}),
            )  # fmt: skip
        self._secret = secret

    def _imported(self) -> None:
        with self.office.store.writing() as session:
            for n in range(48):
                session.add(_expert(n, self.clock.now))
            for n in range(self.dossiers + 1):
                session.add(_dossier(self.round_id, n))
            session.commit()
        self.office.do(STAFF, dossiers.admit_received, self.round_id)
        with self.office.store.writing() as session:
            sample = session.exec(
                select(Dossier).where(Dossier.number == f"D{self.dossiers + 1:02}")
            ).one()
            sample.status = "calibration"
            session.add(sample)
            session.commit()

    def _opened(self) -> None:
        self.office.do(STAFF, rounds.open_round, self.round_id)
        self.office.do(STAFF, conflicts.find_conflicts, self.round_id)

    def _committed(self) -> None:
        for one in self.rows(Conflict, Conflict.status == "suspected"):
            self.office.do(
                STAFF, conflicts.decide_suspected, pk(one), confirm=False, reason="已核实"
            )
        for party, actor in PARTIES.items():
            secret = self.office.tools.entropy(32)
            digest = commitment(self.next_id(), party, secret).hex()
            self.office.do(actor, draws.give_commitment, self.round_id, party, digest)
            self.secrets[party] = secret

    def next_id(self) -> str:
        """Return the id that the round's next draw will have."""
        return f"{CODE}/draw/{len(self.rows(Draw)) + 1}"

    def _locked(self) -> None:
        self.clock.advance_to(max(self.clock.now, lock_time()))
        source = {"kind": "drand", "chain": CHAIN, "round": BEACON["round"]}
        self.office.do(STAFF, locks.lock_draw, self.round_id, [source])

    def _revealed(self) -> None:
        self.clock.advance_to(beacon_time(int(str(BEACON["round"]))) + timedelta(minutes=1))
        draw = self.draw()
        for position, party in enumerate(sorted(PARTIES)):
            entry = {"kind": "commitment", "party": party, "secret": self.secrets[party].hex()}
            self.office.do(PARTIES[party], draws.reveal_source, pk(draw), position, entry)
        self.office.do(STAFF, draws.reveal_source, pk(draw), 2, BEACON)

    def _drawn(self) -> None:
        self.office.do(STAFF, draws.complete_draw, pk(self.draw()))
        self.office.do(STAFF, log.sign_checkpoint)
        for n, seat in enumerate(sorted(self.rows(Seat), key=lambda one: one.id)[:2], 1):
            expert = self.rows(Expert, Expert.id == seat.expert_id)[0]
            self.office.do(
                SYSTEM, create_account, code=f"expert-{n}", email=f"expert{n}@test.example",
                name=expert.name, role="expert", password_hash=self._secret,
                expert_id=seat.expert_id,
            )  # fmt: skip

    def _seated(self) -> None:
        held = sorted(self.rows(Seat), key=lambda one: one.id)
        self.office.do(STAFF, seats.vacate_seat, pk(held[-1]), "unreachable")
        for seat in self.rows(Seat, Seat.status == "awaiting"):
            self.office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))

    def _reviewing(self) -> None:
        self.office.do(STAFF, reviews.start_reviewing, self.round_id)

    def _closed(self) -> None:
        for seat in self.rows(Seat, Seat.status == "accepted"):
            self.review_all(seat)
        self.office.do(STAFF, rounds.close_reviewing, self.round_id)

    def pledge(self, code: str) -> None:
        """Let the expert with an account sign the pledge without any conflict."""
        account = self.rows(Account, Account.code == code)[0]
        self.office.do(Actor("expert", code), reviews.sign_pledge, self.round_id, account.expert_id)

    def expert(self, code: str) -> int:
        """Return the pool's row of the expert with an account."""
        return int(self.rows(Account, Account.code == code)[0].expert_id)

    def calibrate(self, seat: Seat) -> None:
        """Let the expert of a seat sign the pledge, if that wasn't done, and submit the sample."""
        actor, expert = Actor("expert", seat.pseudonym), seat.expert_id
        if not self.rows(Pledge, Pledge.expert_id == expert):
            self.office.do(actor, reviews.sign_pledge, self.round_id, expert)
        with self.office.store.reading() as session:
            row = session.get_one(rounds.Round, self.round_id)
            criteria = list(rounds.rubric_of(row).criteria)
        for sample in self.rows(Dossier, Dossier.status == "calibration"):
            levels = {one: 4 + (number(expert, one) % 5) for one in criteria}
            self.office.do(
                actor, reviews.enter_review, self.round_id, expert, pk(sample),
                levels=levels, notes={}, version=0,
            )  # fmt: skip

    def review_all(self, seat: Seat) -> None:
        """Let the expert of a seat sign the pledge, score everything and submit."""
        actor, expert = Actor("expert", seat.pseudonym), seat.expert_id
        with self.office.store.reading() as session:
            mine = reviews.assigned(session, self.round_id, expert)
            row = session.get_one(rounds.Round, self.round_id)
            criteria = list(rounds.rubric_of(row).criteria)
        self.office.do(actor, reviews.sign_pledge, self.round_id, expert)
        for dossier in mine:
            levels = {
                one: 3
                + number(dossier.number) % 3
                + number(expert) % 3
                + number(dossier.number, one, expert) % 3
                for one in criteria
            }
            self.office.do(
                actor, reviews.save_review, self.round_id, expert, pk(dossier),
                levels=levels, notes={}, version=0,
            )  # fmt: skip
            self.office.do(actor, reviews.submit_review, self.round_id, expert, pk(dossier))

    def _computed(self) -> None:
        self.office.do(STAFF, results.run_fit, self.round_id)
        self.office.do(STAFF, diagnosis.run_diagnosis, self.round_id)
        self.office.do(STAFF, results.run_selection, self.round_id)

    def _proposed(self) -> None:
        matter = self._selection()["open"]
        if matter:
            taken = matter["ids"][: matter["take"]]
            verdicts = [
                {"dossier": one, "taken": one in taken, "reason": "评审组合议"}
                for one in matter["ids"]
            ]
            proposal = self.office.do(
                STAFF, approvals.propose_settlement, self.round_id, verdicts, "评审组会议"
            )
            self._approve(pk(proposal))
            self.office.do(STAFF, results.run_selection, self.round_id)
        self.office.do(STAFF, approvals.propose_list, self.round_id, "按规则形成的名单")

    def _selection(self) -> dict[str, Any]:
        import json

        from review_service.workflows.computations import newest

        with self.office.store.reading() as session:
            listed = newest(session, self.round_id, "list")
        assert listed is not None
        found: dict[str, Any] = json.loads(listed.record)["selection"]
        return found

    def _approve(self, proposal: int) -> None:
        self.office.do(APPROVER, approvals.decide_proposal, proposal, approve=True, reason="同意")

    def _approved(self) -> None:
        from review_service.tables import Approval

        self._approve(pk(self.rows(Approval, Approval.status == "proposed")[0]))

    def _published(self) -> None:
        self.office.do(STAFF, publicity.publish_list, self.round_id)
        self.office.do(INSPECTOR, log.sign_checkpoint)


def _expert(n: int, now: Any) -> Expert:
    return Expert(
        number=f"E{n + 1:05}",
        name="张王李赵陈杨周吴"[n % 8] + "伟芳敏静强磊"[n // 8],
        pinyin=(["zhang", "wang", "li", "zhao", "chen", "yang", "zhou", "wu"][n % 8])
        + " "
        + ["wei", "fang", "min", "jing", "qiang", "lei"][n // 8],
        document=f"TEST{n:06}",
        born=1970,
        employer=f"{PROVINCES[n % 4]}第{n}职业技术学院",
        title="教授",
        stratum=STRATA[n % 3 == 2],
        province=PROVINCES[n % 4],
        email=f"e{n}@experts.example",
        avoid_units="星河精密制造有限公司" if n == 3 else "",
        affiliations="海蓝动力技师学院/顾问/2026-01" if n == 5 else "",
        updated_at=now,
    )


def _dossier(round_id: int, n: int) -> Dossier:
    names = ("星河精密制造", "海蓝动力技师学院", "远山机电", "长风电子", "金石工业", "明德技工学校")
    application: dict[str, Any] = {}
    for one in form.FIELDS:
        if one.part == "sections" and one.kind == "long":
            text = f"{SECTORS[n % 2]}领域的培训基地建设情况。" * 12
            form.put(application, one.path, text)
        elif one.kind in {"whole", "decimal"}:
            form.put(application, one.path, 100 + number(n, one.path))
    form.put(application, "legal.name", "周建国")
    form.put(application, "legal.mobile", "13800000000")
    return Dossier(
        round_id=round_id,
        number=f"D{n + 1:02}",
        unit=names[n % 6] + ("有限公司" if n < 6 else f"第{n}分公司"),
        credit_code=f"91320000{n:010}",
        category="技工院校" if n % 2 else "制造业龙头企业",
        sector=SECTORS[n % 2],
        province=PROVINCES[n % 4],
        prefecture="",
        rank=n // 4 + 1,
        application=application,
        indicators={
            "trained_per_year": 1900 if n == 4 else 2400 + 10 * n,
            "senior_share": "31.5",
            "capacity_per_year": 2600,
            "equipped_occupations": 4,
            "equipment_value": 2600,
            "experts_per_occupation": 3,
            "pass_rate": "95.2",
            "satisfaction": "96",
        },
    )
