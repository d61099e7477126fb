/** What a person does to a candidate beside deciding: correct, compare, look it up, ask. */

import { outbox } from "./base.js";
import { editBox } from "./box_editor.js";
import { askClass } from "./class_dialog.js";
import { askSecondOpinion } from "./opinion_dialog.js";
import { PlaceCompare } from "./place_compare.js";
import { registerActs } from "./review_acts.js";
import { canAct } from "./review_decisions.js";
import { deliver } from "./review_delivery.js";
import { takeKeys } from "./review_keys.js";
import { screen } from "./review_screen.js";
import { inOrder } from "./review_steps.js";
import { goTo, panels } from "./review_walk.js";
import { showToast } from "./toast.js";

const guide = document.getElementById("guide-dialog");
const compare = new PlaceCompare(document.getElementById("compare"), { screen, takeKeys });

/** Send an act of this candidate, then show the candidate as the server has it now. */
async function send(act) {
  if (act === null) return;
  const done = await deliver(outbox.add(act));
  if (done !== null) showToast(act.label);
  const candidateId = act.candidateIds[0];
  panels.forget(candidateId);
  // Who decided meanwhile looks at another one already.
  if (String(screen.candidate.id) === candidateId) await goTo(candidateId, { remember: false });
}

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
    .then((act) => inOrder(() => send(act)));
}

async function correctClass() {
  if (canCorrect()) await send(await askClass(screen.candidate, screen.sightings.current));
}

async function askOther() {
  if (canAct()) await send(await askSecondOpinion(screen.candidate));
}

registerActs({
  editBox: () => inOrder(correctBox),
  changeClass: () => inOrder(correctClass),
  secondOpinion: () => inOrder(askOther),
  compare: () => compare.toggle(),
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
