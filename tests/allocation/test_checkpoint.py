from __future__ import annotations

import json
import stat
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from allocation import checkpoint, merkle
from allocation.errors import LogError
from allocation.keys import LogKeys
from tests.allocation import story

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = story.key(story.ORIGIN), story.key(story.ORIGIN, turn=1)
WITNESS = story.key("inspector.example", checkpoint.COSIGNATURE)
ROOT = story.octets("root")
NOTE = checkpoint.sign_checkpoint(story.ORIGIN, 5, ROOT, OLD)
COSIGNED = NOTE + checkpoint.cosign(NOTE, WITNESS, 1_700_000_000)
KEYS = [OLD.verifier_key, WITNESS.verifier_key]


def test_a_note_of_another_implementation() -> None:
    """The example of Go's package golang.org/x/mod/sumdb/note: key hash and signature hold."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = checkpoint.parse_vkey(text)
    assert str(key) == text
    payload = b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert payload[:4] == key.hash
    message = (
        b"If you think cryptography is the answer to your problem,\n"
        b"then you don't know what your problem is.\n"
    )
    Ed25519PublicKey.from_public_bytes(key.public).verify(payload[4:], message)


def test_a_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file is made with mode 0600, never over another, and refused once others may read it."""
    path = tmp_path / "log.key"
    made = checkpoint.create_key_file(path, story.ORIGIN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert checkpoint.load_key_file(path).verifier_key == made.verifier_key
    with pytest.raises(FileExistsError):
        checkpoint.create_key_file(path, story.ORIGIN)
    path.chmod(0o640)
    with pytest.raises(LogError, match="0600"):
        checkpoint.load_key_file(path)


def test_two_keys_differ_and_a_seed_repeats(tmp_path: Path) -> None:
    """Without a seed each key is new; with one it is the same again."""
    made = [checkpoint.create_key_file(tmp_path / f"{n}", "a").verifier_key for n in (1, 2)]
    assert made[0] != made[1]
    twice = [checkpoint.create_key_file(tmp_path / f"s{n}", "a", bytes(32)) for n in (1, 2)]
    assert twice[0].verifier_key == twice[1].verifier_key


@pytest.mark.parametrize(
    "text", ["", "a\n1", "a\n7\n" + "00" * 32 + "\n", "a\n1\nzz\n", "a b\n1\n"]
)
def test_files_that_hold_no_key(tmp_path: Path, text: str) -> None:
    """Anything else in a key file is a clear error."""
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(LogError):
        checkpoint.load_key_file(path)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u3000b"])
def test_names_that_break_a_note(tmp_path: Path, name: str) -> None:
    """A name with white space or a plus sign can't stand in a signed note."""
    with pytest.raises(LogError):
        checkpoint.create_key_file(tmp_path / "key", name)


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1],
        lambda key: key.replace("+", "-"),
        lambda key: key[0].upper() + key[1:],
        lambda key: key[:-2] + ("A" if key[-2] != "A" else "B") + key[-1],
        lambda key: f"{key} ",
        lambda _: "a+00000000+AAAA",
    ],
)
def test_altered_verifier_keys(change: Any) -> None:
    """A verifier key with any part altered is refused."""
    with pytest.raises(LogError):
        checkpoint.parse_vkey(change(OLD.verifier_key))


def test_a_cosigned_checkpoint_opens() -> None:
    """Origin, size, root, signer and the witness with its time come out."""
    opened = checkpoint.open_note(COSIGNED, KEYS)
    assert (opened.origin, opened.size, opened.root) == (story.ORIGIN, 5, ROOT)
    assert opened.signer == OLD.public
    assert opened.cosigners == ((WITNESS.public, 1_700_000_000),)


def test_no_byte_of_a_note_can_change() -> None:
    """Each byte of a cosigned checkpoint, changed to some other, makes it fail."""
    data = COSIGNED.encode()
    for at in range(len(data)):
        for flip in (1, 0x20):
            changed = bytearray(data)
            changed[at] ^= flip
            with pytest.raises((LogError, UnicodeDecodeError)):
                checkpoint.open_note(changed.decode(), KEYS)


@pytest.mark.parametrize(
    "note",
    [
        "", "x", f"{story.ORIGIN}\n5\n", NOTE.split("\n\n", 1)[0] + "\n",
        NOTE.replace("\n5\n", "\n05\n"), NOTE.replace("\n5\n", "\n٥\n"), NOTE.rstrip("\n"),
        NOTE + "\n", NOTE.replace("— ", "- "), NOTE.split("\n\n", 1)[0] + "\n\n",
    ],
)  # fmt: skip
def test_malformed_notes(note: str) -> None:
    """Another form is refused before any signature is looked at."""
    with pytest.raises(LogError):
        checkpoint.open_note(note, KEYS)


