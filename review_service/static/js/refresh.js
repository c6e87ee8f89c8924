// A part of a page that brings itself up to date. It waits while somebody works in it, and one
// that shows a job asks no more once nothing in it waits.
"use strict";

for (const part of document.querySelectorAll("[data-refresh]")) {
  const busy = () =>
    document.hidden || part.contains(document.activeElement) || part.querySelector("details[open]");
  const settled = () =>
    part.hasAttribute("data-until-settled") && !part.querySelector("[data-waiting]");
  let mark = null; // of what stands here, where the service gives one
  const turn = setInterval(async () => {
    if (settled()) clearInterval(turn);
    if (settled() || busy() || part.ariaBusy) return; // one question at a time
    part.ariaBusy = "true";
    try {
      const headers = mark ? { "If-None-Match": mark } : {};
      const answer = await fetch(part.dataset.refresh, { redirect: "error", headers });
      if (!answer.ok) return; // 304 too: nothing changed
      const text = await answer.text();
      if (busy()) return;
      mark = answer.headers.get("ETag");
      const fresh = new DOMParser().parseFromString(text, "text/html");
      if (fresh.body.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.body.childNodes);
    } catch {
      // No network: what stands here stays, and the next try comes by itself.
    } finally {
      part.ariaBusy = null;
    }
  }, Number(part.dataset.seconds) * 1000);
}
