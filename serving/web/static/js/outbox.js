/**
 * Decisions on their way to the server. Each act is written down in the browser before it is
 * sent, sent in order, retried while the link or the server is down, and never dropped: what the
 * server refuses stays listed until the person has seen it.
 */

import { ApiError, request } from "./api.js";

const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];
const LEASE_MS = 30_000;
const MAX_REMEMBERED_ACTS = 1000;

/** An identifier that needs no secure context (crypto.randomUUID does). */
function makeId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0")).join("");
}

/** What is kept in the browser, for one user. Another user's acts are never sent as ours. */
class Journal {
  constructor(userId, storage) {
    this.key = `hazardlens-outbox:${userId}`;
    this.storage = storage;
  }

  read() {
    try {
      const value = JSON.parse(this.storage.getItem(this.key));
      return { acts: value?.acts ?? [], refused: value?.refused ?? [] };
    } catch {
      return { acts: [], refused: [] };
    }
  }

  write(value) {
    const settled = value.acts.filter((act) => act.state === "saved" || act.state === "undone");
    const surplus = new Set(settled.slice(0, Math.max(0, settled.length - MAX_REMEMBERED_ACTS)));
    value.acts = value.acts.filter((act) => !surplus.has(act));
    this.storage.setItem(this.key, JSON.stringify(value));
  }

  change(edit) {
    const value = this.read();
    const result = edit(value);
    this.write(value);
    return result;
  }
}

const STATE_AFTER = {
  confirm: "confirmed", reject: "rejected", unsure: "unsure", duplicate: "duplicate",
};

/**
 * Emits `change` after every step. An act is
 * {id, candidateId, verdict, seenState, note, duplicateOf, state, decisionId}; its state goes
 * waiting -> saved, and back by undo: saved -> undoing -> undone (a waiting act is just undone).
 */
export class Outbox extends EventTarget {
  #tabId = makeId();
  #sendingId = null;
  #attempt = 0;
  #timer = null;

