"use strict";
// The draw by lottery and by order (protocol sections 4 and 5), and replacements (5 and 6).

function numberedOrder(number, ids) {
  // Ids by their numbers, then by themselves.
  return ids.map((id) => [number(utf8(id)), id])
    .sort((a, b) => compareBytes(a[0], b[0]) || compareText(a[1], b[1]))
    .map(([, id]) => id);
}

const inOrder = (seeded, ids) => numberedOrder(seeded.keyed("order", seeded.attempt), ids);

function dealt(snapshot, seeded) {
  // Panel → dossiers: those fixed by hand, then those dealt, in order.
  const panels = [...snapshot.panels.values()];
  const hands = new Map(panels.map((panel) => [panel.id, [...panel.dossiers]]));
  const fixed = new Set(panels.flatMap((panel) => panel.dossiers));
  const number = seeded.keyed("deal", seeded.attempt);
  const dealing = panels.filter((panel) => panel.deal);
  for (const name of [...new Set(dealing.map((panel) => panel.class))].sort(compareText)) {
    const takers = dealing.filter((panel) => panel.class === name);
    const pile = [...snapshot.dossiers.values()]
      .filter((one) => one.class === name && !fixed.has(one.id))
      .map((one) => ({ ...one, number: number(utf8(one.id)) }))
      .sort((a, b) => compareText(a.province, b.province) || compareBytes(a.number, b.number)
        || compareText(a.id, b.id));
    const start = Number(seeded.below(takers.length, joined(lp(utf8("deal")), lp(utf8(name)))));
    pile.forEach((one, i) => hands.get(takers[(start + i) % takers.length].id).push(one.id));
  }
  return hands;
}

class Limits {
  // How many of each value sit in each scope; an empty code counts for no limit.
  constructor(limits) {
    this.limits = limits;
    this.counts = new Map();
  }

  places(expert, panel) {
    const found = [];
    this.limits.forEach(({ field, scope, max }, at) => {
      const value = expert[field];
      if (!value) return;
      const parts = { draw: [], panel: [panel], cell: [panel, expert.stratum] }[scope];
      found.push([pairKey(at, value, ...parts), max]);
    });
    return found;
  }

  room(expert, panel) {
    return this.places(expert, panel).every(([key, max]) => (this.counts.get(key) || 0) < max);
  }

  count(expert, panel, change = 1) {
    for (const [key] of this.places(expert, panel)) {
      this.counts.set(key, (this.counts.get(key) || 0) + change);
    }
  }

  broken() {
    // [field, value] of every limit that is exceeded.
    const found = [];
    for (const [key, count] of this.counts) {
      const [at, value] = key.split("\0");
      const { field, max } = this.limits[Number(at)];
      if (count > max) found.push([field, value]);
    }
    return found.sort(compareLists);
  }
}

const seatOrder = (a, b) => compareLists(
  [a.panel, a.stratum, a.expert], [b.panel, b.stratum, b.expert],
);

async function walked(snapshot, seed, attempt, pause) {
  // What one walk through the list gives; null where it ends with seats open.
  const seeded = new Seeded(seed, attempt);
  const panels = dealt(snapshot, seeded);
  const holder = new Map([...panels].flatMap(([panel, hand]) => hand.map((one) => [one, panel])));
  const barred = new Set(
    snapshot.pairs.map(([expert, dossier]) => pairKey(expert, holder.get(dossier))),
  );
  const open = new Map(); // stratum → panel, in order of id → open seats
  let left = 0;
  for (const [panel, stratum, seats] of snapshot.cells()) {
    if (!open.has(stratum)) open.set(stratum, new Map());
    open.get(stratum).set(panel, seats);
    left += seats;
  }
  const limits = new Limits(snapshot.limits);
  const seats = [];
  const passed = [];
  const order = inOrder(seeded, [...snapshot.experts.keys()]);
  for (let at = 0; at < order.length && left; at += 1) {
    if (at % 4096 === 4095) await pause(at / order.length);
    const name = order[at];
    const expert = snapshot.experts.get(name);
    const cells = open.get(expert.stratum) || new Map();
    const staffed = [...cells.keys()];
    const free = staffed.filter((panel) => !barred.has(pairKey(name, panel)));
    const allowed = free.filter((panel) => limits.room(expert, panel));
    if (!allowed.length) {
      const reason = !staffed.length ? "seats-full" : !free.length ? "conflict" : "limit";
      passed.push({ expert: name, reason });
      continue;
    }
    const total = allowed.reduce((sum, panel) => sum + cells.get(panel), 0);
    let ticket = Number(seeded.below(total, joined(lp(utf8("seat")), lp(utf8(name)))));
    const panel = allowed.find((one) => {
      ticket -= cells.get(one);
      return ticket < 0;
    });
    cells.set(panel, cells.get(panel) - 1);
    if (!cells.get(panel)) cells.delete(panel);
    left -= 1;
    limits.count(expert, panel);
    seats.push({ panel, stratum: expert.stratum, expert: name });
  }
  if (left) return null;
  return { attempt, order, panels: Object.fromEntries(panels), seats: seats.sort(seatOrder), passed };
}

