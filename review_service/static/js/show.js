// Steps through a completed draw on the projector. It only shows: the result is fixed already.
"use strict";

(() => {
  const { steps } = JSON.parse(document.getElementById("stage-data").textContent);
  const words = document.getElementById("stage-words").dataset;
  const by = (id) => document.getElementById(`stage-${id}`);
  const seats = steps.filter((one) => one.panel).length;
  const SHOWN = 6;
  let at = 0; // how many steps have been shown
  let timer = null;

  const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const called = (step) => step.name || step.expert;
  const slotsOf = (step) => [
    ...document.querySelector(`[data-panel="${CSS.escape(step.panel)}"] [data-stratum="${CSS.escape(step.stratum)}"]`)
      .querySelectorAll(".stage-seat"),
  ];

  function board() {
    document.querySelectorAll(".stage-seat").forEach((slot) => {
      slot.className = "stage-seat";
      slot.textContent = "·";
    });
    document.querySelectorAll(".stage-panel.fresh").forEach((one) => one.classList.remove("fresh"));
    steps.slice(0, at).forEach((step, index) => {
      if (!step.panel) return;
      const slot = slotsOf(step).find((one) => !one.classList.contains("taken"));
      slot.classList.add("taken");
      if (!step.name) slot.classList.add("masked");
      slot.textContent = called(step);
      if (index === at - 1) {
        slot.classList.add("fresh");
        slot.closest(".stage-panel").classList.add("fresh");
      }
    });
  }

  function log() {
    const recent = steps.slice(Math.max(0, at - 1 - SHOWN), Math.max(0, at - 1)).reverse();
    by("log").replaceChildren(
      ...recent.map((step) => {
        const line = document.createElement("li");
        const who = document.createElement("b");
        who.textContent = `${step.position}. ${called(step)} `;
        line.append(who, step.panel ? `→ ${step.panel} · ${step.in}` : step.why);
        return line;
      }),
    );
  }

  function show() {
    board();
    log();
    by("back").disabled = at === 0;
    for (const name of ["next", "seat", "end"]) by(name).disabled = at === steps.length;
    if (at === steps.length) pause();
    const step = steps[at - 1];
    if (!step) return;
    const filled = steps.slice(0, at).filter((one) => one.panel).length;
    by("count").textContent =
      filled === seats && at === steps.length
        ? `${words.done} · ${filled} / ${seats}`
        : fill(words.count, { n: step.position, filled, seats });
    by("who").textContent = called(step);
    by("what").textContent = step.panel
      ? `${fill(words.seat, { panel: step.panel })} · ${step.in}`
      : `${words.passed}：${step.why}`;
    by("card").className = `stage-card ${step.panel ? "seat" : "passed"}`;
  }

  function move(to) {
    at = Math.min(steps.length, Math.max(0, to));
    show();
  }

  function nextSeat() {
    let to = at + 1;
    while (to < steps.length && !steps[to - 1].panel) to += 1;
    move(to);
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    by("play").textContent = by("play").dataset.play;
    by("play").setAttribute("aria-pressed", "false");
  }

  function play() {
    if (timer) return pause();
    timer = setInterval(() => move(at + 1), 1800);
    by("play").textContent = by("play").dataset.pause;
    by("play").setAttribute("aria-pressed", "true");
    return move(at + 1);
  }

  by("next").addEventListener("click", () => move(at + 1));
  by("back").addEventListener("click", () => move(at - 1));
  by("seat").addEventListener("click", nextSeat);
  by("end").addEventListener("click", () => move(steps.length));
  by("play").addEventListener("click", play);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const moves = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
    if (moves[event.key]) {
      event.preventDefault();
      move(at + moves[event.key]);
    }
  });
  show();
})();
