/** The card of comparisons on the page of a flight: begin one, with another base flight if wanted. */

import { ApiError, request } from "./api.js";
import { _ } from "./i18n.js";
import { showToast } from "./toast.js";

function describeChoice({ name, captured_on: day, overlap_share: share }) {
  const parts = [name, day, _("{share} of this ground", { share: `${Math.round(share * 100)}%` })];
  return parts.filter(Boolean).join(" · ");
}

/** Fill the select with the flights over the place; asked for only when somebody looks. */
async function loadChoices(form) {
  const select = form.elements.base_flight_id;
  if (select.dataset.loaded) return;
  select.dataset.loaded = "yes";
  const note = form.querySelector("[data-choices]");
  const { flightId } = form.closest("section").dataset;
  try {
    const known = await request("GET", `/flights/${flightId}/change`, { timeoutMs: 60_000 });
    // The baseline is what an empty choice means.
    const choices = known.base_choices.filter(({ id }) => id !== known.baseline_flight_id);
    for (const choice of choices) select.append(new Option(describeChoice(choice), choice.id));
    note.textContent = choices.length === 0 ? _("No other flight shows this place.") : "";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    delete select.dataset.loaded;
    note.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
  }
}

async function begin(form) {
  const { flightId } = form.closest("section").dataset;
  const chosen = form.elements.base_flight_id.value;
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    const body = chosen ? { base_flight_id: Number(chosen) } : {};
    await request("POST", `/flights/${flightId}/change`, { body });
    location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    button.disabled = false;
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  }
}

// The card is replaced while a comparison runs: what it holds is listened to from above.
document.addEventListener("submit", (event) => {
  if (event.target.id !== "change-form") return;
  event.preventDefault();
  begin(event.target);
});
document.addEventListener("toggle", (event) => {
  const form = event.target.closest?.("#change-form");
  if (form && event.target.open) loadChoices(form);
}, { capture: true });
// A card that asks for itself would close what somebody is choosing from.
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.id === "change" && event.target.querySelector("#change-form details[open]")) {
    event.preventDefault();
  }
});
