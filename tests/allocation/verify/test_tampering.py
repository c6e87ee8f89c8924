from __future__ import annotations

import pytest

from allocation import verify
from tests.allocation.verify.making import balanced_office, lottery_office, order_office, zipped
from tests.allocation.verify.tampering import CASES, honest, tampered


@pytest.mark.parametrize("office", [lottery_office, balanced_office, order_office])
def test_an_honest_bundle_fails_nowhere(office: object) -> None:
    """The bundles that are tampered with below hold before that."""
    lines = verify.verify(verify.read_zip(zipped(honest(office).files())))  # type: ignore[arg-type]
    assert [line.text(1) for line in lines if line.failed] == []


def test_there_are_more_than_thirty_kinds_for_every_line() -> None:
    """Tampering of every numbered line is tried, and far more than thirty kinds in all."""
    assert len(CASES) > 30
    assert {step for step, _ in CASES.values()} == set(range(1, 13))


@pytest.mark.parametrize("name", list(CASES))
def test_tampering_fails_at_its_line(name: str) -> None:
    """Each kind of tampering is found, at the numbered line that speaks of it."""
    one = tampered(name)
    try:
        lines = verify.verify(verify.read_zip(one.data), previous=one.previous)
    except verify.Refused as error:
        lines = verify.unreadable(error)
    assert one.step in [line.step for line in lines if line.status == "FAIL"]
    assert all(line.text(lang) for line in lines for lang in (0, 1))
