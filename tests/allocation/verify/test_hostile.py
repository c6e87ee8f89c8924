from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import verify
from allocation.canonical import canonical
from tests.allocation.verify.making import balanced_office, lottery_office, order_office, zipped
from tests.allocation.verify.tampering import honest

OFFICES = st.sampled_from([lottery_office, balanced_office, order_office])
RECORDS = ["snapshot.json", "sources.json", "result.json", "identities.json"]
QUICK = settings(
    max_examples=60, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.sampled_from(["", "e000001", "P00", "lottery", "\u0000", "评审", "a" * 64, "9" * 30])
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "kind", "__proto__", "seats"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a record, its own included."""
    found = [here]
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in pairs:
        found += places(one, (*here, key))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a record with the value at a path exchanged."""
    if not path:
        return new
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = new
    return value


def nfc(value: Any) -> bytes | None:
    """Return canonical bytes, or None for text that no record may hold."""
    try:
        return canonical(value)
    except Exception:  # noqa: BLE001 - whatever the drawing side refuses is no record
        return None


@QUICK
@given(OFFICES, st.data())
def test_any_single_byte_changed_in_a_file_is_found(make: Any, data: st.DataObject) -> None:
    """A byte of any file exchanged for any other makes a line fail."""
    files = dict(honest(make).files())
    name = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    change = data.draw(st.integers(1, 255))
    body = bytearray(files[name])
    body[at] ^= change
    files[name] = bytes(body)
    assert any(line.failed for line in verify.verify(files))


@QUICK
@given(OFFICES, st.data())
def test_any_single_byte_changed_in_the_zip_is_found(make: Any, data: st.DataObject) -> None:
    """Headers of the zip hold nothing free either."""
    body = bytearray(zipped(honest(make).files()))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        lines = verify.verify(verify.read_zip(bytes(body)))
    except verify.Refused as error:
        lines = verify.unreadable(error)
    assert any(line.failed for line in lines)


@QUICK
@given(OFFICES, st.data(), JSON)
def test_any_value_anywhere_in_a_record_is_a_line_and_never_a_crash(
    make: Any, data: st.DataObject, new: Any
) -> None:
    """Wrong types and values at any depth fail at a line."""
    files = dict(honest(make).files())
    name = data.draw(st.sampled_from([one for one in RECORDS if one in files]))
    record = json.loads(files[name])
    path = data.draw(st.sampled_from(places(record)))
    changed = nfc(put(record, path, new))
    if changed is None or changed == files[name]:
        return
    files[name] = changed
    lines = verify.verify(files)
    assert any(line.failed for line in lines)
    assert all(line.text(lang) for line in lines for lang in (0, 1))


@QUICK
@given(OFFICES, st.data(), JSON)
def test_any_event_that_the_office_signs_is_read_without_a_crash(
    make: Any, data: st.DataObject, new: Any
) -> None:
    """Whatever an office writes into its log and signs, the verifier answers with lines."""
    office = honest(make)
    event = data.draw(st.sampled_from(office.events))
    path = data.draw(st.sampled_from([one for one in places(event) if one]))
    put(event, path, new)
    if nfc(event) is None:
        return
    lines = verify.verify(office.files())
    assert all(line.text(lang) for line in lines for lang in (0, 1))


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_no_zip(data: bytes) -> None:
    """Noise is refused as a zip, never a crash."""
    for noise in (data, b"PK\x03\x04" + data, data + zipped({"keys.txt": data})[-22:]):
        try:
            verify.read_zip(noise)
        except verify.Refused as error:
            assert verify.unreadable(error)[0].status == "FAIL"  # noqa: PT017 - most noise
        else:
            raise AssertionError
