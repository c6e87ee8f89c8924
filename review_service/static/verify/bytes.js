"use strict";
// Bytes of review-draw/v1 (protocol section 1): SHA-256 and HMAC, canonical records, labels.
// Written from docs/draw-protocol.md. Hashing is our own because WebCrypto answers by promise,
// one at a time, which is too slow for hundreds of thousands of calls; selfTest() compares it
// with WebCrypto before anything is verified.

class Refused extends Error {
  // Something isn't as the protocol says. `code` names a text of TEXTS, `facts` fill it.
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

// ---- SHA-256 and SHA-512: their constants are fractional bits of roots of the first primes ----

function firstPrimes(count) {
  const primes = [];
  for (let n = 2n; primes.length < count; n += 1n) {
    if (primes.every((p) => n % p)) primes.push(n);
  }
  return primes;
}

function integerRoot(value, degree) {
  let low = 0n;
  let high = 1n << (BigInt(value.toString(2).length) / degree + 1n);
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** degree <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}

const WORD64 = (1n << 64n) - 1n;
const PRIMES = firstPrimes(80);
const ROUND64 = PRIMES.map((p) => integerRoot(p << 192n, 3n) & WORD64);
const START64 = PRIMES.slice(0, 8).map((p) => integerRoot(p << 128n, 2n) & WORD64);
const ROUND32 = Int32Array.from(ROUND64.slice(0, 64), (k) => Number(BigInt.asIntN(32, k >> 32n)));
const START32 = Int32Array.from(START64, (k) => Number(BigInt.asIntN(32, k >> 32n)));
const schedule = new Int32Array(64);

function storeWord(out, at, word) {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}

class Sha256 {
  constructor() {
    this.state = Int32Array.from(START32);
    this.block = new Uint8Array(64);
    this.filled = 0;
    this.length = 0;
  }

  copy() {
    const other = new Sha256();
    other.state.set(this.state);
    other.block.set(this.block);
    other.filled = this.filled;
    other.length = this.length;
    return other;
  }

  update(data) {
    this.length += data.length;
    let at = 0;
    if (this.filled) {
      at = Math.min(64 - this.filled, data.length);
      this.block.set(data.subarray(0, at), this.filled);
      this.filled += at;
      if (this.filled < 64) return this;
      this.mix(this.block, 0);
      this.filled = 0;
    }
    for (; at + 64 <= data.length; at += 64) this.mix(data, at);
    this.block.set(data.subarray(at));
    this.filled = data.length - at;
    return this;
  }

  digest() {
    const bits = this.length * 8;
    const block = this.block;
    block[this.filled] = 0x80;
    block.fill(0, this.filled + 1);
    if (this.filled >= 56) {
      this.mix(block, 0);
      block.fill(0);
    }
    storeWord(block, 56, Math.floor(bits / 2 ** 32));
    storeWord(block, 60, bits);
    this.mix(block, 0);
    const out = new Uint8Array(32);
    for (let i = 0; i < 8; i += 1) storeWord(out, 4 * i, this.state[i]);
    return out;
  }

  mix(data, at) {
    const w = schedule;
    for (let i = 0; i < 16; i += 1, at += 4) {
      w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const s = this.state;
    let a = s[0]; let b = s[1]; let c = s[2]; let d = s[3];
    let e = s[4]; let f = s[5]; let g = s[6]; let h = s[7];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND32[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0;
      d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
  }
}

function sha256(...parts) {
  const hash = new Sha256();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function sha512(data) {
  // For signatures alone: short messages, so BigInt is quick enough.
  const turn = (x, n) => ((x >> n) | (x << (64n - n))) & WORD64;
  const size = Math.ceil((data.length + 17) / 128) * 128;
  const padded = new Uint8Array(size);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(size - 8, BigInt(data.length) * 8n);
  const state = [...START64];
  for (let at = 0; at < size; at += 128) {
    const w = [];
    for (let i = 0; i < 16; i += 1) w.push(view.getBigUint64(at + 8 * i));
    for (let i = 16; i < 80; i += 1) {
      const [x, y] = [w[i - 15], w[i - 2]];
      const s0 = turn(x, 1n) ^ turn(x, 8n) ^ (x >> 7n);
      const s1 = turn(y, 19n) ^ turn(y, 61n) ^ (y >> 6n);
      w.push((w[i - 16] + s0 + w[i - 7] + s1) & WORD64);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i += 1) {
      const s1 = turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n);
      const t1 = h + s1 + ((e & f) ^ (~e & WORD64 & g)) + ROUND64[i] + w[i];
      const s0 = turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n);
      const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g; g = f; f = e; e = (d + t1) & WORD64;
      d = c; c = b; b = a; a = (t1 + t2) & WORD64;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] = (state[i] + value) & WORD64; });
  }
  const out = new DataView(new ArrayBuffer(64));
  state.forEach((value, i) => out.setBigUint64(8 * i, value));
  return new Uint8Array(out.buffer);
}

// ---- bytes ----

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const utf8 = (text) => encoder.encode(text);

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const HEX_OF = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));
const hex = (data) => Array.from(data, (byte) => HEX_OF[byte]).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
const toBase64 = (data) => btoa(String.fromCharCode(...data));

