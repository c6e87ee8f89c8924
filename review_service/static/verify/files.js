"use strict";
// The files of a bundle: a zip of exactly the bundle's own form, or the files themselves.

const FILES = [
  "README.txt", "checkpoint.txt", "events.jsonl", "keys.txt", "result.json", "snapshot.json",
  "sources.json",
];
const IDENTITIES = "identities.json";
const LARGEST = 2 ** 30; // bytes of all files of a bundle together
const SMALL = 2 ** 20; // bytes of the files that people read
const LARGE_FILES = new Set(["events.jsonl", "result.json", "snapshot.json", IDENTITIES]);

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(data) {
  let sum = -1;
  for (let i = 0; i < data.length; i += 1) sum = CRC_TABLE[(sum ^ data[i]) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

function checkName(name, files) {
  if (!FILES.includes(name) && name !== IDENTITIES) throw new Refused("unknown-file", { name });
  if (files.has(name)) throw new Refused("twice", { name });
}

function checkSize(name, size, left) {
  const most = LARGE_FILES.has(name) ? LARGEST : SMALL;
  if (size > Math.min(left, most)) throw new Refused("too-large", { name, most });
  return size;
}

async function readZip(data) {
  // Name → bytes. Headers hold nothing free: entries in order of their names, one after another,
  // no gaps, comments or extra fields, at 1980-01-01, mode 0644.
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const u16 = (at) => view.getUint16(at, true);
  const u32 = (at) => view.getUint32(at, true);
  const bad = new Refused("zip-form");
  const end = data.length - 22;
  if (end < 0 || u32(end) !== 0x06054b50) throw new Refused("not-a-zip");
  const [count, size, start] = [u16(end + 10), u32(end + 12), u32(end + 16)];
  if (u16(end + 4) || u16(end + 6) || u16(end + 8) !== count || u16(end + 20)) throw bad;
  if (start + size !== end) throw bad;
  const files = new Map();
  let [at, position, left] = [start, 0, LARGEST];
  for (let entry = 0; entry < count; entry += 1) {
    if (at + 46 > data.length) throw bad;
    if (u32(at) !== 0x02014b50 || u16(at + 4) !== 0x0314 || u16(at + 6) !== 20) throw bad;
    const [flags, method, time, date] = [u16(at + 8), u16(at + 10), u16(at + 12), u16(at + 14)];
    const [crc, packed, whole] = [u32(at + 16), u32(at + 20), u32(at + 24)];
    const [length, extra, note] = [u16(at + 28), u16(at + 30), u16(at + 32)];
    if (flags || time || date !== 0x21 || extra || note || length > 64) throw bad;
    if (u16(at + 34) || u16(at + 36) || u32(at + 38) !== 0o644 * 65536) throw bad;
    if (u32(at + 42) !== position || (method !== 0 && method !== 8)) throw bad;
    if (at + 46 + length > data.length) throw bad;
    const name = String.fromCharCode(...data.subarray(at + 46, at + 46 + length));
    if (!files.has(name) && [...files.keys()].some((before) => name <= before)) throw bad;
    checkName(name, files);
    left -= checkSize(name, whole, left);
    const begin = position + 30 + length;
    if (begin + packed > start) throw bad;
    // The local header must say what the central one says.
    const same = u32(position) === 0x04034b50 && u16(position + 4) === 20 && !u16(position + 6)
      && u16(position + 8) === method && !u16(position + 10) && u16(position + 12) === 0x21
      && u32(position + 14) === crc && u32(position + 18) === packed
      && u32(position + 22) === whole && u16(position + 26) === length && !u16(position + 28)
      && sameBytes(data.subarray(position + 30, begin), data.subarray(at + 46, at + 46 + length));
    if (!same) throw bad;
    position = begin + packed;
    const content = await unpacked(name, data.subarray(begin, position), method, whole);
    if (crc32(content) !== crc) throw new Refused("zip-sum", { name });
    files.set(name, content);
    at += 46 + length;
  }
  if (position !== start || at !== start + size) throw bad;
  return files;
}

async function unpacked(name, data, method, size) {
  if (method === 0) {
    if (data.length !== size) throw new Refused("zip-sum", { name });
    return data;
  }
  const out = new Uint8Array(size);
  let filled = 0;
  try {
    const machine = new DecompressionStream("deflate-raw");
    const reader = new Blob([data]).stream().pipeThrough(machine).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (filled + value.length > size) {
        await reader.cancel();
        throw new Refused("zip-sum", { name });
      }
      out.set(value, filled);
      filled += value.length;
    }
  } catch {
    throw new Refused("zip-sum", { name });
  }
  if (filled !== size) throw new Refused("zip-sum", { name });
  return out;
}

async function readChosen(chosen) {
  // Name → bytes of what was dropped or chosen: one zip, or the unpacked files.
  if (chosen.length === 1 && chosen[0].name.toLowerCase().endsWith(".zip")) {
    if (chosen[0].size > LARGEST + SMALL) {
      throw new Refused("too-large", { name: chosen[0].name, most: LARGEST });
    }
    return readZip(new Uint8Array(await chosen[0].arrayBuffer()));
  }
  const files = new Map();
  let left = LARGEST;
  for (const file of chosen) {
    checkName(file.name, files);
    left -= checkSize(file.name, file.size, left);
    files.set(file.name, new Uint8Array(await file.arrayBuffer()));
  }
  return files;
}
