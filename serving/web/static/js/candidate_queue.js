/** The order in which the reviewer walks: candidates of one filter, decided ones stepped over. */

import { request } from "./api.js";
import { ClaimKeeper } from "./claims.js";

const PAGE = 100;
const AHEAD = 5;
const MOST_AT_ONCE = 20;
const NUMBERS = new Set(["flight_id", "min_score", "max_score"]);
const SWITCHES = new Set(["ambiguous", "mine"]);

/**
 * Emits `filled` when candidates came that were not known before. With `claims` they are held for
 * this person, so that nobody else is offered them; `claims` is null for those who only look.
 */
export class CandidateQueue extends EventTarget {
  claims = null;
  #ids = [];
  #index = -1;
  #cursor = null;
  #isComplete = false;
  #decided = new Set();
  #filling = null;

  /** `filter` is a query string such as "state=pending&flight_id=…"; `currentId` stands first. */
  constructor(filter, currentId, { claims = false } = {}) {
    super();
    this.filter = filter;
    this.#ids = [currentId];
    this.#index = 0;
    const state = new URLSearchParams(filter).get("state") || "pending";
    if (claims && state === "pending") this.#holdWhatComes();
  }

  get currentId() {
    return this.#ids[this.#index];
  }

  markDecided(candidateId) {
    this.#decided.add(candidateId);
    this.claims?.forget(candidateId);
  }

  markOpen(candidateId) {
    this.#decided.delete(candidateId);
  }

  /** The next undecided candidate after the current one (then any before it), or null. */
  async findNext() {
    for (;;) {
      const found = this.#peek(1)[0];
      if (found) {
        this.fill();
        return found;
      }
      if (this.#isComplete || !(await this.#loadMore())) break;
    }
    return this.#ids.find((id) => id !== this.currentId && !this.#decided.has(id)) ?? null;
  }

  /** The candidate before the current one in walking order, decided or not, or null. */
  findPrevious() {
    return this.#ids[this.#index - 1] ?? null;
  }

  /** The next candidate in walking order whether decided or not, or null. */
  async findFollowing() {
    if (this.#index + 1 >= this.#ids.length && !this.#isComplete) await this.#loadMore();
    return this.#ids[this.#index + 1] ?? null;
  }

  /** The next `count` undecided candidates that are already known. */
  peekAhead(count) {
    return this.#peek(count);
  }

  goTo(candidateId) {
    const index = this.#ids.indexOf(candidateId);
    if (index >= 0) {
      this.#index = index;
      return;
    }
    this.#ids.splice(this.#index + 1, 0, candidateId);
    this.#index += 1;
  }

  /** A candidate that was not there before comes next. */
  insertNext(candidateId) {
    if (!this.#ids.includes(candidateId)) this.#ids.splice(this.#index + 1, 0, candidateId);
    this.#decided.delete(candidateId);
  }

  /** Get more while the person looks, where fewer than five are known; never throws. */
  async fill() {
    if (this.#isComplete || this.#peek(AHEAD).length >= AHEAD) return;
    await this.#loadMore().catch(() => {});
  }

  #peek(count) {
    return this.#ids.slice(this.#index + 1).filter((id) => !this.#decided.has(id)).slice(0, count);
  }

  /** What the person went past without deciding: others may have it. */
  #passed() {
    return this.#ids.slice(0, this.#index).filter((id) => !this.#decided.has(id)).slice(-500).map(Number);
  }

  /** Whether candidates came that were not known; asked twice at once, it is done once. */
  #loadMore() {
    this.#filling ??= (this.claims ? this.#takeMore() : this.#readMore())
      .finally(() => { this.#filling = null; });
    return this.#filling;
  }

  async #readMore() {
    const cursor = this.#cursor ? `&cursor=${encodeURIComponent(this.#cursor)}` : "";
    const page = await request("GET", `/candidates?${this.filter}&limit=${PAGE}${cursor}`);
    this.#cursor = page.next_cursor;
    this.#isComplete = !page.next_cursor;
    this.#add(page.items);
    return true;
  }

  /** Claim the next ones. What was decided a moment ago may come again: then more are asked for. */
  async #takeMore() {
    let count = 1 + AHEAD;
    for (;;) {
      const body = { ...bodyFromFilter(this.filter), count, passed: this.#passed() };
      const answer = await request("POST", "/queue/next", { body });
      this.claims.beatEvery(answer.heartbeat_s);
      this.claims.note(answer.items.map((item) => String(item.id)).filter((id) => !this.#decided.has(id)));
      if (this.#add(answer.items)) return true;
      const isFull = answer.items.length === count;
      if (!isFull || count === MOST_AT_ONCE) return false;
      count = Math.min(MOST_AT_ONCE, count * 2);
    }
  }

  #add(items) {
    const known = new Set(this.#ids);
    const fresh = items.map((item) => String(item.id)).filter((id) => !known.has(id));
    this.#ids.push(...fresh);
    if (fresh.length > 0) this.dispatchEvent(new Event("filled"));
    return fresh.length > 0;
  }

  #holdWhatComes() {
    this.claims = new ClaimKeeper();
    this.claims.addEventListener("lost", ({ detail }) => {
      const at = this.#ids.indexOf(detail.candidateId);
      if (at > this.#index) this.#ids.splice(at, 1); // not seen yet: it never was there
    });
  }
}

/** The filter of the address as the API wants it in a body. */
function bodyFromFilter(filter) {
  const body = {};
  for (const [name, value] of new URLSearchParams(filter)) {
    if (name === "state" || value === "") continue;
    body[name] = NUMBERS.has(name) ? Number(value) : SWITCHES.has(name) ? value === "true" : value;
  }
  return body;
}
