/** What every page needs: local times, the way of open decisions to the server, menus. */

import { request } from "./api.js";
import { localizeTimes } from "./format.js";
import { _ } from "./i18n.js";
import { Outbox } from "./outbox.js";
import { showToast } from "./toast.js";

const VERDICT_TEXTS = {
  confirm: _("Confirm"), reject: _("Reject"), unsure: _("Unsure"), duplicate: _("Duplicate"),
};

const userId = document.body.dataset.userId;
const banner = document.getElementById("outbox-banner");
const bannerText = document.getElementById("outbox-text");
const refusedList = document.getElementById("outbox-refused");

/** The one outbox of the page; null for visitors who cannot decide. */
export const outbox = document.body.dataset.canDecide === "yes" ? new Outbox(userId) : null;

function describeRefused(act) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/review/${act.candidateId}`;
  link.textContent = _("Candidate {id}", { id: act.candidateId });
  row.append(link, ` · ${VERDICT_TEXTS[act.verdict] ?? act.verdict}: ${act.reason} ${act.remedy}`);
  return row;
}

function paintBanner() {
  const open = outbox.open.length;
  const refused = outbox.refused;
  const isStuck = open > 0 && outbox.lastError !== null;
  banner.hidden = !isStuck && refused.length === 0;
  document.getElementById("outbox-sign-in").hidden = outbox.lastError?.status !== 401;
  document.getElementById("outbox-retry").hidden = !isStuck;
  document.getElementById("outbox-dismiss").hidden = refused.length === 0;
  bannerText.textContent = [
    isStuck ? _("{count} decisions are not at the server yet; they are kept here and sent again. {reason}", {
      count: open, reason: outbox.lastError.message,
    }) : "",
    refused.length > 0 ? _("{count} decisions were refused by the server:", { count: refused.length }) : "",
  ].filter(Boolean).join(" ");
  refusedList.replaceChildren(...refused.map(describeRefused));
}

function wireOutbox() {
  outbox.addEventListener("change", paintBanner);
  document.getElementById("outbox-retry").addEventListener("click", () => outbox.sendNow());
  document.getElementById("outbox-dismiss").addEventListener("click", () => outbox.dismissRefused());
  outbox.sendNow();
}

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
  if (event.target.matches("select[data-submits]")) event.target.form.requestSubmit();
});
document.addEventListener("htmx:after:swap", () => localizeTimes());
localizeTimes();
if (outbox) wireOutbox();
