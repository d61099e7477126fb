/** A building before and now: photos of both flights, the roof from above, the heights. */

import { pairPhotos, tieBuilding } from "./building_tie.js";
import { _ } from "./i18n.js";
import { PhotoPair } from "./photo_pair.js";
import { showToast } from "./toast.js";

const MODES = ["side", "swipe", "ortho", "difference"];

/** What the panel tells of the building; null where nothing was compared. */
function readPair() {
  const text = document.getElementById("building-pair")?.textContent;
  return text ? JSON.parse(text) : null;
}

/** A picture from above as `PhotoPair` shows it, with what ties it to the other. */
async function orthoSide(url, metresPerPixel) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  // An eighth of the longer side is "a metre": the first look then holds all of it.
  const perMetre = metresPerPixel ? Math.max(1 / metresPerPixel, Math.max(width, height) / 8) : width / 8;
  return {
    photo: { image_url: url, width_px: width, height_px: height },
    isBare: true,
    shown: { point_px: [width / 2, height / 2], px_per_m: perMetre, turn_deg: 0 },
  };
}

export class BuildingCompare {
  #pair = null;
  #data = null;
  #photos = [];
  #index = 0;
  #mode = "side";
  #letKeysGo = null;

  /** `layer` lies over the photo; `takeKeys` hands the keys over while it is open. */
  constructor(layer, { screen, takeKeys }) {
    this.layer = layer;
    this.takeKeys = takeKeys;
    this.difference = layer.querySelector(".compare-difference");
    layer.addEventListener("click", (event) => {
      const button = event.target.closest("button[value]");
      if (button) this.#do(button.value);
    });
    screen.addEventListener("leave", () => this.close());
    screen.viewer.addEventListener("open", () => this.close());
  }

  get isOpen() {
    return !this.layer.hidden;
  }

  /** Open with the first of what there is, then the next, then close: one key. */
  toggle() {
    if (!this.isOpen) this.#open();
    else {
      const modes = this.#modes;
      const next = modes[modes.indexOf(this.#mode) + 1];
      if (next) this.#show(next);
      else this.close();
    }
  }

  close() {
    if (!this.isOpen) return;
    this.layer.hidden = true;
    this.#pair.close();
    this.#letKeysGo();
  }

  /** What can be shown of this building. */
  get #modes() {
    const { before, after, difference } = this.#data;
    const has = {
      side: this.#photos.length > 0, swipe: this.#photos.length > 0,
      ortho: Boolean(before && after), difference: Boolean(difference),
    };
    return MODES.filter((mode) => has[mode]);
  }

  #open() {
    this.#data = readPair();
    this.#photos = this.#data ? pairPhotos(this.#data.photos) : [];
    const [first] = this.#data ? this.#modes : [];
    if (!first) {
      showToast(_("There are no pictures of this building from two flights."));
      return;
    }
    this.#index = 0;
    this.layer.hidden = false;
    this.#pair ??= new PhotoPair(this.layer.querySelector(".pair"));
    this.#letKeysGo = this.takeKeys((event) => this.#onKey(event));
    const modes = this.#modes;
    for (const button of this.layer.querySelectorAll("[aria-pressed]")) {
      button.hidden = !modes.includes(button.value);
    }
    this.#show(first);
  }

  async #show(mode) {
    this.#mode = mode;
    for (const button of this.layer.querySelectorAll("[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.value === mode));
    }
    const ofPhotos = mode === "side" || mode === "swipe";
    for (const part of this.layer.querySelectorAll("[value=previous], [value=next], .pair-count")) {
      part.hidden = !ofPhotos || this.#photos.length < 2;
    }
    this.layer.querySelector(".pair-count").textContent = `${this.#index + 1}/${this.#photos.length}`;
    this.layer.querySelector(".compare-hint").hidden = mode === "difference";
    this.layer.querySelector(".pair").hidden = mode === "difference";
    this.difference.hidden = mode !== "difference";
    if (mode === "difference") {
      this.difference.src = this.#data.difference;
      return;
    }
    this.#pair.mode = mode === "side" ? "side" : "swipe";
    await (ofPhotos ? this.#showPhotos() : this.#showOrtho());
  }

  #showPhotos() {
    const [before, now] = this.#photos[this.#index];
    this.#label([before.name, now.name].map((name) => name.split("/").at(-1)));
    const [beforeTie, nowTie] = tieBuilding(before, now);
    return this.#pair.open(
      { photo: before.photo, shown: beforeTie, bbox: before.bbox_xyxy },
      { photo: now.photo, shown: nowTie, bbox: now.bbox_xyxy });
  }

  async #showOrtho() {
    this.#label([_("from above"), _("from above")]);
    const { before, after, m_per_px: metresPerPixel } = this.#data;
    const sides = await Promise.all([before, after].map((url) => orthoSide(url, metresPerPixel)));
    if (this.isOpen && this.#mode === "ortho") await this.#pair.open(...sides, { whole: true });
  }

  #label(details) {
    const { base_name: base, new_name: now } = this.#data;
    const texts = [[_("Before"), base], [_("Now"), now]];
    [".pair-label-old", ".pair-label-now"].forEach((selector, index) => {
      this.layer.querySelector(selector).textContent =
        [...texts[index], details[index]].filter(Boolean).join(" · ");
    });
  }

  #step(count) {
    if (this.#photos.length === 0 || this.#mode === "ortho" || this.#mode === "difference") return;
    this.#index = (this.#index + count + this.#photos.length) % this.#photos.length;
    this.#show(this.#mode);
  }

  #do(act) {
    if (act === "close") this.close();
    else if (act === "previous") this.#step(-1);
    else if (act === "next") this.#step(+1);
    else this.#show(act);
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
