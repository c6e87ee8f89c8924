from __future__ import annotations

from hashlib import sha256

import pytest

from allocation import verify
from allocation.__main__ import main
from allocation.bundle import NAMES
from allocation.bundle_readme import README
from allocation.sources import CHAIN
from tests.allocation import example, story

PAGE = example.PAGE.read_text(encoding="utf-8")


def test_the_worked_example_is_true() -> None:
    """Every byte and figure of the page's example is what the code computes."""
    assert f"{example.BEGIN}\n{example.text()}\n{example.END}" in PAGE


def test_constants_of_the_page() -> None:
    """The page names the chain, the README's digest and every file of a bundle."""
    assert CHAIN in PAGE
    digest = sha256(README.encode()).hexdigest()
    assert digest in PAGE
    assert digest == verify.README_SHA256
    assert all(f"`{name}`" in PAGE for name in NAMES)


def test_every_command_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The page lists all commands that the program knows."""
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    known = [line.split()[0] for line in lines if line.startswith("    ") and line[4] != " "]
    assert len(known) == 12
    assert all(f"| `{name} " in PAGE for name in known)


def test_the_readme_tells_both_ways_in_both_languages() -> None:
    """How to verify with the one file and with the browser, in Chinese and English."""
    for words in ("python3 verify.py", "浏览器", "browser", "协议", "protocol", "--previous"):
        assert words in README


def test_the_other_implementation_agrees() -> None:
    """The one-file verifier, which shares no code, finds nothing wrong with the told round."""
    lines = verify.verify(story.tell().bundle(inspector=True).files())
    assert [line.status for line in lines].count("FAIL") == 0
    assert [line.status for line in lines].count("PASS") == 11
