// Countersigning in the browser, with a key that never leaves it: C2SP tlog-cosignature v1.
// line = "— name base64(keyhash[4] ‖ time[8] ‖ Ed25519(“cosignature/v1\ntime T\n” ‖ checkpoint))"
// Before signing, the browser checks the log's signature and, by a consistency proof, that the log
// continues the one it signed last (RFC 9162, 2.1.4.2), as a witness must.
"use strict";

(() => {
  const root = document.querySelector("[data-cosign]");
  if (!root) return;
  const text = new TextEncoder();
  const ED = { name: "Ed25519" };
  const WITNESS = 4;
  // What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410).
  const PKCS8 = Uint8Array.from("302e020100300506032b657004220420".match(/../g), (x) => parseInt(x, 16));
  const find = (name) => root.querySelector(`[data-${name}]`);
  const note = document.querySelector("[data-note]").textContent;
  let key = null;

  const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
  const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
  const fromBase64 = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const fromHex = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  const same = (one, two) => one.length === two.length && one.every((byte, i) => byte === two[i]);
  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

  function show(box) {
    for (const one of root.querySelectorAll("[data-box]")) one.hidden = one.dataset.box !== box;
  }

  function say(what) {
    for (const one of root.querySelectorAll("[data-said]")) one.hidden = one.dataset.said !== what;
  }

  // ---- what this browser keeps: the key, and the checkpoint that it signed last ----

  const opened = new Promise((resolve, reject) => {
    const request = indexedDB.open("inspection", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  async function kept(mode, act) {
    const store = (await opened).transaction("kept", mode).objectStore("kept");
    return new Promise((resolve, reject) => {
      const request = act(store);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  const recall = (name) => kept("readonly", (store) => store.get(name));
  const keep = (name, value) => kept("readwrite", (store) => store.put(value, name));

  // ---- keys ----

  async function keyHash(name, type, bytes) {
    return (await sha256(joined(text.encode(`${name}\n`), [type], bytes))).slice(0, 4);
  }

  async function described(name, privateKey, publicBytes) {
    const hash = await keyHash(name, WITNESS, publicBytes);
    const vkey = `${name}+${toHex(hash)}+${toBase64(joined([WITNESS], publicBytes))}`;
    return { name, privateKey, hash, vkey };
  }

  async function fromSeed(name, seed) {
    const bytes = joined(PKCS8, seed);
    const open = await crypto.subtle.importKey("pkcs8", bytes, ED, true, ["sign"]);
    const jwk = await crypto.subtle.exportKey("jwk", open);
    const closed = await crypto.subtle.importKey("pkcs8", bytes, ED, false, ["sign"]);
    return described(name, closed, fromBase64(jwk.x.replace(/-/g, "+").replace(/_/g, "/") + "="));
  }

  async function parseVkey(vkey) {
    const [, name, base64] = vkey.match(/^([^+]+)\+[0-9a-f]{8}\+(.+)$/);
    const bytes = fromBase64(base64);
    return { name, bytes: bytes.slice(1), hash: await keyHash(name, bytes[0], bytes.slice(1)) };
  }

  // ---- the checkpoint ----

  function parseNote() {
    const split = note.indexOf("\n\n");
    const body = note.slice(0, split + 1);
    const [origin, size, base64] = body.split("\n");
    const lines = note.slice(split + 2).split("\n").filter(Boolean);
    return { body, origin, size: Number(size), root: fromBase64(base64), lines };
  }

  async function logSigned(checkpoint) {
    const log = await parseVkey(root.dataset.logKey);
    const publicKey = await crypto.subtle.importKey("raw", log.bytes, ED, false, ["verify"]);
    for (const line of checkpoint.lines) {
      const [, name, base64] = line.split(" ");
      const bytes = fromBase64(base64);
      if (name !== checkpoint.origin || name !== log.name || !same(bytes.slice(0, 4), log.hash)) continue;
      return crypto.subtle.verify(ED, publicKey, bytes.slice(4), text.encode(checkpoint.body));
    }
    return false;
  }

  const nodeHash = (left, right) => sha256(joined([1], left, right));

  async function extendsTree(older, newer, proof) {
    if (older.size === newer.size) return same(older.root, newer.root);
    const steps = [...proof];
    let node = older.size - 1;
    let last = newer.size - 1;
    while (node % 2) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    if (!node) steps.unshift(older.root);
    if (!steps.length) return false;
    let [first, second] = [steps[0], steps[0]];
    for (const step of steps.slice(1)) {
      if (!last) return false;
      if (node % 2 || node === last) {
        first = await nodeHash(step, first);
        second = await nodeHash(step, second);
        while (node && node % 2 === 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
      } else {
        second = await nodeHash(second, step);
      }
      [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    }
    return !last && same(first, older.root) && same(second, newer.root);
  }

  async function continues(checkpoint, seen) {
    const [older, newer] = seen.size <= checkpoint.size ? [seen, checkpoint] : [checkpoint, seen];
    let proof = [];
    if (older.size !== newer.size) {
      const answer = await fetch(`${root.dataset.proofs}?old=${older.size}&new=${newer.size}`);
      // A log that has become shorter than what was signed can't prove anything: an alarm as well.
      if (answer.status === 422) return false;
      if (!answer.ok) throw new Error("no proof");
      proof = (await answer.json()).proof.map(fromHex);
    }
    return extendsTree(older, newer, proof);
  }

  async function sign() {
    const checkpoint = parseNote();
    if (!(await logSigned(checkpoint))) return say("log-signature");
    const seen = await recall(`seen ${checkpoint.origin}`);
    try {
      if (seen && !(await continues(checkpoint, seen))) return say("rewritten");
    } catch {
      return say("no-proof");
    }
    const time = Math.floor(Date.now() / 1000);
    const message = text.encode(`cosignature/v1\ntime ${time}\n${checkpoint.body}`);
    const signature = new Uint8Array(await crypto.subtle.sign(ED, key.privateKey, message));
    const stamp = new DataView(new ArrayBuffer(8));
    stamp.setBigUint64(0, BigInt(time));
    const payload = joined(key.hash, new Uint8Array(stamp.buffer), signature);
    if (!seen || seen.size < checkpoint.size) {
      await keep(`seen ${checkpoint.origin}`, { size: checkpoint.size, root: checkpoint.root });
    }
    return submit("cosign-form", "line", `— ${key.name} ${toBase64(payload)}`);
  }

  function submit(form, field, value) {
    const found = find(form);
    found.elements[field].value = value;
    found.requestSubmit();
  }

  // ---- the page ----

  function use(made) {
    key = made;
    say("");
    for (const one of root.querySelectorAll("[data-vkey]")) one.textContent = key.vkey;
    const hash = toBase64(key.hash).slice(0, 5); // of six characters the last mixes with the time
    const mine = parseNote().lines.some((line) => line.startsWith(`— ${key.name} ${hash}`));
    const registered = root.dataset.registered.split(" ").includes(key.vkey);
    show(mine ? "signed" : registered ? "ready" : "unregistered");
  }

  function wantedName() {
    const name = find("name").value;
    if (name && !/[\s+]/.test(name)) return name;
    say("bad-name");
    return "";
  }

  async function make() {
    const name = wantedName();
    if (!name) return;
    const pair = await crypto.subtle.generateKey(ED, false, ["sign", "verify"]);
    const bytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const made = await described(name, pair.privateKey, bytes);
    await keep(`key ${root.dataset.holder}`, made);
    use(made);
  }

  async function makeFile() {
    const name = wantedName();
    if (!name) return;
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const link = document.createElement("a");
    const content = `${name}\n${WITNESS}\n${toHex(seed)}\n`; // as `python -m allocation keygen` has it
    link.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
    link.download = "inspector.key";
    link.click();
    URL.revokeObjectURL(link.href);
    use(await fromSeed(name, seed));
    say("saved");
  }

  async function readFile(event) {
    const [file] = event.target.files;
    const lines = file && file.size < 4096 ? (await file.text()).split("\n") : [];
    const good = lines.length === 4 && lines[1] === String(WITNESS) && /^[0-9a-f]{64}$/.test(lines[2]);
    if (!good || !lines[0] || /[\s+]/.test(lines[0])) return say("bad-file");
    return use(await fromSeed(lines[0], fromHex(lines[2])));
  }

  async function begin() {
    try {
      await crypto.subtle.importKey("raw", (await parseVkey(root.dataset.logKey)).bytes, ED, false, ["verify"]);
    } catch {
      return show("unable");
    }
    find("make").addEventListener("click", make);
    find("make-file").addEventListener("click", makeFile);
    find("file").addEventListener("change", readFile);
    find("register").addEventListener("click", () => submit("witness-form", "key", key.vkey));
    find("sign").addEventListener("click", sign);
    const stored = await recall(`key ${root.dataset.holder}`);
    return stored ? use(stored) : show("none");
  }

  begin();
})();
