"use strict";
// The balanced draw (protocol section 6): its network, the check of its plan, its rounding.
// Chances are integers over the common denominator of their block (BigInt): no fraction is lost.

const FINEST = 2 ** 13; // bits of a common denominator
const MOST_PAIRS = 2 ** 25;

const bitLength = (n) => n.toString(2).length;
const positive = (a, n) => ((a % n) + n) % n;
const nodeName = (kind, ...parts) => joined(
  lp(utf8(kind)), lp(joined(...parts.map((part) => lp(utf8(part))))),
);

function strictest(snapshot, ...scopes) {
  // Field → the smallest maximum among the limits of some scopes.
  const found = new Map();
  for (const { field, scope, max } of snapshot.limits) {
    if (scopes.includes(scope)) found.set(field, Math.min(max, found.get(field) || max));
  }
  return found;
}

function nested(experts, fields) {
  // Each expert's limited values, the larger set first; where two sets are the same, the province
  // is the outer one; where two cross, no balanced draw keeps them.
  const names = ["province", "employer"].filter((field) => fields.has(field));
  const held = experts.map((one) => names.filter((f) => one[f]).map((f) => [f, one[f]]));
  const members = new Map();
  const shared = new Map();
  const bump = (map, key) => map.set(key, (map.get(key) || 0) + 1);
  for (const values of held) {
    for (const value of values) bump(members, pairKey(...value));
    if (values.length === 2) bump(shared, pairKey(...values[0], ...values[1]));
  }
  return held.map((values) => {
    if (values.length < 2) return values;
    const count = shared.get(pairKey(...values[0], ...values[1]));
    const [province, employer] = values.map((value) => members.get(pairKey(...value)));
    if (count !== province && count !== employer) {
      throw new Refused("crossing", { one: values[0][1], two: values[1][1] });
    }
    return count < employer ? values.reverse() : values;
  });
}

class Arc {
  // An arc with its flow, an integer over `whole`.
  constructor(tail, head, room) {
    this.tail = tail;
    this.head = head;
    this.room = BigInt(room);
    this.flow = 0n;
    this.whole = 1n;
    this.alive = false;
  }

  get full() {
    return this.flow >= this.room * this.whole;
  }
}

class Balanced {
  // Node 0 is source and sink. `stem` is the one arc by which a group or an expert is reached
  // from the hub's side, and by which a limit or a cell is left towards it; `pairs` are the arcs
  // with a positive chance.
  constructor(snapshot) {
    this.snapshot = snapshot;
    this.names = [joined(lp(utf8("source")), lp(new Uint8Array(0)))];
    this.stem = [new Arc(0, 0, 0)];
    this.labels = [""];
    this.pairs = new Map(); // expert, panel, stratum → arc
    this.cap = snapshot.record.pair_cap.map(BigInt);
    this.experts = new Map();
    this.cells = snapshot.cells();
    this.cellNode = new Map();
    this.addExperts();
    this.eligible = this.eligibleOf();
    this.entry = this.addCells();
    this.readPlan();
  }

  node(name, label) {
    this.names.push(name);
    this.labels.push(label);
    return this.names.length - 1;
  }

  addExperts() {
    const most = strictest(this.snapshot, "draw");
    const people = [...this.snapshot.experts.values()];
    const groups = new Map();
    const chains = nested(people, most);
    people.forEach((one, i) => {
      let before = 0;
      for (const value of chains[i]) {
        const key = pairKey(...value);
        if (!groups.has(key)) {
          groups.set(key, this.node(nodeName("group", ...value), value.join(" ")));
          this.stem.push(new Arc(before, groups.get(key), most.get(value[0])));
        }
        before = groups.get(key);
      }
      const node = this.node(joined(lp(utf8("expert")), lp(utf8(one.id))), one.id);
      this.experts.set(one.id, node);
      this.stem.push(new Arc(before, node, one.capacity));
    });
  }

  eligibleOf() {
    // For each cell, the experts of its stratum without conflict.
    const ofStratum = new Map();
    for (const one of this.snapshot.experts.values()) {
      if (!ofStratum.has(one.stratum)) ofStratum.set(one.stratum, []);
      ofStratum.get(one.stratum).push(one.id);
    }
    const names = this.cells.map(([, stratum]) => ofStratum.get(stratum) || []);
    if (names.reduce((sum, list) => sum + list.length, 0) > MOST_PAIRS) {
      throw new Refused("too-many-pairs", { most: MOST_PAIRS });
    }
    const holder = new Map([...this.snapshot.panels.values()].flatMap(
      (panel) => panel.dossiers.map((one) => [one, panel.id]),
    ));
    const barred = new Set(
      this.snapshot.pairs.map(([expert, dossier]) => pairKey(expert, holder.get(dossier))),
    );
    return this.cells.map(([panel], i) => names[i].filter((one) => !barred.has(pairKey(one, panel))));
  }

