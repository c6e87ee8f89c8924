#!/usr/bin/env python3
# ruff: noqa: B905, RUF007, UP035 - Python 3.9 has no zip(strict=) and no pairwise
# ruff: noqa: PTH112, PTH118, PTH123, PTH208 - os.path and open are enough for one file
# ruff: noqa: E501 - a text stands on one line with its translation
"""Verify a published draw: bundle in, numbered PASS / FAIL / NOT CHECKED lines out.

    python3 verify.py BUNDLE [--previous CHECKPOINT] [--key VKEY] [--json] [--lang zh|en]

One file on the standard library alone, to be copied to a machine that trusts nobody. Written from
docs/draw-protocol.md (review-draw/v1) and sharing no code with the drawing side. Two checks use a
package where there is one: BLS signatures of the drand beacon (py_arkworks_bls12381 or py_ecc,
else NOT CHECKED) and Ed25519 (cryptography, else the pure Python below).

Read it in order: texts, bytes, signatures, files, snapshot, log, draw, balanced draw,
replacements, the twelve steps, the command line. Nothing in a bundle is trusted: whatever isn't
as the protocol says raises Refused and becomes a FAIL line.

独立验证抽取结果：读入验证包，逐条给出“通过 / 不符 / 未检查”。单文件，只用标准库，可离线运行。
"""

from __future__ import annotations

import argparse
import base64
import calendar
import contextlib
import datetime as dt
import functools
import hashlib
import json
import math
import os
import re
import stat
import struct
import sys
import unicodedata
import zlib
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

PROTOCOL = "review-draw/v1"
README_SHA256 = "9bc0cc56065ba5ae11f48eebd9444c9c522a2ada51bf85ee94e22d4970ccda6e"
FILES = (
    "README.txt", "checkpoint.txt", "events.jsonl", "keys.txt", "result.json", "snapshot.json",
    "sources.json",
)  # fmt: skip
IDENTITIES = "identities.json"
LARGEST = 1 << 30  # bytes of all files of a bundle together
SMALL = 1 << 20  # bytes of the files that people read
LINE = 1 << 26  # bytes of one event
DEEPEST = 64  # nesting of a record
SHOWN = 10  # problems told one by one in a line

# ---------------------------------------------------------------------------------------------
# Texts: code → (Chinese, English)
# ---------------------------------------------------------------------------------------------

STATUS = {"PASS": "通过", "FAIL": "不符", "NOT CHECKED": "未检查"}

