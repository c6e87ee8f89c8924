"""Verify an archive of a round (`python3 verify_archive.py [FOLDER or ZIP]`).

Standard library alone, Python 3.9 or later. It checks that every file is what the manifest says,
that the log's Merkle root is the checkpoint's, that each sealed record opens, that the scores in
data/review.json are those that were sealed when they were submitted, that the attachments are those
that the rows name, and each draw by verify.py.

验证一个轮次的归档：文件摘要、日志默克尔根与检查点、封存内容、提交时的分数、附件、每次抽取。
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right) (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(events: list[bytes]) -> bytes:
    """Return the Merkle tree hash of the events (RFC 6962 section 2.1)."""
    stack: list[list[Any]] = []  # (leaves, hash) of complete subtrees, largest first
    for event in events:
        stack.append([1, hashlib.sha256(b"\x00" + event).digest()])
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            count, right = stack.pop()
            stack[-1] = [2 * count, node_hash(stack[-1][1], right)]
    if not stack:
        return hashlib.sha256(b"").digest()
    digest: bytes = stack.pop()[1]
    while stack:
        digest = node_hash(stack.pop()[1], digest)
    return digest


def sealed_digest(salt: bytes, value: Any) -> str:
    """Return the digest under which private matter stands in the log (protocol section 1)."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    parts = (b"review-draw/v1/sealed", salt, text.encode())
    joined = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(joined).hexdigest()


def check_files(folder: Path, manifest: dict[str, Any]) -> str | None:
    """Every file of the manifest is there, unchanged, and nothing else is."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    said = set(manifest["files"]) | {"manifest.json"}
    if there != said:
        return "missing or extra: " + ", ".join(sorted(there ^ said))
    for name, digest in manifest["files"].items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            return f"{name} has been changed"
    return None


def check_log(folder: Path, manifest: dict[str, Any]) -> str | None:
    """The root over the events is the one in the checkpoint, and in the manifest."""
    events = (folder / "log/events.jsonl").read_bytes().split(b"\n")[:-1]
    _, size, encoded = (folder / "log/checkpoint.txt").read_text("utf-8").split("\n")[:3]
    found = root(events)
    if int(size) != len(events) or base64.b64decode(encoded) != found:
        return "the log is not the one that the checkpoint signed"
    if manifest["log"] != {"size": len(events), "root": found.hex()}:
        return "the manifest names another log"
    return None


def check_sealed(folder: Path, _manifest: dict[str, Any]) -> str | None:
    """Each opening fits its event; submitted reviews are as they were sealed."""
    lines = (folder / "log/events.jsonl").read_bytes().split(b"\n")[:-1]
    sealed: dict[Any, Any] = {}
    for line in (folder / "log/private.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        event = json.loads(lines[record["seq"]])
        opening = json.loads(record["opening"])
        digest = sealed_digest(bytes.fromhex(opening["salt"]), opening["value"])
        if digest != event["body"].get("sealed"):
            return f"what event {record['seq']} sealed has been changed"
        value = opening["value"]
        if event["type"] == "review.submitted":
            sealed[value["expert"], value["dossier"]] = [value["levels"]]
        elif event["type"] == "review.amended" and "after" in value:
            for key, levels in sealed.items():
                # Amendments of older versions don't name the expert.
                own = key == (value.get("expert", key[0]), value["dossier"])
                if own and value["before"]["levels"] in levels:
                    levels.append(value["after"]["levels"])
    return _check_reviews(folder, sealed)


def _check_reviews(folder: Path, sealed: dict[Any, Any]) -> str | None:
    """Submitted reviews are as they were sealed, or as an approved amendment sealed them later."""

    def load(name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads((folder / f"data/{name}.json").read_text("utf-8"))
        return rows

    experts = {row["id"]: row["number"] for row in load("expert")}
    dossiers = {row["id"]: row["number"] for row in load("dossier")}
    for row in load("review"):
        key = experts[row["expert_id"]], dossiers[row["dossier_id"]]
        if row["status"] == "submitted" and row["levels"] not in sealed.get(key, []):
            return f"the review of {key[1]} by {key[0]} is not the one submitted"
    return None


def check_attachments(folder: Path, manifest: dict[str, Any]) -> str | None:
    """Each file that a row keeps by digest is there, of the stated size, and no other is."""
    named: set[str] = set()
    for table in ("attachment", "recommendation"):
        path = folder / f"data/{table}.json"
        named |= {row["digest"] for row in json.loads(path.read_text("utf-8"))}
    sizes = {one["sha256"]: one["size"] for one in manifest["attachments"]}
    if set(sizes) != named:
        return "missing or extra: " + ", ".join(sorted(set(sizes) ^ named))
    for digest, size in sizes.items():
        content = (folder / "attachments" / digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest or len(content) != size:
            return f"{digest} has been changed"
    return None


def check_draws(
    folder: Path, _manifest: dict[str, Any], verifier: Path | None = None
) -> str | None:
    """Each completed draw verifies, by the program that knows nothing of this archive."""
    for bundle in sorted((folder / "draws").glob("*.zip")):
        done = subprocess.run(  # noqa: S603 - the archive's own verifier, in this interpreter
            [sys.executable, str(verifier or folder / "verify.py"), str(bundle)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            return f"{bundle.name}: {done.stdout[-2000:]}{done.stderr[-500:]}"
    return None


CHECKS = (
    ("files 文件", check_files),
    ("log 日志", check_log),
    ("sealed records 封存内容", check_sealed),
    ("attachments 附件", check_attachments),
    ("draws 抽取", check_draws),
)


def verify(folder: Path, verifier: Path | None = None) -> int:
    """Print a line for each check; return how many failed.

    Draws are verified by `verifier`, a program of one's own, or by the archive's.
    """
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    failed = 0
    for name, check in CHECKS:
        if check is check_draws:
            problem = check_draws(folder, manifest, verifier)
        else:
            problem = check(folder, manifest)
        failed += problem is not None
        print(f"{'PASS' if problem is None else 'FAIL'}  {name}{': ' + problem if problem else ''}")  # noqa: T201 - a command
        if problem and check is check_files:
            break  # the others would read what isn't there
    return failed


def main(arguments: list[str], verifier: Path | None = None) -> int:
    """Verify the folder or zip that is named, or the folder of this file."""
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    if path.is_dir():
        return 1 if verify(path, verifier) else 0
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        return 1 if verify(Path(folder), verifier) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
