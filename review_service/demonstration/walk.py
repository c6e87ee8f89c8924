"""The walk through a whole round: each step as the person in charge would take it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from allocation import checkpoint as notes
from allocation.hashing import h
from allocation.sources import CHAIN, beacon_time, commitment
from review_service.demonstration.world import APPROVER, BEACON, INSPECTOR, STAFF, lock_time
from review_service.exchange.dossiers import read_dossiers
from review_service.exchange.pool import read_pool
from review_service.exchange.recusals import read_recusals
from review_service.tables import Checkpoint, Conflict, Dossier, Expert, Seat, Witness
from review_service.workflows import (
    approvals,
    conflicts,
    diagnosis,
    dossiers,
    draws,
    locks,
    log,
    pool,
    publicity,
    results,
    reviews,
    rounds,
    seats,
)
from review_service.workflows.base import Actor, Office, pk

if TYPE_CHECKING:
    from collections.abc import Callable

    from review_service.demonstration.world import Clock
    from review_service.tables import Computation, Draw, Round

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
CODE = "2026"
WHO = {"ministry": STAFF, "inspection": INSPECTOR}


class SampleError(Exception):
    """The samples don't import: the issues, as a user would read them."""


@dataclass
class Walk:
    """A demonstration under way; `facts` collects the figures of the summary.

    `pages` is where it will be served: letters hold links to there.
    """

    office: Office
    clock: Clock
    witness: notes.SigningKey
    pages: str
    progress: Callable[[int, int], None] = lambda _done, _all: None
    facts: dict[str, Any] = field(default_factory=dict)

    def address(self, token: str) -> str:
        """Return the link of an invitation."""
        return f"{self.pages}/invitation/{token}"

    def open_round(self) -> Round:
        """Create the round, bring in pool, dossiers and recusals, and open it."""
        do = self.office.do
        experts = read_pool((SAMPLES / "pool.xlsx").read_bytes(), "pool.xlsx")
        units = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx")
        declared = read_recusals((SAMPLES / "recusals.xlsx").read_bytes(), "recusals.xlsx")
        for file in (experts, units, declared):
            if file.issues:
                raise SampleError("\n".join(map(str, file.issues)))
        sectors = Counter(one.sector for one in units.rows if not one.calibration)
        rules = {"panels": panels(sectors, Counter(one.stratum for one in experts.rows))}
        row = do(
            STAFF, rounds.create_round, CODE, "国家技能根基工程培训基地遴选（演示）",
            "skills-base-2022", rules,
        )  # fmt: skip
        do(STAFF, pool.import_experts, experts.rows, source="pool.xlsx", digest=experts.digest)
        do(
            STAFF, dossiers.import_dossiers, pk(row), units.rows,
            source="dossiers.xlsx", digest=units.digest,
        )  # fmt: skip
        row = do(STAFF, rounds.open_round, pk(row))
        for dossier in self._rows(Dossier, Dossier.round_id == row.id):
            if dossier.status == "received":
                do(STAFF, dossiers.admit_dossier, pk(dossier))
        do(STAFF, conflicts.import_recusals, pk(row), declared.rows)
        self.facts["experts"], self.facts["dossiers"] = len(experts.rows), sum(sectors.values())
        self.facts["provinces"] = len({one.province for one in units.rows if one.province})
        return row

    def settle_conflicts(self, row: Round) -> None:
        """Find conflicts; staff confirm those fuzzy matches that really are the same unit."""
        self.office.do(STAFF, conflicts.find_conflicts, pk(row))
        suspected = self._rows(
            Conflict, Conflict.round_id == row.id, Conflict.status == "suspected"
        )
        for one in suspected:
            self.office.do(
                STAFF, conflicts.decide_suspected, pk(one), confirm=True, reason="核对为同一单位"
            )
        confirmed = self._rows(
            Conflict, Conflict.round_id == row.id, Conflict.status == "confirmed"
        )
        self.facts["conflicts"] = len({(one.expert_id, one.dossier_id) for one in confirmed})
        self.facts["suspected"] = len(suspected)

    def draw(self, row: Round) -> Draw:
        """Commit, lock, let the inspector countersign, reveal, take the beacon, and draw."""
        do, draw_id = self.office.do, f"{row.code}/draw/1"
        secrets = {party: self.office.tools.entropy(32) for party in WHO}
        for party, secret in secrets.items():
            digest = commitment(draw_id, party, secret).hex()
            do(WHO[party], draws.give_commitment, pk(row), party, digest)
        self.clock.advance_to(max(self.clock.now, lock_time()))
        number = int(str(BEACON["round"]))
        source = {"kind": "drand", "chain": CHAIN, "round": number}
        draw = do(STAFF, locks.lock_draw, pk(row), [source])
        self.countersign()
        self.clock.advance_to(beacon_time(number) + timedelta(minutes=1))
        for index, party in enumerate(sorted(WHO)):
            entry = {"kind": "commitment", "party": party, "secret": secrets[party].hex()}
            do(WHO[party], draws.reveal_source, pk(draw), index, entry)
        do(STAFF, draws.reveal_source, pk(draw), 2, BEACON)
        return do(STAFF, draws.complete_draw, pk(draw))

    def countersign(self) -> Checkpoint:
        """Sign a checkpoint and add the inspector's own signature, made away from the server."""
        if not self._rows(Witness):
            self.office.do(INSPECTOR, log.add_witness, self.witness.verifier_key)
        row = self.office.do(INSPECTOR, log.sign_checkpoint)
        line = notes.cosign(row.note, self.witness, int(self.clock.now.timestamp()))
        return self.office.do(INSPECTOR, log.add_cosignature, row.size, line)

    def seat(self, draw: Draw) -> None:
        """Let experts answer their invitations; who declines is replaced from the list at once."""
        declined = 0
        while waiting := self._rows(Seat, Seat.draw_pk == draw.id, Seat.status == "awaiting"):
            for seat in waiting:
                self.clock.advance(minutes=7)
                mark = h("demonstration", seat.pseudonym.encode())[0]
                if mark < 20:
                    reason = ("declined", "recusal", "unreachable")[mark % 3]
                    expert = Actor("expert", seat.pseudonym)
                    who = STAFF if reason == "unreachable" else expert
                    self.office.do(who, seats.vacate_seat, pk(seat), reason)
                    declined += 1
                else:
                    self.office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
        sitting = self._rows(Seat, Seat.draw_pk == draw.id, Seat.status == "accepted")
        first = sitting[0]
        stand_in = self.office.do(
            Actor("expert", first.pseudonym), seats.declare_conflict, pk(first),
            seats.dossiers_of(draw, first.panel)[0], "kin",
        )  # fmt: skip
        if stand_in is not None:
            self.office.do(Actor("expert", stand_in.pseudonym), seats.accept_seat, pk(stand_in))
        self.facts["seats"], self.facts["declined"] = len(sitting), declined
        self.facts["panels"] = len({seat.panel for seat in sitting})

    def review(self, row: Round, rate: Callable[[str, str], dict[str, int]]) -> None:
        """Let every expert sign the pledge and score; `rate(expert number, dossier number)`."""
        do = self.office.do
        do(STAFF, reviews.start_reviewing, pk(row))
        with self.office.store.reading() as session:
            experts = session.exec(
                select(Expert.id, Expert.number, Seat.pseudonym)
                .join(Seat, col(Seat.expert_id) == col(Expert.id))
                .where(Seat.status == "accepted")
                .order_by(Expert.number)
            ).all()
            work = [
                (expert, number, pseudonym, reviews.assigned(session, pk(row), expert))
                for expert, number, pseudonym in experts
                if expert is not None
            ]
        total, done = sum(len(one[3]) for one in work), 0
        for expert, number, pseudonym, tasks in work:
            actor = Actor("expert", pseudonym)
            self.clock.advance(minutes=11)
            do(actor, reviews.sign_pledge, pk(row), expert)
            for dossier in tasks:
                do(
                    actor, reviews.enter_review, pk(row), expert, pk(dossier),
                    levels=rate(number, dossier.number), notes={}, version=0,
                )  # fmt: skip
                done += 1
                self.progress(done, total)
        self.facts["reviews"] = total
        do(STAFF, rounds.close_reviewing, pk(row))

    def decide(self, row: Round) -> None:
        """Fit, select, settle the line zone by a panel with reasons, approve, publish."""
        do = self.office.do
        do(STAFF, results.run_fit, pk(row))
        do(STAFF, diagnosis.run_diagnosis, pk(row))
        do(STAFF, rounds.unseal_names, pk(row))
        listed = do(STAFF, results.run_selection, pk(row))
        zone = verdicts(listed)
        self.facts["zone"] = len(zone)
        if zone:
            reason = "评审组合议：综合得分、章节得分与佐证材料"
            proposal = do(STAFF, approvals.propose_settlement, pk(row), zone, reason)
            do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="同意")
            listed = do(STAFF, results.run_selection, pk(row))
        self.facts["list"] = json.loads(listed.record)["selection"]["list"]
        proposal = do(STAFF, approvals.propose_list, pk(row), "按规则形成的名单")
        do(APPROVER, approvals.decide_proposal, pk(proposal), approve=True, reason="同意")
        do(STAFF, publicity.publish_list, pk(row))
        self.countersign()

    def _rows(self, table: Any, *conditions: Any) -> list[Any]:
        with self.office.store.reading() as session:
            return list(session.exec(select(table).where(*conditions)).all())


