/** The page of Label Studio: the form that sends photos, and following what is under way. */

import { ApiError, request } from "./api.js";
import { makeId } from "./ids.js";

const FOLLOW_MS = 3000;
const form = document.getElementById("push-form");
const problem = document.getElementById("push-problem");
let key = makeId();
let touched = false;

function readOrder() {
  const { flight_id: flight, hazard_class: hazardClass, state, limit } = form.elements;
  return {
    flight_id: flight.value ? Number(flight.value) : null,
    hazard_class: hazardClass.value || null,
    state: state.value || null,
    limit: Number(limit.value),
  };
}

async function submit(event) {
  event.preventDefault();
  problem.hidden = true;
  try {
    // Sent twice under one key (a link that broke off), it is ordered once.
    const headers = { "Idempotency-Key": key };
    await request("POST", "/label-studio/pushes", { body: readOrder(), headers });
    location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!error.isPassing) key = makeId();
    problem.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
    problem.hidden = false;
  }
}

/** Reload while something is under way, but not under the hands of who fills in the form. */
function follow() {
  if (document.getElementById("labels-busy").dataset.busy !== "yes") return;
  setTimeout(() => (touched || document.hidden ? follow() : location.reload()), FOLLOW_MS);
}

form?.addEventListener("submit", submit);
form?.addEventListener("input", () => {
  key = makeId();
  touched = true;
});
follow();
