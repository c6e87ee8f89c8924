// Entries that have not reached the server are kept on this computer, by person and page.
"use strict";

window.Drafts = class Drafts {
  constructor(me) {
    this.key = `draft:${me}:${location.pathname}`;
  }

  keep(values) {
    try {
      localStorage.setItem(this.key, JSON.stringify(values));
    } catch {
      // A full or forbidden store: the page still holds everything, and says "not saved".
    }
  }

  find() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  drop() {
    localStorage.removeItem(this.key);
  }
};
