/** The review screen: one candidate, one look, one key. What the keys and buttons do. */

import { undoPathOf } from "./act_kinds.js";
import "./candidate_tools.js";
import "./building_ortho.js";
import "./claim_note.js";
import { runAct, registerActs } from "./review_acts.js";
import { decide } from "./review_decisions.js";
import { mergeOthers, splitOff } from "./review_grouping.js";
import { showKeys } from "./keys_dialog.js";
import "./permit_checks.js";
import { actForKey, paintKeyHints } from "./review_keys.js";
import "./review_remaining.js";
import { screen } from "./review_screen.js";
import { rejectSimilar } from "./review_similar.js";
import { inOrder } from "./review_steps.js";
import { undoAct, undoNamed } from "./review_undo.js";
import { goFollowing, goPrevious, prefetch, queue } from "./review_walk.js";

const { viewer, sightings } = screen;
const HISTORY_BUTTONS = [
  ["decision", "undo-decision", "undoDecision"],
  ["grouping", "undo-grouping", "undoGrouping"],
  ["correction", "undo-correction", "undoCorrection"],
  ["permit", "undo-permit", "undoPermit"],
].map(([kind, attribute, key]) => ({
  selector: `button[data-${attribute}]`,
  name: (dataset) => ({ kind, path: undoPathOf(kind, dataset[key]) }),
}));

registerActs({
  confirm: () => inOrder(() => decide("confirm")),
  reject: () => inOrder(() => decide("reject")),
  unsure: () => inOrder(() => decide("unsure")),
  duplicate: () => inOrder(() => decide("duplicate")),
  rejectSimilar: () => inOrder(rejectSimilar),
  merge: () => inOrder(mergeOthers),
  split: () => inOrder(splitOff),
  undo: () => inOrder(() => undoAct()),
  next: () => inOrder(goFollowing),
  previous: () => inOrder(goPrevious),
  nextSighting: () => sightings.step(+1),
  previousSighting: () => sightings.step(-1),
  toggleBox: () => {
    const shows = viewer.toggleBox();
    document.getElementById("toggle-box").setAttribute("aria-pressed", String(shows));
  },
  showBoxArea: () => viewer.showBoxArea(),
  showWhole: () => viewer.showWhole(),
  showNative: () => viewer.showNative(),
  zoomIn: () => viewer.zoomBy(1.5),
  zoomOut: () => viewer.zoomBy(1 / 1.5),
  note: () => document.getElementById("note").focus(),
  help: showKeys,
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "note") event.target.blur();
  const act = actForKey(event);
  if (act === null || (event.repeat && !act.startsWith("zoom"))) return;
  event.preventDefault();
  runAct(act);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) runAct(button.dataset.act);
  const undone = HISTORY_BUTTONS.find(({ selector }) => event.target.closest(selector));
  if (undone) {
    const named = event.target.closest(undone.selector);
    named.disabled = true;
    inOrder(() => undoNamed({ ...undone.name(named.dataset), verdict: named.dataset.verdict }));
  }
});
addEventListener("online", () => {
  if (document.getElementById("viewer").classList.contains("has-failed")) sightings.step(0);
});

screen.addEventListener("enter", () => paintKeyHints(screen.panel));
paintKeyHints();
screen.enter();
// The order of the queue is needed at the first "next", not before the first look.
queue.findFollowing().then(prefetch).catch(() => {});
