// The scoring form: autosave with a version, drafts kept while the network or the sign-in is lost,
// two windows told apart, and the keyboard. Without this file the form still saves on "Save".
"use strict";

(() => {
  const form = document.getElementById("review");
  if (!form || form.querySelector("fieldset:disabled")) return;
  const drafts = new window.Drafts(form.dataset.me);
  const by = (id) => document.getElementById(id);
  const state = by("save-state");
  const DELAY = 900; // milliseconds after the last change
  const RETRY = 5000;
  let version = Number(form.dataset.version);
  let timer = null;
  let sending = false;
  let dirty = false;
  let stopped = false; // another window has saved: nothing is sent until the expert decides

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
    return { version, levels, notes };
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

  function say(name, more = "") {
    state.textContent = `${state.dataset[name].replace("{time}", more)}${name === "refused" ? `：${more}` : ""}`;
    state.parentElement.classList.toggle("troubled", name === "waiting" || name === "refused");
  }

  function done(answer) {
    const needed = Number(form.dataset.needed);
    by("save-done").textContent = `${needed - answer.missing} / ${needed}`;
    by("save-progress").value = needed - answer.missing;
    by("save-total").textContent = answer.total || "–";
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
    form.elements.csrf_token.value = found.token;
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
      if (signedOut(answer) || answer.status === 400) {
        if (await freshToken()) answer = await post(values());
      }
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
    if (signedOut(answer) || answer.status === 400 || answer.status === 403) {
      dirty = true;
      by("trouble-session").hidden = false;
      say("waiting");
      return later(RETRY);
    }
    by("trouble-session").hidden = true;
    if (answer.status >= 500) {
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
    form.elements.version.value = version;
    if (dirty) drafts.keep(values());
    else drafts.drop();
    done(found);
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
    changed();
  });
  form.addEventListener("input", (event) => {
    if (event.target.tagName === "TEXTAREA") changed();
  });
  form.addEventListener("submit", async (event) => {
    clearTimeout(timer);
    if (sending) {
      // The version on its way back belongs into the form first.
      event.preventDefault();
      while (sending) await new Promise((wake) => setTimeout(wake, 50));
      if (!stopped) form.requestSubmit();
      return;
    }
    stopped = true; // the form itself carries everything now; the draft goes once it has arrived
  });
  window.addEventListener("online", () => dirty && send());
  window.addEventListener("beforeunload", () => dirty && drafts.keep(values()));

  // --- what was left over from before ----------------------------------------------------------------

  groups.forEach(mark);
  const kept = drafts.find();
  if (kept) {
    const same = JSON.stringify({ ...kept, version: 0 }) === JSON.stringify({ ...values(), version: 0 });
    if (same) {
      drafts.drop();
    } else {
      const stored = version;
      put(kept);
      by("restored").hidden = false;
      dirty = true;
      version = kept.version; // an older one is refused by the server, and the expert decides
      if (kept.version === stored) send();
      else {
        stopped = true;
        by("trouble-tabs").hidden = false;
        by("trouble-tabs").dataset.stored = stored;
      }
    }
  }
})();