  addCells() {
    // Add cells and their limits; (expert, cell) → the node it enters, where limited.
    const most = strictest(this.snapshot, "cell", "panel");
    const several = [...this.snapshot.panels.values()].some(
      (panel) => Object.keys(panel.seats).length > 1,
    );
    if (several && this.snapshot.limits.some((one) => one.scope === "panel")) {
      throw new Refused("crossing", { one: "panel", two: "cell" });
    }
    for (const [panel, stratum, seats] of this.cells) {
      const node = this.node(nodeName("cell", panel, stratum), `${panel} ${stratum}`);
      this.cellNode.set(pairKey(panel, stratum), node);
      this.stem.push(new Arc(node, 0, seats));
    }
    const entry = new Map();
    if (!most.size) return entry;
    const limits = new Map();
    this.cells.forEach(([panel, stratum], i) => {
      const names = this.eligible[i];
      const chains = nested(names.map((name) => this.snapshot.experts.get(name)), most);
      names.forEach((name, j) => {
        let before = this.cellNode.get(pairKey(panel, stratum));
        for (const value of chains[j]) {
          const key = pairKey(panel, stratum, ...value);
          if (!limits.has(key)) {
            const node = this.node(nodeName("limit", panel, stratum, ...value), key);
            limits.set(key, node);
            this.stem.push(new Arc(node, before, most.get(value[0])));
          }
          before = limits.get(key);
        }
        if (chains[j].length) entry.set(pairKey(name, panel, stratum), before);
      });
    });
    return entry;
  }

  enters(name, panel, stratum) {
    return this.entry.get(pairKey(name, panel, stratum))
      ?? this.cellNode.get(pairKey(panel, stratum));
  }

  readPlan() {
    const allowed = new Map(this.cells.map(
      ([panel, stratum], i) => [pairKey(panel, stratum), new Set(this.eligible[i])],
    ));
    const { plan } = this.snapshot.record;
    const [numerator, denominator] = this.cap;
    const block = this.names.map((_, node) => node); // union-find over the network without hub
    const find = (node) => {
      while (block[node] !== node) {
        block[node] = block[block[node]];
        node = block[node];
      }
      return node;
    };
    for (const { tail, head } of this.stem) if (tail && head) block[find(tail)] = find(head);
    for (const [name, panel, stratum, over, under] of plan) {
      const cell = allowed.get(pairKey(panel, stratum));
      if (!cell || !cell.has(name)) throw new Refused("plan-pair", { expert: name, panel });
      if (BigInt(over) * denominator > numerator * BigInt(under)) {
        throw new Refused("plan-cap", { expert: name, panel, chance: `${over}/${under}` });
      }
      const arc = new Arc(this.experts.get(name), this.enters(name, panel, stratum), 1);
      block[find(arc.tail)] = find(arc.head);
      this.pairs.set(pairKey(name, panel, stratum), arc);
    }
    const common = new Map();
    for (const [name, , , , under] of plan) {
      const node = find(this.experts.get(name));
      const old = common.get(node) || 1n;
      const found = (old * BigInt(under)) / gcd(old, BigInt(under));
      if (bitLength(found) > FINEST) throw new Refused("too-fine", { bits: FINEST });
      common.set(node, found);
    }
    for (const arc of this.stem) arc.whole = common.get(find(arc.tail || arc.head)) || 1n;
    for (const [name, panel, stratum, over, under] of plan) {
      const arc = this.pairs.get(pairKey(name, panel, stratum));
      arc.whole = common.get(find(arc.tail));
      this.send(arc, BigInt(over) * (arc.whole / BigInt(under)));
    }
  }

  send(arc, amount) {
    // A pair's chance flows through the stems on both sides.
    arc.flow = amount;
    for (let node = arc.tail; node; node = this.stem[node].tail) this.stem[node].flow += amount;
    for (let node = arc.head; node; node = this.stem[node].head) this.stem[node].flow += amount;
  }

