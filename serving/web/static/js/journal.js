/**
 * What a person did, written down in the browser until the server has it. Each act is an item of
 * its own in the storage, so that two tabs never overwrite each other's.
 */

const KEPT_SETTLED = 50; // so that an act which another tab has just sent can still be named

/** A storage for a browser that has none: the acts live as long as the page. */
class PageStorage {
  #items = new Map();
  getItem(key) { return this.#items.get(key) ?? null; }
  setItem(key, value) { this.#items.set(key, value); }
  removeItem(key) { this.#items.delete(key); }
  keys() { return [...this.#items.keys()]; }
}

/** The acts of one person, in the order they were done. Another person's are never read. */
export class Journal {
  #page = new PageStorage();
  #parsed = new Map(); // key -> {text, act}: parsing each act at each look would take too long

  constructor(userId, storage) {
    this.prefix = `hazardlens-act:${userId}:`;
    this.storage = storage;
  }

  /** Whether some acts could not be written down: they are lost when the page is closed. */
  get isFragile() {
    return this.#page.keys().length > 0;
  }

  /** All acts, oldest first. */
  list() {
    const keys = new Set([...Object.keys(this.storage), ...this.#page.keys()]);
    const acts = [...keys].filter((key) => key.startsWith(this.prefix))
      .map((key) => this.#read(key)).filter(Boolean);
    return acts.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  }

  get(id) {
    return this.#read(this.prefix + id);
  }

  /** Write down an act that is new: it stands after all others. */
  add(act) {
    const last = this.list().at(-1)?.order ?? 0;
    return this.put({ ...act, order: Math.max(Date.now(), last + 1) });
  }

  /** Write down what has become of an act. */
  put(act) {
    const key = this.prefix + act.id;
    const text = JSON.stringify(act);
    if (this.#store(key, text) || (this.#prune(0) && this.#store(key, text))) {
      this.#page.removeItem(key);
    } else {
      this.#page.setItem(key, text); // the storage is full, or the browser has none
    }
    return act;
  }

  /** Change an act, if it is still there; returns it. */
  edit(id, change) {
    const act = this.get(id);
    if (!act) return null;
    change(act);
    return this.put(act);
  }

  remove(id) {
    this.#page.removeItem(this.prefix + id);
    this.storage.removeItem(this.prefix + id);
  }

  /** Forget all but the last settled acts; the server has them. */
  tidy() {
    this.#prune(KEPT_SETTLED);
  }

  #prune(kept) {
    const settled = this.list().filter(({ state }) => state !== "waiting" && state !== "refused");
    const surplus = settled.slice(0, Math.max(0, settled.length - kept));
    for (const { id } of surplus) this.remove(id);
    return surplus.length > 0;
  }

  #store(key, text) {
    try {
      this.storage.setItem(key, text);
      return true;
    } catch {
      return false;
    }
  }

  /** A copy of the act under `key`, or null; what cannot be read is not ours. */
  #read(key) {
    const text = this.#page.getItem(key) ?? this.storage.getItem(key);
    if (text === null) return null;
    try {
      if (this.#parsed.get(key)?.text !== text) this.#parsed.set(key, { text, act: JSON.parse(text) });
      return structuredClone(this.#parsed.get(key).act);
    } catch {
      return null;
    }
  }
}
