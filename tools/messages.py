"""Keep the message catalogues: extract, update, fill, compile, check.

python tools/messages.py fill FILE.json    {"English": "中文"} pairs become translations
python tools/messages.py update            strings that nothing uses any more leave the catalogue
python tools/messages.py check             fails on a string without its Chinese, or a stale one
python tools/messages.py compile           .po → .mo
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "review_service" / "translations" / "zh" / "LC_MESSAGES"
CATALOGUE = FOLDER / "messages.po"
BUILD = ROOT / "build"


def _extract() -> polib.POFile:
    BUILD.mkdir(exist_ok=True)
    template = BUILD / "messages.pot"
    command = [
        sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract",
        "-F", "tools/babel.cfg", "-k", "_l", "-k", "lazy_gettext", "--no-location", "--omit-header",
        "--sort-output", "-o", str(template), ".",
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT)
    return polib.pofile(str(template), encoding="utf-8")


def update(known: dict[str, str], *, prune: bool) -> list[str]:
    """Bring the catalogue in line with the sources; return the strings that lack a translation.

    Without `prune`, translations of strings that aren't in the sources (yet) are kept.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = polib.pofile(str(CATALOGUE)) if CATALOGUE.exists() else polib.POFile()
        texts = {entry.msgid: entry.msgstr for entry in old} | known
        new = polib.POFile(wrapwidth=100)
        new.metadata = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
            "Language": "zh",
        }
        used = {entry.msgid for entry in _extract()}
        for text in sorted(used if prune else used | set(texts)):
            new.append(polib.POEntry(msgid=text, msgstr=texts.get(text, "")))
        new.save(str(CATALOGUE))
    return [entry.msgid for entry in new if not entry.msgstr]


def check() -> list[str]:
    """Return what is wrong with the catalogue: strings missing, stale or untranslated."""
    have = {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE))}
    used = {entry.msgid for entry in _extract()}
    return [f"untranslated: {text}" for text in sorted(used) if not have.get(text)] + [
        f"no longer used: {text}" for text in sorted(set(have) - used)
    ]


def main(arguments: list[str]) -> int:
    """Run one of the commands of the module's docstring; exit status 0, 1 or 2."""
    match arguments:
        case ["update"]:
            problems = [f"untranslated: {text}" for text in update({}, prune=True)]
        case ["fill", path]:
            pairs = json.loads(Path(path).read_text(encoding="utf-8"))
            problems = [f"untranslated: {text}" for text in update(pairs, prune=False)]
        case ["check"]:
            problems = check()
        case ["compile"]:
            polib.pofile(str(CATALOGUE)).save_as_mofile(str(FOLDER / "messages.mo"))
            problems = []
        case _:
            print(__doc__)
            return 2
    print("\n".join(problems) or "catalogue in order")
    return 1 if problems and arguments[0] == "check" else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
