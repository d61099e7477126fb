/**
 * Look at chosen files before a byte is sent. Every item gets `facts`, `codes` (what was found)
 * and `isChecked`; what is useless is left out (`isLeftOut`) until the person says otherwise.
 */

import { checkInside, checkOutside, USELESS } from "./file_checks.js";
import { hashFile } from "./file_workers.js";
import { readFacts } from "./photo_facts.js";
import { findDoubles, findStrays, findUnpaired, groupBySize } from "./selection_checks.js";

const AT_ONCE = 8;

async function checkOne(item, limits) {
  item.outside = checkOutside(item, limits);
  const isWorthReading = item.outside === null && (item.kind === "photo" || item.kind === "archive");
  if (!isWorthReading) return;
  try {
    item.facts = await readFacts(item.file);
  } catch {
    item.outside = "unreadable_file";
  }
}

/** Emits `change` (detail: the item) and `settled` when all files have been looked at. */
export class Precheck extends EventTarget {
  items = [];
  flightKind = "drone";
  done = 0;
  #limits;
  #open = [];
  #running = 0;
  #isSettled = true;
  #turn = 0;

  /** `limits` = {photo, archive}: the largest file that the server takes, in bytes. */
  constructor(limits) {
    super();
    this.#limits = limits;
  }

  /** Whether anything is still to be found out; until then nothing may be called in order. */
  get isBusy() {
    return !this.#isSettled;
  }

  /** Look at these items, too. */
  add(items) {
    if (items.length === 0) return;
    this.items.push(...items);
    this.#open.push(...items);
    this.#isSettled = false;
    this.#fill();
  }

  /** Judge everything anew, for a flight of another kind. Nothing is read again. */
  judge(flightKind) {
    this.flightKind = flightKind;
    const strays = findStrays(this.items, flightKind);
    const unpaired = findUnpaired(this.items);
    const doubles = findDoubles(groupBySize(this.items));
    for (const item of this.items) {
      const own = item.outside ? [item.outside] : item.facts ? checkInside(item, item.facts, flightKind) : [];
      const shared = [doubles.has(item) ? "duplicate_photo" : null, unpaired.get(item), strays.get(item)];
      item.codes = [...own, ...shared.filter(Boolean)];
      item.isLeftOut = item.choice ? item.choice === "leave" : item.codes.some((code) => USELESS.has(code));
    }
  }

  get #isRead() {
    return this.#running === 0 && this.#open.length === 0;
  }

  #fill() {
    while (this.#running < AT_ONCE && this.#open.length > 0) {
      this.#running += 1;
      const item = this.#open.shift();
      checkOne(item, this.#limits).then(() => {
        this.#running -= 1;
        this.done += 1;
        this.dispatchEvent(new CustomEvent("change", { detail: item }));
        if (this.#isRead) this.#settle();
        else this.#fill();
      });
    }
  }

  async #settle() {
    this.#turn += 1;
    const turn = this.#turn;
    await this.#hashTwins();
    if (!this.#isRead || turn !== this.#turn) return; // more files came meanwhile; they settle later
    this.judge(this.flightKind);
    for (const item of this.items) item.isChecked = true;
    this.#isSettled = true;
    this.dispatchEvent(new CustomEvent("settled"));
  }

  /** Files of one size may be one file; only those are read whole. */
  async #hashTwins() {
    const twins = groupBySize(this.items).flat().filter((item) => item.sha256 === null);
    await Promise.all(twins.map(async (item) => {
      try {
        item.sha256 = await hashFile(item.file);
      } catch {
        item.outside = "unreadable_file";
      }
    }));
  }
}
