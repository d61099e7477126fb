/** Merging and splitting on the review screen. */

import { outbox } from "./base.js";
import { mergeRequest, splitRequest } from "./grouping_acts.js";
import { askMergeWith, askSplitOff } from "./grouping_dialog.js";
import { _ } from "./i18n.js";
import { canAct } from "./review_decisions.js";
import { deliver } from "./review_delivery.js";
import { readRemaining } from "./review_remaining.js";
import { screen } from "./review_screen.js";
import { inOrder } from "./review_steps.js";
import { undoAct } from "./review_undo.js";
import { goNext, goTo, panels, queue } from "./review_walk.js";
import { showToast } from "./toast.js";

export async function mergeOthers() {
  if (!canAct()) return;
  const { candidate } = screen;
  const others = await askMergeWith(candidate);
  if (others === null) return;
  const state = outbox.stateOf(String(candidate.id), candidate.state);
  const act = outbox.add({ ...mergeRequest(candidate, state, others), label: _("Merge") });
  const done = await deliver(act);
  if (done === null) {
    for (const id of act.candidateIds) queue.markDecided(id); // merged away, as far as we know
    await goNext();
    return;
  }
  const gone = done.answer.candidate_ids.filter((id) => id !== done.answer.candidate_id);
  for (const id of gone) queue.markDecided(String(id));
  await showGrouped(done, _("Merged: {count} candidates are now one", { count: gone.length + 1 }));
}

export async function splitOff() {
  if (!canAct()) return;
  const { candidate } = screen;
  if (candidate.sightings.length < 2) {
    showToast(_("There is only one photo; nothing can be split off."));
    return;
  }
  const detectionIds = await askSplitOff(candidate);
  if (detectionIds === null) return;
  const state = outbox.stateOf(String(candidate.id), candidate.state);
  const act = outbox.add({ ...splitRequest(candidate, state, detectionIds), label: _("Split off") });
  const done = await deliver(act);
  if (done === null) return;
  for (const id of done.answer.candidate_ids) {
    if (id !== done.answer.candidate_id) queue.insertNext(String(id));
  }
  await showGrouped(done, _("Split off: {count} photos", { count: detectionIds.length }));
}

/** Show what has become of the candidates of an act, with a way back. */
async function showGrouped(act, text) {
  const shown = act.answer.candidate_id;
  panels.clear();
  readRemaining().catch(() => {});
  showToast(text, {
    lastsMs: 10_000,
    action: { label: _("Take back"), run: () => inOrder(() => undoAct(act.id)) },
  });
  await goTo(String(shown), { remember: shown !== screen.candidate.id });
}
