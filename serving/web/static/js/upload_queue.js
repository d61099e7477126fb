/**
 * Files on their way to the server, a few at a time. A broken link stops nothing for good: each
 * file waits for it and goes on where the server stands. No file ever holds the others.
 */

import { Announcer } from "./announce.js";
import { ApiError } from "./api.js";
import { NAMED_BY_SERVER } from "./file_checks.js";
import { hashFile, FileUnreadableError } from "./file_workers.js";
import { FlightFiles } from "./flight_files.js";
import { ChunkPace, transfer } from "./tus_transfer.js";
import { UploadItems } from "./upload_items.js";

const PARALLEL = 4;
const FOLLOW_MS = 1500;
const OF_THE_FILE = new Set(["file_too_large", "unsupported_file", "empty_file"]);

const sleep = (delayMs) => new Promise((resolve) => { setTimeout(resolve, delayMs); });

/**
 * Emits `change` (detail: the item, or null for many), `settled` when nothing moves any more, and
 * `trouble` (detail: ApiError) where the server refuses to say what it has.
 */
export class UploadQueue extends EventTarget {
  items = new UploadItems();
  counts = null;
  moved = 0; // bytes sent by this page, for the rate
  isStarted = false;
  #flightId = null;
  #running = new Set();
  #isAnnouncing = false;
  #toAnnounce = [];
  #pace = new ChunkPace();
  #following = null;

  constructor(link) {
    super();
    this.link = link;
  }

  /** Whether anything is still to be done that needs nobody. */
  get isBusy() {
    const { reading, waiting, sending, checking } = this.items.count();
    return checking > 0 || (this.isStarted && reading + waiting + sending > 0);
  }

  /** Learn what the server has of the flight; files that were announced and not sent are missing. */
  async open(flightId) {
    this.#bind(flightId);
    await this.look();
    this.#followOn();
  }

  /** Begin sending to the flight. Files that are added later join by themselves. */
  start(flightId) {
    this.#bind(flightId);
    this.isStarted = true;
    this.send();
  }

  /** Announce and send what was looked at and is not left out. */
  send() {
    if (!this.isStarted) return;
    for (const item of this.items.list) {
      if (item.state === "reading" && item.isChecked) this.#admit(item);
    }
    this.#announceAll();
  }

  /** What the person chose for files whose check found something. */
  choose(items, choice) {
    for (const item of items) {
      if (item.state !== "reading" && item.state !== "left_out" && item.state !== "waiting") continue;
      item.choice = choice;
      item.isLeftOut = choice === "leave";
      if (this.isStarted) item.state = "reading";
    }
    this.send();
    this.#tell(null);
  }

  /** Try files again that could not be read, now that the card is back. */
  retry() {
    for (const item of this.items.list) {
      if (item.state === "failed") Object.assign(item, { state: "reading", code: "", message: "", remedy: "", outside: null });
    }
    this.send();
  }

  #bind(flightId) {
    if (this.#flightId === flightId) return;
    this.#flightId = flightId;
    this.announcer = new Announcer(flightId);
    this.files = new FlightFiles(flightId);
  }

  #admit(item) {
    const isNamed = item.codes.some((code) => NAMED_BY_SERVER.has(code));
    if (item.isLeftOut && !(isNamed && item.choice === null)) item.state = "left_out";
    else if (item.outside === "unreadable_file") this.#set(item, "failed", { code: "unreadable_file" });
    else item.state = "waiting";
    if (item.state !== "left_out") this.#toAnnounce.push(item);
    this.#tell(item);
  }

  /** First all names, so that the receipt knows what is to come; then the bytes. */
  async #announceAll() {
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    while (this.#toAnnounce.length > 0) await this.#announceBatch(this.#toAnnounce.splice(0));
    this.#isAnnouncing = false;
    this.#fill();
  }

  async #announceBatch(batch) {
    const hear = (item, answer) => this.#hearFirst(item, answer);
    try {
      await this.link.persist(() => this.announcer.tellAll(batch, hear));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      for (const item of batch) this.#fail(item, error);
    }
    this.#tell(null);
  }

  /** So far only path and size agree; whether the content does is known when it was hashed. */
  #hearFirst(item, answer) {
    const isNamed = item.codes.some((code) => NAMED_BY_SERVER.has(code));
    if (isNamed && answer.state === "rejected") this.items.hear(item, answer);
  }

  #fill() {
    const waiting = this.items.list.filter((item) => item.state === "waiting" && item.file && !this.#running.has(item));
    for (const item of waiting.slice(0, PARALLEL - this.#running.size)) {
      this.#running.add(item);
      this.#carry(item).finally(() => {
        this.#running.delete(item);
        this.#fill();
      });
    }
    if (waiting.length === 0 && this.#running.size === 0) this.#followOn();
  }

  /** Bring one file to the server, however often the link breaks. */
  async #carry(item) {
    this.#set(item, "sending");
    try {
      item.sha256 ??= await hashFile(item.file);
      await this.link.persist(() => this.#sendOnce(item));
    } catch (error) {
      if (error instanceof FileUnreadableError) this.#set(item, "failed", { code: "unreadable_file" });
      else if (error instanceof ApiError) this.#fail(item, error);
      else throw error;
    }
    this.#followOn();
  }

  /** What the server says of the file itself is final; all else may be mended and tried again. */
  #fail(item, { code, message, remedy }) {
    this.#set(item, OF_THE_FILE.has(code) ? "rejected" : "failed", { code, message, remedy });
  }

  async #sendOnce(item) {
    const answer = await this.announcer.tell(item);
    this.items.hear(item, answer);
    this.#tell(item);
    if (answer.state !== "expected" && answer.state !== "transferring") return;
    Object.assign(item, { state: "sending", wasSent: true });
    await transfer(item, {
      flightId: this.#flightId, pace: this.#pace,
      onProgress: (sent) => {
        this.moved += Math.max(0, sent - item.sent);
        item.sent = sent;
        this.#tell(item);
      },
    });
    this.#set(item, "checking");
  }

  /** Hear what changed at the server, once. */
  look() {
    return this.link.persist(() => this.#follow());
  }

  /** Ask for what changed at the server until nothing is being checked any more. */
  #followOn() {
    this.#following ??= this.#followLoop().catch((error) => {
      if (!(error instanceof ApiError)) throw error;
      this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    }).finally(() => {
      this.#following = null;
      if (!this.isBusy) this.dispatchEvent(new CustomEvent("settled"));
    });
  }

  async #followLoop() {
    await this.look();
    while (this.items.count().checking > 0) {
      await sleep(FOLLOW_MS);
      await this.look();
    }
  }

  async #follow() {
    await this.files.follow((answer) => this.#hearNews(answer));
    this.counts = await this.files.count();
    this.#tell(null);
  }

  #hearNews(answer) {
    const item = this.items.find(answer.id);
    const isOurs = item !== null && (this.#running.has(item) || item.state === "waiting" || item.state === "reading");
    if (!isOurs) this.items.adopt(answer); // what we are sending ourselves, we know better
  }

  #set(item, state, facts = {}) {
    Object.assign(item, { state }, facts);
    this.#tell(item);
  }

  #tell(item) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}