TEXTS: dict[str, tuple[str, str]] = {
    "step-1": ("文件", "Files"),
    "step-2": ("日志事件", "Log events"),
    "step-3": ("检查点签名", "Checkpoint signatures"),
    "step-4": ("锁定", "Lock"),
    "step-5": ("随机源", "Sources of randomness"),
    "step-6": ("种子", "Seed"),
    "step-7": ("重新抽取", "Drawn again"),
    "step-8": ("规则", "Rules"),
    "step-9": ("递补", "Replacements"),
    "step-10": ("抽取编号", "Draw numbers"),
    "step-11": ("与较早检查点一致", "Earlier checkpoint"),
    "step-12": ("身份", "Identities"),
    "verdict-pass": ("结论：没有不符之处；{skipped} 项未检查", "Verdict: nothing failed; {skipped} not checked"),
    "verdict-fail": ("结论：{failed} 项不符，{skipped} 项未检查", "Verdict: {failed} failed, {skipped} not checked"),
    "more": ("另有 {count} 处", "and {count} more"),
    "needs": ("因第 {first} 步有问题，无法检查", "can't be checked because of step {first}"),
    "in-file": ("{name}：{inner}", "{name}: {inner}"),
    "event": ("第 {seq} 条事件：{inner}", "event {seq}: {inner}"),
    "source": ("第 {index} 个随机源：{inner}", "source {index}: {inner}"),
    # bytes and files
    "not-json": ("不是合法的 JSON 记录（或含小数、过大的数）", "not a JSON record (or it holds a float or too large a number)"),
    "not-canonical": ("字节不是规范形式（RFC 8785）", "the bytes are not in canonical form (RFC 8785)"),
    "too-deep": ("嵌套超过 {most} 层", "nested deeper than {most}"),
    "not-nfc": ("文字不是 NFC 形式：{text}", "text not in Unicode form NFC: {text}"),
    "not-ascii-key": ("字段名不是 ASCII：{key}", "a field's name is not ASCII: {key}"),
    "unreadable": ("无法读取 {name}：{error}", "{name} can't be read: {error}"),
    "too-large": ("{name} 超过 {most} 字节", "{name} is larger than {most} bytes"),
    "not-a-file": ("{name} 不是普通文件", "{name} is no plain file"),
    "unknown-file": ("多出不属于验证包的文件 {name}", "{name} is no file of a bundle"),
    "twice": ("{name} 出现两次", "{name} is there twice"),
    "not-a-zip": ("不是 zip 文件，或已被截断", "not a zip file, or cut short"),
    "zip-form": (
        "zip 的形式与验证包不同（可能由别的程序重新打包）：请解压到文件夹后验证文件夹",
        "the zip is not of a bundle's own form (packed again by another program?): unpack it and verify the folder",
    ),
    "zip-sum": ("zip 中 {name} 的内容已损坏", "the content of {name} in the zip is damaged"),
    "missing": ("缺少文件 {name}", "{name} is missing"),
    "readme": ("README.txt 不是本版本的固定文本", "README.txt is not the fixed text of this version"),
    "files": ("{count} 个文件齐全、规范，版本 {protocol}", "{count} files, all there and canonical, {protocol}"),
    "draw": ("抽取 {draw}，方法 {method}", "draw {draw}, method {method}"),
    # forms
    "malformed": ("{where} 缺失或格式不符", "{where} is missing or malformed"),
    "unknown-field": ("{where} 是协议中没有的字段", "{where} is a field that the protocol doesn't have"),
    "not-sorted": ("{where}：{id} 重复或顺序不对", "{where}: {id} is a duplicate or out of order"),
    "unknown-id": ("{where}：{id} 无对应", "{where}: {id} belongs to nothing"),
    "party-twice": ("同一方承诺了两次", "a party appears twice among the sources"),
    "balanced-deal": ("均衡抽取的评审组 {panel} 不应再分配材料", "panel {panel} of a balanced draw must not be dealt"),
    # log
    "last-line": ("events.jsonl 末尾没有换行", "events.jsonl doesn't end with a line end"),
    "not-opened": ("日志不以 log.opened 开头", "the log doesn't begin with log.opened"),
    "gap": ("编号不连续，此处为 {found}", "the numbering has a gap: found {found}"),
    "time-back": ("时间倒退到 {time}", "time goes back to {time}"),
    "no-checkpoint": ("检查点无法读取，未核对根哈希", "the checkpoint can't be read, so the root wasn't compared"),
    "size": ("日志有 {events} 条，检查点记 {checkpoint} 条", "the log holds {events} events, the checkpoint {checkpoint}"),
    "root": ("{events} 条事件的根哈希与检查点不符", "the root over {events} events is not the checkpoint's"),
    "log": ("{events} 条事件连续，根哈希 {root}", "{events} events without a gap, root {root}"),
    # signatures
    "vkey": ("公钥格式不符：{key}", "malformed verifier key: {key}"),
    "base64": ("base64 不规范", "not canonical base64"),
    "point": ("公钥不是曲线上的合法点", "the key is no legal point of the curve"),
    "note": ("检查点不是签名文本的格式", "the checkpoint is not a signed note"),
    "origin": ("检查点属于另一日志 {origin}，应为 {expected}", "a checkpoint of another log, {origin}, not {expected}"),
    "unknown-signer": ("签名者 {name} 的公钥未知或已被篡改", "a signature by an unknown or altered key: {name}"),
    "signature": ("{name} 的签名不成立", "the signature by {name} fails"),
    "unsigned": ("日志 {name} 自己没有签名", "the log {name} has not signed"),
    "rotation": ("第 {seq} 条事件的换钥不接续原公钥", "the key rotation of event {seq} doesn't follow the key in force"),
    "no-key": ("日志没有给出公钥", "the log names no key"),
    "keys": ("keys.txt 与日志中登记的公钥不同", "keys.txt is not what the log registers"),
    "not-trusted": ("日志公钥 {key} 不是您给出的公钥", "the log's key {key} is not the one that you gave"),
    "key": ("请核对日志公钥 {key}", "compare the log's key {key}"),
    "trusted": ("日志公钥与您给出的一致 {key}", "the log's key is the one that you gave, {key}"),
    "signed": ("{origin} 对 {size} 条事件的签名成立", "{origin} signed {size} events"),
    "cosigned": ("{name} 于 {time} 会签，签名成立", "countersigned by {name} at {time}"),
    "cosigned-late": (
        "{name} 于 {time} 会签，签名成立，但其公钥在此检查点之后才登记",
        "countersigned by {name} at {time}, whose key this log doesn't register yet",
    ),
    "not-cosigned": ("没有会签", "not countersigned"),
    "kept": ("日志中保存的 {size} 条检查点与日志不符", "the kept checkpoint of {size} events is not one of this log"),
    # lock
    "locks": ("抽取 {draw} 在日志中有 {count} 条锁定，应为 1 条", "draw {draw} is locked {count} times in the log, not once"),
    "digest": ("快照摘要 {found} 与锁定的 {locked} 不符", "the snapshot's digest {found} is not the locked {locked}"),
    "method": ("方法 {found} 与锁定的 {locked} 不符", "method {found} is not the locked {locked}"),
    "before-lock": ("第 {seq} 条 {type} 早于第 {lock} 条锁定", "{type} (event {seq}) stands before the lock (event {lock})"),
    "given": ("{party} 锁定的承诺不是其在日志中给出的", "the commitment of {party} is not the one given in the log"),
    "locked": ("快照 {digest} 于 {time} 锁定（第 {seq} 条）", "snapshot {digest} locked at {time} (event {seq})"),
    # sources
    "source-count": ("锁定 {locked} 个随机源，给出 {given} 个", "{locked} sources were locked, {given} are given"),
    "source-kind": ("锁定的是 {locked}，给出的是 {given}", "{locked} was locked, {given} is given"),
    "commitment": ("{party} 的秘密值打不开其承诺", "the secret of {party} doesn't open its commitment"),
    "opens": ("第 {index} 个：{party} 的承诺已打开", "{index}: the commitment of {party} opens"),
    "event-past": ("公开事件日期 {date} 不晚于锁定 {lock}", "the public event of {date} is not later than the lock at {lock}"),
    "key-string": ("不是 RFC 3797 的号码串", "not an RFC 3797 key string"),
    "public": ("第 {index} 个：{name} = {key}，请与公布结果核对", "{index}: {name} = {key}, to be compared with what was published"),
    "chain": ("未知的信标 {chain}", "an unknown beacon {chain}"),
    "round": ("锁定第 {locked} 轮，给出第 {given} 轮", "round {locked} was locked, {given} is given"),
    "beacon-past": ("信标第 {round} 轮（{time}）不晚于锁定 {lock}", "beacon round {round} ({time}) is not later than the lock at {lock}"),
    "beacon": ("信标第 {round} 轮的签名不成立", "the signature of beacon round {round} fails"),
    "no-bls": (
        "第 {index} 个：信标第 {round} 轮的 BLS 签名未检查（没有可用的库），请与公布值核对",
        "{index}: no library here checks the BLS signature of beacon round {round}; compare it with what was published",
    ),
    "beacon-holds": ("第 {index} 个：信标第 {round} 轮（{time}）签名成立", "{index}: beacon round {round} ({time}) holds"),
    "in-time": ("锁定在信标发布之前已有会签见证", "the lock was witnessed in time, before the beacon's round"),
    "not-witnessed": ("没有早于信标发布的会签见证锁定", "no countersignature older than the beacon's round witnesses the lock"),
    "revealed-twice": ("第 {seq} 条：第 {index} 个随机源重复或不存在", "event {seq}: source {index} is revealed twice or doesn't exist"),
    "not-revealed": ("第 {index} 个随机源与日志中揭示的不同", "source {index} is not what the log revealed"),
    # seed and draw
    "seed": ("重算的种子 {found} 与记录的 {recorded} 不符", "the seed is {found}, recorded was {recorded}"),
    "seed-holds": ("种子 {seed}", "seed {seed}"),
    "not-completed": ("日志中有 {count} 条 draw.completed，应为 1 条", "the log holds {count} draw.completed of this draw, not one"),
    "result-digest": ("第 {seq} 条 draw.completed 不是这个结果", "draw.completed (event {seq}) is not of this result"),
    "no-walk": ("{attempts} 次尝试都排不满席位", "seats stay open in {attempts} attempts"),
    "result": ("重算结果的 {field} 不同，首处在 {where}", "{field} of the result recomputes differently, first at {where}"),
    "ordered": ("{of} 项的顺序与前 {taken} 项重算一致", "the order of {of} and the first {taken} recompute"),
    "recomputed": ("{seats} 个席位、顺序和跳过原因重算一致，重试 {attempt} 次", "{seats} seats, order and reasons recompute, attempt {attempt}"),
    # balanced
    "crossing": ("{one} 与 {two} 的限额交叉，无法均衡抽取", "the limits of {one} and {two} cross: no balanced draw keeps them"),
    "too-many-pairs": ("配对超过 {most} 个，本程序无法检查", "more than {most} pairs, which this program can't check"),
    "too-fine": ("机会的公分母超过 {bits} 位", "the chances need a denominator of more than {bits} bits"),
    "plan-pair": ("方案给 {expert} 在评审组 {panel} 的机会不合规则", "the plan gives {expert} a chance on panel {panel} against the rules"),
    "plan-cap": ("方案给 {expert} 在评审组 {panel} 的机会 {chance} 超过上限", "the plan's chance {chance} of {expert} on panel {panel} is over the pair cap"),
    "plan-cell": ("方案没有恰好排满评审组 {panel} 层别 {stratum}", "the plan doesn't fill panel {panel}, stratum {stratum}, exactly"),
    "plan-limit": ("方案超过容量或限额：{node}", "the plan is over a capacity or a limit: {node}"),
    "plan-unfair": ("方案不公平：{expert} 的机会可以提高，而只减少机会更多的人", "the plan is unfair: {expert} could have more at the cost of larger loads only"),
    "plan-flow": ("方案的机会在某处不平衡", "the plan's chances don't balance somewhere"),
    "balanced-holds": ("方案守恒、守限且公平，{seats} 个席位由种子取整后一致", "the plan holds and is fair; {seats} seats recompute by the rounding"),
    # rules
    "not-the-entries": ("顺序不是名单的排列", "the order is no permutation of the entries"),
    "not-first": ("取中的不是前几项", "those taken are not the first of the order"),
    "entries-hold": ("{count} 项各出现一次，取中者居前", "{count} entries, each once, the first taken"),
    "hands": ("评审组 {panel} 的材料不符合分配规则", "the dossiers of panel {panel} are not as the rules have it"),
    "uneven": ("类别 {class_} 的分配相差超过一份", "panels of class {class_} differ by more than one dossier"),
    "stratum": ("{expert} 不在名单或层别不符（评审组 {panel}）", "{expert} is not of the list or the stratum (panel {panel})"),
    "twice-seated": ("{expert} 在评审组 {panel} 重复就座", "{expert} sits twice on panel {panel}"),
    "seated-conflict": ("{expert} 与评审组 {panel} 的材料应回避", "{expert} is in conflict with a dossier of panel {panel}"),
    "count": ("评审组 {panel} 层别 {stratum} 有 {found} 席，应为 {seats}", "panel {panel}, stratum {stratum}: {found} seats, not {seats}"),
    "over-capacity": ("{expert} 就座 {load} 席，超过其容量", "{expert} holds {load} seats, over the capacity"),
    "over-limit": ("{field} {value} 超过限额", "{field} {value} is over a limit"),
    "rules-hold": ("{seats} 个席位符合层别、人数、回避、容量和 {rules} 项限额", "{seats} seats keep strata, counts, conflicts, capacity and {rules} limits"),
    # replacements
    "no-replacements": ("没有递补", "no replacements"),
    "seat-event": ("第 {seq} 条席位事件早于抽取完成，或此方法没有席位", "event {seq} speaks of a seat before the draw was completed, or of none"),
    "no-such-seat": ("第 {seq} 条：{expert} 没有这个席位", "event {seq}: {expert} has no such seat"),
    "not-replaced": ("第 {seq} 条席位空出后没有紧接的递补", "the seat vacated by event {seq} is not replaced by the next event of the draw"),
    "not-vacated": ("第 {seq} 条递补之前没有席位空出", "event {seq} replaces a seat that nobody vacated"),
    "replacement": ("第 {seq} 条递补重算不同：{field}，首处在 {where}", "the replacement of event {seq} recomputes differently: {field}, first at {where}"),
    "replaced": ("{count} 次递补重算一致，其中 {exhausted} 次名单已尽", "{count} replacements recompute, {exhausted} of them at the end of the list"),
    # numbers
    "locked-twice": ("第 {seq} 条：{draw} 再次锁定", "event {seq}: {draw} is locked again"),
    "not-locked": ("第 {seq} 条 {type}：{draw} 未曾锁定", "event {seq}, {type}: {draw} was not locked"),
    "settled": ("第 {seq} 条 {type}：{draw} 已有结果", "event {seq}, {type}: {draw} has an outcome already"),
    "void-missing": ("第 {seq} 条：{draw} 作废时称未揭示的随机源其实已揭示", "event {seq}: {draw} was voided for a source that was revealed"),
    "number": ("轮次 {round} 缺编号：应为 {expected}，此处为 {found}", "round {round}: number {expected} is missing, found {found}"),
    "not-listed": ("{draw} 不在日志中", "{draw} is not in the log"),
    "numbers": ("轮次 {round} 共 {count} 次抽取，编号连续", "round {round}: {count} draws, no number missing"),
    "pending": ("第 {number} 次尚无结果", "number {number} has no outcome yet"),
    "voided": ("第 {number} 次作废：{reason}（未揭示：{missing}）", "number {number} voided: {reason} (not revealed: {missing})"),
    # earlier checkpoint, identities
    "no-previous": ("没有给出较早的检查点", "no earlier checkpoint was given"),
    "shorter": ("给出的检查点有 {size} 条，比日志的 {events} 条更新", "the checkpoint given holds {size} events, more than the log's {events}"),
    "rewritten": ("日志前 {size} 条与给出的检查点不符：日志被改写过", "the first {size} events are not those of the checkpoint given: the log was rewritten"),
    "extends": ("自 {size} 条的检查点以来只增加了 {more} 条", "the log extends the checkpoint of {size} events by {more}"),
    "no-identities": ("公开版没有 identities.json", "the public form has no identities.json"),
    "other-draw": ("identities.json 属于 {draw}", "identities.json is of {draw}"),
    "no-identity": ("{expert} 没有身份，或不在名单上", "{expert} has no identity, or is not of the list"),
    "identity": ("{expert} 的身份打不开", "the identity of {expert} doesn't open"),
    "identities-hold": ("{count} 人的身份全部吻合", "{count} identities open"),
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - it says what the protocol does with the bytes
    """Something isn't as the protocol says. `code` names a text of TEXTS, `facts` fill it."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def shown(value: Any) -> str:
    """Return a fact for a terminal: no control characters, no endless text."""
    text = value if isinstance(value, str) else str(value)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:201])
    return text if len(text) <= 200 else text[:200] + "…"


def told(code: str, facts: Mapping[str, Any], lang: int) -> str:
    """Return the text of a code: lang 0 is Chinese, 1 English; a fact may be a Refused itself."""
    filled = {
        name: told(value.code, value.facts, lang) if isinstance(value, Refused) else shown(value)
        for name, value in facts.items()
    }
    return TEXTS[code][lang].format(**filled)


# ---------------------------------------------------------------------------------------------
# Bytes (section 1)
# ---------------------------------------------------------------------------------------------

sha256 = hashlib.sha256
_encoder = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
# The encoder behind JSONEncoder.encode, made once instead of at every call: a log is a million.
_make = getattr(json.encoder, "c_make_encoder", None)
_chunks = _make and _make(
    None, _encoder.default, json.encoder.encode_basestring, None, ":", ",",
    True, False, False,  # noqa: FBT003 - its signature: keys sorted, none skipped, no NaN
)  # fmt: skip


def _encode(value: Any) -> str:
    return "".join(_chunks(value, 0)) if _chunks else _encoder.encode(value)


def _number(text: str) -> int:
    if len(text) > 17 or not -(2**53) < int(text) < 2**53:
        raise ValueError("beyond 2^53")
    return int(text)


def _no_number(text: str) -> Any:
    raise ValueError(text)


_decode = json.JSONDecoder(
    parse_int=_number, parse_float=_no_number, parse_constant=_no_number
).raw_decode


def parse(data: bytes) -> Any:
    """Return the record of canonical bytes; Refused for any other bytes.

    Duplicate keys, white space, another order or another escape change the bytes of the round
    trip; floats and large integers are refused as they are read.
    """
    try:
        text = data.decode("utf-8")
        value, end = _decode(text)
        same = end == len(text) and _encode(value) == text
    except (ValueError, RecursionError):
        raise Refused("not-json") from None
    if not same:
        raise Refused("not-canonical")
    if text.count("[") + text.count("{") > DEEPEST or not text.isascii():
        _check_levels(value)
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        _check_text(value)
    return value


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of a record that this file made or parsed."""
    return bytes(_encode(value), "utf-8")


def _check_levels(value: Any) -> None:
    """Refuse records nested too deep and keys that aren't ASCII, level by level."""
    level = [value]
    for _ in range(DEEPEST):
        inside: list[Any] = []
        for outer in level:
            if isinstance(outer, dict):
                if not "".join(outer).isascii():
                    raise Refused("not-ascii-key", key="".join(outer))
                inside += [one for one in outer.values() if isinstance(one, (dict, list))]
            elif isinstance(outer, list):
                inside += [one for one in outer if isinstance(one, (dict, list))]
        if not inside:
            return
        level = inside
    raise Refused("too-deep", most=DEEPEST)


def _check_text(value: Any) -> None:
    """Refuse a text that isn't NFC; an escape beside a mark makes only the whole look so."""
    if isinstance(value, str):
        if not unicodedata.is_normalized("NFC", value):
            raise Refused("not-nfc", text=value)
    elif isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            _check_text(one)


def lp(data: bytes) -> bytes:
    """LP(x): the length of x in 8 bytes, then x."""
    return len(data).to_bytes(8, "big") + data


def u64(number: int) -> bytes:
    """8 bytes, big-endian."""
    return number.to_bytes(8, "big")


def digest_of(name: str, *parts: bytes) -> bytes:
    """H(tag, x1, …)."""
    tag = f"{PROTOCOL}/{name}".encode()
    return sha256(lp(tag) + b"".join(lp(part) for part in parts)).digest()


class Seeded:
    """M and `below` of one seed and attempt.

    HMAC-SHA256 is unrolled: its two padded states are made once and copied, which is twice as
    fast as the hmac module over 100,000s of calls.
    """

    def __init__(self, seed: bytes, attempt: int = 0) -> None:
        block = seed.ljust(64, b"\0")  # a seed is 32 bytes
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))
        self.attempt = u64(attempt)

    def keyed(self, name: str, *first: bytes) -> Callable[[bytes], bytes]:
        """Return x → M(seed, tag, first…, x) as 32 bytes (which sort as their numbers do)."""
        start, outer = self._inner.copy(), self._outer
        start.update(lp(f"{PROTOCOL}/{name}".encode()) + b"".join(lp(part) for part in first))

        def number(last: bytes) -> bytes:
            inside = start.copy()
            inside.update(len(last).to_bytes(8, "big") + last)
            outside = outer.copy()
            outside.update(inside.digest())
            return outside.digest()

        return number

    def below(self, n: int, label: bytes) -> int:
        """Return the uniform integer in [0, n) of a label."""
        draw = self.keyed("choice", self.attempt, label)
        top = n * ((1 << 256) // n)
        counter = 0
        while True:
            value = int.from_bytes(draw(u64(counter)), "big")
            if value < top:
                return value % n
            counter += 1


# ---------------------------------------------------------------------------------------------
# Signatures: Ed25519 (RFC 8032, strict), signed notes and cosignatures (C2SP), BLS of the beacon
# ---------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = Any  # (X, Y, Z, T) of extended coordinates: x = X/Z, y = Y/Z, xy = T/Z


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return int(y | (x & 1) << 255).to_bytes(32, "little")


def _decoded(data: bytes) -> Point:
    """Return the point of its canonical encoding; Refused otherwise (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Refused("point")
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = _decoded((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=256)
def _public_point(public: bytes) -> Point:
    """Return a public key's point; Refused where it is malformed or of small order."""
    point = _decoded(public)
    if _encoded(_times(8, point)) == _encoded((0, 1, 1, 0)):
        raise Refused("point")
    return point


def _holds_pure(public: bytes, message: bytes, signature: bytes) -> bool:
    point, s = _public_point(public), int.from_bytes(signature[32:], "little")
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % ORDER
    x, y, z, t = point
    return _encoded(_add(_times(s, BASE), _times(k, (P - x, y, z, P - t)))) == signature[:32]


def _holds_library(public: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds: canonical S, canonical R and key, no small order."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= ORDER:
        return False
    try:
        _public_point(public), _decoded(signature[:32])
    except Refused:
        return False
    try:
        return _holds_library(public, message, signature)
    except Exception:  # noqa: BLE001 - absent, too old or built without Ed25519: check it here
        return _holds_pure(public, message, signature)


LOG_KEY, WITNESS_KEY = 1, 4


class Key:
    """A verifier key (vkey): name, kind, 32 bytes, and the four bytes that lead its signatures."""

    def __init__(self, text: Any) -> None:
        parts = text.split("+", 2) if isinstance(text, str) else ()
        if len(parts) != 3 or not parts[0] or re.search(r"\s", text) or not text.isprintable():
            raise Refused("vkey", key=text)
        data = unbase64(parts[2])
        if len(data) != 33 or data[0] not in {LOG_KEY, WITNESS_KEY}:
            raise Refused("vkey", key=text)
        self.text, self.name, self.kind, self.public = text, parts[0], data[0], data[1:]
        self.hash = sha256(self.name.encode() + b"\n" + data).digest()[:4]
        if self.hash.hex() != parts[1]:
            raise Refused("vkey", key=text)


def unbase64(text: str) -> bytes:
    """Return the bytes of canonical base64; Refused otherwise."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Refused("base64") from None
    if base64.b64encode(data).decode() != text:
        raise Refused("base64")
    return data


class Checkpoint:
    """A checkpoint read from a signed note: origin, size, root, and its signature lines."""

    def __init__(self, note: str) -> None:
        text, separator, tail = note.partition("\n\n")
        rows, lines = text.split("\n"), tail.split("\n")
        if not separator or lines.pop() or not lines or len(rows) != 3 or not rows[0]:
            raise Refused("note")
        self.text = text + "\n"
        self.origin = rows[0]
        if not re.fullmatch("0|[1-9][0-9]{0,14}", rows[1]):
            raise Refused("note")
        self.size, self.root = int(rows[1]), unbase64(rows[2])
        self.lines = [line.split(" ") for line in lines]
        if len(self.root) != 32 or any(len(x) != 3 or x[0] != "—" for x in self.lines):
            raise Refused("note")
        if len(set(lines)) < len(lines):
            raise Refused("note")

    def opened(self, log: Key, witnesses: Sequence[Key]) -> list[tuple[Key, int]]:
        """Return who countersigned and when (Unix seconds), the log's own signature checked.

        Refused for any line that doesn't hold, also one by an unknown key.
        """
        if self.origin != log.name:
            raise Refused("origin", origin=self.origin, expected=log.name)
        signed, found = False, []
        for _, name, encoded in self.lines:
            data = unbase64(encoded)
            for key in (log, *witnesses):
                if key.name == name and key.hash == data[:4]:
                    break
            else:
                raise Refused("unknown-signer", name=name)
            if key is log:
                held = signature_holds(key.public, self.text.encode(), data[4:])
                signed = True
            else:
                when = int.from_bytes(data[4:12], "big")
                message = f"cosignature/v1\ntime {when}\n{self.text}".encode()
                held = signature_holds(key.public, message, data[12:])
                found.append((key, when))
            if not held:
                raise Refused("signature", name=name)
        if not signed:
            raise Refused("unsigned", name=log.name)
        return found


CHAIN = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"  # drand quicknet
GENESIS, PERIOD = 1692803367, 3
CHINA = 8 * 3600  # a public event's day is one in China, UTC+8
BEACON_KEY = bytes.fromhex(
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)
BEACON_DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def beacon_time(number: int) -> int:
    """Return when a quicknet round is published, in Unix seconds."""
    return GENESIS + PERIOD * (number - 1)


def beacon_holds(number: int, signature: bytes) -> bool | None:
    """Whether a quicknet round's BLS signature holds; None where no library can tell."""
    message = sha256(u64(number)).digest()
    for check in (_bls_arkworks, _bls_py_ecc):
        try:
            return check(message, signature)
        except ImportError:
            continue
    return None


def _bls_arkworks(message: bytes, signature: bytes) -> bool:
    from py_arkworks_bls12381 import GT, G1Point, G2Point

    try:
        point = G1Point.from_compressed_bytes(signature)
        hashed = G1Point.hash_to_curve(message, BEACON_DST)
        key = G2Point.from_compressed_bytes(BEACON_KEY)
        return bool(GT.pairing_check([point, -hashed], [G2Point(), key]))
    except (ValueError, TypeError, OverflowError):
        return False


def _bls_py_ecc(message: bytes, signature: bytes) -> bool:
    import py_ecc.optimized_bls12_381 as curve  # type: ignore[import-not-found]  # optional
    from py_ecc.bls.hash_to_curve import hash_to_G1  # type: ignore[import-not-found]  # optional
    from py_ecc.bls.point_compression import (  # type: ignore[import-not-found]  # optional
        decompress_G1,
        decompress_G2,
    )

    if len(signature) != 48:
        return False
    key = tuple(int.from_bytes(BEACON_KEY[at : at + 48], "big") for at in (0, 48))
    try:
        point = decompress_G1(int.from_bytes(signature, "big"))
        if curve.is_inf(point) or not curve.is_inf(curve.multiply(point, curve.curve_order)):
            return False
        hashed = hash_to_G1(message, BEACON_DST, sha256)
        own, expected = curve.pairing(curve.G2, point), curve.pairing(decompress_G2(key), hashed)
        return bool(own == expected)
    except ValueError:
        return False


# ---------------------------------------------------------------------------------------------
# Files: a folder, or a zip of exactly the bundle's own form
# ---------------------------------------------------------------------------------------------


def read(path: str) -> dict[str, bytes]:
    """Return name → bytes of a bundle's files; Refused where it isn't a zip or folder of one."""
    try:
        if os.path.isdir(path):
            return _read_folder(path)
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > LARGEST + SMALL:
                raise Refused("too-large", name=path, most=LARGEST)
            return read_zip(file.read())
    except OSError as error:
        raise Refused("unreadable", name=path, error=error.strerror or "") from None


def _read_folder(path: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = LARGEST
    for name in sorted(os.listdir(path)):
        _check_name(name, files)
        whole = os.path.join(path, name)
        state = os.lstat(whole)
        if not stat.S_ISREG(state.st_mode):
            raise Refused("not-a-file", name=name)
        left -= _check_size(name, state.st_size, left)
        with open(whole, "rb") as file:
            files[name] = file.read()
    return files


def _check_name(name: str, files: Mapping[str, bytes]) -> None:
    if name not in (*FILES, IDENTITIES):
        raise Refused("unknown-file", name=name)
    if name in files:
        raise Refused("twice", name=name)


def _check_size(name: str, size: int, left: int) -> int:
    large = name in {"events.jsonl", "result.json", "snapshot.json", IDENTITIES}
    if size > min(left, LARGEST if large else SMALL):
        raise Refused("too-large", name=name, most=LARGEST if large else SMALL)
    return size


def read_zip(data: bytes) -> dict[str, bytes]:  # noqa: C901 - one header field after another
    """Return name → bytes of a zip of the bundle's own form; Refused for any other.

    Its headers hold nothing free: entries in order of their names, one after another, without
    gaps, comments or extra fields, at 1980-01-01, mode 0644. So no byte of a zip can change
    unseen, and two readers can't see two contents.
    """
    end = data[-22:]
    if len(end) < 22 or end[:4] != b"PK\x05\x06":
        raise Refused("not-a-zip")
    disk, first, here, count, size, start, comment = struct.unpack("<4H2LH", end[4:])
    if (disk, first, here, comment) != (0, 0, count, 0) or start + size != len(data) - 22:
        raise Refused("zip-form")
    files: dict[str, bytes] = {}
    at, position, left = start, 0, LARGEST
    for _ in range(count):
        head = data[at : at + 46]
        if len(head) < 46 or head[:8] != b"PK\x01\x02\x14\x03\x14\x00":
            raise Refused("zip-form")
        fields = struct.unpack("<HHHHLLLHHHHHLL", head[8:])
        flags, method, time, date, crc, packed, whole, length, extra, note, *rest = fields
        if (flags, time, date, extra, note) != (0, 0, 0x21, 0, 0) or length > 64:
            raise Refused("zip-form")
        if rest != [0, 0, 0o644 << 16, position] or method not in {0, 8}:
            raise Refused("zip-form")
        name = data[at + 46 : at + 46 + length]
        text = name.decode("latin-1")
        if any(text <= before for before in files) and text not in files:
            raise Refused("zip-form")
        _check_name(text, files)
        left -= _check_size(text, whole, left)
        local = struct.pack("<4sHHHHHLLLHH", b"PK\x03\x04", 20, 0, method, 0, 0x21, crc, packed,
                            whole, length, 0) + name  # fmt: skip
        begin = position + len(local)
        position = begin + packed
        if data[begin - len(local) : begin] != local or position > start:
            raise Refused("zip-form")
        files[text] = _unpacked(text, data[begin:position], method, whole)
        if zlib.crc32(files[text]) != crc:
            raise Refused("zip-sum", name=text)
        at += 46 + length
    if position != start or at != start + size:
        raise Refused("zip-form")
    return files


def _unpacked(name: str, data: bytes, method: int, size: int) -> bytes:
    if method == 0:
        content, done = data, True
    else:
        machine = zlib.decompressobj(-15)
        try:
            content = machine.decompress(data, size + 1)
        except zlib.error:
            raise Refused("zip-sum", name=name) from None
        done = machine.eof and not machine.unused_data and not machine.unconsumed_tail
    if not done or len(content) != size:
        raise Refused("zip-sum", name=name)
    return content


# ---------------------------------------------------------------------------------------------
# Forms of records: every field there, none besides, each of its type (section 2 and section 9)
# ---------------------------------------------------------------------------------------------

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HEX32 = re.compile("[0-9a-f]{64}")
_HEX = re.compile("(?:[0-9a-f]{2})+")
_DRAW_ID = re.compile("(.+)/draw/([1-9][0-9]{0,8})")
_TIME = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_KEY_STRING = re.compile("(?:(?:(?:0|[1-9][0-9]*)\\.)+/)+")
Test = Callable[[Any], bool]


def is_free(value: Any) -> bool:
    """Text without control characters."""
    return isinstance(value, str) and (value.isprintable() or not _CONTROL.search(value))


def is_text(value: Any) -> bool:
    """Text that isn't empty, without control characters."""
    return is_free(value) and value != ""


def is_count(value: Any) -> bool:
    """A whole number of at least 1."""
    return type(value) is int and value >= 1


def is_index(value: Any) -> bool:
    """A whole number of at least 0."""
    return type(value) is int and value >= 0


def is_hex32(value: Any) -> bool:
    """Lower-case hex of 32 bytes."""
    return isinstance(value, str) and bool(_HEX32.fullmatch(value))


def is_hex(value: Any) -> bool:
    """Lower-case hex of some bytes."""
    return isinstance(value, str) and bool(_HEX.fullmatch(value))


@functools.lru_cache(maxsize=4096)
def _in_calendar(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_date(value: Any) -> bool:
    """A date `YYYY-MM-DD`."""
    return isinstance(value, str) and _in_calendar(value)


def is_time(value: Any) -> bool:
    """A time `YYYY-MM-DDTHH:MM:SSZ`."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    return match is not None and is_date(match.group(1))


def seconds(text: str) -> int:
    """Return the Unix seconds of a well-formed time."""
    return calendar.timegm(dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").timetuple())  # noqa: DTZ007 - UTC is read next


def clock(moment: int) -> str:
    """Return Unix seconds as the records write a time; a number where no calendar reaches it."""
    try:
        start = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - UTC by construction
        return (start + dt.timedelta(seconds=moment)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError):
        return str(moment)


def one_of(*values: str) -> Test:
    """One of a few texts."""
    return lambda value: isinstance(value, str) and value in values


def list_of(test: Test) -> Test:
    """A list of values that all pass a test."""
    return lambda value: isinstance(value, list) and all(map(test, value))


def map_of(test: Test) -> Test:
    """An object, not empty, of named values that all pass a test."""
    return lambda value: (
        isinstance(value, dict)
        and bool(value)
        and all(map(is_text, value))
        and all(map(test, value.values()))
    )


def or_null(test: Test) -> Test:
    """Null, or a value that passes a test."""
    return lambda value: value is None or test(value)


def object_of(**tests: Test) -> Test:
    """An object of exactly these fields; `class_` stands for the field `class`."""
    shape = {name.rstrip("_"): test for name, test in tests.items()}

    def holds(value: Any) -> bool:
        if not isinstance(value, dict) or value.keys() != shape.keys():
            return False
        for name, test in shape.items():  # noqa: SIM110 - a generator here costs a third more
            if not test(value[name]):
                return False
        return True

    return holds


SOURCE = {
    "commitment": object_of(kind=one_of("commitment"), party=is_text, commitment=is_hex32),
    "drand": object_of(kind=one_of("drand"), chain=is_hex32, round=is_count),
    "public": object_of(kind=one_of("public"), name=is_text, date=is_date),
}
ENTRY = {
    "commitment": object_of(kind=one_of("commitment"), party=is_text, secret=is_hex32),
    "drand": object_of(kind=one_of("drand"), round=is_count, signature=is_hex),
    "public": object_of(kind=one_of("public"), key=is_text),
}


def by_kind(shapes: Mapping[str, Test]) -> Test:
    """An object of the shape that its field `kind` names."""
    return lambda value: (
        isinstance(value, dict)
        and isinstance(value.get("kind"), str)
        and value["kind"] in shapes
        and shapes[value["kind"]](value)
    )


EXPERT = object_of(id=is_text, stratum=is_text, employer=is_free, province=is_free,
                   capacity=is_count, identity=is_hex32)  # fmt: skip
PANEL = object_of(id=is_text, class_=is_text, seats=map_of(is_count), dossiers=list_of(is_text),
                  deal=lambda value: isinstance(value, bool))  # fmt: skip
LIMIT = object_of(field=one_of("employer", "province"), scope=one_of("draw", "panel", "cell"),
                  max=is_count)  # fmt: skip
SEAT = object_of(panel=is_text, stratum=is_text, expert=is_text)
SKIP = object_of(expert=is_text, reason=is_text)
IDENTITY = object_of(id=is_text, salt=is_hex, name=is_free, document=is_free)


def is_cap(value: Any) -> bool:
    """[numerator, denominator] of a fraction in (0, 1]."""
    return list_of(is_count)(value) and len(value) == 2 and value[0] <= value[1]


def is_plan_row(value: Any) -> bool:
    """[expert, panel, stratum, numerator, denominator], positive and in lowest terms."""
    return (
        isinstance(value, list)
        and len(value) == 5
        and all(map(is_text, value[:3]))
        and all(map(is_count, value[3:]))
        and math.gcd(value[3], value[4]) == 1
    )


def numbered(draw_id: str) -> tuple[str, int]:
    """Return the round and the number of a draw's id; Refused for another form."""
    match = _DRAW_ID.fullmatch(draw_id)
    if not match:
        raise Refused("malformed", where="draw_id")
    return match.group(1), int(match.group(2))


_ALWAYS: dict[str, Test] = {
    "protocol": one_of(PROTOCOL),
    "draw_id": lambda value: is_text(value) and bool(_DRAW_ID.fullmatch(value)),
    "method": one_of("lottery", "balanced", "order"),
    "sources": lambda value: list_of(by_kind(SOURCE))(value) and bool(value),
    "locked_at": is_time,
}
_SEATING: dict[str, Test] = {
    "experts": list_of(EXPERT),
    "panels": list_of(PANEL),
    "dossiers": list_of(object_of(id=is_text, class_=is_text, province=is_free)),
    "conflicts": list_of(object_of(expert=is_text, dossier=is_text, rule=is_text)),
    "limits": list_of(LIMIT),
}
SNAPSHOT: dict[str, dict[str, Test]] = {
    "lottery": {**_ALWAYS, **_SEATING},
    "balanced": {**_ALWAYS, **_SEATING, "pair_cap": is_cap, "plan": list_of(is_plan_row)},
    "order": {**_ALWAYS, "entries": list_of(is_text), "take": is_count},
}
_HEAD: dict[str, Test] = {
    "protocol": one_of(PROTOCOL), "draw_id": is_text, "snapshot": is_hex32, "seed": is_hex32,
}  # fmt: skip
RESULT: dict[str, dict[str, Test]] = {
    "lottery": {
        **_HEAD,
        "attempt": is_index,
        "order": list_of(is_text),
        "panels": lambda value: isinstance(value, dict) and all(map(list_of(is_text), value.values())),
        "seats": list_of(SEAT),
        "passed": list_of(SKIP),
    },
    "balanced": {**_HEAD, "seats": list_of(SEAT)},
    "order": {**_HEAD, "order": list_of(is_text), "taken": list_of(is_text)},
}  # fmt: skip
PEOPLE: dict[str, Test] = {
    "protocol": one_of(PROTOCOL), "draw_id": is_text, "experts": list_of(IDENTITY),
}  # fmt: skip


def check_fields(name: str, record: Any, shape: Mapping[str, Test]) -> None:
    """Raise Refused naming the first field that is missing, unknown or malformed."""
    if not isinstance(record, dict):
        raise Refused("malformed", where=name)
    for field, test in shape.items():
        if field not in record or not test(record[field]):
            raise Refused("malformed", where=f"{name}: {field}")
    for field in sorted(record):
        if field not in shape:
            raise Refused("unknown-field", where=f"{name}: {field}")


def check_sorted(where: str, keys: Sequence[Any]) -> None:
    """Raise Refused unless keys are sorted and distinct."""
    for one, two in zip(keys, keys[1:]):
        if not one < two:
            name = two if isinstance(two, str) else " × ".join(two)
            raise Refused("not-sorted", where=where, id=name)


class Snapshot:
    """The record that was locked, with the indexes that the steps use."""

    def __init__(self, record: Any, data: bytes) -> None:
        method = record.get("method") if isinstance(record, dict) else None
        check_fields("snapshot.json", record, SNAPSHOT.get(str(method), SNAPSHOT["order"]))
        self.record = record
        self.digest = digest_of("snapshot", data)
        self.method: str = record["method"]
        self.draw_id: str = record["draw_id"]
        self.round, self.number = numbered(self.draw_id)
        self.sources: list[dict[str, Any]] = record["sources"]
        parties = [one["party"] for one in self.sources if one["kind"] == "commitment"]
        if len(set(parties)) < len(parties):
            raise Refused("party-twice")
        self.experts: dict[str, dict[str, Any]] = {}
        self.panels: dict[str, dict[str, Any]] = {}
        self.dossiers: dict[str, dict[str, Any]] = {}
        self.conflicts: set[tuple[str, str]] = set()
        self.limits: list[dict[str, Any]] = record.get("limits", [])
        if method == "order":
            check_sorted("snapshot.json: entries", record["entries"])
            if record["take"] > len(record["entries"]):
                raise Refused("malformed", where="snapshot.json: take")
            return
        for name in ("experts", "panels", "dossiers"):
            check_sorted(f"snapshot.json: {name}", [one["id"] for one in record[name]])
            setattr(self, name, {one["id"]: one for one in record[name]})
        scopes = Counter((one["field"], one["scope"]) for one in self.limits)
        for (field, scope), count in scopes.items():
            if count > 1:
                raise Refused("not-sorted", where="snapshot.json: limits", id=f"{field} {scope}")
        pairs = [(one["expert"], one["dossier"], one["rule"]) for one in record["conflicts"]]
        check_sorted("snapshot.json: conflicts", pairs)
        self.conflicts = {pair[:2] for pair in pairs}
        self._check_ids()
        if method == "balanced":
            check_sorted("snapshot.json: plan", [tuple(row[:3]) for row in record["plan"]])

    def _check_ids(self) -> None:  # noqa: C901 - one rule of section 2 after another
        held: set[str] = set()
        for panel in self.panels.values():
            for dossier in panel["dossiers"]:
                if dossier not in self.dossiers:
                    raise Refused("unknown-id", where="snapshot.json: panels", id=dossier)
                if dossier in held:
                    raise Refused("not-sorted", where="snapshot.json: panels", id=dossier)
                held.add(dossier)
            if panel["deal"] and self.method == "balanced":
                raise Refused("balanced-deal", panel=panel["id"])
        dealt = {panel["class"] for panel in self.panels.values() if panel["deal"]}
        for name, one in self.dossiers.items():
            if name not in held and one["class"] not in dealt:
                raise Refused("unknown-id", where="snapshot.json: panels", id=name)
        for expert, dossier in sorted(self.conflicts):
            if expert not in self.experts or dossier not in self.dossiers:
                raise Refused(
                    "unknown-id", where="snapshot.json: conflicts", id=f"{expert} × {dossier}"
                )
        for name, one in self.experts.items():
            if self.method == "lottery" and one["capacity"] != 1:
                raise Refused("malformed", where=f"snapshot.json: experts {name} capacity")

    def cells(self) -> dict[tuple[str, str], int]:
        """Return (panel, stratum) → seats."""
        return {
            (panel["id"], stratum): count
            for panel in self.panels.values()
            for stratum, count in panel["seats"].items()
        }


# ---------------------------------------------------------------------------------------------
# The log: events, Merkle tree (RFC 6962 section 2.1), keys
# ---------------------------------------------------------------------------------------------

_PLACE = {"draw_id": is_text, "panel": is_text, "stratum": is_text}
BODIES: dict[str, dict[str, Test]] = {
    "log.opened": {"origin": is_text, "key": is_text},
    "key.rotated": {"old": is_text, "new": is_text},
    "witness.registered": {"key": is_text},
    "checkpoint.signed": {"note": lambda value: isinstance(value, str)},
    "commitment.given": {"draw_id": is_text, "party": is_text, "commitment": is_hex32},
    "draw.locked": {
        "draw_id": lambda value: is_text(value) and bool(_DRAW_ID.fullmatch(value)),
        "snapshot": is_hex32,
        "method": one_of("lottery", "balanced", "order"),
    },
    "draw.revealed": {
        "draw_id": is_text, "index": is_index, "source": lambda value: isinstance(value, dict),
    },
    "draw.completed": {
        "draw_id": is_text, "snapshot": is_hex32, "seed": is_hex32, "result": is_hex32,
    },
    "draw.voided": {"draw_id": is_text, "reason": is_text, "missing": list_of(is_index)},
    "conflict.declared": {
        "draw_id": is_text, "expert": is_text, "dossier": is_text, "rule": is_text,
    },
    "expert.unavailable": {"draw_id": is_text, "expert": is_text},
    "seat.accepted": {**_PLACE, "expert": is_text},
    "seat.vacated": {
        **_PLACE, "expert": is_text, "dossier": or_null(is_text), "reason": is_text,
    },
    "seat.replaced": {
        **_PLACE, "vacated": is_text, "dossier": or_null(is_text), "expert": or_null(is_text),
        "skipped": list_of(SKIP),
    },
}  # fmt: skip
_EVENT = {"seq", "time", "actor", "type", "body"}
_ACTOR = {"role", "id"}


class Event:
    """An event of a type that the steps read."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.seq: int = record["seq"]
        self.time: str = record["time"]
        self.type: str = record["type"]
        self.body: dict[str, Any] = record["body"]


class Log:
    """The log: `leaves` holds the hash of every line, `events` those events that the steps read."""

    def __init__(self, data: bytes) -> None:
        self.events: list[Event] = []
        self.last_time = ""
        self._lines = data.split(b"\n")
        self.whole = not self._lines.pop() and bool(self._lines)  # it ends with a line end
        self.leaves = [sha256(b"\0" + line).digest() for line in self._lines]
        self._levels: list[list[bytes]] = []

    def read(self, refuse: Callable[[str, Mapping[str, Any]], None]) -> None:
        """Check the events one by one; whatever isn't as it should be goes to `refuse`."""
        if not self.whole:
            refuse("last-line", {})
        lines, self._lines = self._lines, []
        for seq, line in enumerate(lines):
            try:
                self._take(seq, line)
            except Refused as error:
                refuse("event", {"seq": seq, "inner": error})
        if not self.events or self.events[0].type != "log.opened" or self.events[0].seq:
            refuse("not-opened", {})

    def _take(self, seq: int, line: bytes) -> None:  # noqa: C901, PLR0912 - one field after another
        if len(line) > LINE:
            raise Refused("too-large", name="events.jsonl", most=LINE)
        record = parse(line)
        if not isinstance(record, dict) or record.keys() != _EVENT:
            raise Refused("malformed", where="event")
        if type(record["seq"]) is not int or record["seq"] != seq:
            raise Refused("gap", found=record["seq"])
        time, actor, kind, body = record["time"], record["actor"], record["type"], record["body"]
        if time != self.last_time:
            if not is_time(time):
                raise Refused("malformed", where="time")
            if time < self.last_time:
                raise Refused("time-back", time=time)
            self.last_time = time
        if not isinstance(actor, dict) or actor.keys() != _ACTOR:
            raise Refused("malformed", where="actor")
        if not (is_free(actor["role"]) and is_free(actor["id"])):
            raise Refused("malformed", where="actor")
        if not isinstance(body, dict) or not isinstance(kind, str) or not kind:
            raise Refused("malformed", where="type")
        shape = BODIES.get(kind)
        if shape is None:
            return
        for field, test in shape.items():
            if field not in body or not test(body[field]):
                raise Refused("malformed", where=f"{kind} {field}")
        if kind == "log.opened" and seq:
            raise Refused("malformed", where=kind)
        self.events.append(Event(record))

    def of(self, *kinds: str) -> Iterator[Event]:
        """Return the events of some types, in order."""
        return (event for event in self.events if event.type in kinds)

    def of_draw(self, draw_id: str, *kinds: str) -> list[Event]:
        """Return the events of some types that belong to a draw, in order."""
        return [event for event in self.of(*kinds) if event.body["draw_id"] == draw_id]

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` events."""
        if not self._levels:
            self._levels.append(self.leaves)
            while len(self._levels[-1]) > 1:
                below = self._levels[-1]
                self._levels.append(
                    [sha256(b"\1" + a + b).digest() for a, b in zip(below[::2], below[1::2])]
                )
        digest, done = b"", 0
        tops = []  # complete subtrees from the left
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                tops.append(self._levels[level][done >> level])
                done += 1 << level
        while tops:
            top = tops.pop()
            digest = sha256(b"\1" + top + digest).digest() if digest else top
        return digest or sha256(b"").digest()


class Keys:
    """The keys that the log itself names: the log's own in order, the witnesses'."""

    def __init__(self, log: Log) -> None:
        self.log: list[tuple[int, Key]] = []  # (seq of the event that named it, key)
        self.witnesses: list[tuple[int, Key]] = []
        for event in log.of("log.opened", "key.rotated", "witness.registered"):
            witness = event.type == "witness.registered"
            key = Key(event.body["new" if event.type == "key.rotated" else "key"])
            if key.kind != (WITNESS_KEY if witness else LOG_KEY):
                raise Refused("vkey", key=key.text)
            if witness:
                self.witnesses.append((event.seq, key))
                continue
            if self.log and (
                event.body["old"] != self.log[-1][1].text or key.name != self.log[0][1].name
            ):
                raise Refused("rotation", seq=event.seq)
            if not self.log and event.body["origin"] != key.name:
                raise Refused("vkey", key=key.text)
            self.log.append((event.seq, key))
        if not self.log:
            raise Refused("no-key")

    def in_force(self, size: int) -> Key:
        """Return the log's key for a checkpoint of `size` events."""
        found = [key for seq, key in self.log if seq < size]
        if not found:
            raise Refused("no-key")
        return found[-1]


# ---------------------------------------------------------------------------------------------
# The draw by lottery and by order (sections 4 and 5)
# ---------------------------------------------------------------------------------------------


def in_order(seeded: Seeded, ids: Iterable[str]) -> list[str]:
    """Return ids by M(seed, order, u64(attempt), id), then id."""
    number = seeded.keyed("order", seeded.attempt)
    return [one for _, one in sorted((number(one.encode()), one) for one in ids)]


def dealt(snapshot: Snapshot, seeded: Seeded) -> dict[str, list[str]]:
    """Return panel → dossiers: those fixed by hand, then those dealt, in order (section 4)."""
    hands = {panel["id"]: list(panel["dossiers"]) for panel in snapshot.panels.values()}
    fixed = {dossier for hand in hands.values() for dossier in hand}
    number = seeded.keyed("deal", seeded.attempt)
    takers: dict[str, list[str]] = defaultdict(list)
    for panel in snapshot.panels.values():
        if panel["deal"]:
            takers[panel["class"]].append(panel["id"])
    for class_, panels in sorted(takers.items()):
        pile = sorted(
            (one["province"], number(one["id"].encode()), one["id"])
            for one in snapshot.dossiers.values()
            if one["class"] == class_ and one["id"] not in fixed
        )
        start = seeded.below(len(panels), lp(b"deal") + lp(class_.encode()))
        for place, (_, _, dossier) in enumerate(pile, start):
            hands[panels[place % len(panels)]].append(dossier)
    return hands


class Limits:
    """How many of each value sit in each scope; an empty code counts for no limit."""

    def __init__(self, limits: Sequence[Mapping[str, Any]]) -> None:
        self._limits = [
            (at, one["field"], one["scope"], one["max"]) for at, one in enumerate(limits)
        ]
        self.counts: Counter[tuple[Any, ...]] = Counter()

    def _places(
        self, expert: Mapping[str, Any], panel: str
    ) -> Iterator[tuple[tuple[Any, ...], int]]:
        for at, field, scope, most in self._limits:
            value = expert[field]
            if value and scope == "draw":
                yield (at, value), most
            elif value and scope == "panel":
                yield (at, value, panel), most
            elif value:
                yield (at, value, panel, expert["stratum"]), most

    def room(self, expert: Mapping[str, Any], panel: str) -> bool:
        """Whether one more seat of this expert keeps every limit."""
        return all(self.counts[place] < most for place, most in self._places(expert, panel))

    def count(self, expert: Mapping[str, Any], panel: str, change: int = 1) -> None:
        """Count a seat, or take it back."""
        for place, _ in self._places(expert, panel):
            self.counts[place] += change

    def broken(self) -> list[tuple[str, str]]:
        """Return (field, value) of every limit that is exceeded."""
        return sorted(
            (self._limits[place[0]][1], place[1])
            for place, count in self.counts.items()
            if count > self._limits[place[0]][3]
        )


def walked(snapshot: Snapshot, seed: bytes, attempt: int) -> dict[str, Any] | None:  # noqa: C901 - the walk of section 5, in its order
    """Return what one walk through the list gives; None where it ends with seats open."""
    seeded = Seeded(seed, attempt)
    panels = dealt(snapshot, seeded)
    holder = {dossier: panel for panel, hand in panels.items() for dossier in hand}
    barred: dict[str, set[str]] = defaultdict(set)
    for one, dossier in snapshot.conflicts:
        barred[one].add(holder[dossier])
    open_seats: dict[str, dict[str, int]] = defaultdict(dict)
    for (panel, stratum), count in snapshot.cells().items():
        open_seats[stratum][panel] = count
    left = sum(snapshot.cells().values())
    limits, seats, passed = Limits(snapshot.limits), [], []
    order = in_order(seeded, snapshot.experts)
    nowhere: dict[str, int] = {}
    nobody: set[str] = set()
    for name in order:
        if not left:
            break
        expert = snapshot.experts[name]
        stratum = expert["stratum"]
        cells = open_seats.get(stratum, nowhere)
        if not cells:
            passed.append({"expert": name, "reason": "seats-full"})
            continue
        free = [panel for panel in cells if panel not in barred.get(name, nobody)]
        if not free:
            passed.append({"expert": name, "reason": "conflict"})
            continue
        free = [panel for panel in free if limits.room(expert, panel)]
        if not free:
            passed.append({"expert": name, "reason": "limit"})
            continue
        ticket = seeded.below(sum(cells[panel] for panel in free), lp(b"seat") + lp(name.encode()))
        for panel in free:
            ticket -= cells[panel]
            if ticket < 0:
                break
        cells[panel] -= 1
        if not cells[panel]:
            del cells[panel]
        left -= 1
        limits.count(expert, panel)
        seats.append({"panel": panel, "stratum": stratum, "expert": name})
    if left:
        return None
    seats.sort(key=lambda seat: (seat["panel"], seat["stratum"], seat["expert"]))
    return {"attempt": attempt, "order": order, "panels": panels, "seats": seats, "passed": passed}


def drawn(snapshot: Snapshot, seed: bytes, attempts: int) -> dict[str, Any]:
    """Return the result that the protocol gives; Refused where `attempts` are not enough."""
    head = {
        "protocol": PROTOCOL, "draw_id": snapshot.draw_id, "snapshot": snapshot.digest.hex(),
        "seed": seed.hex(),
    }  # fmt: skip
    if snapshot.method == "order":
        order = in_order(Seeded(seed), snapshot.record["entries"])
        return {**head, "order": order, "taken": order[: snapshot.record["take"]]}
    if snapshot.method == "balanced":
        network = Balanced(snapshot)
        network.check()
        return {**head, "seats": network.rounded(seed)}
    for attempt in range(min(attempts, 1000)):
        found = walked(snapshot, seed, attempt)
        if found:
            return {**head, **found}
    raise Refused("no-walk", attempts=min(attempts, 1000))


# ---------------------------------------------------------------------------------------------
# The balanced draw: its network, the check of its plan, its rounding (section 6)
# ---------------------------------------------------------------------------------------------

FINEST = 1 << 13  # bits of a common denominator
MOST_PAIRS = 1 << 25


def _strictest(snapshot: Snapshot, *scopes: str) -> dict[str, int]:
    """Return field → the smallest maximum among the limits of some scopes."""
    found: dict[str, int] = {}
    for limit in snapshot.limits:
        if limit["scope"] in scopes:
            found[limit["field"]] = min(limit["max"], found.get(limit["field"], limit["max"]))
    return found


def _nested(experts: Sequence[Mapping[str, Any]], fields: Iterable[str]) -> list[list[Any]]:
    """Return each expert's limited values, the larger set first; Refused where two sets cross.

    Where both hold the same experts, the province is the outer one.
    """
    names = [field for field in ("province", "employer") if field in fields]
    held = [[(field, one[field]) for field in names if one[field]] for one in experts]
    members = Counter(value for values in held for value in values)
    shared = Counter(tuple(values) for values in held if len(values) == 2)
    for (province, employer), count in shared.items():
        if count not in {members[province], members[employer]}:
            raise Refused("crossing", one=province[1], two=employer[1])
    return [
        values[::-1] if len(values) == 2 and shared[tuple(values)] < members[values[1]] else values
        for values in held
    ]


def _name(kind: str, *parts: str) -> bytes:
    return lp(kind.encode()) + lp(b"".join(lp(part.encode()) for part in parts))


class Arc:
    """An arc with its flow, an integer over the common denominator of its block."""

    __slots__ = ("alive", "flow", "head", "room", "tail", "whole")

    def __init__(self, tail: int, head: int, room: int) -> None:
        self.tail, self.head, self.room = tail, head, room
        self.flow, self.whole, self.alive = 0, 1, False


class Balanced:
    """The network of section 6 with the flow of the plan. Node 0 is source and sink.

    `stem` is the one arc by which a group or an expert is reached from the hub's side, and by
    which a limit or a cell is left towards it. `pairs` are the arcs with a positive chance.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.names = [lp(b"source") + lp(b"")]
        self.stem: list[Arc] = [Arc(0, 0, 0)]
        self.pairs: dict[tuple[str, tuple[str, str]], Arc] = {}
        self.cap: list[int] = snapshot.record["pair_cap"]
        self.cells = dict.fromkeys(sorted(snapshot.cells()), 0)
        self.experts: dict[str, int] = {}
        self._limits: dict[tuple[tuple[str, str], Any], int] = {}
        self._add_experts()
        self.eligible = self._eligible()
        self._entry = self._add_cells()
        self._read_plan()

    def _node(self, name: bytes) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def _add_experts(self) -> None:
        most = _strictest(self.snapshot, "draw")
        people = list(self.snapshot.experts.values())
        groups: dict[Any, int] = {}
        for one, chain in zip(people, _nested(people, most)):
            before = 0
            for value in chain:
                if value not in groups:
                    groups[value] = self._node(_name("group", *value))
                    self.stem.append(Arc(before, groups[value], most[value[0]]))
                before = groups[value]
            node = self._node(lp(b"expert") + lp(one["id"].encode()))
            self.experts[one["id"]] = node
            self.stem.append(Arc(before, node, one["capacity"]))
        self.grouped = bool(groups)

    def _eligible(self) -> dict[tuple[str, str], list[str]]:
        """Return cell → experts of its stratum without conflict."""
        of_stratum: dict[str, list[str]] = defaultdict(list)
        for name, one in self.snapshot.experts.items():
            of_stratum[one["stratum"]].append(name)
        if sum(len(of_stratum[stratum]) for _, stratum in self.cells) > MOST_PAIRS:
            raise Refused("too-many-pairs", most=MOST_PAIRS)
        holder = {
            dossier: panel["id"]
            for panel in self.snapshot.panels.values()
            for dossier in panel["dossiers"]
        }
        barred = {(expert, holder[dossier]) for expert, dossier in self.snapshot.conflicts}
        return {
            (panel, stratum): [one for one in of_stratum[stratum] if (one, panel) not in barred]
            for panel, stratum in self.cells
        }

    def _add_cells(self) -> dict[tuple[str, tuple[str, str]], int]:
        """Add cells and their limits; return (expert, cell) → the node it enters, where limited."""
        most = _strictest(self.snapshot, "cell", "panel")
        panels = self.snapshot.panels.values()
        if any(one["scope"] == "panel" for one in self.snapshot.limits) and any(
            len(panel["seats"]) > 1 for panel in panels
        ):
            raise Refused("crossing", one="panel", two="cell")
        seats = self.snapshot.cells()
        for cell in self.cells:
            self.cells[cell] = self._node(_name("cell", *cell))
            self.stem.append(Arc(self.cells[cell], 0, seats[cell]))
        entry: dict[tuple[str, tuple[str, str]], int] = {}
        for cell, names in self.eligible.items() if most else ():
            people = [self.snapshot.experts[name] for name in names]
            for name, chain in zip(names, _nested(people, most)):
                before = self.cells[cell]
                for value in chain:
                    if (cell, value) not in self._limits:
                        node = self._node(_name("limit", *cell, *value))
                        self._limits[cell, value] = node
                        self.stem.append(Arc(node, before, most[value[0]]))
                    before = self._limits[cell, value]
                if chain:
                    entry[name, cell] = before
        return entry

    # The plan.

    def _read_plan(self) -> None:  # noqa: C901 - one pass over the rows
        allowed = {cell: set(names) for cell, names in self.eligible.items()}
        plan = self.snapshot.record["plan"]
        numerator, denominator = self.cap
        block = list(range(len(self.names)))  # union-find over the network without the hub

        def find(node: int) -> int:
            while block[node] != node:
                block[node] = block[block[node]]
                node = block[node]
            return node

        for arc in self.stem:
            if arc.tail and arc.head:
                block[find(arc.tail)] = find(arc.head)
        for name, panel, stratum, over, under in plan:
            cell = (panel, stratum)
            if name not in allowed.get(cell, ()):
                raise Refused("plan-pair", expert=name, panel=panel)
            if over * denominator > numerator * under:
                raise Refused("plan-cap", expert=name, panel=panel, chance=f"{over}/{under}")
            arc = Arc(self.experts[name], self._entry.get((name, cell), self.cells[cell]), 1)
            block[find(arc.tail)] = find(arc.head)
            self.pairs[name, cell] = arc
        common: dict[int, int] = defaultdict(lambda: 1)
        for name, _, _, _, under in plan:
            node = find(self.experts[name])
            common[node] = common[node] * under // math.gcd(common[node], under)
            if common[node].bit_length() > FINEST:
                raise Refused("too-fine", bits=FINEST)
        for arc in self.stem:
            arc.whole = common[find(arc.tail or arc.head)]
        for arc, (_, _, _, over, under) in zip(self.pairs.values(), plan):
            arc.whole = common[find(arc.tail)]
            self._send(arc, over * (arc.whole // under))

    def _send(self, arc: Arc, amount: int) -> None:
        """Send a pair's chance through the stems on both sides."""
        arc.flow = amount
        node = arc.tail
        while node:
            self.stem[node].flow += amount
            node = self.stem[node].tail
        node = arc.head
        while node:
            self.stem[node].flow += amount
            node = self.stem[node].head

    def check(self) -> None:
        """Refuse a plan that leaves a seat, breaks a limit, or isn't leximin-optimal."""
        for cell, node in self.cells.items():
            arc = self.stem[node]
            if arc.flow != arc.room * arc.whole:
                raise Refused("plan-cell", panel=cell[0], stratum=cell[1])
        for arc in self.stem[1:]:
            if arc.flow > arc.room * arc.whole:
                raise Refused("plan-limit", node=self._told(arc))
        unfair = self._unfair()
        if unfair:
            raise Refused("plan-unfair", expert=unfair)

    def _told(self, arc: Arc) -> str:
        node = arc.head or arc.tail
        text = self.names[max(arc.tail, node) if arc.tail > arc.head else arc.head]
        return re.sub("[\x00-\x1f]+", " ", text.decode()).strip()

    def _unfair(self) -> str | None:
        """Return an expert whose load could rise at the cost of larger loads only, or None.

        There is one at load v exactly where, in the residual graph in which only experts above v
        may fall, both ends of the expert's stem lie in one strong component. Ascending v only
        takes arcs away, so that the next level looks inside the components of this one.
        """
        out = self._residual()
        stems = {node: self.stem[node] for node in self.experts.values()}
        loads = {node: Fraction(arc.flow, arc.whole) for node, arc in stems.items()}
        known = {node: name for name, node in self.experts.items()}
        part = [0] * len(self.names)
        alive = list(range(len(self.names)))
        for level in sorted(set(loads.values())):
            falling = {
                node: stems[node].tail
                for node in alive
                if node in loads and loads[node] > level
            }  # fmt: skip
            _strong_parts(out, falling, part, alive)
            for node in alive:
                if loads.get(node) != level or part[node] != part[stems[node].tail]:
                    continue
                if stems[node].flow < stems[node].room * stems[node].whole:
                    return known[node]
            higher = {part[node] for node in falling}
            alive = [node for node in alive if part[node] in higher]
        return None

    def _residual(self) -> list[list[int]]:
        """Return the residual arcs of every node, but for the falling loads of experts."""
        numerator, denominator = self.cap
        out: list[list[int]] = [[] for _ in self.names]
        experts = set(self.experts.values())
        for node, arc in enumerate(self.stem):
            if not arc.head:
                continue  # the hub itself; cells are full for good
            if arc.flow < arc.room * arc.whole:
                out[arc.tail].append(arc.head)
            if arc.flow and node not in experts:
                out[arc.head].append(arc.tail)
        for cell, names in self.eligible.items():
            for name in names:
                tail = self.experts[name]
                head = self._entry.get((name, cell), self.cells[cell])
                pair = self.pairs.get((name, cell))
                if not pair or pair.flow * denominator < numerator * pair.whole:
                    out[tail].append(head)
                if pair:
                    out[head].append(tail)
        return out

    # The rounding.

    def rounded(self, seed: bytes) -> list[dict[str, str]]:
        """Return the seats that the seed makes of the plan's chances."""
        arcs = [arc for arc in (*self.stem[1:], *self.pairs.values()) if arc.flow % arc.whole]
        seeded = Seeded(seed)
        number = {tail: seeded.keyed("arc", self.names[tail]) for tail in {a.tail for a in arcs}}
        arcs = [arc for _, _, arc in sorted(
            (number[arc.tail](self.names[arc.head]), at, arc) for at, arc in enumerate(arcs)
        )]  # fmt: skip
        _Rounding(arcs, seeded).run()
        return [
            {"panel": panel, "stratum": stratum, "expert": name}
            for panel, stratum, name in sorted(
                (*cell, name) for (name, cell), arc in self.pairs.items() if arc.flow
            )
        ]


def _strong_parts(  # noqa: C901, PLR0912 - Tarjan's algorithm, its recursion unrolled
    out: Sequence[Sequence[int]], falling: Mapping[int, int], part: list[int], alive: Sequence[int]
) -> None:
    """Relabel `part` of the nodes alive by strong components within their present parts.

    Tarjan's algorithm without recursion; `falling` gives an expert's further arc.
    """
    old = {node: part[node] for node in alive}
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    label = max(part, default=0) + 1
    for start in alive:
        if start in order:
            continue
        work: list[tuple[int, Iterator[int]]] = []
        node = start
        while True:
            if node not in order:
                order[node] = low[node] = len(order)
                stack.append(node)
                on_stack.add(node)
                more = out[node] if node not in falling else (*out[node], falling[node])
                work.append((node, iter(more)))
            node, rest = work[-1]
            deeper = None
            for head in rest:
                if old.get(head) != old[node]:
                    continue
                if head not in order:
                    deeper = head
                    break
                if head in on_stack and order[head] < low[node]:
                    low[node] = order[head]
            if deeper is not None:
                node = deeper
                continue
            work.pop()
            if low[node] == order[node]:
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    part[member] = label
                    if member == node:
                        break
                label += 1
            if not work:
                break
            above = work[-1][0]
            low[above] = min(low[above], low[node])
            node = above


class _Rounding:
    """Rounds fractional arcs, given in order of rank, one cycle at a time.

    The walk of a step repeats that of the step before up to the first arc that has become an
    integer, since only arcs of the cycle changed: it is resumed there.
    """

    def __init__(self, arcs: Sequence[Arc], seeded: Seeded) -> None:
        self._seeded = seeded
        self._waiting = list(reversed(arcs))
        self._at: dict[int, list[Arc]] = defaultdict(list)  # node → its arcs, lowest rank last
        for arc in self._waiting:
            arc.alive = True
            self._at[arc.tail].append(arc)
            self._at[arc.head].append(arc)
        self._walk: list[Arc] = []
        self._nodes: list[int] = []

    def run(self) -> None:
        """Round until no arc is fractional."""
        step = 0
        place: dict[int, int] = {}
        while True:
            if not self._walk:
                while self._waiting and not self._waiting[-1].alive:
                    self._waiting.pop()
                if not self._waiting:
                    return
                self._nodes = [self._waiting[-1].tail]
                place = {self._nodes[0]: 0}
            begin = self._to_cycle(place)
            cut = begin + self._turn(begin, step)
            step += 1
            for node in self._nodes[cut + 1 : -1]:
                del place[node]
            del self._walk[cut:], self._nodes[cut + 1 :]

    def _to_cycle(self, place: dict[int, int]) -> int:
        """Walk until a node repeats; return where on the walk it stood."""
        while True:
            node = self._nodes[-1]
            arc = self._lowest(node, self._walk[-1] if self._walk else None)
            node = arc.head if arc.tail == node else arc.tail
            self._walk.append(arc)
            self._nodes.append(node)
            if node in place:
                return place[node]
            place[node] = len(self._walk)

    def _lowest(self, node: int, used: Arc | None) -> Arc:
        here = self._at[node]
        while here and not here[-1].alive:
            here.pop()
        if here and here[-1] is not used:
            return here[-1]
        last = len(here) - 2
        while last >= 0 and not here[last].alive:
            last -= 1
        del here[last + 1 : -1]
        if last < 0:
            raise Refused("plan-flow")
        return here[last]

    def _turn(self, begin: int, step: int) -> int:
        """Round the cycle by the seed; return which of its arcs first became an integer."""
        cycle = self._walk[begin:]
        whole = cycle[0].whole
        forth = cycle[0].tail == self._nodes[begin]  # oriented by the first arc
        ahead = [
            (arc.tail == node) == forth for arc, node in zip(cycle, self._nodes[begin:])
        ]  # fmt: skip
        # How far each arc can go back along the orientation before it is an integer.
        back = [
            arc.flow % whole if with_it else whole - arc.flow % whole
            for arc, with_it in zip(cycle, ahead)
        ]
        up, down = whole - max(back), min(back)
        common = math.gcd(math.gcd(up, down), whole)
        ticket = self._seeded.below((up + down) // common, lp(b"cycle") + u64(step))
        amount = up if ticket < down // common else -down
        first = -1
        for at, (arc, with_it) in enumerate(zip(cycle, ahead)):
            arc.flow += amount if with_it else -amount
            if arc.flow % whole == 0:
                arc.alive = False
                first = at if first < 0 else first
        return first


# ---------------------------------------------------------------------------------------------
# Replacements from the events of a draw (sections 5 and 6)
# ---------------------------------------------------------------------------------------------


class Seating:
    """Who sits where as the log changes it. A part is a stand-in's seat, for one dossier alone."""

    def __init__(self, snapshot: Snapshot, result: Mapping[str, Any], seed: bytes) -> None:
        self.snapshot = snapshot
        self._order: list[str] = result.get("order", [])
        self._seeded = Seeded(seed)
        self._hands: Mapping[str, Sequence[str]] = result.get("panels") or {
            panel["id"]: panel["dossiers"] for panel in snapshot.panels.values()
        }
        self._conflicts = set(snapshot.conflicts)
        self._limits = Limits(snapshot.limits)
        self._unavailable: set[str] = set()
        self._ever: set[tuple[str, str]] = set()  # (panel or "", expert)
        self._load: Counter[str] = Counter()
        self._given_up: set[tuple[str, str, str, str | None]] = set()  # dossiers of kept seats
        self.seats: set[tuple[str, str, str, str | None]] = set()
        for seat in result["seats"]:
            self._sit(seat["panel"], seat["stratum"], seat["expert"], None)

    def _sit(self, panel: str, stratum: str, name: str, dossier: str | None) -> None:
        self.seats.add((panel, stratum, name, dossier))
        self._ever.add((panel if self.snapshot.method == "balanced" else "", name))
        self._count(panel, name, 1)

    def _count(self, panel: str, name: str, change: int) -> None:
        self._limits.count(self.snapshot.experts[name], panel, change)
        self._load[name] += change

    def take(self, event: Event) -> dict[str, Any] | None:
        """Take an event; for a vacated seat return the seat.replaced that must follow."""
        body = event.body
        if event.type == "conflict.declared":
            self._conflicts.add((body["expert"], body["dossier"]))
        elif event.type == "expert.unavailable":
            self._unavailable.add(body["expert"])
        elif event.type == "seat.accepted":
            place = (body["panel"], body["stratum"], body["expert"])
            if not any(seat[:3] == place for seat in self.seats):
                raise Refused("no-such-seat", seq=event.seq, expert=body["expert"])
        elif event.type == "seat.vacated":
            return self._vacated(event)
        return None

    def _vacated(self, event: Event) -> dict[str, Any]:
        panel, stratum, name, dossier = (
            event.body[field] for field in ("panel", "stratum", "expert", "dossier")
        )
        whole, part = (panel, stratum, name, None), (panel, stratum, name, dossier)
        if whole not in self.seats and part not in self.seats:
            raise Refused("no-such-seat", seq=event.seq, expert=name)
        if dossier is not None and dossier not in self._hands[panel]:
            raise Refused("no-such-seat", seq=event.seq, expert=name)
        if part not in self.seats:
            if part in self._given_up:
                raise Refused("no-such-seat", seq=event.seq, expert=name)
            self._given_up.add(part)
        self.seats.discard(part)
        self._count(panel, name, -1)
        dossiers = self._hands[panel] if dossier is None else [dossier]
        skipped, taken = [], None
        for candidate in self._candidates(panel):
            reason = self._reason(candidate, panel, stratum, dossiers)
            if reason is None:
                taken = candidate
                break
            skipped.append({"expert": candidate, "reason": reason})
        if whole in self.seats:  # keeps the seat for the other dossiers
            self._count(panel, name, 1)
        if taken is not None:
            self._sit(panel, stratum, taken, dossier)
        return {
            "panel": panel, "stratum": stratum, "vacated": name, "dossier": dossier,
            "expert": taken, "skipped": skipped,
        }  # fmt: skip

    def _candidates(self, panel: str) -> Sequence[str]:
        if self.snapshot.method != "balanced":
            return self._order
        number = self._seeded.keyed("replacement", panel.encode())
        return [
            one for _, one in sorted((number(one.encode()), one) for one in self.snapshot.experts)
        ]

    def _reason(self, name: str, panel: str, stratum: str, dossiers: Sequence[str]) -> str | None:
        balanced = self.snapshot.method == "balanced"
        expert = self.snapshot.experts[name]
        if (panel if balanced else "", name) in self._ever:
            return "seated"
        if name in self._unavailable:
            return "unavailable"
        if expert["stratum"] != stratum:
            return "stratum"
        if any((name, dossier) in self._conflicts for dossier in dossiers):
            return "conflict"
        if balanced and self._load[name] >= expert["capacity"]:
            return "capacity"
        return None if self._limits.room(expert, panel) else "limit"


# ---------------------------------------------------------------------------------------------
# The twelve steps (section 8)
# ---------------------------------------------------------------------------------------------


class Stopped(Exception):  # noqa: N818 - control flow of the early exit, not an error
    """The first failure was met and nobody wants to know more."""


class Line:
    """One numbered line: what failed, what couldn't be checked, what holds."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.failed: list[tuple[str, Mapping[str, Any]]] = []
        self.open: list[tuple[str, Mapping[str, Any]]] = []
        self.held: list[tuple[str, Mapping[str, Any]]] = []

    @property
    def status(self) -> str:
        """PASS, FAIL or NOT CHECKED."""
        return "FAIL" if self.failed else "NOT CHECKED" if self.open else "PASS"

    def text(self, lang: int) -> str:
        """Return the line's text: failures first, then what is open, then what holds."""
        found = [told(code, facts, lang) for code, facts in self.failed[:SHOWN]]
        if len(self.failed) > SHOWN:
            found.append(told("more", {"count": len(self.failed) - SHOWN}, lang))
        found += [told(code, facts, lang) for code, facts in self.open]
        if not self.failed:
            found += [told(code, facts, lang) for code, facts in self.held]
        return ("；", "; ")[lang].join(found)


class Verification:
    """A run over the files of one bundle; `lines` are the twelve verdicts."""

    def __init__(
        self, files: Mapping[str, bytes], *, previous: str | None = None,
        keys: Sequence[str] = (), beacon: bool = True, stop: bool = False,
    ) -> None:  # fmt: skip
        self.files, self.previous, self.trusted = files, previous, keys
        self.beacon, self.stop = beacon, stop
        self.lines = [Line(step) for step in range(1, 13)]
        self.snapshot: Snapshot | None = None
        self.sources: list[Any] | None = None
        self.result: dict[str, Any] | None = None
        self.people: dict[str, Any] | None = None
        self.log: Log | None = None
        self.log_keys: Keys | None = None
        self.checkpoint: Checkpoint | None = None
        self.witnessed: list[tuple[int, int]] = []  # (size, Unix seconds) of countersignatures
        self.seed: bytes | None = None
        self.ok = True

    def fail(self, step: int, code: str, **facts: Any) -> None:
        """Note a failure of a step."""
        self.lines[step - 1].failed.append((code, facts))
        self.ok = False
        if self.stop:
            raise Stopped

    def refused(self, step: int, error: Refused) -> None:
        """Note a refusal as a failure of a step."""
        self.fail(step, error.code, **error.facts)

    def skip(self, step: int, code: str, **facts: Any) -> None:
        """Note what a step couldn't check."""
        self.lines[step - 1].open.append((code, facts))

    def say(self, step: int, code: str, **facts: Any) -> None:
        """Note what holds."""
        self.lines[step - 1].held.append((code, facts))

    def run(self, progress: Callable[[int], None] = lambda _: None) -> list[Line]:
        """Take the steps in order and return their lines."""
        steps = (
            self.step_files, self.step_events, self.step_signatures, self.step_lock,
            self.step_sources, self.step_seed, self.step_draw, self.step_rules,
            self.step_replacements, self.step_numbers, self.step_previous, self.step_identities,
        )  # fmt: skip
        try:
            for number, step in enumerate(steps, 1):
                progress(number)
                step()
        except Stopped:
            pass
        return self.lines

    # 1. Every file is present, canonical and of this version.

    def step_files(self) -> None:
        """Read the records; whatever can't be read is None for the later steps."""
        for name in FILES:
            if name not in self.files:
                self.fail(1, "missing", name=name)
        for name in sorted(self.files):
            if name not in (*FILES, IDENTITIES):
                self.fail(1, "unknown-file", name=name)
        readme = self.files.get("README.txt")
        if readme is not None and sha256(readme).hexdigest() != README_SHA256:
            self.fail(1, "readme")
        self.snapshot = self._record("snapshot.json", self._snapshot)
        self.sources = self._record("sources.json", self._sources)
        self.result = self._record("result.json", self._result)
        self.people = self._record(IDENTITIES, self._people)
        self.say(1, "files", count=len(self.files), protocol=PROTOCOL)
        if self.snapshot:
            self.say(1, "draw", draw=self.snapshot.draw_id, method=self.snapshot.method)

    def _record(self, name: str, build: Callable[[Any, bytes], Any]) -> Any:
        if name not in self.files:
            return None
        try:
            return build(parse(self.files[name]), self.files[name])
        except Refused as error:
            self.fail(1, "in-file", name=name, inner=error)
            return None

    @staticmethod
    def _snapshot(record: Any, data: bytes) -> Snapshot:
        return Snapshot(record, data)

    @staticmethod
    def _sources(record: Any, _: bytes) -> list[Any]:
        if not list_of(by_kind(ENTRY))(record):
            raise Refused("malformed", where="sources.json")
        return list(record)

    def _result(self, record: Any, _: bytes) -> dict[str, Any]:
        method = self.snapshot.method if self.snapshot else "order"
        if not self.snapshot and isinstance(record, dict):
            method = next(
                (m for m, shape in RESULT.items() if shape.keys() == record.keys()), method
            )
        check_fields("result.json", record, RESULT[method])
        return dict(record)

    @staticmethod
    def _people(record: Any, _: bytes) -> dict[str, Any]:
        check_fields(IDENTITIES, record, PEOPLE)
        check_sorted(IDENTITIES, [one["id"] for one in record["experts"]])
        return dict(record)

    # 2. Events are gap-free and in order; the root over them equals the checkpoint's.

    def step_events(self) -> None:
        """Read the log and the checkpoint, and compare size and root."""
        if "checkpoint.txt" in self.files:
            try:
                self.checkpoint = Checkpoint(self._note_text("checkpoint.txt"))
            except Refused as error:
                self.refused(3, error)
        if "events.jsonl" not in self.files:
            return self.skip(2, "needs", first=1)
        log = self.log = self.open_log(self.files["events.jsonl"])
        size, root = len(log.leaves), log.root(len(log.leaves))
        if not self.checkpoint:
            self.skip(2, "no-checkpoint")
        elif size != self.checkpoint.size:
            self.fail(2, "size", events=size, checkpoint=self.checkpoint.size)
        elif root != self.checkpoint.root:
            self.fail(2, "root", events=size)
        log.read(lambda code, facts: self.fail(2, code, **facts))
        return self.say(2, "log", events=size, root=base64.b64encode(root).decode())

    def open_log(self, data: bytes) -> Log:
        """Return the log of its bytes, its events still to be read."""
        return Log(data)

    def _note_text(self, name: str) -> str:
        try:
            return self.files[name].decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("note") from None

    # 3. The checkpoint's signature holds; which cosignatures hold.

    def step_signatures(self) -> None:
        """Check keys.txt against the log, the checkpoint, and every checkpoint kept in the log."""
        if not self.log:
            return self.skip(3, "needs", first=2)
        try:
            self.log_keys = Keys(self.log)
        except Refused as error:
            return self.refused(3, error)
        late = self._check_keys_file(self.log_keys)
        if self.checkpoint:
            try:
                self._check_note(self.log_keys, self.checkpoint, late)
            except Refused as error:
                self.refused(3, error)
        for event in self.log.of("checkpoint.signed"):
            try:
                self._check_kept(self.log, self.log_keys, event)
            except Refused as error:
                self.fail(3, "event", seq=event.seq, inner=error)
        if self.previous is not None:
            with contextlib.suppress(Refused):  # told at step 11
                self._extends(self.log, self.log_keys, Checkpoint(self.previous))
        return None

    def _check_keys_file(self, keys: Keys) -> list[Key]:
        """Return witnesses of keys.txt who registered after this checkpoint."""
        if "keys.txt" not in self.files:
            return []
        expected = [key.text for _, key in (*keys.log, *keys.witnesses)]
        lines = self.files["keys.txt"].decode("utf-8", "replace").split("\n")
        late = []
        if lines.pop() or lines[: len(expected)] != expected:
            self.fail(3, "keys")
            return []
        try:
            late = [Key(line) for line in lines[len(expected) :]]
        except Refused as error:
            self.refused(3, error)
        if any(key.kind != WITNESS_KEY for key in late):
            self.fail(3, "keys")
        first = keys.log[0][1]
        if self.trusted and first.text not in self.trusted:
            self.fail(3, "not-trusted", key=first.text)
        self.say(3, "trusted" if self.trusted else "key", key=first.text)
        return late

    def _check_note(self, keys: Keys, checkpoint: Checkpoint, late: Sequence[Key]) -> None:
        registered = [key for _, key in keys.witnesses]
        found = checkpoint.opened(keys.in_force(checkpoint.size), [*registered, *late])
        self.say(3, "signed", origin=checkpoint.origin, size=checkpoint.size)
        for key, when in found:
            code = "cosigned" if key in registered else "cosigned-late"
            self.say(3, code, name=key.name, time=clock(when))
            if key in registered:
                self.witnessed.append((checkpoint.size, when))
        if not found:
            self.say(3, "not-cosigned")

    def _check_kept(self, log: Log, keys: Keys, event: Event) -> None:
        kept = Checkpoint(event.body["note"])
        if kept.size > event.seq or log.root(kept.size) != kept.root:
            raise Refused("kept", size=kept.size)
        known = [key for seq, key in keys.witnesses if seq < event.seq]
        for _, when in kept.opened(keys.in_force(kept.size), known):
            self.witnessed.append((kept.size, when))

    # 4. The snapshot's digest is the one in draw.locked, which stands before draw.revealed.

    def step_lock(self) -> None:
        """Find the draw's lock in the log."""
        snapshot, log = self.snapshot, self.log
        if not snapshot or not log:
            return self.skip(4, "needs", first=1 if not snapshot else 2)
        locks = log.of_draw(snapshot.draw_id, "draw.locked")
        if len(locks) != 1:
            return self.fail(4, "locks", draw=snapshot.draw_id, count=len(locks))
        lock = locks[0]
        if lock.body["snapshot"] != snapshot.digest.hex():
            self.fail(4, "digest", found=snapshot.digest.hex(), locked=lock.body["snapshot"])
        if lock.body["method"] != snapshot.method:
            self.fail(4, "method", found=snapshot.method, locked=lock.body["method"])
        for event in log.of_draw(snapshot.draw_id, "draw.revealed", "draw.completed"):
            if event.seq < lock.seq:
                self.fail(4, "before-lock", seq=event.seq, type=event.type, lock=lock.seq)
        given = {
            event.body["party"]: event.body["commitment"]
            for event in log.of_draw(snapshot.draw_id, "commitment.given")
            if event.seq < lock.seq
        }
        for source in snapshot.sources:
            party = source.get("party", "")
            if source["kind"] == "commitment" and given.get(party, "") not in {
                "",
                source["commitment"],
            }:
                self.fail(4, "given", party=party)
        return self.say(4, "locked", digest=snapshot.digest.hex(), seq=lock.seq, time=lock.time)

    # 5. Every source opens, and lies after the lock.

    def step_sources(self) -> None:
        """Check each source by itself, and that the log holds the same values."""
        if not self.snapshot or self.sources is None:
            return self.skip(5, "needs", first=1)
        if len(self.sources) != len(self.snapshot.sources):
            self.fail(5, "source-count", locked=len(self.snapshot.sources), given=len(self.sources))
        moment = seconds(self.snapshot.record["locked_at"])
        lock = None
        for lock in self.log.of_draw(self.snapshot.draw_id, "draw.locked") if self.log else ():
            moment = max(moment, seconds(lock.time))
        for index, (source, entry) in enumerate(zip(self.snapshot.sources, self.sources)):
            try:
                self._check_source(index, source, entry, moment, lock)
            except Refused as error:
                self.fail(5, "source", index=index, inner=error)
        if self.log:
            self._check_revealed(self.log, self.snapshot, self.sources)
        return None

    def _check_source(
        self, index: int, source: Mapping[str, Any], entry: Mapping[str, Any], moment: int,
        lock: Event | None,
    ) -> None:  # fmt: skip
        assert self.snapshot  # noqa: S101 - the caller looked; for the type checker
        kind = source["kind"]
        if entry["kind"] != kind:
            raise Refused("source-kind", locked=kind, given=entry["kind"])
        if kind == "commitment":
            draw_id, party = self.snapshot.draw_id.encode(), source["party"].encode()
            found = digest_of("commitment", draw_id, party, bytes.fromhex(entry["secret"]))
            if entry["party"] != source["party"] or found.hex() != source["commitment"]:
                raise Refused("commitment", party=source["party"])
            self.say(5, "opens", index=index, party=source["party"])
        elif kind == "drand":
            self._check_beacon(index, source, entry, moment, lock)
        else:
            _check_key_string(entry["key"])
            if source["date"] <= clock(moment + CHINA)[:10]:
                raise Refused("event-past", date=source["date"], lock=clock(moment))
            self.say(5, "public", index=index, name=source["name"], key=entry["key"])

    def _check_beacon(
        self, index: int, source: Mapping[str, Any], entry: Mapping[str, Any], moment: int,
        lock: Event | None,
    ) -> None:  # fmt: skip
        number = source["round"]
        published = beacon_time(number)
        if source["chain"] != CHAIN:
            raise Refused("chain", chain=source["chain"])
        if entry["round"] != number:
            raise Refused("round", locked=number, given=entry["round"])
        if published <= moment:
            raise Refused("beacon-past", round=number, time=clock(published), lock=clock(moment))
        signature = bytes.fromhex(entry["signature"])
        if len(signature) != 48:
            raise Refused("beacon", round=number)
        holds = beacon_holds(number, signature) if self.beacon else None
        if holds is None:
            self.skip(5, "no-bls", index=index, round=number)
        elif holds:
            self.say(5, "beacon-holds", index=index, round=number, time=clock(published))
        else:
            raise Refused("beacon", round=number)
        if lock and any(size > lock.seq and when < published for size, when in self.witnessed):
            self.say(5, "in-time")
        else:
            self.say(5, "not-witnessed")

    def _check_revealed(self, log: Log, snapshot: Snapshot, sources: Sequence[Any]) -> None:
        revealed: dict[int, Any] = {}
        for event in log.of_draw(snapshot.draw_id, "draw.revealed"):
            index = event.body["index"]
            if index in revealed or index >= len(snapshot.sources):
                self.fail(5, "revealed-twice", seq=event.seq, index=index)
            revealed[index] = event.body["source"]
        for index, entry in enumerate(sources):
            if revealed.get(index) != entry:
                self.fail(5, "not-revealed", index=index)

    # 6. The seed recomputes.

    def step_seed(self) -> None:
        """Derive the seed from the snapshot's digest and the revealed values."""
        if not self.snapshot or self.sources is None or self.result is None:
            return self.skip(6, "needs", first=1)
        if len(self.sources) != len(self.snapshot.sources):
            return self.skip(6, "needs", first=5)
        self.seed = digest_of("seed", self.snapshot.digest, *map(_value, self.sources))
        if self.seed.hex() != self.result["seed"]:
            self.fail(6, "seed", found=self.seed.hex(), recorded=self.result["seed"])
        for event in self._of_draw("draw.completed"):
            if event.body["seed"] != self.seed.hex():
                self.fail(6, "seed", found=self.seed.hex(), recorded=event.body["seed"])
        return self.say(6, "seed-holds", seed=self.seed.hex())

    def _of_draw(self, *kinds: str) -> list[Event]:
        return self.log.of_draw(self.snapshot.draw_id, *kinds) if self.log and self.snapshot else []

    # 7. Deal, order, attempt, seats and reasons recompute; the result's digest is in the log.

    def step_draw(self) -> None:  # noqa: C901 - one comparison after another
        """Draw again and compare."""
        if not self.snapshot or self.result is None:
            return self.skip(7, "needs", first=1)
        digest = digest_of("result", self.files["result.json"]).hex()
        completed = self._of_draw("draw.completed")
        if self.log and len(completed) != 1:
            self.fail(7, "not-completed", count=len(completed))
        for event in completed:
            if (
                event.body["result"] != digest
                or event.body["snapshot"] != self.snapshot.digest.hex()
            ):
                self.fail(7, "result-digest", seq=event.seq)
        if self.seed is None:
            return self.skip(7, "needs", first=6)
        try:
            expected = drawn(self.snapshot, self.seed, self.result.get("attempt", 0) + 1)
        except Refused as error:
            return self.refused(7, error)
        for field, value in expected.items():
            if self.result[field] != value:
                self.fail(
                    7, "result", field=field, where=_first_difference(value, self.result[field])
                )
        if self.snapshot.method == "order":
            return self.say(7, "ordered", taken=len(expected["taken"]), of=len(expected["order"]))
        if self.snapshot.method == "balanced":
            return self.say(7, "balanced-holds", seats=len(expected["seats"]))
        return self.say(
            7, "recomputed", seats=len(expected["seats"]), attempt=expected.get("attempt", 0)
        )

    # 8. Independently of 7, the seats satisfy every rule.

    def step_rules(self) -> None:
        """Check the seats of result.json against the rules of the snapshot."""
        if not self.snapshot or self.result is None:
            return self.skip(8, "needs", first=1)
        if self.snapshot.method == "order":
            order, taken = self.result["order"], self.result["taken"]
            if sorted(order) != self.snapshot.record["entries"]:
                self.fail(8, "not-the-entries")
            if taken != order[: self.snapshot.record["take"]] or not taken:
                self.fail(8, "not-first")
            return self.say(8, "entries-hold", count=len(order))
        hands = self._check_hands(self.snapshot, self.result)
        self._check_seats(self.snapshot, self.result["seats"], hands)
        return self.say(
            8, "rules-hold", seats=len(self.result["seats"]), rules=len(self.snapshot.limits)
        )

    def _check_hands(
        self, snapshot: Snapshot, result: Mapping[str, Any]
    ) -> Mapping[str, Sequence[str]]:
        """Return panel → dossiers after checking that each dossier sits with one panel it may."""
        fixed = {panel["id"]: panel["dossiers"] for panel in snapshot.panels.values()}
        hands: Mapping[str, Sequence[str]] = result.get("panels", fixed)
        if hands.keys() != fixed.keys():
            self.fail(8, "hands", panel="*")
            return fixed
        if Counter(d for hand in hands.values() for d in hand) != Counter(list(snapshot.dossiers)):
            self.fail(8, "hands", panel="*")
            return fixed
        added: dict[str, list[int]] = defaultdict(list)
        for name, hand in hands.items():
            panel, own = snapshot.panels[name], len(fixed[name])
            more = hand[own:]
            if list(hand[:own]) != fixed[name] or (more and not panel["deal"]):
                self.fail(8, "hands", panel=name)
            if any(snapshot.dossiers[one]["class"] != panel["class"] for one in more):
                self.fail(8, "hands", panel=name)
            if panel["deal"]:
                added[panel["class"]].append(len(more))
        for class_, counts in added.items():
            if max(counts) - min(counts) > 1:
                self.fail(8, "uneven", class_=class_)
        return hands

    def _check_seats(
        self, snapshot: Snapshot, seats: Sequence[Mapping[str, str]],
        hands: Mapping[str, Sequence[str]],
    ) -> None:  # fmt: skip
        limits, loads, filled = Limits(snapshot.limits), Counter[str](), Counter[tuple[str, str]]()
        sitting: set[tuple[str, str]] = set()
        for seat in seats:
            name, panel, stratum = seat["expert"], seat["panel"], seat["stratum"]
            expert = snapshot.experts.get(name)
            if expert is None or expert["stratum"] != stratum:
                self.fail(8, "stratum", expert=name, panel=panel)
                continue
            if (panel, name) in sitting:
                self.fail(8, "twice-seated", expert=name, panel=panel)
            sitting.add((panel, name))
            filled[panel, stratum] += 1
            loads[name] += 1
            limits.count(expert, panel)
            if any((name, dossier) in snapshot.conflicts for dossier in hands.get(panel, ())):
                self.fail(8, "seated-conflict", expert=name, panel=panel)
        cells = snapshot.cells()
        for panel, stratum in sorted(filled.keys() | cells.keys()):
            if filled[panel, stratum] != cells.get((panel, stratum), 0):
                self.fail(8, "count", panel=panel, stratum=stratum,
                          found=filled[panel, stratum], seats=cells.get((panel, stratum), 0))  # fmt: skip
        for name, load in sorted(loads.items()):
            if load > snapshot.experts[name]["capacity"]:
                self.fail(8, "over-capacity", expert=name, load=load)
        for field, value in limits.broken():
            self.fail(8, "over-limit", field=field, value=value)

    # 9. Every replacement recomputes from the list.

    def step_replacements(self) -> None:  # noqa: PLR0911 - each return says why there is nothing to follow
        """Follow the seats through the log and recompute each replacement."""
        if not self.snapshot or self.result is None:
            return self.skip(9, "needs", first=1)
        if not self.log:
            return self.skip(9, "needs", first=2)
        events = self._of_draw(
            "conflict.declared", "expert.unavailable", "seat.accepted", "seat.vacated", "seat.replaced"
        )  # fmt: skip
        if self.snapshot.method == "order":
            for event in events:
                self.fail(9, "seat-event", seq=event.seq)
            return self.say(9, "no-replacements")
        if self.lines[6].status != "PASS" or self.lines[7].status != "PASS" or self.seed is None:
            return self.skip(9, "needs", first=7)
        seating = Seating(self.snapshot, self.result, self.seed)
        done = self._of_draw("draw.completed")[0].seq
        try:
            counts = self._follow(seating, events, done)
        except Refused as error:
            return self.refused(9, error)
        if not counts["replaced"]:
            return self.say(9, "no-replacements")
        return self.say(9, "replaced", count=counts["replaced"], exhausted=counts["exhausted"])

    def _follow(self, seating: Seating, events: Sequence[Event], done: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        awaited: dict[str, Any] | None = None
        seq = 0
        for event in events:
            if event.type.startswith("seat.") and event.seq < done:
                raise Refused("seat-event", seq=event.seq)
            if awaited is not None:
                if event.type != "seat.replaced":
                    raise Refused("not-replaced", seq=seq)
                found = {field: event.body[field] for field in awaited}
                if found != awaited:
                    field = next(name for name in awaited if awaited[name] != found[name])
                    where = _first_difference(awaited[field], found[field])
                    raise Refused("replacement", seq=event.seq, field=field, where=where)
                counts["replaced"] += 1
                counts["exhausted"] += found["expert"] is None
                awaited = None
            elif event.type == "seat.replaced":
                raise Refused("not-vacated", seq=event.seq)
            else:
                awaited, seq = seating.take(event), event.seq
        if awaited is not None:
            raise Refused("not-replaced", seq=seq)
        return counts

    # 10. No draw number of the round is missing; voided ones are listed with their reason.

    def step_numbers(self) -> None:  # noqa: C901, PLR0912 - the outcomes of a draw, one after another
        """Follow every draw of the log from lock to outcome, and count the round's numbers."""
        if not self.log:
            return self.skip(10, "needs", first=2)
        locked: dict[str, list[int]] = defaultdict(list)  # round → numbers in the order of the log
        outcome: dict[str, Event | None] = {}
        revealed: dict[str, set[int]] = defaultdict(set)
        for event in self.log.of("draw.locked", "draw.revealed", "draw.completed", "draw.voided"):
            draw_id = event.body["draw_id"]
            if event.type == "draw.locked":
                round_id, number = numbered(draw_id)
                if draw_id in outcome:
                    self.fail(10, "locked-twice", draw=draw_id, seq=event.seq)
                    continue
                locked[round_id].append(number)
                outcome[draw_id] = None
            elif draw_id not in outcome:
                self.fail(10, "not-locked", draw=draw_id, seq=event.seq, type=event.type)
            elif outcome[draw_id]:
                self.fail(10, "settled", draw=draw_id, seq=event.seq, type=event.type)
            elif event.type == "draw.revealed":
                revealed[draw_id].add(event.body["index"])
            else:
                outcome[draw_id] = event
                if event.type == "draw.voided" and revealed[draw_id] & set(event.body["missing"]):
                    self.fail(10, "void-missing", draw=draw_id, seq=event.seq)
        for round_id, numbers in locked.items():
            for expected, number in enumerate(numbers, 1):
                if number != expected:
                    self.fail(10, "number", round=round_id, expected=expected, found=number)
                    break
        if not self.snapshot:
            return self.skip(10, "needs", first=1)
        return self._tell_round(self.snapshot.round, locked[self.snapshot.round], outcome)

    def _tell_round(
        self, round_id: str, numbers: Sequence[int], outcome: Mapping[str, Event | None]
    ) -> None:
        assert self.snapshot  # noqa: S101 - the caller looked; for the type checker
        if self.snapshot.number not in numbers:
            self.fail(10, "not-listed", draw=self.snapshot.draw_id)
        self.say(10, "numbers", round=round_id, count=len(numbers))
        for number in numbers:
            event = outcome[f"{round_id}/draw/{number}"]
            if event is None:
                self.say(10, "pending", number=number)
            elif event.type == "draw.voided":
                missing = " ".join(map(str, event.body["missing"])) or "-"
                self.say(10, "voided", number=number, reason=event.body["reason"], missing=missing)

    # 11. The log is an extension of an earlier checkpoint.

    def step_previous(self) -> None:
        """Compare the log with a checkpoint that somebody kept."""
        if self.previous is None:
            return self.skip(11, "no-previous")
        if not self.log or not self.log_keys:
            return self.skip(11, "needs", first=3)
        try:
            old = Checkpoint(self.previous)
            found = self._extends(self.log, self.log_keys, old)
        except Refused as error:
            return self.refused(11, error)
        self.say(11, "extends", size=old.size, more=len(self.log.leaves) - old.size)
        for key, when in found:
            self.say(11, "cosigned", name=key.name, time=clock(when))
        return None

    def _extends(self, log: Log, keys: Keys, old: Checkpoint) -> list[tuple[Key, int]]:
        """Return who countersigned an earlier checkpoint; Refused where the log doesn't extend it."""
        events = len(log.leaves)
        if old.size > events:
            raise Refused("shorter", size=old.size, events=events)
        found = old.opened(keys.in_force(old.size), [key for _, key in keys.witnesses])
        if log.root(old.size) != old.root:
            raise Refused("rewritten", size=old.size)
        self.witnessed += [(old.size, when) for _, when in found]
        return found

    # 12. Each identity opens.

    def step_identities(self) -> None:
        """Open every sealed identity of the snapshot."""
        if IDENTITIES not in self.files:
            return self.skip(12, "no-identities")
        if not self.snapshot or not self.people:
            return self.skip(12, "needs", first=1)
        if self.people["draw_id"] != self.snapshot.draw_id:
            self.fail(12, "other-draw", draw=self.people["draw_id"])
        given = {one["id"]: one for one in self.people["experts"]}
        for name in sorted(given.keys() ^ self.snapshot.experts.keys()):
            self.fail(12, "no-identity", expert=name)
        for name, expert in self.snapshot.experts.items():
            one = given.get(name)
            if one is None:
                continue
            opened = digest_of(
                "identity", bytes.fromhex(one["salt"]), one["name"].encode(), one["document"].encode()
            )  # fmt: skip
            if opened.hex() != expert["identity"]:
                self.fail(12, "identity", expert=name)
        return self.say(12, "identities-hold", count=len(given))


def _value(entry: Mapping[str, Any]) -> bytes:
    """Return the value that an entry of sources.json gives to the seed."""
    if entry["kind"] == "commitment":
        return bytes.fromhex(entry["secret"])
    if entry["kind"] == "drand":
        return sha256(bytes.fromhex(entry["signature"])).digest()
    return str(entry["key"]).encode()


def _check_key_string(key: str) -> None:
    """Refuse anything but an RFC 3797 section 4 key string: sorted numbers without leading zeros."""
    if not _KEY_STRING.fullmatch(key):
        raise Refused("key-string")
    for group in key.split("/")[:-1]:
        numbers = [(len(one), one) for one in group.split(".")[:-1]]
        if numbers != sorted(numbers):
            raise Refused("key-string")


def _first_difference(one: Any, two: Any) -> str:
    """Return where two values differ first: a position of a list or a name of an object."""
    if isinstance(one, list) and isinstance(two, list):
        pairs = enumerate(zip(one, two))
        return str(next((at for at, (a, b) in pairs if a != b), min(len(one), len(two))))
    if isinstance(one, dict) and isinstance(two, dict):
        return next((k for k in sorted(one.keys() | two.keys()) if one.get(k) != two.get(k)), "")
    return ""


def verify(files: Mapping[str, bytes], **options: Any) -> list[Line]:
    """Return the twelve lines for a bundle's files (name → bytes). See Verification."""
    return Verification(files, **options).run()


# ---------------------------------------------------------------------------------------------
# Command line
# ---------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Print the numbered lines; return 0 where nothing failed, 1 where something did, 2 for usage."""
    words = argparse.ArgumentParser(
        prog="verify.py", description="验证抽取结果 / verify a published draw (review-draw/v1)"
    )
    words.add_argument("bundle", help="验证包：zip 文件或文件夹 / the bundle: a zip or a folder")
    words.add_argument("--previous", metavar="CHECKPOINT",
                       help="较早的检查点文件 / a file with an earlier checkpoint")  # fmt: skip
    words.add_argument("--key", action="append", default=[], metavar="VKEY",
                       help="您已知的日志公钥 / the log's key as you know it from elsewhere")  # fmt: skip
    words.add_argument("--json", action="store_true", help="机器可读 / for machines")
    words.add_argument("--lang", choices=("zh", "en"), help="只用一种语言 / one language alone")
    given = words.parse_args(argv)
    try:
        previous = _previous(given.previous)
    except OSError as error:
        words.error(f"{given.previous}: {error.strerror}")
    run = Verification({}, previous=previous, keys=given.key)
    try:
        run.files = read(given.bundle)
        lines = run.run()
    except Refused as error:
        lines = unreadable(error)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="backslashreplace")
    langs = (0, 1) if given.lang is None else (("zh", "en").index(given.lang),)
    sys.stdout.write(as_json(lines, langs) if given.json else as_text(lines, langs))
    return 1 if any(line.failed for line in lines) else 0


def _previous(path: str | None) -> str | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read(SMALL).decode("utf-8", "replace")


def unreadable(error: Refused) -> list[Line]:
    """Return the lines for a bundle that can't even be unpacked."""
    lines = [Line(step) for step in range(1, 13)]
    lines[0].failed.append((error.code, error.facts))
    for line in lines[1:]:
        line.open.append(("needs", {"first": 1}))
    return lines


def as_json(lines: Sequence[Line], langs: Sequence[int]) -> str:
    """Return [{step, status, text, codes}] as JSON; `text` in the first language asked for."""
    rows = [
        {
            "step": line.step,
            "status": line.status,
            "text": " / ".join(line.text(lang) for lang in langs),
            "codes": [code for code, _ in (line.failed or line.open)],
        }
        for line in lines
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def as_text(lines: Sequence[Line], langs: Sequence[int]) -> str:
    """Return the numbered lines and the verdict."""
    rows = []
    for line in lines:
        for lang in langs:
            lead = f"{line.step:>2} {line.status}" if lang == langs[0] else " " * 3
            status = f" {STATUS[line.status]}" if lang == 0 else ""
            title = told(f"step-{line.step}", {}, lang)
            rows.append(f"{lead}{status} {title}{('：', ': ')[lang]}{line.text(lang)}")
    failed = sum(line.status == "FAIL" for line in lines)
    skipped = sum(line.status == "NOT CHECKED" for line in lines)
    verdict = "verdict-fail" if failed else "verdict-pass"
    rows += [told(verdict, {"failed": failed, "skipped": skipped}, lang) for lang in langs]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
