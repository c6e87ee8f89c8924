"""The keys of a log as its events tell them: first key, rotations, witnesses (protocol section 7).

A log names its key in `log.opened` and every later one in `key.rotated`, which the log itself
holds: so the key in use is known for each size, and an old key can't sign a newer checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from allocation.checkpoint import COSIGNATURE, LOG, Opened, VerifierKey, open_note, parse_vkey
from allocation.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class LogKeys:
    """The origin of a log, its keys with the smallest size that each signs, and its witnesses."""

    origin: str
    keys: tuple[tuple[int, VerifierKey], ...]
    witnesses: tuple[VerifierKey, ...] = ()

    @classmethod
    def from_events(cls, events: Iterable[Mapping[str, Any]]) -> LogKeys:
        """Return the keys of a log's events, from its first; LogError where they don't hang on."""
        found: LogKeys | None = None
        for seq, event in enumerate(events):
            body = event["body"]
            if seq == 0:
                found = cls._opened(event)
            elif found is not None and event["type"] == "key.rotated":
                found = found.rotated(seq, body["old"], body["new"])
            elif found is not None and event["type"] == "witness.registered":
                found = found.witnessed(body["key"])
        if found is None:
            raise LogError("log-empty", "a log without events has no key")
        return found

    @classmethod
    def _opened(cls, event: Mapping[str, Any]) -> LogKeys:
        if event["type"] != "log.opened":
            raise LogError("log-opened", "the first event of a log is log.opened")
        key = _key(event["body"]["key"], LOG)
        if key.name != event["body"]["origin"]:
            raise LogError("key-origin", f"the key's name {key.name} is not the log's origin")
        return cls(key.name, ((1, key),))

    def rotated(self, seq: int, old: str, new: str) -> LogKeys:
        """Return the keys after the event number `seq` replaced `old` by `new` (vkeys)."""
        key = _key(new, LOG)
        if old != str(self.keys[-1][1]):
            raise LogError("key-rotation", "the key to be replaced is not the one in use")
        if key.name != self.origin or key in (one for _, one in self.keys):
            raise LogError("key-rotation", "the new key must be new and bear the log's origin")
        return replace(self, keys=(*self.keys, (seq + 1, key)))

    def witnessed(self, vkey: str) -> LogKeys:
        """Return the keys with one more witness."""
        key = _key(vkey, COSIGNATURE)
        if key in self.witnesses:
            raise LogError("witness-twice", f"{key.name} is a witness already", name=key.name)
        return replace(self, witnesses=(*self.witnesses, key))

    def signer(self, size: int) -> VerifierKey:
        """Return the key that signs checkpoints of `size` events; LogError for an empty log."""
        for start, key in reversed(self.keys):
            if size >= start:
                return key
        raise LogError("checkpoint-empty", "an empty log has no checkpoint")

    def vkeys(self) -> tuple[str, ...]:
        """Return the lines of keys.txt: the log's keys in order of rotation, then the witnesses."""
        return tuple(str(key) for key in (*(key for _, key in self.keys), *self.witnesses))

    def open(self, note: str) -> Opened:
        """Open a checkpoint of this log: every signature holds, and the right key signed it."""
        opened = open_note(note, self.vkeys())
        if opened.origin != self.origin:
            raise LogError("origin", f"a checkpoint of {opened.origin}, not of {self.origin}")
        if opened.signer != self.signer(opened.size):
            raise LogError("stale-key", f"another key signs checkpoints of {opened.size} events")
        return opened


def _key(vkey: Any, kind: int) -> VerifierKey:
    if not isinstance(vkey, str):
        raise LogError("vkey", "a verifier key is text")
    key = parse_vkey(vkey)
    if key.kind != kind:
        raise LogError("key-kind", f"{key.name} is a key of type {key.kind}, not {kind}")
    return key
