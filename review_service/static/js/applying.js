// The application form: saved by itself (autosave.js), characters counted, conditions live. Without
// this file the form still saves with its button.
"use strict";

(() => {
  const form = document.getElementById("application");
  if (!form) return;
  const by = (id) => document.getElementById(id);
  const NOT_FIELDS = new Set(["csrf_token", "version", "applicant"]);
  const names = [...new Set([...form.elements].map((one) => one.name).filter((name) => name && !NOT_FIELDS.has(name)))];
  const valueOf = (name) => {
    const found = form.elements[name];
    return found instanceof RadioNodeList ? found.value : found.type === "radio" ? (found.checked ? found.value : "") : found.value;
  };

  function values() {
    const fields = Object.fromEntries(names.map((name) => [name, valueOf(name)]));
    return { applicant: valueOf("applicant"), fields };
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

  const saver = new window.Autosave(form, { values, put, show, usable: (kept) => Boolean(kept.fields) });

  form.addEventListener("input", (event) => {
    if (event.target.tagName === "TEXTAREA") count(event.target);
    saver.changed();
  });
  form.addEventListener("change", () => saver.changed());

  // Whatever is sent from this page first waits for what is still on its way.
  for (const other of document.querySelectorAll("main form")) {
    other.addEventListener("submit", async (event) => {
      if (other.dataset.settled || (!saver.dirty && !saver.sending)) {
        saver.stopped = saver.stopped || other === form;
        return;
      }
      event.preventDefault();
      await saver.settle();
      if (saver.stopped || saver.dirty) return; // another window saved, or nothing arrives: the page says so
      other.dataset.settled = "yes";
      if (other === form) saver.stopped = true;
      other.requestSubmit();
    });
  }

  // Beside the form there is room for what is folded up on a phone.
  if (window.matchMedia("(min-width: 62rem)").matches) {
    for (const one of document.querySelectorAll("details[data-wide]")) one.open = true;
  }
  form.querySelectorAll("textarea").forEach(count);
  saver.restore();
})();