  constructor(userId, storage = localStorage) {
    super();
    this.journal = new Journal(userId, storage);
    this.storage = storage;
    this.leaseKey = `${this.journal.key}:lease`;
    this.lastError = null;
    addEventListener("online", () => this.sendNow());
    addEventListener("focus", () => this.sendNow());
    addEventListener("storage", (event) => {
      if (event.key === this.journal.key) this.#announce();
    });
    addEventListener("pagehide", () => this.#releaseLease());
  }

  /** Acts that the server has not confirmed yet, oldest first. */
  get open() {
    return this.journal.read().acts.filter((act) => act.state === "waiting" || act.state === "undoing");
  }

  /** Acts that the server refused, with `reason` and `remedy`. */
  get refused() {
    return this.journal.read().refused;
  }

  /** The last act that can be undone, or null. */
  get last() {
    const acts = this.journal.read().acts;
    return acts.findLast((act) => act.state === "waiting" || act.state === "saved") ?? null;
  }

  /** The state that a candidate will have once everything open has arrived. */
  stateOf(candidateId, stateAtServer) {
    const pending = this.open.filter((act) => act.candidateId === candidateId).at(-1);
    if (!pending) return stateAtServer;
    return pending.state === "waiting" ? STATE_AFTER[pending.verdict] : pending.seenState;
  }

  /**
   * Write a decision down and send it. `seenState` is what the person saw: the server refuses to
   * overrule a colleague who decided in between. Returns the act.
   */
  decide({ candidateId, verdict, seenState, note = "", duplicateOf = null }) {
    const act = {
      id: makeId(), candidateId, verdict, seenState, note, duplicateOf, state: "waiting", decisionId: null,
      madeAt: new Date().toISOString(),
    };
    this.journal.change((value) => value.acts.push(act));
    this.sendNow();
    return act;
  }

  /** Take back the last act (or `actId`). Returns the act, or null where there is none. */
  undo(actId = null) {
    const target = actId ?? this.last?.id;
    const act = this.journal.change((value) => {
      const found = value.acts.find((each) => each.id === target);
      if (!found || (found.state !== "waiting" && found.state !== "saved")) return null;
      // Nobody else has seen an act that was never tried: it can simply be struck out.
      const unseen = found.state === "waiting" && !found.tried;
      found.state = unseen ? "undone" : "undoing";
      return found;
    });
    this.sendNow();
    return act;
  }

  /** Take back a decision that this browser did not make itself (from the history of a case). */
  undoDecision({ decisionId, candidateId, verdict }) {
    const known = this.journal.read().acts.find((act) => act.decisionId === decisionId);
    if (known) return this.undo(known.id);
    const act = {
      id: makeId(), candidateId, verdict, seenState: "pending", note: "", duplicateOf: null,
      state: "undoing", decisionId,
      madeAt: new Date().toISOString(),
    };
    this.journal.change((value) => value.acts.push(act));
    this.sendNow();
    return act;
  }

  /** Forget the refused acts: the person has read the reasons. */
  dismissRefused() {
    this.journal.change((value) => { value.refused = []; });
    this.#announce();
  }

  /** Try at once what waits. */
  sendNow() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#announce();
    if (this.#sendingId === null) this.#sendOpen();
  }

  async #sendOpen() {
    for (let act = this.open[0]; act; act = this.open[0]) {
      if (!this.#takeLease()) {
        this.#retryIn(2000);
        return;
      }
      this.#sendingId = act.id;
      try {
        await this.#send(act);
        this.#attempt = 0;
        this.lastError = null;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.isPassing || error.status === 401) {
          this.lastError = error;
          this.#retryIn(RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)]);
          this.#attempt += 1;
          return;
        }
        this.#refuse(act, error);
      } finally {
        this.#sendingId = null;
        this.#announce();
      }
    }
    this.#releaseLease();
  }

  async #send(act) {
    if (!act.decisionId) {
      this.#edit(act.id, (stored) => { stored.tried = true; });
      const answer = await request("POST", `/candidates/${act.candidateId}/decisions`, {
        headers: { "Idempotency-Key": act.id },
        body: {
          verdict: act.verdict,
          expected_state: act.seenState,
          ...(act.note ? { note: act.note } : {}),
          ...(act.duplicateOf ? { duplicate_of: act.duplicateOf } : {}),
        },
      });
      act.decisionId = answer.id;
      // The person may have asked for undo while the decision was on its way.
      const stored = this.#edit(act.id, (each) => {
        each.decisionId = answer.id;
        if (each.state === "waiting") each.state = "saved";
      });
      if (stored?.state === "saved") this.#emit("saved", act);
      return;
    }
    await request("POST", `/decisions/${act.decisionId}/undo`, {
      headers: { "Idempotency-Key": `${act.id}-undo` },
      body: {},
    });
    this.#edit(act.id, (stored) => { stored.state = "undone"; });
    this.#emit("undone", act);
  }

  #refuse(act, error) {
    const wasTakenBack = this.journal.change((value) => {
      const stored = value.acts.find((each) => each.id === act.id);
      value.acts = value.acts.filter((each) => each.id !== act.id);
      // A decision that was refused and also taken back leaves nothing to tell.
      if (stored?.state === "undoing" && !stored.decisionId) return true;
      value.refused.push({ ...act, reason: error.message, remedy: error.remedy, code: error.code });
      return false;
    });
    if (!wasTakenBack) this.#emit("refused", act);
  }

  #edit(actId, change) {
    return this.journal.change((value) => {
      const stored = value.acts.find((each) => each.id === actId);
      if (stored) change(stored);
      return stored;
    });
  }

  #retryIn(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.sendNow(), delayMs);
  }

  /** Only one tab sends at a time; a tab that died loses its turn after LEASE_MS. */
  #takeLease() {
    const lease = JSON.parse(this.storage.getItem(this.leaseKey) || "null");
    if (lease && lease.tabId !== this.#tabId && lease.untilMs > Date.now()) return false;
    this.storage.setItem(
      this.leaseKey, JSON.stringify({ tabId: this.#tabId, untilMs: Date.now() + LEASE_MS }));
    return true;
  }

  #releaseLease() {
    const lease = JSON.parse(this.storage.getItem(this.leaseKey) || "null");
    if (lease?.tabId === this.#tabId) this.storage.removeItem(this.leaseKey);
  }

  #announce() {
    this.#emit("change", null);
  }

  #emit(kind, act) {
    this.dispatchEvent(new CustomEvent(kind, { detail: act }));
  }
}
