/** Two flights of one place: choose a photo of this one, see what the other shows there. */

import { listAll, request } from "./api.js";
import { _ } from "./i18n.js";
import { PhotoPair } from "./photo_pair.js";
import { showToast } from "./toast.js";

const shell = document.getElementById("flight-compare");
const strip = document.getElementById("compare-strip");
const note = document.getElementById("compare-note");
const { flightId, otherId, name, otherName } = shell.dataset;
const pair = new PhotoPair(shell.querySelector(".pair"));
const photos = []; // those taken where the other flight was too
const [nearest, ...rest] = JSON.parse(document.getElementById("near-photos").textContent);
const near = new Set([nearest, ...rest]);
let index = 0;
let latest = 0;

function makeButton(photo, number) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sighting";
  button.dataset.index = number;
  button.title = photo.name;
  button.setAttribute("aria-label", _("Photo {name}", { name: photo.name }));
  const image = document.createElement("img");
  image.src = `${photo.thumbnail_url}?size=128`;
  image.alt = "";
  image.loading = "lazy";
  const label = document.createElement("span");
  label.textContent = String(number + 1);
  button.append(image, label);
  return button;
}

function label(photo, flightName) {
  return [photo.captured_at?.slice(0, 10), flightName, photo.name.split("/").at(-1)].filter(Boolean).join(" · ");
}

async function show(number) {
  index = (number + photos.length) % photos.length;
  latest += 1;
  const asked = latest;
  for (const button of strip.children) {
    const isCurrent = Number(button.dataset.index) === index;
    button.setAttribute("aria-pressed", String(isCurrent));
    if (isCurrent) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  document.getElementById("compare-count").textContent = `${index + 1}/${photos.length}`;
  const found = await request("GET", `/photos/${photos[index].id}/counterpart?flight_id=${otherId}`);
  if (asked !== latest) return; // the person went on meanwhile
  shell.querySelector(".pair-label-now").textContent = label(found.photo, name);
  shell.querySelector(".pair-label-old").textContent = found.other ? label(found.other, otherName) : "";
  note.hidden = found.other !== null;
  note.textContent = found.shown === null
    ? _("Where this photo looks is not known, so nothing can be laid over it.")
    : _("The other flight does not show what is in the middle of this photo.");
  shell.querySelector(".pair").hidden = found.other === null;
  if (found.other === null) pair.close();
  else {
    await pair.open(
      { photo: found.other, shown: found.other_shown }, { photo: found.photo, shown: found.shown },
      { whole: true });
  }
}

function go(number) {
  show(number).catch((error) => showToast(error.message, { tone: "danger" }));
}

function setMode(mode) {
  pair.mode = mode;
  for (const button of shell.querySelectorAll("[value=swipe], [value=side]")) {
    button.setAttribute("aria-pressed", String(button.value === mode));
  }
}

shell.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.index) go(Number(button.dataset.index));
  else if (button.value === "previous") go(index - 1);
  else if (button.value === "next") go(index + 1);
  else setMode(button.value);
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("select, input") || photos.length === 0) return;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const arrow = arrows[event.code];
  if (arrow && event.shiftKey) pair.nudge(...arrow);
  else if (arrow && arrow[0]) pair.moveDivider(arrow[0] * 0.04);
  else if (event.code === "BracketLeft") go(index - 1);
  else if (event.code === "BracketRight") go(index + 1);
  else return;
  event.preventDefault();
});

for await (const photo of listAll(`/flights/${flightId}/photos?limit=200`)) {
  if (near.has(photo.id)) photos.push(photo);
}
strip.append(...photos.map(makeButton));
if (photos.length > 0) go(photos.findIndex((photo) => photo.id === nearest));
