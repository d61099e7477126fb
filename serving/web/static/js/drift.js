/** The page of the drift: say that an alarm was read, and what is done about it. */

import { ApiError, request } from "./api.js";
import { showToast } from "./toast.js";

async function submit(event) {
  const form = event.target.closest("form[data-alarm]");
  if (!form) return;
  event.preventDefault();
  try {
    const body = { note: form.elements.note.value };
    await request("POST", `/drift/alarms/${form.dataset.alarm}/seen`, { body });
    location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  }
}

document.addEventListener("submit", submit);