def panels(sectors: Counter[str], strata: Counter[str]) -> list[dict[str, Any]]:
    """Return ten panels of seven seats: panels by the sectors' dossiers, seats by the pool."""
    classes = [name for name, number in spread(sectors, 10).items() for _ in range(number)]
    seven = spread(strata, 7)
    return [
        {"id": f"P{number:02}", "class": name, "seats": dict(seven)}
        for number, name in enumerate(classes, start=1)
    ]


def spread(counts: Counter[str], seats: int) -> dict[str, int]:
    """Return the seats of each name, at least one, by largest remainder; sorted by name."""
    exact = {name: seats * count / counts.total() for name, count in sorted(counts.items())}
    given = {name: max(1, int(share)) for name, share in exact.items()}
    for name in sorted(exact, key=lambda one: (given[one] - exact[one], one)):
        if sum(given.values()) < seats:
            given[name] += 1
    return given


def verdicts(listed: Computation) -> list[dict[str, Any]]:
    """Return a panel's verdicts on the open matter: the better expected ranks get the seats."""
    selection = json.loads(listed.record)["selection"]
    matter = selection["open"]
    if matter is None or matter["how"] != "panel":
        return []
    rank = {
        one["id"]: float(one["expected_rank"])
        for one in selection["dossiers"]
        if one["id"] in matter["ids"]
    }
    best = sorted(matter["ids"], key=lambda one: (rank[one], one))[: matter["take"]]
    return [
        {"dossier": one, "taken": one in best, "reason": f"期望名次 {rank[one]:.2f}；评审组合议"}
        for one in matter["ids"]
    ]
