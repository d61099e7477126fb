/** Lists that are judged one by one: a key for each answer, undo, on to the next that is open. */

import { request } from "./api.js";
import { localizeTimes } from "./format.js";
import { makeId } from "./ids.js";
import { _ } from "./i18n.js";
import { inOrder } from "./review_steps.js";
import { showToast } from "./toast.js";

const place = document.getElementById("judging");
/** What was answered on this page, the last one last: {id, undoUrl}. */
const answered = [];

const ACTS = {
  KeyZ: "undo", Backspace: "undo", KeyJ: "next", ArrowRight: "next",
  KeyK: "previous", ArrowLeft: "previous", KeyH: "hide",
};

function shown() {
  return place.querySelector(".judging-body");
}

function linkOf(id) {
  return document.querySelector(`[data-item="${id}"]`);
}

/** Show an item anew, as the server knows it now. */
async function show(id) {
  const link = linkOf(id);
  const answer = await fetch(link.dataset.panel, { credentials: "same-origin" });
  if (!answer.ok) {
    location.assign(place.dataset.home);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  place.replaceChildren(...page.body.childNodes);
  localizeTimes();
  for (const other of document.querySelectorAll("[data-item]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  link.classList.toggle("is-judged", shown().dataset.open === "no");
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
  place.focus({ preventScroll: true });
}

/** Answer what was on the screen when the key was pressed: a second press never hits the next item. */
async function answer(seen, value) {
  const { id, answerUrl, answerField, open } = shown().dataset;
  if (open === "no" || id !== seen) return;
  const note = document.getElementById("judging-note")?.value.trim();
  const body = { [answerField]: value, ...(note ? { note } : {}) };
  const event = await request("POST", answerUrl, { body, headers: { "Idempotency-Key": makeId() } });
  answered.push({ id, undoUrl: `${place.dataset.undo}/${event.id}/undo` });
  linkOf(id).classList.add("is-judged");
  await go(1);
}

/** Take back what is shown, else what was answered last on this page. */
async function undo() {
  const own = shown().dataset.undoUrl;
  const last = own ? { id: shown().dataset.id, undoUrl: own } : answered.at(-1);
  if (!last) throw new Error(_("There is nothing to undo here."));
  await request("POST", last.undoUrl, { headers: { "Idempotency-Key": makeId() } });
  answered.splice(0, answered.length, ...answered.filter((each) => each.id !== last.id));
  await show(last.id);
}

/** Go to the next that is open; after the last one the list is read anew. */
async function go(step) {
  const links = [...document.querySelectorAll("[data-item]")];
  const here = links.findIndex((link) => link.dataset.item === shown().dataset.id);
  const others = step > 0 ? links.slice(here + 1) : links.slice(0, here).reverse();
  const next = others.find((link) => step < 0 || !link.classList.contains("is-judged"));
  if (next) await show(next.dataset.item);
  else if (step > 0 && answered.length) location.assign(place.dataset.home);
  else showToast(step > 0 ? _("This is the last one of the list.") : _("This is the first one of the list."));
}

function hideBoxes() {
  const hidden = place.classList.toggle("hides-boxes");
  place.querySelector("[data-act=hide]")?.setAttribute("aria-pressed", String(hidden));
}

function run(act) {
  if (act === "hide") return hideBoxes();
  if (act === "undo") return inOrder(undo);
  return inOrder(() => go(act === "next" ? 1 : -1));
}

function answerWith(button) {
  if (!button) return;
  const { id } = shown().dataset;
  inOrder(() => answer(id, button.dataset.answer));
}

if (place) {
  document.addEventListener("click", (event) => {
    answerWith(event.target.closest("#judging [data-answer]"));
    const act = event.target.closest("#judging [data-act]");
    if (act) run(act.dataset.act);
    const link = event.target.closest("[data-item]");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      inOrder(() => show(link.dataset.item));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "judging-note") place.focus();
    if (event.target.closest("input, textarea, select, dialog") || event.altKey || event.metaKey) return;
    if (event.repeat || (event.ctrlKey && event.code !== "KeyZ")) return;
    const act = ACTS[event.code];
    if (!act && !/^[1-9]$/.test(event.key)) return;
    event.preventDefault();
    if (act) run(act);
    else answerWith(shown().querySelector(`[data-key="${event.key}"]`));
  });
}
