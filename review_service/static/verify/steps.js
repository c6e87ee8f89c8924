"use strict";
// The twelve steps (protocol section 8). Every line has a status, and codes with facts that
// texts.js words in both languages; verify.py words the same codes the same way.

const README_SHA256 = "9bc0cc56065ba5ae11f48eebd9444c9c522a2ada51bf85ee94e22d4970ccda6e";
const CHAIN = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"; // drand quicknet
const GENESIS = 1692803367;
const PERIOD = 3;
const CHINA = 8 * 3600; // a public event's day is one in China, UTC+8
const SHOWN = 10; // problems told one by one in a line

const beaconTime = (round) => GENESIS + PERIOD * (round - 1);

function shown(value) {
  const text = String(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

function told(code, facts, lang) {
  // The text of a code: lang 0 is Chinese, 1 English; a fact may be a Refused itself.
  return TEXTS[code][lang].replace(/\{([a-z_]+)\}/g, (_, name) => {
    const value = facts[name];
    return value instanceof Refused ? told(value.code, value.facts, lang) : shown(value);
  });
}

class Line {
  constructor(step) {
    this.step = step;
    this.failed = [];
    this.open = [];
    this.held = [];
  }

  get status() {
    if (this.failed.length) return "FAIL";
    return this.open.length ? "NOT CHECKED" : "PASS";
  }

  texts(lang) {
    const found = this.failed.slice(0, SHOWN);
    if (this.failed.length > SHOWN) found.push(["more", { count: this.failed.length - SHOWN }]);
    found.push(...this.open);
    if (!this.failed.length) found.push(...this.held);
    return found.map(([code, facts]) => told(code, facts, lang));
  }

  get codes() {
    return (this.failed.length ? this.failed : this.open).map(([code]) => code);
  }
}

function firstDifference(one, two) {
  // Where two values differ first: a position of a list or a name of an object.
  if (Array.isArray(one) && Array.isArray(two)) {
    const least = Math.min(one.length, two.length);
    for (let i = 0; i < least; i += 1) if (!same(one[i], two[i])) return String(i);
    return String(least);
  }
  if (isObject(one) && isObject(two)) {
    const names = [...new Set([...Object.keys(one), ...Object.keys(two)])].sort(compareText);
    return names.find((name) => !has(one, name) || !has(two, name) || !same(one[name], two[name])) ?? "";
  }
  return "";
}

const same = (one, two) => canonicalText(one) === canonicalText(two);

function sourceValue(entry) {
  // The value that an entry of sources.json gives to the seed.
  if (entry.kind === "commitment") return unhex(entry.secret);
  if (entry.kind === "drand") return sha256(unhex(entry.signature));
  return utf8(entry.key);
}

function checkKeyString(key) {
  // An RFC 3797 section 4 key string: sorted numbers without leading zeros.
  if (!KEY_STRING.test(key)) throw new Refused("key-string");
  for (const group of key.split("/").slice(0, -1)) {
    const numbers = group.split(".").slice(0, -1);
    numbers.forEach((two, i) => {
      const one = i ? numbers[i - 1] : two;
      if (one.length > two.length || (one.length === two.length && one > two)) {
        throw new Refused("key-string");
      }
    });
  }
}

class Verification {
  // A run over the files of one bundle (a Map of name → bytes).
  constructor(files, { previous = null, keys = [], progress = () => {} } = {}) {
    this.files = files;
    this.previous = previous;
    this.trusted = keys;
    this.progress = progress;
    this.lines = Array.from({ length: 12 }, (_, i) => new Line(i + 1));
    this.snapshot = null;
    this.sources = null;
    this.result = null;
    this.people = null;
    this.log = null;
    this.logKeys = null;
    this.checkpoint = null;
    this.witnessed = []; // { size, when } of countersignatures
    this.seed = null;
    this.rested = Date.now();
    this.pause = async () => {
      // Let the page breathe and show how far we are.
      if (Date.now() - this.rested < 40) return;
      await new Promise((done) => { setTimeout(done); });
      this.rested = Date.now();
    };
  }

  fail(step, code, facts = {}) {
    this.lines[step - 1].failed.push([code, facts]);
  }

  skip(step, code, facts = {}) {
    this.lines[step - 1].open.push([code, facts]);
  }

  say(step, code, facts = {}) {
    this.lines[step - 1].held.push([code, facts]);
  }

  refused(step, error) {
    if (!(error instanceof Refused)) throw error;
    this.fail(step, error.code, error.facts);
  }

  async run() {
    const steps = [
      this.stepFiles, this.stepEvents, this.stepSignatures, this.stepLock, this.stepSources,
      this.stepSeed, this.stepDraw, this.stepRules, this.stepReplacements, this.stepNumbers,
      this.stepPrevious, this.stepIdentities,
    ];
    for (let i = 0; i < steps.length; i += 1) {
      this.progress(i + 1);
      await this.pause();
      await steps[i].call(this);
    }
    return this.lines;
  }

  // 1. Every file is present, canonical and of this version.

  async stepFiles() {
    for (const name of FILES) if (!this.files.has(name)) this.fail(1, "missing", { name });
    for (const name of [...this.files.keys()].sort()) {
      if (!FILES.includes(name) && name !== IDENTITIES) this.fail(1, "unknown-file", { name });
    }
    const readme = this.files.get("README.txt");
    if (readme && hex(sha256(readme)) !== README_SHA256) this.fail(1, "readme");
    this.snapshot = this.record("snapshot.json", (value, data) => new Snapshot(value, data));
    this.sources = this.record("sources.json", (value) => {
      if (!listOf(byKind(ENTRY))(value)) throw new Refused("malformed", { where: "sources.json" });
      return value;
    });
    this.result = this.record("result.json", (value) => {
      let method = this.snapshot ? this.snapshot.method : "order";
      if (!this.snapshot) {
        method = Object.keys(RESULT).find((one) => hasExactly(value, Object.keys(RESULT[one]))) || method;
      }
      checkFields("result.json", value, RESULT[method]);
      return value;
    });
    this.people = this.record(IDENTITIES, (value) => {
      checkFields(IDENTITIES, value, PEOPLE);
      checkSorted(IDENTITIES, value.experts.map((one) => [one.id]));
      return value;
    });
    this.say(1, "files", { count: this.files.size, protocol: PROTOCOL });
    if (this.snapshot) {
      this.say(1, "draw", { draw: this.snapshot.drawId, method: this.snapshot.method });
    }
  }

  record(name, build) {
    if (!this.files.has(name)) return null;
    try {
      const data = this.files.get(name);
      return build(parseRecord(data), data);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.fail(1, "in-file", { name, inner: error });
      return null;
    }
  }

  // 2. Events are gap-free and in order; the root over them equals the checkpoint's.

  async stepEvents() {
    if (this.files.has("checkpoint.txt")) {
      try {
        let note;
        try {
          note = strictDecoder.decode(this.files.get("checkpoint.txt"));
        } catch {
          throw new Refused("note");
        }
        this.checkpoint = new Checkpoint(note);
      } catch (error) {
        this.refused(3, error);
      }
    }
    if (!this.files.has("events.jsonl")) return this.skip(2, "needs", { first: 1 });
    this.log = new Log(this.files.get("events.jsonl"));
    const pause = async (share) => {
      this.progress(2, share);
      await this.pause();
    };
    await this.log.hash(pause);
    const events = this.log.leaves.length;
    const root = this.log.root(events);
    if (!this.checkpoint) {
      this.skip(2, "no-checkpoint");
    } else if (events !== this.checkpoint.size) {
      this.fail(2, "size", { events, checkpoint: this.checkpoint.size });
    } else if (!sameBytes(root, this.checkpoint.root)) {
      this.fail(2, "root", { events });
    }
    await this.log.read((code, facts) => this.fail(2, code, facts), pause);
    return this.say(2, "log", { events, root: toBase64(root) });
  }

  // 3. The checkpoint's signature holds; which cosignatures hold.

  async stepSignatures() {
    if (!this.log) return this.skip(3, "needs", { first: 2 });
    try {
      this.logKeys = new Keys(this.log);
    } catch (error) {
      return this.refused(3, error);
    }
    const late = this.checkKeysFile(this.logKeys);
    if (this.checkpoint) {
      try {
        await this.checkNote(this.checkpoint, late);
      } catch (error) {
        this.refused(3, error);
      }
    }
    for (const event of this.log.of("checkpoint.signed")) {
      try {
        await this.checkKept(event);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.fail(3, "event", { seq: event.seq, inner: error });
      }
    }
    if (this.previous !== null) {
      try {
        await this.extends(new Checkpoint(this.previous));
      } catch (error) {
        if (!(error instanceof Refused)) throw error; // told at step 11
      }
    }
    return null;
  }

  checkKeysFile(keys) {
    // Witnesses of keys.txt who registered after this checkpoint.
    if (!this.files.has("keys.txt")) return [];
    const expected = [...keys.log, ...keys.witnesses].map((one) => one.key.text);
    const lines = looseDecoder.decode(this.files.get("keys.txt")).split("\n");
    if (lines.pop() || expected.some((text, i) => lines[i] !== text)) {
      this.fail(3, "keys");
      return [];
    }
    let late = [];
    try {
      late = lines.slice(expected.length).map((text) => new Key(text));
    } catch (error) {
      this.refused(3, error);
    }
    if (late.some((key) => key.kind !== WITNESS_KEY)) this.fail(3, "keys");
    const key = keys.log[0].key.text;
    if (this.trusted.length && !this.trusted.includes(key)) this.fail(3, "not-trusted", { key });
    this.say(3, this.trusted.length ? "trusted" : "key", { key });
    return late;
  }

  async checkNote(checkpoint, late) {
    const registered = this.logKeys.witnesses.map((one) => one.key);
    const log = this.logKeys.inForce(checkpoint.size);
    const found = await checkpoint.opened(log, [...registered, ...late]);
    this.say(3, "signed", { origin: checkpoint.origin, size: checkpoint.size });
    for (const { key, when } of found) {
      const known = registered.includes(key);
      this.say(3, known ? "cosigned" : "cosigned-late", { name: key.name, time: clock(when) });
      if (known) this.witnessed.push({ size: checkpoint.size, when });
    }
    if (!found.length) this.say(3, "not-cosigned");
  }

  async checkKept({ seq, body }) {
    const kept = new Checkpoint(body.note);
    if (kept.size > seq || !sameBytes(this.log.root(kept.size), kept.root)) {
      throw new Refused("kept", { size: kept.size });
    }
    const known = this.logKeys.witnesses.filter((one) => one.seq < seq).map((one) => one.key);
    const found = await kept.opened(this.logKeys.inForce(kept.size), known);
    for (const { when } of found) this.witnessed.push({ size: kept.size, when });
  }

  // 4. The snapshot's digest is the one in draw.locked, which stands before draw.revealed.

  async stepLock() {
    const { snapshot, log } = this;
    if (!snapshot || !log) return this.skip(4, "needs", { first: snapshot ? 2 : 1 });
    const locks = log.ofDraw(snapshot.drawId, "draw.locked");
    if (locks.length !== 1) {
      return this.fail(4, "locks", { draw: snapshot.drawId, count: locks.length });
    }
    const [lock] = locks;
    const found = hex(snapshot.digest);
    if (lock.body.snapshot !== found) this.fail(4, "digest", { found, locked: lock.body.snapshot });
    if (lock.body.method !== snapshot.method) {
      this.fail(4, "method", { found: snapshot.method, locked: lock.body.method });
    }
    for (const { seq, type } of log.ofDraw(snapshot.drawId, "draw.revealed", "draw.completed")) {
      if (seq < lock.seq) this.fail(4, "before-lock", { seq, type, lock: lock.seq });
    }
    const given = new Map();
    for (const { seq, body } of log.ofDraw(snapshot.drawId, "commitment.given")) {
      if (seq < lock.seq) given.set(body.party, body.commitment);
    }
    for (const { kind, party, commitment } of snapshot.sources) {
      if (kind === "commitment" && given.has(party) && given.get(party) !== commitment) {
        this.fail(4, "given", { party });
      }
    }
    return this.say(4, "locked", { digest: found, seq: lock.seq, time: lock.time });
  }

  // 5. Every source opens, and lies after the lock.

  async stepSources() {
    const { snapshot, sources, log } = this;
    if (!snapshot || !sources) return this.skip(5, "needs", { first: 1 });
    if (sources.length !== snapshot.sources.length) {
      this.fail(5, "source-count", { locked: snapshot.sources.length, given: sources.length });
    }
    let moment = secondsOf(snapshot.record.locked_at);
    let lock = null;
    for (lock of log ? log.ofDraw(snapshot.drawId, "draw.locked") : []) {
      moment = Math.max(moment, secondsOf(lock.time));
    }
    snapshot.sources.slice(0, sources.length).forEach((source, index) => {
      try {
        this.checkSource(index, source, sources[index], moment, lock);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.fail(5, "source", { index, inner: error });
      }
    });
    if (log) this.checkRevealed();
    return null;
  }

  checkSource(index, source, entry, moment, lock) {
    if (entry.kind !== source.kind) {
      throw new Refused("source-kind", { locked: source.kind, given: entry.kind });
    }
    if (source.kind === "commitment") {
      const { party } = source;
      const found = digestOf("commitment", utf8(this.snapshot.drawId), utf8(party), unhex(entry.secret));
      if (entry.party !== party || hex(found) !== source.commitment) {
        throw new Refused("commitment", { party });
      }
      this.say(5, "opens", { index, party });
    } else if (source.kind === "drand") {
      this.checkBeacon(index, source, entry, moment, lock);
    } else {
      checkKeyString(entry.key);
      if (source.date <= clock(moment + CHINA).slice(0, 10)) {
        throw new Refused("event-past", { date: source.date, lock: clock(moment) });
      }
      this.say(5, "public", { index, name: source.name, key: entry.key });
    }
  }

  checkBeacon(index, source, entry, moment, lock) {
    const { round } = source;
    const published = beaconTime(round);
    if (source.chain !== CHAIN) throw new Refused("chain", { chain: source.chain });
    if (entry.round !== round) throw new Refused("round", { locked: round, given: entry.round });
    if (published <= moment) {
      throw new Refused("beacon-past", { round, time: clock(published), lock: clock(moment) });
    }
    if (entry.signature.length !== 96) throw new Refused("beacon", { round });
    this.skip(5, "no-bls", { index, round });
    const seen = lock && this.witnessed.some((one) => one.size > lock.seq && one.when < published);
    this.say(5, seen ? "in-time" : "not-witnessed");
  }

  checkRevealed() {
    const revealed = new Map();
    for (const { seq, body } of this.log.ofDraw(this.snapshot.drawId, "draw.revealed")) {
      if (revealed.has(body.index) || body.index >= this.snapshot.sources.length) {
        this.fail(5, "revealed-twice", { seq, index: body.index });
      }
      revealed.set(body.index, body.source);
    }
    this.sources.forEach((entry, index) => {
      if (!revealed.has(index) || !same(revealed.get(index), entry)) {
        this.fail(5, "not-revealed", { index });
      }
    });
  }

  // 6. The seed recomputes.

  async stepSeed() {
    const { snapshot, sources, result } = this;
    if (!snapshot || !sources || !result) return this.skip(6, "needs", { first: 1 });
    if (sources.length !== snapshot.sources.length) return this.skip(6, "needs", { first: 5 });
    this.seed = digestOf("seed", snapshot.digest, ...sources.map(sourceValue));
    const found = hex(this.seed);
    const recorded = [result.seed, ...this.ofDraw("draw.completed").map(({ body }) => body.seed)];
    for (const one of recorded) if (one !== found) this.fail(6, "seed", { found, recorded: one });
    return this.say(6, "seed-holds", { seed: found });
  }

  ofDraw(...types) {
    return this.log && this.snapshot ? this.log.ofDraw(this.snapshot.drawId, ...types) : [];
  }

  // 7. Deal, order, attempt, seats and reasons recompute; the result's digest is in the log.

  async stepDraw() {
    const { snapshot, result } = this;
    if (!snapshot || !result) return this.skip(7, "needs", { first: 1 });
    const digest = hex(digestOf("result", this.files.get("result.json")));
    const completed = this.ofDraw("draw.completed");
    if (this.log && completed.length !== 1) {
      this.fail(7, "not-completed", { count: completed.length });
    }
    for (const { seq, body } of completed) {
      if (body.result !== digest || body.snapshot !== hex(snapshot.digest)) {
        this.fail(7, "result-digest", { seq });
      }
    }
    if (!this.seed) return this.skip(7, "needs", { first: 6 });
    let expected;
    try {
      const pause = async (share) => {
        this.progress(7, share);
        await this.pause();
      };
      expected = await drawn(snapshot, this.seed, (result.attempt || 0) + 1, pause);
    } catch (error) {
      return this.refused(7, error);
    }
    for (const [field, value] of Object.entries(expected)) {
      if (!same(result[field], value)) {
        this.fail(7, "result", { field, where: firstDifference(value, result[field]) });
      }
    }
    if (snapshot.method === "order") {
      return this.say(7, "ordered", { taken: expected.taken.length, of: expected.order.length });
    }
    const seats = expected.seats.length;
    if (snapshot.method === "balanced") return this.say(7, "balanced-holds", { seats });
    return this.say(7, "recomputed", { seats, attempt: expected.attempt });
  }

  // 8. Independently of 7, the seats satisfy every rule.

  async stepRules() {
    const { snapshot, result } = this;
    if (!snapshot || !result) return this.skip(8, "needs", { first: 1 });
    if (snapshot.method === "order") {
      const { entries, take } = snapshot.record;
      if (!same([...result.order].sort(compareText), entries)) this.fail(8, "not-the-entries");
      const wrong = !result.taken.length || !same(result.taken, result.order.slice(0, take));
      if (wrong) this.fail(8, "not-first");
      return this.say(8, "entries-hold", { count: result.order.length });
    }
    this.checkSeats(this.checkHands());
    return this.say(8, "rules-hold", { seats: result.seats.length, rules: snapshot.limits.length });
  }

  checkHands() {
    // Panel → dossiers, after checking that each dossier sits with one panel it may.
    const { snapshot } = this;
    const fixed = new Map([...snapshot.panels.values()].map((one) => [one.id, one.dossiers]));
    const hands = this.result.panels ? new Map(Object.entries(this.result.panels)) : fixed;
    const names = [...hands.keys()].sort(compareText);
    const dossiers = [...hands.values()].flat().sort(compareText);
    if (!same(names, [...fixed.keys()]) || !same(dossiers, [...snapshot.dossiers.keys()])) {
      this.fail(8, "hands", { panel: "*" });
      return fixed;
    }
    const added = new Map();
    for (const [name, hand] of hands) {
      const panel = snapshot.panels.get(name);
      const own = panel.dossiers.length;
      const more = hand.slice(own);
      if (!same(hand.slice(0, own), panel.dossiers) || (more.length && !panel.deal)) {
        this.fail(8, "hands", { panel: name });
      }
      if (more.some((one) => snapshot.dossiers.get(one).class !== panel.class)) {
        this.fail(8, "hands", { panel: name });
      }
      if (panel.deal) added.set(panel.class, [...(added.get(panel.class) || []), more.length]);
    }
    for (const [name, counts] of added) {
      if (Math.max(...counts) - Math.min(...counts) > 1) this.fail(8, "uneven", { class_: name });
    }
    return hands;
  }

  checkSeats(hands) {
    const { snapshot } = this;
    const limits = new Limits(snapshot.limits);
    const loads = new Map();
    const filled = new Map();
    const sitting = new Set();
    for (const { panel, stratum, expert: name } of this.result.seats) {
      const expert = snapshot.experts.get(name);
      if (!expert || expert.stratum !== stratum) {
        this.fail(8, "stratum", { expert: name, panel });
        continue;
      }
      if (sitting.has(pairKey(panel, name))) this.fail(8, "twice-seated", { expert: name, panel });
      sitting.add(pairKey(panel, name));
      const cell = pairKey(panel, stratum);
      filled.set(cell, (filled.get(cell) || 0) + 1);
      loads.set(name, (loads.get(name) || 0) + 1);
      limits.count(expert, panel);
      if ((hands.get(panel) || []).some((one) => snapshot.conflicts.has(pairKey(name, one)))) {
        this.fail(8, "seated-conflict", { expert: name, panel });
      }
    }
    const cells = new Map(snapshot.cells().map(([p, s, seats]) => [pairKey(p, s), seats]));
    for (const cell of new Set([...filled.keys(), ...cells.keys()])) {
      const [found, seats] = [filled.get(cell) || 0, cells.get(cell) || 0];
      const [panel, stratum] = cell.split("\0");
      if (found !== seats) this.fail(8, "count", { panel, stratum, found, seats });
    }
    for (const [expert, load] of loads) {
      if (load > snapshot.experts.get(expert).capacity) this.fail(8, "over-capacity", { expert, load });
    }
    for (const [field, value] of limits.broken()) this.fail(8, "over-limit", { field, value });
  }

  // 9. Every replacement recomputes from the list.

  async stepReplacements() {
    const { snapshot, result } = this;
    if (!snapshot || !result) return this.skip(9, "needs", { first: 1 });
    if (!this.log) return this.skip(9, "needs", { first: 2 });
    const events = this.ofDraw(
      "conflict.declared", "expert.unavailable", "seat.accepted", "seat.vacated", "seat.replaced",
    );
    if (snapshot.method === "order") {
      for (const { seq } of events) this.fail(9, "seat-event", { seq });
      return this.say(9, "no-replacements");
    }
    if (this.lines[6].status !== "PASS" || this.lines[7].status !== "PASS" || !this.seed) {
      return this.skip(9, "needs", { first: 7 });
    }
    const counts = { replaced: 0, exhausted: 0 };
    try {
      const done = this.ofDraw("draw.completed")[0].seq;
      await this.follow(new Seating(snapshot, result, this.seed), events, done, counts);
    } catch (error) {
      return this.refused(9, error);
    }
    if (!counts.replaced) return this.say(9, "no-replacements");
    return this.say(9, "replaced", { count: counts.replaced, exhausted: counts.exhausted });
  }

  async follow(seating, events, done, counts) {
    let awaited = null;
    let vacated = 0;
    for (const event of events) {
      const { seq, type, body } = event;
      if (type.startsWith("seat.") && seq < done) throw new Refused("seat-event", { seq });
      if (awaited) {
        if (type !== "seat.replaced") throw new Refused("not-replaced", { seq: vacated });
        const field = Object.keys(awaited).find((name) => !same(awaited[name], body[name]));
        if (field !== undefined) {
          const where = firstDifference(awaited[field], body[field]);
          throw new Refused("replacement", { seq, field, where });
        }
        counts.replaced += 1;
        counts.exhausted += body.expert === null ? 1 : 0;
        awaited = null;
      } else if (type === "seat.replaced") {
        throw new Refused("not-vacated", { seq });
      } else {
        awaited = seating.take(event);
        vacated = seq;
      }
      await this.pause();
    }
    if (awaited) throw new Refused("not-replaced", { seq: vacated });
  }

  // 10. No draw number of the round is missing; voided ones are listed with their reason.

  async stepNumbers() {
    if (!this.log) return this.skip(10, "needs", { first: 2 });
    const locked = new Map(); // round → numbers in the order of the log
    const outcome = new Map();
    const revealed = new Map();
    const kinds = ["draw.locked", "draw.revealed", "draw.completed", "draw.voided"];
    for (const event of this.log.of(...kinds)) {
      const { seq, type, body } = event;
      const draw = body.draw_id;
      if (type === "draw.locked") {
        if (outcome.has(draw)) {
          this.fail(10, "locked-twice", { draw, seq });
          continue;
        }
        const [round, number] = numbered(draw);
        locked.set(round, [...(locked.get(round) || []), number]);
        outcome.set(draw, null);
        revealed.set(draw, new Set());
      } else if (!outcome.has(draw)) {
        this.fail(10, "not-locked", { draw, seq, type });
      } else if (outcome.get(draw)) {
        this.fail(10, "settled", { draw, seq, type });
      } else if (type === "draw.revealed") {
        revealed.get(draw).add(body.index);
      } else {
        outcome.set(draw, event);
        if (type === "draw.voided" && body.missing.some((one) => revealed.get(draw).has(one))) {
          this.fail(10, "void-missing", { draw, seq });
        }
      }
    }
    for (const [round, numbers] of locked) {
      const at = numbers.findIndex((number, i) => number !== i + 1);
      if (at >= 0) this.fail(10, "number", { round, expected: at + 1, found: numbers[at] });
    }
    if (!this.snapshot) return this.skip(10, "needs", { first: 1 });
    return this.tellRound(this.snapshot.round, locked.get(this.snapshot.round) || [], outcome);
  }

  tellRound(round, numbers, outcome) {
    if (!numbers.includes(this.snapshot.number)) {
      this.fail(10, "not-listed", { draw: this.snapshot.drawId });
    }
    this.say(10, "numbers", { round, count: numbers.length });
    for (const number of numbers) {
      const event = outcome.get(`${round}/draw/${number}`);
      if (!event) {
        this.say(10, "pending", { number });
      } else if (event.type === "draw.voided") {
        const missing = event.body.missing.join(" ") || "-";
        this.say(10, "voided", { number, reason: event.body.reason, missing });
      }
    }
  }

  // 11. The log is an extension of an earlier checkpoint.

  async stepPrevious() {
    if (this.previous === null) return this.skip(11, "no-previous");
    if (!this.log || !this.logKeys) return this.skip(11, "needs", { first: 3 });
    try {
      const old = new Checkpoint(this.previous);
      const found = await this.extends(old);
      this.say(11, "extends", { size: old.size, more: this.log.leaves.length - old.size });
      for (const { key, when } of found) {
        this.say(11, "cosigned", { name: key.name, time: clock(when) });
      }
    } catch (error) {
      this.refused(11, error);
    }
    return null;
  }

  async extends(old) {
    // Who countersigned an earlier checkpoint that the log extends.
    const events = this.log.leaves.length;
    if (old.size > events) throw new Refused("shorter", { size: old.size, events });
    const witnesses = this.logKeys.witnesses.map((one) => one.key);
    const found = await old.opened(this.logKeys.inForce(old.size), witnesses);
    if (!sameBytes(this.log.root(old.size), old.root)) {
      throw new Refused("rewritten", { size: old.size });
    }
    for (const { when } of found) this.witnessed.push({ size: old.size, when });
    return found;
  }

  // 12. Each identity opens.

  async stepIdentities() {
    if (!this.files.has(IDENTITIES)) return this.skip(12, "no-identities");
    const { snapshot, people } = this;
    if (!snapshot || !people) return this.skip(12, "needs", { first: 1 });
    if (people.draw_id !== snapshot.drawId) this.fail(12, "other-draw", { draw: people.draw_id });
    const given = byId(people.experts);
    for (const expert of given.keys()) {
      if (!snapshot.experts.has(expert)) this.fail(12, "no-identity", { expert });
    }
    for (const [expert, { identity }] of snapshot.experts) {
      const one = given.get(expert);
      if (!one) {
        this.fail(12, "no-identity", { expert });
        continue;
      }
      const opened = digestOf("identity", unhex(one.salt), utf8(one.name), utf8(one.document));
      if (hex(opened) !== identity) this.fail(12, "identity", { expert });
    }
    return this.say(12, "identities-hold", { count: given.size });
  }
}

function unreadable(error) {
  // The lines for a bundle that can't even be unpacked.
  if (!(error instanceof Refused)) throw error;
  return Array.from({ length: 12 }, (_, i) => {
    const line = new Line(i + 1);
    if (i) line.open.push(["needs", { first: 1 }]);
    else line.failed.push([error.code, error.facts]);
    return line;
  });
}
