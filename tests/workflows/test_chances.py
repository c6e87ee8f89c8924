from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select

from allocation import verify
from allocation.errors import LockError
from review_service.demonstration.world import Clock
from review_service.tables import Conflict, Dossier, Draw, Expert, LogEvent, Round, Seat
from review_service.workflows import (
    bundles,
    chances,
    draws,
    locks,
    log,
    rehearsals,
    reviews,
    rounds,
    seats,
    snapshots,
)
from review_service.workflows.base import Actor, Office, Work, WorkflowError, pk
from review_service.workflows.vacancies import vacancies
from tests.workflows.conftest import (
    INSPECTOR,
    STAFF,
    beacon_source,
    commit_all,
    fill,
    reveal_all,
)

if TYPE_CHECKING:
    from pathlib import Path

LIST = rounds.DEFAULT_RULES["list"] | {"total": 3}
EACH = {
    "method": "balanced", "list": LIST, "pair_cap": [1, 2],
    "each": {"seats": {"skills": 2, "finance": 1}, "capacity": 2},
    "limits": [{"field": "employer", "scope": "cell", "max": 1}],
}  # fmt: skip
FIXED = {
    "method": "balanced", "list": LIST,
    "panels": [
        {"id": f"P{n}", "class": "metal", "seats": {"skills": 3, "finance": 2},
         "dossiers": [f"S{m:02}" for m in range(n - 1, 12, 2)]}
        for n in (1, 2)
    ],
    "limits": [{"field": "employer", "scope": "draw", "max": 1}],
}  # fmt: skip
PLAIN = {
    "list": LIST,
    "panels": [{"id": "P1", "class": "metal", "seats": {"skills": 3, "finance": 2}}],
}


def a_round(office: Office, rules: dict[str, Any], barred: int = 0) -> Round:
    """Make an open round in which expert X001 has a conflict with the first `barred` dossiers."""
    row = office.do(STAFF, rounds.create_round, "2026", "测试轮次", "skills-base-2022", rules)
    office.do(STAFF, fill, pk(row))

    def bar(work: Work) -> None:
        expert = work.session.exec(select(Expert).where(Expert.number == "X001")).one()
        for one in work.session.exec(select(Dossier).order_by(col(Dossier.number)).limit(barred)):
            work.session.add(
                Conflict(
                    round_id=pk(row), expert_id=pk(expert), dossier_id=pk(one), rule="kin",
                    source="staff", status="confirmed", declared_by="staff-1",
                    declared_at=work.now,
                )
            )  # fmt: skip

    office.do(STAFF, bar)
    return office.do(STAFF, rounds.open_round, pk(row))


def a_draw(office: Office, row: Round) -> Draw:
    """Lock, reveal and complete the round's draw."""
    commit_all(office, row)
    draw = office.do(STAFF, locks.lock_draw, pk(row), [beacon_source()])
    clock = office.tools.clock
    assert isinstance(clock, Clock)
    clock.advance(hours=2)
    reveal_all(office, draw)
    return office.do(STAFF, draws.complete_draw, pk(draw))


def seats_of(office: Office, draw: Draw) -> list[Seat]:
    """Return the seats of a draw as they stand, in order."""
    with office.store.reading() as session:
        query = select(Seat).where(Seat.draw_pk == draw.id).order_by(col(Seat.id))
        return list(session.exec(query))


def verified(office: Office, draw: Draw, tmp_path: Path) -> int:
    """Return what the one-file verifier says of the draw's bundle: 0 where every check passes."""
    office.do(INSPECTOR, log.sign_checkpoint)
    with office.store.reading() as session:
        data = bundles.draw_bundle(session, session.get_one(Draw, draw.id))
    (tmp_path / "bundle.zip").write_bytes(data)
    return verify.main([str(tmp_path / "bundle.zip")])


