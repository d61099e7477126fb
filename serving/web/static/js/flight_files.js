/** Follow what the server has of a flight's files: all of them once, then only what changed. */

import { request } from "./api.js";

const LIMIT = 200;

export class FlightFiles {
  #asOf = null;

  constructor(flightId) {
    this.path = `/flights/${flightId}/files`;
  }

  /** Call `hear(file)` for every file that changed since the last time (at first: for each). */
  async follow(hear) {
    const since = this.#asOf ? `&since=${encodeURIComponent(this.#asOf)}` : "";
    let cursor = "";
    let asOf = null;
    do {
      const page = await request("GET", `${this.path}?limit=${LIMIT}${since}${cursor}`);
      asOf ??= page.as_of; // of the first page: what changes while we read comes again
      for (const file of page.items) hear(file);
      cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : "";
    } while (cursor);
    this.#asOf = asOf;
  }

  /** Exact counts, and whether the card may be wiped. */
  count() {
    return request("GET", `${this.path}/counts`);
  }
}
