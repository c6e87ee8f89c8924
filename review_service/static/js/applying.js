// The application form: autosave with a version, drafts kept while the network or the sign-in is
// lost, two windows told apart, characters counted, conditions live. Without this file the form
// still saves with its button.
"use strict";

(() => {
  const form = document.getElementById("application");
  if (!form) return;
  const drafts = new window.Drafts(form.dataset.me);
  const by = (id) => document.getElementById(id);
  const state = by("save-state");
  const DELAY = 900; // milliseconds after the last change
  const RETRY = 5000;
  const NOT_FIELDS = new Set(["csrf_token", "version", "applicant"]);
  let version = Number(form.dataset.version);
  let timer = null;
  let sending = false;
  let dirty = false;
  let stopped = false; // another window has saved: nothing is sent until the person decides

  const names = [...new Set([...form.elements].map((one) => one.name).filter((name) => name && !NOT_FIELDS.has(name)))];
  const valueOf = (name) => {
    const found = form.elements[name];
    return found instanceof RadioNodeList ? found.value : found.type === "radio" ? (found.checked ? found.value : "") : found.value;
  };

  function values() {
    const fields = Object.fromEntries(names.map((name) => [name, valueOf(name)]));
    return { version, applicant: valueOf("applicant"), fields };
  }

  function put(kept) {
    for (const [name, value] of Object.entries({ ...kept.fields, applicant: kept.applicant })) {
      const found = form.elements[name];
      if (!found) continue;
      const group = found instanceof RadioNodeList ? [...found] : [found];
      for (const one of group) {
        if (one.type === "radio") one.checked = one.value === value;
        else one.value = value;
      }
    }
    form.querySelectorAll("textarea").forEach(count);
  }

  // As a person counts: blanks and combining marks don't, a rare character is one.
  function characters(text) {
    let found = 0;
    for (const one of text) {
      const code = one.codePointAt(0);
      const combining = (code >= 0x300 && code <= 0x36f) || (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xe0100 && code <= 0xe01ef);
      if (!combining && !/\s/u.test(one)) found += 1;
    }
    return found;
  }

  function count(area) {
    const counter = by(`${area.id}-count`);
    if (!counter) return;
    const found = characters(area.value);
    counter.querySelector("[data-count]").textContent = found;
    counter.classList.toggle("over", found > 3000);
  }

  function say(name, more = "") {
    state.textContent = `${state.dataset[name].replace("{time}", more)}${name === "refused" ? `：${more}` : ""}`;
    state.parentElement.classList.toggle("troubled", name === "waiting" || name === "refused");
  }

  const idOf = (path) => `f-${path.replaceAll(".", "-")}`;
  const TONES = { passed: "good", failed: "bad", missing: "warn" };

  function show(answer) {
    for (const gate of answer.gates) {
      const row = document.querySelector(`[data-gate="${gate.id}"]`);
      if (!row) continue;
      row.className = gate.status;
      row.querySelector("[data-value]").textContent = gate.value;
      const badge = row.querySelector("[data-word]");
      badge.textContent = gate.word;
      badge.className = `badge-state ${TONES[gate.status] || ""}`;
    }
    for (const box of form.querySelectorAll("[data-field]")) {
      const problem = answer.problems[box.dataset.field] || "";
      by(`${idOf(box.dataset.field)}-wrong`).textContent = problem;
      box.classList.toggle("wrong", Boolean(problem));
    }
    by("missing").replaceChildren(
      ...answer.missing.map((one) => {
        const link = document.createElement("a");
        link.href = `#${idOf(one.path)}`;
        link.textContent = one.label;
        const item = document.createElement("li");
        item.append(link);
        return item;
      }),
    );
    by("missing-count").textContent = answer.missing.length;
    by("nothing-missing").hidden = answer.missing.length > 0;
  }

  function later(delay) {
    clearTimeout(timer);
    timer = setTimeout(send, delay);
  }

  function changed() {
    dirty = true;
    drafts.keep(values());
    if (!stopped) later(DELAY);
  }

  // After signing in again in another window the page's token is old: fetch the new one.
  async function freshToken() {
    const answer = await fetch(form.dataset.token, { redirect: "manual", headers: { Accept: "application/json" } });
    if (!answer.ok) return false;
    const found = await answer.json();
    if (found.me !== form.dataset.me) return false;
    for (const one of document.querySelectorAll('input[name="csrf_token"]')) one.value = found.token;
    return true;
  }

  function post(body) {
    return fetch(form.dataset.save, {
      method: "POST",
      redirect: "manual",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-CSRFToken": form.elements.csrf_token.value,
      },
      body: JSON.stringify(body),
    });
  }

  const signedOut = (answer) => answer.type === "opaqueredirect" || answer.status === 401;

  async function send() {
    if (sending || stopped || !dirty) return;
    sending = true;
    dirty = false;
    say("saving");
    try {
      let answer = await post(values());
      if ((signedOut(answer) || answer.status === 400) && (await freshToken())) answer = await post(values());
      await handle(answer);
    } catch {
      dirty = true;
      say("waiting");
      later(RETRY);
    }
    sending = false;
    if (dirty && !stopped && !timer) later(DELAY);
  }

  async function handle(answer) {
    timer = null;
    const out = signedOut(answer) || answer.status === 400 || answer.status === 403;
    by("trouble-session").hidden = !out;
    if (out || answer.status >= 500) {
      dirty = true;
      say("waiting");
      return later(RETRY);
    }
    const found = await answer.json();
    if (answer.status === 409) {
      dirty = true;
      stopped = true;
      by("trouble-tabs").hidden = false;
      by("trouble-tabs").dataset.stored = found.stored;
      return say("refused", found.error);
    }
    if (!answer.ok) return say("refused", found.error);
    version = found.version;
    for (const one of document.querySelectorAll('input[name="version"]')) one.value = version;
    if (dirty) drafts.keep(values());
    else drafts.drop();
    show(found);
    return say("saved", found.saved);
  }

  by("take-theirs").addEventListener("click", () => {
    dirty = false; // nothing of this page is to be kept
    drafts.drop();
    location.reload();
  });
  by("keep-mine").addEventListener("click", () => {
    version = Number(by("trouble-tabs").dataset.stored);
    stopped = false;
    by("trouble-tabs").hidden = true;
    dirty = true;
    send();
  });

  form.addEventListener("input", (event) => {
    if (event.target.tagName === "TEXTAREA") count(event.target);
    changed();
  });
  form.addEventListener("change", changed);

  // Whatever is sent from this page first waits for what is still on its way.
  async function settled() {
    clearTimeout(timer);
    if (dirty && !stopped) send();
    while (sending) await new Promise((wake) => setTimeout(wake, 50));
  }
  for (const other of document.querySelectorAll("main form")) {
    other.addEventListener("submit", async (event) => {
      if (other.dataset.settled || (!dirty && !sending)) {
        stopped = stopped || other === form;
        return;
      }
      event.preventDefault();
      await settled();
      if (stopped || dirty) return; // another window saved, or nothing arrives: the page says so
      other.dataset.settled = "yes";
      if (other === form) stopped = true;
      other.requestSubmit();
    });
  }
  window.addEventListener("online", () => dirty && send());
  window.addEventListener("beforeunload", () => dirty && drafts.keep(values()));

  // Beside the form there is room for what is folded up on a phone.
  if (window.matchMedia("(min-width: 62rem)").matches) {
    for (const one of document.querySelectorAll("details[data-wide]")) one.open = true;
  }
  form.querySelectorAll("textarea").forEach(count);
  const kept = drafts.find();
  if (kept && kept.fields) {
    const same = JSON.stringify({ ...kept, version: 0 }) === JSON.stringify({ ...values(), version: 0 });
    if (same) {
      drafts.drop();
    } else {
      const stored = version;
      put(kept);
      by("restored").hidden = false;
      dirty = true;
      version = kept.version; // an older one is refused by the server, and the person decides
      if (kept.version === stored) send();
      else {
        stopped = true;
        by("trouble-tabs").hidden = false;
        by("trouble-tabs").dataset.stored = stored;
      }
    }
  }
})();