  async check(pause) {
    // Refuse a plan that leaves a seat, breaks a limit, or isn't leximin-optimal.
    for (const [panel, stratum] of this.cells) {
      const arc = this.stem[this.cellNode.get(pairKey(panel, stratum))];
      if (arc.flow !== arc.room * arc.whole) throw new Refused("plan-cell", { panel, stratum });
    }
    this.stem.forEach((arc, node) => {
      if (arc.flow > arc.room * arc.whole) {
        throw new Refused("plan-limit", { node: this.labels[node].split("\0").join(" ") });
      }
    });
    const expert = await this.unfair(pause);
    if (expert !== null) throw new Refused("plan-unfair", { expert });
  }

  async unfair(pause) {
    // An expert whose load could rise at the cost of larger loads only, or null. There is one at
    // load v exactly where, in the residual graph in which only experts above v may fall, both
    // ends of the expert's stem lie in one strong component. Ascending v only takes arcs away.
    const out = this.residual();
    const experts = [...this.experts].map(([name, node]) => ({ name, node, stem: this.stem[node] }));
    experts.sort((a, b) => {
      const order = a.stem.flow * b.stem.whole - b.stem.flow * a.stem.whole;
      return order < 0n ? -1 : order > 0n ? 1 : 0;
    });
    const levels = [];
    for (const one of experts) {
      const last = levels[levels.length - 1];
      const same = last && last[0].stem.flow * one.stem.whole === one.stem.flow * last[0].stem.whole;
      if (same) last.push(one);
      else levels.push([one]);
    }
    const part = new Int32Array(this.names.length);
    const falling = new Int32Array(this.names.length).fill(-1);
    for (const one of experts) falling[one.node] = one.stem.tail;
    let alive = this.names.map((_, node) => node);
    for (const level of levels) {
      for (const one of level) falling[one.node] = -1;
      const inside = new Uint8Array(this.names.length);
      for (const node of alive) inside[node] = 1;
      strongParts(out, falling, part, alive, inside);
      for (const { name, node, stem } of level) {
        if (inside[node] && inside[stem.tail] && part[node] === part[stem.tail] && !stem.full) {
          return name;
        }
      }
      const higher = new Set(alive.filter((node) => falling[node] >= 0).map((node) => part[node]));
      alive = alive.filter((node) => higher.has(part[node]));
      await pause();
    }
    return null;
  }

  residual() {
    // The residual arcs of every node, but for the falling loads of experts.
    const [numerator, denominator] = this.cap;
    const out = this.names.map(() => []);
    const experts = new Set(this.experts.values());
    this.stem.forEach((arc, node) => {
      if (!arc.head) return; // the hub itself; cells are full for good
      if (!arc.full) out[arc.tail].push(arc.head);
      if (arc.flow && !experts.has(node)) out[arc.head].push(arc.tail);
    });
    this.cells.forEach(([panel, stratum], i) => {
      for (const name of this.eligible[i]) {
        const tail = this.experts.get(name);
        const head = this.enters(name, panel, stratum);
        const pair = this.pairs.get(pairKey(name, panel, stratum));
        if (!pair || pair.flow * denominator < numerator * pair.whole) out[tail].push(head);
        if (pair) out[head].push(tail);
      }
    });
    return out;
  }

  async rounded(seed, pause) {
    // The seats that the seed makes of the plan's chances.
    const seeded = new Seeded(seed);
    const numbers = new Map();
    const rank = (arc) => {
      if (!numbers.has(arc.tail)) numbers.set(arc.tail, seeded.keyed("arc", this.names[arc.tail]));
      return numbers.get(arc.tail)(this.names[arc.head]);
    };
    const arcs = [...this.stem, ...this.pairs.values()].filter((arc) => arc.flow % arc.whole)
      .map((arc) => [rank(arc), arc])
      .sort((a, b) => compareBytes(a[0], b[0]))
      .map(([, arc]) => arc);
    await new Rounding(arcs, seeded).run(pause);
    const seats = [];
    for (const [key, arc] of this.pairs) {
      const [expert, panel, stratum] = key.split("\0");
      if (arc.flow) seats.push({ panel, stratum, expert });
    }
    return seats.sort(seatOrder);
  }
}

