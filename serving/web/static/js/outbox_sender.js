/** The way of acts to the server: one after the other, retried as long as it takes. */

import { ApiError, request } from "./api.js";
import { undoPathOf } from "./act_kinds.js";
import { makeId } from "./ids.js";

const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];
const LEASE_MS = 30_000;
const OTHER_TAB_MS = 2000;
/** Refusals that pass by themselves, and when to ask again; acts on other candidates go on. */
const HELD_MS = { claimed_by_other: 20_000, flight_busy: 3000 };

export class OutboxSender {
  #tabId = makeId();
  #isSending = false;
  #attempt = 0;
  #timer = null;

  /** `tell(kind, act)` hears `change`, `saved`, `undone` and `refused`. */
  constructor(journal, tell) {
    this.journal = journal;
    this.tell = tell;
    this.leaseKey = `${journal.prefix.slice(0, -1)}-lease`;
    this.lastError = null;
    addEventListener("pagehide", () => this.#releaseLease());
  }

  get open() {
    return this.journal.list().filter((act) => act.state === "waiting");
  }

  /** The first act that may go: none goes before an earlier one on the same candidate. */
  get #next() {
    const blocked = new Set();
    for (const act of this.open) {
      const isHeld = (act.heldUntil ?? 0) > Date.now();
      if (!isHeld && !act.candidateIds.some((id) => blocked.has(id))) return act;
      act.candidateIds.forEach((id) => blocked.add(id));
    }
    return null;
  }

  /**
   * Try at once what waits. Whoever asks (a new act, a link that is back, a person) also starts the
   * delays anew: it may ask while a try is on its way that is about to fail.
   */
  sendNow() {
    this.#attempt = 0;
    this.#try();
  }

  #try() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.tell("change");
    if (!this.#isSending) this.#sendOpen();
  }

  async #sendOpen() {
    this.#isSending = true;
    try {
      for (let act = this.#next; act; act = this.#next) {
        if (!this.#takeLease()) {
          this.#retryIn(OTHER_TAB_MS);
          return;
        }
        if (!(await this.#handle(act))) return;
        this.tell("change");
      }
      this.#releaseLease();
      if (this.open.length > 0) this.#retryIn(OTHER_TAB_MS); // held ones
    } finally {
      this.#isSending = false;
      this.tell("change");
    }
  }

  /** Send one act; returns false where the rest has to wait. */
  async #handle(act) {
    try {
      await (act.undoes ? this.#takeBack(act) : this.#send(act));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (HELD_MS[error.code]) {
        this.#hold(act, error);
        return true;
      }
      if (error.isPassing || error.status === 401) {
        this.lastError = error;
        this.#retryIn(RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)]);
        this.#attempt += 1;
        return false;
      }
      this.#refuse(act, error);
    }
    this.#attempt = 0;
    this.lastError = null;
    return true;
  }

  async #send(act) {
    const undo = this.open.find((each) => each.undoes === act.id);
    if (undo && !act.tried) {
      // Nobody has seen an act that was never tried: it and its undo cancel out.
      this.journal.edit(act.id, (stored) => { stored.state = "undone"; });
      this.journal.edit(undo.id, (stored) => { stored.state = "saved"; });
      this.tell("undone", undo);
      return;
    }
    this.journal.edit(act.id, (stored) => { stored.tried = true; });
    const answer = await this.#post(act.path, act);
    const saved = this.journal.edit(act.id, (stored) => {
      stored.state = "saved";
      stored.answer = answer;
    });
    this.journal.tidy();
    this.tell("saved", saved ?? { ...act, state: "saved", answer });
  }

  async #takeBack(undo) {
    const undone = this.journal.get(undo.undoes);
    const path = undo.path ?? (undone?.answer && undoPathOf(undone.kind, undone.answer.id));
    // An act that was refused and also taken back leaves nothing to tell.
    const answer = path ? await this.#post(path, { ...undo, body: {} }) : null;
    this.journal.edit(undo.id, (stored) => {
      stored.state = "saved";
      stored.answer = answer;
    });
    this.journal.edit(undo.undoes, (stored) => { stored.state = "undone"; });
    this.journal.tidy();
    this.tell("undone", { ...undo, path, answer });
  }

  #post(path, act) {
    return request("POST", path, { headers: { "Idempotency-Key": act.id }, body: act.body });
  }

  #hold(act, error) {
    this.journal.edit(act.id, (stored) => {
      stored.heldUntil = Date.now() + HELD_MS[error.code];
      stored.reason = error.detail || error.message;
    });
  }

  #refuse(act, error) {
    const undo = this.open.find((each) => each.undoes === act.id);
    if (undo) { // refused and also taken back: nothing to tell
      this.journal.edit(act.id, (stored) => { stored.state = "undone"; });
      return;
    }
    const refused = this.journal.edit(act.id, (stored) => {
      stored.state = "refused";
      stored.reason = error.message;
      stored.remedy = error.remedy;
      stored.code = error.code;
    });
    this.tell("refused", refused);
  }

  #retryIn(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), delayMs);
  }

  /**
   * Only one tab sends at a time; a tab that died loses its turn after LEASE_MS. Two that take it
   * in the same instant do no harm: each act has a key of its own and is done once.
   */
  #takeLease() {
    try {
      const { storage } = this.journal;
      const lease = JSON.parse(storage.getItem(this.leaseKey) || "null");
      if (lease && lease.tabId !== this.#tabId && lease.untilMs > Date.now()) return false;
      const mine = { tabId: this.#tabId, untilMs: Date.now() + LEASE_MS };
      storage.setItem(this.leaseKey, JSON.stringify(mine));
    } catch {
      // No storage, or a full one: better sent twice under one key than not at all.
    }
    return true;
  }

  #releaseLease() {
    const { storage } = this.journal;
    const lease = JSON.parse(storage.getItem(this.leaseKey) || "null");
    if (lease?.tabId === this.#tabId) storage.removeItem(this.leaseKey);
  }
}
