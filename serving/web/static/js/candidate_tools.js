/** What a person does to a candidate beside deciding: correct, compare, look it up, ask. */

import { editBox } from "./box_editor.js";
import { BuildingCompare } from "./building_compare.js";
import { askClass } from "./class_dialog.js";
import { askSecondOpinion } from "./opinion_dialog.js";
import { PlaceCompare } from "./place_compare.js";
import { registerActs } from "./review_acts.js";
import { canAct } from "./review_decisions.js";
import { send } from "./review_delivery.js";
import { takeKeys } from "./review_keys.js";
import { screen } from "./review_screen.js";
import { inOrder } from "./review_steps.js";

const guide = document.getElementById("guide-dialog");
const compare = new PlaceCompare(document.getElementById("compare"), { screen, takeKeys });
const building = new BuildingCompare(document.getElementById("building-compare"), { screen, takeKeys });

/** Whether the person may correct what is on the screen; says why not. */
function canCorrect() {
  return canAct() && screen.sightings.current !== null;
}

function correctBox() {
  if (!canCorrect()) return;
  const { viewer, candidate, sightings } = screen;
  const bar = document.getElementById("edit-bar");
  // Not in order: the keys that end it must not wait for it.
  editBox({ viewer, candidate, sighting: sightings.current, bar, takeKeys })
    .then((act) => inOrder(() => send([act])));
}

async function correctClass() {
  if (canCorrect()) await send([await askClass(screen.candidate, screen.sightings.current)]);
}

async function askOther() {
  if (canAct()) await send([await askSecondOpinion(screen.candidate)]);
}

registerActs({
  editBox: () => inOrder(correctBox),
  changeClass: () => inOrder(correctClass),
  secondOpinion: () => inOrder(askOther),
  compare: () => {
    building.close();
    compare.toggle();
  },
  compareBuilding: () => {
    compare.close();
    building.toggle();
  },
  guide: () => (guide.open ? guide.close() : openGuide()),
});

/** Show the guide of the class that is on the screen, the others below it. */
function openGuide() {
  for (const part of guide.querySelectorAll("[data-class]")) {
    part.classList.toggle("is-current", part.dataset.class === screen.candidate.hazard_class);
  }
  guide.showModal();
  guide.querySelector(".is-current")?.scrollIntoView({ block: "start" });
}
