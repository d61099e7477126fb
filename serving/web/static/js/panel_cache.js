/** Panels of candidates, read ahead while the person looks at the one before. */

import { errorFromText, linkDown, personHeader } from "./api.js";
import { warmPhoto } from "./viewer.js";

const KEPT = 200;

export class PanelCache {
  #panels = new Map(); // candidate id -> promise of its panel's HTML
  #seen = new Map(); // candidate id -> HTML as it was last, for when the link is down

  /** `filter` is the query string that the panels are read with. */
  constructor(filter) {
    this.filter = filter;
  }

  /** The panel's HTML; read once, until it is forgotten. Throws ApiError. */
  load(candidateId) {
    const known = this.#panels.get(candidateId);
    if (known) return known;
    const loading = this.#read(candidateId);
    loading.catch(() => this.#panels.delete(candidateId));
    this.#panels.set(candidateId, loading);
    return loading;
  }

  /** Read panels, and have the server cut their photos, before they are asked for. */
  prefetch(candidateIds) {
    for (const candidateId of candidateIds) {
      if (this.#panels.has(candidateId)) continue;
      // Shown again, with its reason, when the person goes there.
      this.load(candidateId).then(warmFirst).catch(() => {});
    }
  }

  /** What is decided or changed has another panel from now on. */
  forget(candidateId) {
    this.#panels.delete(candidateId);
  }

  clear() {
    this.#panels.clear();
  }

  async #read(candidateId) {
    const path = `/review/${candidateId}/panel?${this.filter}`;
    const headers = personHeader();
    const response = await fetch(path, { credentials: "same-origin", headers }).catch(() => null);
    if (response === null) {
      const seen = this.#seen.get(candidateId);
      if (seen === undefined) throw linkDown();
      this.#panels.delete(candidateId); // read anew once there is a link
      return seen;
    }
    const text = await response.text();
    if (!response.ok) throw errorFromText(response.status, text);
    this.#keep(candidateId, text);
    return text;
  }

  #keep(candidateId, html) {
    this.#seen.delete(candidateId);
    this.#seen.set(candidateId, html);
    if (this.#seen.size > KEPT) this.#seen.delete(this.#seen.keys().next().value);
  }
}

function warmFirst(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const data = JSON.parse(parsed.getElementById("candidate-data").textContent);
  if (data.sightings.length > 0) warmPhoto(data.sightings[0]);
}
