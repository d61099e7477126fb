/** The banner of acts that are not at the server: how many, why, and what was refused. */

import { describeAct } from "./act_kinds.js";
import { _ } from "./i18n.js";

const VERDICT_TEXTS = {
  confirm: _("Confirm"), reject: _("Reject"), unsure: _("Unsure"), duplicate: _("Duplicate"),
};

const banner = document.getElementById("outbox-banner");
const bannerText = document.getElementById("outbox-text");
const list = document.getElementById("outbox-refused");

function describe(act) {
  const row = document.createElement("li");
  const [candidateId] = act.candidateIds;
  const link = document.createElement("a");
  link.href = `/review/${candidateId}`;
  link.textContent = _("Candidate {id}", { id: candidateId });
  const label = VERDICT_TEXTS[act.verdict] ?? act.label;
  row.append(link, ` · ${describeAct({ ...act, label })}: ${act.reason} ${act.remedy ?? ""}`);
  return row;
}

function describeHeld(outbox, act) {
  const row = describe(act);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-small";
  button.textContent = _("Give this act up");
  button.addEventListener("click", () => outbox.drop(act.id));
  row.append(" ", button);
  return row;
}

function paint(outbox) {
  const { open, held, refused, lastError } = outbox;
  const isStuck = open.length > held.length && lastError !== null;
  banner.hidden = !isStuck && held.length === 0 && refused.length === 0 && !outbox.isFragile;
  document.getElementById("outbox-sign-in").hidden = lastError?.status !== 401;
  document.getElementById("outbox-retry").hidden = !isStuck;
  document.getElementById("outbox-dismiss").hidden = refused.length === 0;
  bannerText.textContent = [
    isStuck ? _("{count} decisions are not at the server yet; they are kept here and sent again. {reason}", {
      count: open.length, reason: lastError.message,
    }) : "",
    outbox.isFragile ? _("The browser's storage is full: do not close this page before everything is saved.") : "",
    held.length > 0 ? _("{count} acts wait until a colleague is done with the candidate:", { count: held.length }) : "",
    refused.length > 0 ? _("{count} decisions were refused by the server:", { count: refused.length }) : "",
  ].filter(Boolean).join(" ");
  list.replaceChildren(
    ...held.map((act) => describeHeld(outbox, act)), ...refused.map((act) => describe(act)));
}

/** Keep the banner true, and warn whoever leaves while acts are on their way. */
export function showBanner(outbox) {
  outbox.addEventListener("change", () => paint(outbox));
  document.getElementById("outbox-retry").addEventListener("click", () => outbox.sendNow());
  document.getElementById("outbox-dismiss").addEventListener("click", () => outbox.dismissRefused());
  addEventListener("beforeunload", (event) => {
    if (outbox.open.length > 0) event.preventDefault();
  });
  outbox.sendNow();
}
