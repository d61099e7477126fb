/** Which key does what for this person: the table with the person's own changes. Pure. */

/** Keys that no act may take: the browser, the dialogs and the help need them. */
const RESERVED = new Set(["Escape", "Tab", "Enter", "NumpadEnter", "Shift+Slash", "Shift+Tab"]);

export class KeyMap {
  #codesByAct = new Map();
  #actByCode = new Map();

  /** `table` has rows {act, codes}; `changes` is {act: codes} and goes before the table. */
  constructor(table, changes = {}) {
    this.table = table;
    const own = table.filter(({ act }) => changes[act]);
    const rest = table.filter(({ act }) => !changes[act]);
    // The person's choice stands; an act that came later with the same key yields.
    for (const { act } of own) this.#take(act, changes[act]);
    for (const { act, codes } of rest) this.#take(act, codes);
  }

  codesOf(act) {
    return this.#codesByAct.get(act) ?? [];
  }

  /** The act of a chord; Shift counts only where an act asks for it (Shift C is C). */
  actOf(chord) {
    return this.#actByCode.get(chord) ?? this.#actByCode.get(chord.replace("Shift+", "")) ?? null;
  }

  /** Why `act` cannot have the key `chord`: {code: "reserved"}, {code: "taken", act}, or null. */
  conflict(act, chord) {
    if (RESERVED.has(chord) || (chord.startsWith("Ctrl+") && chord !== "Ctrl+KeyZ")) {
      return { code: "reserved" };
    }
    const holder = this.#actByCode.get(chord);
    return holder && holder !== act ? { code: "taken", act: holder } : null;
  }

  /** What has to be stored so that `act` has `codes`: all acts that differ from the table. */
  changed(act, codes) {
    const changes = {};
    for (const row of this.table) {
      const own = row.act === act ? codes : this.codesOf(row.act);
      if (own.join() !== row.codes.join()) changes[row.act] = own;
    }
    return changes;
  }

  #take(act, codes) {
    const free = codes.filter((code) => !this.#actByCode.has(code));
    for (const code of free) this.#actByCode.set(code, act);
    this.#codesByAct.set(act, free);
  }
}
