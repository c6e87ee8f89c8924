from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from allocation.errors import AllocationError
from review_service.demonstration.world import APPROVER, INSPECTOR, STAFF
from review_service.operation.verifying import verify_log
from review_service.tables import AccountChange, Approval, Draw, LogEvent, Review, Seat
from review_service.workflows import (
    account_changes,
    approvals,
    draws,
    locks,
    reviews,
    rounds,
    seats,
)
from review_service.workflows.base import Actor, WorkflowError, pk
from scoring.errors import ScoringError
from tests.web.stage import BEACON, CHAIN, SCENES, Stage

ACTORS = st.sampled_from([STAFF, APPROVER, INSPECTOR, Actor("administrator", "administrator-1")])


class Office(RuleBasedStateMachine):
    """People who do anything in any order: what isn't allowed is refused, nothing is torn."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="review-states-"))
        self.stage = Stage(self.folder).play("locked")
        self.done = 0

    def teardown(self) -> None:
        """Put the folder away."""
        self.stage.close()
        shutil.rmtree(self.folder)

    def _try(self, actor: Actor, use_case: Any, *args: Any, **kwargs: Any) -> None:
        """Do something; a refusal with a reason is fine, any other fault is not."""
        with contextlib.suppress(WorkflowError, AllocationError, ScoringError):
            self.stage.office.do(actor, use_case, *args, **kwargs)
            self.done += 1

    @rule(steps=st.integers(1, 3))
    def goes_on(self, steps: int) -> None:
        """The round goes on as it should, where nothing that was done stands against it."""
        at = SCENES.index(self.stage.scene)
        with contextlib.suppress(WorkflowError, AllocationError, ScoringError, AssertionError):
            self.stage.play(SCENES[min(at + steps, len(SCENES) - 1)])

    @rule(actor=ACTORS)
    def locks_again(self, actor: Actor) -> None:
        """Somebody locks a draw, whatever stands."""
        source = {"kind": "drand", "chain": CHAIN, "round": BEACON["round"]}
        self._try(actor, locks.lock_draw, self.stage.round_id, [source])

    @rule(actor=ACTORS, void=st.booleans())
    def settles_draws(self, actor: Actor, *, void: bool) -> None:
        """Somebody completes or voids the newest draw."""
        for draw in self.stage.rows(Draw)[-1:]:
            if void:
                self._try(actor, draws.void_draw, pk(draw), "理由")
            else:
                self._try(actor, draws.complete_draw, pk(draw))

    @rule(which=st.integers(0, 30), accept=st.booleans())
    def answers_a_seat(self, which: int, *, accept: bool) -> None:
        """An expert accepts, or a seat is vacated, twice or more where it comes so."""
        held = self.stage.rows(Seat)
        if held:
            seat = held[which % len(held)]
            if accept:
                self._try(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
            else:
                self._try(STAFF, seats.vacate_seat, pk(seat), "unreachable")

    @rule(which=st.integers(0, 30))
    def submits(self, which: int) -> None:
        """An expert submits a review, finished or not, again or not."""
        found = self.stage.rows(Review)
        if found:
            one = found[which % len(found)]
            actor = Actor("expert", "expert-1")
            self._try(actor, reviews.submit_review, one.round_id, one.expert_id, one.dossier_id)

    @rule(actor=ACTORS, start=st.booleans())
    def changes_the_round(self, actor: Actor, *, start: bool) -> None:
        """Somebody starts or closes the scoring."""
        use_case: Any = reviews.start_reviewing if start else rounds.close_reviewing
        self._try(actor, use_case, self.stage.round_id)

    @rule(actor=ACTORS)
    def proposes(self, actor: Actor) -> None:
        """Somebody proposes the list."""
        self._try(actor, approvals.propose_list, self.stage.round_id, "理由")

    @rule(actor=ACTORS, approve=st.booleans())
    def decides(self, actor: Actor, *, approve: bool) -> None:
        """Somebody decides what is proposed, the own proposal included."""
        for one in self.stage.rows(Approval)[-1:]:
            self._try(actor, approvals.decide_proposal, pk(one), approve=approve, reason="理由")

    @rule(actor=ACTORS, approve=st.booleans())
    def changes_accounts(self, actor: Actor, *, approve: bool) -> None:
        """Somebody opens an account of staff and decides about it, alone or not."""

        def address(_purpose: str, token: str) -> str:
            return token

        email = f"n{self.done}@test.example"
        self._try(
            actor, account_changes.open_account, address, email=email, name="新", role="staff"
        )
        for one in self.stage.rows(AccountChange)[-1:]:
            self._try(actor, account_changes.decide_change, pk(one), address, approve=approve)

    @invariant()
    def the_log_holds(self) -> None:
        """The log verifies and has no gap."""
        with self.stage.office.store.snapshot() as session:
            verify_log(session)
        seqs = sorted(one.seq for one in self.stage.rows(LogEvent))
        assert seqs == list(range(len(seqs)))

    @invariant()
    def one_draw_stands(self) -> None:
        """Of a round's panels one draw stands at most; numbers have no gap."""
        found = self.stage.rows(Draw)
        assert sum(one.status != "voided" and one.method != "order" for one in found) <= 1
        assert sorted(one.number for one in found) == list(range(1, len(found) + 1))

    @invariant()
    def a_seat_is_one_persons(self) -> None:
        """Nobody sits twice on a panel, and a vacated seat has one successor at most."""
        whole = [one for one in self.stage.rows(Seat) if one.status != "vacated"]
        assert len({(one.draw_pk, one.panel, one.expert_id, one.dossier) for one in whole}) == len(
            whole
        )
        after = [one.replaces_id for one in self.stage.rows(Seat) if one.replaces_id]
        assert len(set(after)) == len(after)

    @invariant()
    def two_people_are_two(self) -> None:
        """Nobody decided what the same person proposed."""
        for one in [*self.stage.rows(Approval), *self.stage.rows(AccountChange)]:
            assert one.decided_by is None or one.decided_by != one.proposed_by


def test_workflows_hold_in_any_order() -> None:
    """Steps in any order by anybody: the log verifies, one draw stands, two people are two."""
    run_state_machine_as_test(
        Office,
        settings=settings(max_examples=5, stateful_step_count=12, deadline=None, derandomize=True),
    )
