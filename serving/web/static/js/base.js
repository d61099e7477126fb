/** What every page needs: local times, the way of open acts to the server, signing in again. */

import { request } from "./api.js";
import { localizeTimes } from "./format.js";
import { Outbox } from "./outbox.js";
import { showBanner } from "./outbox_banner.js";
import { watchSession } from "./session_dialog.js";
import { showToast } from "./toast.js";

/** The one outbox of the page; null for visitors who cannot decide. */
export const outbox = document.body.dataset.canDecide === "yes"
  ? new Outbox(document.body.dataset.userId) : null;

/**
 * Buttons that POST to the interface and reload: `data-post`, with `data-confirm` to ask first and
 * `data-method` for another method.
 */
async function postFromButton(button) {
  const question = button.dataset.confirm;
  if (question && !globalThis.confirm(question)) return;
  button.disabled = true;
  try {
    await request(button.dataset.method ?? "POST", button.dataset.post, { body: {} });
    location.reload();
  } catch (error) {
    button.disabled = false;
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (button) postFromButton(button);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
document.addEventListener("htmx:after:swap", () => localizeTimes());
localizeTimes();
// On a phone the navigation is wider than the screen.
document.querySelector(".main-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
watchSession();
if (outbox) {
  document.addEventListener("signed-in", () => outbox.sendNow());
  showBanner(outbox);
}
