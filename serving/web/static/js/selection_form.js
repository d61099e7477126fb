/** The form that orders a selection of photos to label. */

import { ApiError, request } from "./api.js";
import { makeId } from "./ids.js";

const PARTS = ["uncertainty", "diversity", "rarity", "disagreement", "novelty"];
const form = document.getElementById("selection-form");
const problem = document.getElementById("selection-problem");
let key = makeId();

function readWish() {
  const { budget, days, empty_share: share } = form.elements;
  const ticked = form.querySelectorAll("[name=hazard_class]:checked");
  return {
    budget: Number(budget.value),
    hazard_classes: [...ticked].map((box) => box.value),
    days: days.value ? Number(days.value) : null,
    empty_share: Number(share.value),
    weights: Object.fromEntries(PARTS.map((part) => [part, Number(form.elements[part].value)])),
  };
}

async function submit(event) {
  event.preventDefault();
  problem.hidden = true;
  try {
    // Sent twice under one key (a link that broke off), it is made once.
    const headers = { "Idempotency-Key": key };
    const { id } = await request("POST", "/selections", { body: readWish(), headers });
    location.assign(`/selection/${id}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!error.isPassing) key = makeId();
    problem.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
    problem.hidden = false;
  }
}

form.addEventListener("submit", submit);
form.addEventListener("change", () => { key = makeId(); });
