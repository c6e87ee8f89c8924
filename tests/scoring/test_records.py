"""Records have the bytes of RFC 8785, and refuse what has no such bytes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unicodedata import normalize

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ScoringError
from scoring.records import LIMIT, canonical, digest, digest_json, plain

names = st.text(st.characters(max_codepoint=127), max_size=6)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(
    lambda text: normalize("NFC", text)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LIMIT + 1, LIMIT - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(values)
def test_canonical_bytes_are_those_of_rfc8785(value: Any) -> None:
    """Any record has the bytes that the rfc8785 library gives it."""
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, 0.5]}, "$.a[1]"),
        ({"a": LIMIT}, "$.a"),
        ({"é": 1}, "$"),
        ({1: 1}, "$"),
        (["e\u0301"], "$[0]"),
        ("\ud800", "$"),
        ({"a": {"b": Decimal(1)}}, "$.a.b"),
    ],
)
def test_what_has_no_bytes_is_named(value: Any, path: str) -> None:
    """Floats, large integers, other keys and text that isn't NFC are refused with their path."""
    with pytest.raises(ScoringError) as caught:
        canonical(value)
    assert caught.value.facts["path"] == path


def test_digests_and_decimals() -> None:
    """Digests don't depend on the order of keys; decimals lose zeros, never digits."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest_json({"a": 0.1}) != digest_json({"a": 0.2})
    shown = [plain(Decimal(text)) for text in ("12.50", "1E+3", "-0", "0.00010", "60.00")]
    assert shown == ["12.5", 1000, 0, "0.0001", 60]
