from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from allocation import balanced, checkpoint
from allocation.__main__ import main
from allocation.bundle import write_bundle
from allocation.canonical import canonical
from allocation.hashing import h
from allocation.snapshot import Snapshot
from tests.allocation import golden, story

VECTORS = Path(__file__).parents[1] / "vectors" / "draw"
LOTTERY = json.loads((VECTORS / "lottery.json").read_text(encoding="utf-8"))
NOW = ["--now", "2023-08-23T08:00:00Z"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "snapshot.json": LOTTERY["snapshot"],
        "sources.json": LOTTERY["sources"],
        "order.json": story.order(),
        "order-sources.json": story.order_entries(),
    }
    for name, record in files.items():  # laid out for people, not canonical
        Path(name).write_text(json.dumps(record, ensure_ascii=False, indent=2), encoding="utf-8")


def run(*arguments: str) -> int:
    """Run a command in this process; argparse's own exits count too."""
    try:
        return main(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)


def saved(name: str) -> Any:
    """Return a record that a command wrote, which must be canonical."""
    data = Path(name).read_bytes()
    record = json.loads(data)
    assert canonical(record) == data
    return record


def test_digest(capsys: pytest.CaptureFixture[str]) -> None:
    """The digest of a snapshot, whatever the layout of its file."""
    assert run("digest", "snapshot.json") == 0
    assert capsys.readouterr().out == LOTTERY["digest"] + "\n"


def test_lock(capsys: pytest.CaptureFixture[str]) -> None:
    """The lock prints the digest and, one a line, what should be known before."""
    assert run("lock", "snapshot.json", *NOW) == 0
    digest, *warnings = capsys.readouterr().out.splitlines()
    assert digest == LOTTERY["digest"]
    assert warnings == []
    record = story.lottery(sources=story.lottery()["sources"][:2])
    Path("snapshot.json").write_bytes(canonical(record))
    assert run("lock", "snapshot.json", *NOW) == 0
    assert "warning only-commitments: parties 2" in capsys.readouterr().out.splitlines()


