/** The form that brings a layer in. */

import { API, ApiError, errorFromText } from "./api.js";
import { _ } from "./i18n.js";

const form = document.getElementById("layer-form");
const button = form.querySelector("button[type=submit]");
const problem = document.getElementById("layer-problem");
const progress = document.getElementById("layer-progress");

/** Show and send only what belongs to the chosen kind. */
function followKind() {
  const kind = form.elements.kind.value;
  for (const part of form.querySelectorAll("[data-kinds]")) {
    const belongs = part.dataset.kinds.split(" ").includes(kind);
    part.hidden = !belongs;
    for (const field of part.querySelectorAll("input, select")) field.disabled = !belongs;
  }
}

function proposeName() {
  const [file] = form.elements.file.files;
  if (file && !form.elements.name.value) form.elements.name.value = file.name.replace(/\.[^.]+$/, "");
}

function showProblem(error) {
  const detail = document.createElement("span");
  detail.className = "muted";
  detail.textContent = [error.remedy, error.detail !== error.message ? error.detail : ""].filter(Boolean).join(" ");
  problem.replaceChildren(`${error.message} `, detail);
  problem.hidden = false;
}

async function send() {
  let response;
  try {
    response = await fetch(`${API}/layers`, {
      method: "POST", credentials: "same-origin", headers: { Accept: "application/json" }, body: new FormData(form),
    });
  } catch {
    throw new ApiError(0);
  }
  if (!response.ok) throw errorFromText(response.status, await response.text());
}

async function submit(event) {
  event.preventDefault();
  problem.hidden = true;
  button.disabled = true;
  progress.textContent = _("Being read; a city's buildings take a minute.");
  try {
    await send();
    location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showProblem(error);
    button.disabled = false;
    progress.textContent = "";
  }
}

form.addEventListener("submit", submit);
form.elements.kind.addEventListener("change", followKind);
form.elements.file.addEventListener("change", proposeName);
followKind();
