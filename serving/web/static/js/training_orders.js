/** Forms that order something of the training lane: they send JSON, then show the order's page. */

import { ApiError, request } from "./api.js";
import { makeId } from "./ids.js";

/** Return what a form says, without what was left empty; a tick is true, a number a number. */
function readForm(form, submitter) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.type === "submit") continue;
    if (field.type === "checkbox") body[field.name] = field.checked;
    else if (field.type === "radio") { if (field.checked) body[field.name] = field.value; }
    else if (field.value !== "") body[field.name] = field.type === "number" ? Number(field.value) : field.value;
  }
  if (submitter?.name) body[submitter.name] = submitter.value === "yes";
  return body;
}

async function order(form, submitter) {
  const problem = form.querySelector("[data-problem]");
  const buttons = form.querySelectorAll("button");
  // One name for the act, however often a slow link makes somebody press the button.
  form.dataset.key ||= makeId();
  problem.hidden = true;
  for (const button of buttons) button.disabled = true;
  try {
    const body = readForm(form, submitter);
    const headers = { "Idempotency-Key": form.dataset.key };
    const made = await request("POST", form.dataset.order, { body, headers });
    location.assign(`/training/${made.id}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!error.isPassing) delete form.dataset.key;
    problem.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
    problem.hidden = false;
    for (const button of buttons) button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-order]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    order(form, event.submitter);
  });
}
