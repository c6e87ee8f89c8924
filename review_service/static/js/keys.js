// Lists without a mouse: Alt+J and Alt+K go to the next and the previous, Alt+F to the search,
// "choose all that are shown" ticks what the filters leave, and nothing else.
"use strict";

(() => {
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const target = {
      KeyJ: () => document.querySelector('a[rel="next"]'),
      KeyK: () => document.querySelector('a[rel="prev"]'),
      KeyF: () => document.querySelector('main input[type="search"]'),
    }[event.code]?.();
    if (!target) return;
    event.preventDefault();
    if (target.tagName === "A") target.click();
    else target.focus();
  });

  const all = document.querySelector("[data-choose-all]");
  if (!all) return;
  const boxes = () => [...document.querySelectorAll("[data-choose]")];
  const told = document.querySelector("[data-chosen]");
  const tell = () => {
    const count = boxes().filter((one) => one.checked).length;
    told.textContent = told.dataset.chosen.replace("{count}", count);
    all.checked = count > 0 && count === boxes().length;
    all.indeterminate = count > 0 && count < boxes().length;
  };
  all.addEventListener("change", () => {
    for (const one of boxes()) one.checked = all.checked;
    tell();
  });
  for (const one of boxes()) one.addEventListener("change", tell);
  tell();
})();
