"use strict";
// Ed25519 (RFC 8032, strict), signed notes and cosignatures (C2SP).

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (x) => ((x % FIELD) + FIELD) % FIELD;

function power(base, exponent) {
  let result = 1n;
  for (let x = mod(base); exponent; exponent >>= 1n, x = (x * x) % FIELD) {
    if (exponent & 1n) result = (result * x) % FIELD;
  }
  return result;
}

const CURVE_D = mod(-121665n * power(121666n, FIELD - 2n));
const ROOT_OF_MINUS_ONE = power(2n, (FIELD - 1n) / 4n);
const ZERO = [0n, 1n, 1n, 0n]; // extended coordinates X, Y, Z, T

function addPoints(one, two) {
  const a = mod((one[1] - one[0]) * (two[1] - two[0]));
  const b = mod((one[1] + one[0]) * (two[1] + two[0]));
  const c = mod(2n * one[3] * two[3] * CURVE_D);
  const d = mod(2n * one[2] * two[2]);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function timesPoint(scalar, point) {
  let total = ZERO;
  for (; scalar; scalar >>= 1n, point = addPoints(point, point)) {
    if (scalar & 1n) total = addPoints(total, point);
  }
  return total;
}

const littleEndian = (data) => bigOf(Uint8Array.from(data).reverse());

function encodePoint([x, y, z]) {
  const inverse = power(z, FIELD - 2n);
  const number = mod(y * inverse) | ((mod(x * inverse) & 1n) << 255n);
  return unhex(number.toString(16).padStart(64, "0")).reverse();
}

function decodePoint(data) {
  // The point of its canonical encoding (RFC 8032 section 5.1.3).
  const number = littleEndian(data);
  const [sign, y] = [number >> 255n, number & (2n ** 255n - 1n)];
  const square = mod((y * y - 1n) * power(CURVE_D * y * y + 1n, FIELD - 2n));
  let x = power(square, (FIELD + 3n) / 8n);
  if (mod(x * x - square)) x = mod(x * ROOT_OF_MINUS_ONE);
  if (y >= FIELD || mod(x * x - square) || (x === 0n && sign)) throw new Refused("point");
  if ((x & 1n) !== sign) x = FIELD - x;
  return [x, y, 1n, mod(x * y)];
}

const BASE_POINT = decodePoint(
  unhex(mod(4n * power(5n, FIELD - 2n)).toString(16).padStart(64, "0")).reverse(),
);

function holdsHere(publicKey, message, signature) {
  const [x, y, z, t] = decodePoint(publicKey);
  const s = littleEndian(signature.subarray(32));
  const k = littleEndian(sha512(joined(signature.subarray(0, 32), publicKey, message))) % ORDER;
  const found = addPoints(
    timesPoint(s, BASE_POINT), timesPoint(k, [FIELD - x, y, z, FIELD - t]),
  );
  return sameBytes(encodePoint(found), signature.subarray(0, 32));
}

async function signatureHolds(publicKey, message, signature) {
  // Canonical S, canonical R and key, no key of small order; then the equation itself.
  if (signature.length !== 64 || littleEndian(signature.subarray(32)) >= ORDER) return false;
  try {
    decodePoint(signature.subarray(0, 32));
    const eightfold = encodePoint(timesPoint(8n, decodePoint(publicKey)));
    if (sameBytes(eightfold, encodePoint(ZERO))) return false;
  } catch {
    return false;
  }
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch {
    return holdsHere(publicKey, message, signature); // a browser without Ed25519
  }
}

const LOG_KEY = 1;
const WITNESS_KEY = 4;

class Key {
  // A verifier key (vkey): name, kind, 32 bytes, and the hash that leads its signatures.
  constructor(text) {
    const bad = new Refused("vkey", { key: text });
    const [, name, hash, encoded] = /^([^+]+)\+([^+]*)\+(.*)$/su.exec(text) || [];
    if (!name || /[\p{C}\p{Z}\s]/u.test(text)) throw bad;
    const data = unbase64(encoded);
    if (data.length !== 33 || (data[0] !== LOG_KEY && data[0] !== WITNESS_KEY)) throw bad;
    this.text = text;
    this.name = name;
    this.kind = data[0];
    this.public = data.subarray(1);
    this.hash = sha256(utf8(`${name}\n`), data).subarray(0, 4);
    if (hex(this.hash) !== hash) throw bad;
  }
}

class Checkpoint {
  // A checkpoint read from a signed note: origin, size, root, and its signature lines.
  constructor(note) {
    const bad = new Refused("note");
    const middle = note.indexOf("\n\n");
    if (middle < 0) throw bad;
    const rows = note.slice(0, middle).split("\n");
    const lines = note.slice(middle + 2).split("\n");
    if (lines.pop() || !lines.length || rows.length !== 3 || !rows[0]) throw bad;
    this.text = `${note.slice(0, middle)}\n`;
    [this.origin] = rows;
    if (!/^(0|[1-9][0-9]{0,14})$/.test(rows[1])) throw bad;
    this.size = Number(rows[1]);
    this.root = unbase64(rows[2]);
    this.lines = lines.map((line) => line.split(" "));
    if (this.root.length !== 32) throw bad;
    if (this.lines.some((parts) => parts.length !== 3 || parts[0] !== "—")) throw bad;
    if (new Set(lines).size < lines.length) throw bad;
  }

  async opened(log, witnesses) {
    // Who countersigned and when, the log's own signature checked; every line must hold.
    if (this.origin !== log.name) {
      throw new Refused("origin", { origin: this.origin, expected: log.name });
    }
    let signed = false;
    const found = [];
    for (const [, name, encoded] of this.lines) {
      const data = unbase64(encoded);
      const lead = data.subarray(0, 4);
      const key = [log, ...witnesses].find((one) => one.name === name && sameBytes(one.hash, lead));
      if (!key) throw new Refused("unknown-signer", { name });
      let held;
      if (key === log) {
        held = await signatureHolds(key.public, utf8(this.text), data.subarray(4));
        signed = true;
      } else {
        const when = bigOf(data.subarray(4, 12));
        const message = utf8(`cosignature/v1\ntime ${when}\n${this.text}`);
        held = await signatureHolds(key.public, message, data.subarray(12));
        found.push({ key, when: Number(when) });
      }
      if (!held) throw new Refused("signature", { name });
    }
    if (!signed) throw new Refused("unsigned", { name: log.name });
    return found;
  }
}
