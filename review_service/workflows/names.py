"""Names of units and people compared as a careful clerk would: width, script, signs, suffixes."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from opencc import OpenCC
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from review_service.exchange.places import PROVINCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGNS: Final = re.compile(r"[\W_]+")
# Legal forms at the end of a company's name; not "集团", which is another legal person.
_FORMS: Final = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|总公司|分公司|公司)+$")
_PLACES: Final = re.compile(
    "^(?:" + "|".join(sorted([*PROVINCES.values(), *PROVINCES], key=len, reverse=True)) + ")"
)
_CODE: Final = re.compile(r"[0-9A-Z]{18}")
_PERSON: Final = re.compile(r"^([^(（]+?)\s*[(（](.+)[)）]$")
_ROWS_AT_ONCE: Final = 2000

_to_simplified = OpenCC("t2s")


@lru_cache(maxsize=50_000)
def _simplified(one: str) -> str:
    return str(_to_simplified.convert(one))


@lru_cache(maxsize=200_000)
def normal(name: str) -> str:
    """Return a name without what is typed one way or another: width, script, case, signs."""
    flat = _SIGNS.sub("", unicodedata.normalize("NFKC", name).casefold())
    return "".join(map(_simplified, flat))


@lru_cache(maxsize=200_000)
def core(name: str) -> str:
    """Return the normal form without the legal form at its end."""
    return _FORMS.sub("", normal(name)) or normal(name)


@lru_cache(maxsize=200_000)
def head(name: str) -> str:
    """Return the first two characters after a province: a place or a brand."""
    return _PLACES.sub("", core(name))[:2]


class Named(NamedTuple):
    """A unit or person as an item of a list names it; what isn't given is empty."""

    name: str
    unit: str = ""
    code: str = ""


def parse_item(item: str) -> Named:
    """Return name, unit in brackets and credit code of an item such as `王某（某公司）`."""
    found = _CODE.search(unicodedata.normalize("NFKC", item).upper())
    code = found[0] if found else ""
    if code:
        item = re.sub(r"[(（]\s*[)）]", "", re.sub(re.escape(code), "", item, flags=re.IGNORECASE))
    pair = _PERSON.match(item.strip())
    # "某某（集团）有限公司" doesn't end in a bracket; "张三（某公司）" does.
    if pair:
        return Named(pair[1].strip(), pair[2].strip(), code)
    return Named(item.strip(" ,，/"), "", code)


def similar_pairs(
    left: Sequence[str], right: Sequence[str], cutoff: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (index left, index right, score) of cores at least `cutoff` alike, 0-100, not equal.

    The score is 100 × (1 - insertions and deletions needed / total length) (RapidFuzz, Indel).
    """
    lefts, rights = [core(one) for one in left], [core(one) for one in right]
    if not rights:
        return
    for start in range(0, len(lefts), _ROWS_AT_ONCE):
        scores = cdist(
            lefts[start : start + _ROWS_AT_ONCE], rights, scorer=Indel.normalized_similarity,
            score_cutoff=cutoff / 100, dtype=np.float32, workers=-1,
        )  # fmt: skip
        for i, j in zip(*np.nonzero(scores), strict=True):
            if lefts[start + i] != rights[j]:
                yield int(start + i), int(j), int(100 * float(scores[i, j]) + 1e-6)