def test_lock_reads_the_clock_at_the_edge(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --now the clock decides, for which the beacon's round of 2023 is long past."""
    assert run("lock", "snapshot.json") == 1
    assert capsys.readouterr().err == "round 1000 is not in the future\n"


def test_draw_and_order(capsys: pytest.CaptureFixture[str]) -> None:
    """The result is the published one, and its digest, as logged, is printed."""
    assert run("draw", "snapshot.json", "--sources", "sources.json", "--out", "r.json") == 0
    assert capsys.readouterr().out == LOTTERY["result_digest"] + "\n"
    assert saved("r.json") == LOTTERY["result"]
    assert run("draw", "order.json", "--sources", "order-sources.json", "--out", "o.json") == 0
    assert capsys.readouterr().out.strip() == h("result", canonical(saved("o.json"))).hex()
    assert len(saved("o.json")["taken"]) == 3


def test_replace() -> None:
    """Two runs in a row give the seats that one run gives."""
    run("draw", "snapshot.json", "--sources", "sources.json", "--out", "r.json")
    seats = LOTTERY["result"]["seats"]
    for name, leaving in (("both", seats[:2]), ("one", seats[:1]), ("two", seats[1:2])):
        Path(f"{name}.json").write_text(json.dumps(leaving))
    assert (
        run("replace", "snapshot.json", "r.json", "--vacate", "both.json", "--out", "b.json") == 0
    )
    assert run("replace", "snapshot.json", "r.json", "--vacate", "one.json", "--out", "r.json") == 0
    assert run("replace", "snapshot.json", "r.json", "--vacate", "two.json", "--out", "r.json") == 0
    assert saved("r.json") == saved("b.json")
    assert len(saved("r.json")["replacements"]) == 2


def test_replace_with_what_became_known() -> None:
    """Unavailable experts and declared conflicts are skipped, each with its reason."""
    run("draw", "snapshot.json", "--sources", "sources.json", "--out", "r.json")
    result = saved("r.json")
    Path("v.json").write_text(json.dumps(result["seats"][:1]))
    run("replace", "snapshot.json", "r.json", "--vacate", "v.json", "--out", "first.json")
    first = saved("first.json")["replacements"][0]["expert"]
    command = ["replace", "snapshot.json", "r.json", "--vacate", "v.json", "--out", "x.json"]
    assert run(*command, "--unavailable", first) == 0
    assert {"expert": first, "reason": "unavailable"} in saved("x.json")["replacements"][0][
        "skipped"
    ]
    panel = result["panels"][result["seats"][0]["panel"]]
    Path("c.json").write_text(json.dumps([{"expert": first, "dossier": panel[0]}]))
    assert run(*command, "--conflicts", "c.json") == 0
    assert {"expert": first, "reason": "conflict"} in saved("x.json")["replacements"][0]["skipped"]


def test_a_balanced_draw_from_plan_to_replacement(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan is added, locked and drawn; a seat is replaced by capacity and limits."""
    record = golden.balanced()[0] | {"sources": story.committed("2023-bases/draw/1", "notary")}
    Path("b.json").write_bytes(canonical(record))
    Path("s.json").write_bytes(canonical(story.revealed("2023-bases/draw/1", "notary")))
    assert run("lock", "b.json", *NOW) == 1
    assert run("plan", "b.json", "--out", "b.json") == 0
    assert saved("b.json")["plan"]
    assert run("lock", "b.json", *NOW) == 0
    assert "only-commitments" in capsys.readouterr().out
    assert run("draw", "b.json", "--sources", "s.json", "--out", "r.json") == 0
    seats = saved("r.json")["seats"]
    assert len(seats) == 8
    Path("v.json").write_text(json.dumps(seats[:1]))
    assert run("replace", "b.json", "r.json", "--vacate", "v.json", "--out", "r.json") == 0
    assert saved("r.json")["seats"] != seats
    assert saved("r.json")["seats"][2:] == seats[2:]


def test_plan_tells_what_its_chances_mean(capsys: pytest.CaptureFixture[str]) -> None:
    """The plan's command prints chances, graph, error, causes and warnings, and writes them all."""
    record = golden.balanced()[0] | {"sources": story.committed("2023-bases/draw/1", "notary")}
    Path("b.json").write_bytes(canonical(record))
    command = ("plan", "b.json", "--out", "b.json", "--report", "said.json")
    assert run(*command, "--standard-error", "2.345678") == 0
    printed = capsys.readouterr().out.splitlines()
    said = json.loads(Path("said.json").read_text(encoding="utf-8"))
    assert said == balanced.report(Snapshot.from_record(saved("b.json")), standard_error=2.345678)
    for one in said["spread"]:
        start = f"chances in {one['stratum']}: {one['experts']} expert"
        assert any(line.startswith(start) for line in printed)
    assert "standard error of a difference: 2.346 points" in printed
    assert any(line.startswith("highest pair chance ") for line in printed)
    assert any(line.startswith(f"review graph: {len(said['components'])} ") for line in printed)
    assert f"below the mean of the stratum: {said['low']['experts']} expert" in "\n".join(printed)
    warned = [line.split()[1].rstrip(":") for line in printed if line.startswith("warning ")]
    assert warned == [code for code, _ in balanced.check(Snapshot.from_record(saved("b.json")))]
    assert run("plan", "b.json", "--out", "b.json") == 0
    assert "standard error of a difference: not given" in capsys.readouterr().out
    assert run("plan", "b.json", "--out", "b.json", "--standard-error", "-1") == 2


def test_plan_names_the_conflict_behind_a_low_chance(capsys: pytest.CaptureFixture[str]) -> None:
    """An expert kept off all but one dossier stands below the mean, with the conflicts named."""
    record = golden.balanced()[0] | {"sources": story.committed("2023-bases/draw/1", "notary")}
    first = record["panels"][0]
    expert = next(one["id"] for one in record["experts"] if one["stratum"] in first["seats"])
    barred = [
        {"expert": expert, "dossier": dossier, "rule": "kin"}
        for panel in record["panels"][:-1]
        for dossier in panel["dossiers"]
    ]
    kept = [one for one in record["conflicts"] if one["expert"] != expert]
    record |= {"conflicts": sorted(kept + barred, key=lambda c: (c["expert"], c["dossier"]))}
    record["pair_cap"] = [1, 2]
    Path("b.json").write_bytes(canonical(record))
    assert run("plan", "b.json", "--out", "b.json") == 0
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"  {expert} ") and "kin with " in line for line in printed)


def test_commit(capsys: pytest.CaptureFixture[str]) -> None:
    """A given secret gives its commitment; without one a new secret is made and shown."""
    secret = story.secret_of("2023-bases/draw/1", "ministry").hex()
    command = ["commit", "--draw-id", "2023-bases/draw/1", "--party", "ministry"]
    assert run(*command, "--secret", secret) == 0
    assert capsys.readouterr().out.strip() == LOTTERY["snapshot"]["sources"][1]["commitment"]
    made = []
    for _ in range(2):
        assert run(*command) == 0
        first, second = capsys.readouterr().out.splitlines()
        made.append(second.removeprefix("secret "))
        assert run(*command, "--secret", made[-1]) == 0
        assert capsys.readouterr().out.strip() == first
    assert made[0] != made[1]
    assert run(*command, "--secret", "00") == 1
    assert run(*command, "--secret", "") == 1


def test_beacon(capsys: pytest.CaptureFixture[str]) -> None:
    """A quicknet round gives its randomness and time; another signature is refused."""
    signature = str(story.BEACON["signature"])
    assert run("beacon", "--round", "1000", "--signature", signature) == 0
    randomness, time = capsys.readouterr().out.splitlines()
    assert randomness == LOTTERY["values"][2]
    assert time == "2023-08-23T15:59:24Z"
    assert run("beacon", "--round", "1001", "--signature", signature) == 1
    assert run("beacon", "--round", "-1", "--signature", signature) == 1
    assert run("beacon", "--round", "1000", "--signature", "xyz") == 2