async function drawn(snapshot, seed, attempts, pause) {
  // The result that the protocol gives.
  const head = {
    protocol: PROTOCOL, draw_id: snapshot.drawId, snapshot: hex(snapshot.digest), seed: hex(seed),
  };
  if (snapshot.method === "order") {
    const order = inOrder(new Seeded(seed), snapshot.record.entries);
    return { ...head, order, taken: order.slice(0, snapshot.record.take) };
  }
  if (snapshot.method === "balanced") {
    const network = new Balanced(snapshot);
    await network.check(pause);
    return { ...head, seats: await network.rounded(seed, pause) };
  }
  const most = Math.min(attempts, 1000);
  for (let attempt = 0; attempt < most; attempt += 1) {
    const found = await walked(snapshot, seed, attempt, pause);
    if (found) return { ...head, ...found };
  }
  throw new Refused("no-walk", { attempts: most });
}

class Seating {
  // Who sits where as the log changes it. A part is a stand-in's seat, for one dossier alone.
  constructor(snapshot, result, seed) {
    this.snapshot = snapshot;
    this.balanced = snapshot.method === "balanced";
    this.order = result.order || [];
    this.seeded = new Seeded(seed);
    this.hands = new Map(Object.entries(result.panels || {}));
    if (this.balanced) {
      this.hands = new Map([...snapshot.panels.values()].map((one) => [one.id, one.dossiers]));
    }
    this.conflicts = new Set(snapshot.conflicts);
    this.limits = new Limits(snapshot.limits);
    this.unavailable = new Set();
    this.ever = new Set();
    this.load = new Map();
    this.givenUp = new Set();
    this.seats = new Set(); // panel, stratum, expert, dossier ("" for a whole seat)
    for (const seat of result.seats) this.sit(seat.panel, seat.stratum, seat.expert, "");
  }

  count(panel, name, change) {
    this.limits.count(this.snapshot.experts.get(name), panel, change);
    this.load.set(name, (this.load.get(name) || 0) + change);
  }

  sit(panel, stratum, name, dossier) {
    this.seats.add(pairKey(panel, stratum, name, dossier));
    this.ever.add(pairKey(this.balanced ? panel : "", name));
    this.count(panel, name, 1);
  }

  take({ seq, type, body }) {
    // Take an event; for a vacated seat return the seat.replaced that must follow.
    if (type === "conflict.declared") {
      this.conflicts.add(pairKey(body.expert, body.dossier));
    } else if (type === "expert.unavailable") {
      this.unavailable.add(body.expert);
    } else if (type === "seat.accepted") {
      const place = `${pairKey(body.panel, body.stratum, body.expert)}\0`;
      if (![...this.seats].some((seat) => seat.startsWith(place))) {
        throw new Refused("no-such-seat", { seq, expert: body.expert });
      }
    } else if (type === "seat.vacated") {
      return this.vacated(seq, body);
    }
    return null;
  }

  vacated(seq, { panel, stratum, expert, dossier }) {
    const bad = new Refused("no-such-seat", { seq, expert });
    const whole = pairKey(panel, stratum, expert, "");
    const part = pairKey(panel, stratum, expert, dossier === null ? "" : dossier);
    if (!this.seats.has(whole) && !this.seats.has(part)) throw bad;
    if (dossier !== null && !this.hands.get(panel).includes(dossier)) throw bad;
    if (!this.seats.has(part)) {
      if (this.givenUp.has(part)) throw bad;
      this.givenUp.add(part);
    }
    this.seats.delete(part);
    this.count(panel, expert, -1);
    const dossiers = dossier === null ? this.hands.get(panel) : [dossier];
    const skipped = [];
    let taken = null;
    for (const candidate of this.candidates(panel)) {
      const reason = this.reason(candidate, panel, stratum, dossiers);
      if (reason === null) {
        taken = candidate;
        break;
      }
      skipped.push({ expert: candidate, reason });
    }
    if (this.seats.has(whole)) this.count(panel, expert, 1); // keeps it for the other dossiers
    if (taken !== null) this.sit(panel, stratum, taken, dossier === null ? "" : dossier);
    return { panel, stratum, vacated: expert, dossier, expert: taken, skipped };
  }

  candidates(panel) {
    if (!this.balanced) return this.order;
    const number = this.seeded.keyed("replacement", utf8(panel));
    return numberedOrder(number, [...this.snapshot.experts.keys()]);
  }

  reason(name, panel, stratum, dossiers) {
    const expert = this.snapshot.experts.get(name);
    if (this.ever.has(pairKey(this.balanced ? panel : "", name))) return "seated";
    if (this.unavailable.has(name)) return "unavailable";
    if (expert.stratum !== stratum) return "stratum";
    if (dossiers.some((one) => this.conflicts.has(pairKey(name, one)))) return "conflict";
    if (this.balanced && (this.load.get(name) || 0) >= expert.capacity) return "capacity";
    return this.limits.room(expert, panel) ? null : "limit";
  }
}
