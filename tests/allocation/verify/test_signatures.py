from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from allocation import verify

VECTORS = Path(__file__).parents[2] / "vectors"

# RFC 8032 section 7.1, tests 1 to 3: public key, message, signature.
RFC8032 = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     ("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
      "d25bf5f0595bbe24655141438e7a100b")),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     ("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
      "387b2eaeb4302aeeb00d291612bb0c00")),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     ("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
      "4a7c15e9716ed28dc027beceea1ec40a")),
]  # fmt: skip


def _pure(public: bytes, message: bytes, signature: bytes) -> bool:
    return verify._holds_pure(public, message, signature)


@pytest.mark.parametrize(("public", "message", "signature"), RFC8032)
def test_the_vectors_of_rfc_8032_hold(public: str, message: str, signature: str) -> None:
    """The pure-Python check accepts RFC 8032's own signatures, and none over another message."""
    data = [bytes.fromhex(one) for one in (public, message, signature)]
    assert _pure(*data)
    assert verify.signature_holds(*data)
    assert not _pure(data[0], data[1] + b"x", data[2])


def test_the_pure_check_agrees_with_the_library() -> None:
    """For signatures good and bad in every byte, both checks give one verdict."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes_raw()
    for at in range(64):
        message = bytes(at)
        signature = bytearray(private.sign(message))
        assert _pure(public, message, bytes(signature))
        signature[at] ^= 1 << at % 8
        bad = bytes(signature)
        assert not _pure(public, message, bad)
        assert not verify._holds_library(public, message, bad)


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),  # order 4
        b"\x01" + bytes(31),  # the neutral point
        b"\xec" + b"\xff" * 30 + b"\x7f",  # order 2
        b"\xee" + b"\xff" * 30 + b"\x7f",  # y beyond the field
        b"\x01" + bytes(30) + b"\x80",  # x = 0 with its sign set
        b"\x02" + bytes(31),  # no point at all
    ],
)
def test_keys_off_the_curve_or_of_small_order_never_hold(public: bytes) -> None:
    """No signature holds under a key that anybody could sign for."""
    neutral = b"\x01" + bytes(31)
    assert not verify.signature_holds(public, b"", neutral + bytes(32))


def test_a_signature_has_one_form() -> None:
    """S is canonical: adding the group order, or cutting a byte, is refused."""
    public, message, signature = (bytes.fromhex(one) for one in RFC8032[1])
    s = int.from_bytes(signature[32:], "little") + verify.ORDER
    assert not verify.signature_holds(public, message, signature[:32] + s.to_bytes(32, "little"))
    assert not verify.signature_holds(public, message, signature[:-1])


def test_beacon_rounds_hold_with_the_library_and_say_so_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real quicknet rounds hold, altered ones fail; without a BLS library the answer is None."""
    for one in json.loads((VECTORS / "drand_quicknet.json").read_text())["rounds"]:
        signature = bytes.fromhex(one["signature"])
        assert verify.beacon_holds(one["round"], signature) is True
        assert verify.beacon_holds(one["round"] + 1, signature) is False
        assert verify.beacon_holds(one["round"], bytes(48)) is False
    monkeypatch.setitem(__import__("sys").modules, "py_arkworks_bls12381", None)
    monkeypatch.setitem(__import__("sys").modules, "py_ecc", None)
    assert verify.beacon_holds(1000, bytes(48)) is None
