/** The order in which the reviewer walks: candidates of one filter, decided ones stepped over. */

import { request } from "./api.js";

const PAGE = 100;

export class CandidateQueue {
  #ids = [];
  #index = -1;
  #cursor = null;
  #isComplete = false;
  #decided = new Set();

  /** `filter` is a query string such as "state=pending&flight_id=…"; `currentId` stands first. */
  constructor(filter, currentId) {
    this.filter = filter;
    this.#ids = [currentId];
    this.#index = 0;
  }

  get currentId() {
    return this.#ids[this.#index];
  }

  markDecided(candidateId) {
    this.#decided.add(candidateId);
  }

  markOpen(candidateId) {
    this.#decided.delete(candidateId);
  }

  /** The next undecided candidate after the current one (then any before it), or null. */
  async findNext() {
    for (;;) {
      const found = this.#peek(1)[0];
      if (found) return found;
      if (this.#isComplete) break;
      await this.#loadMore();
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

  #peek(count) {
    return this.#ids.slice(this.#index + 1).filter((id) => !this.#decided.has(id)).slice(0, count);
  }

  async #loadMore() {
    const cursor = this.#cursor ? `&cursor=${encodeURIComponent(this.#cursor)}` : "";
    const page = await request("GET", `/candidates?${this.filter}&limit=${PAGE}${cursor}`);
    const known = new Set(this.#ids);
    this.#ids.push(...page.items.map((item) => String(item.id)).filter((id) => !known.has(id)));
    this.#cursor = page.next_cursor;
    this.#isComplete = !page.next_cursor;
  }
}