def test_a_panel_for_each_dossier_from_lock_to_verified_bundle(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """12 dossiers × 3 of 48 experts, two each at most; a decline is replaced; the bundle holds."""
    row = a_round(office, EACH)
    draw = a_draw(office, row)
    drawn = seats_of(office, draw)
    assert Counter(seat.panel for seat in drawn) == {f"S{n:02}": 3 for n in range(12)}
    assert max(Counter(seat.expert_id for seat in drawn).values()) <= 2
    first = drawn[0]
    new = office.do(Actor("expert", first.pseudonym), seats.vacate_seat, pk(first), "declined")
    assert new is not None
    assert (new.panel, new.stratum) == (first.panel, first.stratum)
    now = [seat for seat in seats_of(office, draw) if seat.status != "vacated"]
    assert max(Counter(seat.expert_id for seat in now).values()) <= 2
    assert verified(office, draw, tmp_path) == 0, capsys.readouterr().out
    several = next(k for k, n in Counter(seat.expert_id for seat in now).items() if n == 2)
    for seat in now:
        office.do(Actor("expert", seat.pseudonym), seats.accept_seat, pk(seat))
    with office.store.reading() as session:
        mine = [one.number for one in reviews.assigned(session, pk(row), several)]
    assert mine == sorted(seat.panel for seat in now if seat.expert_id == several)


def test_panels_with_fixed_dossiers(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Panels review the dossiers the rules gave them; a conflict declared takes a stand-in."""
    draw = a_draw(office, a_round(office, FIXED))
    drawn = seats_of(office, draw)
    assert Counter(seat.panel for seat in drawn) == {"P1": 5, "P2": 5}
    first = drawn[0]
    held = seats.dossiers_of(draw, first.panel)
    assert held == FIXED["panels"][0]["dossiers"]
    who = Actor("expert", first.pseudonym)
    stand_in = office.do(who, seats.declare_conflict, pk(first), held[0], "kin")
    assert stand_in is not None
    assert stand_in.dossier == held[0]
    office.do(who, seats.accept_seat, pk(first))
    with office.store.reading() as session:
        mine = [one.number for one in reviews.assigned(session, draw.round_id, first.expert_id)]
    assert mine == held[1:]
    assert verified(office, draw, tmp_path) == 0, capsys.readouterr().out


def test_vacancies_of_a_balanced_draw_are_drawn_within_capacity(office: Office) -> None:
    """A supplementary draw seats nobody twice on a panel and nobody beyond the own capacity."""
    rules = EACH | {"each": {"seats": {"finance": 1}, "capacity": 1}, "pair_cap": [1, 1]}
    row = a_round(office, rules)
    draw = a_draw(office, row)
    seat: Seat | None = seats_of(office, draw)[0]
    while seat is not None:  # 16 of finance for 12 seats: four stand in, then the list ends
        seat = office.do(Actor("expert", seat.pseudonym), seats.vacate_seat, pk(seat), "declined")
    with office.store.reading() as session:
        open_seats = vacancies(session, pk(row))
    assert [one.dossiers for one in open_seats] == [(open_seats[0].panel,)]
    sources = [{"kind": "commitment", "party": "ministry", "commitment": "00" * 32}]

    def newcomer(work: Work) -> dict[str, Any]:
        work.session.add(
            Expert(number="N1", name="新", document="N1", employer="新单位", stratum="finance",
                   province="44", updated_at=work.now)
        )  # fmt: skip
        work.session.flush()
        again = work.one(Round, pk(row))
        return snapshots.supplement(work, again, "2026/draw/2", sources, open_seats)[0]

    record = office.do(STAFF, newcomer)
    assert record["method"] == "balanced"
    assert [(one[1], one[3], one[4]) for one in record["plan"]] == [(open_seats[0].panel, 1, 1)]
    assert {one["rule"] for one in record["conflicts"]} == {"seated-before", "capacity-reached"}


def test_a_rehearsal_of_a_balanced_round(office: Office) -> None:
    """A balanced round is rehearsed as any other, and keeps only that it happened."""
    found = office.do(STAFF, rehearsals.rehearse, pk(a_round(office, EACH)))
    assert len(found["result"]["seats"]) == 36


def test_a_limit_that_crosses_is_refused_at_the_lock(office: Office) -> None:
    """A limit in panels of two strata breaks exactness: no lock, with the reason and remedies."""
    limits = [{"field": "province", "scope": "panel", "max": 2}]
    row = a_round(office, FIXED | {"limits": limits})
    commit_all(office, row)
    with pytest.raises(LockError) as refused:
        office.do(STAFF, locks.lock_draw, pk(row), [beacon_source()])
    assert refused.value.code == "limit-crosses"
    assert refused.value.facts["instead"] == ["cell", "draw", "lottery"]
    with office.store.reading() as session:
        assert session.exec(select(Draw)).all() == []


def test_preview_tells_chances_and_causes_and_keeps_nothing(office: Office) -> None:
    """Chances sum to the seats; who is kept off stands lowest, with the conflicts; no event."""
    row = a_round(office, EACH, barred=11)
    with office.store.reading() as session:
        before = len(session.exec(select(LogEvent.seq)).all())
    seen = office.do(STAFF, chances.preview, pk(row))
    assert sum(Fraction(line.chance or 0) for line in seen.lines) == 36
    lowest = seen.lines[0]
    assert lowest.expert.number == "X001"
    assert lowest.low
    assert lowest.chance == Fraction(1, 2)
    assert {rule for _, rule in lowest.conflicts} == {"kin"}
    assert seen.highest is not None
    assert seen.highest[0] <= Fraction(1, 2)
    assert sum(dossiers for dossiers, _ in seen.parts) == 12
    assert seen.foreseen is not None
    # With known leniency a difference of 3 and 3 reviews has the error √(25·2/3) = 4.08; without
    # any knowledge of it, √((16 + 25)·2/3) = 5.23. The design lies between.
    assert 4.08 < seen.foreseen.error <= 5.24
    with office.store.reading() as session:
        assert len(session.exec(select(LogEvent.seq)).all()) == before
        assert session.exec(select(Draw)).all() == []


def test_preview_of_a_lottery_gives_base_rates_and_honest_estimates(office: Office) -> None:
    """Base rates are seats by eligible; estimates come with their error and agree with them."""
    row = a_round(office, PLAIN, barred=12)
    plain = office.do(STAFF, chances.preview, pk(row))
    rates = {one.stratum: (one.seats, one.experts, one.eligible) for one in plain.strata}
    names = {name: code for code, name in row.rules["strata"].items()}
    assert rates == {names["finance"]: (2, 16, 16), names["skills"]: (3, 32, 31)}
    assert plain.lines[0].expert.number == "X001"
    assert plain.lines[0].chance == 0
    assert len(plain.lines[0].conflicts) == 12
    assert all(line.chance is None for line in plain.lines[1:])
    seen = office.do(STAFF, chances.preview, pk(row), simulate=True)
    assert seen.runs == chances.RUNS
    assert sum(line.chance or 0 for line in seen.lines) == pytest.approx(5)
    within = [
        abs(float(line.chance or 0) - 2 / 16) <= 4 * (line.error or 0)
        for line in seen.lines
        if line.stratum == names["finance"]
    ]
    assert len(within) == 16
    assert all(within)


def test_preview_ends_with_the_lock(office: Office) -> None:
    """Once a draw stands, what counts is its locked plan: no preview beside it."""
    row = a_round(office, EACH)
    commit_all(office, row)
    office.do(STAFF, locks.lock_draw, pk(row), [beacon_source()])
    with pytest.raises(WorkflowError, match="draw-stands"):
        office.do(STAFF, chances.preview, pk(row))


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"method": "dice"}, "round-method"),
        ({"pair_cap": [3, 2]}, "round-pair-cap"),
        ({"each": {"seats": {"skills": 0}, "capacity": 1}, "panels": []}, "round-each"),
        ({"each": {"seats": {"skills": 1}, "capacity": 1}}, "round-each-alone"),
        ({"assumed": {"reviewer": "0", "residual": "25"}}, "round-assumed"),
        ({"paper_copies": 99}, "round-number"),
        ({"conflicts": {"window_years": "3"}}, "round-number"),
        ({"conflicts": {"windows": 3}}, "round-rule"),
        ({"parties": {}}, "round-parties-needed"),
        ({"parties": {"ministry": "administrator"}}, "round-rule"),
        ({"parties": {"公证处": "staff"}}, "round-rule"),
        ({"limits": [{"field": "title", "scope": "draw", "max": 1}]}, "round-limit"),
        ({"deadlines": {"unit": "2027-01-01"}}, "round-moment"),
        ({"review_days": ["2027-01-01T09:00:00+08:00"]}, "round-review-half"),
        ({"list": {"format": "selection-rules/v1", "total": 0}}, "round-list"),
        ({"panels": [{"id": "P1", "class": "metal", "seats": {"skills": 1}}]}, "round-panels-bare"),
    ],
)
def test_rules_that_no_draw_could_follow(office: Office, rules: dict[str, Any], code: str) -> None:
    """A round isn't made with a method, cap, seats or variances that mean nothing."""
    with pytest.raises(WorkflowError, match=code):
        office.do(STAFF, rounds.create_round, "2026", "测试轮次", "skills-base-2022", FIXED | rules)


@pytest.mark.parametrize(
    ("held", "code"),
    [(["S00"], "panel-dossiers-left"), ([f"S{n:02}" for n in range(12)], "panel-dossiers-twice")],
)
def test_fixed_dossiers_are_each_on_one_panel(office: Office, held: list[str], code: str) -> None:
    """A dossier on two panels is refused with the rules, one that no panel takes at the lock."""
    panels = [FIXED["panels"][0] | {"dossiers": held}, FIXED["panels"][1]]
    with pytest.raises(WorkflowError, match=code):
        row = a_round(office, FIXED | {"panels": panels})
        commit_all(office, row)
        office.do(STAFF, locks.lock_draw, pk(row), [beacon_source()])
