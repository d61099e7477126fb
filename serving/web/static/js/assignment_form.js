/** The form that gives a person a share of the queue. */

import { ApiError, request } from "./api.js";
import { localizeTimes } from "./format.js";
import { _ } from "./i18n.js";

const form = document.getElementById("assignment-form");
const problem = document.getElementById("assignment-problem");

function readShare() {
  const { user_id: person, hazard_class: hazardClass, area, flight_id: flight } = form.elements;
  const share = { user_id: Number(person.value) };
  if (hazardClass.value) share.hazard_class = hazardClass.value;
  if (flight.value) share.flight_id = Number(flight.value);
  if (area.value) {
    share.area = area.value;
    share.area_name = area.selectedOptions[0].textContent.trim();
  }
  return share;
}

function showProblem(text) {
  problem.textContent = text;
  problem.hidden = false;
}

async function submit(event) {
  event.preventDefault();
  problem.hidden = true;
  const share = readShare();
  if (!share.hazard_class && !share.flight_id && !share.area) {
    showProblem(_("Choose a class, an area or a flight."));
    return;
  }
  try {
    await request("POST", "/assignments", { body: share });
    location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showProblem([error.message, error.remedy].filter(Boolean).join(" "));
  }
}

form.addEventListener("submit", submit);
localizeTimes(document.getElementById("content"));
