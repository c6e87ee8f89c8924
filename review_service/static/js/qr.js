// A QR code (ISO/IEC 18004) of a secret, drawn here so that the secret never leaves the browser.
// One size serves: version 4, error correction M, alphanumeric, at most 90 characters, mask 0
// (any mask can be read; the secret is random, so none is needed to break up patterns).
"use strict";

window.qrCode = (() => {
  const SIZE = 33; // modules a side of version 4
  const BLOCKS = 2;
  const DATA = 32; // codewords of a block, and of its error correction:
  const CHECK = 18;
  const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
  // Level M with masks 0 to 7, each with its check bits (BCH 15,5) and the mask of the format.
  const FORMATS = [0x5412, 0x5125, 0x5e7c, 0x5b4b, 0x45f9, 0x40ce, 0x4f97, 0x4aa0];
  const bitsOf = (format) => [0, 1].flatMap(() => Array.from({ length: 15 }, (_, n) => Boolean((format >> n) & 1)));
  // Twice, lowest bit first: down beside the left squares, then along under the upper ones.
  const FORMAT_PLACES = [
    ...Array.from({ length: 15 }, (_, n) => [n < 6 ? n : n < 8 ? n + 1 : SIZE - 15 + n, 8]),
    ...Array.from({ length: 15 }, (_, n) => [8, n < 8 ? SIZE - 1 - n : n < 9 ? 7 : 14 - n]),
  ];

  // --- GF(256) with x^8 + x^4 + x^3 + x^2 + 1 ---------------------------------------------------

  const exp = new Array(255);
  const log = new Array(256);
  for (let power = 0, value = 1; power < 255; power += 1) {
    exp[power] = value;
    log[value] = power;
    value = value < 128 ? value * 2 : (value * 2) ^ 0x11d;
  }
  const times = (a, b) => (a && b ? exp[(log[a] + log[b]) % 255] : 0);

  function generator() {
    let poly = [1];
    for (let n = 0; n < CHECK; n += 1) {
      const next = new Array(poly.length + 1).fill(0);
      poly.forEach((one, at) => {
        next[at] ^= one;
        next[at + 1] ^= times(one, exp[n]);
      });
      poly = next;
    }
    return poly;
  }

  function checkOf(block) {
    const poly = generator();
    const rest = [...block, ...new Array(CHECK).fill(0)];
    for (let at = 0; at < block.length; at += 1) {
      const factor = rest[at];
      poly.forEach((one, n) => {
        rest[at + n] ^= times(one, factor);
      });
    }
    return rest.slice(block.length);
  }

  // --- from text to codewords -----------------------------------------------------------------

  function codewords(text) {
    const bits = [];
    const put = (value, length) => {
      for (let n = length - 1; n >= 0; n -= 1) bits.push((value >> n) & 1);
    };
    put(0b0010, 4);
    put(text.length, 9);
    for (let at = 0; at < text.length; at += 2) {
      const [first, second] = [...text.slice(at, at + 2)].map((one) => ALPHABET.indexOf(one));
      if (second === undefined) put(first, 6);
      else put(first * 45 + second, 11);
    }
    const room = BLOCKS * DATA * 8;
    put(0, Math.min(4, room - bits.length));
    while (bits.length % 8) bits.push(0);
    for (let n = 0; bits.length < room; n += 1) put(n % 2 ? 0x11 : 0xec, 8);
    const bytes = [];
    for (let at = 0; at < room; at += 8) bytes.push(parseInt(bits.slice(at, at + 8).join(""), 2));
    const blocks = [bytes.slice(0, DATA), bytes.slice(DATA)];
    const checks = blocks.map(checkOf);
    const woven = [];
    for (let n = 0; n < DATA; n += 1) blocks.forEach((one) => woven.push(one[n]));
    for (let n = 0; n < CHECK; n += 1) checks.forEach((one) => woven.push(one[n]));
    return woven;
  }

  // --- the square --------------------------------------------------------------------------------

  function frame() {
    const grid = Array.from({ length: SIZE }, () => new Array(SIZE).fill(null));
    const ring = (row, column, reach) => {
      for (let y = -reach; y <= reach; y += 1) {
        for (let x = -reach; x <= reach; x += 1) {
          const far = Math.max(Math.abs(x), Math.abs(y));
          if (grid[row + y] === undefined || grid[row + y][column + x] === undefined) continue;
          grid[row + y][column + x] = reach === 4 ? far !== 2 && far !== 4 : far !== 1;
        }
      }
    };
    ring(3, 3, 4);
    ring(3, SIZE - 4, 4);
    ring(SIZE - 4, 3, 4);
    ring(26, 26, 2);
    for (let n = 8; n < SIZE - 8; n += 1) grid[6][n] = grid[n][6] = n % 2 === 0;
    FORMAT_PLACES.forEach(([row, column], n) => {
      grid[row][column] = bitsOf(FORMATS[0])[n];
    });
    grid[SIZE - 8][8] = true;
    return grid;
  }

  // Where the bits of the data lie, [row, column] in their order.
  function places(grid) {
    const found = [];
    for (let right = SIZE - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right = 5;
      for (let step = 0; step < SIZE; step += 1) {
        const row = up ? SIZE - 1 - step : step;
        for (const column of [right, right - 1]) if (grid[row][column] === null) found.push([row, column]);
      }
    }
    return found;
  }

  function matrix(text) {
    const grid = frame();
    const bits = codewords(text).flatMap((one) => [7, 6, 5, 4, 3, 2, 1, 0].map((n) => (one >> n) & 1));
    places(grid).forEach(([row, column], at) => {
      grid[row][column] = Boolean(bits[at] || 0) !== ((row + column) % 2 === 0);
    });
    return grid;
  }

  function draw(text) {
    const path = matrix(text)
      .flatMap((line, row) => line.map((dark, column) => (dark ? `M${column + 4} ${row + 4}h1v1h-1z` : "")))
      .join("");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${SIZE + 8} ${SIZE + 8}`);
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("d", path);
    svg.append(shape);
    return svg;
  }

  /** The bits of the format of a mask, in the order of FORMAT_PLACES. */
  const format = (mask) => bitsOf(FORMATS[mask]);
  const parts = { SIZE, BLOCKS, DATA, CHECK, ALPHABET, FORMAT_PLACES, exp, log, times, frame, places, format };
  return Object.assign(draw, { matrix, parts });
})();
