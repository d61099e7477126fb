/**
 * Whether the server can be reached, knows us and has room. Work that meets trouble which passes
 * waits here and is done again; one probe at a time asks for all who wait.
 */

import { ApiError, request } from "./api.js";

const PROBE_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const PROBE_TIMEOUT_MS = 8000;
const FULL_WAIT_MS = 30_000;
const PAUSE_MS = 250;
const MAX_PAUSE_MS = 15_000;
// A link may stay down for hours; a server that fails again and again needs a person.
const SERVER_ATTEMPTS = 8;
// The upload expired, or the file is there by now: announcing it again tells.
const MENDED_BY_ASKING = new Set(["upload_not_found", "file_already_here"]);

const sleep = (delayMs) => new Promise((resolve) => { setTimeout(resolve, delayMs); });

/** States: up | offline | not_signed_in | full (the server's disk). Emits `change`. */
export class UploadLink extends EventTarget {
  state = "up";
  #waiting = null;

  /** Do `work`, again and again while only time stands in the way; throws what no waiting mends. */
  async persist(work) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        await this.#outlast(error, attempt);
      }
    }
  }

  async #outlast(error, attempt) {
    if (error.code === "disk_full") {
      this.#set("full");
      await sleep(FULL_WAIT_MS);
      this.#set("up");
    } else if (error.isPassing || error.status === 401) {
      if (error.status >= 500 && attempt >= SERVER_ATTEMPTS) throw error;
      await this.#recover(error);
      await sleep(Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** (attempt - 1)));
    } else if (!MENDED_BY_ASKING.has(error.code) || attempt >= SERVER_ATTEMPTS) {
      throw error;
    }
  }

  /** Resolves when a request may be tried again; the first caller starts the probing. */
  #recover(error) {
    this.#set(error.status === 401 ? "not_signed_in" : "offline");
    this.#waiting ??= this.#probe().finally(() => { this.#waiting = null; });
    return this.#waiting;
  }

  async #probe() {
    for (let attempt = 0; ; attempt += 1) {
      await this.#pause(PROBE_MS[Math.min(attempt, PROBE_MS.length - 1)]);
      try {
        await request("GET", "/me", { timeoutMs: PROBE_TIMEOUT_MS });
        this.#set("up");
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#set(error.status === 401 ? "not_signed_in" : "offline");
      }
    }
  }

  /** Wait, but no longer than until the browser is online, or somebody comes back or signs in. */
  #pause(delayMs) {
    const stop = new AbortController();
    return new Promise((resolve) => {
      // Asking by the clock whether somebody signed in would open the dialog again and again.
      if (this.state !== "not_signed_in") setTimeout(resolve, delayMs);
      for (const [target, event] of [[globalThis, "online"], [globalThis, "focus"], [document, "signed-in"]]) {
        target.addEventListener(event, resolve, { signal: stop.signal });
      }
    }).finally(() => stop.abort());
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("change"));
  }
}
