r"""Checkpoints: C2SP tlog-checkpoint in a C2SP signed-note (Ed25519), with C2SP cosignatures.

A verifier key (vkey) is `name+hash+base64(type ‖ public key)`; `hash` is the hex of the first four
bytes of SHA-256(name ‖ "\n" ‖ type ‖ public key). Type 1 signs logs, type 4 cosigns with a time.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from allocation.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOG, COSIGNATURE = 1, 4


@dataclass(frozen=True)
class VerifierKey:
    """A name, a type and a 32-byte public key."""

    name: str
    kind: int
    public: bytes

    @property
    def hash(self) -> bytes:
        """The four bytes that lead each signature by this key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.hash.hex()}+{encoded}"


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name; the public half is `verifier_key`."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @property
    def public(self) -> VerifierKey:
        """The verifier key."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    @property
    def verifier_key(self) -> str:
        """The verifier key as text (vkey)."""
        return str(self.public)


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise LogError("base64", "not base64") from None
    if base64.b64encode(data).decode() != text:
        raise LogError("base64", "not canonical base64")
    return data


def parse_vkey(text: str) -> VerifierKey:
    """Return the verifier key of a vkey text; LogError where its form or hash is wrong."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not parts[0] or any(c.isspace() for c in text):
        raise LogError("vkey", "a verifier key is name+hash+base64")
    data = _base64(parts[2])
    if len(data) != 33 or data[0] not in (LOG, COSIGNATURE):
        raise LogError("vkey", "a verifier key holds a type (1 or 4) and 32 bytes")
    key = VerifierKey(parts[0], data[0], data[1:])
    if key.hash.hex() != parts[1]:
        raise LogError("vkey", f"the key hash of {key.name} is wrong", name=key.name)
    return key


def check_name(name: str) -> None:
    """Raise LogError unless `name` can name a key: not empty, no white space, no plus sign."""
    if not name or "+" in name or any(c.isspace() for c in name):
        raise LogError("key-name", f"{name!r} is no key name: no white space, no “+”", name=name)


def create_key_file(
    path: Path, name: str, seed: bytes | None = None, kind: int = LOG
) -> SigningKey:
    """Make a key in a new file of mode 0600; FileExistsError where the file is there.

    `seed` (32 bytes) gives a repeatable key, for demonstrations and tests. LogError for a name
    that can't stand in a signed note.
    """
    check_name(name)
    raw = seed if seed is not None else os.urandom(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{name}\n{kind}\n{raw.hex()}\n")
    return SigningKey(name, kind, Ed25519PrivateKey.from_private_bytes(raw))


def load_key_file(path: Path) -> SigningKey:
    """Return the key of a file made by `create_key_file`; LogError where others may read it."""
    if path.stat().st_mode & 0o077:
        raise LogError("key-mode", f"{path.name} must be readable by its owner alone (mode 0600)")
    lines = path.read_text(encoding="utf-8").split("\n")
    try:
        name, kind, raw, _ = lines
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(raw))
        number = {str(LOG): LOG, str(COSIGNATURE): COSIGNATURE}[kind]
    except (ValueError, KeyError):
        raise LogError("key-file", f"{path.name} is no key file") from None
    check_name(name)
    return SigningKey(name, number, private)


def body(origin: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint (tlog-checkpoint), without signatures."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def parse_body(text: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of a checkpoint's text; LogError where it is malformed."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not lines[1].isdecimal():
        raise LogError("checkpoint", "a checkpoint has three lines: origin, size, root")
    size, root = int(lines[1]), _base64(lines[2])
    if str(size) != lines[1] or len(root) != 32:
        raise LogError("checkpoint", "the size or the root of the checkpoint is malformed")
    return lines[0], size, root


def _line(key: VerifierKey, payload: bytes) -> str:
    return f"— {key.name} {base64.b64encode(key.hash + payload).decode()}\n"


def sign_checkpoint(origin: str, size: int, root: bytes, key: SigningKey) -> str:
    """Return the signed note of a checkpoint."""
    text = body(origin, size, root)
    return f"{text}\n{_line(key.public, key.private.sign(text.encode()))}"


def cosign(note: str, key: SigningKey, timestamp: int) -> str:
    """Return a cosignature line for a note (tlog-cosignature v1); `timestamp` in Unix seconds."""
    text = note.split("\n\n", 1)[0] + "\n"
    message = f"cosignature/v1\ntime {timestamp}\n{text}".encode()
    return _line(key.public, timestamp.to_bytes(8, "big") + key.private.sign(message))


@dataclass(frozen=True)
class Opened:
    """A note whose signatures all hold: its checkpoint, the log's key, cosigners with times."""

    origin: str
    size: int
    root: bytes
    signer: VerifierKey
    cosigners: tuple[tuple[VerifierKey, int], ...]


def open_note(note: str, vkeys: Iterable[str]) -> Opened:
    """Check a signed checkpoint against keys; LogError for any signature that does not hold."""
    text, separator, tail = note.partition("\n\n")
    lines = tail.split("\n")
    if not separator or lines.pop() or not lines:
        raise LogError("note", "a note is its text, an empty line and signature lines")
    origin, size, root = parse_body(text + "\n")
    keys = [parse_vkey(line) for line in vkeys]
    signer, cosigners = None, []
    for line in lines:
        key, payload = _signature(line, keys)
        if key.kind == LOG:
            _check(key, payload, (text + "\n").encode())
            signer = key if key.name == origin else signer
        else:
            stamp = int.from_bytes(payload[:8], "big")
            _check(key, payload[8:], f"cosignature/v1\ntime {stamp}\n{text}\n".encode())
            cosigners.append((key, stamp))
    if signer is None:
        raise LogError("note-unsigned", "the log itself has not signed this checkpoint")
    return Opened(origin, size, root, signer, tuple(cosigners))


def _signature(line: str, keys: list[VerifierKey]) -> tuple[VerifierKey, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise LogError("note", "a signature line is “— name base64”")
    data = _base64(parts[2])
    for key in keys:
        if key.name == parts[1] and key.hash == data[:4]:
            return key, data[4:]
    raise LogError("note-key", f"a signature by an unknown key: {parts[1]}", name=parts[1])


def _check(key: VerifierKey, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise LogError("signature", f"the signature by {key.name} fails", name=key.name) from None


def add_cosignature(note: str, line: str, vkeys: Iterable[str]) -> str:
    """Return the note with a cosignature line added, after checking it against witness keys."""
    text = note.split("\n\n", 1)[0]
    line = line.rstrip("\n")
    key, payload = _signature(line, [parse_vkey(one) for one in vkeys])
    if key.kind != COSIGNATURE:
        raise LogError("cosignature-kind", f"{key.name} is not a witness key", name=key.name)
    stamp = int.from_bytes(payload[:8], "big")
    _check(key, payload[8:], f"cosignature/v1\ntime {stamp}\n{text}\n".encode())
    if line in note.split("\n"):
        raise LogError("cosigned", f"{key.name} has countersigned already", name=key.name)
    return f"{note}{line}\n"
