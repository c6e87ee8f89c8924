from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from allocation import verify
from allocation.bundle_readme import README
from tests.allocation.verify.making import WITNESS, lottery_office, order_office, zipped
from tests.allocation.verify.tampering import honest, tampered

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

SOURCE = Path(verify.__file__)


@pytest.fixture
def alone(tmp_path: Path) -> Run:
    """Run verify.py copied alone into a folder, with no package but the standard library's."""
    shutil.copy(SOURCE, tmp_path / "verify.py")

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "verify.py", *map(str, words)],
            cwd=tmp_path, capture_output=True, text=True, check=False, encoding="utf-8",
            env={"PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip

    return run


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """An honest lottery's zip."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped(honest(lottery_office).files()))
    return path


def test_it_verifies_alone(alone: Run, bundle: Path) -> None:
    """One file and a Python without site packages verify everything but the beacon's BLS."""
    done = alone(bundle, "--json", "--lang", "en")
    assert done.stderr == ""
    rows = json.loads(done.stdout)
    assert [row["step"] for row in rows] == list(range(1, 13))
    open_steps = {row["step"]: row["codes"] for row in rows if row["status"] != "PASS"}
    assert open_steps == {5: ["no-bls"], 11: ["no-previous"]}
    assert done.returncode == 0


def test_it_finds_forged_signatures_alone(alone: Run, bundle: Path) -> None:
    """Ed25519 is checked without a library too."""
    bundle.write_bytes(tampered("cosignature_forged").data)
    done = alone(bundle, "--json")
    assert done.returncode == 1
    assert [row["step"] for row in json.loads(done.stdout) if row["status"] == "FAIL"] == [3]


def test_the_lines_are_numbered_in_both_languages(alone: Run, bundle: Path) -> None:
    """By default every numbered line is said in Chinese and English; --lang chooses one."""
    both = alone(bundle).stdout
    assert " 1 PASS 通过 文件" in both
    assert "Files: 8 files" in both
    chinese = alone(bundle, "--lang", "zh").stdout.splitlines()
    assert [line[:2].strip() for line in chinese[:12]] == [str(step) for step in range(1, 13)]
    assert chinese[12].startswith("结论：没有不符之处")
    assert alone(bundle, "--lang", "en").stdout.isascii() is False  # a name of a public event
    assert "结论" not in alone(bundle, "--lang", "en").stdout


def test_a_folder_is_verified_as_its_zip(alone: Run, tmp_path: Path) -> None:
    """The unpacked form gives the same lines."""
    files = honest(order_office).files()
    folder, zip_ = tmp_path / "folder", tmp_path / "one.zip"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    zip_.write_bytes(zipped(files))
    assert alone(folder).stdout == alone(zip_).stdout
    (folder / "keys.txt").unlink()
    (folder / "keys.txt").symlink_to(tmp_path / "one.zip")
    assert "not-a-file" in alone(folder, "--json").stdout


def test_an_earlier_checkpoint_and_a_key_are_taken(
    alone: Run, bundle: Path, tmp_path: Path
) -> None:
    """--previous proves the extension, --key that the log is the one known."""
    office = honest(lottery_office)
    kept = tmp_path / "kept.txt"
    kept.write_text(office.note(6), encoding="utf-8")
    done = alone(bundle, "--json", "--previous", kept, "--key", office.keys[0])
    assert [row["step"] for row in json.loads(done.stdout) if row["status"] != "PASS"] == [5]
    assert done.returncode == 0
    assert alone(bundle, "--key", WITNESS.verifier_key).returncode == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 2),
        (["--previous"], 2),
        (["absent.zip"], 1),
        (["verify.py"], 1),
        (["b.zip", "--lang", "fr"], 2),
    ],
)
def test_the_exit_status_tells_usage_from_failure(
    alone: Run, words: list[str], status: int
) -> None:
    """2 is wrong usage, 1 a bundle that can't be verified; never a traceback."""
    done = alone(*words)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_a_missing_earlier_checkpoint_is_wrong_usage(alone: Run, bundle: Path) -> None:
    """--previous with a path that isn't there is refused as usage."""
    assert alone(bundle, "--previous", "absent.txt").returncode == 2


def test_it_is_written_for_python_3_9() -> None:
    """The file parses as Python 3.9 and imports nothing but the standard library at its top."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 9))
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names <= sys.stdlib_module_names
    inner = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    } - names
    allowed = ("collections", "cryptography", "py_arkworks_bls12381", "py_ecc")
    assert all(str(name).startswith(allowed) for name in inner)


def test_it_knows_the_readme_of_this_version() -> None:
    """The digest that it holds is that of the README that bundles are written with."""
    assert hashlib.sha256(README.encode()).hexdigest() == verify.README_SHA256


def test_the_package_command_is_the_same(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`main` returns the exit status and prints what the copied file prints."""
    assert verify.main([str(bundle), "--lang", "en"]) == 0
    assert "Verdict: nothing failed" in capsys.readouterr().out
    bundle.write_bytes(b"PK")
    assert verify.main([str(bundle), "--lang", "en"]) == 1
