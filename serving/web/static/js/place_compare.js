/** The place of a candidate on other dates: cards beside the photo, and a swipe over it. */

import { ApiError, request } from "./api.js";
import { _ } from "./i18n.js";
import { PhotoPair } from "./photo_pair.js";
import { showToast } from "./toast.js";

const PATIENCE_MS = 300; // who walks fast does not need the past of every candidate
const stateNames = JSON.parse(document.getElementById("state-names")?.textContent || "{}");
const classNames = JSON.parse(document.getElementById("class-names")?.textContent || "{}");

function describeView(view) {
  if (view.candidate_id === null) return _("nothing was found");
  return [classNames[view.hazard_class] ?? view.hazard_class, stateNames[view.state]].filter(Boolean).join(" · ");
}

/** The part of a photo round a point: the tile that holds it, pushed so that it is in the middle. */
function makeCutout(view) {
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  if (view.candidate_id !== null) {
    image.src = `/api/v1/candidates/${view.candidate_id}/crop.jpg`;
    return image;
  }
  const { photo, shown } = view;
  const stepsDown = Math.max(0, Math.round(Math.log2((8 * shown.px_per_m) / 160)));
  const tile = photo.tile_px * 2 ** stepsDown;
  const [column, row] = shown.point_px.map((value) => Math.floor(value / tile));
  const inside = shown.point_px.map((value, axis) => (value - [column, row][axis] * tile) / tile);
  image.className = "cutout";
  image.style.objectPosition = inside.map((share) => `${Math.round(share * 100)}%`).join(" ");
  image.src = photo.tiles_url.replace("{level}", photo.max_level - stepsDown)
    .replace("{x}", column).replace("{y}", row);
  return image;
}

function makeCard(view, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "place-card";
  button.dataset.view = index;
  const day = document.createElement("strong");
  day.textContent = view.taken_on;
  const text = document.createElement("span");
  text.textContent = describeView(view);
  if (view.state) text.className = `state-${view.state}`;
  button.title = view.flight_name;
  button.append(makeCutout(view), day, text);
  return button;
}

/** Everything about other dates on the review screen. */
export class PlaceCompare {
  #pair = null;
  #place = null; // as the server has it, of the present candidate
  #loading = null;
  #candidate = null;
  #index = 0;
  #letKeysGo = null;
  #sighting = null;

  /** `layer` lies over the photo; `takeKeys` hands the keys over while it is open. */
  constructor(layer, { screen, takeKeys }) {
    this.layer = layer;
    this.screen = screen;
    this.takeKeys = takeKeys;
    layer.addEventListener("click", (event) => {
      const button = event.target.closest("button[value]");
      if (button) this.#do(button.value);
    });
    screen.addEventListener("leave", () => this.close());
    screen.viewer.addEventListener("open", () => this.close());
    screen.addEventListener("enter", ({ detail }) => this.#enter(detail));
    screen.panel.addEventListener("click", (event) => {
      const card = event.target.closest("button[data-view]");
      if (card) this.#open(Number(card.dataset.view));
    });
  }

  get isOpen() {
    return !this.layer.hidden;
  }

  /** Open on the latest earlier date, then side by side, then close: one key. */
  async toggle() {
    if (!this.isOpen) await this.#open(null);
    else if (this.#pair.mode === "swipe") this.#setMode("side");
    else this.close();
  }

  close() {
    if (!this.isOpen) return;
    this.layer.hidden = true;
    this.#pair.close();
    this.#letKeysGo();
  }

  #enter(candidate) {
    this.#candidate = candidate;
    this.#place = null;
    this.#loading = null;
    setTimeout(() => {
      if (this.#candidate === candidate) this.#load().then(() => this.#paintCards(candidate)).catch(() => {});
    }, PATIENCE_MS);
  }

  #load() {
    const { id } = this.#candidate;
    this.#loading ??= request("GET", `/candidates/${id}/place`).then((place) => {
      if (this.#candidate.id === id) this.#place = place;
    });
    return this.#loading;
  }

  #paintCards(candidate) {
    const section = this.screen.panel.querySelector("#place-history");
    if (!section || this.#candidate !== candidate) return;
    const { views } = this.#place;
    section.hidden = views.length === 0;
    section.querySelector(".place-cards").replaceChildren(...views.map(makeCard));
  }

  async #open(index) {
    if (!this.#candidate || this.screen.isFinished) return;
    try {
      await this.#load();
    } catch (error) {
      this.#loading = null;
      if (!(error instanceof ApiError)) throw error;
      showToast(error.message, { tone: "danger" });
      return;
    }
    if (!this.#place || this.#place.views.length === 0) {
      showToast(_("No other flight shows this place."));
      return;
    }
    const earlier = this.#place.views.findIndex((view) => view.is_earlier);
    this.#index = index ?? Math.max(0, earlier);
    this.#sighting = this.screen.sightings.current;
    if (!this.isOpen) {
      this.layer.hidden = false;
      this.#pair ??= new PhotoPair(this.layer.querySelector(".pair"));
      this.#letKeysGo = this.takeKeys((event) => this.#onKey(event));
      this.#setMode("swipe");
    }
    await this.#show();
  }

  #show() {
    const view = this.#place.views[this.#index];
    const sighting = this.#sighting;
    const tie = this.#place.sightings.find((each) => each.detection_id === sighting.detection_id);
    const count = this.#place.views.length;
    this.layer.querySelector(".pair-label-old").textContent = [
      view.taken_on, view.flight_name, describeView(view), view.is_exact || view.error_m === null
        ? "" : _("place known to ±{metres} m", { metres: view.error_m.toFixed(1) }),
    ].filter(Boolean).join(" · ");
    this.layer.querySelector(".pair-label-now").textContent = [_("this one"), this.#place.taken_on].join(" · ");
    this.layer.querySelector(".pair-count").textContent = `${this.#index + 1}/${count}`;
    for (const button of this.layer.querySelectorAll("[value=newer], [value=older]")) button.hidden = count < 2;
    return this.#pair.open(
      { photo: view.photo, shown: view.shown, bbox: view.bbox_xyxy, errorM: view.error_m },
      { photo: sighting.photo, shown: tie?.shown ?? null, bbox: sighting.bbox_xyxy });
  }

  #setMode(mode) {
    this.#pair.mode = mode;
    for (const button of this.layer.querySelectorAll("[value=swipe], [value=side]")) {
      button.setAttribute("aria-pressed", String(button.value === mode));
    }
  }

  #step(count) {
    const total = this.#place.views.length;
    this.#index = (this.#index + count + total) % total;
    return this.#show();
  }

  #do(act) {
    if (act === "close") this.close();
    else if (act === "newer") this.#step(-1);
    else if (act === "older") this.#step(+1);
    else this.#setMode(act);
  }

  #onKey(event) {
    if (event.code === "Escape") this.close();
    else if (event.code === "BracketLeft") this.#step(-1);
    else if (event.code === "BracketRight") this.#step(+1);
    else if (!this.#pair.useKey(event)) return false; // decisions go through
    event.preventDefault();
    return true;
  }
}
