/** The photos that show one candidate: a strip of buttons, one of them in the viewer. */

import { formatScore } from "./format.js";
import { _ } from "./i18n.js";

/** Whether a person said another box or class of it than the model. */
function isCorrected(sighting) {
  return sighting.box_correction !== null || sighting.class_correction !== null;
}

/** What the model said of this very photo, and from which score on it speaks. */
function describeScore({ score, threshold }) {
  if (threshold === null) return formatScore(score);
  return _("{score} (threshold {threshold})", {
    score: formatScore(score), threshold: threshold.toFixed(2),
  });
}

function makeButton(sighting, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sighting";
  button.dataset.index = index;
  const image = document.createElement("img");
  image.src = sighting.photo.thumbnail_url;
  image.alt = "";
  image.loading = "lazy";
  const label = document.createElement("span");
  label.textContent = `${index + 1} · ${formatScore(sighting.score)}${isCorrected(sighting) ? " ✎" : ""}`;
  button.title = `${sighting.photo.name} · ${sighting.class_name}`;
  // Begins with what is to be seen on it, so that it can be called by that.
  const name = _("Sighting {number}: {name}", { number: index + 1, name: sighting.photo.name });
  button.setAttribute("aria-label", `${label.textContent} ${name}`);
  button.append(image, label);
  return button;
}

export class SightingStrip {
  #sightings = [];
  #index = 0;

  /** `nameLabel` says which photo is shown and what the model said of it. */
  constructor(element, nameLabel, viewer) {
    this.element = element;
    this.nameLabel = nameLabel;
    this.viewer = viewer;
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-index]");
      if (button) this.#open(Number(button.dataset.index));
    });
  }

  /** The sighting in the viewer, or null. */
  get current() {
    return this.#sightings[this.#index] ?? null;
  }

  /** Show the sightings of another candidate, the first of them at once. */
  show(sightings) {
    this.#sightings = sightings;
    this.element.replaceChildren(...sightings.map(makeButton));
    this.#open(0);
  }

  /** Go on by `count` sightings, round and round; 0 reads the present one again. */
  step(count) {
    this.#open(this.#index + count);
  }

  #open(index) {
    const count = this.#sightings.length;
    if (count === 0) { // merged into another candidate, which has the photos
      this.nameLabel.textContent = "";
      this.viewer.clear();
      return;
    }
    this.#index = (index + count) % count;
    const sighting = this.#sightings[this.#index];
    this.viewer.open(sighting.photo, sighting.bbox_xyxy, sighting.polygons);
    for (const button of this.element.children) {
      const isCurrent = Number(button.dataset.index) === this.#index;
      button.setAttribute("aria-pressed", String(isCurrent));
      if (isCurrent) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    // What the model said of this very photo may differ from what all of them say together.
    const by = sighting.box_correction ?? sighting.class_correction;
    this.nameLabel.textContent = [
      `${this.#index + 1}/${count}`, sighting.photo.name,
      `${sighting.class_name} ${describeScore(sighting)}`,
      by && _("corrected by {name}", { name: by.made_by }),
    ].filter(Boolean).join(" · ");
    this.nameLabel.title = this.nameLabel.textContent;
  }
}
