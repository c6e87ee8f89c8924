from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from allocation import balanced
from allocation.balanced import partitions
from allocation.balanced.__main__ import main
from allocation.canonical import canonical, parse
from allocation.draw import draw
from allocation.errors import LockError
from tests.allocation.balanced.instances import record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of three partitions, and where their plans go."""
    source = tmp_path / "in"
    source.mkdir()
    for number in range(3):
        experts = [{"id": f"E{at}"} for at in range(4 + number)]
        snapshot = record(experts, [{"id": "A"}, {"id": "B"}])
        snapshot["draw_id"] = f"round/{number}/draw/1"
        (source / f"d{number}.json").write_bytes(canonical(snapshot))
    return source, tmp_path / "out"


def test_one_command_plans_every_partition_over_processes(folders: tuple[Path, Path]) -> None:
    """The command plans all partitions in processes, tells progress and exits 0."""
    source, target = folders
    run = subprocess.run(
        [sys.executable, "-m", "allocation.balanced", "--partitions", source, "--out", target],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines()[-1].startswith("[3/3] ")
    for path in source.glob("*.json"):
        planned = parse((target / path.name).read_bytes())
        assert planned == balanced.plan(parse(path.read_bytes()))


def test_a_stopped_run_goes_on_and_changed_inputs_are_planned_again(
    folders: tuple[Path, Path],
) -> None:
    """Finished partitions are left alone; a damaged result or a changed input is not."""
    source, target = folders
    with ThreadPoolExecutor(1) as executor:
        first = [one.resumed for one, _, _ in partitions.work_all(source, target, executor)]
        again = [one.resumed for one, _, _ in partitions.work_all(source, target, executor)]
        (target / "d1.json").write_bytes(b"{")
        changed = parse((source / "d2.json").read_bytes()) | {"locked_at": "2026-01-02T00:00:00Z"}
        (source / "d2.json").write_bytes(canonical(changed))
        third = {
            one.name: one.resumed for one, _, _ in partitions.work_all(source, target, executor)
        }
    assert first == [False] * 3
    assert again == [True] * 3
    assert third == {"d0.json": True, "d1.json": False, "d2.json": False}
    assert not list(target.glob("*.part"))


def test_the_same_command_draws_what_was_planned(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the entries every partition is drawn from its plan, each with a seed of its own."""
    source, target = folders
    arguments = ["--partitions", str(source), "--out", str(target), "--workers", "1"]
    assert main(arguments) == 0
    plans = {path.name: path.read_bytes() for path in target.glob("d?.json")}
    entries = [{"kind": "public", "key": "1.2.3./"}]
    given = target.parent / "entries"
    given.mkdir()
    (given / "d0.json").write_bytes(canonical(entries))
    # A folder holds entries of each; those that lack them are refused by name, the others drawn.
    assert main([*arguments, "--sources", str(given)]) == 1
    shown = capsys.readouterr()
    assert "d0.json: drawn, " in shown.out
    assert "d1.json: No such file" in shown.err
    one = target.parent / "all.json"
    one.write_text(" " + canonical(entries).decode())  # laid out by hand
    (target / "d2.done.json").unlink()
    assert main([*arguments, "--sources", str(one)]) == 0
    assert main([*arguments, "--sources", str(one)]) == 0
    assert capsys.readouterr().out.count("done before") == 3
    results = [parse((target / f"d{at}.result.json").read_bytes()) for at in range(3)]
    assert results == [draw(parse(plans[f"d{at}.json"]), entries) for at in range(3)]
    assert len({result["seed"] for result in results}) == 3
    # A folder of planned snapshots is drawn as it stands.
    again = target.parent / "again"
    assert main(["--partitions", str(target), "--out", str(again), "--sources", str(one)]) == 0
    for at in range(3):
        for name in (f"d{at}.json", f"d{at}.result.json"):
            assert (again / name).read_bytes() == (target / name).read_bytes()


def test_a_refused_partition_is_told_and_the_others_go_on(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A shortage and a damaged file are named with their reason; the rest is planned; exit 1."""
    source, target = folders
    (source / "bad.json").write_bytes(b"[")
    (source / "short.json").write_bytes(
        canonical(record([{"id": "E"}], [{"id": "A"}, {"id": "B"}]))
    )
    arguments = ["--partitions", str(source), "--out", str(target), "--facts", "--workers", "1"]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert "[5/5]" in shown.out
    assert "short.json: 2 seats of" in shown.err
    assert "bad.json: not a JSON record" in shown.err
    facts = [json.loads(line) for line in shown.err.splitlines() if line.startswith("{")]
    assert {one["code"] for one in facts} == {"too-few", "not-json"}
    assert sorted(path.name for path in target.glob("d?.json")) == ["d0.json", "d1.json", "d2.json"]


def test_wrong_folders_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, and an output over the input, each get a clear error."""
    same = ["--partitions", str(tmp_path), "--out", str(tmp_path)]
    assert main(same) == 2
    assert main([*same[:2], "--out", str(tmp_path / "out")]) == 1
    assert "no snapshot" in capsys.readouterr().err


def test_a_dask_cluster_takes_the_work(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """With --dask the partitions are planned and drawn by the workers of that cluster."""
    distributed = pytest.importorskip("distributed")
    source, target = folders
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as running:
        address = running.scheduler_address
        arguments = ["--partitions", str(source), "--out", str(target), "--dask", address]
        entries = target.parent / "entries.json"
        entries.write_bytes(canonical([{"kind": "public", "key": "1.2.3./"}]))
        assert main([*arguments, "--sources", str(entries)]) == 0
    assert "[3/3]" in capsys.readouterr().out
    assert len(list(target.glob("d?.json"))) == 3
    assert len(list(target.glob("d?.result.json"))) == 3


def test_an_unreachable_cluster_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens that is said, and without Dask the extra that brings it."""
    with pytest.raises(LockError, match="no Dask cluster at"):
        partitions.cluster("tcp://127.0.0.1:1", timeout=0.2)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(LockError, match="extra, cluster"):
        partitions.cluster("tcp://127.0.0.1:1")
