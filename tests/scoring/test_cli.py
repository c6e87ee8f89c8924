"""The command line: what it writes, how it refuses, and that its bytes repeat."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scoring.__main__ import main
from scoring.fit import fit
from scoring.ratings import Ratings
from scoring.records import canonical

VECTORS = Path(__file__).parents[1] / "vectors" / "stats"
PANEL = VECTORS / "aibs_panel.csv"
COLUMNS = ["--dossier", "prop", "--reviewer", "judge", "--score", "y"]

RULES = """\
format = "selection-rules/v1"
total = 5
dossiers = "facts.csv"
[province]
most = 3
[chapters]
II = 60
[zone]
low = "0.10"
high = "0.90"
settle = "draw"
"""


def run(*arguments: str | Path) -> int:
    """Run the command line in this process and return its exit status."""
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fit of the real panel with chances for five places, in a file."""
    path = tmp_path_factory.mktemp("fit") / "FIT.json"
    assert run("fit", PANEL, *COLUMNS, "--top", "5", "--draws", "300", "--out", path) == 0
    return path


def facts(record: dict[str, Any], folder: Path) -> None:
    """Write rules and facts: provinces in turn, the first dossier's chapter too low."""
    (folder / "RULES.toml").write_text(RULES, "utf-8")
    lines = ["dossier,province,chapter.II,other"]
    for number, entry in enumerate(record["dossiers"]):
        lines.append(f"{entry['id']},{number % 9},{59.99 if number == 0 else 60},")
    (folder / "facts.csv").write_text("\n".join(lines) + "\n", "utf-8")


def test_fit_writes_the_record_of_the_library(fitted: Path) -> None:
    """The file holds what `fit` returns for the same options."""
    ratings = Ratings.from_csv(PANEL, dossier="prop", reviewer="judge", score="y")
    record = fit(ratings, top=5, draws=300).record()
    assert json.loads(fitted.read_text("utf-8")) == json.loads(json.dumps(record))


