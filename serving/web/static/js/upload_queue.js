/**
 * Files on their way to the server, a few at a time. States of a file:
 * waiting -> sending -> checking -> received | rejected (the server named why) | failed (the link
 * broke, can be sent again). No file ever holds the others.
 */

import { API, ApiError, describeProblem, errorFromText } from "./api.js";
import { _ } from "./i18n.js";

const PARALLEL = 4;
const ATTEMPTS = 4;
const RETRY_MS = [1000, 3000, 8000];
const STALL_MS = 60_000;

const PHOTO_SUFFIXES = /\.(jpe?g|png|tiff?)$/i;

/** The code of why a file need not be sent at all, or null. */
function precheck(file, path) {
  if (!PHOTO_SUFFIXES.test(path)) return "unsupported_format";
  return file.size === 0 ? "empty_file" : null;
}

/** POST one file; `onProgress` hears the bytes that left. Resolves to the answer. */
function sendFile(url, file, path, onProgress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file, path);
    const exchange = new XMLHttpRequest();
    let watchdog = 0;
    const rearm = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => exchange.abort(), STALL_MS);
    };
    exchange.open("POST", url);
    exchange.setRequestHeader("Accept", "application/json");
    exchange.upload.addEventListener("progress", (event) => {
      rearm();
      onProgress(Math.min(event.loaded, file.size));
    });
    exchange.addEventListener("loadend", () => clearTimeout(watchdog));
    exchange.addEventListener("load", () => {
      if (exchange.status >= 200 && exchange.status < 300) {
        resolve(JSON.parse(exchange.responseText || "{}"));
      } else {
        reject(errorFromText(exchange.status, exchange.responseText));
      }
    });
    for (const kind of ["error", "abort"]) {
      exchange.addEventListener(kind, () => reject(new ApiError(0)));
    }
    rearm();
    exchange.send(form);
  });
}

const sleep = (delayMs) => new Promise((resolve) => { setTimeout(resolve, delayMs); });

/** Emits `change` (detail: the item) and `settled` when nothing waits or moves any more. */
export class UploadQueue extends EventTarget {
  items = [];
  #running = 0;
  #url = null;

  /** Take files in; the same path with the same size twice is taken once. */
  add(files) {
    const known = new Set(this.items.map((item) => `${item.path}\n${item.size}`));
    const added = [];
    for (const { file, path } of files) {
      const key = `${path}\n${file.size}`;
      if (known.has(key)) continue;
      known.add(key);
      const item = { file, path, size: file.size, sent: 0, state: "waiting", reason: "", remedy: "" };
      const code = precheck(file, path);
      if (code) {
        const { message, remedy } = describeProblem(code);
        Object.assign(item, { state: "rejected", reason: message, remedy });
      }
      this.items.push(item);
      added.push(item);
    }
    this.#fill();
    if (!this.isBusy) this.dispatchEvent(new CustomEvent("settled"));
    return added;
  }

  /** Begin (or go on) sending to the flight. */
  start(flightId) {
    this.#url = `${API}/flights/${flightId}/photos`;
    this.#fill();
  }

  get isStarted() {
    return this.#url !== null;
  }

  /** Send the failed files (or one of them) again. */
  retry(only = null) {
    for (const item of this.items) {
      if (item.state === "failed" && (only === null || item === only)) this.#set(item, "waiting");
    }
    this.#fill();
  }

  count(...states) {
    return this.items.filter((item) => states.includes(item.state)).length;
  }

  get isBusy() {
    return this.isStarted && this.count("waiting", "sending", "checking") > 0;
  }

  /** Bytes over all files: in all, and gone (a settled file counts whole). */
  get bytes() {
    let total = 0;
    let sent = 0;
    for (const item of this.items) {
      total += item.size;
      sent += item.state === "received" || item.state === "rejected" ? item.size : item.sent;
    }
    return { total, sent };
  }

  #fill() {
    if (!this.isStarted) return;
    while (this.#running < PARALLEL) {
      const next = this.items.find((item) => item.state === "waiting");
      if (!next) break;
      this.#running += 1;
      this.#set(next, "sending");
      this.#transfer(next).finally(() => {
        this.#running -= 1;
        this.#fill();
        if (!this.isBusy) this.dispatchEvent(new CustomEvent("settled"));
      });
    }
  }

  async #transfer(item) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await sendFile(this.#url, item.file, item.path, (sent) => {
          item.sent = sent;
          this.#set(item, sent >= item.size ? "checking" : "sending");
        });
        item.photoId = answer.id ?? answer.photo_id ?? null;
        item.reason = (answer.flags ?? []).map((code) => describeProblem(code).message).join(" ");
        item.remedy = "";
        this.#set(item, "received");
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        item.sent = 0;
        item.reason = error.message;
        item.remedy = error.remedy;
        if (error.code === "duplicate_photo" && attempt > 1) {
          // It arrived the first time; only the answer was lost.
          Object.assign(item, { reason: "", remedy: "" });
          this.#set(item, "received");
          return;
        }
        if (!error.isPassing && error.status !== 401) {
          this.#set(item, "rejected");
          return;
        }
        if (attempt >= ATTEMPTS || error.status === 401) {
          if (error.isPassing) item.remedy = _("Send it again when the connection is back.");
          this.#set(item, "failed");
          return;
        }
        this.#set(item, "sending");
        await sleep(RETRY_MS[attempt - 1]);
      }
    }
  }

  #set(item, state) {
    item.state = state;
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}
