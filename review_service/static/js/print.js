// Print buttons.
"use strict";
document.querySelectorAll("[data-print]").forEach((one) => one.addEventListener("click", () => window.print()));
