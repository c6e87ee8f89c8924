"""The browser verifier as one HTML file: to be saved, carried on a stick, and opened from disk.

`python -m review_service.exchange.verifier_page OUT.html` writes it. The page has its style and
scripts inside and a content security policy of their hashes: nothing else runs, nothing is
fetched, nothing is sent.
"""

from __future__ import annotations

import base64
import re
import sys
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "static" / "verify"
_STYLE = '<link rel="stylesheet" href="style.css">'
_SCRIPT = re.compile(r'<script src="([a-z]+\.js)"></script>')
_FIRST = '<meta charset="utf-8">'


def _read(name: str) -> str:
    return (FOLDER / name).read_bytes().decode()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def one_file() -> str:
    """Return the page, the same text as its own button “Save as one file” makes."""
    html, style = _read("index.html"), _read("style.css")
    html = html.replace(_STYLE, f"<style>{style}</style>")
    scripts = [_read(name) for name in _SCRIPT.findall(html)]
    html = _SCRIPT.sub(lambda match: f"<script>{_read(match[1])}</script>", html)
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {' '.join(map(_hash, scripts))}; base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return html.replace(_FIRST, f"{_FIRST}\n{meta}", 1)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(one_file(), encoding="utf-8", newline="\n")
