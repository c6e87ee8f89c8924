from __future__ import annotations

import json
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from review_service.exchange.dossiers import read_dossiers
from review_service.exchange.places import PROVINCES
from review_service.exchange.pool import Eligibility, read_pool
from review_service.exchange.recusals import read_recusals
from samples import make
from samples.ratings import load_truth, rate
from scoring.gates import check_gates
from scoring.rubric import load_rubric

SAMPLES = Path(make.__file__).parent


def _parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_script_makes_the_committed_files(tmp_path: Path) -> None:
    """The samples are what the script makes, part for part (zlibs may pack alike bytes apart)."""
    make.main(tmp_path)
    for name in ("pool.xlsx", "dossiers.xlsx", "recusals.xlsx"):
        assert _parts(tmp_path / name) == _parts(SAMPLES / name)
    assert (tmp_path / "truth.json").read_bytes() == (SAMPLES / "truth.json").read_bytes()


def test_pool_reads_without_a_fault() -> None:
    """The pool has 620 eligible experts or more, all provinces, four strata; nobody is real."""
    file = read_pool(
        (SAMPLES / "pool.xlsx").read_bytes(), "pool.xlsx", eligibility=Eligibility(2026)
    )
    assert file.issues == ()
    assert len(file.rows) >= 620
    assert {row.province for row in file.rows} == set(PROVINCES)
    assert len(Counter(row.stratum for row in file.rows)) == 4
    # No office ever issued these area codes: every identity number is outside the table.
    area = next(one for one in file.notices if one.code == "document-area")
    assert area.facts["count"] == len(file.rows)


def test_dossiers_read_and_some_fail_a_gate() -> None:
    """At least 140 dossiers within the quotas, two for calibration, exactly four below a gate."""
    file = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx")
    assert file.issues == ()
    competing = [row for row in file.rows if not row.calibration]
    assert len(competing) >= 140
    assert len(file.rows) - len(competing) == 2
    assert min(Counter(row.sector for row in competing).values()) >= 28
    rubric = load_rubric("skills-base-2022")
    failed = {
        row.number
        for row in competing
        if any(
            not gate.passed
            for gate in check_gates(rubric, {k: Decimal(str(v)) for k, v in row.indicators.items()})
        )
    }
    assert failed == {"1105", "2204", "3605", "5304"}


def test_recusals_read() -> None:
    """The declarations read without a fault and name experts and dossiers of the samples."""
    file = read_recusals((SAMPLES / "recusals.xlsx").read_bytes(), "recusals.xlsx")
    assert file.issues == ()
    assert Counter(row.declared_by for row in file.rows) == {"expert": 20, "staff": 2, "unit": 6}


def test_ratings_follow_the_truth() -> None:
    """Means over many reviewers find the quality again; levels are the rubric's and repeat."""
    truth, rubric = load_truth(), load_rubric("skills-base-2022")
    dossiers, experts = list(truth["dossiers"])[:40], list(truth["experts"])[:30]
    levels = [[rate(truth, e, d, rubric) for d in dossiers] for e in experts]
    allowed = set(rubric.scale.levels())
    assert all(set(one.values()) <= allowed for row in levels for one in row)
    means = np.array([[sum(one.values()) / len(one) for one in row] for row in levels])
    quality = [truth["dossiers"][d] for d in dossiers]
    assert np.corrcoef(means.mean(axis=0), quality)[0, 1] > 0.95
    assert rate(truth, experts[0], dossiers[0], rubric) == levels[0][0]
    with pytest.raises(KeyError):
        rate(truth, "nobody", dossiers[0], rubric)


def test_truth_knows_everybody_of_the_files() -> None:
    """Whoever is drawn can be rated for: the truth covers all experts and dossiers."""
    truth = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))
    pool = read_pool((SAMPLES / "pool.xlsx").read_bytes(), "pool.xlsx")
    dossiers = read_dossiers((SAMPLES / "dossiers.xlsx").read_bytes(), "dossiers.xlsx")
    assert set(truth["experts"]) == {row.number for row in pool.rows}
    assert set(truth["dossiers"]) == {row.number for row in dossiers.rows}
