/** A form that brings a file in: sends it, tells what was wrong, shows the page anew when it is in. */

import { API, ApiError, errorFromText } from "./api.js";

async function send(form, path) {
  let response;
  try {
    response = await fetch(API + path, {
      method: "POST", credentials: "same-origin", headers: { Accept: "application/json" }, body: new FormData(form),
    });
  } catch {
    throw new ApiError(0);
  }
  if (!response.ok) throw errorFromText(response.status, await response.text());
}

function showProblem(element, error) {
  const detail = document.createElement("span");
  detail.className = "muted";
  detail.textContent = [error.remedy, error.detail !== error.message ? error.detail : ""].filter(Boolean).join(" ");
  element.replaceChildren(`${error.message} `, detail);
  element.hidden = false;
}

/** Wire `form`, whose parts are `[data-problem]` and `[data-progress]`; `busyText` is shown meanwhile. */
export function wireImportForm(form, path, busyText) {
  const button = form.querySelector("button[type=submit]");
  const problem = form.querySelector("[data-problem]");
  const progress = form.querySelector("[data-progress]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    button.disabled = true;
    progress.textContent = busyText;
    try {
      await send(form, path);
      location.reload();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      showProblem(problem, error);
      button.disabled = false;
      progress.textContent = "";
    }
  });
  form.elements.file.addEventListener("change", () => {
    const [file] = form.elements.file.files;
    if (file && !form.elements.name.value) form.elements.name.value = file.name.replace(/\.[^.]+$/, "");
  });
}
