// The scoring form: saved by itself (autosave.js), and the keyboard. Without this file the form still
// saves on "Save".
"use strict";

(() => {
  const form = document.getElementById("review");
  if (!form || form.querySelector("fieldset:disabled")) return;
  const by = (id) => document.getElementById(id);

  const groups = [...form.querySelectorAll("fieldset[data-criterion]")];
  const chosen = (group) => group.querySelector("input:checked");

  function values() {
    const levels = {};
    const notes = {};
    for (const group of groups) {
      const name = group.dataset.criterion;
      levels[name] = chosen(group) ? Number(chosen(group).value) : null;
      notes[name] = form.elements[`note-${name}`].value;
    }
    return { levels, notes };
  }

  function put(kept) {
    for (const group of groups) {
      const name = group.dataset.criterion;
      const level = kept.levels[name];
      for (const input of group.querySelectorAll("input")) {
        input.checked = level !== null && level !== undefined && input.value === String(level);
      }
      form.elements[`note-${name}`].value = kept.notes[name] || "";
    }
    groups.forEach(mark);
  }

  function mark(group) {
    const input = chosen(group);
    group.closest(".criterion").classList.toggle("done", Boolean(input));
    const level = input ? Number(input.value) : -1;
    const anchors = [...group.querySelectorAll("[data-anchor]")];
    const reached = anchors.filter((one) => Number(one.dataset.anchor) <= level).pop();
    for (const one of anchors) one.classList.toggle("near", one === reached);
  }

  function done(answer) {
    const needed = Number(form.dataset.needed);
    by("save-done").textContent = `${needed - answer.missing} / ${needed}`;
    by("save-progress").value = needed - answer.missing;
    by("save-total").textContent = answer.total || "–";
  }

  const saver = new window.Autosave(form, { values, put, show: done });

  // --- keyboard: digits inside a criterion give its level; Enter goes on -----------------------

  let typed = "";
  let typedAt = 0;

  function digit(group, key) {
    const now = Date.now();
    typed = now - typedAt < 800 ? typed + key : key;
    typedAt = now;
    const pick = (value) => [...group.querySelectorAll("input")].find((one) => one.value === value);
    const input = pick(typed) || pick(key);
    if (!input) return;
    input.checked = true;
    input.focus();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function onward(group) {
    const next = groups[groups.indexOf(group) + 1];
    if (!next) return form.querySelector("button.btn-primary").focus();
    next.closest(".criterion").scrollIntoView({ block: "center" });
    return (chosen(next) || next.querySelector("input")).focus();
  }

  form.addEventListener("keydown", (event) => {
    const group = event.target.closest("fieldset[data-criterion]");
    if (!group || event.target.type !== "radio" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (/^[0-9]$/.test(event.key)) {
      event.preventDefault();
      digit(group, event.key);
    } else if (event.key === "Enter") {
      event.preventDefault();
      onward(group);
    }
  });

  form.addEventListener("change", (event) => {
    const group = event.target.closest("fieldset[data-criterion]");
    if (group) mark(group);
    saver.changed();
  });
  form.addEventListener("input", (event) => {
    if (event.target.tagName === "TEXTAREA") saver.changed();
  });
  form.addEventListener("submit", async (event) => {
    clearTimeout(saver.timer);
    if (saver.sending) {
      // The version on its way back belongs into the form first.
      event.preventDefault();
      await saver.idle();
      if (!saver.stopped) form.requestSubmit();
      return;
    }
    saver.stopped = true; // the form itself carries everything now; the draft goes once it has arrived
  });

  groups.forEach(mark);
  saver.restore();
})();