def test_rfc3797(capsys: pytest.CaptureFixture[str]) -> None:
    """The RFC's own example, counted from 1; more than there are is refused."""
    key = "9319./2.5.8.10.12./9.18.26.34.41.45./"
    assert run("rfc3797", "--entries", "25", "--count", "4", "--key", key) == 0
    assert capsys.readouterr().out.split() == ["17", "7", "2", "16"]
    assert run("rfc3797", "--entries", "3", "--count", "4", "--key", key) == 1


def test_keys_on_an_air_gapped_laptop(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys are made with mode 0600; a log is signed; an inspector checks and countersigns it."""
    told = story.tell()
    Path("events.jsonl").write_bytes(b"".join(line + b"\n" for line in told.log.lines))
    checkpoint.create_key_file(Path("log.key"), story.ORIGIN, story.octets(f"key {story.ORIGIN} 1"))
    assert run("keygen", "--name", "inspector", "--witness", "--out", "inspector.key") == 0
    witness = capsys.readouterr().out.strip()
    assert stat.S_IMODE(Path("inspector.key").stat().st_mode) == 0o600
    assert run("sign", "events.jsonl", "--key", "log.key", "--out", "checkpoint.txt") == 0
    note = Path("checkpoint.txt").read_text(encoding="utf-8")
    assert told.checkpoint.startswith(note)
    command = ["cosign", "checkpoint.txt", "--key", "inspector.key", "--log", told.keys[1]]
    assert run(*command, "--time", "2023-08-24T00:00:00Z") == 0
    line = capsys.readouterr().out
    opened = checkpoint.open_note(note + line, [told.keys[1], witness])
    assert [(key.name, at) for key, at in opened.cosigners] == [("inspector", 1692835200)]
    assert run(*command[:-1], told.keys[0]) == 1  # the key before the rotation
    checkpoint.create_key_file(Path("old.key"), story.ORIGIN, story.octets(f"key {story.ORIGIN} 0"))
    assert run("sign", "events.jsonl", "--key", "old.key", "--out", "stale.txt") == 1
    assert not Path("stale.txt").exists()
    assert run("keygen", "--name", "inspector", "--out", "inspector.key") == 2


def test_verify(capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle of the told round verifies, with the early checkpoint; an altered one fails."""
    told = story.tell()
    write_bundle("bundle.zip", told.bundle())
    write_bundle("folder", told.bundle(inspector=True))
    Path("early.txt").write_text(told.early, encoding="utf-8")
    assert run("verify", "bundle.zip", "--previous", "early.txt") == 0
    assert run("verify", "folder") == 0
    assert "PASS" in capsys.readouterr().out
    Path("folder/result.json").write_bytes(Path("folder/result.json").read_bytes() + b" ")
    assert run("verify", "folder") == 1
    assert run("verify") == 2


@pytest.mark.parametrize(
    ("command", "status", "sentence"),
    [
        (["draw", "absent.json", "--sources", "x", "--out", "y"], 2, "absent.json"),
        (["draw", "snapshot.json", "--sources", "snapshot.json", "--out", "y"], 1, "a list"),
        (["draw", "order.json", "--sources", "sources.json", "--out", "y"], 1, "2 sources"),
        (["draw", "snapshot.json"], 2, "--sources"),
        (["lock", "snapshot.json", "--now", "today"], 2, "2026-03-01T06:05:04Z"),
        (["digest", "sources.json"], 1, "an object is needed"),
        (["digest", "broken.json"], 1, "broken.json"),
        (["plan", "snapshot.json", "--out", "y"], 1, "plan"),
        (["replace", "order.json", "order.json", "--vacate", "sources.json", "--out", "y"], 1, ""),
        (["cosign", "sources.json", "--key", "k", "--log", "x"], 1, "note"),
        (["sign", "broken.json", "--key", "k", "--out", "y"], 1, ""),
        (["dice"], 2, "dice"),
        ([], 2, "usage"),
    ],
)
def test_refusals_are_one_sentence(
    capsys: pytest.CaptureFixture[str], command: list[str], status: int, sentence: str
) -> None:
    """Exit status 1 for what is refused, 2 for wrong usage; the reason on standard error alone."""
    Path("broken.json").write_bytes(b'{"a": 1.5}')
    assert run(*command) == status
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err
    if status == 1:
        assert len(captured.err.splitlines()) == 1
    assert not Path("y").exists()


def test_it_runs_as_a_module() -> None:
    """`python -m allocation` needs nothing but the package and a file."""
    done = subprocess.run(
        [sys.executable, "-m", "allocation", "digest", "snapshot.json"],
        capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.strip() == Snapshot.from_record(LOTTERY["snapshot"]).digest.hex()
