/** The rows of the table of keys: an act, its keys as buttons, one more key. */

import { _ } from "./i18n.js";
import { nameOfChord } from "./key_names.js";

const MAX_KEYS = 4;

function makeButton(className, text, label, data) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.textContent = text;
  button.setAttribute("aria-label", label);
  Object.assign(button.dataset, data);
  return button;
}

function makeChips(act, text, codes, mayChange) {
  if (!mayChange) {
    return codes.map((code) => Object.assign(document.createElement("kbd"), { textContent: nameOfChord(code) }));
  }
  const chips = codes.map((code, index) => makeButton(
    "key-chip", nameOfChord(code),
    _("{key}, key of: {act}. Press to change it", { key: nameOfChord(code), act: text }),
    { keyAct: act, keyIndex: index }));
  if (codes.length < MAX_KEYS) {
    chips.push(makeButton(
      "key-chip key-more", "+", _("Another key for: {act}", { act: text }),
      { keyAct: act, keyIndex: codes.length }));
  }
  return chips;
}

function makeRow(row, keys, mayChange) {
  const line = document.createElement("div");
  const name = document.createElement("dd");
  name.textContent = row.text;
  const codes = document.createElement("dt");
  codes.append(...makeChips(row.act, row.text, keys.codesOf(row.act), mayChange));
  line.append(codes, name);
  return line;
}

/** Sections of {act, group, text} rows with the keys that `keys` gives them. */
export function makeKeySections(groups, table, keys, mayChange) {
  return groups.map(([group, title]) => {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = title;
    const list = document.createElement("dl");
    list.className = "keys";
    list.append(...table.filter((row) => row.group === group).map((row) => makeRow(row, keys, mayChange)));
    section.append(heading, list);
    return section;
  });
}
