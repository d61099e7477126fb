/** Label boxes of a camera by key; after each label the figures are shown as they are then. */

import { request } from "./api.js";
import { localizeTimes } from "./format.js";
import { makeId } from "./ids.js";
import { actForKey, paintKeyHints } from "./review_keys.js";
import { inOrder } from "./review_steps.js";
import { _ } from "./i18n.js";
import { showToast } from "./toast.js";

const place = document.getElementById("calibration");
const ANSWERS = { confirm: "yes", reject: "no", unsure: "unsure" };
const LIVE_MS = 2000;
/** Labels of this visit, the latest last: {labelId, box, tab}. */
const given = [];

function shown() {
  return place.querySelector(".calibration-body");
}

/** The class of a model that an element of the page is about. */
function tabOf(element) {
  return { hazard_class: element.dataset.tab ?? element.dataset.class, model: element.dataset.model };
}

async function show(wanted = {}) {
  const { id } = shown().dataset;
  const query = new URLSearchParams({ calibration: id });
  for (const [name, value] of Object.entries(wanted)) if (value) query.set(name, value);
  const address = `/flights/${place.dataset.flightId}/calibration/panel?${query}`;
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) {
    location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  place.replaceChildren(...page.body.childNodes);
  prepare();
  place.focus({ preventScroll: true });
}

function prepare() {
  paintKeyHints(place);
  localizeTimes();
  const { nextCrop } = shown().dataset;
  if (nextCrop) new Image().src = nextCrop; // so that it is there when it is its turn
  if ("live" in shown().dataset) setTimeout(() => inOrder(() => show()), LIVE_MS);
}

function post(path, body = undefined) {
  const headers = { "Idempotency-Key": makeId() };
  return request("POST", `/calibrations/${shown().dataset.id}${path}`, { body, headers });
}

async function label(answer, hazardClass = null) {
  const { box } = shown().dataset;
  const tab = tabOf(shown());
  if (!box) return;
  const body = { answer, ...(hazardClass ? { hazard_class: hazardClass } : {}) };
  const { id } = await post(`/boxes/${box}/labels`, body);
  given.push({ labelId: id, box, tab });
  await show(tab);
}

async function undo() {
  const last = given.pop();
  const { label: labelId, box } = shown().dataset;
  const target = last ?? (labelId ? { labelId, box, tab: tabOf(shown()) } : null);
  if (!target) throw new Error(_("There is nothing to undo here."));
  await post(`/labels/${target.labelId}/undo`);
  await show({ ...target.tab, box: target.box });
}

async function go(name) {
  const box = shown().dataset[name];
  if (box) await show({ ...tabOf(shown()), box });
}

async function change(form, act) {
  const { class: hazardClass, model, threshold } = form.dataset;
  const body = { model, thresholds: { [hazardClass]: Number(threshold) } };
  if (form.elements.only_site?.checked) body.only_site = true;
  if ("raise" in form.dataset) body.confirm_raise = [hazardClass];
  await post(`/${act}`, body);
  showToast(act === "application" ? _("The threshold holds from now on.") : _("The threshold is proposed."));
  await show(tabOf(form));
}

async function withdraw() {
  await post("/withdrawal");
  showToast(_("Taken back; what held before holds again."));
  await show(tabOf(shown()));
}

function act(name) {
  const mayLabel = place.querySelector(".label-verdicts") !== null;
  if (name in ANSWERS) return mayLabel ? inOrder(() => label(ANSWERS[name])) : null;
  if (name === "undo") return inOrder(undo);
  if (name === "next" || name === "previous") return inOrder(() => go(name));
  return null;
}

function pressDigit(event) {
  if (event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return false;
  const button = place.querySelector(`[data-digit="${event.code.replace(/^(Digit|Numpad)/, "")}"]`);
  button?.click();
  return button !== null;
}

if (place) {
  place.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act(button.dataset.act);
    const other = event.target.closest("[data-other]");
    if (other) inOrder(() => label("no", other.dataset.other));
    if (event.target.closest("[data-withdraw]")) inOrder(withdraw);
    const tab = event.target.closest("[data-tab]");
    if (tab && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      inOrder(() => show(tabOf(tab)));
    }
  });
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = event.submitter?.value ?? "application";
    inOrder(() => change(event.target, kind));
  });
  document.addEventListener("keydown", (event) => {
    if (pressDigit(event)) {
      event.preventDefault();
      return;
    }
    const name = actForKey(event);
    if (!name || act(name) === null) return;
    event.preventDefault();
  });
  prepare();
}
