/** What is on the review screen: one candidate with its photo, strip, map and panel. */

import { drawCandidateMap } from "./candidate_map.js";
import { localizeTimes } from "./format.js";
import { SightingStrip } from "./sighting_strip.js";
import { PhotoViewer } from "./viewer.js";

function element(id) {
  return document.getElementById(id);
}

/**
 * The one screen of the page. Emits `enter` when a candidate has been put on it and `leave` before
 * another takes its place; both carry the candidate's data (`#candidate-data`) as `detail`.
 */
class ReviewScreen extends EventTarget {
  shell = element("review");
  panel = element("panel");
  viewer = new PhotoViewer(element("viewer"), element("zoom-label"), element("outline"));
  sightings = new SightingStrip(element("sightings"), element("photo-name"), this.viewer);
  candidate = null;
  #map = null;

  /** The query string under which the person walks through the queue. */
  get filter() {
    return this.shell.dataset.filter;
  }

  /** The state that the queue of this filter holds. */
  get wantedState() {
    return new URLSearchParams(this.filter).get("state") || "pending";
  }

  get isFinished() {
    return this.shell.classList.contains("is-finished");
  }

  /** Put the panel `html` of another candidate on the screen. */
  show(html) {
    this.dispatchEvent(new CustomEvent("leave", { detail: this.candidate }));
    this.shell.classList.remove("is-finished");
    this.#map?.remove(); // while its element is still there
    this.#map = null;
    this.panel.innerHTML = html;
    this.enter();
  }

  /** Bring the panel's data to life: photo, strip, map. */
  enter() {
    this.candidate = JSON.parse(element("candidate-data").textContent);
    this.shell.dataset.candidateId = this.candidate.id;
    const mapElement = element("candidate-map");
    this.#map = mapElement ? drawCandidateMap(mapElement, this.candidate) : null;
    localizeTimes(this.panel);
    this.panel.scrollTop = 0;
    element("note").value = "";
    document.title = `${this.candidate.title} · HazardLens`;
    this.sightings.show(this.candidate.sightings);
    this.dispatchEvent(new CustomEvent("enter", { detail: this.candidate }));
  }

  /** Say that nothing is left under this filter. */
  finish() {
    this.shell.classList.add("is-finished");
    element("finished").focus();
  }
}

export const screen = new ReviewScreen();
