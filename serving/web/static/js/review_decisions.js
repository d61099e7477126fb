/** Deciding: one key, one act, and on to the next. */

import { outbox } from "./base.js";
import { askDuplicateOf } from "./duplicate_dialog.js";
import { _ } from "./i18n.js";
import { changeRemaining } from "./review_remaining.js";
import { screen } from "./review_screen.js";
import { inOrder } from "./review_steps.js";
import { undoAct } from "./review_undo.js";
import { goNext, panels, queue } from "./review_walk.js";
import { showToast } from "./toast.js";

const DONE_TEXTS = {
  confirm: _("Confirmed"), reject: _("Rejected"), unsure: _("Marked unsure"),
  duplicate: _("Marked duplicate"),
};

/** Whether this person may act on what is shown; where not, it is said why. */
export function canAct() {
  if (screen.isFinished) return false;
  const { merged_into: mergedInto } = screen.candidate;
  if (mergedInto !== null) {
    showToast(_("This candidate was merged into #{id}; decide there.", { id: mergedInto }));
    return false;
  }
  if (outbox) return true;
  showToast(_("Your role may look, not decide."), { tone: "warn" });
  return false;
}

/** Decide what is shown and go on; the act travels by itself. */
export async function decide(verdict) {
  if (!canAct()) return;
  const decided = screen.candidate;
  let duplicateOf = null;
  if (verdict === "duplicate") {
    const chosen = await askDuplicateOf(decided);
    if (chosen === null) return;
    duplicateOf = chosen ? Number(chosen) : null;
  }
  const note = document.getElementById("note").value.trim();
  const candidateId = String(decided.id);
  const seenState = outbox.stateOf(candidateId, decided.state);
  const act = outbox.decide({ candidateId, verdict, seenState, note, duplicateOf });
  queue.markDecided(candidateId);
  panels.forget(candidateId);
  changeRemaining(seenState === screen.wantedState ? -1 : 0);
  showToast(`${DONE_TEXTS[verdict]}: ${decided.title}`, {
    action: { label: _("Undo"), run: () => inOrder(() => undoAct(act.id)) },
  });
  await goNext();
}
