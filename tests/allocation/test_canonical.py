from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.canonical import canonical, parse, read
from allocation.errors import RecordError

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/draw/bytes.json").read_text(encoding="utf-8")
)
NAMES = st.text(st.characters(max_codepoint=127), max_size=6)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("case", VECTORS["canonical"], ids=lambda case: case["hex"][:12])
def test_golden_bytes(case: dict[str, object]) -> None:
    """The canonical bytes of the published values never change, and parse back."""
    assert canonical(case["value"]).hex() == case["hex"]
    assert parse(bytes.fromhex(str(case["hex"]))) == case["value"]


@pytest.mark.parametrize("text", VECTORS["refused"])
def test_texts_that_are_no_record(text: str) -> None:
    """Floats, large integers, white space, other orders and escapes, surrogates are all refused."""
    with pytest.raises(RecordError):
        parse(text.encode())


@settings(derandomize=True, max_examples=300, deadline=None)
@given(RECORDS)
def test_same_bytes_as_another_jcs_library(record: object) -> None:
    """A record in NFC has the bytes of RFC 8785; any other is refused."""

    def composed(value: object) -> bool:
        if isinstance(value, str):
            return unicodedata.is_normalized("NFC", value)
        if isinstance(value, dict):
            return all(map(composed, value.values()))
        return all(map(composed, value)) if isinstance(value, list) else True

    if composed(record):
        assert canonical(record) == rfc8785.dumps(record)  # type: ignore[arg-type]
        assert parse(canonical(record)) == record
    else:
        with pytest.raises(RecordError):
            canonical(record)


def test_a_mark_after_an_escape_is_not_mistaken_for_a_composition() -> None:
    """A combining mark that follows an escaped control is in NFC, although its JSON is not."""
    value = ["\n\u0301"]
    assert parse(canonical(value)) == value


@pytest.mark.parametrize(
    ("value", "code", "path"),
    [
        ({"experts": [{"capacity": 1.0}]}, "type", "$.experts[0].capacity"),
        ({"a": [2**53]}, "number", "$.a[0]"),
        ({"a": {"b": "e\u0301"}}, "nfc", "$.a.b"),
        ({"a": ["\ud800"]}, "surrogate", "$.a[0]"),
        ({"a": {"键": 1}}, "key", "$.a"),
        ({"a": b""}, "type", "$.a"),
    ],
)
def test_refusals_name_the_place(value: object, code: str, path: str) -> None:
    """What can't stand in a record is refused with its path."""
    with pytest.raises(RecordError) as caught:
        canonical(value)
    assert (caught.value.code, caught.value.facts["path"]) == (code, path)


def test_depth_is_an_error_not_a_crash() -> None:
    """A record nested beyond all reason is refused."""
    with pytest.raises(RecordError):
        parse(b"[" * 100_000 + b"]" * 100_000)
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(RecordError, match="deeply"):
        canonical(value)


def test_people_may_lay_out_a_record_but_not_name_a_key_twice() -> None:
    """The command line reads any layout; a doubled key or a float is still refused."""
    assert read(b'{"b": [1,\n 2], "a": "x"}\n') == {"a": "x", "b": [1, 2]}
    with pytest.raises(RecordError, match="'a' twice"):
        read(b'{"a":1,"b":2,"a":1}')
    with pytest.raises(RecordError, match="no floats"):
        read(b'{"a":1.5}')