function strongParts(out, falling, part, alive, inside) {
  // Relabel `part` of the nodes alive by strong components within their present parts (Tarjan,
  // its recursion unrolled); `falling` gives an expert's further arc, or -1.
  const old = Int32Array.from(part);
  const order = new Int32Array(part.length).fill(-1);
  const low = new Int32Array(part.length);
  const onStack = new Uint8Array(part.length);
  const stack = [];
  let count = 0;
  let label = part.reduce((most, one) => Math.max(most, one), 0) + 1;
  for (const start of alive) {
    if (order[start] >= 0) continue;
    const work = [];
    let node = start;
    for (;;) {
      if (order[node] < 0) {
        order[node] = low[node] = count;
        count += 1;
        stack.push(node);
        onStack[node] = 1;
        work.push({ node, at: 0 });
      }
      const top = work[work.length - 1];
      node = top.node;
      const arcs = out[node];
      const last = arcs.length + (falling[node] >= 0 ? 1 : 0);
      let deeper = -1;
      while (top.at < last) {
        const head = top.at < arcs.length ? arcs[top.at] : falling[node];
        top.at += 1;
        if (!inside[head] || old[head] !== old[node]) continue;
        if (order[head] < 0) {
          deeper = head;
          break;
        }
        if (onStack[head] && order[head] < low[node]) low[node] = order[head];
      }
      if (deeper >= 0) {
        node = deeper;
        continue;
      }
      work.pop();
      if (low[node] === order[node]) {
        for (let member = -1; member !== node;) {
          member = stack.pop();
          onStack[member] = 0;
          part[member] = label;
        }
        label += 1;
      }
      if (!work.length) break;
      const above = work[work.length - 1].node;
      low[above] = Math.min(low[above], low[node]);
      node = above;
    }
  }
}

class Rounding {
  // Rounds fractional arcs, given in order of rank, one cycle at a time. The walk of a step
  // repeats that of the step before up to the first arc that has become an integer: it is
  // resumed there.
  constructor(arcs, seeded) {
    this.seeded = seeded;
    this.waiting = [...arcs].reverse();
    this.at = new Map(); // node → its arcs, lowest rank last
    for (const arc of this.waiting) {
      arc.alive = true;
      for (const node of [arc.tail, arc.head]) {
        if (!this.at.has(node)) this.at.set(node, []);
        this.at.get(node).push(arc);
      }
    }
    this.walk = [];
    this.nodes = [];
    this.place = new Map();
  }

  async run(pause) {
    for (let step = 0; ; step += 1) {
      if (!this.walk.length) {
        while (this.waiting.length && !this.waiting[this.waiting.length - 1].alive) this.waiting.pop();
        if (!this.waiting.length) return;
        this.nodes = [this.waiting[this.waiting.length - 1].tail];
        this.place = new Map([[this.nodes[0], 0]]);
      }
      const begin = this.toCycle();
      const cut = begin + this.turn(begin, step);
      for (const node of this.nodes.slice(cut + 1, -1)) this.place.delete(node);
      this.walk.length = cut;
      this.nodes.length = cut + 1;
      if (step % 256 === 255) await pause();
    }
  }

  toCycle() {
    // Walk until a node repeats; where on the walk it stood.
    for (;;) {
      let node = this.nodes[this.nodes.length - 1];
      const arc = this.lowest(node, this.walk[this.walk.length - 1]);
      node = arc.tail === node ? arc.head : arc.tail;
      this.walk.push(arc);
      this.nodes.push(node);
      if (this.place.has(node)) return this.place.get(node);
      this.place.set(node, this.walk.length);
    }
  }

  lowest(node, used) {
    const here = this.at.get(node);
    while (here.length && !here[here.length - 1].alive) here.pop();
    if (here.length && here[here.length - 1] !== used) return here[here.length - 1];
    let last = here.length - 2;
    while (last >= 0 && !here[last].alive) last -= 1;
    if (last < 0) throw new Refused("plan-flow");
    here.splice(last + 1, here.length - last - 2);
    return here[last];
  }

  turn(begin, step) {
    // Round the cycle by the seed; which of its arcs first became an integer.
    const cycle = this.walk.slice(begin);
    const along = cycle.map((arc, i) => arc.tail === this.nodes[begin + i]);
    const ahead = along.map((one) => one === along[0]); // oriented by the first arc
    const { whole } = cycle[0];
    const least = (values) => values.reduce((a, b) => (a < b ? a : b));
    const above = cycle.map((arc) => positive(-arc.flow, whole));
    const below = cycle.map((arc) => positive(arc.flow, whole));
    const up = least(cycle.map((_, i) => (ahead[i] ? above[i] : below[i])));
    const down = least(cycle.map((_, i) => (ahead[i] ? below[i] : above[i])));
    const common = gcd(gcd(up, down), whole);
    const label = joined(lp(utf8("cycle")), u64(step));
    const amount = this.seeded.below((up + down) / common, label) < down / common ? up : -down;
    let first = -1;
    cycle.forEach((arc, i) => {
      arc.flow += ahead[i] ? amount : -amount;
      if (arc.flow % whole === 0n) {
        arc.alive = false;
        if (first < 0) first = i;
      }
    });
    return first;
  }
}
