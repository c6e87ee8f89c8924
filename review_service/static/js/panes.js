// The border between dossier and rubric: dragged with the mouse, or moved by arrow keys. The width
// is kept on this computer.
"use strict";

(() => {
  const sides = document.getElementById("sides");
  const border = document.getElementById("border");
  if (!border) return;
  const KEY = "dossier-width";
  const [LEAST, MOST] = [Number(border.ariaValueMin), Number(border.ariaValueMax)];
  const USUAL = Number(border.ariaValueNow);

  function set(percent, keep = true) {
    const width = Math.min(MOST, Math.max(LEAST, Math.round(percent)));
    border.ariaValueNow = String(width);
    sides.style.setProperty("--dossier", `${width}%`);
    if (!keep) return;
    try {
      localStorage.setItem(KEY, String(width));
    } catch {
      // A forbidden store: the width holds until the page is left.
    }
  }

  function kept() {
    try {
      return Number(localStorage.getItem(KEY)) || USUAL;
    } catch {
      return USUAL;
    }
  }

  border.addEventListener("pointerdown", (event) => {
    border.setPointerCapture(event.pointerId);
    event.preventDefault();
    border.focus();
  });
  border.addEventListener("pointermove", (event) => {
    if (!border.hasPointerCapture(event.pointerId)) return;
    const { left, width } = sides.getBoundingClientRect();
    set(((event.clientX - left) / width) * 100);
  });
  border.addEventListener("dblclick", () => set(USUAL));
  border.addEventListener("keydown", (event) => {
    const now = Number(border.ariaValueNow);
    const to = { ArrowLeft: now - 2, ArrowRight: now + 2, Home: LEAST, End: MOST, Enter: USUAL }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    set(to);
  });
  set(kept(), false);
})();
