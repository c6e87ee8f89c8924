// Ranks by dragging, or by the arrows; both write the numbers into the boxes, which are what is sent.
"use strict";

(() => {
  const list = document.querySelector("[data-ranking]");
  if (!list) return;
  const state = document.getElementById("order-state");
  const items = () => [...list.querySelectorAll("[data-item]")];
  const taken = new Set(list.dataset.taken.split(" ").map(Number)); // under stamped reports
  let dragged = null;

  function number(moved) {
    let rank = 0;
    for (const one of items()) {
      do rank += 1;
      while (taken.has(rank));
      one.querySelector("input").value = rank;
    }
    const unit = moved.querySelector("a").textContent;
    rank = moved.querySelector("input").value;
    state.textContent = state.dataset.moved.replace("{unit}", unit).replace("{rank}", rank);
  }

  for (const one of items()) {
    one.querySelector("[data-moves]").hidden = false;
    one.draggable = true;
    one.addEventListener("dragstart", (event) => {
      // A text in the number's box is selected by dragging too: that is no move.
      if (event.target !== one) return;
      dragged = one;
      one.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", "");
    });
    one.addEventListener("dragend", () => {
      one.classList.remove("dragged");
      items().forEach((other) => other.classList.remove("over"));
      dragged = null;
    });
    one.addEventListener("dragover", (event) => {
      if (!dragged || dragged === one) return;
      event.preventDefault();
      one.classList.add("over");
    });
    one.addEventListener("dragleave", () => one.classList.remove("over"));
    one.addEventListener("drop", (event) => {
      if (!dragged || dragged === one) return;
      event.preventDefault();
      const later = items().indexOf(dragged) < items().indexOf(one);
      one[later ? "after" : "before"](dragged);
      number(dragged);
    });
    for (const button of one.querySelectorAll("[data-move]")) {
      button.addEventListener("click", () => {
        const other = button.dataset.move === "1" ? one.nextElementSibling : one.previousElementSibling;
        if (other) other[button.dataset.move === "1" ? "after" : "before"](one);
        number(one);
        button.focus();
      });
    }
  }
})();
