/** The small swipe in the panel: a roof from above, before and now, under one slider. */

import { screen } from "./review_screen.js";

function moveTo(range) {
  range.closest(".ortho").style.setProperty("--share", `${range.value}%`);
}

screen.panel.addEventListener("input", ({ target }) => {
  if (target.matches(".ortho-range")) moveTo(target);
});
screen.panel.addEventListener("error", ({ target }) => {
  // A picture that cannot be had shows no broken frame.
  if (target.closest?.(".ortho, .ortho-difference")) target.closest("figure").hidden = true;
}, true);
