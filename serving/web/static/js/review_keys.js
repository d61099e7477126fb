/** From a key press to an act, by the person's own table; and the hints that name the keys. */

import { KeyMap } from "./key_map.js";
import { chordOf, nameOfChord } from "./key_names.js";
import { KEY_TABLE } from "./key_table.js";

const stored = JSON.parse(document.getElementById("own-keys")?.textContent || "{}");
let keys = new KeyMap(KEY_TABLE, stored);
const takers = [];

/** The table as it stands for this person. */
export function currentKeys() {
  return keys;
}

/** Go on with other keys: {act: codes} of the acts that differ from the table. */
export function changeKeys(changes) {
  keys = new KeyMap(KEY_TABLE, changes);
  paintKeyHints();
}

/**
 * While something such as the editing of a box goes on, its keys go first: `take(event)` returns
 * whether it used the key. Returns a function that ends it.
 */
export function takeKeys(take) {
  takers.push(take);
  return () => takers.splice(takers.indexOf(take), 1);
}

/** Name the keys on buttons: `kbd[data-key-of]`, and the titles of `data-act` buttons. */
export function paintKeyHints(root = document) {
  for (const element of root.querySelectorAll("[data-key-of]")) {
    const [first] = keys.codesOf(element.dataset.keyOf);
    element.textContent = first ? nameOfChord(first) : "";
    element.hidden = !first;
  }
  for (const button of root.querySelectorAll("[data-act][title]")) {
    button.dataset.plainTitle ??= button.title;
    const names = keys.codesOf(button.dataset.act).map(nameOfChord);
    button.title = button.dataset.plainTitle + (names.length ? ` (${names[0]})` : "");
  }
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, dialog, [contenteditable]") !== null;
}

/** The act that a key press asks for, or null. */
export function actForKey(event) {
  if (isTyping(event.target) || event.altKey) return null;
  if (takers.findLast((take) => take(event))) return null;
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return "help";
  const chord = chordOf(event);
  return chord && keys.actOf(chord);
}