def test_fit_of_common_noise_gives_the_published_components(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Plain REML of the real panel on standard output."""
    assert run("fit", PANEL, *COLUMNS, "--noise", "common", "--draws", "1") == 0
    record = json.loads(capsysbinary.readouterr().out)
    assert record["variance"]["dossier"] == pytest.approx(63.163075, rel=1e-5)


def test_select_lists_and_a_draw_finishes(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list is canonical, repeats to the byte, and an `order` result settles its zone."""
    facts(json.loads(fitted.read_text("utf-8")), tmp_path)
    first, again, last = (tmp_path / name for name in ("a.json", "b.json", "c.json"))
    arguments = ("select", fitted, "--rules", tmp_path / "RULES.toml")
    assert run(*arguments, "--out", first) == 0
    assert "open: zone of" in capsys.readouterr().err
    assert run(*arguments, "--out", again) == 0
    assert first.read_bytes() == again.read_bytes()
    record = json.loads(first.read_bytes())
    assert canonical(record) == first.read_bytes()
    assert record["status"] == "open"
    assert record["dossiers"][0]["reasons"][0]["code"] == "chapter"
    order = {
        "protocol": "review-draw/v1",
        "draw_id": "r/draw/2",
        "order": record["open"]["ids"][::-1],
        "taken": record["open"]["ids"][::-1][: record["open"]["take"]],
    }
    (tmp_path / "RESULT.json").write_text(json.dumps(order), "utf-8")
    assert run(*arguments, "--order", tmp_path / "RESULT.json", "--out", last) == 0
    final = json.loads(last.read_bytes())
    assert final["status"] == "final"
    assert len(final["list"]) == 5
    assert set(record["list"]) <= set(final["list"])


def test_select_without_facts_takes_the_fit_alone(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules that look at nothing but scores need no CSV; others say so."""
    rules = tmp_path / "RULES.json"
    rules.write_text('{"format": "selection-rules/v1", "total": 3}', "utf-8")
    out = tmp_path / "LIST.json"
    assert run("select", fitted, "--rules", rules, "--out", out) == 0
    assert len(json.loads(out.read_bytes())["list"]) == 3
    rules.write_text(
        '{"format": "selection-rules/v1", "total": 3, "province": {"most": 1}}', "utf-8"
    )
    assert run("select", fitted, "--rules", rules) == 1
    assert "name their CSV with --dossiers" in capsys.readouterr().err


def test_reliability_and_flags_write_reports(
    fitted: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Both read the ratings again and write their reports."""
    assert run("reliability", PANEL, *COLUMNS) == 0
    report = json.loads(capsysbinary.readouterr().out)
    assert 0 < report["icc"]["2,1"] < report["icc"]["3,1"] < 1
    assert report["kendall_w"] is None
    assert report["reasons"]["kendall_w"]
    out = tmp_path / "flags.json"
    assert run("flags", PANEL, *COLUMNS, "--fit", fitted, "--out", out) == 0
    assert len(json.loads(out.read_text("utf-8"))["experts"]) == 12


def test_design_takes_variances_from_an_earlier_fit(fitted: Path, tmp_path: Path) -> None:
    """Pairs, an earlier fit and a list of conflicts give a report with proposals."""
    pairs = tmp_path / "PAIRS.csv"
    pairs.write_text("reviewer,dossier\n x,a\nx,b\n\ny,b\ny,c\n", "utf-8")
    conflicts = tmp_path / "CONFLICTS.csv"
    conflicts.write_text("dossier,reviewer\nc,x\n", "utf-8")
    out = tmp_path / "design.json"
    arguments = ("design", pairs, "--fit", fitted, "--forbidden", conflicts, "--out", out)
    assert run(*arguments) == 0
    report = json.loads(out.read_text("utf-8"))
    assert report["articulation"] == {"dossiers": ["b"], "reviewers": ["x", "y"]}
    assert [(p["dossier"], p["reviewer"]) for p in report["add"]] == [("a", "y")]


def test_simulate_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Two rounds of each setting print one line a setting."""
    assert run("simulate", "--rounds", "2", "--seed", "3") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("| setting | mean | trimmed | z-score | least squares | REML BLUP")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("r.csv", "prop,judge,y\na,x,1\na,y,bad\n", "line 3, column 'y': 'bad' is not a number"),
        ("r.csv", "prop,judge\na,x\n", "line 1: the column 'y' must stand in the header"),
        ("r.csv", "prop,judge,y\na,x,1\na,x,2\n", "line 3: reviewer 'x' has rated"),
        ("none.csv", None, "none.csv: No such file or directory"),
    ],
)
def test_wrong_ratings_give_one_sentence(
    name: str, text: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 and one line that names the line and the column."""
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    assert run("fit", tmp_path / name, *COLUMNS) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["dossier,province", "P1,1"], "line 1: the column 'chapter.II'"),
        (["dossier,province,chapter.II", "P1,1,sixty"], "line 2, column 'chapter.II': 'sixty'"),
        (["dossier,province,chapter.II", "P1,1"], "line 2: 2 cells under a header of 3"),
        (["dossier,province,chapter.II", "P1,1,60", "", "P1,1,60"], "line 4, column 'dossier'"),
        (["dossier,province,chapter.II", ",1,60"], "line 2: the dossier has no id"),
        (["dossier,province,chapter.II", 'P1,"1,60'], "line 2: unexpected end of data"),
        (["dossier,province,chapter.II"], "there is no dossier"),
    ],
)
def test_wrong_facts_give_one_sentence(
    lines: list[str],
    sentence: str,
    fitted: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A cell that can't be read stops the list, with its line and column."""
    (tmp_path / "RULES.toml").write_text(RULES, "utf-8")
    (tmp_path / "facts.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert run("select", fitted, "--rules", tmp_path / "RULES.toml") == 1
    assert sentence in capsys.readouterr().err


def test_other_wrong_files_give_one_sentence(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken JSON, rules with a strange key, text that isn't UTF-8, pairs without an id."""
    broken = tmp_path / "FIT.json"
    rules = tmp_path / "RULES.toml"
    rules.write_text('format = "selection-rules/v1"\ntotal = 3\nsurprise = 1\n', "utf-8")
    pairs = tmp_path / "PAIRS.csv"
    broken.write_text('{"mean": 1,\n  oops}', "utf-8")
    pairs.write_text("dossier,reviewer\na,x\nb,\n", "utf-8")
    good = tmp_path / "GOOD.toml"
    good.write_text('format = "selection-rules/v1"\ntotal = 3\n', "utf-8")
    cases: list[tuple[list[str | Path], str]] = [
        (["select", broken, "--rules", good], "line 2, column 3:"),
        (["select", fitted, "--rules", rules], "surprise: is not a field of this file"),
        (["select", fitted, "--rules", tmp_path / "no.toml"], "No such file or directory"),
        (["design", pairs, "--fit", fitted], "line 3, column 'reviewer': the id is empty"),
        (["design", pairs], "the reviewer variance is not known"),
        (["simulate", "--rounds", "1"], "it takes two rounds, not 1"),
    ]
    for arguments, sentence in cases:
        assert run(*arguments) == 1, sentence
        assert sentence in capsys.readouterr().err
    pairs.write_bytes(b"dossier,reviewer\n\xd6\xd0,x\n")
    assert run("design", pairs, "--fit", fitted) == 1
    assert "not UTF-8 text" in capsys.readouterr().err


def test_wrong_usage_exits_with_two() -> None:
    """An unknown command, run as a process of its own, exits with 2 and prints the usage."""
    done = subprocess.run(
        [sys.executable, "-m", "scoring", "nothing"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 2
    assert "usage: python -m scoring" in done.stderr
