/** Tell the server which files there are, many in one request, and hear what it knows of each. */

import { request } from "./api.js";

const PER_CALL = 500;
const GATHER_MS = 120;
const TIMEOUT_MS = 60_000;

function describe(item) {
  const told = { path: item.path, size: item.size };
  if (item.sha256) told.sha256 = item.sha256;
  if (item.file) told.mtime = new Date(item.file.lastModified).toISOString();
  return told;
}

/** The server's answer for each item, in their order. */
async function announce(flightId, items) {
  const body = { files: items.map(describe) };
  const path = `/flights/${flightId}/files/announce`;
  return (await request("POST", path, { body, timeoutMs: TIMEOUT_MS })).items;
}

export class Announcer {
  #open = [];
  #timer = 0;

  constructor(flightId) {
    this.flightId = flightId;
  }

  /** Announce many at once; `hear(item, answer)` is called for each. */
  async tellAll(items, hear) {
    for (let start = 0; start < items.length; start += PER_CALL) {
      const batch = items.slice(start, start + PER_CALL);
      const answers = await announce(this.flightId, batch);
      batch.forEach((item, index) => hear(item, answers[index]));
    }
  }

  /** Announce one; those of the same moment share a request. */
  tell(item) {
    return new Promise((resolve, reject) => {
      this.#open.push({ item, resolve, reject });
      this.#timer ||= setTimeout(() => this.#flush(), GATHER_MS);
    });
  }

  async #flush() {
    const batch = this.#open.splice(0, PER_CALL);
    this.#timer = this.#open.length > 0 ? setTimeout(() => this.#flush(), GATHER_MS) : 0;
    try {
      const answers = await announce(this.flightId, batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(answers[index]));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
