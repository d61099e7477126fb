/**
 * Acts on their way to the server. Each is written down in the browser before it is sent, sent in
 * order, retried while the link or the server is down, and never dropped: what the server refuses
 * stays listed until the person has seen it.
 */

import { ACT_KINDS, undoPathOf } from "./act_kinds.js";
import { makeId } from "./ids.js";
import { Journal } from "./journal.js";
import { OutboxSender } from "./outbox_sender.js";

const STATE_AFTER = {
  confirm: "confirmed", reject: "rejected", unsure: "unsure", duplicate: "duplicate",
};

/** The browser's storage; reading it throws where the person forbade it. */
function browserStorage() {
  try {
    return globalThis.localStorage;
  } catch {
    return { getItem: () => null, setItem: () => { throw new Error("no storage"); }, removeItem: () => {} };
  }
}

/**
 * Emits `change` after every step, and `saved`, `undone`, `refused` with the act as `detail`. An
 * act is {id, kind, path, body, candidateIds, label, seenState, stateAfter, madeAt, state, answer};
 * its state goes waiting -> saved | refused, and undone when it was taken back. An undo is an act
 * of its own that names the other in `undoes`.
 */
export class Outbox extends EventTarget {
  constructor(userId, storage = browserStorage()) {
    super();
    this.journal = new Journal(userId, storage);
    this.sender = new OutboxSender(this.journal, (kind, act = null) => this.#emit(kind, act));
    addEventListener("online", () => this.sendNow());
    addEventListener("focus", () => this.sendNow());
    addEventListener("storage", (event) => {
      if (event.key === null || event.key.startsWith(this.journal.prefix)) this.#emit("change", null);
    });
  }

  /** Acts that the server has not confirmed yet, oldest first. */
  get open() {
    return this.sender.open;
  }

  /** Acts that the server refused, with `reason` and `remedy`. */
  get refused() {
    return this.journal.list().filter((act) => act.state === "refused");
  }

  /** Acts that wait for a colleague to be done with the candidate, with `reason`. */
  get held() {
    return this.open.filter((act) => act.heldUntil);
  }

  /** Why acts wait, as an ApiError; null where nothing stopped them. */
  get lastError() {
    return this.sender.lastError;
  }

  /** Whether acts would be lost if the page were closed: they could not be written down. */
  get isFragile() {
    return this.journal.isFragile;
  }

  /** The last of the acts on their way that was not taken back, or null. */
  get lastOpen() {
    const open = this.open;
    const undone = new Set(open.map((act) => act.undoes));
    return open.findLast((act) => !act.undoes && !undone.has(act.id)) ?? null;
  }

  /** The state that a candidate will have once everything open has arrived. */
  stateOf(candidateId, stateAtServer) {
    const later = this.open.filter((act) => act.stateAfter && act.candidateIds.includes(candidateId));
    return later.at(-1)?.stateAfter ?? stateAtServer;
  }

  /** Write an act down and send it; see the class. Returns the act. */
  add({ kind, path, body = {}, candidateIds, label = "", ...more }) {
    const act = this.journal.add({
      id: makeId(), kind, path, body, candidateIds, label, ...more,
      state: "waiting", madeAt: new Date().toISOString(),
    });
    this.sendNow();
    return act;
  }

  /**
   * Decide. `seenState` is what the person saw: the server refuses to overrule a colleague who
   * decided in between.
   */
  decide({ candidateId, verdict, seenState, note = "", duplicateOf = null }) {
    const body = { verdict, expected_state: seenState };
    if (note) body.note = note;
    if (duplicateOf) body.duplicate_of = duplicateOf;
    return this.add({
      kind: "decision", path: `/candidates/${candidateId}/decisions`, body,
      candidateIds: [candidateId], verdict, seenState, stateAfter: STATE_AFTER[verdict],
    });
  }

  /** Take an act of this browser back, sent or not; returns the undo, null where it is gone. */
  undo(actId) {
    const act = this.journal.get(actId);
    const isUndone = !act || act.state === "undone" || this.open.some((each) => each.undoes === actId);
    if (isUndone || act.state === "refused" || !ACT_KINDS[act.kind]?.undoPath) return null;
    const { kind, candidateIds, label, verdict, seenState } = act;
    return this.add({
      kind, path: null, candidateIds, label, verdict, undoes: actId, stateAfter: seenState,
    });
  }

  /** Take back an act that the server knows by `path`: `{kind, path, candidateIds, label}`. */
  undoAtServer({ kind, path, candidateIds, label = "", verdict = null, stateAfter = null }) {
    const known = this.open.find((each) => each.undoes && each.path === path);
    return known ?? this.add({
      kind, path, candidateIds, label, verdict, undoes: "at-server", stateAfter,
    });
  }

  /** Where a saved act is taken back; null where it cannot be. */
  undoPathOf(act) {
    return act.answer ? undoPathOf(act.kind, act.answer.id) : null;
  }

  /** What has become of an act once it is settled, or after `patienceMs`: the act. */
  settled(actId, patienceMs = 2500) {
    return new Promise((resolve) => {
      const stop = () => {
        clearTimeout(timer);
        this.removeEventListener("change", check);
        resolve(this.journal.get(actId));
      };
      const check = () => {
        if (this.journal.get(actId)?.state !== "waiting") stop();
      };
      const timer = setTimeout(stop, patienceMs);
      this.addEventListener("change", check);
      check();
    });
  }

  /** Give up an act that waits for a colleague. */
  drop(actId) {
    this.journal.remove(actId);
    this.#emit("change", null);
  }

  /** Forget the refused acts: the person has read the reasons. */
  dismissRefused() {
    for (const { id } of this.refused) this.journal.remove(id);
    this.#emit("change", null);
  }

  /** Try at once what waits. */
  sendNow() {
    this.sender.sendNow();
  }

  #emit(kind, act) {
    this.dispatchEvent(new CustomEvent(kind, { detail: act }));
  }
}
