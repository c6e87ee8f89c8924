"""RFC 3797 section 6: publicly verifiable selection, to replay past public draws (MD5 and all)."""

from __future__ import annotations

from hashlib import md5

from allocation.errors import DrawError
from allocation.sources import check_key_string


def positions(entries: int, count: int, key: str) -> list[int]:
    """Return `count` positions from 1 to `entries` in order of selection.

    Step i hashes BE16(i) ‖ key ‖ BE16(i) with MD5 and takes the number modulo what is left.
    DrawError unless 0 < count ≤ entries < 65536; SourceError for a malformed key.
    """
    if not 0 < count <= entries < 65536:
        raise DrawError(
            "selection", f"{count} of {entries} entries can't be selected (at most 65,535 entries)",
            count=count, entries=entries,
        )  # fmt: skip
    check_key_string(key)
    left = list(range(1, entries + 1))
    chosen = []
    for i in range(count):
        mark = i.to_bytes(2, "big")
        digest = md5(mark + key.encode() + mark, usedforsecurity=False).digest()
        chosen.append(left.pop(int.from_bytes(digest, "big") % len(left)))
    return chosen
