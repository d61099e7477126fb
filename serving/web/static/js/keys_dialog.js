/** The help: which key does what now, and changing it. What is changed holds at every place. */

import { request } from "./api.js";
import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { chordOf } from "./key_names.js";
import { makeKeySections } from "./key_rows.js";
import { KEY_GROUPS, KEY_TABLE } from "./key_table.js";
import { changeKeys, currentKeys } from "./review_keys.js";

const dialog = document.getElementById("help-dialog");
const sections = document.getElementById("key-sections");
const message = document.getElementById("key-message");
const reset = document.getElementById("key-reset");

let chosen = null; // the chip that waits for a key

function textOf(act) {
  return KEY_TABLE.find((row) => row.act === act).text;
}

function paint() {
  chosen = null;
  sections.replaceChildren(...makeKeySections(KEY_GROUPS, KEY_TABLE, currentKeys(), outbox !== null));
  const [row] = KEY_TABLE;
  reset.disabled = Object.keys(currentKeys().changed(row.act, currentKeys().codesOf(row.act))).length === 0;
}

function say(text, isProblem = false) {
  message.textContent = text;
  message.classList.toggle("is-problem", isProblem);
}

function choose(chip) {
  chosen?.classList.remove("is-waiting");
  chosen = chip;
  chip.classList.add("is-waiting");
  say(_("Press the new key for: {act}. Delete takes this key away, Esc leaves it.", {
    act: textOf(chip.dataset.keyAct),
  }));
}

async function store(changes, text) {
  try {
    await request("PUT", "/me/keys", { body: { keys: changes } });
  } catch (error) {
    say([error.message, error.remedy].filter(Boolean).join(" "), true);
    return;
  }
  changeKeys(changes);
  paint();
  say(text);
}

/** Put `chord` (null: no key) in the place of the chip that waits. */
async function setKey(chord) {
  const { keyAct: act, keyIndex } = chosen.dataset;
  const codes = [...currentKeys().codesOf(act)];
  if (chord) codes[Number(keyIndex)] = chord;
  else codes.splice(Number(keyIndex), 1);
  if (codes.length === 0) {
    say(_("Every act keeps at least one key."), true);
    return;
  }
  await store(currentKeys().changed(act, [...new Set(codes)]), _("Changed: {act}", { act: textOf(act) }));
  sections.querySelector(`[data-key-act="${act}"]`)?.focus();
}

function onKey(event) {
  if (!chosen || event.key === "Tab") return;
  const chord = chordOf(event);
  if (chord === null) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.code === "Escape") {
    say("");
    chosen.classList.remove("is-waiting");
    chosen = null;
    return;
  }
  if (event.code === "Delete" || event.code === "Backspace") {
    setKey(null);
    return;
  }
  const conflict = currentKeys().conflict(chosen.dataset.keyAct, chord);
  if (conflict?.code === "reserved") say(_("This key is needed by the page or the browser."), true);
  else if (conflict) say(_("This key is taken by: {act}", { act: textOf(conflict.act) }), true);
  else setKey(chord);
}

/** Show the help as it stands for this person. */
export function showKeys() {
  paint();
  say(outbox ? _("Press a key in the list to change it.") : "");
  dialog.showModal();
}

dialog.addEventListener("keydown", onKey);
dialog.addEventListener("cancel", (event) => {
  if (chosen) event.preventDefault(); // Esc leaves the key, not the help
});
sections.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-key-act]");
  if (chip) choose(chip);
});
reset.addEventListener("click", () => store({}, _("All keys are as delivered.")));
