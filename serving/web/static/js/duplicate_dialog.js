/** Which candidate or hazard the current one repeats: the nearest of the flight, on number keys. */

import { request } from "./api.js";
import { _ } from "./i18n.js";

const SHOWN = 9;
const STATES = ["confirmed", "pending", "unsure"];

const dialog = document.getElementById("duplicate-dialog");
const list = document.getElementById("duplicate-options");
const classNames = JSON.parse(document.getElementById("class-names")?.textContent || "{}");

/** Ground distance in metres between two placed things, Infinity where one has no place. */
function distanceM(a, b) {
  if (a.lon === null || b.lon === null) return Infinity;
  const metresPerDegree = 111_320;
  const east = (a.lon - b.lon) * metresPerDegree * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(east, (a.lat - b.lat) * metresPerDegree);
}

/** The nearest other candidates of the flight that `isWanted` lets through, with their distance. */
export async function findOthers(candidate, isWanted = () => true) {
  const query = (state) => request(
    "GET", `/candidates?state=${state}&flight_id=${candidate.flight_id}&limit=100`);
  const pages = await Promise.all(STATES.map(query));
  return pages.flatMap((page) => page.items)
    .filter((other) => other.id !== candidate.id && isWanted(other))
    .map((other) => ({ other, apart: distanceM(candidate, other) }))
    .sort((a, b) => a.apart - b.apart)
    .slice(0, SHOWN);
}

/** A button that shows another candidate with its distance and its number key. */
export function makeOption({ other, apart }, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "duplicate-option";
  button.dataset.candidateId = other.id;
  const key = document.createElement("kbd");
  key.textContent = String(index + 1);
  const image = document.createElement("img");
  image.src = `/api/v1/candidates/${other.id}/crop.jpg`;
  image.alt = "";
  const text = document.createElement("span");
  const place = Number.isFinite(apart) ? _("{metres} m away", { metres: apart.toFixed(1) }) : _("no position");
  text.textContent = `${classNames[other.hazard_class] ?? other.hazard_class} · ${place}`;
  button.append(key, image, text);
  return button;
}

/** Ask; resolves to an id, to "" for "a duplicate, of what is not named", or null for no. */
export async function askDuplicateOf(candidate) {
  list.replaceChildren();
  const options = await findOthers(candidate);
  list.append(...options.map(makeOption));
  document.getElementById("duplicate-empty").hidden = options.length > 0;
  return new Promise((resolve) => {
    const onKey = (event) => {
      const option = options[Number(event.key) - 1];
      if (!option) return;
      // The page must not take the same key for a decision on the next candidate.
      event.preventDefault();
      event.stopPropagation();
      dialog.close(String(option.other.id));
    };
    const onClick = (event) => {
      const button = event.target.closest("[data-candidate-id]");
      if (button) dialog.close(button.dataset.candidateId);
    };
    dialog.returnValue = "cancel";
    dialog.addEventListener("keydown", onKey);
    list.addEventListener("click", onClick);
    dialog.addEventListener("close", () => {
      dialog.removeEventListener("keydown", onKey);
      list.removeEventListener("click", onClick);
      const value = dialog.returnValue;
      resolve(value === "cancel" || value === "" ? null : value === "unnamed" ? "" : value);
    }, { once: true });
    dialog.showModal();
  });
}
