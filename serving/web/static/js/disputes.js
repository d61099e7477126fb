/** The arbiter's page: decide by key, see the names, undo, go on. The keys are the person's own. */

import { request } from "./api.js";
import { localizeTimes } from "./format.js";
import { makeId } from "./ids.js";
import { actForKey, paintKeyHints } from "./review_keys.js";
import { inOrder } from "./review_steps.js";
import { _ } from "./i18n.js";

const place = document.getElementById("dispute");
const VERDICTS = new Set(["confirm", "reject", "unsure"]);

function shown() {
  return place.querySelector(".dispute-body");
}

/** Show a dispute anew, as the server knows it now. */
async function show(id) {
  const answer = await fetch(`/disputes/${id}/panel`, { credentials: "same-origin" });
  // Gone: somebody took a verdict back meanwhile, and there is nothing to settle any more.
  if (!answer.ok) {
    location.assign("/disputes");
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  place.replaceChildren(...page.body.childNodes);
  paintKeyHints(place);
  localizeTimes();
  mark(id);
  place.focus({ preventScroll: true });
}

function mark(id) {
  for (const link of document.querySelectorAll("[data-dispute]")) {
    link.removeAttribute("aria-current");
    if (link.dataset.dispute !== id) continue;
    link.setAttribute("aria-current", "true");
    link.classList.toggle("is-settled", shown().dataset.settled === "yes");
  }
}

async function decide(verdict) {
  const { id, candidateId, state, settled } = shown().dataset;
  if (settled === "yes") return;
  const note = document.getElementById("dispute-note").value.trim();
  const body = { verdict, expected_state: state, ...(note ? { note } : {}) };
  const headers = { "Idempotency-Key": makeId() };
  await request("POST", `/candidates/${candidateId}/decisions`, { body, headers });
  await show(id);
}

async function undo() {
  const { id, undoId } = shown().dataset;
  if (!undoId) throw new Error(_("There is nothing to undo here."));
  await request("POST", `/decisions/${undoId}/undo`, { headers: { "Idempotency-Key": makeId() } });
  await show(id);
}

/** Go `step` disputes on in the list; after the last one the list is read anew. */
async function go(step) {
  const links = [...document.querySelectorAll("[data-dispute]")];
  const here = links.findIndex((link) => link.dataset.dispute === shown().dataset.id);
  const open = links.filter((link, index) =>
    !link.classList.contains("is-settled") && (step > 0 ? index > here : index < here));
  const next = step > 0 ? open[0] : open.at(-1);
  if (next) {
    await show(next.dataset.dispute);
    next.scrollIntoView({ block: "nearest" });
  } else if (step > 0) {
    location.assign("/disputes");
  }
}

function run(act) {
  if (VERDICTS.has(act)) return inOrder(() => decide(act));
  if (act === "undo") return inOrder(undo);
  if (act === "next") return inOrder(() => go(1));
  if (act === "previous") return inOrder(() => go(-1));
  if (act === "note") document.getElementById("dispute-note")?.focus();
  return null;
}

if (place) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#dispute [data-act]");
    if (button) run(button.dataset.act);
    const link = event.target.closest("[data-dispute]");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      inOrder(() => show(link.dataset.dispute));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "dispute-note") place.focus();
    const act = actForKey(event);
    if (!act) return;
    event.preventDefault();
    run(act);
  });
  paintKeyHints(place);
}