def test_a_note_needs_the_log_and_known_keys() -> None:
    """A witness alone doesn't make a checkpoint; an unknown signer isn't passed over."""
    body = checkpoint.body(story.ORIGIN, 5, ROOT)
    alone = f"{body}\n{checkpoint.cosign(body + chr(10), WITNESS, 1)}"
    with pytest.raises(LogError, match="not signed"):
        checkpoint.open_note(alone, KEYS)
    with pytest.raises(LogError, match="unknown key"):
        checkpoint.open_note(COSIGNED, [OLD.verifier_key])


def test_adding_a_cosignature() -> None:
    """A line is added once, from a registered witness, for this very checkpoint."""
    line = checkpoint.cosign(NOTE, WITNESS, 1_700_000_000)
    assert checkpoint.add_cosignature(NOTE, line, KEYS) == COSIGNED
    with pytest.raises(LogError, match="already"):
        checkpoint.add_cosignature(COSIGNED, line, KEYS)
    with pytest.raises(LogError, match="unknown key"):
        checkpoint.add_cosignature(NOTE, line, [OLD.verifier_key])
    other = checkpoint.sign_checkpoint(story.ORIGIN, 6, ROOT, OLD)
    with pytest.raises(LogError, match="fails"):
        checkpoint.add_cosignature(other, line, KEYS)
    signature = NOTE.split("\n\n")[1]
    with pytest.raises(LogError, match="not a witness"):
        checkpoint.add_cosignature(NOTE, signature, KEYS)


def _events(*more: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    opened = ("log.opened", {"origin": story.ORIGIN, "key": OLD.verifier_key})
    return [{"type": kind, "body": body} for kind, body in (opened, *more)]


ROTATED = ("key.rotated", {"old": OLD.verifier_key, "new": NEW.verifier_key})


def test_the_key_in_use_follows_the_rotation() -> None:
    """Sizes that include the rotation belong to the new key, all others to the old."""
    keys = LogKeys.from_events(_events(("round.opened", {}), ROTATED))
    assert [keys.signer(size) for size in (1, 2, 3, 9)] == [
        OLD.public, OLD.public, NEW.public, NEW.public,
    ]  # fmt: skip
    assert keys.vkeys() == (OLD.verifier_key, NEW.verifier_key)
    with pytest.raises(LogError):
        keys.signer(0)


def test_an_old_key_signs_no_newer_checkpoint() -> None:
    """Who has the old key after its rotation can't extend the log, nor can the new reach back."""
    keys = LogKeys.from_events(_events(("round.opened", {}), ROTATED))
    for size, good, bad in ((2, OLD, NEW), (3, NEW, OLD)):
        keys.open(checkpoint.sign_checkpoint(story.ORIGIN, size, ROOT, good))
        with pytest.raises(LogError, match="another key signs"):
            keys.open(checkpoint.sign_checkpoint(story.ORIGIN, size, ROOT, bad))


OTHER = story.key("other.example")


@pytest.mark.parametrize(
    "events",
    [
        [],
        _events()[1:] or [{"type": "round.opened", "body": {}}],
        _events(("key.rotated", {"old": NEW.verifier_key, "new": OLD.verifier_key})),
        _events(("key.rotated", {"old": OLD.verifier_key, "new": OLD.verifier_key})),
        _events(("key.rotated", {"old": OLD.verifier_key, "new": OTHER.verifier_key})),
        _events(("key.rotated", {"old": OLD.verifier_key, "new": WITNESS.verifier_key})),
        _events(("witness.registered", {"key": NEW.verifier_key})),
        _events(*[("witness.registered", {"key": WITNESS.verifier_key})] * 2),
        _events(("witness.registered", {"key": 5})),
        [{"type": "log.opened", "body": {"origin": "x", "key": OLD.verifier_key}}],
    ],
)
def test_keys_that_do_not_hang_together(events: list[dict[str, Any]]) -> None:
    """A rotation must replace the key in use by a new one of the log; a witness is new and one."""
    with pytest.raises(LogError):
        LogKeys.from_events(events)


def test_another_logs_checkpoint_is_refused() -> None:
    """A checkpoint of another origin fails even where its key is known as a log's."""
    keys = LogKeys.from_events(_events())
    with pytest.raises(LogError):
        keys.open(checkpoint.sign_checkpoint("other.example", 1, ROOT, OTHER))


def test_the_story_of_a_log() -> None:
    """The told round's checkpoints open, and its root is the tree's."""
    told = story.tell()
    keys = LogKeys.from_events(map(json.loads, told.log.lines))
    assert keys.vkeys() == told.keys
    opened = keys.open(told.checkpoint)
    assert opened.root == merkle.root(told.log.tree.get, opened.size)
