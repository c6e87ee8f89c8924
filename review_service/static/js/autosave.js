// Autosave of a form with a version: what is entered is sent a moment later, kept while the network
// or the sign-in is lost, and never overwrites what another window saved. The page supplies how its
// entries are read (`values`), put back (`put`) and what an answer shows (`show`). Needs drafts.js.
"use strict";

window.Autosave = class Autosave {
  static DELAY = 900; // milliseconds after the last change
  static RETRY = 5000;

  constructor(form, { values, put, show, usable = () => true }) {
    Object.assign(this, { form, put, show, usable });
    this.read = values;
    this.drafts = new window.Drafts(form.dataset.me);
    this.state = this.by("save-state");
    this.version = Number(form.dataset.version);
    this.timer = null;
    this.sending = false;
    this.dirty = false;
    this.stopped = false; // another window has saved: nothing is sent until the person decides
    this.by("take-theirs").addEventListener("click", () => this.takeTheirs());
    this.by("keep-mine").addEventListener("click", () => this.keepMine());
    window.addEventListener("online", () => this.dirty && this.send());
    window.addEventListener("beforeunload", () => this.dirty && this.keep());
  }

  by(id) {
    return document.getElementById(id);
  }

  values() {
    return { version: this.version, ...this.read() };
  }

  keep() {
    this.drafts.keep(this.values());
  }

  say(name, more = "") {
    this.state.textContent = `${this.state.dataset[name].replace("{time}", more)}${name === "refused" ? `：${more}` : ""}`;
    this.state.parentElement.classList.toggle("troubled", name === "waiting" || name === "refused");
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), delay);
  }

  changed() {
    this.dirty = true;
    this.keep();
    if (!this.stopped) this.later(Autosave.DELAY);
  }

  // After signing in again in another window the page's token is old: fetch the new one.
  async freshToken() {
    const answer = await fetch(this.form.dataset.token, { redirect: "manual", headers: { Accept: "application/json" } });
    if (!answer.ok) return false;
    const found = await answer.json();
    if (found.me !== this.form.dataset.me) return false;
    for (const one of document.querySelectorAll('input[name="csrf_token"]')) one.value = found.token;
    return true;
  }

  post() {
    return fetch(this.form.dataset.save, {
      method: "POST",
      redirect: "manual",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-CSRFToken": this.form.elements.csrf_token.value,
      },
      body: JSON.stringify(this.values()),
    });
  }

  static signedOut(answer) {
    return answer.type === "opaqueredirect" || answer.status === 401;
  }

  async send() {
    if (this.sending || this.stopped || !this.dirty) return;
    this.sending = true;
    this.dirty = false;
    this.say("saving");
    try {
      let answer = await this.post();
      if ((Autosave.signedOut(answer) || answer.status === 400) && (await this.freshToken())) answer = await this.post();
      await this.handle(answer);
    } catch {
      this.wait();
    }
    this.sending = false;
    if (this.dirty && !this.stopped && !this.timer) this.later(Autosave.DELAY);
  }

  wait() {
    this.dirty = true;
    this.say("waiting");
    this.later(Autosave.RETRY);
  }

  async handle(answer) {
    this.timer = null;
    const out = Autosave.signedOut(answer) || answer.status === 400 || answer.status === 403;
    this.by("trouble-session").hidden = !out;
    if (out || answer.status >= 500) return this.wait();
    const found = await answer.json();
    if (answer.status === 409) {
      this.dirty = true;
      this.stop(found.stored);
      return this.say("refused", found.error);
    }
    if (!answer.ok) return this.say("refused", found.error);
    this.version = found.version;
    for (const one of document.querySelectorAll('input[name="version"]')) one.value = this.version;
    if (this.dirty) this.keep();
    else this.drafts.drop();
    this.show(found);
    return this.say("saved", found.saved);
  }

  stop(stored) {
    this.stopped = true;
    this.by("trouble-tabs").hidden = false;
    this.by("trouble-tabs").dataset.stored = stored;
  }

  takeTheirs() {
    this.dirty = false; // nothing of this page is to be kept
    this.drafts.drop();
    location.reload();
  }

  keepMine() {
    this.version = Number(this.by("trouble-tabs").dataset.stored);
    this.stopped = false;
    this.by("trouble-tabs").hidden = true;
    this.dirty = true;
    this.send();
  }

  // Resolves once nothing is on its way.
  async idle() {
    clearTimeout(this.timer);
    this.timer = null;
    while (this.sending) await new Promise((wake) => setTimeout(wake, 50));
  }

  // Resolves once everything entered so far has been sent, or could not be: then `dirty` stays.
  async settle() {
    await this.idle();
    this.send();
    await this.idle();
  }

  // Put back what an earlier visit could not send; of an older version the person decides.
  restore() {
    const kept = this.drafts.find();
    if (!kept || !this.usable(kept)) return;
    const bare = (entries) => JSON.stringify({ ...entries, version: 0 });
    if (bare(kept) === bare(this.values())) {
      this.drafts.drop();
      return;
    }
    const stored = this.version;
    this.put(kept);
    this.by("restored").hidden = false;
    this.dirty = true;
    this.version = kept.version;
    if (kept.version === stored) this.send();
    else this.stop(stored);
  }
};
