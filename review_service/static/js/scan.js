// Reads the QR code of a printed secret from a picture: what qr.js draws (version 4, error
// correction M, letters and digits), in any position. Everything happens in this page: the picture
// goes nowhere. `window.qrRead(imageData)` gives the text, or null where none can be read.
"use strict";

window.qrRead = (() => {
  const { SIZE, BLOCKS, DATA, CHECK, ALPHABET, FORMAT_PLACES, exp, log, times, frame, places, format } = window.qrCode.parts;
  const FINDERS = [[3.5, 3.5], [SIZE - 3.5, 3.5], [3.5, SIZE - 3.5]];
  const ALIGNMENT = [26.5, 26.5]; // where version 4 has its small square
  const MASKS = [
    (r, c) => (r + c) % 2 === 0,
    (r) => r % 2 === 0,
    (_r, c) => c % 3 === 0,
    (r, c) => (r + c) % 3 === 0,
    (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
    (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
    (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
    (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
  ];

  // --- dark and light: each pixel against the mean of its surroundings ---------------------------

  function binary({ data, width, height }) {
    const grey = new Uint8Array(width * height);
    for (let n = 0; n < grey.length; n += 1) {
      grey[n] = (data[4 * n] * 77 + data[4 * n + 1] * 151 + data[4 * n + 2] * 28) >> 8;
    }
    const wide = width + 1;
    const sums = new Float64Array(wide * (height + 1));
    for (let y = 0; y < height; y += 1) {
      for (let x = 0, line = 0; x < width; x += 1) {
        line += grey[y * width + x];
        sums[(y + 1) * wide + x + 1] = sums[y * wide + x + 1] + line;
      }
    }
    const reach = Math.max(8, Math.floor(Math.max(width, height) / 12));
    const dark = new Uint8Array(width * height);
    for (let y = 0; y < height; y += 1) {
      const top = Math.max(0, y - reach);
      const bottom = Math.min(height, y + reach + 1);
      for (let x = 0; x < width; x += 1) {
        const left = Math.max(0, x - reach);
        const right = Math.min(width, x + reach + 1);
        const sum =
          sums[bottom * wide + right] - sums[top * wide + right] - sums[bottom * wide + left] + sums[top * wide + left];
        dark[y * width + x] = grey[y * width + x] * (bottom - top) * (right - left) < sum * 0.88 ? 1 : 0;
      }
    }
    const at = (x, y) => {
      const column = Math.floor(x);
      const row = Math.floor(y);
      return column >= 0 && row >= 0 && column < width && row < height ? dark[row * width + column] : 0;
    };
    return { at, width, height };
  }

  // --- the three corner squares: dark, light, dark, light, dark in lengths 1:1:3:1:1 ---------------

  function likeFinder(runs) {
    const unit = runs.reduce((a, b) => a + b) / 7;
    return unit >= 1 && [1, 1, 3, 1, 1].every((share, n) => Math.abs(runs[n] - share * unit) <= share * unit * 0.5 + 0.5);
  }

  /** The five runs through a point along (dx, dy), and how far the middle lies from it; or null. */
  function across(picture, x, y, dx, dy) {
    const limit = Math.max(picture.width, picture.height);
    const count = (from, step, dark) => {
      let n = 0;
      while (n < limit && picture.at(x + (from + step * n) * dx, y + (from + step * n) * dy) === dark) n += 1;
      return n;
    };
    const runs = [0, 0, 0, 0, 0];
    const back = count(0, -1, 1);
    const ahead = count(1, 1, 1);
    runs[2] = back + ahead;
    runs[1] = count(-back, -1, 0);
    runs[0] = count(-back - runs[1], -1, 1);
    runs[3] = count(1 + ahead, 1, 0);
    runs[4] = count(1 + ahead + runs[3], 1, 1);
    if (!likeFinder(runs)) return null;
    return { shift: (ahead - back + 1) / 2, unit: runs.reduce((a, b) => a + b) / 7 };
  }

  function finders(picture) {
    const found = [];
    for (let y = 0; y < picture.height; y += 2) {
      let runs = [];
      let start = 0;
      for (let x = 1; x <= picture.width; x += 1) {
        if (x < picture.width && picture.at(x, y) === picture.at(x - 1, y)) continue;
        runs = [...runs.slice(-4), x - start];
        start = x;
        if (!picture.at(x - 1, y) || runs.length < 5 || !likeFinder(runs)) continue;
        note(picture, found, x - runs[4] - runs[3] - runs[2] / 2, y + 0.5);
      }
    }
    return found.sort((a, b) => b.seen - a.seen).slice(0, 9);
  }

  function note(picture, found, x, y) {
    const down = across(picture, x, y, 0, 1);
    if (!down) return;
    const level = across(picture, x, y + down.shift, 1, 0);
    if (!level) return;
    const [cx, cy, unit] = [x + level.shift, y + down.shift, (level.unit + down.unit) / 2];
    const same = found.find((one) => Math.hypot(one.x - cx, one.y - cy) < 3 * unit);
    if (!same) return found.push({ x: cx, y: cy, unit, seen: 1 });
    const mix = (old, now) => (old * same.seen + now) / (same.seen + 1);
    Object.assign(same, { x: mix(same.x, cx), y: mix(same.y, cy), unit: mix(same.unit, unit), seen: same.seen + 1 });
    return undefined;
  }

  /** Triples that can be the corners of one square, the likeliest first: [corner, right, down]. */
  function triples(found) {
    const made = [];
    const between = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
    for (const corner of found) {
      for (const right of found) {
        for (const down of found) {
          if (corner === right || corner === down || right === down) continue;
          const turn = (right.x - corner.x) * (down.y - corner.y) - (right.y - corner.y) * (down.x - corner.x);
          if (turn <= 0) continue; // seen in a mirror
          const [a, b, c] = [between(corner, right), between(corner, down), between(right, down)];
          const odd = Math.abs(a - b) / Math.max(a, b) + Math.abs(c - Math.hypot(a, b)) / c;
          const units = [corner.unit, right.unit, down.unit];
          const uneven = Math.max(...units) / Math.min(...units);
          if (odd < 0.6 && uneven < 1.8) made.push({ corners: [corner, right, down], odd: odd + uneven });
        }
      }
    }
    return made.sort((a, b) => a.odd - b.odd).slice(0, 6).map((one) => one.corners);
  }

  // --- from modules to pixels ---------------------------------------------------------------------

  /** The perspective that takes four points of the code to four of the picture. */
  function perspective(from, to) {
    const rows = from.flatMap(([u, v], n) => {
      const { x, y } = to[n];
      return [[u, v, 1, 0, 0, 0, -u * x, -v * x, x], [0, 0, 0, u, v, 1, -u * y, -v * y, y]];
    });
    for (let n = 0; n < 8; n += 1) {
      const best = rows.slice(n).reduce((a, b) => (Math.abs(b[n]) > Math.abs(a[n]) ? b : a));
      const other = rows.indexOf(best);
      [rows[n], rows[other]] = [rows[other], rows[n]];
      for (const row of rows) {
        if (row === rows[n]) continue;
        const factor = row[n] / rows[n][n];
        for (let at = n; at < 9; at += 1) row[at] -= factor * rows[n][at];
      }
    }
    const [a, b, c, d, e, f, g, h] = rows.map((row, n) => row[8] / row[n]);
    return (u, v) => {
      const depth = g * u + h * v + 1;
      return { x: (a * u + b * v + c) / depth, y: (d * u + e * v + f) / depth };
    };
  }

  function flat([corner, right, down]) {
    const side = SIZE - 7;
    return (u, v) => ({
      x: corner.x + ((u - 3.5) * (right.x - corner.x) + (v - 3.5) * (down.x - corner.x)) / side,
      y: corner.y + ((u - 3.5) * (right.y - corner.y) + (v - 3.5) * (down.y - corner.y)) / side,
    });
  }

  /** Where the small square lies best, near where a flat sheet would have it. */
  function alignment(picture, place) {
    let best = { fit: 0 };
    for (let dv = -5; dv <= 5; dv += 0.25) {
      for (let du = -5; du <= 5; du += 0.25) {
        let fit = 0;
        for (let r = -2; r <= 2; r += 1) {
          for (let c = -2; c <= 2; c += 1) {
            const { x, y } = place(ALIGNMENT[0] + du + c, ALIGNMENT[1] + dv + r);
            fit += picture.at(x, y) === Number(Math.max(Math.abs(r), Math.abs(c)) !== 1) ? 1 : 0;
          }
        }
        fit -= (Math.abs(du) + Math.abs(dv)) / 20;
        if (fit > best.fit) best = { fit, ...place(ALIGNMENT[0] + du, ALIGNMENT[1] + dv) };
      }
    }
    return best;
  }

  function grid(picture, place) {
    return Array.from({ length: SIZE }, (_, row) =>
      Array.from({ length: SIZE }, (_unused, column) => {
        let dark = 0;
        for (const dv of [0.3, 0.5, 0.7]) {
          for (const du of [0.3, 0.5, 0.7]) {
            const { x, y } = place(column + du, row + dv);
            dark += picture.at(x, y);
          }
        }
        return dark > 4;
      }),
    );
  }

  // --- from modules to text -----------------------------------------------------------------------

  /** Set wrong bytes of a block right (at most nine); false where there are more. */
  function correct(block) {
    const power = (n) => exp[((n % 255) + 255) % 255];
    const value = (poly, x) => poly.reduceRight((sum, one) => times(sum, x) ^ one, 0);
    const inverse = (one) => power(-log[one]);
    const heard = [...block].reverse();
    const syndromes = Array.from({ length: CHECK }, (_, n) => value(heard, power(n)));
    if (syndromes.every((one) => one === 0)) return true;
    let errors = [1]; // the error locator, by Berlekamp and Massey
    let old = [1];
    let length = 0;
    let gap = 1;
    let last = 1;
    for (let n = 0; n < CHECK; n += 1) {
      let off = syndromes[n];
      for (let k = 1; k <= length; k += 1) off ^= times(errors[k] || 0, syndromes[n - k]);
      if (!off) {
        gap += 1;
        continue;
      }
      const factor = times(off, inverse(last));
      const moved = [...new Array(gap).fill(0), ...old.map((one) => times(one, factor))];
      const next = Array.from({ length: Math.max(errors.length, moved.length) }, (_, k) => (errors[k] || 0) ^ (moved[k] || 0));
      if (2 * length <= n) {
        [old, last, length, gap] = [errors, off, n + 1 - length, 1];
      } else gap += 1;
      errors = next;
    }
    const wrong = heard.map((_, n) => n).filter((n) => value(errors, power(-n)) === 0);
    if (length > CHECK / 2 || wrong.length !== length) return false;
    const product = new Array(CHECK).fill(0);
    syndromes.forEach((one, n) => errors.forEach((two, k) => n + k < CHECK && (product[n + k] ^= times(one, two))));
    const slope = errors.map((one, n) => (n % 2 ? one : 0)).slice(1);
    for (const n of wrong) {
      const x = power(-n);
      const size = times(times(value(product, x), inverse(value(slope, x))), power(n));
      block[block.length - 1 - n] ^= size;
    }
    return true;
  }

  function bytes(modules, mask) {
    const bits = places(frame()).map(([row, column]) => modules[row][column] !== MASKS[mask](row, column));
    const woven = Array.from({ length: BLOCKS * (DATA + CHECK) }, (_, n) =>
      bits.slice(8 * n, 8 * n + 8).reduce((sum, bit) => 2 * sum + Number(bit), 0),
    );
    const blocks = Array.from({ length: BLOCKS }, (_, n) => woven.filter((_one, at) => at % BLOCKS === n));
    return blocks.every(correct) ? blocks.flatMap((one) => one.slice(0, DATA)) : null;
  }

  function text(data) {
    const bits = data.map((one) => one.toString(2).padStart(8, "0")).join("");
    let at = 0;
    const take = (length) => parseInt(bits.slice(at, (at += length)), 2);
    if (take(4) !== 2) return null;
    let left = take(9);
    let found = "";
    for (; left > 1; left -= 2) {
      const pair = take(11);
      found += `${ALPHABET[Math.floor(pair / 45)]}${ALPHABET[pair % 45]}`;
    }
    return left ? found + ALPHABET[take(6)] : found;
  }

  /** The mask that the code says it has: the likeliest of eight, for a scratch may have hit it. */
  function maskOf(modules) {
    const said = FORMAT_PLACES.map(([row, column]) => modules[row][column]);
    const apart = MASKS.map((_, mask) => format(mask).filter((bit, n) => bit !== said[n]).length);
    return apart.indexOf(Math.min(...apart));
  }

  return (image) => {
    const picture = binary(image);
    for (const corners of triples(finders(picture))) {
      const near = flat(corners);
      const fourth = alignment(picture, near);
      const bent = perspective([...FINDERS, ALIGNMENT], [...corners, fourth]);
      for (const place of [bent, near]) {
        const modules = grid(picture, place);
        const data = bytes(modules, maskOf(modules));
        if (data) return text(data);
      }
    }
    return null;
  };
})();