function unbase64(text) {
  // The bytes of canonical base64.
  let data;
  try {
    data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    throw new Refused("base64");
  }
  if (toBase64(data) !== text) throw new Refused("base64");
  return data;
}

function sameBytes(one, two) {
  return one.length === two.length && one.every((byte, i) => byte === two[i]);
}

function compareBytes(one, two) {
  for (let i = 0; i < one.length && i < two.length; i += 1) {
    if (one[i] !== two[i]) return one[i] - two[i];
  }
  return one.length - two.length;
}

function compareText(one, two) {
  // Order of code points, which is that of UTF-8 bytes; JavaScript's own is that of UTF-16 units.
  const most = Math.min(one.length, two.length);
  for (let i = 0; i < most; i += 1) {
    let a = one.charCodeAt(i);
    let b = two.charCodeAt(i);
    if (a !== b) {
      if (a >= 0xd800 && b >= 0xd800) {
        a = a >= 0xe000 ? a - 0x800 : a + 0x2000;
        b = b >= 0xe000 ? b - 0x800 : b + 0x2000;
      }
      return a - b;
    }
  }
  return one.length - two.length;
}

function compareLists(one, two) {
  for (let i = 0; i < one.length && i < two.length; i += 1) {
    const order = compareText(one[i], two[i]);
    if (order) return order;
  }
  return one.length - two.length;
}

function u64(number) {
  const out = new DataView(new ArrayBuffer(8));
  out.setBigUint64(0, BigInt(number));
  return new Uint8Array(out.buffer);
}

const lp = (data) => joined(u64(data.length), data);
const PROTOCOL = "review-draw/v1";
const tagged = (name) => lp(utf8(`${PROTOCOL}/${name}`));

function digestOf(name, ...parts) {
  // H(tag, x1, …)
  return sha256(tagged(name), ...parts.map(lp));
}

const bigOf = (data) => data.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

class Seeded {
  // M and `below` of one seed and attempt; the padded states of HMAC are made once and copied.
  constructor(seed, attempt = 0) {
    const pad = (byte) => Uint8Array.from({ length: 64 }, (_, i) => (seed[i] || 0) ^ byte);
    this.inner = new Sha256().update(pad(0x36));
    this.outer = new Sha256().update(pad(0x5c));
    this.attempt = u64(attempt);
  }

  keyed(name, ...first) {
    // x → M(seed, tag, first…, x) as 32 bytes, which sort as their numbers do.
    const start = this.inner.copy().update(joined(tagged(name), ...first.map(lp)));
    return (last) => this.outer.copy().update(start.copy().update(lp(last)).digest()).digest();
  }

  below(n, label) {
    // The uniform integer in [0, n) of a label; a BigInt.
    const draw = this.keyed("choice", this.attempt, label);
    const size = BigInt(n);
    const top = size * ((1n << 256n) / size);
    for (let counter = 0; ; counter += 1) {
      const value = bigOf(draw(u64(counter)));
      if (value < top) return value % size;
    }
  }
}

// ---- canonical records ----

const DEEPEST = 64;

function canonicalText(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Refused("not-json");
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  const fields = Object.keys(value).sort();
  return `{${fields.map((k) => `${JSON.stringify(k)}:${canonicalText(value[k])}`).join(",")}}`;
}

function checkText(value, depth) {
  if (typeof value === "string") {
    if (/[^\0-\x7f]/.test(value)) {
      if (/\p{Surrogate}/u.test(value)) throw new Refused("not-canonical");
      if (value.normalize("NFC") !== value) throw new Refused("not-nfc", { text: value });
    }
  } else if (value !== null && typeof value === "object") {
    if (depth > DEEPEST) throw new Refused("too-deep", { most: DEEPEST });
    for (const [key, one] of Object.entries(value)) {
      if (/[^\0-\x7f]/.test(key)) throw new Refused("not-ascii-key", { key });
      checkText(one, depth + 1);
    }
  }
}

function parseRecord(data) {
  // The record of canonical bytes; Refused for any other bytes. The round trip finds duplicate
  // keys, white space, another order and another escape.
  let text;
  let value;
  let same;
  try {
    text = strictDecoder.decode(data);
    value = JSON.parse(text);
    same = canonicalText(value) === text;
  } catch (error) {
    throw error instanceof Refused ? error : new Refused("not-json");
  }
  if (!same) throw new Refused("not-canonical");
  checkText(value, 1);
  return value;
}

async function selfTest() {
  // Compare our hashes with WebCrypto's (or, without it, with a digest known to all).
  const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  let good = hex(sha256(utf8("abc"))) === known;
  if (globalThis.crypto && crypto.subtle) {
    for (const size of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 1000]) {
      const data = crypto.getRandomValues(new Uint8Array(size));
      const [small, large] = await Promise.all(
        ["SHA-256", "SHA-512"].map((name) => crypto.subtle.digest(name, data)),
      );
      good = good && sameBytes(new Uint8Array(small), sha256(data));
      good = good && sameBytes(new Uint8Array(large), sha512(data));
    }
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", seed, algorithm, false, ["sign"]);
    const message = joined(tagged("order"), lp(u64(0)), lp(utf8("e1")));
    const theirs = new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
    good = good && sameBytes(theirs, new Seeded(seed).keyed("order", u64(0))(utf8("e1")));
  }
  if (!good) throw new Error("SHA-256 self-test failed");
}
