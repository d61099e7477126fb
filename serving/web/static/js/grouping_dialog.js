/** Which candidates show the same thing as this one, and which of its photos show another. */

import { findOthers, makeOption } from "./duplicate_dialog.js";
import { formatScore } from "./format.js";
import { _ } from "./i18n.js";

const mergeDialog = document.getElementById("merge-dialog");
const splitDialog = document.getElementById("split-dialog");

/** Turn a button into one of several that may be chosen. */
function makeToggle(button) {
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const isChosen = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!isChosen));
  });
  return button;
}

function makePhotoOption(candidate, sighting, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "duplicate-option";
  const key = document.createElement("kbd");
  key.textContent = String(index + 1);
  const image = document.createElement("img");
  image.src = `/api/v1/candidates/${candidate.id}/sightings/${sighting.detection_id}/crop.jpg`;
  image.alt = "";
  const text = document.createElement("span");
  text.textContent = `${sighting.class_name} ${formatScore(sighting.score)} · ${sighting.photo.name}`;
  button.append(key, image, text);
  return button;
}

/**
 * Show what `loading` resolves to, options of {button, value}, in a dialog; number keys choose the
 * first nine. Resolves to the chosen values, or null for no. The dialog is open before the options
 * are there: the page would take an early number key for a decision.
 */
function choose(dialog, loading, { mayTakeAll = true } = {}) {
  let options = [];
  const list = dialog.querySelector(".duplicate-options");
  const confirm = dialog.querySelector("button[value=confirm]");
  const chosen = () => options.filter(({ button }) => button.getAttribute("aria-pressed") === "true");
  const check = () => {
    const count = chosen().length;
    confirm.disabled = count === 0 || (!mayTakeAll && count === options.length);
  };
  const fill = (found) => {
    options = found;
    list.replaceChildren(...options.map(({ button }) => makeToggle(button)));
    const empty = dialog.querySelector(".dialog-empty");
    if (empty) empty.hidden = options.length > 0;
    check();
  };
  list.replaceChildren();
  check();
  return new Promise((resolve, reject) => {
    const onKey = (event) => {
      const option = options[Number(event.key) - 1];
      if (!option) return;
      // The page must not take the same key for a decision.
      event.preventDefault();
      event.stopPropagation();
      option.button.click();
      if (!confirm.disabled) confirm.focus(); // so that Enter does what was chosen
    };
    dialog.returnValue = "cancel";
    dialog.addEventListener("keydown", onKey);
    dialog.addEventListener("click", check);
    dialog.addEventListener("close", () => {
      dialog.removeEventListener("keydown", onKey);
      dialog.removeEventListener("click", check);
      resolve(dialog.returnValue === "confirm" ? chosen().map(({ value }) => value) : null);
    }, { once: true });
    dialog.showModal();
    Promise.resolve(loading).then(fill).catch((error) => {
      dialog.close("cancel");
      reject(error);
    });
  });
}

/** Ask which others show the same thing; resolves to items of the interface, or null. */
export function askMergeWith(candidate) {
  const isKin = (other) => candidate.kin_classes.includes(other.hazard_class);
  const loading = findOthers(candidate, isKin).then((others) => others.map(
    (each, index) => ({ button: makeOption(each, index), value: each.other })));
  return choose(mergeDialog, loading);
}

/** Ask which photos show another thing; resolves to numbers of detections, or null. */
export function askSplitOff(candidate) {
  const options = candidate.sightings.map((sighting, index) => (
    { button: makePhotoOption(candidate, sighting, index), value: sighting.detection_id }));
  document.getElementById("split-title").textContent = _("Which photos of {title} show another thing?", {
    title: candidate.title,
  });
  return choose(splitDialog, options, { mayTakeAll: false });
}
