/** The preview of what would be rejected together: crops, how alike they are, what stays out. */

import { request } from "./api.js";
import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { chordOf } from "./key_names.js";
import { currentKeys } from "./review_keys.js";

const SHOWN = 100;
const START = 0.9;
const ASK_AGAIN_MS = 1500;
const MAX_ASKED = 40;
const REASONS = {
  urgent_tier: _("{count} urgent ones are left out: they are decided one by one."),
  claimed_by_other: _("{count} are left out: a colleague is looking at them."),
};

const dialog = document.getElementById("similar-dialog");
const grid = document.getElementById("similar-grid");
const status = document.getElementById("similar-status");
const slider = document.getElementById("similar-min");
const sliderValue = document.getElementById("similar-min-value");
const confirm = dialog.querySelector("button[value=confirm]");
const confirmText = document.getElementById("similar-confirm");
const classNames = JSON.parse(document.getElementById("class-names")?.textContent || "{}");

/** A crop that is rejected while it is marked. */
function makeTile(item, text, isMarked) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "similar-option";
  button.setAttribute("aria-pressed", String(isMarked));
  const image = document.createElement("img");
  image.src = item.crop_url;
  image.alt = "";
  const label = document.createElement("span");
  label.textContent = text;
  button.append(image, label);
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    count();
  });
  return { button, item };
}

/** What a model called something else is shown, but only rejected if the person marks it. */
function tileOf(item, anchor) {
  const name = classNames[item.hazard_class] ?? item.hazard_class;
  const text = `${Math.round(item.similarity * 100)} % · ${name} #${item.id}`;
  return makeTile(item, text, item.hazard_class === anchor.hazard_class);
}

let tiles = [];

function chosenItems() {
  return tiles.filter(({ button }) => button.getAttribute("aria-pressed") === "true")
    .map(({ item }) => item);
}

function count() {
  const chosen = chosenItems().length;
  confirmText.textContent = _("Reject {count}", { count: chosen });
  confirm.disabled = chosen === 0;
}

function describe(answer) {
  if (!answer.ready) return _("What it looks like is being computed…");
  const shown = answer.items.length;
  return [
    answer.total > shown
      ? _("{total} look like it; shown are the {shown} most alike.", { total: answer.total, shown })
      : _("{shown} others look like it.", { shown }),
    ...Object.entries(answer.left_out).map(([code, left]) => (REASONS[code] ?? code).replace("{count}", left)),
    answer.incomplete ? _("Some candidates cannot be compared yet; it is being computed.") : "",
  ].filter(Boolean).join(" ");
}

function fill(candidate, answer) {
  const free = answer.items.filter(({ id }) => outbox.stateOf(String(id), "pending") === "pending");
  const own = { ...candidate, crop_url: `/api/v1/candidates/${candidate.id}/crop.jpg` };
  tiles = [
    makeTile(own, _("This one · #{id}", { id: candidate.id }), true),
    ...free.map((item) => tileOf(item, candidate)),
  ];
  grid.replaceChildren(...tiles.map(({ button }) => button));
  status.textContent = describe(answer);
  count();
}

/** Reads what looks like `candidate` again and again, as the slider and the server want it. */
class Search {
  #asked = 0;
  #timer = null;
  #number = 0;

  constructor(candidate, filter) {
    this.candidate = candidate;
    this.filter = filter;
  }

  async read() {
    clearTimeout(this.#timer);
    const number = this.#number += 1;
    sliderValue.textContent = `${Math.round(slider.value * 100)} %`;
    const query = new URLSearchParams(this.filter);
    query.set("min_similarity", slider.value);
    query.set("limit", SHOWN);
    let answer;
    try {
      answer = await request("GET", `/candidates/${this.candidate.id}/similar?${query}`);
    } catch (error) {
      status.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
      return;
    }
    if (number !== this.#number || !dialog.open) return; // asked again meanwhile
    fill(this.candidate, answer);
    if (number === 1) confirm.focus(); // so that Enter does what is asked; it was not to be had before
    if (!answer.ready) this.#askAgain();
  }

  #askAgain() {
    this.#asked += 1;
    if (this.#asked < MAX_ASKED) this.#timer = setTimeout(() => this.read(), ASK_AGAIN_MS);
    else status.textContent = _("What it looks like could not be computed; decide one by one.");
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** Ask; resolves to {items, minSimilarity}, or null for no. The key that asked says yes, too. */
export function askSimilar(candidate, filter) {
  const search = new Search(candidate, filter);
  const read = () => search.read();
  const onKey = (event) => {
    if (currentKeys().actOf(chordOf(event) ?? "") !== "rejectSimilar" || event.repeat) return;
    event.preventDefault();
    event.stopPropagation();
    if (!confirm.disabled) dialog.close("confirm");
  };
  slider.value = START;
  grid.replaceChildren();
  status.textContent = _("Looking for what is alike…");
  tiles = [];
  count();
  dialog.returnValue = "cancel";
  dialog.showModal();
  search.read();
  slider.addEventListener("input", read);
  dialog.addEventListener("keydown", onKey);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      search.stop();
      slider.removeEventListener("input", read);
      dialog.removeEventListener("keydown", onKey);
      const isYes = dialog.returnValue === "confirm";
      resolve(isYes ? { items: chosenItems(), minSimilarity: Number(slider.value) } : null);
    }, { once: true });
  });
}
