"use strict";
// Forms of records (protocol sections 2 and 9): every field there, none besides, each of its type.
// Then the snapshot with its indexes, and the log with its Merkle tree (RFC 6962) and keys.

const has = (object, field) => Object.prototype.hasOwnProperty.call(object, field);
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const DRAW_ID = /^(.+)\/draw\/([1-9][0-9]{0,8})$/s;
const TIME = /^([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$/;
const KEY_STRING = /^(?:(?:(?:0|[1-9][0-9]*)\.)+\/)+$/;

const isFree = (value) => typeof value === "string" && !/[\x00-\x1f\x7f-\x9f]/.test(value);
const isText = (value) => isFree(value) && value !== "";
const isCount = (value) => typeof value === "number" && value >= 1;
const isIndex = (value) => typeof value === "number" && value >= 0;
const isBoolean = (value) => typeof value === "boolean";
const isHex32 = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const isHex = (value) => typeof value === "string" && /^(?:[0-9a-f]{2})+$/.test(value);
const isDrawId = (value) => isText(value) && DRAW_ID.test(value);

function isDate(value) {
  if (typeof value !== "string" || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(value)) return false;
  const moment = new Date(`${value}T00:00:00Z`);
  if (value.startsWith("0000") || Number.isNaN(moment.getTime())) return false;
  return moment.toISOString().slice(0, 10) === value;
}

function isTime(value) {
  const match = typeof value === "string" ? TIME.exec(value) : null;
  return match !== null && isDate(match[1]);
}

const secondsOf = (text) => Date.parse(text) / 1000;

function clock(moment) {
  // Unix seconds as the records write a time; a number where no calendar reaches it.
  const date = new Date(moment * 1000);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) return String(moment);
  return date.toISOString().replace(/\.000Z$/, "Z");
}

const oneOf = (...values) => (value) => values.includes(value);
const listOf = (test) => (value) => Array.isArray(value) && value.every((one) => test(one));
const orNull = (test) => (value) => value === null || test(value);
const mapOf = (test) => (value) => isObject(value) && Object.keys(value).length > 0
  && Object.entries(value).every(([name, one]) => isText(name) && test(one));
const objectOf = (tests) => (value) => isObject(value)
  && Object.keys(value).length === Object.keys(tests).length
  && Object.entries(tests).every(([name, test]) => has(value, name) && test(value[name]));
const byKind = (shapes) => (value) => isObject(value) && typeof value.kind === "string"
  && has(value, "kind") && has(shapes, value.kind) && shapes[value.kind](value);

const SOURCE = {
  commitment: objectOf({ kind: oneOf("commitment"), party: isText, commitment: isHex32 }),
  drand: objectOf({ kind: oneOf("drand"), chain: isHex32, round: isCount }),
  public: objectOf({ kind: oneOf("public"), name: isText, date: isDate }),
};
const ENTRY = {
  commitment: objectOf({ kind: oneOf("commitment"), party: isText, secret: isHex32 }),
  drand: objectOf({ kind: oneOf("drand"), round: isCount, signature: isHex }),
  public: objectOf({ kind: oneOf("public"), key: isText }),
};
const EXPERT = objectOf({
  id: isText, stratum: isText, employer: isFree, province: isFree, capacity: isCount,
  identity: isHex32,
});
const PANEL = objectOf({
  id: isText, class: isText, seats: mapOf(isCount), dossiers: listOf(isText), deal: isBoolean,
});
const LIMIT = objectOf({
  field: oneOf("employer", "province"), scope: oneOf("draw", "panel", "cell"), max: isCount,
});
const SEAT = objectOf({ panel: isText, stratum: isText, expert: isText });
const SKIP = objectOf({ expert: isText, reason: isText });
const IDENTITY = objectOf({ id: isText, salt: isHex, name: isFree, document: isFree });

function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

const isCap = (value) => listOf(isCount)(value) && value.length === 2 && value[0] <= value[1];
const isPlanRow = (value) => Array.isArray(value) && value.length === 5
  && value.slice(0, 3).every(isText) && value.slice(3).every(isCount)
  && gcd(...value.slice(3)) === 1;

const ALWAYS = {
  protocol: oneOf(PROTOCOL),
  draw_id: isDrawId,
  method: oneOf("lottery", "balanced", "order"),
  sources: (value) => listOf(byKind(SOURCE))(value) && value.length > 0,
  locked_at: isTime,
};
const SEATING = {
  experts: listOf(EXPERT),
  panels: listOf(PANEL),
  dossiers: listOf(objectOf({ id: isText, class: isText, province: isFree })),
  conflicts: listOf(objectOf({ expert: isText, dossier: isText, rule: isText })),
  limits: listOf(LIMIT),
};
const SNAPSHOT = {
  lottery: { ...ALWAYS, ...SEATING },
  balanced: { ...ALWAYS, ...SEATING, pair_cap: isCap, plan: listOf(isPlanRow) },
  order: { ...ALWAYS, entries: listOf(isText), take: isCount },
};
const HEAD = { protocol: oneOf(PROTOCOL), draw_id: isText, snapshot: isHex32, seed: isHex32 };
const RESULT = {
  lottery: {
    ...HEAD,
    attempt: isIndex,
    order: listOf(isText),
    panels: (value) => isObject(value) && Object.values(value).every(listOf(isText)),
    seats: listOf(SEAT),
    passed: listOf(SKIP),
  },
  balanced: { ...HEAD, seats: listOf(SEAT) },
  order: { ...HEAD, order: listOf(isText), taken: listOf(isText) },
};
const PEOPLE = { protocol: oneOf(PROTOCOL), draw_id: isText, experts: listOf(IDENTITY) };

function checkFields(name, record, shape) {
  if (!isObject(record)) throw new Refused("malformed", { where: name });
  for (const [field, test] of Object.entries(shape)) {
    if (!has(record, field) || !test(record[field])) {
      throw new Refused("malformed", { where: `${name}: ${field}` });
    }
  }
  for (const field of Object.keys(record).sort()) {
    if (!has(shape, field)) throw new Refused("unknown-field", { where: `${name}: ${field}` });
  }
}

function checkSorted(where, keys) {
  // Keys are lists of texts: sorted and distinct.
  for (let i = 1; i < keys.length; i += 1) {
    if (compareLists(keys[i - 1], keys[i]) >= 0) {
      throw new Refused("not-sorted", { where, id: keys[i].join(" × ") });
    }
  }
}

function numbered(drawId) {
  // The round and the number of a draw's id.
  const match = DRAW_ID.exec(drawId);
  if (!match) throw new Refused("malformed", { where: "draw_id" });
  return [match[1], Number(match[2])];
}

const byId = (rows) => new Map(rows.map((one) => [one.id, one]));
const pairKey = (...parts) => parts.join("\0"); // no text of a record holds a control character

class Snapshot {
  // The record that was locked, with the indexes that the steps use.
  constructor(record, data) {
    const method = isObject(record) && has(SNAPSHOT, String(record.method)) ? record.method : "order";
    checkFields("snapshot.json", record, SNAPSHOT[method]);
    this.record = record;
    this.digest = digestOf("snapshot", data);
    this.method = record.method;
    this.drawId = record.draw_id;
    [this.round, this.number] = numbered(this.drawId);
    this.sources = record.sources;
    const parties = this.sources.filter((one) => one.kind === "commitment").map((one) => one.party);
    if (new Set(parties).size < parties.length) throw new Refused("party-twice");
    this.experts = new Map();
    this.panels = new Map();
    this.dossiers = new Map();
    this.conflicts = new Set();
    this.pairs = [];
    this.limits = record.limits || [];
    if (method === "order") {
      checkSorted("snapshot.json: entries", record.entries.map((one) => [one]));
      if (record.take > record.entries.length) {
        throw new Refused("malformed", { where: "snapshot.json: take" });
      }
      return;
    }
    for (const name of ["experts", "panels", "dossiers"]) {
      checkSorted(`snapshot.json: ${name}`, record[name].map((one) => [one.id]));
      this[name] = byId(record[name]);
    }
    const scopes = this.limits.map(({ field, scope }) => `${field} ${scope}`);
    const twice = scopes.find((one, i) => scopes.indexOf(one) < i);
    if (twice) throw new Refused("not-sorted", { where: "snapshot.json: limits", id: twice });
    const rows = record.conflicts.map((one) => [one.expert, one.dossier, one.rule]);
    checkSorted("snapshot.json: conflicts", rows);
    this.pairs = rows.map(([expert, dossier]) => [expert, dossier]);
    this.conflicts = new Set(this.pairs.map((pair) => pairKey(...pair)));
    this.checkIds();
    if (method === "balanced") {
      checkSorted("snapshot.json: plan", record.plan.map((row) => row.slice(0, 3)));
    }
  }

  checkIds() {
    const where = "snapshot.json: panels";
    const held = new Set();
    for (const panel of this.panels.values()) {
      for (const id of panel.dossiers) {
        if (!this.dossiers.has(id)) throw new Refused("unknown-id", { where, id });
        if (held.has(id)) throw new Refused("not-sorted", { where, id });
        held.add(id);
      }
      if (panel.deal && this.method === "balanced") {
        throw new Refused("balanced-deal", { panel: panel.id });
      }
    }
    const dealing = [...this.panels.values()].filter((panel) => panel.deal);
    const classes = new Set(dealing.map((panel) => panel.class));
    for (const [id, one] of this.dossiers) {
      if (!held.has(id) && !classes.has(one.class)) throw new Refused("unknown-id", { where, id });
    }
    for (const [expert, dossier] of this.pairs) {
      if (!this.experts.has(expert) || !this.dossiers.has(dossier)) {
        const id = `${expert} × ${dossier}`;
        throw new Refused("unknown-id", { where: "snapshot.json: conflicts", id });
      }
    }
    for (const [id, one] of this.experts) {
      if (this.method === "lottery" && one.capacity !== 1) {
        throw new Refused("malformed", { where: `snapshot.json: experts ${id} capacity` });
      }
    }
  }

  cells() {
    // [panel, stratum, seats] in order of panel, then stratum.
    return [...this.panels.values()].flatMap((panel) => Object.keys(panel.seats).sort()
      .map((stratum) => [panel.id, stratum, panel.seats[stratum]]));
  }
}

// ---- the log ----

const LINE = 2 ** 26; // bytes of one event
const PLACE = { draw_id: isText, panel: isText, stratum: isText };
const BODIES = {
  "log.opened": { origin: isText, key: isText },
  "key.rotated": { old: isText, new: isText },
  "witness.registered": { key: isText },
  "checkpoint.signed": { note: (value) => typeof value === "string" },
  "commitment.given": { draw_id: isText, party: isText, commitment: isHex32 },
  "draw.locked": {
    draw_id: isDrawId, snapshot: isHex32, method: oneOf("lottery", "balanced", "order"),
  },
  "draw.revealed": { draw_id: isText, index: isIndex, source: isObject },
  "draw.completed": { draw_id: isText, snapshot: isHex32, seed: isHex32, result: isHex32 },
  "draw.voided": { draw_id: isText, reason: isText, missing: listOf(isIndex) },
  "conflict.declared": { draw_id: isText, expert: isText, dossier: isText, rule: isText },
  "expert.unavailable": { draw_id: isText, expert: isText },
  "seat.accepted": { ...PLACE, expert: isText },
  "seat.vacated": { ...PLACE, expert: isText, dossier: orNull(isText), reason: isText },
  "seat.replaced": {
    ...PLACE, vacated: isText, dossier: orNull(isText), expert: orNull(isText),
    skipped: listOf(SKIP),
  },
};
const EVENT_FIELDS = ["actor", "body", "seq", "time", "type"];
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

function hasExactly(value, fields) {
  return isObject(value) && Object.keys(value).length === fields.length
    && fields.every((field) => has(value, field));
}

class Log {
  // The log: `leaves` holds the hash of every line, `events` those events that the steps read.
  constructor(data) {
    this.data = data;
    this.ends = [];
    this.events = [];
    this.leaves = [];
    this.levels = [];
    this.lastTime = "";
  }

  line(seq) {
    return this.data.subarray(seq ? this.ends[seq - 1] + 1 : 0, this.ends[seq]);
  }

  async hash(pause) {
    for (let at = this.data.indexOf(10); at >= 0; at = this.data.indexOf(10, at + 1)) {
      this.ends.push(at);
      this.leaves.push(sha256(LEAF, this.line(this.ends.length - 1)));
      if (this.ends.length % 512 === 0) await pause(at / this.data.length / 2);
    }
  }

  async read(refuse, pause) {
    // Check the events one by one; whatever isn't as it should be goes to `refuse`.
    const { data, ends } = this;
    if (!data.length || data[data.length - 1] !== 10) refuse("last-line", {});
    for (let seq = 0; seq < ends.length; seq += 1) {
      try {
        this.take(seq, this.line(seq));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refuse("event", { seq, inner: error });
      }
      if (seq % 512 === 511) await pause(0.5 + seq / ends.length / 2);
    }
    const [first] = this.events;
    if (!first || first.type !== "log.opened" || first.seq) refuse("not-opened", {});
  }

  take(seq, line) {
    const bad = (where) => new Refused("malformed", { where });
    if (line.length > LINE) throw new Refused("too-large", { name: "events.jsonl", most: LINE });
    const record = parseRecord(line);
    if (!hasExactly(record, EVENT_FIELDS)) throw bad("event");
    if (record.seq !== seq) throw new Refused("gap", { found: record.seq });
    const { time, actor, type, body } = record;
    if (time !== this.lastTime) {
      if (!isTime(time)) throw bad("time");
      if (time < this.lastTime) throw new Refused("time-back", { time });
      this.lastTime = time;
    }
    if (!hasExactly(actor, ["role", "id"]) || !isFree(actor.role) || !isFree(actor.id)) {
      throw bad("actor");
    }
    if (!isObject(body) || typeof type !== "string" || !type) throw bad("type");
    if (!has(BODIES, type)) return;
    for (const [field, test] of Object.entries(BODIES[type])) {
      if (!has(body, field) || !test(body[field])) throw bad(`${type} ${field}`);
    }
    if (type === "log.opened" && seq) throw bad(type);
    this.events.push({ seq, time, type, body });
  }

  of(...types) {
    return this.events.filter((event) => types.includes(event.type));
  }

  ofDraw(drawId, ...types) {
    return this.of(...types).filter((event) => event.body.draw_id === drawId);
  }

  root(size) {
    // The root of the first `size` events, from the complete subtrees.
    if (!this.levels.length) {
      this.levels.push(this.leaves);
      for (let below = this.leaves; below.length > 1;) {
        const level = [];
        for (let i = 0; i + 1 < below.length; i += 2) {
          level.push(sha256(NODE, below[i], below[i + 1]));
        }
        this.levels.push(level);
        below = level;
      }
    }
    const tops = [];
    let done = 0;
    for (let level = this.levels.length - 1; level >= 0; level -= 1) {
      const width = 2 ** level;
      if (Math.floor(size / width) % 2) {
        tops.push(this.levels[level][done / width]);
        done += width;
      }
    }
    if (!tops.length) return sha256();
    return tops.reduceRight((digest, top) => sha256(NODE, top, digest));
  }
}

class Keys {
  // The keys that the log itself names: the log's own in order, the witnesses'.
  constructor(log) {
    this.log = [];
    this.witnesses = [];
    for (const { seq, type, body } of log.of("log.opened", "key.rotated", "witness.registered")) {
      const witness = type === "witness.registered";
      const key = new Key(type === "key.rotated" ? body.new : body.key);
      if (key.kind !== (witness ? WITNESS_KEY : LOG_KEY)) throw new Refused("vkey", { key: key.text });
      if (witness) {
        this.witnesses.push({ seq, key });
        continue;
      }
      if (this.log.length) {
        const before = this.log[this.log.length - 1].key;
        if (body.old !== before.text || key.name !== before.name) {
          throw new Refused("rotation", { seq });
        }
      } else if (body.origin !== key.name) {
        throw new Refused("vkey", { key: key.text });
      }
      this.log.push({ seq, key });
    }
    if (!this.log.length) throw new Refused("no-key");
  }

  inForce(size) {
    // The log's key for a checkpoint of `size` events.
    const found = this.log.filter((one) => one.seq < size);
    if (!found.length) throw new Refused("no-key");
    return found[found.length - 1].key;
  }
}
