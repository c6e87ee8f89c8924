// Where the row of steps is wider than the screen, the present one is in the middle of it.
"use strict";

{
  const here = document.querySelector(".steps [aria-current]");
  const row = here?.closest("ol");
  if (row) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
